"""Citizens' complaints about merchants, and answering them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.benefits.complaints import (
    STATE_NAMES,
    answer_complaint,
    complaint_queue,
    get_complaint,
    take_up_complaint,
)
from backend.benefits.models import MerchantComplaint
from backend.ledger.service import record_access
from backend.partners.service import get_partner
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import (
    access_reason,
    current_officer,
    officer_as_actor,
    signed_in_officer,
    states_reason,
)
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import PageQuery, PlaceField, moment_of, page_of, page_schema, place

blp = Blueprint(
    "officer complaints", __name__, url_prefix=f"{API_PREFIX}/admin/merchant-complaints", description="商户投诉"
)

_MAY_READ = ("score_officer", "objection_officer", "reviewer", "auditor")
_MAY_ANSWER = ("score_officer", "objection_officer")


class ComplaintQuery(PageQuery):
    cursor = PlaceField(moment_of)
    state = fields.String(load_default="open", validate=validate.OneOf(("open", "all")))


class ComplaintCase(Schema):
    """In the queue: which merchant and since when, nothing about the citizen."""

    id = fields.UUID(required=True)
    partner = fields.String(required=True)
    state = fields.String(required=True)
    state_name = fields.String(required=True)
    filed_at = Moment(required=True)
    closed_at = Moment(required=True, allow_none=True)


class ComplaintCaseInFull(ComplaintCase):
    check_id = fields.UUID(required=True)
    what = fields.String(required=True)
    handled_by = fields.String(required=True, allow_none=True)
    answer = fields.String(required=True, allow_none=True)


class ComplaintAnswer(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(("upheld", "rejected")))
    answer = fields.String(required=True, validate=validate.Length(min=10, max=1000))


@blp.route("")
class ComplaintCases(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(ComplaintQuery, location="query")
    @blp.response(200, page_schema(ComplaintCase))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """投诉队列，先提交的在前；不含市民信息"""
        with reading() as session:
            found = complaint_queue(
                session, only_open=query["state"] == "open", after=query["cursor"], limit=query["limit"] + 1
            )
            page = page_of(found, query["limit"], lambda one: place(one.filed_at, one.id))
            return page | {"items": [_case(session, one) for one in found[: query["limit"]]]}


@blp.route("/<uuid:complaint_id>")
class OneComplaint(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, ComplaintCaseInFull)
    def get(self, complaint_id: UUID) -> dict[str, object]:
        """一件投诉的内容；查看记入台账"""
        with transaction() as session:
            complaint = get_complaint(session, complaint_id)
            _note(session, complaint, "merchant_complaint_viewed", access_reason())
            return _in_full(session, complaint)


@blp.route("/<uuid:complaint_id>/taking-up")
class TakingUp(MethodView):
    @signed_in_officer(*_MAY_ANSWER)
    @idempotent
    @blp.response(200, ComplaintCaseInFull)
    def post(self, complaint_id: UUID) -> dict[str, object]:
        """开始核实"""
        with transaction() as session:
            complaint = take_up_complaint(
                session, complaint_id=complaint_id, officer=current_officer().name, now=now()
            )
            _note(session, complaint, "merchant_complaint_answered", "开始核实")
            return _in_full(session, complaint)


@blp.route("/<uuid:complaint_id>/answer")
class Answer(MethodView):
    @signed_in_officer(*_MAY_ANSWER)
    @idempotent
    @blp.arguments(ComplaintAnswer)
    @blp.response(200, ComplaintCaseInFull)
    def post(self, body: dict[str, Any], complaint_id: UUID) -> dict[str, object]:
        """答复并办结；本人立即收到"""
        with transaction() as session:
            complaint = answer_complaint(
                session, complaint_id=complaint_id, officer=current_officer().name, now=now(), **body
            )
            _note(session, complaint, "merchant_complaint_answered", "答复投诉")
            return _in_full(session, complaint)


def _note(session: Session, complaint: MerchantComplaint, action: str, purpose: str) -> None:
    record_access(
        session,
        subject_id=complaint.holder_id,
        actor=officer_as_actor(),
        action=action,
        basis="依职责办理市民对合作商户的投诉",
        purpose=purpose,
        detail={"complaint": str(complaint.id)},
        channel="console",
        now=now(),
    )


def _case(session: Session, complaint: MerchantComplaint) -> dict[str, object]:
    return {
        "id": complaint.id,
        "partner": get_partner(session, complaint.partner_id).name,
        "state": complaint.state,
        "state_name": STATE_NAMES[complaint.state],  # type: ignore[index]
        "filed_at": complaint.filed_at,
        "closed_at": complaint.closed_at,
    }


def _in_full(session: Session, complaint: MerchantComplaint) -> dict[str, object]:
    return {
        **_case(session, complaint),
        "check_id": complaint.check_id,
        "what": complaint.what,
        "handled_by": complaint.handled_by,
        "answer": complaint.answer,
    }
