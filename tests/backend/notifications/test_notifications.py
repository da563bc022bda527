from __future__ import annotations

from datetime import timedelta

import pytest

from backend.notifications.service import Recipient, count_unread, mark_read, notifications_of, notify
from tests.factories import add_person

OFFICERS = Recipient(officer_role="objection_officer")


def tell(session, recipient, now, **values):
    return notify(
        session,
        recipient,
        **{"kind": "objection_answered", "title": "异议已答复", "body": "请查看", "now": now, **values},
    )


def test_a_message_reaches_its_recipient_and_nobody_else(session, keys, now):
    mine, other = (Recipient(subject_id=add_person(session, keys).id) for _ in range(2))
    tell(session, mine, now, about="objection:1")
    assert [message.about for message in notifications_of(session, [mine])] == ["objection:1"]
    for stranger in (other, OFFICERS, Recipient(partner_code="guicheng-library")):
        assert notifications_of(session, [stranger]) == []


def test_the_same_occasion_is_told_once(session, now):
    assert tell(session, OFFICERS, now, once_key="overdue:7") is True
    assert tell(session, OFFICERS, now + timedelta(hours=1), once_key="overdue:7") is False
    assert count_unread(session, [OFFICERS]) == 1


def test_occasions_without_a_key_are_each_told(session, now):
    assert tell(session, OFFICERS, now)
    assert tell(session, OFFICERS, now)
    assert count_unread(session, [OFFICERS]) == 2


def test_reading_marks_what_was_seen_and_leaves_what_came_later(session, now):
    for minute in range(3):
        tell(session, OFFICERS, now + timedelta(minutes=minute))
    newest, middle, oldest = notifications_of(session, [OFFICERS])
    assert newest.created_at > middle.created_at > oldest.created_at
    assert mark_read(session, [OFFICERS], up_to_id=middle.id, now=now) == 2
    assert count_unread(session, [OFFICERS]) == 1
    assert mark_read(session, [OFFICERS], up_to_id=middle.id, now=now) == 0


def test_an_officer_of_two_roles_reads_both(session, now):
    auditors = Recipient(officer_role="auditor")
    tell(session, OFFICERS, now)
    tell(session, auditors, now)
    assert len(notifications_of(session, [OFFICERS, auditors])) == 2
    assert len(notifications_of(session, [OFFICERS, auditors], limit=1)) == 1


@pytest.mark.parametrize("parts", [{}, {"subject_id": 1, "officer_role": "auditor"}])
def test_a_message_has_exactly_one_recipient(parts):
    with pytest.raises(ValueError, match="exactly one recipient"):
        Recipient(**parts)
