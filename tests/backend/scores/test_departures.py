"""Coming of age at the city's midnight, and what a reported death ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from backend.accounts.errors import NotSignedIn
from backend.accounts.models import SignInSession
from backend.accounts.service import citizen_of, sign_in_citizen
from backend.authorizations.errors import ConsentNotUsable, MinorMayNotActivate
from backend.authorizations.models import Consent
from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.authorizations.service import Asked, has_activated, request_sharing
from backend.authorizations.tokens import authenticate_partner
from backend.identifiers.sealing import KeyRing
from backend.partners.models import Partner
from backend.scores.activation import activate_score
from backend.scores.models import Score
from backend.scores.service import current_score, is_scored, recompute_marked
from backend.subjects.errors import Departed, TooYoung
from backend.subjects.models import Subject
from backend.subjects.registers import RegisterRow, register_subjects
from backend.subjects.service import name_of
from tests.backend.benefits.made_up import add_merchant
from tests.factories import add_enterprise, add_partner, add_person, add_record, share_grade, token_on

LAST_SECOND = datetime(2026, 3, 2, 15, 59, 59, tzinfo=UTC)
MIDNIGHT = LAST_SECOND + timedelta(seconds=1)
"""3 March begins in the city."""


@pytest.mark.parametrize("birth", [date(2008, 3, 3), date(2008, 3, 2)])
def test_someone_may_activate_from_the_city_s_midnight_of_the_eighteenth_birthday(session, keys, activate, birth):
    person = add_person(session, keys, born_on=birth)

    def try_at(moment):
        return activate_score(
            session, subject_id=person.id, notice_version=ACTIVATION_NOTICE.version, evidence={}, now=moment
        )

    if birth == date(2008, 3, 3):
        with pytest.raises(MinorMayNotActivate):
            try_at(LAST_SECOND)
    assert try_at(MIDNIGHT).state == "given"


def test_a_child_may_sign_in_from_the_city_s_midnight_of_the_fourteenth_birthday(session, keys):
    child = add_person(session, keys, born_on=date(2012, 3, 3))

    with pytest.raises(TooYoung):
        sign_in_citizen(session, subject_id=child.id, now=LAST_SECOND)
    assert sign_in_citizen(session, subject_id=child.id, now=MIDNIGHT).token


def test_whoever_activated_as_an_adult_on_a_leap_day_birthday_is_scored_from_the_first_of_march(
    session, keys, activate, now
):
    person = add_person(session, keys, born_on=date(2008, 2, 29))
    activate(session, person)

    assert not is_scored(session, person, on=date(2026, 2, 28))
    assert is_scored(session, person, on=date(2026, 3, 1))


def report_death(session, keys: KeyRing, person: Subject, now: datetime) -> None:
    register_subjects(
        session,
        keys,
        [
            RegisterRow(
                "person",
                keys.open(person.identifier_sealed),
                name_of(keys, person),
                person.district,
                status="deceased",
                ended_on=date(2026, 3, 2),
            )
        ],
        now,
    )


@pytest.fixture
def departed(database, keys, adopt, activate, run_city, now):
    """A citizen with a score, a sign-in and a code on the phone, whose death is then reported."""
    with database.transaction() as session:
        adopt(session)
        person = add_person(session, keys)
        add_record(session, person, "volunteering", quantity=2_000)
        activate(session, person)
        bank = add_partner(session, code="bank", name="桂城银行", kind="institution")
        share_grade(session, person, bank, now)
        undecided = Asked(
            recipient=bank, purpose="信用卡", data_categories=["grade"], output="信用等级", scopes=["grade:read"],
            mode="once", longest_days=30, notice_version="2026-11",
        )  # fmt: skip
        request_sharing(session, person, undecided, now=now)
        token = sign_in_citizen(session, subject_id=person.id, now=now).token
    run_city()
    with database.transaction() as session:
        assert current_score(session, person.id) is not None
        report_death(session, keys, person, now)
    return person.id, token


def test_a_reported_death_stops_every_use_in_the_same_moment(database, departed, now):
    subject_id, token = departed

    with database.transaction() as session:
        assert current_score(session, subject_id) is None
        with pytest.raises(NotSignedIn):
            citizen_of(session, token, now=now)
        with pytest.raises(Departed):
            sign_in_citizen(session, subject_id=subject_id, now=now)


def test_what_is_left_is_cleared_away_within_seconds(database, departed, now):
    subject_id, _ = departed

    while recompute_marked(database, now=now):
        pass

    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Score).where(Score.subject_id == subject_id)) == 0
        assert not has_activated(session, subject_id)
        assert sorted(session.scalars(select(Consent.state))) == ["expired", "withdrawn", "withdrawn"]
        assert session.scalar(select(func.count()).where(SignInSession.revoked_at.is_(None))) == 0


def test_a_token_that_rests_on_the_consent_of_someone_who_died_is_dead(session, keys, now):
    person = add_person(session, keys)
    bank = session.get_one(Partner, add_merchant(session, now, offers=()).partner_id)
    token = token_on(session, bank, share_grade(session, person, bank, now), now)
    authenticate_partner(session, token, now).check_has_scope("grade:read")

    report_death(session, keys, person, now)

    with pytest.raises(ConsentNotUsable):
        authenticate_partner(session, token, now).check_has_scope("grade:read")


def test_a_cancelled_enterprise_has_no_evaluation_any_more_but_its_history_stays(
    database, keys, adopt, run_city, now
):
    with database.transaction() as session:
        adopt(session)
        enterprise = add_enterprise(session, keys)
    run_city("enterprise")
    with database.transaction() as session:
        assert current_score(session, enterprise.id) is not None
        session.get_one(Subject, enterprise.id).status = "cancelled"

    with database.reading() as session:
        assert current_score(session, enterprise.id) is None
        assert session.scalar(select(func.count()).where(Score.subject_id == enterprise.id)) == 1
