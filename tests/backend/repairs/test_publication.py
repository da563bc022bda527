"""Publication ends by itself: when, for whom it is noted, and who is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from backend.background import build_worker
from backend.catalogue.service import category_in_force
from backend.notifications.service import Recipient, notifications_of
from backend.repairs import publication
from backend.repairs.models import PublicationEnd
from backend.repairs.publication import end_due_publications, is_public, published_until
from tests.factories import add_enterprise, add_record
from tests.rules_in_force import put_rules_in_force

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)
MINOR, GENERAL, SERIOUS = 1, 2, 3


@pytest.fixture
def enterprise(session, keys):
    put_rules_in_force(session, BEFORE)
    return add_enterprise(session, keys)


@pytest.fixture
def penalty(session, enterprise):
    def penalty(level=GENERAL, event_on=date(2025, 9, 1), stated=None, **facts):
        content = {} if stated is None else {"公示截止期": stated.isoformat()}
        return add_record(
            session, enterprise, "admin_penalty", level=level, event_on=event_on, content=content, **facts
        )

    return penalty


def noon(day):
    """In the city."""
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def ended(session, day):
    """Which records' publication the worker ends on that day."""
    session.flush()
    end_due_publications(session, now=noon(day))
    found = session.scalars(select(PublicationEnd).where(PublicationEnd.noted_at == noon(day)))
    return {end.record_id: end.ended_on for end in found}


@pytest.mark.parametrize(
    ("level", "event_on", "last_day"),
    [
        (GENERAL, date(2025, 9, 1), date(2026, 9, 1)),
        (SERIOUS, date(2023, 9, 2), date(2026, 9, 1)),  # 1,095 days by the catalogue, a day before the three years
    ],
)
def test_publication_ends_the_day_after_the_longest_period(session, penalty, level, event_on, last_day):
    record = penalty(level, event_on)
    category = category_in_force(session, "admin_penalty", last_day)

    assert is_public(record, category, today=last_day)
    assert ended(session, last_day) == {}
    assert not is_public(record, category, today=last_day + timedelta(days=1))
    assert ended(session, last_day + timedelta(days=1)) == {record.id: last_day}
    assert ended(session, last_day + timedelta(days=2)) == {}, "noted once"


def test_slight_information_is_public_only_when_the_department_says_until_when_and_for_three_months_at_most(
    session, penalty
):
    silent = penalty(MINOR, date(2026, 5, 1))
    short = penalty(MINOR, date(2026, 5, 1), stated=date(2026, 6, 15))
    long = penalty(MINOR, date(2026, 5, 1), stated=date(2029, 5, 1))
    category = category_in_force(session, "admin_penalty", date(2026, 6, 1))

    def public(on):
        return [is_public(record, category, today=on) for record in (silent, short, long)]

    assert public(date(2026, 6, 15)) == [False, True, True]
    assert public(date(2026, 6, 16)) == [False, False, True]
    # 90 days by the catalogue, and three months by the rules: the earlier counts.
    assert published_until(long, category, today=date(2026, 6, 1)) == date(2026, 7, 30)
    assert ended(session, date(2026, 6, 16)) == {short.id: date(2026, 6, 15)}


def test_the_subject_is_told_once_and_not_of_what_ended_long_ago(session, enterprise, penalty):
    penalty(event_on=date(2024, 1, 1), title="多年前的罚款")
    penalty(event_on=date(2025, 9, 1), title="去年的罚款")

    assert len(ended(session, date(2026, 9, 2))) == 2
    ended(session, date(2026, 9, 3))

    [message] = notifications_of(session, [Recipient(subject_id=enterprise.id)])
    assert message.body == "“去年的罚款”的公示期已于 2026-09-01 届满，公示页不再展示。"


def test_a_record_under_objection_waits_for_the_decision(session, penalty):
    record = penalty(state="disputed")

    assert ended(session, date(2026, 10, 1)) == {}
    record.state = "active"
    assert ended(session, date(2026, 10, 2)) == {record.id: date(2026, 9, 1)}


def test_older_ones_that_may_stay_longer_do_not_keep_the_worker_from_those_that_are_due(
    session, penalty, monkeypatch
):
    monkeypatch.setattr(publication, "_AT_ONCE", 2)
    for _ in range(4):
        penalty(SERIOUS, date(2025, 1, 1))
    due = [penalty(GENERAL, date(2025, 9, 1)) for _ in range(3)]
    session.flush()

    noted = [end_due_publications(session, now=noon(date(2026, 9, 2))) for _ in range(3)]

    assert noted == [2, 1, 0]
    assert set(session.scalars(select(PublicationEnd.record_id))) == {record.id for record in due}


def test_the_worker_ends_what_is_due_within_the_hour(city):
    with city.database.transaction() as session:
        put_rules_in_force(session, BEFORE)
        enterprise = add_enterprise(session, city.keys)
        code = enterprise.public_code
        record = add_record(session, enterprise, "admin_penalty", level=GENERAL, event_on=date(2025, 3, 3))
    worker = build_worker(city.services.config, city.database, clock=city.clock)
    worker.run_due_tasks()
    page = f"/api/v1/public/enterprises/{code}"
    assert len(city.http.get(page).get_json()["penalties"]) == 1

    city.clock.advance(days=1)
    worker.run_due_tasks()

    assert city.http.get(page).get_json()["penalties"] == []
    with city.database.reading() as session:
        [end] = session.scalars(select(PublicationEnd))
        assert (end.record_id, end.ended_on, end.rule) == (record.id, date(2026, 3, 3), "order58")
