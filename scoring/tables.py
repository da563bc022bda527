"""Record files and Arrow tables as the kernel's columns.

The layout is that of `RecordColumns`, with the category as its catalogue code and days as dates or as day
numbers; `end_day` and `performed_day` may be empty. Quantities are hundredths of the unit, amounts cents.
In CSV, `state` and `relation` may be written as words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from scoring.columns import DTYPES, NO_DAY, RecordColumns, sort_by_subject
from scoring.compiled import CompiledPolicy
from scoring.policy import RELATIONS
from scoring.problems import did_you_mean
from scoring.reading_files import FileRefused, read_csv, read_parquet

REQUIRED = ("subject", "record", "category", "event_day")
STATES = {"active": 0, "disputed": 1, "repaired": 2, "revoked": 3, "expired": 4}
_EPOCH = date(1970, 1, 1)
_DAYS = ("event_day", "end_day", "performed_day")


class RecordsInvalid(ValueError):
    """A record file can't be read as records; the message is a Chinese sentence saying where and why."""


def read_records(path: Path, compiled: CompiledPolicy) -> tuple[RecordColumns, dict[str, int]]:
    """Records from a CSV or Parquet file, sorted by subject; and rows by category that the policy does not read.

    Raises RecordsInvalid.
    """
    try:
        frame = read_parquet(path) if path.suffix == ".parquet" else read_csv(path, as_text=True)
    except FileRefused as refusal:
        raise RecordsInvalid(str(refusal)) from refusal
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        hint = did_you_mean(missing[0], [name for name in frame.columns if name not in DTYPES])
        raise RecordsInvalid(f"{path} 缺少列 {'、'.join(missing)}{hint.replace('是不是想写', '现有')}")
    columns = {name: _numbers(frame, name) for name in DTYPES if name in frame.columns and name != "category"}
    codes = frame["category"].cast(pl.String)
    index = {code: compiled.category_of(code) for code in codes.unique().drop_nulls().to_list()}
    category = codes.replace_strict(index, default=-1, return_dtype=pl.Int32).fill_null(-1).to_numpy()
    rows = codes.fill_null("").value_counts().sort(codes.name)
    unread = {code: count for code, count in rows.iter_rows() if index.get(code, -1) < 0}
    return sort_by_subject(RecordColumns.of(category=category, **columns)), unread


def _numbers(frame: pl.DataFrame, name: str) -> Any:
    given = frame[name]
    words = {"state": STATES, "relation": RELATIONS}.get(name, {})
    if name in _DAYS:
        numbers = _day_numbers(given)
    else:
        text = given.cast(pl.String).replace({word: str(number) for word, number in words.items()})
        numbers = text.str.strip_chars().cast(pl.Int64, strict=False)
    smallest, largest = np.iinfo(DTYPES[name]).min, np.iinfo(DTYPES[name]).max
    limits = "" if DTYPES[name] is np.int64 else f"（{smallest} 至 {largest}）"
    numbers = numbers.set(~numbers.is_between(smallest, largest), None)
    bad = numbers.is_null() & given.cast(pl.String).fill_null("").ne("")
    if bad.any():
        row = int(bad.arg_true()[0])
        kind = "日期（如 2026-01-31）" if name in _DAYS else "整数" + limits
        if words:
            kind = f" {'、'.join(words)} 之一{did_you_mean(str(given[row]), words)}"
        raise RecordsInvalid(f"第 {row + 2} 行的 {name} 是“{given[row]}”，应为{kind}")
    if name in ("subject", "record", "event_day") and numbers.is_null().any():
        row = int(numbers.is_null().arg_true()[0])
        raise RecordsInvalid(f"第 {row + 2} 行没有 {name}")
    return numbers.fill_null(NO_DAY if name in _DAYS else 0).to_numpy().astype(DTYPES[name])


def _day_numbers(given: pl.Series) -> pl.Series:
    if given.dtype.is_integer():
        return given.cast(pl.Int64)
    if given.dtype == pl.String:
        given = given.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    return given.cast(pl.Date).to_physical().cast(pl.Int64)


def columns_of_arrow(table: pa.Table | pa.RecordBatch, compiled: CompiledPolicy) -> RecordColumns:
    """Columns from Arrow data in the layout above.

    The category is a string (best dictionary-encoded) or, as an integer, taken to be the index of `compiled`.
    Rows stay in their order. Raises KeyError for a missing required column.
    """
    room = RoomForRecords()
    room.of(table.num_rows)
    for batch in table.to_batches() if isinstance(table, pa.Table) else [table]:
        room.append(batch, compiled)
    return room.filled()


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group of a Parquet file whose metadata was read already."""

    source: Path
    metadata: pq.FileMetaData
    number: int

    @property
    def rows(self) -> int:
        return int(self.metadata.row_group(self.number).num_rows)


def row_groups(sources: Sequence[Path]) -> list[RowGroup]:
    """All row groups that hold rows, in order."""
    found = [
        RowGroup(source, metadata, number)
        for source in sources
        for metadata in [pq.read_metadata(source)]
        for number in range(metadata.num_row_groups)
    ]
    return [group for group in found if group.rows]


class RoomForRecords:
    """Columns that are filled again and again, so that memory is asked of the system once.

    Whoever holds what `of`, `read` or `filled` answered must be done with it before the room is used again.
    """

    def __init__(self) -> None:
        self._columns = {name: np.empty(0, dtype) for name, dtype in DTYPES.items()}
        self._rows = 0

    def of(self, rows: int) -> RecordColumns:
        """So many rows, which hold anything until they are written; those appended next begin at the first."""
        if len(self._columns["subject"]) < rows:
            self._columns = {name: np.empty(rows, dtype) for name, dtype in DTYPES.items()}
        self._rows = 0
        return RecordColumns(**{name: column[:rows] for name, column in self._columns.items()})

    def filled(self) -> RecordColumns:
        """The rows appended so far."""
        return RecordColumns(**{name: column[: self._rows] for name, column in self._columns.items()})

    def read(self, groups: Sequence[RowGroup], compiled: CompiledPolicy) -> RecordColumns:
        """All rows of these row groups of Parquet files, one after the other."""
        self.of(sum(group.rows for group in groups))
        for source in dict.fromkeys(group.source for group in groups):
            here = [group for group in groups if group.source == source]
            with pq.ParquetFile(source, metadata=here[0].metadata, read_dictionary=["category"]) as file:
                names = [name for name in file.schema_arrow.names if name in DTYPES]
                for group in here:
                    table = file.read_row_group(group.number, columns=names, use_threads=False)
                    for batch in table.to_batches():
                        self.append(batch, compiled)
        return self.filled()

    def append(self, batch: pa.RecordBatch, compiled: CompiledPolicy) -> None:
        """Write these rows behind those that stand here already. Raises KeyError for a missing column."""
        given = set(batch.schema.names)
        for name in REQUIRED:
            if name not in given:
                raise KeyError(name)
        end = self._rows + batch.num_rows
        for name in DTYPES:
            place = self._columns[name][self._rows : end]
            neutral = NO_DAY if name in _DAYS else 0
            if name == "category":
                _write_category(place, batch[name], compiled)
            elif name in given:
                _write(place, batch[name], neutral)
            else:
                place[:] = neutral
        self._rows = end


def _write_category(place: Any, values: pa.Array, compiled: CompiledPolicy) -> None:
    if pa.types.is_integer(values.type):
        _write(place, values, -1)
        return
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    # The last place is for null, which numpy's index -1 finds.
    index = np.array([compiled.category_of(code) for code in values.dictionary.to_pylist()] + [-1], np.int32)
    indices = np.empty(len(values), np.int32)
    _write(indices, values.indices, -1)
    np.take(index, indices, out=place, mode="wrap")


def _write(place: Any, values: pa.Array, missing: int) -> None:
    """Put an Arrow array of whole numbers or dates into numpy's, `missing` where it is empty.

    Arrow's own `fill_null` and `to_numpy` import pandas, which takes longer than scoring a small city.
    """
    if pa.types.is_null(values.type):
        place[:] = missing
        return
    whole = values if pa.types.is_integer(values.type) else values.cast(pa.date32())
    kind = np.int32 if pa.types.is_date32(whole.type) else np.dtype(str(whole.type))
    valid, data = whole.buffers()
    here = slice(whole.offset, whole.offset + len(whole))
    place[:] = np.frombuffer(data, kind)[here]
    if whole.null_count:
        bits = np.frombuffer(valid, np.uint8)[here.start // 8 : -(-here.stop // 8)]
        is_missing = np.unpackbits(~bits, bitorder="little")[here.start % 8 :][: len(whole)]
        np.putmask(place, is_missing.view(np.bool_), missing)
