"""Officers judge deletion requests (删除申请办理): which of the records go, which stay, and why."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.cases import masked_subject, note_access
from admin.objections import MaskedSubject
from backend.catalogue.service import known_categories
from backend.city_calendar import city_date
from backend.deletion_requests.models import DeletionRequest
from backend.deletion_requests.plan import GROUND_NAMES
from backend.deletion_requests.service import (
    case_of,
    decide_deletion_request,
    deletion_queue,
    events_of,
    get_deletion_request,
    is_overdue,
    queue_place,
    records_under_review,
)
from backend.deletion_requests.states import EVENT_NAMES, STATE_NAMES
from backend.objections.service import statements_beside
from backend.records.models import CreditRecord
from backend.web import API_PREFIX
from backend.web.cases import CaseEvent, steps_in
from backend.web.clocks import days_left
from backend.web.context import now, reading, transaction
from backend.web.guards import access_reason, current_officer, signed_in_officer, states_reason
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.objections import WithStatements
from backend.web.pages import PageQuery, PlaceField, page_of, page_schema, place

blp = Blueprint(
    "officer deletion requests",
    __name__,
    url_prefix=f"{API_PREFIX}/admin/deletion-requests",
    description="删除申请办理",
)

_BASIS = "依职责办理删除申请（《个人信息保护法》第四十七条、第五十条）"
_MAY_READ = ("data_officer", "reviewer", "auditor")
_MAY_ACT = ("data_officer",)


class DeletionQueueQuery(PageQuery):
    cursor = PlaceField(date.fromisoformat)
    state = fields.String(load_default="under_review", validate=validate.OneOf(tuple(STATE_NAMES)))


class DeletionCase(Schema):
    id = fields.UUID(required=True)
    subject = fields.Nested(MaskedSubject, required=True)
    scope = fields.String(required=True, validate=validate.OneOf(("all", "category", "record")))
    category_name = fields.String(required=True, allow_none=True)
    ground_name = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(tuple(STATE_NAMES)))
    filed_at = Moment(required=True)
    due_on = fields.Date(required=True, allow_none=True)
    overdue = fields.Boolean(required=True)
    working_days_left = fields.Integer(required=True, allow_none=True)


class DeletionCaseLine(Schema):
    part = fields.String(required=True)
    disposition = fields.String(required=True, validate=validate.OneOf(("delete", "review", "keep")))
    name = fields.String(required=True)
    count = fields.Integer(required=True)
    basis = fields.String(required=True)
    why = fields.String(required=True)
    until = fields.String(required=True, allow_none=True)
    term = fields.String(required=True)


class DeletionCaseRecord(WithStatements):
    id = fields.Integer(required=True)
    category_name = fields.String(required=True)
    title = fields.String(required=True)
    event_on = fields.Date(required=True)
    state = fields.String(required=True)
    source_department = fields.String(required=True)


class DeletionCaseInFull(DeletionCase):
    reason = fields.String(required=True)
    items = fields.List(fields.Nested(DeletionCaseLine), required=True)
    records = fields.List(
        fields.Nested(DeletionCaseRecord), required=True, metadata={"description": "待审核、尚未删除的记录"}
    )
    decided_at = Moment(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    reply = fields.String(required=True, allow_none=True)
    events = fields.List(fields.Nested(CaseEvent), required=True)


class DeletionDecisionRequest(Schema):
    delete_record_ids = fields.List(
        fields.Integer(validate=validate.Range(1, 2**63 - 1)),
        load_default=[],
        validate=validate.Length(max=5_000),
        metadata={"description": "同意删除的记录；其余的保留"},
    )
    reply = fields.String(
        required=True, validate=validate.Length(5, 1_000), metadata={"description": "理由，申请人会看到"}
    )


@blp.route("")
class DeletionRequests(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(DeletionQueueQuery, location="query")
    @blp.response(200, page_schema(DeletionCase))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """删除申请队列，期限最近的在前；个人信息已脱敏"""
        with reading() as session:
            found = deletion_queue(session, state=query["state"], after=query["cursor"], limit=query["limit"] + 1)
            page = page_of(found, query["limit"], key=lambda case: place(queue_place(case), case.id))
            return page | {"items": [_case(session, one) for one in found[: query["limit"]]]}


@blp.route("/<uuid:request_id>")
class OneDeletionRequest(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, DeletionCaseInFull)
    @blp.alt_response(404, description="没有这件申请（deletion_request_not_found）")
    def get(self, request_id: UUID) -> dict[str, object]:
        """一件删除申请和待审核的记录；查看记入台账"""
        with transaction() as session:
            request = get_deletion_request(session, request_id)
            _note(session, request, action="deletion_request_viewed", purpose=access_reason())
            return _in_full(session, request)


@blp.route("/<uuid:request_id>/decision")
class DeletionDecision(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(DeletionDecisionRequest)
    @blp.response(200, DeletionCaseInFull)
    @blp.alt_response(404, description="没有这件申请（deletion_request_not_found）")
    @blp.alt_response(
        409, description="已办结（deletion_state_forbids），或记录另有在办事项（record_in_open_case）"
    )
    def post(self, body: dict[str, Any], request_id: UUID) -> dict[str, object]:
        """审核：选中的记录删除并生成凭证，其余保留；结果和理由告知申请人"""
        with transaction() as session:
            request = decide_deletion_request(
                session, request_id=request_id, decided_by=current_officer().name, now=now(), **body
            )
            _note(session, request, action="deletion_request_decided", purpose="作出删除申请的决定")
            return _in_full(session, request)


def _note(session: Session, request: DeletionRequest, *, action: str, purpose: str) -> None:
    note_access(
        session,
        subject_id=request.subject_id,
        case=case_of(request),
        action=action,
        basis=_BASIS,
        purpose=purpose,
    )


def _case(session: Session, request: DeletionRequest) -> dict[str, object]:
    names = known_categories(session, city_date(now()))
    return {
        "id": request.id,
        "subject": masked_subject(session, request.subject_id),
        "scope": request.scope,
        "category_name": names[request.category].name if request.category in names else None,
        "ground_name": GROUND_NAMES[request.ground],  # type: ignore[index]
        "state": request.state,
        "filed_at": request.filed_at,
        "due_on": request.due_on,
        "overdue": is_overdue(request, city_date(now())),
        "working_days_left": days_left(request.due_on),
    }


def _in_full(session: Session, request: DeletionRequest) -> dict[str, object]:
    session.flush()
    names = known_categories(session, city_date(now()))
    waiting = records_under_review(request) if request.state == "under_review" else set()
    records = session.scalars(
        select(CreditRecord).where(CreditRecord.id.in_(waiting)).order_by(CreditRecord.id)
    ).all()
    said = statements_beside(session, [record.id for record in records])
    return {
        **_case(session, request),
        "reason": request.reason,
        "items": request.plan,
        "records": [
            {
                "id": record.id,
                "category_name": names[record.category].name,
                "title": record.title,
                "event_on": record.event_on,
                "state": record.state,
                "source_department": record.source_department,
                "statements": said.get(record.id, []),
            }
            for record in records
        ],
        "decided_at": request.decided_at,
        "decided_by": request.decided_by,
        "reply": request.reply,
        "events": steps_in(events_of(session, request.id), EVENT_NAMES),
    }
