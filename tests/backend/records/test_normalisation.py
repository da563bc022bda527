"""Cells made canonical without ever passing through a float."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.records.normalisation import (
    by_value,
    clean_text,
    once,
    parse_dates,
    parse_numbers,
    says_no_value,
    says_one_thing,
)

FULL_WIDTH = str.maketrans("0123456789.-/,", "０１２３４５６７８９．－／，")


@given(st.decimals(0, 10**8, places=6), st.booleans(), st.booleans())
def test_amounts_in_wan_yuan_are_exact_to_the_cent(amount: Decimal, full_width: bool, grouped: bool) -> None:
    text = f"{amount:,}" if grouped else f"{amount:f}"
    text = text.translate(FULL_WIDTH) if full_width else text
    assert _number(text, 6, True) == (int(amount * 1_000_000), True, False, False)


@given(st.decimals(0, 10**8 - 1, places=2))
def test_an_amount_that_names_its_unit_is_converted(amount: Decimal) -> None:
    millionths = int(amount * 1_000_000)
    assert _number(f"{amount}万元", 2, False)[0] == millionths * 10_000
    assert _number(f"{amount}元", 6, True)[0] == millionths // 10_000
    assert _number(f"{amount}元", 2, False)[0] == millionths


@pytest.mark.parametrize(
    ("text", "decimals", "in_wan_yuan", "code"),
    [
        ("1.001", 2, False, "too_fine"),
        ("0.0000001", 6, True, "too_fine"),
        ("1.50000000", 6, True, "sound"),
        ("1.23456元", 6, True, "too_fine"),  # less than a millionth of 万元 would be lost
        ("1.2345678元", 2, False, "too_fine"),
        ("1.001元", 2, False, "too_fine"),
        ("0.0000012万元", 2, False, "too_fine"),
        ("0.000001万元", 2, False, "sound"),
        ("1234567890123", 2, False, "too_large"),
        ("123456789万元", 2, False, "too_large"),
        ("约3万", 6, True, "unreadable"),
        ("1.2.3", 2, False, "unreadable"),
        (".", 2, False, "unreadable"),
        ("1e3", 2, False, "unreadable"),
        ("3小时", 2, False, "unreadable"),
        ("3小时", 2, None, "sound"),
        ("3元", 2, None, "unreadable"),
        ("¥ 1,234.50", 2, False, "sound"),
    ],
)
def test_numbers_are_read_exactly_or_refused(
    text: str, decimals: int, in_wan_yuan: bool | None, code: str
) -> None:
    millionths, readable, too_fine, too_large = _number(text, decimals, in_wan_yuan)
    found = "unreadable" if not readable else "too_fine" if too_fine else "too_large" if too_large else "sound"
    assert found == code
    assert (millionths is None) == (code in ("unreadable", "too_large"))


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)), st.booleans())
def test_a_date_is_the_same_however_it_is_spelled(day: date, full_width: bool) -> None:
    year, month, number = day.year, day.month, day.day
    spellings = [
        f"{year}-{month:02}-{number:02}",
        f"{year}-{month}-{number}",
        f"{year}/{month}/{number}",
        f"{year}/{month:02}/{number:02}",
        f"{year}.{month}.{number}",
        f"{year}年{month}月{number}日",
        f"{year} 年 {month} 月 {number} 日",
        f"{year}{month:02}{number:02}",
        f"{year}-{month:02}-{number:02} 00:00:00",
        f"{year}-{month:02}-{number:02}T08:30:00+08:00",
        f"{year}/{month}/{number} 8:30",
    ]
    if full_width:
        spellings = [spelling.translate(FULL_WIDTH) for spelling in spellings]
    assert parse_dates(clean_text(pl.Series(spellings))).to_list() == [day] * len(spellings)


@pytest.mark.parametrize(
    "text",
    ["05/01/2024", "24-01-05", "2024-13-01", "2023-02-29", "45296", "2024", "2024-01", "昨天", "1700-1-1"],
)
def test_a_date_that_could_be_mistaken_is_not_guessed(text: str) -> None:
    assert parse_dates(pl.Series([text])).to_list() == [None]


@pytest.mark.parametrize("text", ["", "  ", "\u3000", "\ufeff", "NULL", "N/A", "\\N"])
def test_what_says_nothing_is_empty(text: str) -> None:
    assert clean_text(pl.Series([text])).to_list() == [None]


@pytest.mark.parametrize("text", ["-", "——", "/", "无", "暂无", "0000-00-00"])
def test_what_stands_for_no_value_is_one_in_a_date_or_a_number_alone(text: str) -> None:
    assert says_no_value(pl.Series([text])).to_list() == [True]
    assert clean_text(pl.Series([text])).to_list() == [text]


@given(st.lists(st.sampled_from(["甲", "乙", None]), min_size=1, max_size=6))
def test_a_column_is_read_once_only_where_every_row_says_the_same(cells: list[str | None]) -> None:
    column = pl.Series(cells, dtype=pl.String)
    assert says_one_thing(column) == (len(set(cells)) == 1)
    assert once(column, lambda read: read + "。").to_list() == [cell and cell + "。" for cell in cells]
    found = by_value(column, lambda read: pl.DataFrame({"length": read.str.len_chars().fill_null(0)}))
    assert found["length"].to_list() == [len(cell or "") for cell in cells]


def _number(text: str, decimals: int, in_wan_yuan: bool | None) -> tuple[object, ...]:
    return parse_numbers(pl.Series([text]), largest_decimals=decimals, in_wan_yuan=in_wan_yuan).row(0)
