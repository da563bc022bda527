from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from backend.city_calendar import WorkingDays
from backend.commitments.errors import (
    CommitmentNotFound,
    CommitmentNotOffered,
    CommitmentStateForbids,
    CommitmentTypeUnknown,
    DueDateMissing,
    FindingMissing,
    LetterChanged,
)
from backend.commitments.one_list import all_commitments_of
from backend.commitments.service import (
    break_commitment_about,
    commitment_queue,
    count_due,
    events_of,
    follow_up,
    get_own_commitment,
    remind_of_due,
    remind_signer,
    sign_commitment,
    sign_within,
    types_offered_to,
)
from backend.commitments.types import commitment_types, letter_for
from backend.notifications.service import Recipient, notifications_of
from backend.objections.deadlines import load_deadlines
from backend.objections.service import decide_objection, file_objection
from backend.publicity.service import public_commitments, public_page
from backend.records.models import CreditRecord
from backend.records.service import change_state, lock_record
from backend.subjects.acting import ActingFor
from backend.subjects.rescoring import open_marks
from tests.factories import add_enterprise, add_person, add_record, intake_of
from tests.rules_in_force import put_rules_in_force

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)
SIGNED = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
LATER = SIGNED + timedelta(days=30)
MATTER = "食品经营许可"
DUE = date(2026, 6, 30)


@pytest.fixture
def person(session, keys):
    put_rules_in_force(session, BEFORE)
    return add_person(session, keys, name="王小兰")


@pytest.fixture
def enterprise(session, keys, person):
    return add_enterprise(session, keys)


@pytest.fixture
def sign(session, person):
    def sign(
        subject=None, *, type_code="approval_substitution", matter=MATTER, due_on=DUE, now=SIGNED, sha256=None
    ):
        subject = subject or person
        return sign_commitment(
            session,
            acting=ActingFor(subject, person.id, "本人" if subject is person else "法定代表人"),
            account_id=uuid4(),
            type_code=type_code,
            matter=matter,
            text_sha256=sha256 or letter_for(type_code, matter=matter, on=date(2026, 3, 3)).sha256,
            due_on=due_on,
            now=now,
        )

    return sign


@pytest.fixture
def judge(session, keys):
    def judge(commitment, outcome, *, finding="现场核查，未按期补齐材料", now=LATER):
        return follow_up(
            session,
            intake_of(keys),
            commitment_id=commitment.id,
            outcome=outcome,
            finding=finding,
            officer="信用办 张敏",
            now=now,
        )

    return judge


def test_signing_keeps_who_signed_when_and_which_words(session, sign):
    commitment = sign()

    assert (commitment.signed_by, commitment.signed_at, commitment.state) == ("本人", SIGNED, "signed")
    assert commitment.account_id is not None
    assert commitment.text_sha256 == letter_for("approval_substitution", matter=MATTER, on=DUE).sha256
    assert MATTER in commitment.text
    assert (commitment.due_on, len(commitment.code)) == (DUE, 20)
    assert [event.event for event in events_of(session, commitment.id)] == ["sign"]


def test_other_words_than_those_shown_are_not_signed(sign):
    with pytest.raises(LetterChanged):
        sign(sha256=letter_for("approval_substitution", matter="别的事项", on=DUE).sha256)


def test_a_changed_text_is_signed_from_its_date_on():
    old = letter_for("credit_repair", matter=MATTER, on=date(2026, 3, 31))
    new = letter_for("credit_repair", matter=MATTER, on=date(2026, 4, 1))

    assert ("第58号" in old.basis, "第36号" in new.basis) == (True, True)
    assert old.sha256 != new.sha256


@pytest.mark.parametrize("due_on", [None, date(2026, 3, 3), date(2031, 3, 4)])
def test_a_promise_to_make_up_for_something_names_a_day_ahead_within_five_years(sign, due_on):
    with pytest.raises(DueDateMissing):
        sign(due_on=due_on)


def test_types_belong_to_those_who_may_sign_them(session, keys, person, enterprise, sign):
    assert {kind.code for kind in types_offered_to(person)} == {"approval_substitution", "voluntary_publication"}
    assert "industry_discipline" in {kind.code for kind in types_offered_to(enterprise)}
    with pytest.raises(CommitmentNotOffered):
        sign(type_code="industry_discipline", due_on=None)
    with pytest.raises(CommitmentNotOffered):
        sign(type_code="credit_repair", due_on=None)
    with pytest.raises(CommitmentTypeUnknown):
        sign(type_code="oath", sha256="0" * 64)


def test_no_text_names_a_person():
    for kind in commitment_types().values():
        for wording in kind.wordings:
            assert "{name}" not in wording.text
            assert wording.basis
            assert wording.liability


@pytest.mark.parametrize(
    ("outcome", "level", "event"),
    [("fulfilled", 1, "fulfil"), ("partly_fulfilled", 2, "fulfil_partly"), ("broken", 3, "break")],
)
def test_the_outcome_becomes_a_record_of_the_commitment_category(
    session, person, sign, judge, outcome, level, event
):
    commitment = judge(sign(), outcome)

    record = session.get_one(CreditRecord, commitment.record_id)
    assert (record.category, record.level, record.state) == ("commitment", level, "active")
    assert (record.subject_id, record.event_on) == (person.id, date(2026, 3, 3))
    assert record.content["承诺编码"] == commitment.code
    assert "王小兰" not in str(record.content)
    assert person.id in open_marks(session, 100)
    session.flush()
    assert [step.event for step in events_of(session, commitment.id)] == ["sign", event]
    told = notifications_of(session, [Recipient(subject_id=person.id)])
    assert [message.kind for message in told] == ["commitment_followed_up"]


def test_what_turned_out_broken_corrects_the_same_record(session, sign, judge):
    commitment = judge(sign(), "fulfilled")
    first = commitment.record_id

    judge(commitment, "broken")

    record = session.get_one(CreditRecord, first)
    assert commitment.record_id == first
    assert (record.level, record.version) == (3, 2)


def test_a_case_breaks_the_letter_that_was_signed_last_in_it_and_once(session, keys, person):
    """A letter is signed anew after a return; the repair it belongs to may come to nothing after it was broken."""

    def signed(now):
        return sign_within(
            session,
            acting=ActingFor(person, person.id, "本人"),
            account_id=uuid4(),
            type_code="credit_repair",
            matter=MATTER,
            text_sha256=letter_for("credit_repair", matter=MATTER, on=date(2026, 3, 3)).sha256,
            about="repair:1",
            now=now,
        )

    first, last = signed(SIGNED), signed(SIGNED + timedelta(hours=1))

    def broken():
        return break_commitment_about(
            session,
            intake_of(keys),
            about="repair:1",
            finding="以虚假材料取得修复",
            officer="张敏",
            now=LATER,
        )

    assert broken() is last
    assert broken() is last
    assert (first.state, last.state) == ("signed", "broken")
    assert session.get_one(CreditRecord, last.record_id).version == 1


def test_a_finding_is_needed_and_a_settled_case_is_not_settled_twice(sign, judge):
    commitment = sign()
    with pytest.raises(FindingMissing):
        judge(commitment, "broken", finding=" ")
    judge(commitment, "broken")

    with pytest.raises(CommitmentStateForbids):
        judge(commitment, "broken")


def test_a_broken_promise_can_be_objected_to(session, person, sign, judge):
    commitment = judge(sign(), "broken")
    objection = file_objection(
        session,
        subject_id=person.id,
        record_id=commitment.record_id,
        grounds="材料已于期限内补齐",
        now=LATER,
        deadlines=load_deadlines(WorkingDays()),
    )
    assert all_commitments_of(session, person.id)[0].record_state == "disputed"

    decide_objection(
        session,
        objection_id=objection.id,
        outcome="upheld",
        reply="核实已按期补齐，记录撤销",
        officer="信用办",
        now=LATER,
    )

    assert all_commitments_of(session, person.id)[0].record_state == "revoked"


def test_signed_and_collected_commitments_are_one_list_each_once(session, person, sign, judge):
    judge(sign(), "fulfilled")
    sign(matter="门前三包")
    add_record(
        session,
        person,
        "commitment",
        level=2,
        event_on=date(2025, 5, 1),
        content={"承诺类型": "容缺受理型", "承诺事由": "施工许可", "承诺受理单位": "桂城市行政审批服务局"},
    )

    listed = all_commitments_of(session, person.id)

    assert [(one.matter, one.state_name, one.commitment_id is None) for one in listed] == [
        (MATTER, "已履行", False),
        ("门前三包", "履行中", False),
        ("施工许可", "部分履行", True),
    ]
    assert listed[2].type_name == "容缺受理型承诺"


def test_an_enterprises_commitments_are_public_and_a_persons_never(session, person, enterprise, sign, judge):
    sign(person)
    judge(sign(enterprise), "broken")
    sign(enterprise, matter="施工扬尘治理")

    public = public_commitments(session, enterprise.public_code, today=date(2026, 4, 2))

    assert {one.listed.matter for one in public} == {MATTER, "施工扬尘治理"}
    assert public_commitments_of(session, person) is None


def test_the_public_is_told_that_a_fulfilment_is_disputed(session, enterprise, sign, judge):
    commitment = judge(sign(enterprise), "broken")
    sign(enterprise, matter="施工扬尘治理")
    record = lock_record(session, commitment.record_id)
    change_state(session, record, state="disputed", changed_by="信用办", reason="测试", now=LATER)

    public = public_commitments(session, enterprise.public_code, today=date(2026, 4, 2))

    assert {one.listed.matter: one.outcome and one.outcome.disputed for one in public} == {
        MATTER: True,
        "施工扬尘治理": None,
    }


@pytest.mark.parametrize("outcome", [None, "fulfilled", "broken"])
def test_the_promise_of_a_repair_does_not_go_on_publishing_what_was_repaired(
    session, person, enterprise, judge, outcome
):
    letter = letter_for("credit_repair", matter="食品标签不符合规定：罚款", on=date(2026, 3, 3))
    commitment = sign_within(
        session,
        acting=ActingFor(enterprise, person.id, "法定代表人"),
        account_id=uuid4(),
        type_code="credit_repair",
        matter=letter.matter,
        text_sha256=letter.sha256,
        about="repair:1",
        now=SIGNED,
    )
    if outcome is not None:
        judge(commitment, outcome)

    page = public_page(session, enterprise.public_code, today=date(2026, 4, 2))
    [public] = public_commitments(session, enterprise.public_code, today=date(2026, 4, 2))

    assert (public.listed.type_name, public.listed.matter) == ("信用修复承诺", "申请信用修复")
    assert [one.title for one in page.commitments] == ["信用修复承诺：申请信用修复"] * (outcome is not None)
    told = session.scalars(select(CreditRecord.title).where(CreditRecord.subject_id == enterprise.id))
    assert not any("食品标签" in title for title in told)
    [own] = all_commitments_of(session, enterprise.id)
    assert own.matter == "食品标签不符合规定：罚款"


def test_nor_does_one_that_a_department_delivered(session, enterprise):
    content = {"承诺类型": "信用修复型", "承诺事由": "食品标签不符合规定：罚款"}
    add_record(session, enterprise, "commitment", level=1, title="信用修复型承诺：食品标签", content=content)

    page = public_page(session, enterprise.public_code, today=date(2026, 4, 2))
    [public] = public_commitments(session, enterprise.public_code, today=date(2026, 4, 2))

    assert [one.title for one in page.commitments] == ["信用修复承诺：申请信用修复"]
    assert public.listed.matter == "申请信用修复"


def test_commitments_that_departments_delivered_about_an_organisation_are_public_too(session, enterprise):
    enterprise.kind = "organisation"
    add_record(
        session,
        enterprise,
        "commitment",
        level=1,
        event_on=date(2025, 5, 1),
        content={"承诺类型": "主动型", "承诺事由": "公开收支"},
    )

    [public] = public_commitments(session, enterprise.public_code, today=date(2026, 4, 2))

    assert (public.listed.matter, public.listed.state_name) == ("公开收支", "已履行")
    assert public.outcome.until == date(2028, 4, 30)


def public_commitments_of(session, subject):
    """None where there is no public page at all."""
    return subject.public_code and public_commitments(session, subject.public_code, today=date(2026, 4, 2))


@pytest.mark.parametrize("state", ["repaired", "revoked", "expired"])
def test_a_broken_promise_that_was_repaired_is_public_no_longer(session, enterprise, sign, judge, state):
    commitment = judge(sign(enterprise), "broken")
    record = lock_record(session, commitment.record_id)
    change_state(session, record, state=state, changed_by="信用办", reason="测试", now=LATER)

    assert public_commitments(session, enterprise.public_code, today=date(2026, 4, 2)) == []


def test_signers_are_reminded_a_week_ahead_and_officers_told_when_it_is_due_each_once(session, person, sign):
    commitment = sign()
    due = datetime(2026, 6, 30, 2, tzinfo=UTC)

    told = [remind_of_due(session, now=due + timedelta(days=days)) for days in (-8, -7, -6, 0, 1, 2)]

    assert told == [0, 1, 0, 0, 1, 0]
    assert count_due(session, date(2026, 6, 29)) == 0
    assert [one.id for one in commitment_queue(session, state="due", today=DUE)] == [commitment.id]
    officers = notifications_of(session, [Recipient(officer_role="data_officer")])
    assert [message.kind for message in officers] == ["commitment_to_follow_up"]


def test_an_officer_may_remind_as_often_as_needed(session, person, sign):
    commitment = sign()

    for _ in range(2):
        remind_signer(session, commitment_id=commitment.id, officer="张敏", now=LATER)

    assert len(notifications_of(session, [Recipient(subject_id=person.id)])) == 2


def test_someone_elses_commitment_looks_as_if_it_did_not_exist(session, keys, person, sign):
    commitment = sign()

    assert get_own_commitment(session, commitment.id, [person.id]) is commitment
    for commitment_id, subject_id in [(commitment.id, add_person(session, keys).id), (uuid4(), person.id)]:
        with pytest.raises(CommitmentNotFound):
            get_own_commitment(session, commitment_id, [subject_id])
