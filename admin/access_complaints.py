"""Citizens' complaints about readings of their data (查看投诉), answered by an auditor."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.city_calendar import city_date
from backend.ledger.service import record_access
from backend.oversight.complaints import answer_complaint, complaint_queue, get_complaint
from backend.oversight.models import AccessComplaint
from backend.oversight.search import BASIS
from backend.oversight.states import COMPLAINT_STATE_NAMES
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_officer, officer_as_actor, signed_in_officer
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import PageQuery, PlaceField, page_of, page_schema, place

blp = Blueprint(
    "officer access complaints",
    __name__,
    url_prefix=f"{API_PREFIX}/admin/access-complaints",
    description="查看投诉",
)


class ComplaintsQuery(PageQuery):
    cursor = PlaceField(date.fromisoformat)
    state = fields.String(load_default="filed", validate=validate.OneOf(tuple(COMPLAINT_STATE_NAMES)))


class AccessComplaintCase(Schema):
    """The person is not named: what has to be judged is the reading."""

    id = fields.UUID(required=True)
    entry_id = fields.Integer(required=True, metadata={"description": "台账编号"})
    who = fields.String(required=True, metadata={"description": "查看人"})
    at = Moment(required=True, metadata={"description": "查看时刻"})
    action_name = fields.String(required=True)
    basis = fields.String(required=True)
    purpose = fields.String(required=True)
    grounds = fields.String(required=True, metadata={"description": "投诉理由"})
    state = fields.String(required=True, validate=validate.OneOf(tuple(COMPLAINT_STATE_NAMES)))
    filed_at = Moment(required=True)
    answer_due_on = fields.Date(required=True)
    overdue = fields.Boolean(required=True)
    proper = fields.Boolean(required=True, allow_none=True)
    reply = fields.String(required=True, allow_none=True)
    closed_at = Moment(required=True, allow_none=True)
    is_own = fields.Boolean(required=True, metadata={"description": "被投诉的是您本人的查看，须由他人答复"})


class ComplaintAnswerRequest(Schema):
    proper = fields.Boolean(
        required=True, truthy={True}, falsy={False}, metadata={"description": "这次查看是否依规"}
    )
    reply = fields.String(required=True, validate=validate.Length(min=10, max=1_000))


@blp.route("")
class AccessComplaints(MethodView):
    @signed_in_officer("auditor")
    @blp.arguments(ComplaintsQuery, location="query")
    @blp.response(200, page_schema(AccessComplaintCase))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """市民对查看的投诉，期限最近的在前；不含投诉人的身份"""
        with reading() as session:
            found = complaint_queue(session, state=query["state"], after=query["cursor"], limit=query["limit"] + 1)
            page = page_of(found, query["limit"], key=lambda case: place(case.answer_due_on, case.id))
            return page | {"items": [_case(complaint) for complaint in found[: query["limit"]]]}


@blp.route("/<uuid:complaint_id>/answer")
class AccessComplaintAnswer(MethodView):
    @signed_in_officer("auditor")
    @idempotent
    @blp.arguments(ComplaintAnswerRequest)
    @blp.response(200, AccessComplaintCase)
    @blp.alt_response(404, description="没有这件投诉（complaint_not_found）")
    @blp.alt_response(409, description="已经答复或撤回（complaint_not_in_state）")
    def post(self, body: dict[str, Any], complaint_id: UUID) -> dict[str, object]:
        """答复一件投诉并告知本人；不能答复对自己查看的投诉（self_review）"""
        with transaction() as session:
            complaint = answer_complaint(
                session,
                complaint_id=complaint_id,
                auditor_id=current_officer().officer_id,
                now=now(),
                **body,
            )
            record_access(
                session,
                subject_id=get_complaint(session, complaint_id).subject_id,
                actor=officer_as_actor(),
                action="access_audited",
                basis=BASIS,
                purpose="答复查看投诉",
                detail={"complaint": str(complaint.id)},
                channel="console",
                now=now(),
            )
            return _case(complaint)


def _case(complaint: AccessComplaint) -> dict[str, object]:
    what = complaint.what
    return {
        "id": complaint.id,
        "entry_id": complaint.entry_id,
        "who": what["who"],
        "at": datetime.fromisoformat(what["at"]),
        "action_name": what["action_name"],
        "basis": what["basis"],
        "purpose": what["purpose"],
        "grounds": complaint.grounds,
        "state": complaint.state,
        "filed_at": complaint.filed_at,
        "answer_due_on": complaint.answer_due_on,
        "overdue": complaint.state == "filed" and complaint.answer_due_on < city_date(now()),
        "proper": complaint.proper,
        "reply": complaint.reply,
        "closed_at": complaint.closed_at,
        "is_own": what["actor_id"] == str(current_officer().officer_id),
    }
