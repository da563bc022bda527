from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import product
from typing import get_args
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from backend.authorizations.errors import (
    AlreadyActivated,
    ConsentNotFound,
    ConsentNotInState,
    ConsentNotUsable,
    MinorMayNotActivate,
    NoticeOutdated,
    OnlyPersonsActivate,
    PauseNotOffered,
    TermRequired,
)
from backend.authorizations.models import (
    ArtefactChanged,
    Consent,
    ConsentEvent,
    ConsentEventName,
    ConsentState,
)
from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.authorizations.service import (
    Asked,
    activated_subject_ids,
    apply_event,
    consents_of,
    decide_request,
    events_of,
    expire_due_consents,
    give_activation,
    has_activated,
    pause_consent,
    reconfirm_consent,
    remind_of_running_consents,
    request_sharing,
    resume_consent,
    use_consent,
    withdraw_activation,
    withdraw_consent,
)
from backend.authorizations.states import state_after
from backend.ledger.service import Actor, record_access
from backend.notifications.service import Recipient, notifications_of
from backend.partners.keys import generate_private_jwk, public_part
from backend.partners.service import register_partner
from tests.factories import add_enterprise, add_partner, add_person

# Written out once more by hand: the table is the rule.
ALLOWED = {
    "requested": {"give": "given", "refuse": "refused", "expire": "expired"},
    "given": {"pause": "paused", "reconfirm": "given", "withdraw": "withdrawn", "expire": "expired"},
    "paused": {"resume": "given", "withdraw": "withdrawn", "expire": "expired"},
    "refused": {},
    "withdrawn": {},
    "expired": {},
}


def activate(session, subject, now, notice_version=ACTIVATION_NOTICE.version):
    return give_activation(session, subject, notice_version=notice_version, evidence={"client": "test"}, now=now)


def a_bank(session, now):
    return register_partner(
        session,
        code="guicheng-bank",
        name="桂城银行",
        kind="institution",
        public_jwk=public_part(generate_private_jwk()),
        now=now,
    )


def ask(session, subject, now, recipient=None, **changes):
    asked = {
        "recipient": recipient or a_bank(session, now),
        "purpose": "申请信用贷款",
        "data_categories": ["grade"],
        "output": "信用等级，不含分数和记录",
        "scopes": ["grade:read"],
        "mode": "until_expiry",
        "longest_days": 365,
        "notice_version": "2026-11",
    }
    return request_sharing(session, subject, Asked(**{**asked, **changes}), now=now)


def decide(session, consent, now, *, agreed=True, days=30):
    return decide_request(
        session,
        subject_id=consent.subject_id,
        consent_id=consent.id,
        agreed=agreed,
        expires_at=now + timedelta(days=days) if agreed else None,
        evidence={"client": "test"},
        now=now,
    )


def share(session, subject, now, days=30, **changes):
    return decide(session, ask(session, subject, now, **changes), now, days=days)


# How a consent gets into each state from a request.
WAYS = {
    "requested": (),
    "given": ("give",),
    "paused": ("give", "pause"),
    "refused": ("refuse",),
    "withdrawn": ("give", "withdraw"),
    "expired": ("expire",),
}


@pytest.mark.parametrize(("state", "event"), list(product(get_args(ConsentState), get_args(ConsentEventName))))
def test_a_consent_moves_only_as_the_table_says(state, event):
    if event in ALLOWED[state]:
        assert state_after(state, event) == ALLOWED[state][event]
    else:
        with pytest.raises(ConsentNotInState):
            state_after(state, event)


def test_every_move_is_stored_with_its_event_and_every_other_changes_nothing(session, keys, now):
    person, bank = add_person(session, keys), a_bank(session, now)
    for state, event in product(get_args(ConsentState), get_args(ConsentEventName)):
        consent = ask(session, person, now, recipient=bank)
        for step in WAYS[state]:
            apply_event(session, consent, step, actor="citizen", now=now)
        before = len(events_of(session, consent.id))
        assert consent.state == state
        if event not in ALLOWED[state]:
            with pytest.raises(ConsentNotInState):
                apply_event(session, consent, event, actor="citizen", now=now)
            assert (consent.state, len(events_of(session, consent.id))) == (state, before)
            continue
        apply_event(session, consent, event, actor="citizen", now=now)
        assert consent.state == ALLOWED[state][event]
        assert (consent.ended_at == now) is (consent.state in {"refused", "withdrawn", "expired"})
        assert [stored.event for stored in events_of(session, consent.id)] == [*WAYS[state], event]


def test_of_two_who_move_a_consent_at_once_the_second_is_refused(database, keys, now):
    with database.transaction() as session:
        consent_id = share(session, add_person(session, keys), now).id
    with database.reading() as session:
        seen_as_given = session.get_one(Consent, consent_id)
    with database.transaction() as session:
        apply_event(session, session.get_one(Consent, consent_id), "withdraw", actor="citizen", now=now)
    with database.transaction() as session:
        session.add(seen_as_given)
        with pytest.raises(ConsentNotInState):
            apply_event(session, seen_as_given, "pause", actor="citizen", now=now)


def test_before_the_citizen_activates_nothing_is_activated(session, keys, now):
    person = add_person(session, keys)
    assert not has_activated(session, person.id)
    consent = activate(session, person, now)
    assert has_activated(session, person.id)
    assert activated_subject_ids(session) == [person.id]
    assert (consent.given_at, consent.kind, consent.notice_version) == (now, "activation", "2026-11")


def test_minors_under_18_are_refused(session, keys, now):
    day_before_18th_birthday = add_person(session, keys, born_on=date(2008, 3, 4))
    with pytest.raises(MinorMayNotActivate):
        activate(session, day_before_18th_birthday, now)
    assert consents_of(session, day_before_18th_birthday.id) == []


def test_someone_who_turns_18_today_in_the_city_may_activate(session, keys, now):
    assert activate(session, add_person(session, keys, born_on=date(2008, 3, 3)), now).state == "given"


def test_only_living_persons_activate(session, keys, now):
    with pytest.raises(OnlyPersonsActivate):
        activate(session, add_enterprise(session, keys), now)
    deceased = add_person(session, keys)
    deceased.status = "deceased"
    with pytest.raises(OnlyPersonsActivate):
        activate(session, deceased, now)


def test_consent_to_a_notice_that_is_no_longer_in_force_is_refused(session, keys, now):
    with pytest.raises(NoticeOutdated) as refusal:
        activate(session, add_person(session, keys), now, notice_version="2020-01")
    assert refusal.value.data["current_version"] == ACTIVATION_NOTICE.version


def test_activating_twice_is_refused_and_leaves_one_consent(session, keys, now):
    person = add_person(session, keys)
    activate(session, person, now)
    with pytest.raises(AlreadyActivated):
        activate(session, person, now)
    assert len(consents_of(session, person.id)) == 1


def test_of_many_activations_at_once_exactly_one_succeeds(postgresql_database, keys, now):
    with postgresql_database.transaction() as session:
        person = add_person(session, keys)

    def tap(_):
        try:
            with postgresql_database.transaction() as session:
                activate(session, person, now)
        except AlreadyActivated:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(tap, range(8))) == [False] * 7 + [True]
    with postgresql_database.reading() as session:
        assert [consent.state for consent in consents_of(session, person.id)] == ["given"]


def test_withdrawing_is_one_step_and_works_at_once(session, keys, now):
    person = add_person(session, keys)
    activate(session, person, now)
    consent = withdraw_activation(session, subject_id=person.id, now=now)
    assert consent.state == "withdrawn"
    assert not has_activated(session, person.id)
    assert activated_subject_ids(session) == []


def test_whoever_left_may_come_back(session, keys, now):
    person = add_person(session, keys)
    activate(session, person, now)
    withdraw_activation(session, subject_id=person.id, now=now)
    activate(session, person, now)
    assert has_activated(session, person.id)


def test_leaving_ends_what_rested_on_the_score(session, keys, now):
    person = add_person(session, keys)
    activate(session, person, now)
    other_bank = add_partner(session, code="other-bank", name="桂江银行", kind="institution")
    sharing, paused = share(session, person, now), share(session, person, now, recipient=other_bank)
    pause_consent(session, subject_id=person.id, consent_id=paused.id, now=now)
    withdraw_activation(session, subject_id=person.id, now=now)
    assert [session.get_one(Consent, one.id).state for one in (sharing, paused)] == ["withdrawn", "withdrawn"]


def test_withdrawing_a_sharing_leaves_the_activation(session, keys, now):
    person = add_person(session, keys)
    activate(session, person, now)
    sharing = share(session, person, now)
    withdraw_consent(session, subject_id=person.id, consent_id=sharing.id, now=now)
    assert has_activated(session, person.id)


def test_another_citizens_consent_looks_as_if_it_did_not_exist(session, keys, now):
    consent = activate(session, add_person(session, keys), now)
    stranger = add_person(session, keys)
    with pytest.raises(ConsentNotFound):
        withdraw_consent(session, subject_id=stranger.id, consent_id=consent.id, now=now)
    assert consent.state == "given"


@pytest.mark.parametrize("days", [0, -1, 61])
def test_the_citizen_chooses_a_term_within_the_one_asked_for(session, keys, now, days):
    consent = ask(session, add_person(session, keys), now, longest_days=60)
    with pytest.raises(TermRequired):
        decide(session, consent, now, days=days)
    assert consent.state == "requested"
    assert decide(session, consent, now, days=60).expires_at == now + timedelta(days=60)


@pytest.mark.parametrize("days", [0, 367])
def test_nobody_may_ask_for_longer_than_a_year(session, keys, now, days):
    with pytest.raises(TermRequired):
        ask(session, add_person(session, keys), now, longest_days=days)


def test_a_request_discloses_nothing_and_ends_by_itself_when_nobody_decides(session, keys, now):
    consent = ask(session, add_person(session, keys), now)
    with pytest.raises(ConsentNotUsable):
        use(session, consent, now)
    assert expire_due_consents(session, now=now + timedelta(days=30) - timedelta(seconds=1)) == 0
    assert expire_due_consents(session, now=now + timedelta(days=30)) == 1
    assert consent.state == "expired"


def use(session, consent, now, scope="grade:read", partner_id=None):
    used = use_consent(
        session,
        consent_id=consent.id,
        partner_id=partner_id or consent.recipient_partner_id,
        scope=scope,
        now=now,
    )
    record_access(
        session,
        subject_id=consent.subject_id,
        actor=Actor(kind="partner", id=str(consent.recipient_partner_id), name=consent.recipient_name),
        action="grade_read",
        basis="本人授权",
        purpose=consent.purpose,
        detail={"consent": str(consent.id)},
        channel="partner_api",
        now=now,
    )
    session.flush()
    return used


def test_a_consent_is_used_by_its_recipient_for_its_scope_within_its_term_only(session, keys, now):
    consent = share(session, add_person(session, keys), now)
    use(session, consent, now)
    use(session, consent, now)
    for wrong in (
        {"now": consent.expires_at},
        {"now": now, "scope": "report:read"},
        {"now": now, "partner_id": uuid4()},
    ):
        with pytest.raises(ConsentNotUsable):
            use(session, consent, **wrong)


def test_while_paused_nothing_is_disclosed_and_afterwards_it_is_again(session, keys, now):
    consent = share(session, add_person(session, keys), now)
    own = {"subject_id": consent.subject_id, "consent_id": consent.id, "now": now}
    pause_consent(session, **own)
    with pytest.raises(ConsentNotUsable):
        use(session, consent, now)
    resume_consent(session, **own)
    use(session, consent, now)


def test_a_paused_consent_whose_term_is_over_cannot_be_resumed(session, keys, now):
    consent = share(session, add_person(session, keys), now)
    own = {"subject_id": consent.subject_id, "consent_id": consent.id}
    pause_consent(session, now=now, **own)
    with pytest.raises(ConsentNotInState):
        resume_consent(session, now=consent.expires_at, **own)


def test_a_consent_for_one_use_ends_with_it(session, keys, now):
    consent = share(session, add_person(session, keys), now, mode="once")
    use(session, consent, now)
    assert consent.state == "expired"
    with pytest.raises(ConsentNotUsable):
        use(session, consent, now)


def test_no_more_uses_than_agreed_in_any_window(session, keys, now):
    consent = share(session, add_person(session, keys), now, frequency_most=2, frequency_days=7)
    use(session, consent, now)
    use(session, consent, now + timedelta(days=1))
    with pytest.raises(ConsentNotUsable):
        use(session, consent, now + timedelta(days=6))
    use(session, consent, now + timedelta(days=7))


def test_the_last_use_agreed_is_had_by_one_of_many_askers(postgresql_database, keys, now):
    with postgresql_database.transaction() as session:
        consent = share(session, add_person(session, keys), now, frequency_most=1, frequency_days=7)

    def asker(_):
        try:
            with postgresql_database.transaction() as session:
                use(session, consent, now)
        except ConsentNotUsable:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(asker, range(6))) == [False] * 5 + [True]


def test_the_activation_is_left_and_not_paused(session, keys, now):
    consent = activate(session, add_person(session, keys), now)
    with pytest.raises(PauseNotOffered):
        pause_consent(session, subject_id=consent.subject_id, consent_id=consent.id, now=now)


def test_after_ninety_days_the_citizen_is_reminded_once_and_again_ninety_days_after_confirming(session, keys, now):
    consent = share(session, add_person(session, keys), now, days=365)

    def told(days):
        return remind_of_running_consents(session, now=now + timedelta(days=days))

    assert [told(89), told(90), told(91)] == [0, 1, 0]
    reconfirm_consent(session, subject_id=consent.subject_id, consent_id=consent.id, now=now + timedelta(days=100))
    assert [told(189), told(190)] == [0, 1]


@pytest.mark.parametrize("end", ["withdraw", "expire"])
def test_when_a_consent_ends_its_recipient_is_told_by_when_to_delete(session, keys, now, end):
    consent = share(session, add_person(session, keys), now)
    apply_event(session, consent, end, actor="citizen", now=now)
    [message] = notifications_of(session, [Recipient(partner_code="guicheng-bank")])
    assert message.kind == "consent_ended"
    assert "2026-03-18" in message.body


def test_a_refused_request_tells_the_recipient_nothing(session, keys, now):
    decide(session, ask(session, add_person(session, keys), now), now, agreed=False)
    assert notifications_of(session, [Recipient(partner_code="guicheng-bank")]) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consents SET purpose = '营销'",
        "UPDATE consents SET expires_at = '2099-01-01 00:00:00+00:00'",
        "UPDATE consents SET recipient_name = '某银行'",
        "DELETE FROM consents",
        "UPDATE consent_events SET actor = 'system'",
        "DELETE FROM consent_events",
    ],
)
def test_the_database_itself_refuses_to_rewrite_what_was_agreed(session, keys, now, statement):
    share(session, add_person(session, keys), now)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(text(statement))


def test_a_consent_expires_at_its_term_and_not_before(session, keys, now):
    consent = share(session, add_person(session, keys), now)
    assert expire_due_consents(session, now=consent.expires_at - timedelta(seconds=1)) == 0
    assert expire_due_consents(session, now=consent.expires_at) == 1
    assert consent.state == "expired"


@pytest.mark.parametrize(
    ("field", "value"),
    [("purpose", "营销"), ("recipient_name", "另一家银行"), ("data_categories", ["report"]), ("scopes", [])],
)
def test_what_a_citizen_agreed_to_cannot_be_rewritten(session, keys, now, field, value):
    consent = share(session, add_person(session, keys), now)
    setattr(consent, field, value)
    with pytest.raises(ArtefactChanged):
        session.flush()


def test_the_term_of_a_consent_cannot_be_stretched(session, keys, now):
    consent = share(session, add_person(session, keys), now)
    consent.expires_at = now + timedelta(days=300)
    with pytest.raises(ArtefactChanged):
        session.flush()


def test_events_of_a_consent_are_never_changed(session, keys, now):
    activate(session, add_person(session, keys), now)
    event = session.scalars(select(ConsentEvent)).one()
    event.actor = "system"
    with pytest.raises(ArtefactChanged):
        session.flush()
