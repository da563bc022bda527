"""Applying for repair, accepting, deciding, and what each step does to the records (一次受理、一次办结)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from backend.cases.queue import CaseQueue, next_working_day
from backend.cases.service import CaseKind
from backend.cases.telling import as_sentence, said, tell_applicant, tell_department
from backend.catalogue.document import Category
from backend.catalogue.service import catalogue_in_force, category_in_force
from backend.city_calendar import WorkingDays, city_date
from backend.commitments.service import break_commitment_about, cancel_about, find_about, sign_within
from backend.commitments.types import Letter, letter_for
from backend.evidence.service import attach_evidence, evidence_of
from backend.notifications.service import Recipient, notify
from backend.objections.recipients import disclosures_since, names_of, tell_of_each
from backend.objections.service import states_by_objection
from backend.records.intake import Intake
from backend.records.models import CreditRecord, RecordState
from backend.records.service import change_state, get_own_record, lock_record, records_of
from backend.repairs.conditions import Condition, RecordFacts, conditions_of
from backend.repairs.errors import (
    AlreadyUnderRepair,
    NoLongerToBeRepaired,
    NotOneMatter,
    RepairConditionsUnmet,
    RepairNotFound,
    RepairReplyMissing,
    RepairStateForbids,
)
from backend.repairs.models import Repair, RepairEvent, RepairItem
from backend.repairs.rules import RepairRule, rule_of, rule_on
from backend.repairs.states import (
    DECIDED,
    ON_THE_CLOCK,
    OPEN_STATES,
    STATE_NAMES,
    RepairState,
    state_after,
)
from backend.subjects.acting import ActingFor
from backend.subjects.rescoring import mark_for_rescoring

HANDLED_BY = "objection_officer"
COMMITMENT_TYPE = "credit_repair"
VOLUNTEERING = "volunteering"

Outcome = Literal["approved", "refused"]

_RECORD_STATE_NAMES = {
    "disputed": "正在异议核查",
    "revoked": "已被撤销",
    "expired": "已到期",
    "repaired": "已经修复",
}


@dataclass(frozen=True)
class Clock:
    """What the deadlines need: the city's working days and whose figures count."""

    working_days: WorkingDays
    jurisdiction: str


@dataclass(frozen=True)
class Candidate:
    """A record and what stands between it and a repair. `repair_id` is that of the open application."""

    record: CreditRecord
    category: Category
    conditions: Sequence[Condition]
    repair_id: UUID | None


def _forbids(state: str) -> RepairStateForbids:
    return RepairStateForbids(state, STATE_NAMES[state])  # type: ignore[index]


CASES = CaseKind("repair", Repair, RepairEvent, RepairEvent.repair_id, state_after, _forbids)
QUEUE = CaseQueue(Repair, ON_THE_CLOCK)
case_of, events_of = CASES.name_of, CASES.steps_of
queue_place, is_overdue, count_open = QUEUE.place, QUEUE.is_overdue, QUEUE.count_open
_said = partial(said, missing=RepairReplyMissing)


# --- the applicant ----------------------------------------------------------------------------------------------


def candidates(
    session: Session, *, subject_id: int, today: date, record_id: int | None = None
) -> Sequence[Candidate]:
    """The subject's adverse records that could be repaired, now or later, newest first; or the one record,
    whatever it is. Raises RecordNotFound for someone else's."""
    records = (
        records_of(session, subject_id) if record_id is None else [get_own_record(session, subject_id, record_id)]
    )
    rule = rule_on(today)
    open_cases = open_repairs_by_record(session, [record.id for record in records])
    found = []
    for record in records:
        category = _category(session, record, today)
        adverse = rule.seriousness_of(category, record.level) is not None
        if record_id is None and (not adverse or record.state not in ("active", "disputed")):
            continue
        facts = _facts(record, category, has_proof=False, signed=False)
        found.append(Candidate(record, category, conditions_of(facts, rule, today), open_cases.get(record.id)))
    return found


def draft_repair(
    session: Session,
    *,
    acting: ActingFor,
    record_ids: Sequence[int],
    explanation: str,
    evidence_ids: Sequence[UUID],
    now: datetime,
) -> Repair:
    """Begin an application. Whether the conditions are met is asked when it is filed.

    Evidence is that of the person who acts. Raises RecordNotFound, AlreadyUnderRepair, NotOneMatter,
    EvidenceTooMany or EvidenceNotFound.
    """
    today = city_date(now)
    records = [_lock_own(session, acting.subject.id, record_id) for record_id in sorted(set(record_ids))]
    open_cases = open_repairs_by_record(session, [record.id for record in records])
    for record in records:
        if record.id in open_cases:
            raise AlreadyUnderRepair(record.title)
    first = records[0]
    for other in records[1:]:
        same_act = other.event_key == first.event_key != 0
        if not same_act or other.source_department != first.source_department:
            raise NotOneMatter
    repair = Repair(
        subject_id=acting.subject.id,
        applicant_id=acting.person_id,
        applied_by=acting.capacity,
        rule=rule_on(today).code,
        department=first.source_department,
        department_code=_category(session, first, today).source_department_code,
        explanation=explanation.strip(),
        state="draft",
        drafted_at=now,
    )
    session.add(repair)
    session.flush()
    session.add_all([RepairItem(repair_id=repair.id, record_id=record.id, open=True) for record in records])
    attach_evidence(session, subject_id=acting.person_id, case=case_of(repair), evidence_ids=evidence_ids)
    CASES.remember(session, repair, "draft", actor=acting.capacity, now=now)
    session.flush()
    return repair


def file_repair(
    session: Session,
    *,
    repair_id: UUID,
    acting: ActingFor,
    account_id: UUID,
    letter_sha256: str,
    now: datetime,
    clock: Clock,
    explanation: str | None = None,
    evidence_ids: Sequence[UUID] = (),
) -> Repair:
    """Sign the commitment letter and hand the application in, for the first time or completed after a return.

    `letter_sha256` is the digest of the letter that was shown (`letter_of`). The rules are those in force today.

    Raises RepairNotFound, RepairStateForbids, LetterChanged, RepairConditionsUnmet, EvidenceNotFound or
    CalendarMissing.
    """
    repair = get_own_repair(session, repair_id, [acting.subject.id])
    state_after(repair.state, "file")  # type: ignore[arg-type]
    today = city_date(now)
    rule = rule_on(today)
    attach_evidence(session, subject_id=acting.person_id, case=case_of(repair), evidence_ids=evidence_ids)
    signed = find_about(session, case_of(repair))
    if signed is None or signed.text_sha256 != letter_sha256:
        sign_within(
            session,
            acting=acting,
            account_id=account_id,
            type_code=COMMITMENT_TYPE,
            matter=matter_of(session, repair),
            text_sha256=letter_sha256,
            about=case_of(repair),
            now=now,
        )
    unmet = [
        condition
        for conditions in conditions_by_record(session, repair, rule=rule, today=today, locked=True).values()
        for condition in conditions
        if not condition.met
    ]
    if unmet:
        raise RepairConditionsUnmet([asdict(condition) for condition in unmet])
    days = rule.clocks_in(clock.jurisdiction)
    CASES.move(
        session,
        repair,
        "file",
        actor=acting.capacity,
        now=now,
        rule=rule.code,
        filed_at=now,
        due_on=clock.working_days.due_after(today, days.acceptance_days),
        explanation=repair.explanation if explanation is None else explanation.strip(),
    )
    notify(
        session,
        Recipient(officer_role=HANDLED_BY),
        kind="repair_filed",
        title="新的信用修复申请",
        body=f"请在 {repair.due_on:%Y-%m-%d} 前决定是否受理。",
        about=case_of(repair),
        now=now,
    )
    return repair


def withdraw_repair(session: Session, *, repair_id: UUID, acting: ActingFor, now: datetime) -> Repair:
    """The records stay as they are; the applicant may apply again. Raises RepairNotFound or RepairStateForbids."""
    repair = get_own_repair(session, repair_id, [acting.subject.id])
    CASES.move(session, repair, "withdraw", actor=acting.capacity, now=now, due_on=None)
    _close(session, repair)
    cancel_about(session, about=case_of(repair), actor=acting.capacity, now=now)
    return repair


def letter_of(session: Session, repair: Repair, *, today: date) -> Letter:
    """The commitment letter to be signed with this application."""
    return letter_for(COMMITMENT_TYPE, matter=matter_of(session, repair), on=today)


def matter_of(session: Session, repair: Repair) -> str:
    return "、".join(record.title for record in records_in(session, repair))[:200]


# --- the city ---------------------------------------------------------------------------------------------------


def accept_repair(session: Session, *, repair_id: UUID, officer: str, now: datetime, clock: Clock) -> Repair:
    """Accept and hand on to the department that found the breach, in one step: both clocks start.

    Raises RepairNotFound, RepairStateForbids or CalendarMissing.
    """
    repair = get_repair(session, repair_id)
    today = city_date(now)
    days = rule_of(repair.rule).clocks_in(clock.jurisdiction)
    result_due_on = clock.working_days.due_after(today, days.result_days)
    CASES.move(
        session, repair, "accept", actor=officer, now=now, due_on=result_due_on, result_due_on=result_due_on
    )
    department_due_on = clock.working_days.due_after(today, days.department_days)
    CASES.move(session, repair, "forward", actor=officer, now=now, due_on=department_due_on)
    tell_applicant(
        session,
        repair,
        about=case_of(repair),
        kind="repair_accepted",
        title="信用修复申请已受理",
        body=f"已转{repair.department}审核，最迟 {result_due_on:%Y-%m-%d} 告知结果。",
        now=now,
    )
    tell_department(
        session,
        repair,
        about=case_of(repair),
        kind="repair_forwarded",
        title="信用修复待审核",
        body=f"请在 {department_due_on:%Y-%m-%d} 前作出决定。",
        now=now,
    )
    return repair


def return_repair(session: Session, *, repair_id: UUID, missing: str, officer: str, now: datetime) -> Repair:
    """Ask the applicant to complete it; `missing` is what they read. The clock stands still meanwhile.

    Raises RepairReplyMissing, RepairNotFound or RepairStateForbids.
    """
    missing = _said(missing)
    repair = get_repair(session, repair_id)
    CASES.move(
        session, repair, "return", actor=officer, now=now, detail={"text": missing}, due_on=None, reply=missing
    )
    tell_applicant(
        session,
        repair,
        kind="repair_returned",
        title="信用修复申请需要补正",
        body=missing,
        about=case_of(repair),
        now=now,
    )
    return repair


def decide_repair(
    session: Session,
    *,
    repair_id: UUID,
    outcome: Outcome,
    reply: str,
    decided_by: str,
    now: datetime,
) -> Repair:
    """The department's decision, and at once what follows from it.

    Approved: every record of the case is repaired: it stops being published, shared and used, the score is
    computed anew, and those who were given it are told. Refused: reasons, and the applicant may apply again.

    Raises RepairReplyMissing, RepairNotFound, RepairStateForbids or NoLongerToBeRepaired.
    """
    reply = _said(reply)
    repair = get_repair(session, repair_id)
    records = [lock_record(session, record.id) for record in records_in(session, repair)]
    decided: dict[str, Any] = {"decided_at": now, "decided_by": decided_by, "reply": reply}
    if outcome == "refused":
        CASES.move(session, repair, "refuse", actor=decided_by, now=now, due_on=None, **decided)
        _close(session, repair)
        cancel_about(session, about=case_of(repair), actor=decided_by, now=now)
        tell_applicant(
            session,
            repair,
            about=case_of(repair),
            kind="repair_refused",
            title="信用修复申请未通过",
            body=f"{as_sentence(reply)}补足条件后可以再次申请；对记录本身有异议的，可以提出异议。",
            now=now,
        )
        return repair
    CASES.move(session, repair, "approve", actor=decided_by, now=now, **decided)
    for record in records:
        if record.state not in ("active", "repaired"):
            raise NoLongerToBeRepaired(record.title, _RECORD_STATE_NAMES[record.state])
        if record.state == "active":
            change_state(
                session, record, state="repaired", changed_by=decided_by, reason="认定单位同意信用修复", now=now
            )
    mark_for_rescoring(session, [repair.subject_id], "repair_done", now)
    CASES.move(session, repair, "finish", actor="系统", now=now, due_on=None)
    _close(session, repair)
    tell_applicant(
        session,
        repair,
        about=case_of(repair),
        kind="repair_done",
        title="信用修复已完成",
        body="相关信息已停止公示、共享和使用，信用分（综合评价）正在重新计算。",
        now=now,
    )
    tell_department(
        session,
        repair,
        about=case_of(repair),
        kind="repair_done",
        title="信用修复已完成",
        body="请同步停止公示。",
        now=now,
    )
    _tell_receivers(session, repair, records, now=now)
    return repair


def revoke_repair(
    session: Session,
    intake: Intake,
    *,
    repair_id: UUID,
    finding: str,
    officer: str,
    now: datetime,
) -> Repair:
    """A repair that was obtained by false statements never was one: the records count again, those under objection
    once that is decided, and the broken commitment is recorded.

    Raises RepairReplyMissing, RepairNotFound or RepairStateForbids.
    """
    finding = _said(finding)
    repair = get_repair(session, repair_id)
    records = [lock_record(session, record.id) for record in records_in(session, repair)]
    CASES.move(session, repair, "revoke", actor=officer, now=now, detail={"text": finding}, reply=finding)
    states = states_in_force(session, [record.id for record in records])
    for record in records:
        # Meanwhile the department may have revoked the record, or it may have expired: that stays.
        if record.state == "repaired":
            change_state(
                session,
                record,
                state=states.get(record.id, "active"),
                changed_by=f"信用办 {officer}",
                reason="修复系以虚假陈述取得，已撤销",
                now=now,
            )
    break_commitment_about(
        session,
        intake,
        about=case_of(repair),
        finding=f"修复撤销：{finding}",
        officer=officer,
        now=now,
    )
    mark_for_rescoring(session, [repair.subject_id], "repair_revoked", now)
    tell_applicant(
        session,
        repair,
        about=case_of(repair),
        kind="repair_revoked",
        title="信用修复已被撤销",
        body=(
            f"{as_sentence(finding)}相关信息恢复使用，违背信用承诺的情况已记入信用记录；如有不同意见可以提出异议。"
        ),
        now=now,
    )
    return repair


def watch_clocks(session: Session, *, now: datetime, working_days: WorkingDays) -> int:
    """Remind of what is due by the next working day and raise an alarm for what is overdue, each once for each
    due date; how many messages went out. The applicant hears of a day that was missed. Run by the worker."""
    today = city_date(now)
    soon = next_working_day(today, working_days)
    told = 0
    for repair in QUEUE.due(session, by=soon):
        for step, due in _clocks_of(repair):
            if due < today:
                told += _raise_alarm(session, repair, step, due, now=now)
            elif due <= soon:
                told += _remind(session, repair, step, due, now=now)
    return told


def _clocks_of(repair: Repair) -> Iterator[tuple[str, date]]:
    """What the city still has to do by when."""
    if repair.due_on is not None:
        yield ("决定是否受理" if repair.state == "filed" else "作出决定"), repair.due_on
    if repair.result_due_on is not None and repair.result_due_on != repair.due_on:
        yield "告知结果", repair.result_due_on


def _remind(session: Session, repair: Repair, step: str, due: date, *, now: datetime) -> int:
    message = _Message("repair_due_soon", "信用修复即将到期", f"请在 {due:%Y-%m-%d} 前{step}。")
    return _tell_the_city(session, repair, message, due, now=now)


def _raise_alarm(session: Session, repair: Repair, step: str, due: date, *, now: datetime) -> int:
    told = _tell_the_city(
        session,
        repair,
        _Message("repair_overdue", "信用修复已逾期", f"应于 {due:%Y-%m-%d} 前{step}，现已逾期，请立即办理。"),
        due,
        now=now,
    )
    slow = repair.department if repair.state == "with_department" else "信用办"
    return told + tell_applicant(
        session,
        repair,
        kind="repair_overdue",
        title="信用修复超过了办理期限",
        body=(
            f"{slow}应于 {due:%Y-%m-%d} 前{step}，已经超期，平台已催办。您不需要再提交材料，办结后立即通知您；"
            "对超期不满意的，可以向信用服务窗口反映。"
        ),
        about=case_of(repair),
        once_key=f"repair_overdue:{repair.id}:{repair.state}:{due}",
        now=now,
    )


@dataclass(frozen=True)
class _Message:
    kind: str
    title: str
    body: str


def _tell_the_city(session: Session, repair: Repair, message: _Message, due: date, *, now: datetime) -> int:
    """The office, and the department while it is the one to act."""
    words = {"kind": message.kind, "title": message.title, "body": message.body, "about": case_of(repair)}
    key = f"{message.kind}:{repair.id}:{repair.state}:{due}"
    told = notify(session, Recipient(officer_role=HANDLED_BY), **words, once_key=key, now=now)
    if repair.state != "with_department":
        return told
    return told + tell_department(session, repair, **words, once_key=key, now=now)


# --- reading ----------------------------------------------------------------------------------------------------


def get_repair(session: Session, repair_id: UUID) -> Repair:
    """Raises RepairNotFound."""
    repair = session.get(Repair, repair_id)
    if repair is None:
        raise RepairNotFound
    return repair


def get_own_repair(session: Session, repair_id: UUID, subject_ids: Sequence[int]) -> Repair:
    """Of one of these subjects. Raises RepairNotFound, also for another's."""
    repair = get_repair(session, repair_id)
    if repair.subject_id not in subject_ids:
        raise RepairNotFound
    return repair


def get_repair_of_department(session: Session, repair_id: UUID, department_code: str) -> Repair:
    """One that this department has, or had, to decide. Raises RepairNotFound."""
    repair = get_repair(session, repair_id)
    if repair.department_code != department_code or repair.state not in ("with_department", *DECIDED):
        raise RepairNotFound
    return repair


def repairs_of(session: Session, subject_id: int) -> Sequence[Repair]:
    """Newest first."""
    return session.scalars(
        select(Repair).where(Repair.subject_id == subject_id).order_by(Repair.drafted_at.desc(), Repair.id)
    ).all()


def repair_queue(
    session: Session,
    *,
    state: RepairState | Literal["open"] = "open",
    after: tuple[date, UUID] | None = None,
    limit: int = 20,
) -> Sequence[Repair]:
    """For the office: the most urgent first. Drafts are nobody's business but the applicant's.
    `after` is `queue_place` and id of the last one seen."""
    wanted = Repair.state.in_(ON_THE_CLOCK) if state == "open" else Repair.state == state
    return QUEUE.page(Repair.state != "draft", wanted, session=session, after=after, limit=limit)


def department_repairs(
    session: Session,
    department_code: str,
    *,
    state: Literal["waiting", "done"] = "waiting",
    after: tuple[date, UUID] | None = None,
    limit: int = 20,
) -> Sequence[Repair]:
    """What waits for this department's decision, the most urgent first; or what it has decided."""
    wanted = Repair.state == "with_department" if state == "waiting" else Repair.state.in_(DECIDED)
    return QUEUE.page(Repair.department_code == department_code, wanted, session=session, after=after, limit=limit)


def count_waiting(session: Session, department_code: str, today: date) -> tuple[int, int]:
    """How many repairs wait for this department's decision, and how many of these are overdue."""
    return QUEUE.count_open(
        session, today, Repair.department_code == department_code, Repair.state == "with_department"
    )


def records_in(session: Session, repair: Repair) -> Sequence[CreditRecord]:
    return session.scalars(
        select(CreditRecord)
        .join(RepairItem, RepairItem.record_id == CreditRecord.id)
        .where(RepairItem.repair_id == repair.id)
        .order_by(CreditRecord.id)
    ).all()


def states_in_force(session: Session, record_ids: Sequence[int]) -> dict[int, RecordState]:
    """What subjects' rights make of these records while they are in force: repaired, or as objections have it.
    Those that are left out are active."""
    repaired = session.scalars(
        select(RepairItem.record_id)
        .join(Repair, Repair.id == RepairItem.repair_id)
        .where(Repair.state == "done", RepairItem.record_id.in_(record_ids))
    )
    states = states_by_objection(session, record_ids)
    return states | {record_id: "repaired" for record_id in repaired if states.get(record_id) != "revoked"}


def open_repairs_by_record(session: Session, record_ids: Sequence[int]) -> dict[int, UUID]:
    """Ids of open applications for those of the records that are under one."""
    rows = session.execute(
        select(RepairItem.record_id, RepairItem.repair_id).where(
            RepairItem.record_id.in_(record_ids), RepairItem.open.is_(True)
        )
    )
    return {record_id: repair_id for record_id, repair_id in rows}  # noqa: C416 - rows are not pairs to mypy


def conditions_by_record(
    session: Session, repair: Repair, *, rule: RepairRule, today: date, locked: bool = False
) -> Mapping[int, Sequence[Condition]]:
    """Every condition of every record in the case. `locked`: the records keep still until the transaction ends.

    Of a closed case they are told as they stood when it was filed: that the record counts no longer is what a
    repair has brought about, not what stood in its way.
    """
    has_proof = bool(evidence_of(session, case_of(repair)))
    signed = find_about(session, case_of(repair)) is not None
    closed = repair.state not in OPEN_STATES
    on = conditions_on(repair, today)
    found = {}
    for record in records_in(session, repair):
        if locked:
            record = lock_record(session, record.id)
        facts = _facts(record, _category(session, record, today), has_proof=has_proof, signed=signed)
        found[record.id] = conditions_of(replace(facts, state="active") if closed else facts, rule, on)
    return found


def conditions_on(repair: Repair, today: date) -> date:
    """The day that the conditions are told for: today, or when a case that is closed was filed (or drafted)."""
    if repair.state in OPEN_STATES:
        return today
    return city_date(repair.filed_at or repair.drafted_at)


def volunteer_hours_since(session: Session, repair: Repair) -> int:
    """Hundredths of confirmed hours since the earliest act of the case: something the officer may consider."""
    since = min(record.event_on for record in records_in(session, repair))
    return int(
        session.scalar(
            select(func.coalesce(func.sum(CreditRecord.quantity), 0)).where(
                CreditRecord.subject_id.in_((repair.subject_id, repair.applicant_id)),
                CreditRecord.category == VOLUNTEERING,
                CreditRecord.state == "active",
                CreditRecord.event_on >= since,
            )
        )
        or 0
    )


# --- inside -----------------------------------------------------------------------------------------------------


def _facts(record: CreditRecord, category: Category, *, has_proof: bool, signed: bool) -> RecordFacts:
    return RecordFacts(
        category=category,
        level=record.level,
        state=record.state,
        event_on=record.event_on,
        performed_on=record.performed_on,
        has_proof=has_proof,
        signed=signed,
    )


def _category(session: Session, record: CreditRecord, today: date) -> Category:
    """In force today; for a category that was dropped, as when the record was collected."""
    return catalogue_in_force(session, today).categories.get(record.category) or category_in_force(
        session, record.category, city_date(record.created_at)
    )


def _lock_own(session: Session, subject_id: int, record_id: int) -> CreditRecord:
    get_own_record(session, subject_id, record_id)
    return lock_record(session, record_id)


def _close(session: Session, repair: Repair) -> None:
    session.execute(update(RepairItem).where(RepairItem.repair_id == repair.id).values(open=False))


def _tell_receivers(session: Session, repair: Repair, records: Sequence[CreditRecord], *, now: datetime) -> None:
    """Who was given to read what still held the record learns that it has changed, not what it was; the applicant
    learns who was told."""
    since = min(record.created_at for record in records)
    told = tell_of_each(
        session,
        disclosures_since(session, subject_id=repair.subject_id, since=since, until=now),
        case=case_of(repair),
        once=case_of(repair),
        title="您查询过的信用信息已更新",
        what="所含的信息已发生变化，请停止使用；仍需使用的，请在授权范围内重新查询。",
        basis="信用修复后停止共享和使用",
        why="此前提供的信息已修复，应停止使用",
        now=now,
    )
    if told:
        tell_applicant(
            session,
            repair,
            kind="correction_told",
            title="已通知此前获得信息的单位",
            body=f"已通知以下单位停止使用修复前的信息：{names_of(told)}。通知中没有您的任何信息内容。",
            about=case_of(repair),
            now=now,
        )
