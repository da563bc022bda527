"""The arithmetic over whole columns is that of `backend.identifiers`, number by number."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from backend.identifiers import (
    check_citizen_number,
    check_social_credit_code,
    complete_citizen_number,
    complete_organisation_code,
    complete_registration_number,
    complete_social_credit_code,
)
from demo_city import numbers
from demo_city.draws import Draws

region = st.integers(990001, 990007)
birth_days = st.dates(min_value=date(1900, 1, 1), max_value=date(2026, 1, 1))
order = st.integers(1, 995)
serial = st.integers(0, 999_999)


def one(number: int) -> np.ndarray:
    return np.array([number], dtype=np.int64)


@given(region, birth_days, order)
def test_citizen_numbers_pass_the_check_and_old_ones_are_upgraded_to_them(region, born, order) -> None:
    digits = one(int(born.strftime("%Y%m%d")))
    new = numbers.citizen_numbers(one(region), digits, one(order))[0]
    assert complete_citizen_number(new[:17]) == new
    if born.year < 2000:
        old = numbers.old_citizen_numbers(one(region), digits, one(order))[0]
        assert check_citizen_number(old).normalised == new


@given(st.sampled_from(["MA", "MB", "MD", "XY"]), serial, st.sampled_from(["91", "92", "12", "51"]), region)
def test_social_credit_codes_pass_the_check_within_and_without(prefix, serial, kind, region) -> None:
    inner = numbers.organisation_codes(pl.Series([prefix]), one(serial))
    assert complete_organisation_code(inner[0][:8]) == inner[0]
    code = numbers.social_credit_codes(pl.Series([kind]), one(region), inner)[0]
    assert complete_social_credit_code(code[:17]) == code
    assert {note.code for note in check_social_credit_code(code).notes} <= {"region_unknown"}


@given(region, st.integers(0, 99_999_999))
def test_registration_numbers_pass_the_check(region, serial) -> None:
    number = numbers.registration_numbers(one(region), one(serial))[0]
    assert complete_registration_number(number[:14]) == number


@given(st.integers(0, 2**63), st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_a_draw_depends_on_its_own_position_alone(seed, index) -> None:
    together = Draws(seed).bits("stream", np.array(index, dtype=np.int64))
    alone = [Draws(seed).bits("stream", one(i))[0] for i in index]
    assert together.tolist() == alone
