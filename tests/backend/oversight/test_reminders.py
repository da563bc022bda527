from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from backend.accounts.models import Officer
from backend.notifications.service import Recipient, notifications_of
from backend.oversight.models import AccessAlert, AccessComplaint
from backend.oversight.reminders import remind_of_overdue
from tests.factories import add_person

LAST_DAY = datetime(2026, 3, 17, 2, tzinfo=UTC)
THE_DAY_AFTER = LAST_DAY + timedelta(days=1)


@pytest.fixture
def alert(session):
    officer = Officer(
        id=uuid4(),
        username="li",
        name="李工",
        password_hash="-",
        roles=["data_officer"],
        state="active",
        created_at=LAST_DAY,
    )
    session.add(officer)
    session.flush()
    alert = AccessAlert(
        officer_id=officer.id,
        rule="volume",
        day=date(2026, 3, 12),
        once_key="volume",
        figures={},
        rules_from=date(2021, 11, 1),
        state="open",
        raised_at=LAST_DAY,
        explain_due_on=date(2026, 3, 17),
    )
    session.add(alert)
    session.flush()
    return alert


@pytest.fixture
def complaint(session, keys):
    complaint = AccessComplaint(
        subject_id=add_person(session, keys).id,
        entry_id=1,
        what={},
        grounds="不认识这个人",
        state="filed",
        filed_at=LAST_DAY - timedelta(days=14),
        answer_due_on=date(2026, 3, 17),
    )
    session.add(complaint)
    session.flush()
    return complaint


def told(session):
    return [one.about for one in notifications_of(session, [Recipient(officer_role="auditor")])]


def test_auditors_hear_once_of_what_was_due_yesterday_and_not_before(session, alert, complaint):
    counts = [remind_of_overdue(session, now=at) for at in (LAST_DAY, THE_DAY_AFTER, THE_DAY_AFTER)]
    assert counts == [0, 2, 0]
    assert told(session) == [f"access_complaint:{complaint.id}", f"access_alert:{alert.id}"]


def test_what_was_explained_or_answered_in_time_is_not_reminded_of(session, alert, complaint):
    alert.state, complaint.state = "explained", "answered"
    session.flush()
    assert remind_of_overdue(session, now=THE_DAY_AFTER) == 0
    assert told(session) == []
