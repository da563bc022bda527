"""Filing, withdrawing and deciding objections; what each does to the record, the score and the benefit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from backend.authorizations.service import has_activated
from backend.benefits.entitlement import Entitlement, entitlement_of
from backend.benefits.overrides import grant_override
from backend.benefits.schemes import SchemeInForce, scheme_in_force
from backend.city_calendar import city_date
from backend.evidence.service import attach_evidence
from backend.ledger.service import Actor, record_access
from backend.lists.statutory import statutory_lists
from backend.objections.corrections import checked_corrections
from backend.objections.deadlines import Deadlines
from backend.objections.errors import (
    AlreadyExtended,
    AlreadyUnderObjection,
    AppealNeedsEnterprise,
    CorrectionMissing,
    DepartmentUnchanged,
    ExtensionNotAllowed,
    NoDepartment,
    NothingRefused,
    ObjectionNotFound,
    OutcomeNotForKind,
    OverrideMissing,
    ReasonMissing,
    RecordRevoked,
    ReplyMissing,
    StatementMissing,
)
from backend.objections.models import Objection, ObjectionEvent, ObjectionKind
from backend.objections.recipients import tell_of_upheld_objection, wrong_of_corrections
from backend.objections.routing import Department, department_of_record, find_department
from backend.objections.score_review import check_score_confirmed, correct_score
from backend.objections.states import (
    OPEN_STATES,
    STATE_NAMES,
    ObjectionEventName,
    ObjectionState,
)
from backend.objections.steps import get_objection, lock_objection, move, remember
from backend.objections.telling import (
    tell_citizen,
    tell_of_arrival,
    tell_of_decision,
    tell_of_leaving,
    tell_office,
)
from backend.records.corrected import wrong_since
from backend.records.models import CreditRecord, RecordState
from backend.records.service import change_state, correct_record, lock_own_record, lock_record
from backend.scores.errors import NoScoreYet, NotActivated
from backend.scores.service import current_score
from backend.subjects.acting import subjects_of
from backend.subjects.models import Subject
from backend.subjects.rescoring import mark_for_rescoring
from backend.subjects.service import get_subject

Outcome = Literal["upheld", "partly_upheld", "rejected", "redirected"]
_EVENT_OF_OUTCOME: Mapping[Outcome, ObjectionEventName] = {
    "upheld": "uphold",
    "partly_upheld": "uphold_partly",
    "rejected": "reject",
    "redirected": "refer",
}
OWN_HAND = "本人"
ON_RECORDS: tuple[ObjectionKind, ...] = ("record", "list_entry")


@dataclass(frozen=True)
class Override:
    """What an officer grants when a refused benefit is given after all; see `benefits.overrides`."""

    tier: str
    valid_until: date


def file_objection(
    session: Session,
    *,
    subject_id: int,
    record_id: int,
    grounds: str,
    now: datetime,
    deadlines: Deadlines,
    filed_by_id: int | None = None,
    filed_by: str = OWN_HAND,
    evidence_ids: Sequence[UUID] = (),
) -> Objection:
    """Object to a record or list entry: it stops lowering the score meanwhile, and its department can reply.

    Someone else's record is reported as not found, so ids cannot be probed. A record that no longer counts
    (repaired, expired) keeps its state; only one that counts is marked as disputed. `filed_by_id` is the citizen
    who acts for an enterprise, `filed_by` says in words who filed it.

    Raises RecordNotFound, RecordRevoked, AlreadyUnderObjection, CalendarMissing, EvidenceNotFound or
    EvidenceTooMany.
    """
    record = lock_own_record(session, subject_id=subject_id, record_id=record_id)
    if record.state == "revoked":
        raise RecordRevoked
    objection = _open_case(
        session,
        kind="list_entry" if record.category in statutory_lists() else "record",
        subject_id=subject_id,
        filed_by_id=filed_by_id or subject_id,
        filed_by=filed_by,
        about=f"record:{record.id}",
        grounds=grounds,
        evidence_ids=evidence_ids,
        department=department_of_record(session, record, city_date(now)),
        deadlines=deadlines,
        now=now,
    )
    objection.record_id = record.id
    if record.state == "active":
        change_state(
            session,
            record,
            state="disputed",
            changed_by=filed_by,
            reason="提出异议，核查期间不降低信用分",
            now=now,
        )
        mark_for_rescoring(session, [subject_id], "objection_filed", now)
    objection.record_version = record.version
    session.flush()
    tell_of_arrival(session, objection, now=now)
    return objection


def object_to_score(
    session: Session,
    *,
    subject_id: int,
    grounds: str,
    now: datetime,
    deadlines: Deadlines,
    filed_by_id: int | None = None,
    evidence_ids: Sequence[UUID] = (),
) -> Objection:
    """Ask a human to look at the score, an automatic result (PIPL art. 24).

    Raises NotActivated, NoScoreYet, AlreadyUnderObjection, CalendarMissing, EvidenceNotFound or EvidenceTooMany.
    """
    if get_subject(session, subject_id).kind == "person" and not has_activated(session, subject_id):
        raise NotActivated
    score = current_score(session, subject_id)
    if score is None:
        raise NoScoreYet
    objection = _open_case(
        session,
        kind="score",
        subject_id=subject_id,
        filed_by_id=filed_by_id or subject_id,
        about="score",
        grounds=grounds,
        evidence_ids=evidence_ids,
        department=None,
        deadlines=deadlines,
        now=now,
    )
    objection.score_id = score.id
    session.flush()
    return objection


def appeal_refusal(
    session: Session,
    *,
    holder: Subject,
    enterprise: Subject | None,
    scheme_code: str,
    grounds: str,
    now: datetime,
    deadlines: Deadlines,
    evidence_ids: Sequence[UUID] = (),
) -> Objection:
    """Put an automatic refusal of a benefit before a human.

    Raises SchemeNotFound, AppealNeedsEnterprise, NothingRefused, AlreadyUnderObjection, CalendarMissing,
    EvidenceNotFound or EvidenceTooMany.
    """
    scheme = scheme_in_force(session, scheme_code, city_date(now))
    if scheme.rules.audience == "enterprise" and enterprise is None:
        raise AppealNeedsEnterprise
    entitlement = entitlement_of(session, scheme.rules, holder=holder, enterprise=enterprise, now=now)
    if entitlement.decision.eligible:
        raise NothingRefused
    objection = _open_case(
        session,
        kind="benefit",
        subject_id=entitlement.beneficiary.id,
        filed_by_id=holder.id,
        about=f"benefit:{scheme_code}",
        grounds=grounds,
        evidence_ids=evidence_ids,
        department=None,
        deadlines=deadlines,
        now=now,
    )
    objection.scheme_code = scheme_code
    session.flush()
    return objection


def withdraw_objection(session: Session, *, subject_id: int, objection_id: UUID, now: datetime) -> Objection:
    """The record counts again as before. Raises ObjectionNotFound or ObjectionStateForbids."""
    get_own_objection(session, subject_id=subject_id, objection_id=objection_id, on=city_date(now))
    objection = lock_objection(session, objection_id)
    record = lock_record(session, objection.record_id) if objection.record_id else None
    move(session, objection, "withdraw", actor="本人", now=now)
    if record is not None:
        _count_again(session, record, changed_by="本人", reason="本人撤回异议", now=now)
        mark_for_rescoring(session, [objection.subject_id], "objection_withdrawn", now)
    return objection


def forward_objection(
    session: Session, *, objection_id: UUID, officer: str, now: datetime, deadlines: Deadlines
) -> Objection:
    """Ask the source department to verify, which gives the longer clock.

    Raises ObjectionNotFound, ObjectionStateForbids, NoDepartment or CalendarMissing.
    """
    objection = lock_objection(session, objection_id)
    if objection.kind not in ON_RECORDS:
        raise NoDepartment
    record = lock_record(session, objection.record_id or 0)
    name = objection.department_name or record.source_department
    filed_on = city_date(objection.filed_at)
    move(
        session,
        objection,
        "forward",
        actor=officer,
        now=now,
        detail={"department": name},
        department_name=name,
        forwarded_at=now,
        answer_due_on=deadlines.answer_due_when_forwarded(filed_on=filed_on),
        provider_due_on=deadlines.provider_due(filed_on=filed_on, forwarded_on=city_date(now)),
    )
    _tell_of_forwarding(session, objection, now)
    return objection


def redirect_objection(
    session: Session,
    *,
    objection_id: UUID,
    department_code: str,
    officer: str,
    now: datetime,
    deadlines: Deadlines,
) -> Objection:
    """Put the case into another department's inbox; the one that had it no longer sees it.

    Raises ObjectionNotFound, ObjectionStateForbids, NoDepartment, DepartmentUnknown, DepartmentUnchanged or
    CalendarMissing.
    """
    objection = lock_objection(session, objection_id)
    department = find_department(session, department_code, city_date(now))
    redirect(session, objection, department, actor=officer, now=now, deadlines=deadlines)
    return objection


def redirect(
    session: Session,
    objection: Objection,
    department: Department,
    *,
    actor: str,
    now: datetime,
    deadlines: Deadlines,
) -> None:
    """The step itself, on a locked case; raises as `redirect_objection`."""
    if objection.kind not in ON_RECORDS:
        raise NoDepartment
    if department.code == objection.department_code or department.code in _disclaimed_by(session, objection.id):
        raise DepartmentUnchanged
    filed_on = city_date(objection.filed_at)
    total = deadlines.answer_due_when_forwarded(filed_on=filed_on)
    # Whoever has said that the case is not theirs knows.
    if objection.state != "disclaimed":
        tell_of_leaving(session, objection, to=department.name, now=now)
    move(
        session,
        objection,
        "redirect",
        actor=actor,
        now=now,
        detail={"department": department.name},
        department_code=department.code,
        department_name=department.name,
        department_reply=None,
        forwarded_at=now,
        # The subject does not wait longer because the city looked for the right department.
        answer_due_on=max(objection.answer_due_on, total),
        provider_due_on=deadlines.provider_due(filed_on=filed_on, forwarded_on=city_date(now)),
    )
    _tell_of_forwarding(session, objection, now)


def extension_until(objection: Objection, deadlines: Deadlines) -> date | None:
    """The last day for the answer if it were prolonged now; None where it may not be.

    Raises CalendarMissing.
    """
    if objection.extended or objection.state not in OPEN_STATES:
        return None
    return deadlines.extended(objection.answer_due_on, filed_on=city_date(objection.filed_at))


def extend_objection(
    session: Session, *, objection_id: UUID, reason: str, officer: str, now: datetime, deadlines: Deadlines
) -> Objection:
    """Prolong the answer once, where the jurisdiction allows it, with the reason told to the citizen.

    Raises ObjectionNotFound, ObjectionStateForbids, ReasonMissing, ExtensionNotAllowed, AlreadyExtended or
    CalendarMissing.
    """
    if not reason.strip():
        raise ReasonMissing
    objection = lock_objection(session, objection_id)
    if objection.extended:
        raise AlreadyExtended
    filed_on = city_date(objection.filed_at)
    due = deadlines.extended(objection.answer_due_on, filed_on=filed_on)
    if due is None:
        raise ExtensionNotAllowed(deadlines.name)
    provider_due = objection.provider_due_on and deadlines.extended(objection.provider_due_on, filed_on=filed_on)
    move(
        session,
        objection,
        "extend",
        actor=officer,
        now=now,
        detail={"reason": reason.strip(), "until": due.isoformat()},
        extended=True,
        answer_due_on=due,
        provider_due_on=provider_due,
    )
    tell_citizen(
        session,
        objection,
        kind="objection_extended",
        title="您的异议延长了答复期限",
        body=f"最迟 {due:%Y-%m-%d} 答复。理由：{reason.strip()}",
        now=now,
    )
    return objection


def decide_objection(
    session: Session,
    *,
    objection_id: UUID,
    outcome: Outcome,
    reply: str,
    officer: str,
    now: datetime,
    officer_id: str | None = None,
    corrections: Mapping[str, Any] | None = None,
    override: Override | None = None,
    redirected_to: str | None = None,
) -> Objection:
    """Answer the citizen, and let what was disputed follow. `officer` is the name that the citizen reads,
    `officer_id` what the ledger tells officers apart by.

    Record or list entry. Upheld: with `corrections` (see `records.service.correct_record`) it is corrected and
    counts again, without them it is revoked for good. Partly upheld: it counts again as corrected, now or by the
    source department since the objection was filed. Either way whoever was told the wrong thing meanwhile is told
    so. Rejected: it counts again as it was, with reasons given.
    Score. Upheld: computed again, which must show a fault; rejected: computed again, which must show none.
    Benefit. Upheld: granted by `override` in spite of the rules; rejected: the refusal stands.
    Redirected: handed to `redirected_to`, a body outside this platform; nothing here changes but the state.

    Raises ObjectionNotFound, ObjectionStateForbids, ReplyMissing, CorrectionMissing, CorrectionRefused,
    CorrectionContradicts, ReasonMissing, OutcomeNotForKind, OverrideMissing, ScoreConfirmed, ScoreDiffers,
    SchemeNotFound, OverrideTierUnknown or OverrideTooLong.
    """
    if not reply.strip():
        raise ReplyMissing
    objection = lock_objection(session, objection_id)
    if outcome == "partly_upheld" and objection.kind not in ON_RECORDS:
        raise OutcomeNotForKind(outcome)
    if outcome == "redirected" and not (redirected_to or "").strip():
        raise ReasonMissing
    record = lock_record(session, objection.record_id) if objection.record_id else None
    if record is not None and corrections:
        corrections = checked_corrections(session, record, corrections, today=city_date(now))
    if (
        record is not None
        and outcome == "partly_upheld"
        and not corrections
        and record.version <= (objection.record_version or 0)
    ):
        raise CorrectionMissing
    move(
        session,
        objection,
        _EVENT_OF_OUTCOME[outcome],
        actor=officer,
        now=now,
        detail={"to": redirected_to.strip()} if outcome == "redirected" and redirected_to else None,
        decided_at=now,
        decided_by=officer,
        reply=reply.strip(),
        redirected_to=redirected_to.strip() if outcome == "redirected" and redirected_to else None,
        removed=record is not None and outcome == "upheld" and not corrections,
    )
    if record is not None:
        _follow_on_record(session, objection, record, outcome, corrections, officer=officer, now=now)
    elif objection.kind == "score":
        _follow_on_score(session, objection, outcome, now=now)
    elif outcome == "upheld":
        _grant(session, objection, override, officer=officer, officer_id=officer_id or officer, now=now)
    tell_of_decision(session, objection, now=now)
    return objection


def attach_statement(
    session: Session, *, subject_id: int, objection_id: UUID, statement: str, now: datetime
) -> Objection:
    """The citizen's own words, to stand beside the record after a rejection; a later statement replaces it.

    Raises ObjectionNotFound, ObjectionStateForbids or StatementMissing.
    """
    if not statement.strip():
        raise StatementMissing
    objection = get_own_objection(session, subject_id=subject_id, objection_id=objection_id, on=city_date(now))
    move(session, objection, "attach_statement", actor="本人", now=now, statement=statement.strip())
    return objection


def open_objections_by_record(session: Session, record_ids: Sequence[int]) -> dict[int, UUID]:
    """Ids of open objections for those of the records that are under one."""
    rows = session.execute(
        select(Objection.record_id, Objection.id).where(
            Objection.record_id.in_(record_ids), Objection.state.in_(OPEN_STATES)
        )
    )
    return {record_id: objection_id for record_id, objection_id in rows if record_id is not None}


def states_by_objection(session: Session, record_ids: Sequence[int]) -> dict[int, RecordState]:
    """What objections make of these records while they are in force: disputed as long as one is open, revoked once
    one has shown that there should be no such record. Those that none concerns are left out."""
    rows = session.execute(
        select(Objection.record_id, Objection.removed)
        .where(Objection.record_id.in_(record_ids), or_(Objection.state.in_(OPEN_STATES), Objection.removed))
        .order_by(Objection.removed)
    )
    return {
        record_id: "revoked" if removed else "disputed" for record_id, removed in rows if record_id is not None
    }


def statements_beside(session: Session, record_ids: Sequence[int]) -> dict[int, list[str]]:
    """What subjects said themselves about these records, oldest first; to be shown wherever a record is shown."""
    found: dict[int, list[str]] = {}
    for record_id, statement in session.execute(
        select(Objection.record_id, Objection.statement)
        .where(Objection.record_id.in_(record_ids), Objection.statement.is_not(None))
        .order_by(Objection.decided_at)
    ):
        if record_id is not None and statement:
            found.setdefault(record_id, []).append(statement)
    return found


def get_own_objection(session: Session, *, subject_id: int, objection_id: UUID, on: date) -> Objection:
    """One about this citizen, or about an enterprise that they represent on the day.

    An enterprise's case stays with the enterprise: its next legal representative takes it over.
    Raises ObjectionNotFound, also for another's.
    """
    objection = get_objection(session, objection_id)
    if objection.subject_id not in subjects_of(session, subject_id, on):
        raise ObjectionNotFound
    return objection


def objections_of(session: Session, subject_id: int, on: date) -> Sequence[Objection]:
    """About this citizen and the enterprises that they represent on the day; newest first."""
    return session.scalars(
        select(Objection)
        .where(Objection.subject_id.in_(subjects_of(session, subject_id, on)))
        .order_by(Objection.filed_at.desc(), Objection.id)
    ).all()


def objection_queue(
    session: Session,
    *,
    state: ObjectionState | Literal["open"] | None = "open",
    kind: ObjectionKind | None = None,
    after: tuple[date, UUID] | None = None,
    limit: int = 20,
) -> Sequence[Objection]:
    """For officers: the most urgent first. `after` is due date and id of the last one seen."""
    query = select(Objection)
    if state == "open":
        query = query.where(Objection.state.in_(OPEN_STATES))
    elif state is not None:
        query = query.where(Objection.state == state)
    if kind is not None:
        query = query.where(Objection.kind == kind)
    if after is not None:
        due, objection_id = after
        query = query.where(
            or_(
                Objection.answer_due_on > due,
                and_(Objection.answer_due_on == due, Objection.id > objection_id),
            )
        )
    return session.scalars(query.order_by(Objection.answer_due_on, Objection.id).limit(limit)).all()


def is_overdue(objection: Objection, today: date) -> bool:
    """Still open after its last day."""
    return objection.state in OPEN_STATES and objection.answer_due_on < today


def count_open(session: Session, today: date) -> tuple[int, int]:
    """How many objections are open, and how many of these are overdue."""
    is_open = Objection.state.in_(OPEN_STATES)
    total, overdue = session.execute(
        select(func.count(), func.count().filter(Objection.answer_due_on < today))
        .select_from(Objection)
        .where(is_open)
    ).one()
    return total, overdue


def events_of(session: Session, objection_id: UUID) -> Sequence[ObjectionEvent]:
    """Oldest first."""
    return session.scalars(
        select(ObjectionEvent).where(ObjectionEvent.objection_id == objection_id).order_by(ObjectionEvent.id)
    ).all()


def refused_benefit(session: Session, objection: Objection, now: datetime) -> tuple[SchemeInForce, Entitlement]:
    """The scheme whose refusal is before a human, and how the subject stands now. Raises SchemeNotFound."""
    scheme = scheme_in_force(session, objection.scheme_code or "", city_date(now))
    holder = get_subject(session, objection.filed_by_id)
    acts_for = get_subject(session, objection.subject_id) if objection.subject_id != holder.id else None
    return scheme, entitlement_of(session, scheme.rules, holder=holder, enterprise=acts_for, now=now)


def _open_case(
    session: Session,
    *,
    kind: ObjectionKind,
    subject_id: int,
    filed_by_id: int,
    about: str,
    grounds: str,
    evidence_ids: Sequence[UUID],
    department: Department | None,
    deadlines: Deadlines,
    now: datetime,
    filed_by: str = OWN_HAND,
) -> Objection:
    # Two taps meet here: the second waits for the subject's row and then finds the first one's case.
    session.get_one(Subject, subject_id, with_for_update=True)
    if earlier := _open_about(session, subject_id, about):
        raise AlreadyUnderObjection(earlier.answer_due_on)
    objection = Objection(
        subject_id=subject_id,
        filed_by_id=filed_by_id,
        kind=kind,
        about=about,
        grounds=grounds,
        state="filed",
        filed_at=now,
        answer_due_on=deadlines.answer_due(filed_on=city_date(now)),
        department_code=department.code if department else None,
        department_name=department.name if department else None,
        extended=False,
    )
    session.add(objection)
    session.flush()
    if evidence_ids:
        attach_evidence(session, subject_id=filed_by_id, case=objection.case, evidence_ids=evidence_ids)
    remember(
        session,
        objection,
        "file",
        actor=filed_by,
        now=now,
        detail={"department": department.name} if department else {},
    )
    tell_office(
        session,
        objection,
        kind="objection_filed",
        title="收到一件新异议",
        body=f"请于 {objection.answer_due_on:%Y-%m-%d} 前核实并答复。",
        now=now,
    )
    return objection


def _open_about(session: Session, subject_id: int, about: str) -> Objection | None:
    return session.scalars(
        select(Objection).where(
            Objection.subject_id == subject_id, Objection.about == about, Objection.state.in_(OPEN_STATES)
        )
    ).first()


def _follow_on_record(
    session: Session,
    objection: Objection,
    record: CreditRecord,
    outcome: Outcome,
    corrections: Mapping[str, Any] | None,
    *,
    officer: str,
    now: datetime,
) -> None:
    # Among the versions of a record a name alone would not tell whose officer it was.
    changed_by, reason = f"信用办 {officer}", STATE_NAMES[outcome]
    since = wrong_since(session, record, wrong_of_corrections(record, corrections))
    if outcome in ("rejected", "redirected"):
        _count_again(session, record, changed_by=changed_by, reason=reason, now=now)
    elif corrections or outcome == "partly_upheld":
        if corrections:
            correct_record(session, record, changes=corrections, changed_by=changed_by, reason=reason, now=now)
        _count_again(session, record, changed_by=changed_by, reason=f"{reason}，按更正后的内容恢复", now=now)
    elif record.state != "revoked":
        change_state(session, record, state="revoked", changed_by=changed_by, reason=reason, now=now)
    mark_for_rescoring(session, [objection.subject_id], f"objection_{outcome}", now)
    if outcome in ("upheld", "partly_upheld"):
        tell_of_upheld_objection(session, objection, category=record.category, since=since, now=now)


def _follow_on_score(session: Session, objection: Objection, outcome: Outcome, *, now: datetime) -> None:
    if outcome == "rejected":
        check_score_confirmed(session, objection)
    elif outcome == "upheld":
        wrong_from = correct_score(session, objection, now=now) or objection.filed_at
        tell_of_upheld_objection(session, objection, category=None, since=wrong_from, now=now)


def _grant(
    session: Session,
    objection: Objection,
    override: Override | None,
    *,
    officer: str,
    officer_id: str,
    now: datetime,
) -> None:
    if override is None:
        raise OverrideMissing
    scheme = scheme_in_force(session, objection.scheme_code or "", city_date(now)).rules
    grant_override(
        session,
        scheme=scheme,
        subject_id=objection.subject_id,
        tier_code=override.tier,
        valid_until=override.valid_until,
        reason=objection.reply or "",
        case=objection.case,
        granted_by=officer,
        now=now,
    )
    record_access(
        session,
        subject_id=objection.subject_id,
        actor=Actor(kind="officer", id=officer_id, name=f"信用办 {officer}"),
        action="eligibility_overridden",
        basis="个人信息保护法第二十四条：对自动化决定的人工复核",
        purpose=f"{scheme.scene_name}：{scheme.name}",
        detail={"scheme": scheme.code, "told": f"准予享受至 {override.valid_until:%Y-%m-%d}"},
        channel="console",
        now=now,
    )


def _tell_of_forwarding(session: Session, objection: Objection, now: datetime) -> None:
    tell_citizen(
        session,
        objection,
        kind="objection_forwarded",
        title="您的异议已转数源单位核查",
        body=f"{objection.department_name}正在核查，最迟 {objection.answer_due_on:%Y-%m-%d} 答复您。",
        now=now,
    )
    tell_of_arrival(session, objection, now=now)


def _disclaimed_by(session: Session, objection_id: UUID) -> set[str]:
    """Codes of the departments that have said the case is not theirs."""
    return {
        event.detail["department_code"]
        for event in events_of(session, objection_id)
        if event.event == "disclaim" and "department_code" in event.detail
    }


def _count_again(session: Session, record: CreditRecord, *, changed_by: str, reason: str, now: datetime) -> None:
    # Meanwhile the department may have revoked the record, or it may have been repaired: that stays.
    if record.state == "disputed":
        change_state(session, record, state="active", changed_by=changed_by, reason=reason, now=now)
