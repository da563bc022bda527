from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.subjects.errors import Departed, TooYoung
from backend.subjects.models import Subject
from backend.subjects.service import adult_born_until, age_on, check_may_use, is_adult

days = st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 12, 31))


def born(on: date | None) -> Subject:
    return Subject(kind="person", status="active", born_on=on)


def test_someone_is_an_adult_from_the_eighteenth_birthday_on():
    assert not is_adult(born(date(2008, 3, 3)), date(2026, 3, 2))
    assert is_adult(born(date(2008, 3, 3)), date(2026, 3, 3))


def test_someone_born_on_a_leap_day_comes_of_age_on_the_first_of_march():
    assert not is_adult(born(date(2008, 2, 29)), date(2026, 2, 28))
    assert is_adult(born(date(2008, 2, 29)), date(2026, 3, 1))


def test_an_unknown_age_is_not_taken_for_an_adults():
    assert age_on(born(None), date(2026, 3, 3)) is None
    assert not is_adult(born(None), date(2026, 3, 3))


@given(days, days)
@example(date(2006, 2, 28), date(2024, 2, 29))
@example(date(2006, 3, 1), date(2024, 2, 29))
def test_the_latest_birth_date_of_an_adult_agrees_with_the_rule_for_one(birth, on):
    assert (birth <= adult_born_until(on)) == is_adult(born(birth), on)


@pytest.mark.parametrize(
    ("birth", "last_day_too_young", "first_day"),
    [
        (date(2012, 3, 3), date(2026, 3, 2), date(2026, 3, 3)),
        (date(2012, 2, 29), date(2026, 2, 28), date(2026, 3, 1)),
        (date(2012, 12, 31), date(2026, 12, 30), date(2026, 12, 31)),
    ],
)
def test_a_child_is_left_out_until_the_fourteenth_birthday(birth, last_day_too_young, first_day):
    with pytest.raises(TooYoung):
        check_may_use(born(birth), last_day_too_young)
    check_may_use(born(birth), first_day)


def test_an_unknown_age_does_not_keep_anyone_from_the_services_that_need_no_score():
    check_may_use(born(None), date(2026, 3, 3))


@pytest.mark.parametrize("status", ["deceased", "cancelled"])
def test_nobody_acts_for_someone_who_is_no_more(status):
    with pytest.raises(Departed):
        check_may_use(Subject(kind="person", status=status, born_on=date(1950, 1, 1)), date(2026, 3, 3))
