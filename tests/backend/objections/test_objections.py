from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from backend.city_calendar import WorkingDays
from backend.notifications.service import Recipient, notifications_of
from backend.objections.deadlines import load_deadlines
from backend.objections.errors import (
    AlreadyUnderObjection,
    CorrectionMissing,
    ObjectionNotFound,
    ObjectionStateForbids,
    RecordRevoked,
    ReplyMissing,
    StatementMissing,
)
from backend.objections.models import Objection
from backend.objections.service import (
    attach_statement,
    count_open,
    decide_objection,
    events_of,
    file_objection,
    forward_objection,
    is_overdue,
    objection_queue,
    objections_of,
    open_objections_by_record,
    withdraw_objection,
)
from backend.records.errors import RecordNotFound
from backend.records.models import RecordVersion
from backend.records.service import change_state
from backend.subjects.rescoring import open_marks
from tests.factories import add_person, add_record

FILED = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
LATER = FILED + timedelta(hours=5)
DEADLINES = load_deadlines(WorkingDays())
OFFICER = "信用办 李专员"


@pytest.fixture
def person(session, keys):
    return add_person(session, keys)


@pytest.fixture
def record(session, person):
    return add_record(session, person, "court_judgment", level=1)


@pytest.fixture
def file(session, person):
    def file(record, *, grounds="该判决已履行完毕", now=FILED, subject_id=None):
        return file_objection(
            session,
            subject_id=subject_id or person.id,
            record_id=record.id,
            grounds=grounds,
            now=now,
            deadlines=DEADLINES,
        )

    return file


def causes(session, subject):
    session.flush()
    return [mark.cause for mark in open_marks(session, limit=100).get(subject.id, [])]


def steps(session, objection):
    session.flush()
    return [event.event for event in events_of(session, objection.id)]


def test_filing_marks_the_record_at_once_and_asks_for_a_new_score(session, person, record, file):
    objection = file(record)

    assert record.state == "disputed"
    assert objection.state == "filed"
    assert objection.answer_due_on == date(2026, 3, 6)
    assert causes(session, person)[-1] == "objection_filed"
    assert steps(session, objection) == ["file"]
    latest = session.scalars(select(RecordVersion).order_by(RecordVersion.version.desc())).first()
    assert (latest.state, latest.version) == ("disputed", record.version)


def test_the_clock_starts_on_the_day_in_the_city(record, file):
    # 16:30 UTC on 3 March is already 4 March in the city.
    assert file(record, now=datetime(2026, 3, 3, 16, 30, tzinfo=UTC)).answer_due_on == date(2026, 3, 9)


def test_a_second_objection_is_told_when_the_first_will_be_answered(record, file):
    first = file(record)

    with pytest.raises(AlreadyUnderObjection) as refusal:
        file(record, now=LATER)

    assert refusal.value.answer_due_on == first.answer_due_on
    assert refusal.value.data == {"answer_due_on": "2026-03-06"}


def test_someone_elses_record_looks_as_if_it_did_not_exist(session, keys, record, file):
    neighbour = add_person(session, keys)

    with pytest.raises(RecordNotFound):
        file(record, subject_id=neighbour.id)
    assert record.state == "active"


def test_a_revoked_record_needs_no_objection(session, record, file):
    change_state(session, record, state="revoked", changed_by="法院", reason="撤销", now=FILED)

    with pytest.raises(RecordRevoked):
        file(record)


def test_a_record_that_no_longer_counts_does_not_count_again_through_an_objection(session, person, record, file):
    change_state(session, record, state="repaired", changed_by="信用办", reason="修复", now=FILED)

    objection = file(record)
    assert record.state == "repaired"
    withdraw_objection(session, subject_id=person.id, objection_id=objection.id, now=LATER)
    assert record.state == "repaired"


def test_withdrawing_lets_the_record_count_again(session, person, record, file):
    objection = file(record)

    withdraw_objection(session, subject_id=person.id, objection_id=objection.id, now=LATER)

    assert (objection.state, record.state) == ("withdrawn", "active")
    assert causes(session, person)[-1] == "objection_withdrawn"
    assert steps(session, objection) == ["file", "withdraw"]


def test_only_the_citizen_who_filed_can_withdraw(session, keys, record, file):
    objection = file(record)
    neighbour = add_person(session, keys)

    for objection_id, subject_id in [(objection.id, neighbour.id), (uuid4(), neighbour.id)]:
        with pytest.raises(ObjectionNotFound):
            withdraw_objection(session, subject_id=subject_id, objection_id=objection_id, now=LATER)
    assert record.state == "disputed"


def test_upheld_revokes_the_record(session, person, record, file):
    objection = file(record)

    decide_objection(
        session,
        objection_id=objection.id,
        outcome="upheld",
        reply=" 已履行，记录有误 ",
        officer=OFFICER,
        now=LATER,
    )

    assert (objection.state, record.state) == ("upheld", "revoked")
    assert (objection.reply, objection.decided_by, objection.decided_at) == ("已履行，记录有误", OFFICER, LATER)
    assert causes(session, person)[-1] == "objection_upheld"


def test_rejected_gives_reasons_and_lets_the_record_count_again(session, person, record, file):
    objection = file(record)

    decide_objection(
        session,
        objection_id=objection.id,
        outcome="rejected",
        reply="经法院核实未履行",
        officer=OFFICER,
        now=LATER,
    )

    assert (objection.state, record.state, objection.reply) == ("rejected", "active", "经法院核实未履行")
    [told] = notifications_of(session, [Recipient(subject_id=person.id)], limit=10)
    assert (told.kind, told.title) == ("objection_answered", "您的异议已答复：异议不成立")
    assert causes(session, person)[-1] == "objection_rejected"


@pytest.mark.parametrize("outcome", ["upheld", "partly_upheld", "rejected"])
def test_no_decision_goes_out_without_a_reply(session, record, file, outcome):
    objection = file(record)

    with pytest.raises(ReplyMissing):
        decide_objection(
            session, objection_id=objection.id, outcome=outcome, reply="  ", officer=OFFICER, now=LATER
        )
    assert record.state == "disputed"


def test_partly_upheld_waits_for_the_departments_correction(session, record, file):
    objection = file(record)
    decision = {"objection_id": objection.id, "outcome": "partly_upheld", "reply": "金额更正", "officer": OFFICER}

    with pytest.raises(CorrectionMissing):
        decide_objection(session, **decision, now=LATER)
    assert (objection.state, record.state) == ("filed", "disputed")

    record.version += 1  # as a corrected delivery does
    decide_objection(session, **decision, now=LATER)
    assert (objection.state, record.state) == ("partly_upheld", "active")


@pytest.mark.parametrize("outcome", ["upheld", "partly_upheld"])
def test_an_officers_correction_is_made_with_the_decision(session, person, record, file, outcome):
    objection = file(record)

    decide_objection(
        session,
        objection_id=objection.id,
        outcome=outcome,
        reply="金额更正",
        officer=OFFICER,
        corrections={"amount": 12_000},
        now=LATER,
    )

    assert (objection.state, record.state, record.amount) == (outcome, "active", 12_000)
    assert causes(session, person)[-1] == f"objection_{outcome}"


def test_what_the_department_revoked_meanwhile_stays_revoked(session, record, file):
    objection = file(record)
    change_state(session, record, state="revoked", changed_by="法院", reason="撤销", now=LATER)

    decide_objection(
        session, objection_id=objection.id, outcome="rejected", reply="已由法院撤销", officer=OFFICER, now=LATER
    )

    assert record.state == "revoked"


def test_forwarding_gives_the_longer_clock_counted_from_filing(session, record, file):
    objection = file(record)

    forward_objection(
        session, objection_id=objection.id, officer=OFFICER, now=FILED + timedelta(days=2), deadlines=DEADLINES
    )

    assert (objection.state, objection.answer_due_on) == ("forwarded", date(2026, 3, 12))
    assert record.state == "disputed"
    with pytest.raises(ObjectionStateForbids):
        forward_objection(session, objection_id=objection.id, officer=OFFICER, now=LATER, deadlines=DEADLINES)


def test_a_decided_objection_cannot_be_decided_or_withdrawn_again(session, person, record, file):
    objection = file(record)
    decision = {"objection_id": objection.id, "reply": "经核实", "officer": OFFICER, "now": LATER}
    decide_objection(session, outcome="rejected", **decision)

    with pytest.raises(ObjectionStateForbids):
        decide_objection(session, outcome="upheld", **decision)
    with pytest.raises(ObjectionStateForbids):
        withdraw_objection(session, subject_id=person.id, objection_id=objection.id, now=LATER)
    assert record.state == "active"


def test_a_new_objection_may_follow_once_the_first_is_answered(session, record, file):
    first = file(record)
    decide_objection(
        session, objection_id=first.id, outcome="rejected", reply="经核实", officer=OFFICER, now=LATER
    )

    second = file(record, grounds="补充银行回单", now=LATER)

    assert open_objections_by_record(session, [record.id]) == {record.id: second.id}
    assert record.state == "disputed"


def test_after_a_rejection_the_citizen_may_have_their_own_words_beside_the_record(session, person, record, file):
    objection = file(record)
    mine = {"subject_id": person.id, "objection_id": objection.id, "now": LATER}
    with pytest.raises(ObjectionStateForbids):
        attach_statement(session, statement="我已还清", **mine)
    decide_objection(
        session, objection_id=objection.id, outcome="rejected", reply="经核实", officer=OFFICER, now=LATER
    )

    with pytest.raises(StatementMissing):
        attach_statement(session, statement="  ", **mine)
    attach_statement(session, statement="我已还清，正在补办证明", **mine)

    assert (objection.state, objection.statement) == ("rejected", "我已还清，正在补办证明")


def test_the_queue_shows_the_most_urgent_first_and_what_is_overdue(session, person, file):
    records = [add_record(session, person, "court_judgment") for _ in range(3)]
    late, early, done = (file(record, now=now) for record, now in zip(records, [LATER, FILED, FILED], strict=True))
    late.answer_due_on = date(2026, 3, 10)
    withdraw_objection(session, subject_id=person.id, objection_id=done.id, now=LATER)

    queue = objection_queue(session)
    assert list(queue) == [early, late]
    assert list(objection_queue(session, after=(early.answer_due_on, early.id))) == [late]
    assert list(objection_queue(session, state="withdrawn")) == [done]
    assert len(objection_queue(session, state=None)) == 3
    assert [is_overdue(objection, date(2026, 3, 7)) for objection in (early, late, done)] == [True, False, False]
    assert not is_overdue(early, date(2026, 3, 6))
    assert count_open(session, date(2026, 3, 7)) == (2, 1)
    assert objections_of(session, person.id, date(2026, 3, 7))[0] is late


def test_the_database_itself_refuses_a_second_open_case(session, person, record, file):
    first = file(record)
    session.add(
        Objection(
            subject_id=person.id,
            filed_by_id=person.id,
            kind="record",
            about=first.about,
            record_id=record.id,
            record_version=first.record_version,
            grounds="第二次",
            state="forwarded",
            filed_at=LATER,
            answer_due_on=date(2026, 3, 6),
        )
    )

    with pytest.raises(IntegrityError):
        session.flush()


def test_two_taps_at_the_same_moment_open_one_case(database, keys):
    with database.transaction() as session:
        person = add_person(session, keys)
        record = add_record(session, person, "court_judgment")
    barrier, refusals = Barrier(2), []

    def tap():
        barrier.wait()
        try:
            with database.transaction() as session:
                file_objection(
                    session,
                    subject_id=person.id,
                    record_id=record.id,
                    grounds="该判决已履行完毕",
                    now=FILED,
                    deadlines=DEADLINES,
                )
        except AlreadyUnderObjection as refusal:
            refusals.append(refusal)

    taps = [Thread(target=tap) for _ in range(2)]
    for thread in taps:
        thread.start()
    for thread in taps:
        thread.join()

    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Objection)) == 1
    assert len(refusals) == 1
