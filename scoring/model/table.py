"""Read any labelled table: numbers, categories, missing values, one outcome column.

A column is a *number* when every value that is present reads as one, else a *category*. What cannot help (a
constant, a running number, an empty column) is left out, and every such step is said in `notes`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.model.errors import TableRefused
from scoring.problems import did_you_mean
from scoring.reading_files import FileRefused, read_csv, read_parquet

MISSING_WORDS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?", "缺失"]
MISSING_LEVEL = "（缺失）"

# Which of two target words is the outcome, when the table does not say 0 and 1.
_OUTCOME_WORDS = {"1", "1.0", "true", "yes", "y", "bad", "default", "defaulted", "违约", "失信", "是", "坏"}
_OTHER_WORDS = {"0", "0.0", "false", "no", "n", "good", "paid", "正常", "守信", "否", "好"}

# A category with more levels than this share of the rows is a name or a number of a file, not a property.
_IDENTITY_SHARE = 0.5
_MINIMUM_OF_EACH_OUTCOME = 20
_SHOWN_COLUMNS = 20


@dataclass(frozen=True)
class Column:
    """One input. levels: the category values seen, sorted; empty for a number."""

    name: str
    levels: tuple[str, ...] = ()
    is_category: bool = False


@dataclass(frozen=True)
class LabelledTable:
    """A table ready to be learned from.

    values: (rows, columns) float64; numbers as they are with NaN for missing, categories as the index of their
    level (missing is a level of its own, so it is never NaN there).
    outcome: (rows,) 0 or 1. groups: (rows,) rows with the same number stay in the same fold.
    audit: attributes that are never inputs, kept for the fairness report. order: (rows,) sort key in time or None.
    """

    columns: tuple[Column, ...]
    values: NDArray[np.float64]
    outcome: NDArray[np.int8]
    target: str
    fingerprint: str
    groups: NDArray[np.int64] | None = None
    audit: dict[str, NDArray[np.str_]] = field(default_factory=dict)
    order: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def rows(self, index: NDArray[np.int64]) -> "LabelledTable":
        """The same table with only the given rows."""
        return LabelledTable(
            columns=self.columns,
            values=self.values[index],
            outcome=self.outcome[index],
            target=self.target,
            fingerprint=self.fingerprint,
            groups=None if self.groups is None else self.groups[index],
            audit={name: values[index] for name, values in self.audit.items()},
            order=None if self.order is None else self.order[index],
            notes=self.notes,
        )


def read_table(path: Path) -> pl.DataFrame:
    """Read CSV (comma, semicolon or tab; UTF-8 or GB 18030) or Parquet. Raises TableRefused."""
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return read_parquet(path)
        return read_csv(path, separators=",;\t", missing=MISSING_WORDS)
    except FileRefused as refusal:
        raise TableRefused(str(refusal)) from refusal


def label_table(
    frame: pl.DataFrame,
    *,
    target: str,
    positive: str | None = None,
    leave_out: Sequence[str] = (),
    audit: Sequence[str] = (),
    group: str | None = None,
    time: str | None = None,
) -> LabelledTable:
    """Sort the columns of `frame` into inputs, outcome and the rest.

    target: the outcome column; positive: which of its two values is the outcome (needed only when unclear).
    leave_out: columns not to learn from. audit: columns for the fairness report, never inputs.
    group: rows with the same value (the same subject at several dates) never stand on both sides of a split.
    time: a column that orders the rows in time, used to compare the later half with the earlier.

    Raises TableRefused.
    """
    notes: list[str] = []
    for name in [target, *leave_out, *audit, *([group] if group else []), *([time] if time else [])]:
        if name not in frame.columns:
            shown = "、".join(frame.columns[:_SHOWN_COLUMNS])
            rest = f" 等 {len(frame.columns)} 列" if len(frame.columns) > _SHOWN_COLUMNS else ""
            raise TableRefused(
                f"表中没有列 {name}{did_you_mean(name, frame.columns) or '。'}现有列：{shown}{rest}。"
            )
    known = frame.filter(pl.col(target).is_not_null())
    if known.height < frame.height:
        notes.append(f"目标列 {target} 为空的 {frame.height - known.height} 行未使用。")
    outcome = _read_outcome(known[target], positive, notes)

    aside = {target, *leave_out, *audit, *([group] if group else []), *([time] if time else [])}
    columns, values = [], []
    for name in known.columns:
        if name in aside:
            continue
        read = _read_column(known[name], notes)
        if read is not None:
            columns.append(read[0])
            values.append(read[1])
    if not columns:
        raise TableRefused("除目标列外没有可用的列。" + "".join(notes))
    return LabelledTable(
        columns=tuple(columns),
        values=np.column_stack(values),
        outcome=outcome,
        target=target,
        fingerprint=fingerprint(known),
        groups=None if group is None else _ranks(known[group]),
        audit={name: _texts(known[name]) for name in audit},
        order=None if time is None else _ranks(known[time]),
        notes=tuple(notes),
    )


def fingerprint(frame: pl.DataFrame) -> str:
    """SHA-256 over the table's content, so that a card says exactly which rows were learned from."""
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()


def columns_for(frame: pl.DataFrame, columns: Sequence[Column]) -> tuple[NDArray[np.float64], list[str]]:
    """Bring a new table into the form a model was learned on; also says what it had never seen.

    A level that the model does not know becomes NaN, which every model here reads as "says nothing".
    Raises TableRefused for a column that is absent or is text where a number was learned.
    """
    absent = [column.name for column in columns if column.name not in frame.columns]
    if absent:
        raise TableRefused(f"表中缺少模型需要的列：{'、'.join(absent)}。")
    notes, values = [], []
    for column in columns:
        series = frame[column.name]
        if column.is_category:
            index = {level: float(at) for at, level in enumerate(column.levels)}
            texts = _texts(series)
            values.append(np.array([index.get(str(text), np.nan) for text in texts], dtype=np.float64))
            unseen = sorted({str(text) for text in texts} - set(column.levels))
            if unseen:
                shown = "、".join(unseen[:3]) + (f" 等 {len(unseen)} 种" if len(unseen) > 3 else "")
                notes.append(f"列 {column.name} 出现训练时没有的取值（{shown}），按“不提供信息”处理，不加不减。")
            continue
        number = _numbers(series)
        if number is None:
            raise TableRefused(f"列 {column.name} 在训练时是数值，现在含有非数值内容。")
        values.append(number)
    return np.column_stack(values), notes


def _read_outcome(series: pl.Series, positive: str | None, notes: list[str]) -> NDArray[np.int8]:
    texts = _texts(series)
    values = sorted({str(text) for text in texts})
    if not values:
        raise TableRefused(f"表中没有一行写了目标列 {series.name}，无从学习。")
    if len(values) != 2:
        shown = "、".join(values[:5])
        raise TableRefused(f"目标列 {series.name} 应恰有两种取值，现有 {len(values)} 种：{shown}。")
    if positive is None:
        outcome_words = [value for value in values if value.lower() in _OUTCOME_WORDS]
        other_words = [value for value in values if value.lower() in _OTHER_WORDS]
        if len(outcome_words) == 1:
            positive = outcome_words[0]
        elif len(other_words) == 1:
            positive = next(value for value in values if value != other_words[0])
        else:
            raise TableRefused(
                f"不清楚目标列 {series.name} 的哪个取值表示结果发生（{values[0]} 或 {values[1]}）；"
                f"请用 --positive {values[1]} 指明。"
            )
        if positive not in {"1", "1.0"}:
            notes.append(f"目标列 {series.name} 取值 {positive} 视为结果发生（1）。")
    elif positive not in values:
        raise TableRefused(f"目标列 {series.name} 没有取值 {positive}；现有 {values[0]}、{values[1]}。")
    outcome: NDArray[np.int8] = (texts == positive).astype(np.int8)
    fewest = int(min(outcome.sum(), len(outcome) - outcome.sum()))
    if fewest < _MINIMUM_OF_EACH_OUTCOME:
        raise TableRefused(
            f"两种结果中较少的一种只有 {fewest} 行，至少需要 {_MINIMUM_OF_EACH_OUTCOME} 行才谈得上学习与检验。"
        )
    return outcome


def _read_column(series: pl.Series, notes: list[str]) -> tuple[Column, NDArray[np.float64]] | None:
    """One input column, or None with a note when it cannot help."""
    name = series.name
    if series.null_count() == len(series):
        notes.append(f"列 {name} 全为空，未使用。")
        return None
    number = _numbers(series)
    if number is not None:
        present = number[~np.isnan(number)]
        if present.size == 0 or (present.size == number.size and np.all(present == present[0])):
            notes.append(f"列 {name} 只有一个取值，未使用。")
            return None
        return Column(name), number
    texts = _texts(series)
    levels = sorted({str(text) for text in texts})
    if len(levels) == 1:
        notes.append(f"列 {name} 只有一个取值，未使用。")
        return None
    if len(levels) > max(20, _IDENTITY_SHARE * len(texts)):
        notes.append(f"列 {name} 几乎每行取值都不同（{len(levels)} 种），像是名称或编号，未使用。")
        return None
    index = {level: float(at) for at, level in enumerate(levels)}
    return (
        Column(name, tuple(levels), is_category=True),
        np.array([index[str(text)] for text in texts], dtype=np.float64),
    )


def _numbers(series: pl.Series) -> NDArray[np.float64] | None:
    """The column as float64 with NaN for missing, or None when it is not numeric.

    Dates count as days, so that they keep their order. Infinities (a ratio over zero) count as missing.
    """
    if series.dtype == pl.Date:
        series = series.cast(pl.Int32)
    if series.dtype == pl.Datetime:
        series = series.dt.epoch("s")
    if series.dtype in {pl.String, pl.Categorical} or isinstance(series.dtype, pl.Enum):
        present = series.cast(pl.String).str.strip_chars().replace(MISSING_WORDS, [None] * len(MISSING_WORDS))
        cast = present.cast(pl.Float64, strict=False)
        if cast.null_count() > present.null_count():
            return None
        series = cast
    if not (series.dtype.is_numeric() or series.dtype in {pl.Boolean, pl.Null}):
        return None
    number = series.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)
    return np.where(np.isinf(number), np.nan, number)


def _texts(series: pl.Series) -> NDArray[np.str_]:
    """The column as text; missing becomes a level of its own."""
    texts = series.cast(pl.String).str.strip_chars()
    texts = texts.replace(MISSING_WORDS, [None] * len(MISSING_WORDS)).fill_null(MISSING_LEVEL)
    return np.asarray(texts.to_list(), dtype=np.str_)


def _ranks(series: pl.Series) -> NDArray[np.int64]:
    """Each value's place among the distinct values, missing first: a sort key and a group number at once."""
    return series.rank("dense").fill_null(0).cast(pl.Int64).to_numpy().astype(np.int64)
