"""Record files and Arrow tables as the kernel's columns.

The layout is that of `RecordColumns`, with the category as its catalogue code and days as dates or as day
numbers; `end_day` and `performed_day` may be empty. Quantities are hundredths of the unit, amounts cents.
In CSV, `state` and `relation` may be written as words.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns import DTYPES, NO_DAY, RecordColumns, sort_by_subject
from scoring.compiled import CompiledPolicy
from scoring.policy import RELATIONS
from scoring.problems import did_you_mean

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
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        else:
            frame = pl.read_csv(path, infer_schema=False, encoding="utf8")
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise RecordsInvalid(f"读不了 {path}：{error}") from error
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
    bad = numbers.is_null() & given.cast(pl.String).fill_null("").ne("")
    if bad.any():
        row = int(bad.arg_true()[0])
        kind = "日期（如 2026-01-31）" if name in _DAYS else "整数"
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
    """Columns from Arrow data in the layout above, without copying what already fits.

    The category is a string (best dictionary-encoded) or, as an integer, taken to be the index of `compiled`.
    Rows stay in their order. Raises KeyError for a missing required column.
    """
    given = set(table.schema.names)
    for name in REQUIRED:
        if name not in given:
            raise KeyError(name)
    columns: dict[str, Any] = {"category": _category_indexes(table["category"], compiled)}
    for name, dtype in DTYPES.items():
        if name == "category" or name not in given:
            continue
        values = table[name]
        if pa.types.is_date32(values.type):
            values = values.cast(pa.int32())
        if values.null_count:
            values = pc.fill_null(values, NO_DAY if name in _DAYS else 0)
        columns[name] = _array(values).astype(dtype, copy=False)
    return RecordColumns.of(**columns)


def _category_indexes(values: Any, compiled: CompiledPolicy) -> Any:
    if pa.types.is_integer(values.type):
        return _array(pc.fill_null(values, -1))
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    # The last place is for null, which numpy's index -1 finds.
    index = np.array([compiled.category_of(code) for code in values.dictionary.to_pylist()] + [-1], np.int32)
    return index[_array(pc.fill_null(values.indices, -1))]


def _array(values: Any) -> Any:
    if isinstance(values, pa.ChunkedArray):
        return values.to_numpy()
    return values.to_numpy(zero_copy_only=False)
