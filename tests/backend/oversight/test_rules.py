from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.oversight.rules import Baseline, Reader, Reading, rules_on, unusual

DAY = date(2026, 3, 3)
TEN_IN_THE_MORNING = datetime(2026, 3, 3, 2, tzinfo=UTC)
NOTHING_BEFORE = Baseline(own_daily_mean=5.0, peers_that_day=[6, 8], days_before={})
ZHANG = Reader(uuid4(), "张", subject_id=1, district="990001")


def look(entry_id, *, at=TEN_IN_THE_MORNING, subject_id=None, action="objection_viewed", has_case=True,
         surname="王", district="990002"):  # fmt: skip
    return Reading(entry_id, at, subject_id or 100 + entry_id, action, has_case, surname, district)


def found(readings, *, baseline=NOTHING_BEFORE, reader=ZHANG, is_working_day=True):
    return {
        one.rule: one
        for one in unusual(
            readings,
            day=DAY,
            is_working_day=is_working_day,
            reader=reader,
            baseline=baseline,
            rules=rules_on(DAY),
        )
    }


def test_an_ordinary_day_raises_nothing():
    assert found([look(n) for n in range(8)]) == {}
    assert found([]) == {}


def test_much_more_than_usual_is_unusual_by_ones_own_days_or_by_the_colleagues():
    many = [look(n) for n in range(31)]
    assert found(many)["volume"].figures == {"count": 31, "own_daily_mean": 5.0, "peer_median": 7.0}
    assert "volume" in found(many, baseline=Baseline(25.0, [6, 8], {}))
    assert "volume" in found(many, baseline=Baseline(5.0, [40, 50], {}))
    assert "volume" not in found(many, baseline=Baseline(25.0, [40, 50], {}))
    assert "volume" not in found(many[:29])


def test_a_newcomer_with_nobody_to_compare_to_is_judged_by_the_number():
    assert "volume" in found([look(n) for n in range(30)], baseline=Baseline(None, [], {}))


@pytest.mark.parametrize(
    ("hour_in_city", "is_working_day", "raised"),
    [(6, True, True), (7, True, False), (19, True, False), (20, True, True), (10, False, True)],
)
def test_outside_office_hours_and_on_days_off(hour_in_city, is_working_day, raised):
    at = datetime(2026, 3, 2, 16, tzinfo=UTC) + timedelta(hours=hour_in_city)
    assert ("out_of_hours" in found([look(1, at=at)], is_working_day=is_working_day)) is raised


def test_ones_own_record():
    assert found([look(7, subject_id=1)])["own_record"].entry_ids == (7,)
    assert "own_record" not in found([look(7, subject_id=1)], reader=Reader(uuid4(), "张", None, None))


def test_a_series_of_people_of_ones_own_surname_but_not_a_common_surname_alone():
    relatives = [look(n, surname="张") for n in range(5)]
    assert found(relatives)["same_surname"].figures == {"persons": 5, "of": 5}
    assert "same_surname" not in found(relatives[:4])
    assert "same_surname" not in found(relatives + [look(n) for n in range(10, 18)])
    assert "same_surname" not in found([look(n, surname="张", subject_id=9) for n in range(5)])


def test_a_series_of_neighbours_when_the_officers_district_is_known():
    neighbours = [look(n, district="990001") for n in range(10)]
    assert "neighbours" in found(neighbours)
    assert "neighbours" not in found(neighbours, reader=Reader(uuid4(), "张", None, None))


def test_one_person_again_and_again_on_different_days():
    before = Baseline(5.0, [6], {55: frozenset({date(2026, 2, 20), date(2026, 2, 25)}), 56: frozenset()})
    one = found([look(1, subject_id=55), look(2, subject_id=56)], baseline=before)["repeated"]
    assert (one.subject_id, one.entry_ids, one.figures["days"]) == (55, (1,), 3)


def test_a_record_read_without_a_case():
    assert found([look(1, action="record_viewed", has_case=False)])["without_case"].entry_ids == (1,)
    assert "without_case" not in found([look(1, action="record_viewed", has_case=True)])
    assert "without_case" not in found([look(1, action="objection_viewed", has_case=False)])


def test_a_person_of_no_surname_or_district_is_nobodys_relative_or_neighbour():
    unknown = [look(n, surname=None, district=None) for n in range(20)]
    assert found(unknown, reader=Reader(uuid4(), "张", None, None)) == {}


@given(st.lists(st.integers(1, 6), max_size=60), st.randoms())
def test_the_order_of_readings_does_not_matter(subjects, random):
    readings = [look(n, subject_id=subject) for n, subject in enumerate(subjects)]
    shuffled = list(readings)
    random.shuffle(shuffled)
    assert {rule: one.figures for rule, one in found(readings).items()} == {
        rule: one.figures for rule, one in found(shuffled).items()
    }
