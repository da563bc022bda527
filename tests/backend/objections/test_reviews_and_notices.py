"""Automatic results before a human, and whoever was told the wrong thing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from backend.authorizations.service import activation_of, withdraw_consent
from backend.benefits.entitlement import entitlement_of
from backend.benefits.errors import OverrideTierUnknown, OverrideTooLong
from backend.benefits.models import BenefitCheck
from backend.benefits.schemes import scheme_in_force
from backend.city_calendar import WorkingDays
from backend.ledger.models import LedgerEntry
from backend.ledger.service import Actor, record_access
from backend.notifications.service import Recipient, notifications_of
from backend.objections.deadlines import load_deadlines
from backend.objections.errors import (
    AlreadyUnderObjection,
    CorrectionContradicts,
    NothingRefused,
    OutcomeNotForKind,
    OverrideMissing,
    ScoreConfirmed,
    ScoreDiffers,
)
from backend.objections.score_review import review_score
from backend.objections.service import (
    Override,
    appeal_refusal,
    attach_statement,
    decide_objection,
    file_objection,
    object_to_score,
    statements_beside,
)
from backend.records.service import change_state, correct_record
from backend.scores.service import current_score, recompute_subject
from tests.backend.benefits.made_up import add_merchant, add_scheme
from tests.backend.objections.conftest import BEFORE, FILED
from tests.factories import add_enterprise, add_partner, add_relation

LATER = FILED + timedelta(hours=5)
SHANDONG = load_deadlines(WorkingDays())
UNREACHABLE = {"fact": "score.total", "op": "ge", "value": 199_00, "reason": "信用分达到 199 分。"}
NO_JUDGMENT = {
    "fact": "records.court_judgment.unperformed",
    "op": "eq",
    "value": 0,
    "reason": "没有未履行的生效裁判。",
}
VOLUNTEERS = {
    "fact": "records.volunteering.hours_12_months",
    "op": "ge",
    "value": 1_00,
    "reason": "参加志愿服务。",
}


def decide(session, objection, outcome, **given):
    return decide_objection(
        session,
        objection_id=objection.id,
        outcome=outcome,
        reply="经核实，情况如下。",
        officer="李专员",
        now=LATER,
        **given,
    )


@pytest.fixture
def object_to_mine(session, scored):
    return lambda: object_to_score(
        session, subject_id=scored.person.id, grounds="有记录没有算进去", now=FILED, deadlines=SHANDONG
    )


@pytest.fixture
def file(session, scored):
    return lambda: file_objection(
        session,
        subject_id=scored.person.id,
        record_id=scored.judgment.id,
        grounds="已履行",
        now=FILED,
        deadlines=SHANDONG,
    )


# The score, an automatic result


def test_a_score_that_its_records_give_again_is_confirmed_and_nothing_else(session, scored, object_to_mine):
    objection = object_to_mine()

    review = review_score(session, objection)
    assert review.agrees
    assert review.recomputed == review.current.total == review.disputed.total
    savepoint = session.begin_nested()
    with pytest.raises(ScoreConfirmed):
        decide(session, objection, "upheld")
    savepoint.rollback()
    decide(session, objection, "rejected")
    assert objection.state == "rejected"


def test_a_score_that_its_records_do_not_give_is_corrected_and_never_confirmed(session, scored, object_to_mine):
    faulty = current_score(session, scored.person.id)
    faulty.contributions = {**faulty.contributions, "volunteering": 1}
    faulty.total = 101_00
    objection = object_to_mine()

    assert not review_score(session, objection).agrees
    savepoint = session.begin_nested()
    with pytest.raises(ScoreDiffers):
        decide(session, objection, "rejected")
    savepoint.rollback()
    decide(session, objection, "upheld")
    corrected = current_score(session, scored.person.id)
    assert corrected.cause == "objection_upheld"
    assert corrected.contributions != faulty.contributions
    assert review_score(session, objection).agrees


def test_one_objection_to_the_score_at_a_time_and_no_half_outcome(session, object_to_mine):
    objection = object_to_mine()
    with pytest.raises(AlreadyUnderObjection):
        object_to_mine()
    with pytest.raises(OutcomeNotForKind):
        decide(session, objection, "partly_upheld")


def test_points_that_fade_with_the_days_are_no_fault(session, scored, object_to_mine):
    objection = object_to_mine()
    # Two years on neither the service nor the judgment counts as it did; nothing was wrong.
    recompute_subject(session, scored.person.id, cause="run", now=FILED + timedelta(days=800))
    assert current_score(session, scored.person.id).id != objection.score_id
    with pytest.raises(ScoreConfirmed):
        decide(session, objection, "upheld")


# A refused benefit


@pytest.fixture
def appeal(session, scored):
    def appeal(code):
        return appeal_refusal(
            session,
            holder=scored.person,
            enterprise=None,
            scheme_code=code,
            grounds="情况特殊，请人工考虑",
            now=FILED,
            deadlines=SHANDONG,
        )

    return appeal


def entitled(session, scored, code, now):
    rules = scheme_in_force(session, code, now.date()).rules
    return entitlement_of(session, rules, holder=scored.person, enterprise=None, now=now)


def test_an_override_is_honoured_until_its_last_day_and_stands_in_the_ledger(session, scored, appeal):
    code = add_scheme(session, BEFORE, conditions=UNREACHABLE)
    objection = appeal(code)

    decide(session, objection, "upheld", override=Override("half", date(2026, 6, 30)))

    granted = entitled(session, scored, code, LATER)
    assert granted.eligible
    assert granted.decision.overridden_until == date(2026, 6, 30)
    # 30 June ends at 16:00 UTC in the city.
    assert entitled(session, scored, code, datetime(2026, 6, 30, 15, 59, tzinfo=UTC)).eligible
    assert not entitled(session, scored, code, datetime(2026, 6, 30, 16, 0, tzinfo=UTC)).eligible
    row = session.scalars(select(LedgerEntry).where(LedgerEntry.action == "eligibility_overridden")).one()
    assert row.detail["told"] == "准予享受至 2026-06-30"


def test_an_override_is_for_one_scheme_and_needs_a_tier_and_a_term(session, appeal):
    code = add_scheme(session, BEFORE, conditions=UNREACHABLE)
    objection = appeal(code)

    for override, refusal in [
        (None, OverrideMissing),
        (Override("gold", date(2026, 6, 30)), OverrideTierUnknown),
        (Override("half", date(2026, 3, 2)), OverrideTooLong),
        (Override("half", date(2027, 3, 4)), OverrideTooLong),
    ]:
        savepoint = session.begin_nested()
        with pytest.raises(refusal):
            decide(session, objection, "upheld", override=override)
        savepoint.rollback()
        session.refresh(objection)
    assert objection.state == "filed"


def test_no_override_gives_a_benefit_to_someone_who_has_left(session, scored, appeal):
    code = add_scheme(session, BEFORE, conditions=UNREACHABLE)
    decide(session, appeal(code), "upheld", override=Override("half", date(2026, 6, 30)))

    consent = activation_of(session, scored.person.id)
    withdraw_consent(session, subject_id=scored.person.id, consent_id=consent.id, now=LATER)
    assert not entitled(session, scored, code, LATER).eligible


def test_a_confirmed_refusal_changes_nothing(session, scored, appeal):
    code = add_scheme(session, BEFORE, conditions=UNREACHABLE)
    decide(session, appeal(code), "rejected")
    assert not entitled(session, scored, code, LATER).eligible


def test_nobody_appeals_what_was_not_refused(session, appeal):
    with pytest.raises(NothingRefused):
        appeal(add_scheme(session, BEFORE, conditions=VOLUNTEERS))


# Whoever was told the wrong thing


def told(session, code):
    return notifications_of(session, [Recipient(partner_code=code)], limit=50)


@pytest.fixture
def check(session, scored):
    def check(merchant, code, at):
        made = BenefitCheck(
            scheme_id=scheme_in_force(session, code, date(2026, 3, 1)).id,
            partner_id=merchant.partner_id,
            subject_id=scored.person.id,
            holder_id=scored.person.id,
            eligible=False,
            code_shown_at=at,
            checked_at=at,
            expires_at=at + timedelta(minutes=10),
        )
        session.add(made)
        session.flush()
        return made

    return check


@pytest.mark.parametrize("outcome", ["upheld", "partly_upheld"])
def test_who_was_told_something_that_rested_on_the_record_is_told_to_ask_again(
    session, scored, file, check, outcome
):
    rests_on_record = add_scheme(session, BEFORE, code="no_judgment", conditions=NO_JUDGMENT)
    rests_on_score = add_scheme(session, BEFORE, code="by_score", conditions=UNREACHABLE)
    rests_on_neither = add_scheme(session, BEFORE, code="volunteers", conditions=VOLUNTEERS)
    bank = add_merchant(session, BEFORE, code="bank", name="桂城银行", offers=(rests_on_record, rests_on_score))
    pool = add_merchant(session, BEFORE, code="pool", name="桂城泳池", offers=(rests_on_neither,))
    first = check(bank, rests_on_record, datetime(2026, 2, 1, 2, tzinfo=UTC))
    second = check(bank, rests_on_score, datetime(2026, 2, 2, 2, tzinfo=UTC))
    check(pool, rests_on_neither, datetime(2026, 2, 3, 2, tzinfo=UTC))
    check(bank, rests_on_record, datetime(2025, 12, 1, 2, tzinfo=UTC))  # before the record was delivered
    check(bank, rests_on_record, LATER + timedelta(seconds=1))  # after it was put right

    decide(session, file(), outcome, corrections={"amount": 50_00} if outcome == "partly_upheld" else None)

    messages = told(session, "bank")
    assert [message.about for message in messages] == [f"check:{second.id}", f"check:{first.id}"]
    assert messages[1].body == (f"2026-02-01 的答复（编号 {first.id}）所依据的数据已经更正，如仍需要请重新查询。")
    assert told(session, "pool") == []
    mine = notifications_of(session, [Recipient(subject_id=scored.person.id)], limit=10)
    [summary] = [message for message in mine if message.kind == "correction_told"]
    assert "桂城银行（2 次答复）" in summary.body
    rows = session.scalars(select(LedgerEntry).where(LedgerEntry.action == "correction_told")).all()
    assert len(rows) == 2


@pytest.fixture
def read(session):
    def read(subject, kind, reader_id):
        entry = record_access(
            session,
            subject_id=subject.id,
            actor=Actor(kind=kind, id=reader_id, name="读取方"),
            action="report_read",
            basis="本人授权",
            purpose="信易贷",
            detail={},
            channel="partner_api",
            now=datetime(2026, 2, 1, 2, tzinfo=UTC),
        )
        session.flush()
        return entry

    return read


def test_a_grade_or_report_that_was_read_counts_as_told(session, scored, file, read):
    bank = add_merchant(session, BEFORE, code="bank", name="桂城银行", offers=())
    by_bank = read(scored.person, "partner", str(bank.partner_id))
    add_partner(session, code="housing", name="桂城住建局", kind="department", public_code="HOUSING")
    by_department = read(scored.person, "department", "HOUSING")

    decide(session, file(), "upheld")

    assert [message.about for message in told(session, "bank")] == [f"access:{by_bank.id}"]
    assert [message.about for message in told(session, "housing")] == [f"access:{by_department.id}"]


def test_what_was_told_of_an_enterprise_rests_on_the_record_of_whoever_runs_it(
    session, keys, scored, file, read, check
):
    code = add_scheme(session, BEFORE, conditions=NO_JUDGMENT)
    bank = add_merchant(session, BEFORE, code="bank", name="桂城银行", offers=(code,))
    own, others = add_enterprise(session, keys), add_enterprise(session, keys, name="桂城他人有限公司")
    add_relation(session, enterprise=own, principal=scored.person, role="legal_representative")
    of_own = read(own, "partner", str(bank.partner_id))
    read(others, "partner", str(bank.partner_id))
    # Checked for an enterprise that the holder runs no longer, by a rule that reads the holder's own record.
    by_code = check(bank, code, datetime(2026, 2, 2, 2, tzinfo=UTC))
    by_code.subject_id = others.id

    decide(session, file(), "upheld")

    assert {message.about for message in told(session, "bank")} == {f"access:{of_own.id}", f"check:{by_code.id}"}
    [row] = session.scalars(
        select(LedgerEntry).where(LedgerEntry.subject_id == own.id, LedgerEntry.action == "correction_told")
    )
    assert row.detail["earlier_answer"] == f"access:{of_own.id}"


def test_what_was_told_before_the_fault_came_into_the_record_stands(session, scored, file, check):
    code = add_scheme(session, BEFORE, conditions=NO_JUDGMENT)
    bank = add_merchant(session, BEFORE, code="bank", name="桂城银行", offers=(code,))
    check(bank, code, datetime(2026, 2, 1, 2, tzinfo=UTC))
    late = check(bank, code, datetime(2026, 2, 20, 2, tzinfo=UTC))
    correct_record(
        session,
        scored.judgment,
        changes={"amount": 999_00},
        changed_by="法院",
        reason="更正报送",
        now=datetime(2026, 2, 10, tzinfo=UTC),
    )

    decide(session, file(), "upheld", corrections={"amount": 100_00})

    assert [message.about for message in told(session, "bank")] == [f"check:{late.id}"]


@pytest.mark.parametrize("outcome", ["rejected", "redirected"])
def test_nobody_is_told_of_a_record_that_was_right(session, file, check, outcome):
    code = add_scheme(session, BEFORE, conditions=NO_JUDGMENT)
    bank = add_merchant(session, BEFORE, code="bank", name="桂城银行", offers=(code,))
    check(bank, code, datetime(2026, 2, 1, 2, tzinfo=UTC))
    decide(session, file(), outcome, redirected_to="上级平台")
    assert told(session, "bank") == []


def test_a_wrong_score_was_told_since_it_was_computed(session, scored, object_to_mine, check):
    code = add_scheme(session, BEFORE, conditions=UNREACHABLE)
    bank = add_merchant(session, BEFORE, code="bank", name="桂城银行", offers=(code,))
    faulty = current_score(session, scored.person.id)
    faulty.contributions = {**faulty.contributions, "volunteering": 1}
    faulty.computed_at = datetime(2026, 2, 10, tzinfo=UTC)
    check(bank, code, datetime(2026, 2, 1, 2, tzinfo=UTC))
    after = check(bank, code, datetime(2026, 2, 20, 2, tzinfo=UTC))

    decide(session, object_to_mine(), "upheld")

    assert [message.about for message in told(session, "bank")] == [f"check:{after.id}"]


# Corrections and statements


@pytest.mark.parametrize(
    "corrections",
    [
        {"level": 9},
        {"ended_on": date(2025, 11, 30)},
        {"performed_on": date(2025, 11, 30)},
        {"event_on": date(2026, 3, 4)},
        {"performed_on": date(2026, 3, 4)},
        {"event_on": date(2026, 2, 2)},  # after it ended
    ],
)
def test_a_correction_that_contradicts_the_catalogue_itself_or_the_calendar_is_refused(
    session, scored, file, corrections
):
    scored.judgment.ended_on = date(2026, 2, 1)
    objection = file()
    with pytest.raises(CorrectionContradicts):
        decide(session, objection, "upheld", corrections=corrections)


def test_an_identity_number_written_into_a_correction_is_masked(session, scored, file):
    decide(session, file(), "upheld", corrections={"content": {"备注": "当事人 99000119900101001X 已履行"}})
    assert "19900101" not in scored.judgment.content["备注"]


def test_a_statement_stands_beside_the_record_for_whoever_shows_it(session, scored, file):
    objection = file()
    decide(session, objection, "rejected")
    attach_statement(
        session,
        subject_id=scored.person.id,
        objection_id=objection.id,
        statement="正在申请再审",
        now=LATER,
    )
    assert statements_beside(session, [scored.judgment.id]) == {scored.judgment.id: ["正在申请再审"]}

    again = file()
    decide(session, again, "rejected")
    again.decided_at = LATER + timedelta(days=1)
    attach_statement(
        session, subject_id=scored.person.id, objection_id=again.id, statement="再审已立案", now=LATER
    )
    assert statements_beside(session, [scored.judgment.id])[scored.judgment.id] == ["正在申请再审", "再审已立案"]


def test_a_corrected_record_counts_again_and_the_score_with_it(session, scored, file):
    before = current_score(session, scored.person.id).total
    objection = file()
    recompute_subject(session, scored.person.id, cause="objection_filed", now=FILED)
    assert current_score(session, scored.person.id).total > before
    decide(session, objection, "upheld", corrections={"title": "更正后的案号"})
    recompute_subject(session, scored.person.id, cause="objection_upheld", now=LATER)
    assert current_score(session, scored.person.id).total == before


def test_what_was_repaired_meanwhile_stays_repaired_whatever_is_decided(session, scored, file):
    objection = file()
    change_state(session, scored.judgment, state="repaired", changed_by="信用办", reason="修复", now=LATER)
    decide(session, objection, "rejected")
    assert scored.judgment.state == "repaired"
