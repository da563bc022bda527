"""When a consent has ended, what its recipient holds must go, and that is confirmed or noticed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from backend.authorizations.errors import DeletionAlreadyConfirmed, DeletionNotAsked
from backend.authorizations.recipient_deletions import (
    confirm_deletion,
    deletion_queue,
    deletions_asked_of,
    deletions_for,
    state_of,
    watch_recipient_deletions,
)
from backend.authorizations.service import withdraw_consent
from backend.notifications.service import Recipient, notifications_of
from tests.factories import add_partner, add_person, share_grade

GONE = "申请资料和由此算出的额度均已从业务系统删除。"


@pytest.fixture
def bank(session):
    return add_partner(session, code="bank", name="桂城银行", kind="institution")


@pytest.fixture
def person(session, keys):
    return add_person(session, keys)


@pytest.fixture
def withdrawn(session, person, bank, now):
    consent = share_grade(session, person, bank, now)
    assert deletions_asked_of(session, bank.id) == []
    withdraw_consent(session, subject_id=person.id, consent_id=consent.id, now=now)
    session.flush()
    return consent


def titles(session, **recipient):
    return [message.title for message in notifications_of(session, [Recipient(**recipient)])]


def test_a_withdrawn_consent_asks_its_recipient_to_delete_by_a_day(session, bank, withdrawn):
    [(asked, consent)] = deletions_asked_of(session, bank.id)
    assert (consent.id, asked.due_on, asked.confirmed_at) == (withdrawn.id, date(2026, 3, 18), None)
    assert titles(session, partner_code="bank") == ["一项授权已经终止"]


def test_the_citizen_is_told_when_the_recipient_confirms_and_it_confirms_once(
    session, person, bank, withdrawn, now
):
    confirm_deletion(session, partner_id=bank.id, consent_id=withdrawn.id, statement=GONE, now=now)
    assert deletions_asked_of(session, bank.id) == []
    assert deletions_for(session, person.id)[withdrawn.id].statement == GONE
    assert titles(session, subject_id=person.id)[0] == "桂城银行确认已删除您的信息"
    with pytest.raises(DeletionAlreadyConfirmed):
        confirm_deletion(session, partner_id=bank.id, consent_id=withdrawn.id, statement=GONE, now=now)


def test_nobody_confirms_for_another_recipient_or_while_the_consent_runs(session, person, bank, withdrawn, now):
    other = add_partner(session, code="other", name="别家银行", kind="institution")
    running = share_grade(session, person, bank, now)
    for partner, consent in ((other, withdrawn), (bank, running)):
        with pytest.raises(DeletionNotAsked):
            confirm_deletion(session, partner_id=partner.id, consent_id=consent.id, statement=GONE, now=now)


def test_an_unconfirmed_deletion_is_flagged_once_to_auditors_recipient_and_citizen(
    session, person, bank, withdrawn, now
):
    last_day, day_after = now + timedelta(days=15), now + timedelta(days=16)
    assert watch_recipient_deletions(session, now=last_day) == 0
    assert watch_recipient_deletions(session, now=day_after) == 3
    assert watch_recipient_deletions(session, now=day_after) == 0
    assert titles(session, officer_role="auditor") == ["桂城银行逾期未确认删除"]
    assert titles(session, partner_code="bank")[0] == "逾期未确认删除"
    assert titles(session, subject_id=person.id)[0] == "桂城银行还没有确认删除您的信息"


@pytest.mark.parametrize(("today", "state"), [(date(2026, 3, 18), "waiting"), (date(2026, 3, 19), "overdue")])
def test_a_deletion_waits_until_its_last_day_and_is_overdue_from_the_next(
    session, person, bank, withdrawn, now, today, state
):
    def queues():
        return {
            one: [consent.id for _, consent in deletion_queue(session, state=one, today=today)]
            for one in ("waiting", "overdue", "confirmed")
        }

    nothing = {"waiting": [], "overdue": [], "confirmed": []}
    assert queues() == nothing | {state: [withdrawn.id]}
    assert state_of(deletions_for(session, person.id)[withdrawn.id], today) == state
    confirm_deletion(session, partner_id=bank.id, consent_id=withdrawn.id, statement=GONE, now=now)
    assert queues() == nothing | {"confirmed": [withdrawn.id]}
    assert state_of(deletions_for(session, person.id)[withdrawn.id], today) == "confirmed"


def test_what_was_confirmed_in_time_is_never_flagged(session, bank, withdrawn, now):
    confirm_deletion(session, partner_id=bank.id, consent_id=withdrawn.id, statement=GONE, now=now)
    assert watch_recipient_deletions(session, now=now + timedelta(days=99)) == 0
