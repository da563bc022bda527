"""Signing a commitment, following it up, and what its outcome becomes: a record like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from backend.cases.service import CaseKind
from backend.cases.telling import as_sentence, said
from backend.catalogue.service import category_in_force
from backend.city_calendar import city_date
from backend.commitments.errors import (
    CommitmentNotFound,
    CommitmentNotOffered,
    CommitmentStateForbids,
    DueDateMissing,
    FindingMissing,
    LetterChanged,
)
from backend.commitments.models import Commitment, CommitmentEvent
from backend.commitments.states import (
    OPEN_STATES,
    STATE_NAMES,
    CommitmentEventName,
    CommitmentState,
    state_after,
)
from backend.commitments.types import CommitmentType, commitment_type, commitment_types, letter_for
from backend.identifiers.sealing import KeyRing
from backend.months import add_months
from backend.notifications.service import Recipient, notify
from backend.records.intake import Intake
from backend.records.models import CreditRecord
from backend.records.single_row import take_in_row
from backend.subjects.acting import ActingFor
from backend.subjects.models import Subject
from backend.subjects.service import get_subject, name_of

CATEGORY = "commitment"
FOLLOWED_UP_BY = "data_officer"
REMINDED_BEFORE = timedelta(days=7)
LONGEST = 60
"""Months: a commitment without an end is not one that can be followed up."""

Outcome = Literal["fulfilled", "partly_fulfilled", "broken"]
_EVENT_OF_OUTCOME: Mapping[Outcome, CommitmentEventName] = {
    "fulfilled": "fulfil",
    "partly_fulfilled": "fulfil_partly",
    "broken": "break",
}
_COLLECTED_STATUS: Mapping[Outcome, str] = {
    "fulfilled": "全部履行",
    "partly_fulfilled": "部分履行",
    "broken": "全部未履行",
}


def _forbids(state: str) -> CommitmentStateForbids:
    return CommitmentStateForbids(state, STATE_NAMES[state])  # type: ignore[index]


CASES = CaseKind("commitment", Commitment, CommitmentEvent, CommitmentEvent.commitment_id, state_after, _forbids)
case_of, events_of = CASES.name_of, CASES.steps_of


def types_offered_to(subject: Subject) -> Sequence[CommitmentType]:
    """What this subject may sign at any time, outside another procedure."""
    return [kind for kind in commitment_types().values() if kind.offered and subject.kind in kind.subject_kinds]


def sign_commitment(
    session: Session,
    *,
    acting: ActingFor,
    account_id: UUID,
    type_code: str,
    matter: str,
    text_sha256: str,
    due_on: date | None,
    now: datetime,
) -> Commitment:
    """A citizen, or an enterprise by its legal representative, signs one of the offered types.

    `text_sha256` is the digest of the letter that was shown (see `types.letter_for`).

    Raises CommitmentTypeUnknown, CommitmentNotOffered, DueDateMissing or LetterChanged.
    """
    kind = commitment_type(type_code)
    if not kind.offered or acting.subject.kind not in kind.subject_kinds:
        raise CommitmentNotOffered
    today = city_date(now)
    if kind.needs_due_on and due_on is None:
        raise DueDateMissing
    if due_on is not None and not today < due_on <= add_months(today, LONGEST):
        raise DueDateMissing
    return sign_within(
        session,
        acting=acting,
        account_id=account_id,
        type_code=type_code,
        matter=matter,
        text_sha256=text_sha256,
        about=None,
        due_on=due_on,
        now=now,
    )


def sign_within(
    session: Session,
    *,
    acting: ActingFor,
    account_id: UUID,
    type_code: str,
    matter: str,
    text_sha256: str,
    about: str | None,
    now: datetime,
    due_on: date | None = None,
) -> Commitment:
    """The same within another procedure (`about` names its case), whose rules say who may sign.

    Raises CommitmentTypeUnknown or LetterChanged.
    """
    today = city_date(now)
    letter = letter_for(type_code, matter=matter.strip(), on=today)
    if letter.sha256 != text_sha256:
        raise LetterChanged
    office = category_in_force(session, CATEGORY, today)
    commitment_id = uuid4()
    commitment = Commitment(
        id=commitment_id,
        code=f"CN{today:%Y%m%d}{commitment_id.hex[:10].upper()}",
        subject_id=acting.subject.id,
        type=type_code,
        matter=letter.matter,
        text=letter.text,
        liability=letter.liability,
        text_sha256=letter.sha256,
        account_id=account_id,
        signed_by=acting.capacity,
        signer_id=acting.person_id,
        signed_at=now,
        accepted_by=office.source_department,
        accepted_by_code=office.source_department_code,
        about=about,
        due_on=due_on or add_months(today, letter.type.due_months),
        state="signed",
    )
    session.add(commitment)
    session.flush()
    CASES.remember(session, commitment, "sign", actor=acting.capacity, now=now)
    return commitment


def follow_up(
    session: Session,
    intake: Intake,
    *,
    commitment_id: UUID,
    outcome: Outcome,
    finding: str,
    officer: str,
    now: datetime,
) -> Commitment:
    """Record whether it was kept. The outcome becomes a record of the commitment category, by the same storing as
    a delivered one, so that indicators, objections and repairs see it; the signer is told.

    Raises CommitmentNotFound, FindingMissing, CommitmentStateForbids or RowRefused.
    """
    finding = said(finding, FindingMissing)
    commitment = get_commitment(session, commitment_id)
    CASES.move(
        session,
        commitment,
        _EVENT_OF_OUTCOME[outcome],
        actor=officer,
        now=now,
        decided_at=now,
        decided_by=officer,
        finding=finding,
    )
    taken = take_in_row(
        session,
        intake,
        template=CATEGORY,
        row=_row(session, intake.keys, commitment, outcome, finding, now),
        source_department=commitment.accepted_by,
        origin=f"信用承诺 {commitment.code} {STATE_NAMES[outcome]}",
        now=now,
    )
    commitment.record_id = taken.record.id
    notify(
        session,
        Recipient(subject_id=commitment.subject_id),
        kind="commitment_followed_up",
        title=f"信用承诺{STATE_NAMES[outcome]}",
        body=f"“{commitment.matter}”的承诺经核实认定为{STATE_NAMES[outcome]}：{as_sentence(finding)}"
        + ("如有不同意见，可以对该记录提出异议；纠正后可以申请信用修复。" if outcome != "fulfilled" else ""),
        about=case_of(commitment),
        now=now,
    )
    session.flush()
    return commitment


def break_commitment_about(
    session: Session,
    intake: Intake,
    *,
    about: str,
    finding: str,
    officer: str,
    now: datetime,
) -> Commitment | None:
    """The case in which it was signed shows that it was broken; None when nothing was signed in that case."""
    commitment = find_about(session, about)
    if commitment is None or commitment.state == "broken":
        return commitment
    return follow_up(
        session,
        intake,
        commitment_id=commitment.id,
        outcome="broken",
        finding=finding,
        officer=officer,
        now=now,
    )


def cancel_about(session: Session, *, about: str, actor: str, now: datetime) -> None:
    """The case came to nothing, so nothing rests on the promise any more."""
    commitment = find_about(session, about)
    if commitment is not None and commitment.state in OPEN_STATES:
        CASES.move(session, commitment, "cancel", actor=actor, now=now, decided_at=now, decided_by=actor)


def remind_signer(session: Session, *, commitment_id: UUID, officer: str, now: datetime) -> Commitment:
    """An officer asks the signer to keep it. Raises CommitmentNotFound or CommitmentStateForbids."""
    commitment = get_commitment(session, commitment_id)
    CASES.move(session, commitment, "remind", actor=officer, now=now)
    _tell_due(session, commitment, now=now, once_key=None)
    return commitment


def remind_of_due(session: Session, *, now: datetime) -> int:
    """Tell signers a week before the day, and officers once it has passed; each once. Run by the worker."""
    today = city_date(now)
    due = session.scalars(
        select(Commitment).where(Commitment.state.in_(OPEN_STATES), Commitment.due_on <= today + REMINDED_BEFORE)
    ).all()
    told = 0
    for commitment in due:
        told += _tell_due(session, commitment, now=now, once_key=f"commitment-due:{commitment.id}")
        if commitment.due_on < today:
            told += notify(
                session,
                Recipient(officer_role=FOLLOWED_UP_BY),
                kind="commitment_to_follow_up",
                title="信用承诺到期，待核实履行情况",
                body=f"{commitment.code}：{commitment.matter}（{commitment.due_on:%Y-%m-%d} 到期）",
                about=case_of(commitment),
                once_key=f"commitment-overdue:{commitment.id}",
                now=now,
            )
    return told


def get_commitment(session: Session, commitment_id: UUID) -> Commitment:
    """Raises CommitmentNotFound."""
    commitment = session.get(Commitment, commitment_id)
    if commitment is None:
        raise CommitmentNotFound
    return commitment


def get_own_commitment(session: Session, commitment_id: UUID, subject_ids: Sequence[int]) -> Commitment:
    """Of one of these subjects. Raises CommitmentNotFound, also for another's."""
    commitment = get_commitment(session, commitment_id)
    if commitment.subject_id not in subject_ids:
        raise CommitmentNotFound
    return commitment


def find_about(session: Session, about: str) -> Commitment | None:
    """The latest that was signed within that case."""
    return session.scalars(
        select(Commitment).where(Commitment.about == about).order_by(Commitment.signed_at.desc()).limit(1)
    ).first()


def signed_commitments_of(session: Session, subject_id: int) -> Sequence[Commitment]:
    """Newest first."""
    return session.scalars(
        select(Commitment)
        .where(Commitment.subject_id == subject_id)
        .order_by(Commitment.signed_at.desc(), Commitment.id)
    ).all()


def commitment_queue(
    session: Session,
    *,
    state: CommitmentState | Literal["due"] | None,
    today: date,
    after: tuple[date, UUID] | None = None,
    limit: int = 20,
) -> Sequence[Commitment]:
    """For officers: soonest due first. `due` are those open whose day has come. `after` is due day and id."""
    query = select(Commitment)
    if state == "due":
        query = query.where(Commitment.state.in_(OPEN_STATES), Commitment.due_on <= today)
    elif state is not None:
        query = query.where(Commitment.state == state)
    if after is not None:
        due, commitment_id = after
        query = query.where(
            or_(Commitment.due_on > due, and_(Commitment.due_on == due, Commitment.id > commitment_id))
        )
    return session.scalars(query.order_by(Commitment.due_on, Commitment.id).limit(limit)).all()


def count_due(session: Session, today: date) -> int:
    """How many open ones wait for an officer to look at them."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Commitment)
            .where(Commitment.state.in_(OPEN_STATES), Commitment.due_on <= today)
        )
        or 0
    )


def _row(
    session: Session, keys: KeyRing, commitment: Commitment, outcome: Outcome, finding: str, now: datetime
) -> dict[str, str]:
    """As the 20-field template has it."""
    subject = get_subject(session, commitment.subject_id)
    kind = commitment_type(commitment.type)
    kept = outcome == "fulfilled"
    is_person = subject.kind == "person"
    return {
        "code": commitment.code,
        "subjectName": name_of(keys, subject),
        "subjectCategory": "自然人" if is_person else "法人及非法人组织",
        "identify": keys.open(subject.identifier_sealed),
        "commitmentTypeId": kind.collected_as,
        # The record is shown to others than the signer.
        "reason": kind.public_matter or commitment.matter,
        "content": commitment.text,
        "liabilityBreachCommitment": commitment.liability,
        "commitmentDate": city_date(commitment.signed_at).isoformat(),
        "commitmentValidity": commitment.due_on.isoformat(),
        "fulfillmentStatus": _COLLECTED_STATUS[outcome],
        "unperformedCommitmentContent": "" if kept else finding,
        "liabilityBreachCommitmentContent": "" if kept else commitment.liability,
        "fulfillmentStatusDate": city_date(now).isoformat(),
        "acceptanceConfirmUnit": commitment.accepted_by,
        "acceptanceConfirmUnitIdentify": commitment.accepted_by_code,
        "acceptanceUnit": commitment.accepted_by,
        "acceptanceUnitIdentify": commitment.accepted_by_code,
        "publicationType": "可向社会公开" if is_published(commitment, subject) else "不可公开",
        "remarks": "",
    }


def is_published(commitment: Commitment, subject: Subject) -> bool:
    """Only an enterprise's, and only of types the law has published; a natural person's never."""
    return subject.kind == "enterprise" and commitment_type(commitment.type).published


def record_of(session: Session, commitment: Commitment) -> CreditRecord | None:
    return session.get(CreditRecord, commitment.record_id) if commitment.record_id is not None else None


def _tell_due(session: Session, commitment: Commitment, *, now: datetime, once_key: str | None) -> bool:
    return notify(
        session,
        Recipient(subject_id=commitment.subject_id),
        kind="commitment_due",
        title="请按期履行信用承诺",
        body=f"“{commitment.matter}”的承诺应在 {commitment.due_on:%Y-%m-%d} 前履行，到期将核实履行情况。",
        about=case_of(commitment),
        once_key=once_key,
        now=now,
    )
