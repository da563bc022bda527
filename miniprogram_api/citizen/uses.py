"""What the citizen has used at counters, and complaints about how a merchant handled it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.benefits.complaints import STATE_NAMES, complaints_of, file_complaint, withdraw_complaint
from backend.benefits.history import Use, uses_of
from backend.benefits.models import MerchantComplaint
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import PageQuery, PlaceField, moment_of, page_of, page_schema, place

blp = Blueprint("citizen uses", __name__, url_prefix=f"{API_PREFIX}/me/benefits", description="用过的权益与投诉")


class UsesQuery(PageQuery):
    cursor = PlaceField(moment_of)


class UseResponse(Schema):
    check_id = fields.UUID(required=True, metadata={"description": "投诉时填写"})
    scheme = fields.String(required=True)
    scene_name = fields.String(required=True)
    partner = fields.String(required=True, metadata={"description": "商户名称"})
    checked_at = Moment(required=True)
    eligible = fields.Boolean(required=True, metadata={"description": "当时是否符合"})
    terms = fields.Dict(keys=fields.String(), required=True, allow_none=True)
    redeemed_at = Moment(required=True, allow_none=True)
    cancelled_at = Moment(required=True, allow_none=True)
    complaint_state = fields.String(required=True, allow_none=True)


class ComplaintRequest(Schema):
    check_id = fields.UUID(required=True, metadata={"description": "对哪一次核验"})
    what = fields.String(
        required=True, validate=validate.Length(min=10, max=1000), metadata={"description": "发生了什么"}
    )


class MyComplaint(Schema):
    id = fields.UUID(required=True)
    check_id = fields.UUID(required=True)
    what = fields.String(required=True)
    state = fields.String(required=True)
    state_name = fields.String(required=True)
    filed_at = Moment(required=True)
    answer = fields.String(required=True, allow_none=True)
    closed_at = Moment(required=True, allow_none=True)


class MyComplaints(Schema):
    items = fields.List(fields.Nested(MyComplaint), required=True)


@blp.route("/uses")
class Uses(MethodView):
    @signed_in_citizen
    @blp.arguments(UsesQuery, location="query")
    @blp.response(200, page_schema(UseResponse))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """出示过的权益和结果，新的在前"""
        with reading() as session:
            found = uses_of(session, current_subject_id(), before=query["cursor"], limit=query["limit"] + 1)
            page = page_of(found, query["limit"], lambda one: place(one.check.checked_at, one.check.id))
            return page | {"items": [_use(one) for one in found[: query["limit"]]]}


@blp.route("/complaints")
class Complaints(MethodView):
    @signed_in_citizen
    @blp.response(200, MyComplaints)
    def get(self) -> dict[str, object]:
        """本人对商户的投诉与答复"""
        with reading() as session:
            return {"items": [_complaint(one) for one in complaints_of(session, current_subject_id())]}

    @signed_in_citizen
    @idempotent
    @blp.arguments(ComplaintRequest)
    @blp.response(201, MyComplaint)
    @blp.alt_response(404, description="不是本人的核验（check_not_found）")
    @blp.alt_response(409, description="同一次核验的投诉正在处理（complaint_already_open）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """投诉商户：有权益不给、多收费、态度等"""
        with transaction() as session:
            return _complaint(file_complaint(session, holder_id=current_subject_id(), now=now(), **body))


@blp.route("/complaints/<uuid:complaint_id>/withdrawal")
class ComplaintWithdrawal(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.response(200, MyComplaint)
    def post(self, complaint_id: UUID) -> dict[str, object]:
        """撤回投诉"""
        with transaction() as session:
            return _complaint(
                withdraw_complaint(session, holder_id=current_subject_id(), complaint_id=complaint_id, now=now())
            )


def _use(one: Use) -> dict[str, object]:
    return {
        "check_id": one.check.id,
        "scheme": one.scheme_name,
        "scene_name": one.scene_name,
        "partner": one.partner_name,
        "checked_at": one.check.checked_at,
        "eligible": one.check.eligible,
        "terms": one.check.terms,
        "redeemed_at": one.redemption.redeemed_at if one.redemption else None,
        "cancelled_at": one.redemption.cancelled_at if one.redemption else None,
        "complaint_state": one.complaint.state if one.complaint else None,
    }


def _complaint(one: MerchantComplaint) -> dict[str, object]:
    return {
        "id": one.id,
        "check_id": one.check_id,
        "what": one.what,
        "state": one.state,
        "state_name": STATE_NAMES[one.state],  # type: ignore[index]
        "filed_at": one.filed_at,
        "answer": one.answer,
        "closed_at": one.closed_at,
    }
