"""A whole city: Parquet in, Parquet out, in memory that does not grow with the city.

`score_parquet` takes records sorted by subject (one file or several that follow each other) and works through
them in units of some row groups; a subject whose records reach over the end of a unit is handed to the next.
`score_unsorted` takes them in any order and brings subjects together itself, on disk. `sort_records` writes
files in order, for those who score them more than once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import local

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow.parquet as pq

from scoring.columns import DTYPES, RecordColumns
from scoring.compiled import CompiledPolicy
from scoring.engine import BatchResult, NotSorted, score_batch
from scoring.kernel import compiled_walk
from scoring.model.component import Component, Effect
from scoring.model.frame import measured
from scoring.partitions import Partition, partitioned
from scoring.policy import Policy
from scoring.tables import RoomForRecords, RowGroup, row_groups

Int64 = npt.NDArray[np.int64]

ROWS_PER_UNIT = 240_000
_BEFORE_ALL, _AFTER_ALL = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Summary:
    """What a batch did: subjects scored, records read, subjects in each grade of the policy."""

    subjects: int
    records: int
    grades: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelPart:
    """A model component that the batch reads beside the policy's points, and how far it may move a score."""

    component: Component
    effect: Effect

    def totals(self, policy: Policy, values: Int64) -> Int64:
        """(subjects,) whole hundredths, from the policy's measured values."""
        read = np.column_stack([measured(policy, values, name) for name in self.component.names])
        return self.component.total_points(read.astype(np.float64), self.effect)


@dataclass(frozen=True, slots=True)
class _Piece:
    """All records of the subjects with first < subject <= last."""

    first: int
    last: int
    columns: RecordColumns


Unit = Callable[[RoomForRecords], list[_Piece]]
"""Reads the pieces of a unit, in ascending order of subject. They are used before the room is used again."""


def score_parquet(
    compiled: CompiledPolicy,
    sources: Sequence[Path],
    as_of_day: int,
    output: Path,
    *,
    subjects: Int64 | None = None,
    workers: int = 2,
    rows_per_unit: int = ROWS_PER_UNIT,
    with_values: bool = False,
    model: ModelPart | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Score the records of Parquet files and write one result file per unit into the folder `output`.

    sources       files in the layout of `scoring.tables`, together sorted by subject
    subjects      ascending numbers of everyone to be scored, also those without records; None: whoever has one
    workers       threads; the kernel and Parquet's readers release the interpreter's lock
    with_values   write the measured values too (the indicator matrix that simulation reads)
    model         its total is stored beside the score (column `model`, hundredths); it is taken apart when asked
    progress      called with units done and units in all

    A result file has subject, total, clamp, grade (index, best first), listed and one column of points per
    indicator (`value_…` for the values). Memory is that of `workers` + 1 units. Raises NotSorted.
    """
    return _score(
        compiled, _units(sources, rows_per_unit, compiled), as_of_day, output,
        subjects=subjects, workers=workers, with_values=with_values, model=model, progress=progress,
    )  # fmt: skip


def score_unsorted(
    compiled: CompiledPolicy,
    sources: Sequence[Path],
    as_of_day: int,
    output: Path,
    *,
    scratch: Path | None = None,
    subjects: Int64 | None = None,
    workers: int = 2,
    rows_per_unit: int = ROWS_PER_UNIT,
    with_values: bool = False,
    model: ModelPart | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """As `score_parquet`, for records in any order; the results are the same.

    scratch       folder for a nameless file of 52 bytes a record; None: the output's

    Each unit is a range of subjects, cut from a sample of the subject column.
    """

    def unit(partition: Partition) -> Unit:
        return lambda room: [_Piece(partition.first, partition.last, partition.read(room))]

    with partitioned(
        compiled, sources, rows_each=rows_per_unit, workers=workers, scratch=scratch or output,
        lowest=_BEFORE_ALL, highest=_AFTER_ALL,
    ) as partitions:  # fmt: skip
        return _score(
            compiled, [unit(partition) for partition in partitions], as_of_day, output,
            subjects=subjects, workers=workers, with_values=with_values, model=model, progress=progress,
        )  # fmt: skip


def _score(
    compiled: CompiledPolicy,
    units: Sequence[Unit],
    as_of_day: int,
    output: Path,
    *,
    subjects: Int64 | None,
    workers: int,
    with_values: bool,
    model: ModelPart | None,
    progress: Callable[[int, int], None] | None,
) -> Summary:
    output.mkdir(parents=True, exist_ok=True)
    compiled_walk()
    compiled.tables(as_of_day)
    rooms = local()

    def work(number: int) -> Summary:
        pieces = units[number](rooms.__dict__.setdefault("room", RoomForRecords()))
        results = [score_batch(compiled, piece.columns, as_of_day, _asked(piece, subjects)) for piece in pieces]
        frames, grades = [], np.zeros(len(compiled.policy.grades), np.int64)
        for result in results:
            beside = {} if model is None else {"model": model.totals(compiled.policy, result.values)}
            frames.append(_frame(compiled, result, with_values, beside))
            grades += np.bincount(result.grade, minlength=len(grades))
        _write(pl.concat(frames), output / f"part-{number:06d}.parquet")
        return Summary(int(grades.sum()), sum(len(piece.columns) for piece in pieces), tuple(grades.tolist()))

    done: list[Summary] = []
    with ThreadPoolExecutor(workers) as pool:
        for summary in pool.map(work, range(len(units))):
            done.append(summary)
            if progress is not None:
                progress(len(done), len(units))
    grades = np.sum([summary.grades for summary in done], axis=0)
    return Summary(
        sum(summary.subjects for summary in done),
        sum(summary.records for summary in done),
        tuple(grades.tolist()),
    )


def sort_records(
    sources: Sequence[Path], output: Path, *, memory: str = "1GB", threads: int = 2, scratch: Path | None = None
) -> None:
    """Write the records of any Parquet files into one, sorted by subject, spilling to disk beyond `memory`."""
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = ?", [memory])
        connection.execute("SET threads = ?", [threads])
        connection.execute("SET temp_directory = ?", [str(scratch or output.parent / "sorting")])
        names = [name for name in _names(sources[0]) if name in DTYPES]
        query = connection.sql("SELECT * FROM read_parquet($files)", params={"files": [str(s) for s in sources]})
        query.select(*names).order("subject").write_parquet(
            str(output), row_group_size=122_880, compression="lz4_raw"
        )


def _names(source: Path) -> list[str]:
    return list(pq.read_schema(source).names)


def _units(sources: Sequence[Path], rows_per_unit: int, compiled: CompiledPolicy) -> list[Unit]:
    """Whole row groups, in order, of about so many rows together."""
    groups = row_groups(sources)
    bounds = [_lowest_and_highest(group) for group in groups]
    if any(later[0] < earlier[1] for earlier, later in pairwise(bounds)):
        raise NotSorted("a row group begins with a lower subject than the one before ends with")
    shares: list[list[RowGroup]] = [[]]
    for group in groups:
        if sum(one.rows for one in shares[-1]) >= rows_per_unit:
            shares.append([])
        shares[-1].append(group)
    # What unit n leaves to unit n + 1: the records of its last subject. The workers take the units in order,
    # so whoever waits here waits for someone who is at work.
    left: list[Future[RecordColumns]] = [Future() for _ in range(len(shares) - 1)]

    def unit(number: int, share: list[RowGroup]) -> Unit:
        before = left[number - 1] if number else None
        after = left[number] if number < len(left) else None

        def read(room: RoomForRecords) -> list[_Piece]:
            try:
                return _pieces(room.read(share, compiled), before, after)
            except BaseException as error:
                if after is not None and not after.done():
                    after.set_exception(error)  # the next unit fails too rather than wait for ever
                raise

        return read

    return [unit(number, share) for number, share in enumerate(shares)]


def _pieces(
    own: RecordColumns, before: Future[RecordColumns] | None, after: Future[RecordColumns] | None
) -> list[_Piece]:
    """The subject that the unit before left, with its records here; then the subjects that end here.

    The last subject may go on in the unit after this one, so it is left to it.
    """
    ends, last = len(own), _AFTER_ALL
    if after is not None:
        subject = int(own.subject[-1])
        ends, last = int(np.searchsorted(own.subject, subject)), subject - 1
        if ends == 0 and before is not None and before.result().subject[0] == subject:
            after.set_result(before.result().joined(own))
            return [_Piece(subject, subject, own.take(slice(0)))]
        # An index array copies; a slice would be overwritten with the room.
        after.set_result(own.take(np.arange(ends, len(own))))
    if before is None:
        return [_Piece(_BEFORE_ALL, last, own.take(slice(ends)))]
    begun = before.result()
    subject = int(begun.subject[0])
    goes_on = int(np.searchsorted(own.subject, subject, side="right"))
    return [
        _Piece(subject - 1, subject, begun.joined(own.take(slice(goes_on)))),
        _Piece(subject, last, own.take(slice(goes_on, ends))),
    ]


def _lowest_and_highest(group: RowGroup) -> tuple[int, int]:
    place = group.metadata.schema.names.index("subject")
    statistics = group.metadata.row_group(group.number).column(place).statistics
    if statistics is None or not statistics.has_min_max:
        raise NotSorted(f"{group.source} holds no statistics of the subject column")
    return int(statistics.min), int(statistics.max)


def _asked(piece: _Piece, subjects: Int64 | None) -> Int64:
    if subjects is None:
        own = piece.columns.subject
        return own[np.flatnonzero(np.append(True, own[1:] != own[:-1]))] if len(own) else own
    low = 0 if piece.first <= _BEFORE_ALL else int(np.searchsorted(subjects, piece.first, side="right"))
    high = int(np.searchsorted(subjects, piece.last, side="right"))
    return subjects[low:high]


def _frame(
    compiled: CompiledPolicy, result: BatchResult, with_values: bool, beside: dict[str, Int64]
) -> pl.DataFrame:
    columns = {
        "subject": result.subject,
        "total": result.total,
        "clamp": result.clamp,
        "grade": result.grade,
        "listed": result.listed,
    }
    for i, indicator in enumerate(compiled.policy.indicators):
        columns[indicator.code] = result.points[:, i]
        if with_values:
            columns[f"value_{indicator.code}"] = result.values[:, i]
    return pl.DataFrame(columns | beside)


def _write(frame: pl.DataFrame, path: Path) -> None:
    # A killed batch must not leave half a file that looks like a whole one.
    unfinished = path.with_suffix(".unfinished")
    frame.write_parquet(unfinished, compression="zstd", compression_level=1)
    unfinished.replace(path)
