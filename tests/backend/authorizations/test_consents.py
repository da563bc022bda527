from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import product
from typing import get_args

import pytest
from sqlalchemy import select

from backend.authorizations.errors import (
    AlreadyActivated,
    ConsentNotFound,
    ConsentNotInState,
    MinorMayNotActivate,
    NoticeOutdated,
    OnlyPersonsActivate,
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
    activated_subject_ids,
    apply_event,
    consents_of,
    expire_due_consents,
    give_activation,
    give_sharing,
    has_activated,
    withdraw_activation,
    withdraw_consent,
)
from backend.authorizations.states import state_after
from backend.partners.keys import generate_private_jwk, public_part
from backend.partners.service import register_partner
from tests.factories import add_enterprise, add_person

# Written out once more by hand: the table is the rule.
ALLOWED = {
    "requested": {"give": "given", "refuse": "refused", "expire": "expired"},
    "given": {"pause": "paused", "withdraw": "withdrawn", "expire": "expired"},
    "paused": {"resume": "given", "withdraw": "withdrawn", "expire": "expired"},
    "refused": {},
    "withdrawn": {},
    "expired": {},
}


def activate(session, subject, now, notice_version=ACTIVATION_NOTICE.version):
    return give_activation(session, subject, notice_version=notice_version, evidence={"client": "test"}, now=now)


def share(session, subject, now, **changes):
    bank = register_partner(
        session,
        code="guicheng-bank",
        name="桂城银行",
        kind="institution",
        public_jwk=public_part(generate_private_jwk()),
        now=now,
    )
    terms = {
        "recipient": bank,
        "purpose": "申请信用贷款",
        "data_categories": ["grade"],
        "scopes": ["grade:read"],
        "mode": "until_expiry",
        "expires_at": now + timedelta(days=30),
        "notice_version": "2026-11",
        "evidence": {"client": "test"},
    }
    return give_sharing(session, subject, now=now, **{**terms, **changes})


@pytest.mark.parametrize(("state", "event"), list(product(get_args(ConsentState), get_args(ConsentEventName))))
def test_a_consent_moves_only_as_the_table_says(state, event):
    if event in ALLOWED[state]:
        assert state_after(state, event) == ALLOWED[state][event]
    else:
        with pytest.raises(ConsentNotInState):
            state_after(state, event)


def test_every_move_is_stored_with_its_event_and_every_other_changes_nothing(session, keys, now):
    consent = share(session, add_person(session, keys), now)
    for state, event in product(get_args(ConsentState), get_args(ConsentEventName)):
        session.execute(Consent.__table__.update().values(state=state, ended_at=None))
        session.execute(ConsentEvent.__table__.delete())
        session.refresh(consent)
        if event not in ALLOWED[state]:
            with pytest.raises(ConsentNotInState):
                apply_event(session, consent, event, actor="citizen", now=now)
            assert consent.state == state
            continue
        apply_event(session, consent, event, actor="citizen", now=now)
        assert consent.state == ALLOWED[state][event]
        assert (consent.ended_at == now) is (consent.state in {"refused", "withdrawn", "expired"})
        session.flush()
        [stored] = session.execute(select(ConsentEvent.consent_id, ConsentEvent.event, ConsentEvent.actor))
        assert stored == (consent.id, event, "citizen")


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
    sharing = share(session, person, now)
    withdraw_activation(session, subject_id=person.id, now=now)
    session.refresh(sharing)
    assert sharing.state == "withdrawn"


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


@pytest.mark.parametrize("term", [timedelta(0), timedelta(days=-1), timedelta(days=367)])
def test_a_sharing_names_a_term_of_at_most_a_year(session, keys, now, term):
    with pytest.raises(TermRequired):
        share(session, add_person(session, keys), now, expires_at=now + term)


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
