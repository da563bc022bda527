"""A whole city: Parquet in, Parquet out, in memory that does not grow with the city.

`score_parquet` takes records sorted by subject (one file or several that follow each other) and works through
them in units of some row groups, each unit holding all records of its subjects. `score_unsorted` takes them in
any order and makes such units itself, on disk. `sort_records` writes files in order, for those who score them
more than once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import itemgetter
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
from scoring.partitions import partitioned
from scoring.policy import Policy
from scoring.tables import RoomForRecords, RowGroup, row_groups

Int64 = npt.NDArray[np.int64]

ROWS_PER_UNIT = 480_000
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
class _Unit:
    """Subjects with first < subject <= last, and how to read their records."""

    first: int
    last: int
    read: Callable[[RoomForRecords], RecordColumns]


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
        compiled, list(_units(sources, rows_per_unit, compiled)), as_of_day, output,
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

    scratch       folder for a nameless file of 64 bytes a record; None: the output's

    Each unit is a range of subjects, cut from a sample of the subject column.
    """
    with partitioned(
        compiled, sources, rows_each=rows_per_unit, workers=workers, scratch=scratch or output,
        lowest=_BEFORE_ALL, highest=_AFTER_ALL,
    ) as partitions:  # fmt: skip
        units = [_Unit(partition.first, partition.last, partition.read) for partition in partitions]
        return _score(
            compiled, units, as_of_day, output,
            subjects=subjects, workers=workers, with_values=with_values, model=model, progress=progress,
        )  # fmt: skip


def _score(
    compiled: CompiledPolicy,
    units: Sequence[_Unit],
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
        unit = units[number]
        columns = unit.read(rooms.__dict__.setdefault("room", RoomForRecords()))
        asked = _asked(columns, subjects, unit)
        result = score_batch(compiled, columns, as_of_day, asked)
        beside = {} if model is None else {"model": model.totals(compiled.policy, result.values)}
        _write(compiled, result, output / f"part-{number:06d}.parquet", with_values, beside)
        grades = np.bincount(result.grade, minlength=len(compiled.policy.grades))
        return Summary(len(asked), len(columns), tuple(grades.tolist()))

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


def _units(sources: Sequence[Path], rows_per_unit: int, compiled: CompiledPolicy) -> Iterator[_Unit]:
    """Cut the row groups, in order, into units of about so many rows, at borders between subjects."""
    groups = row_groups(sources)
    bounds = [_lowest_and_highest(group) for group in groups]
    if any(later[0] < earlier[1] for earlier, later in pairwise(bounds)):
        raise NotSorted("a row group begins with a lower subject than the one before ends with")
    first, start, rows = _BEFORE_ALL, 0, 0
    for i, group in enumerate(groups):
        rows += group.rows
        last_group = i == len(groups) - 1
        if rows < rows_per_unit and not last_group:
            continue
        last = _AFTER_ALL if last_group else bounds[i][1]
        if last == first:
            continue  # one subject fills the whole unit: it was taken with the unit before
        # A subject may reach over into the following groups, and this unit's first into an earlier one.
        end = bisect_right(bounds, last, key=itemgetter(0))
        here = [groups[at] for at in range(start, end) if bounds[at][1] > first]
        yield _Unit(first, last, partial(_read, here, first, last, compiled))
        first, rows = last, 0
        start = i  # the group that holds the border may hold records of the next unit too
    if not groups:
        yield _Unit(_BEFORE_ALL, _AFTER_ALL, lambda room: RecordColumns.empty())


def _lowest_and_highest(group: RowGroup) -> tuple[int, int]:
    place = group.metadata.schema.names.index("subject")
    statistics = group.metadata.row_group(group.number).column(place).statistics
    if statistics is None or not statistics.has_min_max:
        raise NotSorted(f"{group.source} holds no statistics of the subject column")
    return int(statistics.min), int(statistics.max)


def _read(
    groups: Sequence[RowGroup], first: int, last: int, compiled: CompiledPolicy, room: RoomForRecords
) -> RecordColumns:
    columns = room.read(groups, compiled)
    low = 0 if first == _BEFORE_ALL else int(np.searchsorted(columns.subject, first, side="right"))
    high = int(np.searchsorted(columns.subject, last, side="right"))
    return columns.take(slice(low, high))


def _asked(columns: RecordColumns, subjects: Int64 | None, unit: _Unit) -> Int64:
    if subjects is None:
        own = columns.subject
        return own[np.flatnonzero(np.diff(own, prepend=own[:1] - 1))] if len(own) else own
    low = 0 if unit.first == _BEFORE_ALL else int(np.searchsorted(subjects, unit.first, side="right"))
    high = int(np.searchsorted(subjects, unit.last, side="right"))
    return subjects[low:high]


def _write(
    compiled: CompiledPolicy, result: BatchResult, path: Path, with_values: bool, beside: dict[str, Int64]
) -> None:
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
    columns |= beside
    # A killed batch must not leave half a file that looks like a whole one.
    unfinished = path.with_suffix(".unfinished")
    pl.DataFrame(columns).write_parquet(unfinished, compression="zstd", compression_level=1)
    unfinished.replace(path)
