"""Unsorted records brought together by subject, on disk, in memory that does not grow with the city.

Every record is written once, as one row of 52 bytes, into the part of a scratch file that its subject belongs
to, and read once, when that part is sorted in memory. For records that are scored once this takes about a
third of the time of sorting them in a database engine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from numba import types
from numba.np.numpy_support import from_dtype

from scoring.columns import DTYPES, RecordColumns
from scoring.compiled import CompiledPolicy
from scoring.kernel import LARGEST, machine_code
from scoring.tables import RoomForRecords, RowGroup, row_groups

Int64 = npt.NDArray[np.int64]

_ORDER = ("subject", "record", "quantity", "amount", "event", "event_day", "end_day", "performed_day",
          "category", "level", "state", "relation")  # fmt: skip
_ROW = np.dtype([
    ("subject", "i8"), ("record", "i8"), ("event", "i8"), ("quantity", "u4"), ("amount", "u4"),
    ("event_day", "i4"), ("end_day", "i4"), ("performed_day", "i4"), ("category", "i2"), ("level", "i2"),
    ("state", "i1"), ("relation", "i1"), ("quantity_above", "u1"), ("amount_above", "u1"),
])  # fmt: skip
"""A record on disk. Quantity and amount have 40 bits each, `…_above` being the highest eight: the kernel looks no
higher than LARGEST and no lower than zero. A category beyond 16 bits is one that no policy reads."""
_ROWS_AT_ONCE = 400_000
_SAMPLED_GROUPS, _SAMPLED_ROWS = 64, 4_096
_DIGIT = 16  # bits that one pass of the sort looks at: one pass for the subjects of a part, as a rule


@dataclass(frozen=True, slots=True)
class Partition:
    """All records of the subjects with first < subject <= last."""

    first: int
    last: int
    read: Callable[[RoomForRecords], RecordColumns]


@contextmanager
def partitioned(
    compiled: CompiledPolicy,
    sources: Sequence[Path],
    *,
    rows_each: int,
    workers: int,
    scratch: Path,
    lowest: int,
    highest: int,
) -> Iterator[list[Partition]]:
    """Partitions of about `rows_each` records in ascending order of subject, that can be read while this holds.

    The scratch file lies in the folder `scratch`, takes 52 bytes a record and has no name: it is gone with the
    process, however that ends. `lowest` and `highest` bound the subject numbers of the outer partitions.
    """
    groups = row_groups(sources)
    splitters = _splitters(groups, rows_each)
    chunks: list[list[RowGroup]] = [[]]
    for group in groups:
        if sum(one.rows for one in chunks[-1]) >= _ROWS_AT_ONCE:
            chunks.append([])
        chunks[-1].append(group)

    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=scratch) as file:
        # Place c, p is the row of the file where chunk c's records of partition p begin.
        starts = np.zeros((len(chunks), len(splitters) + 2), dtype=np.int64)
        rooms = threading.local()

        def spill(number: int) -> None:
            room = rooms.__dict__.setdefault("room", RoomForRecords())
            columns = room.read(chunks[number], compiled)
            packed = rooms.__dict__.setdefault("packed", np.empty(0, _ROW))
            if len(packed) < len(columns):
                packed = rooms.packed = np.empty(len(columns), _ROW)
            counts = np.zeros(len(splitters) + 2, dtype=np.int64)
            _scatter()(*(getattr(columns, name) for name in _ORDER), splitters, counts, packed)
            starts[number] = offsets[number] + counts
            os.pwrite(
                file.fileno(), packed[: len(columns)].view(np.uint8).data, int(offsets[number]) * _ROW.itemsize
            )

        offsets = np.cumsum([0, *(sum(group.rows for group in chunk) for chunk in chunks)])
        _scatter(), _gather()
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(spill, range(len(chunks))):
                pass
        bounds = [lowest, *splitters.tolist(), highest]
        yield [
            Partition(bounds[at], bounds[at + 1], _reader(file.fileno(), starts[:, at : at + 2]))
            for at in range(len(splitters) + 1)
        ]


def _splitters(groups: Sequence[RowGroup], rows_each: int) -> Int64:
    """Subjects at which to cut, from a sample: parts come out about equal, whatever the numbers are like."""
    wanted = -(-sum(group.rows for group in groups) // rows_each)
    if wanted < 2:
        return np.empty(0, np.int64)
    sampled = []
    for at in np.unique(np.linspace(0, len(groups) - 1, _SAMPLED_GROUPS).astype(np.int64)):
        group = groups[at]
        with pq.ParquetFile(group.source, metadata=group.metadata) as file:
            column = file.read_row_group(group.number, columns=["subject"], use_threads=False)["subject"]
        own = np.concatenate([np.from_dlpack(chunk) for chunk in column.chunks])
        sampled.append(own[:: max(1, group.rows // _SAMPLED_ROWS)])
    sample = np.sort(np.concatenate(sampled))
    places = np.arange(1, wanted) * len(sample) // wanted
    return np.unique(sample[places]).astype(np.int64)


def _reader(file: int, places: Int64) -> Callable[[RoomForRecords], RecordColumns]:
    def read(room: RoomForRecords) -> RecordColumns:
        counts = places[:, 1] - places[:, 0]
        rows = np.empty(int(counts.sum()), _ROW)
        raw, at = rows.view(np.uint8).data, 0
        for start, count in zip(places[:, 0].tolist(), counts.tolist(), strict=True):
            size = count * _ROW.itemsize
            os.preadv(file, [raw[at : at + size]], start * _ROW.itemsize)
            at += size
        columns = room.of(len(rows))
        _gather()(rows, *(getattr(columns, name) for name in _ORDER))
        return columns

    return read


def _scatter_rows(
    subject: Any,
    record: Any,
    quantity: Any,
    amount: Any,
    event: Any,
    event_day: Any,
    end_day: Any,
    performed_day: Any,
    category: Any,
    level: Any,
    state: Any,
    relation: Any,
    splitters: Any,
    starts: Any,
    out: Any,
) -> None:
    """Pack the records into `out`, partition after partition; `starts[p]` becomes where partition p begins.

    Partition p holds the subjects above splitter p - 1 and up to splitter p.
    """
    part = np.empty(len(subject), np.int32)
    for i in range(len(subject)):
        low, high = 0, len(splitters)
        while low < high:
            middle = (low + high) >> 1
            if subject[i] <= splitters[middle]:
                high = middle
            else:
                low = middle + 1
        part[i] = low
        starts[low + 1] += 1
    for p in range(1, len(starts)):
        starts[p] += starts[p - 1]
    place = starts.copy()
    for i in range(len(subject)):
        row = out[place[part[i]]]
        place[part[i]] += 1
        row.subject = subject[i]
        row.record = record[i]
        most, cents = min(max(quantity[i], 0), LARGEST), min(max(amount[i], 0), LARGEST)
        row.quantity, row.quantity_above = most & 0xFFFFFFFF, most >> 32
        row.amount, row.amount_above = cents & 0xFFFFFFFF, cents >> 32
        row.event = event[i]
        row.event_day = event_day[i]
        row.end_day = end_day[i]
        row.performed_day = performed_day[i]
        row.category = category[i] if -1 <= category[i] < 2**15 else -1
        row.level = level[i]
        row.state = state[i]
        row.relation = relation[i]


def _gather_rows(
    rows: Any,
    subject: Any,
    record: Any,
    quantity: Any,
    amount: Any,
    event: Any,
    event_day: Any,
    end_day: Any,
    performed_day: Any,
    category: Any,
    level: Any,
    state: Any,
    relation: Any,
) -> None:
    """Unpack the rows into columns in ascending order of subject; of one subject, in the order they stand in."""
    n = len(rows)
    if n == 0:
        return
    lowest, highest = rows[0].subject, rows[0].subject
    for i in range(n):
        lowest = min(lowest, rows[i].subject)
        highest = max(highest, rows[i].subject)
    # The difference of two 64-bit numbers always fits without a sign.
    reach = np.uint64(highest) - np.uint64(lowest)
    keys = np.empty(n, np.uint64)
    order = np.empty(n, np.int64)
    for i in range(n):
        keys[i] = np.uint64(rows[i].subject) - np.uint64(lowest)
        order[i] = i
    other = np.empty(n, np.int64)
    counts = np.empty((1 << _DIGIT) + 1, np.int64)
    shift = np.uint64(0)
    mask = np.uint64((1 << _DIGIT) - 1)
    while reach > np.uint64(0):
        counts[:] = 0
        for i in range(n):
            counts[np.int64((keys[i] >> shift) & mask) + 1] += 1
        for d in range(1, len(counts)):
            counts[d] += counts[d - 1]
        for i in range(n):
            digit = np.int64((keys[order[i]] >> shift) & mask)
            other[counts[digit]] = order[i]
            counts[digit] += 1
        order, other = other, order
        shift += np.uint64(_DIGIT)
        reach >>= np.uint64(_DIGIT)
    for i in range(n):
        row = rows[order[i]]
        subject[i] = row.subject
        record[i] = row.record
        quantity[i] = np.int64(row.quantity_above) << 32 | np.int64(row.quantity)
        amount[i] = np.int64(row.amount_above) << 32 | np.int64(row.amount)
        event[i] = row.event
        event_day[i] = row.event_day
        end_day[i] = row.end_day
        performed_day[i] = row.performed_day
        category[i] = row.category
        level[i] = row.level
        state[i] = row.state
        relation[i] = row.relation


def _column_types(*, readonly: bool) -> list[Any]:
    return [types.Array(from_dtype(np.dtype(DTYPES[name])), 1, "C", readonly=readonly) for name in _ORDER]


@cache
def _scatter() -> Callable[..., None]:
    rows, line = types.Array(from_dtype(_ROW), 1, "C"), types.Array(types.int64, 1, "C")
    return machine_code(_scatter_rows, (*_column_types(readonly=True), line, line, rows))


@cache
def _gather() -> Callable[..., None]:
    rows = types.Array(from_dtype(_ROW), 1, "C")
    return machine_code(_gather_rows, (rows, *_column_types(readonly=False)))
