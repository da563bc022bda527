"""Supplying data, verifying it, and taking it back; a verified supplement is a record like any other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.authorizations.models import Consent
from backend.authorizations.notices import WRITTEN_CONSENT_NOTICE
from backend.authorizations.service import apply_event, give_written_consent, hold_consent
from backend.cases.queue import CaseQueue, next_working_day
from backend.cases.service import CaseKind
from backend.cases.telling import said, tell_applicant, tell_department
from backend.catalogue.document import Category
from backend.catalogue.forbidden import NEVER, ONLY_WITH_WRITTEN_CONSENT, find_forbidden
from backend.catalogue.service import catalogue_in_force, category_in_force
from backend.catalogue.templates import load_templates
from backend.city_calendar import WorkingDays, city_date
from backend.evidence.service import attach_evidence
from backend.identifiers.sealing import KeyRing
from backend.notifications.service import Recipient, notify
from backend.records.errors import RowRefused
from backend.records.intake import Intake
from backend.records.service import change_state, lock_record
from backend.records.single_row import TakenIn, take_in_row
from backend.records.storing import SELF_DECLARED
from backend.records.validation import source_name_column
from backend.subjects.acting import ActingFor
from backend.subjects.models import Subject
from backend.subjects.service import get_subject, name_of
from backend.supplements.errors import (
    AlreadyRecorded,
    ConsentMissing,
    FieldsMissing,
    FieldUnknown,
    MayNotBeCollected,
    NotSuppliable,
    ProofMissing,
    SupplementNotFound,
    SupplementReplyMissing,
    SupplementStateForbids,
)
from backend.supplements.models import Supplement, SupplementEvent
from backend.supplements.states import (
    ON_THE_CLOCK,
    STATE_NAMES,
    TRANSITIONS,
    SupplementState,
    state_after,
)
from backend.supplements.suppliable import Suppliable, SuppliableCategory, suppliable_on

VERIFIED_BY = "data_officer"

Outcome = Literal["verified", "refused"]


def _forbids(state: str) -> SupplementStateForbids:
    return SupplementStateForbids(state, STATE_NAMES[state])  # type: ignore[index]


CASES = CaseKind("supplement", Supplement, SupplementEvent, SupplementEvent.supplement_id, state_after, _forbids)
QUEUE = CaseQueue(Supplement, ON_THE_CLOCK)
case_of, events_of = CASES.name_of, CASES.steps_of
queue_place, is_overdue, count_open = QUEUE.place, QUEUE.is_overdue, QUEUE.count_open
_said = partial(said, missing=SupplementReplyMissing)


# --- the applicant ----------------------------------------------------------------------------------------------


def offered_to(
    session: Session, subject: Subject, *, today: date, config: Suppliable | None = None
) -> Sequence[tuple[Category, SuppliableCategory]]:
    """The categories this subject may supply data of today."""
    config = config or suppliable_on(today)
    if config is None:
        return []
    categories = catalogue_in_force(session, today).categories
    return [
        (categories[code], form)
        for code, form in config.categories.items()
        if code in categories and subject.kind in categories[code].subject_kinds
    ]


def file_supplement(
    session: Session,
    intake: Intake,
    *,
    acting: ActingFor,
    category: str,
    cells: Mapping[str, str],
    evidence_ids: Sequence[UUID],
    consent_evidence: Mapping[str, Any] | None,
    now: datetime,
    config: Suppliable | None = None,
) -> Supplement:
    """Hand data in for verification: checked at once as a delivered row would be, stored only when verified.

    cells             what was filled in, by column of the form
    consent_evidence  how the separate written consent was given, for the kinds of data that need one; None refuses
    config            the configuration to go by; None takes the one in force

    Raises NotSuppliable, FieldUnknown, FieldsMissing, MayNotBeCollected, ConsentMissing, ProofMissing, RowRefused,
    AlreadyRecorded, EvidenceNotFound or CalendarMissing.
    """
    today = city_date(now)
    config = config or suppliable_on(today)
    offered = {
        found.code: (found, form)
        for found, form in offered_to(session, acting.subject, today=today, config=config)
    }
    if config is None or category not in offered:
        raise NotSuppliable
    entry, form = offered[category]
    consented = form.needs_written_consent(entry)
    filled = _check_cells(form, cells, consented=consented)
    if consented and consent_evidence is None:
        raise ConsentMissing(WRITTEN_CONSENT_NOTICE.version)
    if form.evidence and not evidence_ids:
        raise ProofMissing
    supplement = Supplement(
        subject_id=acting.subject.id,
        applicant_id=acting.person_id,
        applied_by=acting.capacity,
        category=category,
        template=form.template,
        cells_sealed=intake.keys.seal(json.dumps({**filled, **form.fixed}, ensure_ascii=False)),
        department=entry.source_department,
        department_code=entry.source_department_code,
        state="filed",
        filed_at=now,
        due_on=intake.calendar.due_after(today, config.verification_days),
    )
    session.add(supplement)
    session.flush()
    if consented and consent_evidence is not None:
        supplement.consent_id = give_written_consent(
            session,
            acting.subject,
            purpose=f"自主申报“{entry.name}”，用于公共信用信息归集",
            data_categories=[entry.name, *(field.label for field in form.fields)],
            evidence=consent_evidence,
            now=now,
        ).id
    _rehearse(session, intake, supplement, now)
    attach_evidence(session, subject_id=acting.person_id, case=case_of(supplement), evidence_ids=evidence_ids)
    CASES.remember(session, supplement, "file", actor=acting.capacity, now=now)
    _tell_verifiers(session, supplement, now=now)
    session.flush()
    return supplement


def complete_supplement(
    session: Session,
    intake: Intake,
    *,
    supplement_id: UUID,
    acting: ActingFor,
    cells: Mapping[str, str],
    evidence_ids: Sequence[UUID],
    now: datetime,
    config: Suppliable | None = None,
) -> Supplement:
    """Hand it in again after a return, corrected; the clock starts anew.

    Raises as `file_supplement` does, SupplementNotFound or SupplementStateForbids.
    """
    supplement = get_own_supplement(session, supplement_id, [acting.subject.id])
    state_after(supplement.state, "complete")  # type: ignore[arg-type]
    today = city_date(now)
    config = config or suppliable_on(today)
    if config is None or supplement.category not in config.categories:
        raise NotSuppliable
    form = config.categories[supplement.category]
    filled = _check_cells(form, cells, consented=supplement.consent_id is not None)
    supplement.cells_sealed = intake.keys.seal(json.dumps({**filled, **form.fixed}, ensure_ascii=False))
    _rehearse(session, intake, supplement, now)
    attach_evidence(session, subject_id=acting.person_id, case=case_of(supplement), evidence_ids=evidence_ids)
    due_on = intake.calendar.due_after(today, config.verification_days)
    CASES.move(session, supplement, "complete", actor=acting.capacity, now=now, due_on=due_on)
    _tell_verifiers(session, supplement, now=now)
    return supplement


def withdraw_supplement(session: Session, *, supplement_id: UUID, acting: ActingFor, now: datetime) -> Supplement:
    """Take it back, also after verification: the record counts no longer, and the consent ends.

    Raises SupplementNotFound or SupplementStateForbids.
    """
    supplement = get_own_supplement(session, supplement_id, [acting.subject.id])
    _take_back_with_consent(session, supplement, actor=acting.capacity, now=now)
    return supplement


def take_back_what_rests_on(session: Session, *, consent_id: UUID, now: datetime) -> None:
    """The written consent was withdrawn: what was supplied on it goes at once (PIPL art. 47)."""
    supplements = session.scalars(
        select(Supplement).where(
            Supplement.consent_id == consent_id, Supplement.state.not_in(("refused", "withdrawn"))
        )
    ).all()
    for supplement in supplements:
        _take_back(session, supplement, actor=supplement.applied_by, now=now)


def forget_supplements(session: Session, supplements: Sequence[Supplement], *, now: datetime) -> None:
    """Take back what is still in use, and delete what was filled in with its steps (PIPL art. 47).

    The records that they became are revoked; deleting those is the caller's.
    """
    for supplement in supplements:
        if (supplement.state, "withdraw") in TRANSITIONS:
            _take_back_with_consent(session, supplement, actor=supplement.applied_by, now=now)
    session.execute(
        delete(SupplementEvent).where(
            SupplementEvent.supplement_id.in_([supplement.id for supplement in supplements])
        )
    )
    for supplement in supplements:
        session.delete(supplement)
    session.flush()


# --- the department ---------------------------------------------------------------------------------------------


def return_supplement(
    session: Session, *, supplement_id: UUID, missing: str, decided_by: str, now: datetime
) -> Supplement:
    """Ask for completion. Raises SupplementReplyMissing, SupplementNotFound or SupplementStateForbids."""
    missing = _said(missing)
    supplement = get_supplement(session, supplement_id)
    CASES.move(
        session,
        supplement,
        "return",
        actor=decided_by,
        now=now,
        detail={"text": missing},
        due_on=None,
        reply=missing,
    )
    tell_applicant(
        session,
        supplement,
        kind="supplement_returned",
        title="自主申报需要补正",
        body=missing,
        about=case_of(supplement),
        now=now,
    )
    return supplement


def decide_supplement(
    session: Session,
    intake: Intake,
    *,
    supplement_id: UUID,
    outcome: Outcome,
    reply: str,
    decided_by: str,
    now: datetime,
) -> Supplement:
    """Verified: it becomes a record of the source “自主申报，由…核验”, through the storing of every delivery,
    and the subject is scored anew. Refused: with reasons, and the written consent ends with its purpose (PIPL
    art. 47).

    Raises SupplementReplyMissing (a refusal without reasons), SupplementNotFound, SupplementStateForbids,
    AlreadyRecorded (the department has meanwhile delivered the matter itself) or RowRefused.
    """
    reply = _said(reply) if outcome == "refused" else reply.strip()
    supplement = get_supplement(session, supplement_id)
    decided: dict[str, Any] = {
        "decided_at": now,
        "decided_by": decided_by,
        "reply": reply or "核验通过",
        "due_on": None,
    }
    if outcome == "refused":
        consent = _hold_consent(session, supplement)
        CASES.move(session, supplement, "refuse", actor=decided_by, now=now, **decided)
        if consent is not None:
            apply_event(session, consent, "expire", actor="system", now=now, because="supplement_refused")
            reply += "（您为这次申报作出的单独书面同意已同时终止。）"
        tell_applicant(
            session,
            supplement,
            kind="supplement_refused",
            title="自主申报核验未通过",
            body=reply,
            about=case_of(supplement),
            now=now,
        )
        return supplement
    CASES.move(session, supplement, "verify", actor=decided_by, now=now, **decided)
    taken = _take_in(session, intake, supplement, now)
    supplement.record_id = taken.record.id
    session.flush()
    tell_applicant(
        session,
        supplement,
        about=case_of(supplement),
        kind="supplement_verified",
        title="自主申报已核验",
        body=f"已由{supplement.department}核验，成为您的一条信用记录。",
        now=now,
    )
    return supplement


def watch_clocks(session: Session, *, now: datetime, working_days: WorkingDays) -> int:
    """Remind of what is due by the next working day and raise an alarm for what is overdue, each once for each
    due date; how many messages went out. The applicant hears of a day that was missed. Run by the worker."""
    today = city_date(now)
    told = 0
    for supplement in QUEUE.due(session, by=next_working_day(today, working_days)):
        late, due = is_overdue(supplement, today), supplement.due_on
        kind = "supplement_overdue" if late else "supplement_due_soon"
        key, about = f"{kind}:{supplement.id}:{due}", case_of(supplement)
        words = {
            "kind": kind,
            "title": "自主申报核验已逾期" if late else "自主申报核验即将到期",
            "body": f"由{supplement.department}核验，期限 {due:%Y-%m-%d}。",
            "about": about,
        }
        told += notify(session, Recipient(officer_role=VERIFIED_BY), **words, once_key=key, now=now)
        told += tell_department(session, supplement, **words, once_key=key, now=now)
        if late:
            told += tell_applicant(
                session,
                supplement,
                kind=kind,
                title="自主申报超过了核验期限",
                body=(
                    f"{supplement.department}应于 {due:%Y-%m-%d} 前核验，已经超期，平台已催办。"
                    "您不需要再提交材料，办结后立即通知您。"
                ),
                about=about,
                once_key=key,
                now=now,
            )
    return told


# --- reading ----------------------------------------------------------------------------------------------------


def get_supplement(session: Session, supplement_id: UUID) -> Supplement:
    """Raises SupplementNotFound."""
    supplement = session.get(Supplement, supplement_id)
    if supplement is None:
        raise SupplementNotFound
    return supplement


def get_own_supplement(session: Session, supplement_id: UUID, subject_ids: Sequence[int]) -> Supplement:
    """Of one of these subjects. Raises SupplementNotFound, also for another's."""
    supplement = get_supplement(session, supplement_id)
    if supplement.subject_id not in subject_ids:
        raise SupplementNotFound
    return supplement


def get_supplement_of_department(session: Session, supplement_id: UUID, department_code: str) -> Supplement:
    """One that this department verifies. Raises SupplementNotFound."""
    supplement = get_supplement(session, supplement_id)
    if supplement.department_code != department_code:
        raise SupplementNotFound
    return supplement


def supplements_of(session: Session, subject_id: int) -> Sequence[Supplement]:
    """Newest first."""
    return session.scalars(
        select(Supplement)
        .where(Supplement.subject_id == subject_id)
        .order_by(Supplement.filed_at.desc(), Supplement.id)
    ).all()


def supplement_queue(
    session: Session,
    *,
    state: SupplementState = "filed",
    after: tuple[date, UUID] | None = None,
    limit: int = 20,
) -> Sequence[Supplement]:
    """For the office: the most urgent first. `after` is `queue_place` and id of the last one seen."""
    return QUEUE.page(Supplement.state == state, session=session, after=after, limit=limit)


def department_supplements(
    session: Session,
    department_code: str,
    *,
    state: Literal["waiting", "done"] = "waiting",
    after: tuple[date, UUID] | None = None,
    limit: int = 20,
) -> Sequence[Supplement]:
    """What waits for this department to verify it, the most urgent first; or what it has answered."""
    waiting = Supplement.state == "filed"
    return QUEUE.page(
        Supplement.department_code == department_code,
        waiting if state == "waiting" else ~waiting,
        session=session,
        after=after,
        limit=limit,
    )


def count_waiting(session: Session, department_code: str, today: date) -> tuple[int, int]:
    """How many supplements wait for this department, and how many of these are overdue."""
    return QUEUE.count_open(session, today, Supplement.department_code == department_code)


def cells_of(keys: KeyRing, supplement: Supplement) -> Mapping[str, str]:
    """What was filled in, by the heading of its column."""
    template = load_templates()[supplement.template]
    cells: dict[str, str] = json.loads(keys.open(supplement.cells_sealed))
    return {template.column(code).header: value for code, value in cells.items()}


def raw_cells_of(keys: KeyRing, supplement: Supplement) -> Mapping[str, str]:
    """The same by the column's code, as the form has it."""
    cells: dict[str, str] = json.loads(keys.open(supplement.cells_sealed))
    return cells


def category_of(session: Session, supplement: Supplement) -> Category:
    return category_in_force(session, supplement.category, city_date(supplement.filed_at))


# --- inside -----------------------------------------------------------------------------------------------------


def _check_cells(form: SuppliableCategory, cells: Mapping[str, str], *, consented: bool) -> dict[str, str]:
    asked = {field.column: field for field in form.fields}
    if unknown := sorted(set(cells) - set(asked)):
        raise FieldUnknown(unknown)
    filled = {code: text.strip() for code, text in cells.items() if text.strip()}
    if missing := [field.label for field in form.fields if field.required and field.column not in filled]:
        raise FieldsMissing(missing)
    for text in filled.values():
        found = find_forbidden(text, NEVER)
        if found is None and not consented:
            found = find_forbidden(text, ONLY_WITH_WRITTEN_CONSENT)
        if found is not None:
            raise MayNotBeCollected(found.subject, found.basis)
    return filled


def _rehearse(session: Session, intake: Intake, supplement: Supplement, now: datetime) -> None:
    """Would it become a record of its own? Nothing of this stays. Raises RowRefused or AlreadyRecorded."""
    with session.begin_nested() as rehearsal:
        _take_in(session, intake, supplement, now)
        rehearsal.rollback()


def _take_in(session: Session, intake: Intake, supplement: Supplement, now: datetime) -> TakenIn:
    try:
        taken = take_in_row(
            session,
            intake,
            template=supplement.template,
            row=_row(session, intake.keys, supplement),
            source_department=SELF_DECLARED.format(supplement.department),
            origin=f"自主申报 {supplement.id}",
            now=now,
        )
    except RowRefused as refusal:
        if any(reason["code"] == "conflicting_source" for reason in refusal.reasons):
            raise AlreadyRecorded from None
        raise
    if taken.outcome != "accepted":
        raise AlreadyRecorded
    return taken


def _row(session: Session, keys: KeyRing, supplement: Supplement) -> dict[str, str]:
    """What was supplied, and what the form does not ask because it is known: whose it is, and who verifies."""
    subject = get_subject(session, supplement.subject_id)
    template = load_templates()[supplement.template]
    is_person = subject.kind == "person"
    row = dict(raw_cells_of(keys, supplement))
    if (rule := template.subject) is not None:
        row[rule.name] = name_of(keys, subject)
        row[rule.identifiers["person" if is_person else "organisation"][0]] = keys.open(subject.identifier_sealed)
        if rule.kind_column is not None:
            row[rule.kind_column] = "自然人" if is_person else "法人及非法人组织"
    if template.category_column is not None:
        row[template.category_column] = supplement.category
    if (name := source_name_column(template)) is not None:
        row[name] = SELF_DECLARED.format(supplement.department)
    if template.source_code is not None:
        row[template.source_code] = supplement.department_code
    return row


def _take_back_with_consent(session: Session, supplement: Supplement, *, actor: str, now: datetime) -> None:
    """Also the written consent that was given for it, unless that has ended before."""
    consent = _hold_consent(session, supplement)
    _take_back(session, supplement, actor=actor, now=now)
    if consent is not None:
        apply_event(session, consent, "withdraw", actor="citizen", now=now)


def _hold_consent(session: Session, supplement: Supplement) -> Consent | None:
    """The written consent that was given for it, unless that has ended before. First the consent, then the
    supplement: as whoever withdraws the consent itself."""
    consent = None if supplement.consent_id is None else hold_consent(session, supplement.consent_id)
    return consent if consent is not None and consent.state == "given" else None


def _take_back(session: Session, supplement: Supplement, *, actor: str, now: datetime) -> None:
    CASES.move(session, supplement, "withdraw", actor=actor, now=now, due_on=None)
    if supplement.record_id is not None:
        record = lock_record(session, supplement.record_id)
        if record.state != "revoked":
            change_state(
                session, record, state="revoked", changed_by=actor, reason="本人撤回自主申报的信息", now=now
            )


def _tell_verifiers(session: Session, supplement: Supplement, *, now: datetime) -> None:
    """The office's officers who may enter the result, and the department itself."""
    words = {
        "kind": "supplement_filed",
        "title": "自主申报待核验",
        "body": f"由{supplement.department}核验，期限 {supplement.due_on:%Y-%m-%d}。",
        "about": case_of(supplement),
    }
    notify(session, Recipient(officer_role=VERIFIED_BY), **words, now=now)
    tell_department(session, supplement, **words, now=now)
