"""What departments type, made canonical: text, dates in several spellings, and numbers exactly, without floats."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

MILLION = 1_000_000

_STRAY = " \t\r\n\v\f\u00a0\u3000\u200b\u200c\u200d\u2060\ufeff"
# What systems write for "nothing here".
_NOTHING = ("", "NULL", "null", "Null", "None", "none", "N/A", "n/a", "\\N", "nan", "NaN", "#N/A")
# In a date or a number these mean the same; in free text 无 is an answer.
_NO_VALUE = ("-", "--", "—", "——", "/", "//", "无", "暂无", "空", "0000-00-00", "0000/00/00")

_DATE_PARTS = (
    r"^(?P<year>\d{4}) ?(?:[-/.年]) ?(?P<month>\d{1,2}) ?(?:[-/.月]) ?(?P<day>\d{1,2}) ?日?"
    r"(?:[ T]?\d{1,2}[:时]\d{1,2}(?:[:分]\d{1,2}秒?(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"
)
_DATE_DIGITS = r"^(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})$"
_EARLIEST, _LATEST = date(1880, 1, 1), date(2200, 1, 1)

_NUMBER = r"^(?P<sign>[-+]?)(?P<whole>\d*)(?:\.(?P<part>\d*))?(?P<unit>万元|万|元|小时|个月|次|月)?$"
_UNIT_FACTORS = {"万元": 10_000, "万": 10_000}
LARGEST_WHOLE_DIGITS = 12


def says_one_thing(cells: pl.Series) -> bool:
    """Whether all rows say the same: in a delivery most columns do, or say nothing in any row."""
    if cells.is_empty() or cells[0] != cells[-1]:  # most columns that say several things end here
        return False
    return cells.null_count() in (0, len(cells)) and (cells == cells.head(1)).all()


def once(cells: pl.Series, read: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """What `read`, which looks at each cell alone, makes of a column; of one cell where all say the same."""
    if len(cells) > 1 and says_one_thing(cells):
        return read(cells.head(1)).new_from_index(0, len(cells))
    return read(cells)


def clean_text(cells: pl.Series) -> pl.Series:
    """Without stray space and invisible characters around it; null for everything that says nothing."""
    stripped = cells.str.strip_chars(_STRAY)
    return stripped.set(stripped.is_in(_NOTHING), None)


def half_width(cells: pl.Series) -> pl.Series:
    """Full-width digits, letters and signs as the ordinary ones, and no space inside."""
    # Printable ASCII is ordinary already, and most cells that are read this way hold nothing else.
    is_strange = cells.str.contains(r"[^!-~]")
    if not is_strange.any():
        return cells
    strange = is_strange.fill_null(False).arg_true()
    ordinary = cells.gather(strange).str.normalize("NFKC").str.replace_all(r"\s+", "")
    return cells.scatter(strange, ordinary)


def by_value(cells: pl.Series, read: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    """What `read` makes of the cells, reading each value once: a column of dates or hours has few."""
    values = cells.unique()
    if values.len() * 2 > cells.len():
        return read(cells)
    read_values = read(values).with_columns(values.alias(":value"))
    found = pl.DataFrame({":value": cells}).join(
        read_values, on=":value", how="left", nulls_equal=True, maintain_order="left"
    )
    return found.drop(":value")


def parse_dates(cells: pl.Series) -> pl.Series:
    """Dates of cleaned text; null where there is none or it cannot be read without guessing.

    Read: 2024-01-05, 2024/1/5, 2024.1.5, 2024年1月5日, 20240105, each with a time of day or without, in full-width
    or ordinary digits. Not read: anything in which day, month and year might be mistaken for each other.
    """
    dates = cells.str.to_date("%Y-%m-%d", strict=False)
    left = (dates.is_null() & cells.is_not_null()).arg_true()
    if left.len():
        text = cells.gather(left).str.normalize("NFKC").str.replace_all(r"\s+", " ").str.strip_chars("'\" ")
        spelled = text.str.extract_groups(_DATE_PARTS).struct.unnest()
        digits = text.str.extract_groups(_DATE_DIGITS).struct.unnest()
        parts = [spelled[name].fill_null(digits[name]).cast(pl.Int32) for name in ("year", "month", "day")]
        slow = pl.DataFrame(parts).select(
            pl.concat_str(
                pl.col("year").cast(pl.String).str.zfill(4),
                pl.col("month").cast(pl.String).str.zfill(2),
                pl.col("day").cast(pl.String).str.zfill(2),
                separator="-",
            ).str.to_date("%Y-%m-%d", strict=False)
        )
        dates = dates.scatter(left, slow.to_series())
    return dates.set(~dates.is_between(_EARLIEST, _LATEST), None)


def says_no_value(cells: pl.Series) -> pl.Series:
    """In a date or number column: a dash, a stroke, 无 and their like."""
    return cells.is_in(_NO_VALUE)


def parse_numbers(cells: pl.Series, *, largest_decimals: int, in_wan_yuan: bool | None) -> pl.DataFrame:
    """Exact millionths of the column's unit.

    cells             cleaned text
    largest_decimals  digits after the point that the column allows; zeros beyond them do no harm
    in_wan_yuan       whether the column counts 万元 or 元; None when it does not count money. A cell that writes
                      its own unit is converted

    Columns of the result: `millionths` (Int64, null where there is none or it cannot be read), `readable`
    (false for text that is no number), `too_fine` (more decimals than allowed), `too_large`.
    """
    text = cells.str.normalize("NFKC").str.replace_all(r"[\s,'\"¥￥=]", "")
    groups = text.str.extract_groups(_NUMBER).struct.unnest()
    frame = groups.with_columns(pl.col("whole", "part").fill_null(""), given=text.is_not_null())
    digits = pl.col("whole").str.len_chars() + pl.col("part").str.len_chars()
    money_unit = pl.col("unit").is_in(["万元", "万", "元"])
    unit_fits = pl.col("unit").is_null() | (money_unit if in_wan_yuan is not None else ~money_unit)
    is_number = (pl.col("given") & pl.col("sign").is_not_null() & (digits > 0) & unit_fits).fill_null(False)

    ours = 10_000 if in_wan_yuan else 1
    theirs = pl.col("unit").replace_strict(_UNIT_FACTORS, default=1, return_dtype=pl.Int64)
    says_unit = pl.col("unit").is_not_null() if in_wan_yuan is not None else pl.lit(False)

    part = pl.col("part").str.strip_chars_end("0")
    whole = pl.col("whole").str.strip_chars_start("0")
    too_large = whole.str.len_chars() > LARGEST_WHOLE_DIGITS
    micro = (
        whole.str.slice(0, LARGEST_WHOLE_DIGITS).replace("", "0").cast(pl.Int64) * MILLION
        + part.str.slice(0, 6).str.pad_end(6, "0").cast(pl.Int64)
    ) * pl.when(pl.col("sign") == "-").then(-1).otherwise(1)
    # 万元 under a heading in 元 is multiplied, the other way round divided; inexact results are refused.
    converted = (
        pl.when(~says_unit | (theirs == ours))
        .then(micro)
        .when(theirs > ours)
        .then(micro * 10_000)
        .otherwise(micro // 10_000)
    )
    uneven = says_unit & (theirs < ours) & (micro % 10_000 != 0)
    smallest = 10 ** max(6 - largest_decimals, 0)
    # A cell that writes its own unit has the decimals that it has in the column's.
    too_fine = (
        pl.when(says_unit).then(converted % smallest != 0).otherwise(part.str.len_chars() > largest_decimals)
    )
    overflow = says_unit & (theirs > ours) & (whole.str.len_chars() > LARGEST_WHOLE_DIGITS - 4)
    return frame.select(
        millionths=pl.when(is_number & ~too_large & ~overflow).then(converted),
        readable=~pl.col("given") | is_number,
        too_fine=is_number & (too_fine | uneven | (part.str.len_chars() > 6)),
        too_large=is_number & (too_large | overflow),
    )
