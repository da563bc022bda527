"""Asking for deletion, deleting what rests on consent alone at once, and judging the rest (PIPL art. 47)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.authorizations.service import activation_of
from backend.cases.queue import CaseQueue, next_working_day
from backend.cases.service import CaseKind
from backend.cases.telling import said
from backend.catalogue.service import known_categories
from backend.choices.service import decline
from backend.city_calendar import WorkingDays, city_date
from backend.deletion_requests.errors import (
    AlreadyRequested,
    DeletionReplyMissing,
    DeletionRequestNotFound,
    DeletionStateForbids,
    NotUnderReview,
    PlanChanged,
    RecordInOpenCase,
)
from backend.deletion_requests.models import DeletionRequest, DeletionRequestEvent
from backend.deletion_requests.plan import Asked, Content, Plan, cases_open_about, plan_of
from backend.deletion_requests.proofs import content_of, prove
from backend.deletion_requests.rules import rules_on
from backend.deletion_requests.states import (
    STATE_NAMES,
    TRANSITIONS,
    DeletionState,
    outcome,
    state_after,
)
from backend.evidence.service import evidence_about, forget_evidence
from backend.notifications.service import Recipient, messages_to, notify
from backend.records.deletions import delete_records
from backend.records.models import CreditRecord, RecordDeletion
from backend.records.retention import retention_rule_on
from backend.reports.service import kept_files_of
from backend.scores.activation import leave_score
from backend.scores.service import forget_scores
from backend.subjects.rescoring import mark_for_rescoring
from backend.supplements.service import forget_supplements, supplements_of

JUDGED_BY = "data_officer"
BY_THE_SYSTEM = "系统自动办理"


def _forbids(state: str) -> DeletionStateForbids:
    return DeletionStateForbids(state, STATE_NAMES[state])  # type: ignore[index]


CASES = CaseKind(
    "deletion_request",
    DeletionRequest,
    DeletionRequestEvent,
    DeletionRequestEvent.request_id,
    state_after,
    _forbids,
)
QUEUE = CaseQueue(DeletionRequest, ("under_review",))
case_of, events_of = CASES.name_of, CASES.steps_of
queue_place, is_overdue, count_open = QUEUE.place, QUEUE.is_overdue, QUEUE.count_open


# --- the citizen ------------------------------------------------------------------------------------------------


def file_deletion_request(
    session: Session, *, subject_id: int, asked: Asked, confirmed: str, working_days: WorkingDays, now: datetime
) -> DeletionRequest:
    """Delete at once what rests on consent alone, answer what the law has kept, and put the rest to an officer.

    confirmed  digest of the plan that the citizen was shown

    Raises AlreadyRequested, DeletionScopeIncomplete, RecordNotFound, NothingToDelete or PlanChanged.
    """
    if earlier := _open_request(session, subject_id):
        raise AlreadyRequested(earlier.due_on)
    plan = plan_of(session, subject_id, asked, now=now, lock=True)
    if plan.digest != confirmed:
        raise PlanChanged
    today = city_date(now)
    rules = rules_on(today)
    judged = any(item.disposition == "review" for item in plan.items)
    ends = outcome(
        deleted=any(item.disposition == "delete" for item in plan.items),
        kept=any(item.disposition == "keep" for item in plan.items),
    )
    request = DeletionRequest(
        subject_id=subject_id,
        scope=asked.scope,
        category=asked.category,
        record_id=asked.record_id,
        ground=asked.ground,
        reason=asked.reason,
        plan=[item.as_json() for item in plan.items],
        stopped=list(plan.stopped),
        state="under_review" if judged else TRANSITIONS["under_review", ends],
        filed_at=now,
        due_on=rules.answer_due_on(today, working_days) if judged else None,
        decided_at=None if judged else now,
        decided_by=None if judged else BY_THE_SYSTEM,
        reply=None if judged else _answer_at_once(plan),
    )
    session.add(request)
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError:
        # Two taps at once: the unique index lets only one of them through.
        raise AlreadyRequested(request.due_on) from None
    CASES.remember(session, request, "file", actor="本人", now=now)
    if any(item.disposition == "delete" for item in plan.items):
        _erase(session, request, plan.content, basis=rules.basis, now=now)
        CASES.remember(session, request, "erase", actor=BY_THE_SYSTEM, now=now)
    if asked.scope == "all":
        _leave(session, subject_id, now=now)
    if judged:
        _tell_officers(session, request, "deletion_requested", "市民申请删除个人信息，待审核", now=now)
        _tell_citizen(session, request, "您的删除申请已受理", _accepted(request), now=now)
    else:
        CASES.remember(session, request, ends, actor=BY_THE_SYSTEM, now=now)
        _tell_citizen(
            session, request, f"您的删除申请已办结：{_state_name(request)}", request.reply or "", now=now
        )
    session.flush()
    return request


def withdraw_deletion_request(
    session: Session, *, subject_id: int, request_id: UUID, now: datetime
) -> DeletionRequest:
    """What was deleted stays deleted; nothing more is. Raises DeletionRequestNotFound or DeletionStateForbids."""
    request = get_own_deletion_request(session, subject_id=subject_id, request_id=request_id)
    CASES.move(session, request, "withdraw", actor="本人", now=now, due_on=None, decided_at=now)
    return request


# --- the office -------------------------------------------------------------------------------------------------


def decide_deletion_request(
    session: Session,
    *,
    request_id: UUID,
    delete_record_ids: Collection[int],
    reply: str,
    decided_by: str,
    now: datetime,
) -> DeletionRequest:
    """Delete the named ones of the records under review, keep the others, and tell the citizen why.

    The outcome says what became of the request as a whole, with what went or was kept at filing.

    Raises DeletionReplyMissing, DeletionRequestNotFound, NotUnderReview, RecordInOpenCase or DeletionStateForbids.
    """
    reply = said(reply, DeletionReplyMissing)
    request = get_deletion_request(session, request_id)
    under_review = records_under_review(request)
    if not set(delete_record_ids) <= under_review:
        raise NotUnderReview
    if cases_open_about(session, list(delete_record_ids)):
        raise RecordInOpenCase
    event = outcome(
        deleted=bool(delete_record_ids) or _any(request, "delete"),
        kept=_any(request, "keep") or bool(under_review - set(delete_record_ids)),
    )
    CASES.move(
        session,
        request,
        event,
        actor=decided_by,
        now=now,
        detail={"text": reply, "deleted": sorted(delete_record_ids)},
        due_on=None,
        decided_at=now,
        decided_by=decided_by,
        reply=reply,
    )
    if delete_record_ids:
        _erase(
            session,
            request,
            _content_of_records(session, request.subject_id, delete_record_ids),
            basis=rules_on(city_date(now)).basis,
            now=now,
        )
    _tell_citizen(session, request, f"您的删除申请已办结：{_state_name(request)}", reply, now=now)
    return request


def watch_clocks(session: Session, *, now: datetime, working_days: WorkingDays) -> int:
    """Remind of what is due by the next working day and raise an alarm for what is overdue, each once for each
    due date; how many messages went out. Run by the worker."""
    today = city_date(now)
    told = 0
    for request in QUEUE.due(session, by=next_working_day(today, working_days)):
        late = is_overdue(request, today)
        kind = "deletion_request_overdue" if late else "deletion_request_due_soon"
        title = "删除申请答复已逾期" if late else "删除申请即将到期"
        told += _tell_officers(
            session, request, kind, title, now=now, once_key=f"{kind}:{request.id}:{request.due_on}"
        )
    return told


# --- reading ----------------------------------------------------------------------------------------------------


def get_deletion_request(session: Session, request_id: UUID) -> DeletionRequest:
    """Raises DeletionRequestNotFound."""
    request = session.get(DeletionRequest, request_id)
    if request is None:
        raise DeletionRequestNotFound
    return request


def get_own_deletion_request(session: Session, *, subject_id: int, request_id: UUID) -> DeletionRequest:
    """Another person's is reported as not found. Raises DeletionRequestNotFound."""
    request = get_deletion_request(session, request_id)
    if request.subject_id != subject_id:
        raise DeletionRequestNotFound
    return request


def deletion_requests_of(session: Session, subject_id: int) -> Sequence[DeletionRequest]:
    """Newest first."""
    return session.scalars(
        select(DeletionRequest)
        .where(DeletionRequest.subject_id == subject_id)
        .order_by(DeletionRequest.filed_at.desc(), DeletionRequest.id)
    ).all()


def deletion_queue(
    session: Session, *, state: DeletionState, after: tuple[date, UUID] | None = None, limit: int = 20
) -> Sequence[DeletionRequest]:
    """The clock that runs out first comes first; `after` is `queue_place` and id of the last one seen."""
    return QUEUE.page(DeletionRequest.state == state, session=session, after=after, limit=limit)


def records_under_review(request: DeletionRequest) -> set[int]:
    """The records that an officer judges."""
    return {
        record_id for item in request.plan if item["disposition"] == "review" for record_id in item["record_ids"]
    }


# --- inside -----------------------------------------------------------------------------------------------------


def _open_request(session: Session, subject_id: int) -> DeletionRequest | None:
    return session.scalars(
        select(DeletionRequest).where(
            DeletionRequest.subject_id == subject_id, DeletionRequest.state == "under_review"
        )
    ).first()


def _erase(session: Session, request: DeletionRequest, content: Content, *, basis: str, now: datetime) -> None:
    """Delete it all in the caller's transaction, each kind with its proof.

    A category that its subject may decline is declined with it: the next delivery would bring it back otherwise.
    """
    subject_id, today = request.subject_id, city_date(now)
    parts: list[tuple[str, Sequence[Any]]] = [
        ("score", content.scores),
        ("supplements", content.supplements),
        ("choices", content.choices),
        ("evidence", content.evidence),
        ("messages", content.messages),
    ]
    for part, rows in parts:
        if rows:
            _prove(session, request, part, len(rows), content_of(rows), basis, now)
    if content.reports:
        files = [[report.number, report.file_sha256] for report in content.reports]
        _prove(session, request, "reports", len(files), files, basis, now)
        for report in content.reports:
            report.sealed_file = None
    for row in (*content.choices, *content.messages):
        session.delete(row)
    forget_evidence(session, content.evidence, now=now)
    forget_supplements(session, content.supplements, now=now)
    if content.records:
        categories = known_categories(session, today)
        delete_records(
            session,
            content.records,
            categories=categories,
            rule=retention_rule_on(today),
            now=now,
            basis=basis,
        )
        ids = [record.id for record in content.records]
        digests = session.scalars(
            select(RecordDeletion.content_digest)
            .where(RecordDeletion.record_id.in_(ids))
            .order_by(RecordDeletion.number)
        ).all()
        _prove(session, request, "records", len(ids), [digest.hex() for digest in digests], basis, now)
        for code in sorted({record.category for record in content.records}):
            if categories[code].may_decline and request.scope != "record":
                decline(session, subject_id=subject_id, category=code, now=now)
    mark_for_rescoring(session, [subject_id], "data_deleted", now)
    session.flush()


def _leave(session: Session, subject_id: int, *, now: datetime) -> None:
    """Asking for everything ends the score with the asking, also one that was not computed yet; whoever opens it
    again afterwards keeps it, whatever an officer decides later about the records."""
    if activation_of(session, subject_id) is not None:
        leave_score(session, subject_id=subject_id, now=now)
    else:
        forget_scores(session, subject_id)


def _prove(
    session: Session, request: DeletionRequest, part: str, things: int, content: Any, basis: str, now: datetime
) -> None:
    prove(session, request_id=request.id, part=part, things=things, content=content, basis=basis, now=now)


def _content_of_records(session: Session, subject_id: int, record_ids: Collection[int]) -> Content:
    """The records that an officer lets go, with what only exists because of them."""
    records = session.scalars(
        select(CreditRecord)
        .where(CreditRecord.id.in_(record_ids), CreditRecord.subject_id == subject_id)
        .order_by(CreditRecord.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    supplements = [one for one in supplements_of(session, subject_id) if one.record_id in record_ids]
    about = {f"supplement:{one.id}" for one in supplements}
    return Content(
        scores=(),
        reports=kept_files_of(session, subject_id),
        supplements=supplements,
        records=records,
        choices=(),
        evidence=[file for file in evidence_about(session, subject_id) if file.case in about],
        messages=messages_to(
            session, subject_id, before=None, about=[*about, *(f"record:{one}" for one in record_ids)]
        ),
    )


def _any(request: DeletionRequest, disposition: str) -> bool:
    return any(item["disposition"] == disposition for item in request.plan)


def _state_name(request: DeletionRequest) -> str:
    return STATE_NAMES[request.state]  # type: ignore[index]


def _answer_at_once(plan: Plan) -> str:
    went = "、".join(dict.fromkeys(item.name for item in plan.items if item.disposition == "delete"))
    stays = "、".join(dict.fromkeys(item.name for item in plan.items if item.disposition == "keep"))
    said = [f"已删除：{went}。" if went else "", f"依法保留：{stays}，依据和期限见申请详情。" if stays else ""]
    return "".join(said)


def _accepted(request: DeletionRequest) -> str:
    went = "可以立即删除的已经删除；" if _any(request, "delete") else ""
    return f"{went}其余由工作人员审核，最迟 {request.due_on:%Y-%m-%d} 答复。"


def _tell_citizen(session: Session, request: DeletionRequest, title: str, body: str, *, now: datetime) -> None:
    notify(
        session,
        Recipient(subject_id=request.subject_id),
        kind="deletion_request",
        title=title,
        body=body,
        about=case_of(request),
        now=now,
    )


def _tell_officers(
    session: Session,
    request: DeletionRequest,
    kind: str,
    title: str,
    *,
    now: datetime,
    once_key: str | None = None,
) -> bool:
    return notify(
        session,
        Recipient(officer_role=JUDGED_BY),
        kind=kind,
        title=title,
        body=f"请在 {request.due_on:%Y-%m-%d} 前答复申请人。",
        about=case_of(request),
        once_key=once_key,
        now=now,
    )
