from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import get_args
from uuid import uuid4

import pytest

from backend.accounts.service import add_officer
from backend.city_calendar import WorkingDays
from backend.ledger.service import Actor, entries_about, record_access
from backend.notifications.service import Recipient, notifications_of, set_setting
from backend.oversight.alerts import (
    alerts_about,
    alerts_in,
    decide_alert,
    entries_of,
    explain_alert,
    timeline,
    unusual_entries,
    watch_readings,
)
from backend.oversight.complaints import (
    answer_complaint,
    complaint_queue,
    complaints_of,
    file_complaint,
    withdraw_complaint,
)
from backend.oversight.errors import (
    AlertNotInState,
    AlreadyComplained,
    ComplaintNotFound,
    ComplaintNotInState,
    LedgerEntryNotFound,
    NotYourAlert,
    SearchTooWide,
    SelfReview,
)
from backend.oversight.models import AlertEventName, AlertState, ComplaintEventName, ComplaintState
from backend.oversight.search import search_ledger
from backend.oversight.states import alert_after, complaint_after
from tests.factories import add_person

DAYS = WorkingDays()


@pytest.fixture
def hire(session, now):
    def _hire(name="张敏", *roles):
        return add_officer(
            session,
            username=f"o{uuid4().hex[:8]}",
            name=name,
            password="correct horse",
            roles=roles or ("objection_officer",),
            now=now,
        )

    return _hire


def look(session, officer, person, at, action="objection_viewed", **detail):
    entry = record_access(
        session,
        subject_id=person.id,
        actor=Actor(kind="officer", id=str(officer.id), name=f"信用办 {officer.name}"),
        action=action,
        basis="依职责",
        purpose="核对",
        detail=detail or {"objection": "1"},
        channel="console",
        now=at,
    )
    session.flush()
    return entry


def watch(session, keys, now):
    return watch_readings(session, keys=keys, working_days=DAYS, now=now)


ALERTS = {
    "open": {"explain": "explained", "escalate": "escalated"},
    "explained": {"accept": "accepted", "escalate": "escalated"},
    "accepted": {},
    "escalated": {},
}
COMPLAINTS = {"filed": {"answer": "answered", "withdraw": "withdrawn"}, "answered": {}, "withdrawn": {}}


@pytest.mark.parametrize(("state", "event"), list(product(get_args(AlertState), get_args(AlertEventName))))
def test_an_alert_moves_only_as_the_table_says(state, event):
    if event in ALERTS[state]:
        assert alert_after(state, event) == ALERTS[state][event]
    else:
        with pytest.raises(AlertNotInState):
            alert_after(state, event)


@pytest.mark.parametrize(("state", "event"), list(product(get_args(ComplaintState), get_args(ComplaintEventName))))
def test_a_complaint_moves_only_as_the_table_says(state, event):
    if event in COMPLAINTS[state]:
        assert complaint_after(state, event) == COMPLAINTS[state][event]
    else:
        with pytest.raises(ComplaintNotInState):
            complaint_after(state, event)


def test_a_reading_at_night_raises_one_alert_however_often_the_worker_looks(session, keys, now, hire):
    officer, person = hire(), add_person(session, keys)
    entry = look(session, officer, person, now + timedelta(hours=12))
    later = now + timedelta(hours=13)
    assert [watch(session, keys, later), watch(session, keys, later)] == [1, 0]
    [alert] = alerts_in(session, state=None)
    assert (alert.rule, alert.officer_id, alert.state) == ("out_of_hours", officer.id, "open")
    assert [found.id for found in entries_of(session, alert.id)] == [entry.id]
    assert unusual_entries(session, [entry.id]) == {entry.id}
    assert notifications_of(session, [Recipient(officer_role="auditor")])[0].kind == "access_alert"


def test_more_of_the_same_on_the_same_day_joins_the_open_alert(session, keys, now, hire):
    officer, person = hire(), add_person(session, keys)
    for minute in range(2):
        look(session, officer, person, now + timedelta(hours=12, minutes=minute))
        watch(session, keys, now + timedelta(hours=13))
    [alert] = alerts_in(session, state=None)
    session.refresh(alert)
    assert (alert.figures["count"], len(entries_of(session, alert.id))) == (2, 2)


def test_the_officers_own_record_and_relatives_are_found_by_the_register(session, keys, now, hire):
    officer = hire("王建国")
    officer.subject_id = add_person(session, keys, name="王建国").id
    for _ in range(5):
        look(session, officer, add_person(session, keys, name="王小兰"), now)
    record_access(
        session,
        subject_id=officer.subject_id,
        actor=Actor(kind="officer", id=str(officer.id), name="信用办 王建国"),
        action="objection_viewed",
        basis="依职责",
        purpose="看看",
        detail={"objection": "1"},
        channel="console",
        now=now,
    )
    session.flush()
    watch(session, keys, now)
    assert {alert.rule for alert in alerts_in(session, state=None)} == {"own_record", "same_surname"}


def test_the_same_person_on_three_days(session, keys, now, hire):
    officer, person = hire(), add_person(session, keys)
    for days in (7, 6, 0):
        look(session, officer, person, now - timedelta(days=days))
    assert watch(session, keys, now) == 1
    assert alerts_in(session, state=None)[0].figures["days"] == 3


def test_the_same_person_on_three_days_of_more_than_two_weeks_is_nothing_unusual(session, keys, now, hire):
    officer, person = hire(), add_person(session, keys)
    for days in (14, 6, 0):
        look(session, officer, person, now - timedelta(days=days))
    assert watch(session, keys, now) == 0


def test_what_was_read_just_before_midnight_is_seen_after_it(session, keys, now, hire):
    before_midnight = now.replace(hour=15, minute=59)  # UTC; eight hours later in the city
    look(session, hire(), add_person(session, keys), before_midnight)
    assert watch(session, keys, before_midnight + timedelta(minutes=5)) == 1


def test_many_readings_are_measured_against_earlier_days_and_colleagues(session, keys, now, hire):
    officer, colleague, person = hire(), hire("李勇"), add_person(session, keys)
    people = [add_person(session, keys) for _ in range(31)]
    look(session, officer, person, now - timedelta(days=3))
    look(session, colleague, person, now)
    for each in people:
        look(session, officer, each, now)
    assert watch(session, keys, now) == 1
    [alert] = alerts_in(session, state=None)
    assert (alert.rule, alert.figures) == ("volume", {"count": 31, "own_daily_mean": 1.0, "peer_median": 1})
    last = timeline(session, alert)[-1]
    assert (len(timeline(session, alert)), last.day, last.count, last.late) == (30, alert.day, 31, 0)


def test_auditing_the_ledger_is_not_itself_watched(session, keys, now, hire):
    look(session, hire(), add_person(session, keys), now + timedelta(hours=12), action="access_audited")
    assert watch(session, keys, now + timedelta(hours=13)) == 0


@pytest.fixture
def alert(session, keys, now, hire):
    officer = hire()
    look(session, officer, add_person(session, keys), now + timedelta(hours=12))
    watch(session, keys, now + timedelta(hours=13))
    return alerts_about(session, officer.id)[0]


def test_the_officer_explains_and_another_decides(session, now, hire, alert):
    auditor = hire("赵审", "auditor")
    explain_alert(session, alert_id=alert.id, officer_id=alert.officer_id, explanation="值班处理急件", now=now)
    decided = decide_alert(
        session, alert_id=alert.id, auditor_id=auditor.id, event="accept", decision="有值班记录", now=now
    )
    assert (decided.state, decided.decided_by, decided.explanation) == ("accepted", auditor.id, "值班处理急件")
    assert unusual_entries(session, [entry.id for entry in entries_of(session, alert.id)]) == frozenset()


def test_nobody_explains_for_another_and_nobody_decides_about_themselves(session, now, hire, alert):
    with pytest.raises(NotYourAlert):
        explain_alert(session, alert_id=alert.id, officer_id=hire().id, explanation="替他说明", now=now)
    for event in ("accept", "escalate"):
        with pytest.raises(SelfReview):
            decide_alert(
                session, alert_id=alert.id, auditor_id=alert.officer_id, event=event, decision="没问题", now=now
            )


def test_without_an_explanation_an_alert_can_only_be_escalated(session, now, hire, alert):
    auditor = hire("赵审", "auditor")
    with pytest.raises(AlertNotInState):
        decide_alert(session, alert_id=alert.id, auditor_id=auditor.id, event="accept", decision="好的", now=now)
    decide_alert(session, alert_id=alert.id, auditor_id=auditor.id, event="escalate", decision="逾期", now=now)
    assert alert.state == "escalated"


def complain(session, person, entry, now):
    return file_complaint(
        session, subject_id=person.id, entry_id=entry.id, grounds="我没有办过这件事", working_days=DAYS, now=now
    )


def test_a_complaint_is_answered_by_another_within_ten_working_days_and_the_citizen_is_told(
    session, keys, now, hire
):
    officer, auditor, person = hire(), hire("赵审", "auditor"), add_person(session, keys)
    complaint = complain(session, person, look(session, officer, person, now), now)
    assert complaint.answer_due_on.isoformat() == "2026-03-17"
    assert [case.id for case in complaint_queue(session, state="filed")] == [complaint.id]
    with pytest.raises(SelfReview):
        answer_complaint(
            session, complaint_id=complaint.id, auditor_id=officer.id, proper=True, reply="依规查看", now=now
        )
    answer_complaint(
        session, complaint_id=complaint.id, auditor_id=auditor.id, proper=False, reply="确属不当查看", now=now
    )
    assert (complaint.state, complaint.proper) == ("answered", False)
    newest = notifications_of(session, [Recipient(subject_id=person.id)])[0]
    assert (newest.kind, newest.body) == ("access_complaint_answered", "确属不当查看")


def test_one_open_complaint_for_each_reading_and_another_after_it_was_withdrawn(session, keys, now, hire):
    person = add_person(session, keys)
    entry = look(session, hire(), person, now)
    first = complain(session, person, entry, now)
    with pytest.raises(AlreadyComplained):
        complain(session, person, entry, now)
    withdraw_complaint(session, subject_id=person.id, complaint_id=first.id, now=now)
    complain(session, person, entry, now)
    assert {one.state for one in complaints_of(session, person.id)} == {"filed", "withdrawn"}


def test_another_persons_reading_and_complaint_look_as_if_they_did_not_exist(session, keys, now, hire):
    person, stranger = add_person(session, keys), add_person(session, keys)
    entry = look(session, hire(), person, now)
    with pytest.raises(LedgerEntryNotFound):
        complain(session, stranger, entry, now)
    complaint = complain(session, person, entry, now)
    with pytest.raises(ComplaintNotFound):
        withdraw_complaint(session, subject_id=stranger.id, complaint_id=complaint.id, now=now)


def test_the_citizen_is_told_of_each_officer_once_a_day_and_may_switch_that_off(session, keys, now, hire):
    officer, person = hire(), add_person(session, keys)

    def told():
        return [
            message.kind for message in notifications_of(session, [Recipient(subject_id=person.id)], limit=100)
        ].count("officer_looked")

    look(session, officer, person, now)
    look(session, officer, person, now + timedelta(minutes=1))
    assert told() == 1
    look(session, hire("李勇"), person, now + timedelta(minutes=2))
    assert told() == 2
    look(session, officer, person, now + timedelta(days=1))
    assert told() == 3
    set_setting(session, subject_id=person.id, kind="officer_looked", on=False)
    look(session, officer, person, now + timedelta(days=2))
    assert told() == 3
    set_setting(session, subject_id=person.id, kind="officer_looked", on=True)
    look(session, officer, person, now + timedelta(days=3))
    assert told() == 4
    assert len(entries_about(session, person.id)) == 6


def test_a_search_names_a_person_or_a_short_period(session, keys, now, hire):
    officer, person, other = hire(), add_person(session, keys), add_person(session, keys)
    mine, theirs = look(session, officer, person, now), look(session, officer, other, now)
    nothing = {"subject_id": None, "actor": None, "since": None, "until": None}
    today = now.date()
    for wide in ({}, {"actor": "张"}, {"since": today, "until": today + timedelta(days=31)}):
        with pytest.raises(SearchTooWide):
            search_ledger(session, **{**nothing, **wide})

    def ids(**asked):
        return [entry.id for entry in search_ledger(session, **{**nothing, **asked})]

    assert ids(subject_id=person.id) == [mine.id]
    assert ids(since=today, until=today) == [theirs.id, mine.id]
    assert ids(since=today, until=today, actor="张敏") == [theirs.id, mine.id]
    assert ids(since=today, until=today, actor="李") == []
    assert ids(since=today - timedelta(days=2), until=today - timedelta(days=1)) == []
