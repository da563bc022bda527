from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from backend.city_calendar import WorkingDays
from backend.commitments.errors import LetterChanged
from backend.commitments.models import Commitment
from backend.commitments.service import find_about
from backend.evidence.errors import EvidenceNotFound
from backend.ledger.models import LedgerEntry
from backend.ledger.service import Actor, record_access
from backend.notifications.models import Notification
from backend.notifications.service import Recipient, notifications_of
from backend.objections.deadlines import load_deadlines
from backend.objections.service import decide_objection, file_objection
from backend.records.errors import RecordNotFound
from backend.records.models import CreditRecord, Delivery
from backend.records.service import change_state, records_of, versions_of
from backend.repairs.errors import (
    AlreadyUnderRepair,
    NoLongerToBeRepaired,
    NotOneMatter,
    RepairConditionsUnmet,
    RepairNotFound,
    RepairReplyMissing,
    RepairStateForbids,
)
from backend.repairs.models import Repair, RepairItem
from backend.repairs.rules import rule_of
from backend.repairs.service import (
    Clock,
    accept_repair,
    candidates,
    case_of,
    conditions_by_record,
    count_open,
    count_waiting,
    decide_repair,
    department_repairs,
    events_of,
    file_repair,
    get_repair_of_department,
    is_overdue,
    queue_place,
    repair_queue,
    return_repair,
    revoke_repair,
    volunteer_hours_since,
    watch_clocks,
    withdraw_repair,
)
from backend.subjects.acting import ActingFor, acting_for
from backend.subjects.errors import EnterpriseNotRepresented
from backend.subjects.rescoring import open_marks
from tests.backend.repairs.conftest import CLOCK, COURT, FILED, OFFICER
from tests.factories import add_enterprise, add_partner, add_person, add_record, add_relation, intake_of
from tests.rules_in_force import put_rules_in_force

LATER = FILED + timedelta(hours=3)
COURT_CODE = "11990001MB9000058N"
DAYS = CLOCK.working_days


def told(session, **recipient):
    return [message.kind for message in notifications_of(session, [Recipient(**recipient)], limit=50)][::-1]


def steps(session, repair):
    session.flush()
    return [event.event for event in events_of(session, repair.id)]


def test_one_acceptance_leads_to_the_end_and_the_record_counts_no_longer(session, applicant):
    record = applicant.record()

    repair = applicant.repaired(record)

    assert (repair.state, record.state) == ("done", "repaired")
    assert steps(session, repair) == ["draft", "file", "accept", "forward", "approve", "finish"]
    assert open_marks(session, 100)[applicant.subject.id][-1].cause == "repair_done"
    assert [(version.state, version.changed_by) for version in versions_of(session, record.id)] == [
        ("active", record.source_department),
        ("repaired", COURT),
    ]
    assert told(session, subject_id=applicant.subject.id) == ["repair_accepted", "repair_done"]
    assert told(session, partner_code=COURT_CODE) == ["repair_forwarded", "repair_done"], "to stop publishing it"


def test_the_department_has_three_working_days_and_the_applicant_hears_within_ten(session, applicant):
    repair = applicant.files(applicant.drafts(applicant.record()))
    # Tuesday 30 June 2026: three working days later is Friday.
    assert (repair.state, repair.due_on) == ("filed", date(2026, 7, 3))

    repair = accept_repair(session, repair_id=repair.id, officer=OFFICER, now=LATER, clock=CLOCK)

    assert repair.state == "with_department"
    assert (repair.due_on, repair.result_due_on) == (date(2026, 7, 3), date(2026, 7, 14))


def test_a_case_is_decided_by_the_rules_of_the_day_it_was_filed(session, applicant):
    march = datetime(2026, 3, 31, 15, 59, tzinfo=UTC)
    old = applicant.record(event_on=date(2025, 11, 1), performed_on=date(2026, 1, 1))
    before = applicant.drafts(old, now=march)
    assert applicant.files(before, now=march).rule == "order58"

    # A minute later it is 1 April in the city.
    new = applicant.record(event_on=date(2025, 11, 1), performed_on=date(2026, 1, 1))
    after = applicant.drafts(new, now=march)
    assert applicant.files(after, now=march + timedelta(minutes=1)).rule == "order36"


def test_filing_names_each_unmet_condition_and_from_when_it_is_met(session, applicant):
    record = applicant.record(event_on=date(2026, 5, 15), performed_on=None)

    with session.begin_nested() as attempt:
        with pytest.raises(RepairConditionsUnmet) as refusal:
            applicant.files(applicant.drafts(record))
        attempt.rollback()

    unmet = {one["code"]: one["met_from"] for one in refusal.value.data["conditions"]}
    assert unmet == {"shortest_period": date(2026, 8, 15), "obligation": None}
    assert "2026-08-15" in refusal.value.detail


def test_proof_makes_up_for_a_performance_that_was_never_delivered(session, applicant):
    record = applicant.record(performed_on=None)

    repair = applicant.files(applicant.drafts(record, evidence=(applicant.photo(),)))

    assert repair.state == "filed"


def test_anothers_photo_and_a_photo_of_another_case_prove_nothing(session, keys, applicant):
    photo = applicant.photo()
    applicant.drafts(applicant.record(), evidence=(photo,))

    with pytest.raises(EvidenceNotFound):
        applicant.drafts(applicant.record(), evidence=(photo,))
    with pytest.raises(EvidenceNotFound):
        applicant.drafts(applicant.record(), evidence=(uuid4(),))


def test_the_letter_is_signed_by_the_account_in_the_words_that_were_shown(session, applicant):
    repair = applicant.drafts(applicant.record())

    with pytest.raises(LetterChanged):
        file_repair(
            session,
            repair_id=repair.id,
            acting=applicant.acting,
            account_id=applicant.account_id,
            letter_sha256="0" * 64,
            now=FILED,
            clock=CLOCK,
        )
    applicant.files(repair)

    letter = find_about(session, case_of(repair))
    assert (letter.signed_by, letter.account_id, letter.state) == ("本人", applicant.account_id, "signed")
    assert len(letter.text_sha256) == 64


def test_a_second_case_about_the_same_record_is_refused_while_the_first_is_open(session, applicant):
    record = applicant.record()
    first = applicant.drafts(record)

    with pytest.raises(AlreadyUnderRepair):
        applicant.drafts(record)
    withdraw_repair(session, repair_id=first.id, acting=applicant.acting, now=LATER)
    assert applicant.drafts(record).state == "draft"


def test_the_index_stops_two_taps_that_both_got_past_the_check(session, applicant):
    record = applicant.record()
    repair = applicant.drafts(record)

    session.add(RepairItem(repair_id=repair.id, record_id=record.id, open=True))
    with pytest.raises(IntegrityError):
        session.flush()


def test_several_records_go_together_only_when_they_are_of_one_matter(session, applicant):
    one, other = applicant.record(event_key=7), applicant.record(event_key=7)
    stranger = applicant.record(event_key=8)

    with pytest.raises(NotOneMatter):
        applicant.drafts(one, stranger)
    with pytest.raises(NotOneMatter):
        applicant.drafts(applicant.record(), applicant.record())
    with pytest.raises(NotOneMatter):
        applicant.drafts(one, applicant.record(event_key=7, source_department="桂城市公安局"))
    applicant.repaired(one, other)
    assert (one.state, other.state, stranger.state) == ("repaired", "repaired", "active")


def test_someone_elses_record_and_case_look_as_if_they_did_not_exist(session, keys, applicant, make_applicant):
    neighbour = add_person(session, keys)
    theirs = make_applicant(ActingFor(neighbour, neighbour.id, "本人"))

    with pytest.raises(RecordNotFound):
        theirs.drafts(applicant.record())
    repair = applicant.drafts(applicant.record())
    with pytest.raises(RepairNotFound):
        withdraw_repair(session, repair_id=repair.id, acting=theirs.acting, now=LATER)


def test_returned_for_completion_the_clock_stands_still_until_it_comes_back(session, applicant):
    record = applicant.record()
    repair = applicant.files(applicant.drafts(record))

    return_repair(session, repair_id=repair.id, missing="请补交缴款凭证原件照片", officer=OFFICER, now=LATER)
    assert (repair.state, repair.due_on, repair.reply) == ("returned", None, "请补交缴款凭证原件照片")
    with pytest.raises(LetterChanged):
        file_repair(
            session,
            repair_id=repair.id,
            acting=applicant.acting,
            account_id=applicant.account_id,
            letter_sha256="0" * 64,
            now=FILED + timedelta(days=8),
            clock=CLOCK,
        )
    again = applicant.files(repair, now=FILED + timedelta(days=8), evidence_ids=[applicant.photo()])

    assert (again.state, again.due_on) == ("filed", date(2026, 7, 13))
    assert session.scalars(select(Commitment).where(Commitment.about == case_of(repair))).all() == [
        find_about(session, case_of(repair))
    ], "the letter that was signed still holds"
    assert told(session, subject_id=applicant.subject.id) == ["repair_returned"]


def test_refused_with_reasons_the_record_counts_on_and_the_applicant_may_apply_again(session, applicant):
    record = applicant.record()
    repair = applicant.accepted(record)

    with pytest.raises(RepairReplyMissing):
        decide_repair(session, repair_id=repair.id, outcome="refused", reply=" ", decided_by=COURT, now=LATER)
    decide_repair(
        session, repair_id=repair.id, outcome="refused", reply="尚有利息未付清", decided_by=COURT, now=LATER
    )

    assert (repair.state, record.state, repair.reply) == ("refused", "active", "尚有利息未付清")
    assert find_about(session, case_of(repair)).state == "cancelled"
    assert applicant.files(applicant.drafts(record)).state == "filed"


def test_withdrawing_ends_the_promise_and_the_applicant_may_apply_again(session, applicant):
    record = applicant.record()
    repair = applicant.files(applicant.drafts(record))

    withdraw_repair(session, repair_id=repair.id, acting=applicant.acting, now=LATER)

    assert (repair.state, record.state, repair.due_on) == ("withdrawn", "active", None)
    assert find_about(session, case_of(repair)).state == "cancelled"
    assert applicant.drafts(record).state == "draft"


def test_a_step_that_someone_else_took_first_is_refused(session, applicant):
    repair = applicant.accepted(applicant.record())
    withdraw_repair(session, repair_id=repair.id, acting=applicant.acting, now=LATER)

    with pytest.raises(RepairStateForbids):
        decide_repair(
            session, repair_id=repair.id, outcome="approved", reply="同意予以修复", decided_by=COURT, now=LATER
        )


def test_a_record_that_came_under_objection_meanwhile_is_not_repaired(session, applicant):
    record = applicant.record()
    repair = applicant.accepted(record)
    change_state(session, record, state="disputed", changed_by="本人", reason="异议", now=LATER)

    with pytest.raises(NoLongerToBeRepaired):
        decide_repair(
            session,
            repair_id=repair.id,
            outcome="approved",
            reply="同意修复这条",
            decided_by=COURT,
            now=LATER,
        )


def test_those_who_were_given_the_record_are_told_and_those_who_only_asked_yes_or_no_are_not(session, applicant):
    record = applicant.record()
    bank = add_partner(session, code="bank", name="桂城银行", kind="institution")
    shop = add_partner(session, code="shop", name="书店", kind="merchant")
    for partner, action in ((bank, "report_read"), (bank, "grade_read"), (shop, "benefit_checked")):
        record_access(
            session,
            subject_id=applicant.subject.id,
            actor=Actor("partner", str(partner.id), partner.name),
            action=action,
            basis="本人授权",
            purpose="信易贷",
            detail={},
            channel="api",
            # Between the delivery of the record and the application.
            now=FILED - timedelta(days=20),
        )

    repair = applicant.repaired(record)

    messages = session.scalars(select(Notification).where(Notification.partner_code == "bank")).all()
    entries = session.scalars(select(LedgerEntry).where(LedgerEntry.actor_id == str(bank.id))).all()
    assert len(messages) == len(entries)
    assert {message.about for message in messages} == {f"access:{entry.id}" for entry in entries}, "one for each"
    assert record.title not in "".join(message.body for message in messages)
    assert told(session, partner_code="shop") == []
    rows = session.scalars(select(LedgerEntry).where(LedgerEntry.action == "correction_told")).all()
    assert [(row.subject_id, row.detail["case"]) for row in rows] == [(applicant.subject.id, case_of(repair))] * 2
    summary = notifications_of(session, [Recipient(subject_id=applicant.subject.id)], limit=1)[0]
    assert (summary.kind, "桂城银行（2 次答复）" in summary.body) == ("correction_told", True)


def test_who_read_an_enterprises_report_hears_when_its_legal_representatives_record_is_repaired(
    session, keys, applicant
):
    record = applicant.record()
    enterprise = add_enterprise(session, keys)
    add_relation(session, enterprise=enterprise, principal=applicant.subject, role="legal_representative")
    bank = add_partner(session, code="bank", name="桂城银行", kind="institution")
    record_access(
        session,
        subject_id=enterprise.id,
        actor=Actor("partner", str(bank.id), bank.name),
        action="report_read",
        basis="企业授权",
        purpose="信易贷",
        detail={},
        channel="api",
        now=FILED,
    )

    applicant.repaired(record)

    assert told(session, partner_code="bank") == ["earlier_answer_corrected"]


def test_a_record_under_objection_lowers_no_score_when_its_repair_is_revoked(session, keys, applicant):
    record = applicant.record()
    repair = applicant.repaired(record)
    objection = file_objection(
        session,
        subject_id=applicant.subject.id,
        record_id=record.id,
        grounds="判决已被再审撤销",
        now=LATER,
        deadlines=load_deadlines(DAYS),
    )

    revoke_repair(
        session, intake_of(keys), repair_id=repair.id, finding="缴款凭证系伪造", officer=OFFICER, now=LATER
    )

    assert (repair.state, record.state) == ("revoked", "disputed")
    decide_objection(
        session, objection_id=objection.id, outcome="rejected", reply="判决仍有效", officer="甲", now=LATER
    )
    assert record.state == "active"


def test_a_repair_obtained_by_false_statements_is_undone_and_the_broken_promise_is_recorded(
    session, keys, applicant
):
    record = applicant.record()
    repair = applicant.repaired(record)

    revoke_repair(
        session, intake_of(keys), repair_id=repair.id, finding="缴款凭证系伪造。", officer=OFFICER, now=LATER
    )

    assert (repair.state, record.state) == ("revoked", "active")
    broken = records_of(session, applicant.subject.id, category="commitment")
    assert [(one.level, one.state) for one in broken] == [(3, "active")]
    assert broken[0].content["承诺类型"] == "信用修复型"
    assert told(session, subject_id=applicant.subject.id)[-1] == "repair_revoked"
    bodies = [
        one.body for one in notifications_of(session, [Recipient(subject_id=applicant.subject.id)], limit=50)
    ]
    assert not any("。。" in body for body in bodies), "an officer's own full stop is not doubled"
    assert applicant.drafts(record).state == "draft", "who puts it right in truth may ask again"


def test_a_revocation_in_a_year_only_the_citys_calendar_knows_is_judged_for_timeliness_by_that_calendar(
    session, keys, applicant
):
    filed, calendar = datetime(2031, 3, 3, 2, tzinfo=UTC), WorkingDays(overrides={2031: {}})
    applicant.clock = Clock(calendar, "shandong")
    record = applicant.record(event_on=date(2030, 6, 1), performed_on=date(2030, 7, 1))
    repair = applicant.repaired(record, now=filed)

    revoke_repair(
        session,
        intake_of(keys, calendar),
        repair_id=repair.id,
        finding="缴款凭证系伪造",
        officer=OFFICER,
        now=filed + timedelta(days=9),
    )

    (broken,) = session.scalars(select(Delivery).where(Delivery.template == "commitment"))
    assert (broken.shape["timed"], broken.shape["on_time"]) == (1, 1)


def test_the_conditions_of_a_closed_case_are_those_it_was_filed_under(session, applicant):
    record = applicant.record()
    before = conditions_of_case(session, applicant.accepted(record))
    open_case, refused, done = (applicant.record() for _ in range(3))
    repair = applicant.accepted(refused)
    decide_repair(
        session, repair_id=repair.id, outcome="refused", reply="尚有利息未付清", decided_by=COURT, now=LATER
    )

    assert all(before.values())
    assert conditions_of_case(session, applicant.repaired(done)) == before
    assert conditions_of_case(session, repair) == before
    # While it is open the conditions are today's: an objection in the meantime stands in its way.
    repair = applicant.accepted(open_case)
    change_state(session, open_case, state="disputed", changed_by="本人", reason="异议", now=LATER)
    assert conditions_of_case(session, repair) == {"counts": False, "repairable": True}


def conditions_of_case(session, repair):
    session.flush()
    [conditions] = conditions_by_record(
        session, repair, rule=rule_of(repair.rule), today=date(2026, 9, 30)
    ).values()
    return {condition.code: condition.met for condition in conditions}


def test_revoking_leaves_a_record_that_has_meanwhile_been_revoked_as_it_is(session, keys, applicant):
    record = applicant.record()
    repair = applicant.repaired(record)
    change_state(session, record, state="revoked", changed_by=COURT, reason="再审撤销", now=LATER)

    revoke_repair(
        session, intake_of(keys), repair_id=repair.id, finding="缴款凭证系伪造", officer=OFFICER, now=LATER
    )

    assert record.state == "revoked"


def test_a_legal_representative_acts_for_the_enterprise_and_nobody_else_does(
    session, keys, applicant, make_applicant
):
    enterprise = add_enterprise(session, keys)
    add_relation(session, enterprise=enterprise, principal=applicant.subject, role="legal_representative")
    acting = acting_for(
        session, person_id=applicant.subject.id, enterprise_code=enterprise.public_code, on=date(2026, 6, 30)
    )
    office = make_applicant(acting)
    penalty = office.record("admin_penalty", title="罚款", event_on=date(2026, 3, 1))

    repair = office.repaired(penalty)

    assert (penalty.state, repair.applied_by) == ("repaired", "法定代表人")
    assert told(session, subject_id=enterprise.id)[-1] == "repair_done"
    neighbour = add_person(session, keys)
    add_relation(session, enterprise=enterprise, principal=neighbour, role="shareholder")
    with pytest.raises(EnterpriseNotRepresented):
        acting_for(session, person_id=neighbour.id, enterprise_code=enterprise.public_code, on=date(2026, 6, 30))


def test_candidates_are_the_adverse_records_with_what_stands_in_the_way(session, applicant):
    ready = applicant.record()
    waiting = applicant.record(event_on=date(2026, 6, 1))
    applicant.record("volunteering", level=0)
    applicant.record(state="repaired")

    found = {
        one.record.id: one for one in candidates(session, subject_id=applicant.subject.id, today=date(2026, 6, 30))
    }

    assert set(found) == {ready.id, waiting.id}
    unmet = {one.code for one in found[ready.id].conditions if not one.met}
    assert unmet == {"commitment"}
    assert {one.code for one in found[waiting.id].conditions if not one.met} == {"shortest_period", "commitment"}


def test_the_officer_sees_the_hours_volunteered_since_the_act(session, applicant):
    repair = applicant.accepted(applicant.record(event_on=date(2026, 3, 1)))
    for event_on, quantity, state in (
        (date(2026, 2, 28), 5_000, "active"),
        (date(2026, 3, 1), 250, "active"),
        (date(2026, 6, 1), 1_000, "active"),
        (date(2026, 6, 2), 9_000, "revoked"),
    ):
        add_record(session, applicant.subject, "volunteering", event_on=event_on, quantity=quantity, state=state)

    assert volunteer_hours_since(session, repair) == 1_250


def test_what_is_due_tomorrow_is_reminded_of_once_and_what_is_late_raises_an_alarm_once(session, applicant):
    repair = applicant.accepted(applicant.record())
    watch = {
        day: watch_clocks(session, now=FILED + timedelta(days=day), working_days=CLOCK.working_days)
        for day in (0, 1, 2, 3, 4, 5)
    }

    # Due on Friday 3 July: reminded on Thursday, late from Saturday, when the next working day is Monday.
    # Office and department each time; the applicant only hears that it is late.
    assert watch == {0: 0, 1: 0, 2: 2, 3: 0, 4: 3, 5: 0}
    assert told(session, partner_code=COURT_CODE) == ["repair_forwarded", "repair_due_soon", "repair_overdue"]
    assert told(session, subject_id=applicant.subject.id) == ["repair_accepted", "repair_overdue"]
    late = notifications_of(session, [Recipient(subject_id=applicant.subject.id)], limit=1)[0]
    assert f"{COURT}应于 2026-07-03 前作出决定" in late.body
    # The result is due on Tuesday 14 July: a clock of its own.
    result = [
        watch_clocks(session, now=FILED + timedelta(days=day), working_days=CLOCK.working_days)
        for day in (12, 13, 14, 15, 16)
    ]
    assert result == [0, 2, 0, 3, 0]
    assert is_overdue(repair, date(2026, 7, 4))
    assert not is_overdue(repair, date(2026, 7, 3))
    assert count_open(session, date(2026, 7, 4)) == (1, 1)


def test_the_queue_shows_the_most_urgent_first_page_by_page_and_no_drafts(session, applicant):
    applicant.drafts(applicant.record())
    late = applicant.files(applicant.drafts(applicant.record()), now=FILED + timedelta(days=1))
    early = applicant.files(applicant.drafts(applicant.record()))
    returned = applicant.files(applicant.drafts(applicant.record()))
    return_repair(session, repair_id=returned.id, missing="请补充材料", officer=OFFICER, now=LATER)

    first = repair_queue(session, limit=1)
    rest = repair_queue(session, after=(queue_place(first[0]), first[0].id), limit=9)

    assert [repair.id for repair in [*first, *rest]] == [early.id, late.id]
    assert [repair.id for repair in repair_queue(session, state="returned")] == [returned.id]


def test_a_department_sees_what_it_has_to_decide_and_nothing_else(session, applicant):
    filed = applicant.files(applicant.drafts(applicant.record()))
    forwarded = applicant.accepted(applicant.record())

    assert [repair.id for repair in department_repairs(session, COURT_CODE)] == [forwarded.id]
    assert department_repairs(session, "11990001MB9000074C") == []
    assert count_waiting(session, COURT_CODE, forwarded.due_on) == (1, 0)
    assert count_waiting(session, COURT_CODE, forwarded.due_on + timedelta(days=1)) == (1, 1)
    assert count_waiting(session, "11990001MB9000074C", forwarded.due_on) == (0, 0)
    with pytest.raises(RepairNotFound):
        get_repair_of_department(session, filed.id, COURT_CODE)
    with pytest.raises(RepairNotFound):
        get_repair_of_department(session, forwarded.id, "11990001MB9000074C")


def test_of_two_decisions_at_the_same_moment_one_wins(postgresql_database, keys, tmp_path):
    from backend.evidence.service import EvidenceStore
    from tests.backend.repairs.conftest import BEFORE, Applicant

    with postgresql_database.transaction() as session:
        put_rules_in_force(session, BEFORE)
        person = add_person(session, keys)
        applicant = Applicant(session, keys, ActingFor(person, person.id, "本人"), EvidenceStore(tmp_path, keys))
        repair_id = applicant.accepted(applicant.record()).id
    outcomes, together = [], Barrier(2)

    def decide(outcome):
        together.wait()
        try:
            with postgresql_database.transaction() as session:
                decide_repair(
                    session, repair_id=repair_id, outcome=outcome, reply="核实完毕了", decided_by=COURT, now=LATER
                )
            outcomes.append(outcome)
        except RepairStateForbids:
            outcomes.append("refused by state")

    threads = [Thread(target=decide, args=(outcome,)) for outcome in ("approved", "refused")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count("refused by state") == 1
    with postgresql_database.reading() as session:
        state = session.get_one(Repair, repair_id).state
        record = session.scalars(select(CreditRecord)).one()
        assert (state, record.state) in {("done", "repaired"), ("refused", "active")}
