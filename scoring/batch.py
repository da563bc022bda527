"""A whole city: Parquet in, Parquet out, in memory that does not grow with the city.

`score_parquet` takes records sorted by subject (one file or several that follow each other) and works through
them in units of some row groups, each unit holding all records of its subjects. `sort_records` brings
unsorted files into that order on disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from scoring.columns import DTYPES, RecordColumns
from scoring.compiled import CompiledPolicy
from scoring.engine import BatchResult, NotSorted, score_batch
from scoring.kernel import compiled_walk
from scoring.model.component import Component, Effect
from scoring.model.frame import measured
from scoring.policy import Policy
from scoring.tables import columns_of_arrow

Int64 = npt.NDArray[np.int64]

ROWS_PER_UNIT = 1_000_000
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
    """Subjects with first < subject <= last; the (file, row group) pairs that hold their records."""

    number: int
    groups: tuple[tuple[Path, int], ...]
    first: int
    last: int


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
    units = list(_units(sources, rows_per_unit))
    output.mkdir(parents=True, exist_ok=True)
    compiled_walk()
    compiled.tables(as_of_day)

    def work(unit: _Unit) -> Summary:
        table = _read(unit)
        columns = columns_of_arrow(table, compiled)
        del table
        asked = _asked(columns, subjects, unit)
        result = score_batch(compiled, columns, as_of_day, asked)
        beside = {} if model is None else {"model": model.totals(compiled.policy, result.values)}
        _write(compiled, result, output / f"part-{unit.number:06d}.parquet", with_values, beside)
        grades = np.bincount(result.grade, minlength=len(compiled.policy.grades))
        return Summary(len(asked), len(columns), tuple(grades.tolist()))

    done: list[Summary] = []
    waiting: deque[Future[Summary]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for unit in [*units, *[None] * workers]:
            if unit is not None:
                waiting.append(pool.submit(work, unit))
            # No more than these units are in memory, however fast they are read.
            if waiting and (unit is None or len(waiting) > workers):
                done.append(waiting.popleft().result())
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
        query.select(*names).order("subject").write_parquet(str(output), row_group_size=122_880)


def _names(source: Path) -> list[str]:
    return list(pq.read_schema(source).names)


def _units(sources: Sequence[Path], rows_per_unit: int) -> Iterator[_Unit]:
    """Cut the row groups, in order, into units of about so many rows, at borders between subjects."""
    groups: list[tuple[Path, int, int, int, int]] = []  # file, row group, rows, lowest and highest subject
    for source in sources:
        metadata = pq.read_metadata(source)
        place = metadata.schema.to_arrow_schema().names.index("subject")
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            if group.num_rows == 0:
                continue
            statistics = group.column(place).statistics
            if statistics is None or not statistics.has_min_max:
                raise NotSorted(f"{source} holds no statistics of the subject column")
            groups.append((source, number, group.num_rows, int(statistics.min), int(statistics.max)))
    if any(later[3] < earlier[4] for earlier, later in pairwise(groups)):
        raise NotSorted("a row group begins with a lower subject than the one before ends with")
    number, first, start, rows = 0, _BEFORE_ALL, 0, 0
    for i, (_, _, group_rows, _, highest) in enumerate(groups):
        rows += group_rows
        last_group = i == len(groups) - 1
        if rows < rows_per_unit and not last_group:
            continue
        last = _AFTER_ALL if last_group else highest
        if last == first:
            continue  # one subject fills the whole unit: it was taken with the unit before
        # A subject may reach over into the following groups, and this unit's first into an earlier one.
        here = tuple((path, g) for path, g, _, low, high in groups[start:] if low <= last and high > first)
        yield _Unit(number, here, first, last)
        number, first, rows = number + 1, last, 0
        start = i  # the group that holds the border may hold records of the next unit too
    if not groups:
        yield _Unit(0, (), _BEFORE_ALL, _AFTER_ALL)


def _read(unit: _Unit) -> pa.Table:
    tables = []
    for path in dict.fromkeys(path for path, _ in unit.groups):
        with pq.ParquetFile(path, read_dictionary=["category"]) as file:
            names = [name for name in file.schema_arrow.names if name in DTYPES]
            wanted = [group for source, group in unit.groups if source == path]
            tables.append(file.read_row_groups(wanted, columns=names, use_threads=False))
    if not tables:
        names_types = [
            (name, pa.string() if name == "category" else pa.from_numpy_dtype(DTYPES[name])) for name in DTYPES
        ]
        return pa.schema(names_types).empty_table()
    table = pa.concat_tables(tables, promote_options="permissive")
    subject = table["subject"].to_numpy()
    low = 0 if unit.first == _BEFORE_ALL else int(np.searchsorted(subject, unit.first, side="right"))
    high = int(np.searchsorted(subject, unit.last, side="right"))
    return table.slice(low, high - low)


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
    pq.write_table(pa.table(columns), unfinished, compression="zstd", compression_level=1)
    unfinished.replace(path)
