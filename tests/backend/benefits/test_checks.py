from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.authorizations.service import withdraw_activation
from backend.benefits.checks import CheckLimits, check_benefit
from backend.benefits.codes import issue_code
from backend.benefits.errors import CodeNotValid, SchemeNotOffered, TooManyChecks
from backend.benefits.models import BenefitCheck
from backend.ephemeral.store import InProcessStore
from backend.ledger.models import LedgerEntry
from backend.ledger.service import entries_about
from tests.backend.benefits.made_up import (
    add_merchant,
    add_scheme,
    add_scored_person,
    set_score,
    show_code,
)
from tests.factories import add_enterprise, add_person, add_record, add_relation

USUAL = CheckLimits()
NO_ARREARS = {"fact": "records.utility_arrears.unpaid", "op": "le", "value": 0, "reason": "没有欠费。"}


@pytest.fixture
def store():
    return InProcessStore()


@pytest.fixture
def scheme(session, now):
    return add_scheme(session, now)


@pytest.fixture
def merchant(session, now, scheme):
    return add_merchant(session, now, offers=(scheme,))


@pytest.fixture
def check(session, store, now, scheme, merchant):
    def _check(holder, *, at=now, code=None, partner=merchant, scheme_code=scheme, limits=USUAL):
        return check_benefit(
            session,
            store,
            partner=partner,
            code=code or show_code(session, store, holder, at),
            scheme_code=scheme_code,
            now=at,
            limits=limits,
        )

    return _check


def test_yes_comes_with_the_terms(session, keys, now, check):
    answer = check(add_scored_person(session, keys, now, total=120_00))
    assert answer.eligible
    assert answer.terms == {"summary": "门票 5 折", "percent_off": 50}
    assert answer.expires_at == now + timedelta(minutes=10)


def test_every_no_looks_the_same(session, keys, now, check):
    low = add_scored_person(session, keys, now, total=119_99)
    never_activated = add_person(session, keys)
    left = add_scored_person(session, keys, now, total=180_00)
    withdraw_activation(session, subject_id=left.id, now=now)
    minor_born = add_person(session, keys, born_on=now.date().replace(year=2015))
    answers = [asdict(check(holder)) for holder in (low, never_activated, left, minor_born)]
    for answer in answers:
        answer.pop("check_id")
    assert all(answer == answers[0] for answer in answers)
    assert answers[0] == {
        "eligible": False,
        "scheme_code": "pool_ticket",
        "scheme_name": "泳池优惠",
        "terms": None,
        "expires_at": now + timedelta(minutes=10),
    }


def test_no_answer_ever_carries_a_score_a_tier_or_a_reason(session, keys, now, check):
    person = add_scored_person(session, keys, now, total=123_45)
    told = str(asdict(check(person)))
    assert not any(word in told for word in ("123", "12345", "120", "silver", "半价", "信用分"))


def test_the_citizen_reads_the_check_in_the_ledger(session, keys, now, check):
    person = add_scored_person(session, keys, now)
    check(person)
    [entry] = entries_about(session, person.id)
    assert (entry.actor_kind, entry.actor_name, entry.action) == ("partner", "桂城泳池", "benefit_checked")
    assert (entry.basis, entry.purpose) == ("本人当场出示凭码", "信易泳：泳池优惠")
    assert entry.detail == {"scheme": "pool_ticket", "told": "符合（门票 5 折）"}


def test_the_answer_and_its_ledger_row_are_kept_or_lost_together(
    sqlite_database, postgresql_database, store, keys, now
):
    for database in (sqlite_database, postgresql_database):
        with database.transaction() as session:
            merchant = add_merchant(session, now, offers=(add_scheme(session, now),))
            person = add_scored_person(session, keys, now)
            code = show_code(session, store, person, now)

        class Interrupted(Exception):
            pass

        def interrupted(database=database, merchant=merchant, code=code):
            with database.transaction() as session:
                check_benefit(session, store, partner=merchant, code=code, scheme_code="pool_ticket", now=now)
                raise Interrupted

        with pytest.raises(Interrupted):
            interrupted()
        with database.reading() as session:
            assert session.scalars(select(BenefitCheck)).all() == []
            assert session.scalars(select(LedgerEntry)).all() == []


def test_a_used_code_is_as_invalid_as_a_made_up_one(session, store, keys, now, check):
    person = add_scored_person(session, keys, now)
    code = show_code(session, store, person, now)
    check(person, code=code)
    for invalid in (code, "A" * 26):
        with pytest.raises(CodeNotValid):
            check(person, code=invalid)
    assert len(entries_about(session, person.id)) == 1


def test_a_merchant_may_only_ask_for_schemes_it_offers(session, store, keys, now, check):
    add_scheme(session, now, code="gym_ticket")
    person = add_scored_person(session, keys, now)
    code = show_code(session, store, person, now)
    for not_offered in ("gym_ticket", "nothing_such"):
        with pytest.raises(SchemeNotOffered):
            check(person, code=code, scheme_code=not_offered)
    # The merchant's mistake has not used the code up.
    assert check(person, code=code).eligible


def test_an_enrolled_scheme_that_has_ended_is_not_offered(session, keys, now, check):
    add_scheme(session, now, version=2, effective_from="2026-02-01", effective_to="2026-02-28")
    with pytest.raises(SchemeNotOffered):
        check(add_scored_person(session, keys, now))


def test_one_merchant_may_not_check_one_citizen_again_and_again(session, keys, now, check):
    person, other = add_scored_person(session, keys, now), add_scored_person(session, keys, now)
    limits = CheckLimits(most=3, window_seconds=3600)
    for _ in range(3):
        check(person, limits=limits)
    with pytest.raises(TooManyChecks) as refusal:
        check(person, limits=limits)
    assert refusal.value.retry_after_seconds == 3600
    assert check(other, limits=limits).eligible


def test_many_schemes_do_not_get_a_merchant_more_checks(session, store, keys, now):
    """With a scheme at every threshold a merchant could otherwise close in on the score."""
    leaf = {"fact": "score.total", "op": "ge", "reason": "信用分。"}
    ladder = [
        add_scheme(session, now, code=f"ladder_{points}", conditions={**leaf, "value": points * 100})
        for points in range(110, 130)
    ]
    merchant = add_merchant(session, now, offers=tuple(ladder))
    person = add_scored_person(session, keys, now, total=117_00)
    answered = 0
    for code in ladder[: USUAL.most]:
        check_benefit(
            session,
            store,
            partner=merchant,
            code=show_code(session, store, person, now),
            scheme_code=code,
            now=now,
        )
        answered += 1
    with pytest.raises(TooManyChecks):
        check_benefit(
            session,
            store,
            partner=merchant,
            code=show_code(session, store, person, now),
            scheme_code=ladder[-1],
            now=now,
        )
    assert answered == USUAL.most


def test_an_objection_counts_at_the_very_next_check(session, keys, now, store):
    scheme = add_scheme(session, now, conditions={"all": [NO_ARREARS]})
    merchant = add_merchant(session, now, offers=(scheme,))
    person = add_scored_person(session, keys, now)
    arrears = add_record(session, person, "utility_arrears")

    def eligible():
        code = show_code(session, store, person, now)
        return check_benefit(session, store, partner=merchant, code=code, scheme_code=scheme, now=now).eligible

    assert not eligible()
    arrears.state = "disputed"
    session.flush()
    assert eligible()


def test_for_an_enterprise_both_it_and_its_representative_see_who_looked(session, store, keys, now):
    active = {"fact": "enterprise.active", "op": "eq", "value": True, "reason": "登记状态正常。"}
    scheme = add_scheme(session, now, audience="enterprise", conditions=active)
    merchant = add_merchant(session, now, offers=(scheme,))
    person, enterprise = add_scored_person(session, keys, now), add_enterprise(session, keys)
    add_relation(session, enterprise=enterprise, principal=person, role="legal_representative")
    code = show_code(session, store, person, now, scheme)
    answer = check_benefit(session, store, partner=merchant, code=code, scheme_code=scheme, now=now)
    assert answer.eligible
    check = session.get_one(BenefitCheck, answer.check_id)
    assert (check.subject_id, check.holder_id) == (enterprise.id, person.id)
    assert len(entries_about(session, person.id)) == len(entries_about(session, enterprise.id)) == 1


def test_a_citizen_without_an_enterprise_is_told_no_for_one(session, store, keys, now):
    active = {"fact": "enterprise.active", "op": "eq", "value": True, "reason": "登记状态正常。"}
    scheme = add_scheme(session, now, audience="enterprise", conditions=active)
    merchant = add_merchant(session, now, offers=(scheme,))
    person = add_scored_person(session, keys, now)
    code = show_code(session, store, person, now)
    assert not check_benefit(session, store, partner=merchant, code=code, scheme_code=scheme, now=now).eligible


def test_the_code_remembers_when_the_citizen_showed_it(session, store, keys, now, check):
    person = add_scored_person(session, keys, now)
    code = issue_code(session, store, holder=person, scheme_code=None, now=now).code
    answer = check(person, code=code, at=now + timedelta(seconds=30))
    row = session.get_one(BenefitCheck, answer.check_id)
    assert (row.code_shown_at, row.checked_at) == (now, now + timedelta(seconds=30))


def test_a_lower_score_counts_at_once(session, keys, now, check):
    person = add_scored_person(session, keys, now, total=120_00)
    assert check(person).eligible
    set_score(session, person, total=119_00, now=now)
    assert not check(person).eligible


def test_a_code_shown_before_a_death_was_reported_is_not_valid_any_more(session, store, keys, now, check):
    holder = add_scored_person(session, keys, now, total=180_00)
    code = show_code(session, store, holder, now)
    holder.status = "deceased"

    with pytest.raises(CodeNotValid):
        check(holder, code=code)
