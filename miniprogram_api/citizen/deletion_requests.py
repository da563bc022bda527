"""Asking that one's data be deleted (删除申请): seeing beforehand what goes and what must stay, and progress."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.catalogue.service import known_categories
from backend.city_calendar import city_date
from backend.deletion_requests.models import DeletionRequest
from backend.deletion_requests.plan import GROUND_NAMES, Asked, plan_of
from backend.deletion_requests.proofs import proofs_of
from backend.deletion_requests.rules import rules_on
from backend.deletion_requests.service import (
    deletion_requests_of,
    events_of,
    file_deletion_request,
    get_own_deletion_request,
    withdraw_deletion_request,
)
from backend.deletion_requests.states import EVENT_NAMES, STATE_NAMES
from backend.records.service import records_of
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.citizen.repairs import RepairStep

blp = Blueprint(
    "citizen deletion requests",
    __name__,
    url_prefix=f"{API_PREFIX}/me/deletion-requests",
    description="删除申请",
)

SCOPES = ("all", "category", "record")


class DeletionAsked(Schema):
    scope = fields.String(
        required=True,
        validate=validate.OneOf(SCOPES),
        metadata={"description": "all 我的全部信息，category 一类信息，record 一条记录"},
    )
    category = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 64),
        metadata={"description": "类别代码，scope 为 category 时必填"},
    )
    record_id = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 2**63 - 1),
        metadata={"description": "记录编号，scope 为 record 时必填"},
    )
    ground = fields.String(
        required=True,
        validate=validate.OneOf(tuple(GROUND_NAMES)),
        metadata={"description": "；".join(f"{code} {name}" for code, name in GROUND_NAMES.items())},
    )
    reason = fields.String(
        load_default="", validate=validate.Length(max=500), metadata={"description": "补充说明"}
    )


class DeletionConfirmed(DeletionAsked):
    confirmed = fields.String(
        required=True,
        validate=validate.Length(64, 64),
        metadata={"description": "预览给出的 digest：确认的正是所看到的"},
    )


class DeletionLine(Schema):
    part = fields.String(required=True, metadata={"description": "哪一部分"})
    disposition = fields.String(
        required=True,
        validate=validate.OneOf(("delete", "review", "keep")),
        metadata={"description": "delete 立即删除，review 由工作人员审核，keep 依法保留"},
    )
    name = fields.String(required=True, metadata={"description": "名称"})
    count = fields.Integer(required=True, metadata={"description": "多少"})
    basis = fields.String(required=True, metadata={"description": "法律依据"})
    why = fields.String(required=True, metadata={"description": "为什么"})
    until = fields.String(required=True, allow_none=True, metadata={"description": "最晚保存到哪一天"})
    term = fields.String(required=True, metadata={"description": "保存期限"})


class DeletionPlan(Schema):
    items = fields.List(fields.Nested(DeletionLine), required=True)
    stopped = fields.List(fields.String(), required=True, metadata={"description": "已经或随确认停止的"})
    digest = fields.String(required=True, metadata={"description": "确认时原样交回"})
    basis = fields.String(required=True, metadata={"description": "依据"})


class DeletableCategory(Schema):
    category = fields.String(required=True, metadata={"description": "类别代码"})
    name = fields.String(required=True, metadata={"description": "类别名称"})
    records = fields.Integer(required=True, metadata={"description": "有几条记录"})


class DeletionProofResponse(Schema):
    number = fields.Integer(required=True, metadata={"description": "凭证编号"})
    part = fields.String(required=True, metadata={"description": "哪一部分"})
    things = fields.Integer(required=True, metadata={"description": "多少"})
    digest = fields.String(required=True, metadata={"description": "凭证指纹（SHA-256）"})


class DeletionRequestResponse(Schema):
    id = fields.UUID(required=True, metadata={"description": "申请编号"})
    scope = fields.String(required=True, metadata={"description": "all、category 或 record"})
    category_name = fields.String(required=True, allow_none=True, metadata={"description": "类别名称"})
    ground_name = fields.String(required=True, metadata={"description": "理由"})
    reason = fields.String(required=True, metadata={"description": "补充说明"})
    state = fields.String(
        required=True, validate=validate.OneOf(tuple(STATE_NAMES)), metadata={"description": "状态代码"}
    )
    state_name = fields.String(required=True, metadata={"description": "状态"})
    filed_at = Moment(required=True, metadata={"description": "提交时刻（UTC）"})
    due_on = fields.Date(required=True, allow_none=True, metadata={"description": "最迟答复日期"})
    decided_at = Moment(required=True, allow_none=True, metadata={"description": "办结时刻（UTC）"})
    reply = fields.String(required=True, allow_none=True, metadata={"description": "答复"})
    items = fields.List(fields.Nested(DeletionLine), required=True)
    stopped = fields.List(fields.String(), required=True)
    proofs = fields.List(fields.Nested(DeletionProofResponse), required=True, metadata={"description": "删除凭证"})
    steps = fields.List(fields.Nested(RepairStep), required=True, metadata={"description": "办理经过"})


class DeletionRequestsResponse(Schema):
    items = fields.List(
        fields.Nested(DeletionRequestResponse), required=True, metadata={"description": "新的在前"}
    )
    categories = fields.List(
        fields.Nested(DeletableCategory), required=True, metadata={"description": "您有记录的类别"}
    )


@blp.route("")
class MyDeletionRequests(MethodView):
    @signed_in_citizen
    @blp.response(200, DeletionRequestsResponse)
    def get(self) -> dict[str, object]:
        """我的删除申请和办理进展，以及可以申请删除的类别"""
        with reading() as session:
            found = deletion_requests_of(session, current_subject_id())
            counts: dict[str, int] = {}
            for record in records_of(session, current_subject_id()):
                counts[record.category] = counts.get(record.category, 0) + 1
            names = known_categories(session, city_date(now()))
            return {
                "items": [_answer(session, request) for request in found],
                "categories": [
                    {"category": code, "name": names[code].name, "records": count}
                    for code, count in sorted(counts.items())
                ],
            }

    @signed_in_citizen
    @idempotent
    @blp.arguments(DeletionConfirmed)
    @blp.response(201, DeletionRequestResponse)
    @blp.alt_response(
        409, description="已有申请在办（deletion_already_requested），或内容有变（deletion_plan_changed）"
    )
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """确认删除：可以删的立即删除并生成凭证，依法保留的列明依据和期限，其余由工作人员限期答复"""
        confirmed = body.pop("confirmed")
        with transaction() as session:
            request = file_deletion_request(
                session,
                subject_id=current_subject_id(),
                asked=Asked(**body),
                confirmed=confirmed,
                working_days=services().working_days,
                now=now(),
            )
            return _answer(session, request)


@blp.route("/preview")
class MyDeletionPreview(MethodView):
    @signed_in_citizen
    @blp.arguments(DeletionAsked, location="query")
    @blp.response(200, DeletionPlan)
    @blp.alt_response(404, description="没有这条记录（record_not_found）")
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """申请之前先看：哪些会删除，哪些依法保留、凭什么、到哪天，哪些需要人工审核"""
        with reading() as session:
            plan = plan_of(session, current_subject_id(), Asked(**query), now=now())
            return {
                "items": [item.as_json() for item in plan.items],
                "stopped": plan.stopped,
                "digest": plan.digest,
                "basis": rules_on(city_date(now())).basis,
            }


@blp.route("/<uuid:request_id>")
class MyDeletionRequest(MethodView):
    @signed_in_citizen
    @blp.response(200, DeletionRequestResponse)
    @blp.alt_response(404, description="没有这件申请（deletion_request_not_found）")
    def get(self, request_id: UUID) -> dict[str, object]:
        """一件删除申请的进展、答复和删除凭证"""
        with reading() as session:
            return _answer(
                session,
                get_own_deletion_request(session, subject_id=current_subject_id(), request_id=request_id),
            )


@blp.route("/<uuid:request_id>/withdrawal")
class MyDeletionWithdrawal(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.response(200, DeletionRequestResponse)
    @blp.alt_response(404, description="没有这件申请（deletion_request_not_found）")
    @blp.alt_response(409, description="已经办结或撤回（deletion_state_forbids）")
    def post(self, request_id: UUID) -> dict[str, object]:
        """撤回正在审核的申请；已经删除的不会恢复"""
        with transaction() as session:
            return _answer(
                session,
                withdraw_deletion_request(
                    session, subject_id=current_subject_id(), request_id=request_id, now=now()
                ),
            )


def _answer(session: Session, request: DeletionRequest) -> dict[str, object]:
    session.flush()
    names = known_categories(session, city_date(now()))
    return {
        "id": request.id,
        "scope": request.scope,
        "category_name": names[request.category].name if request.category in names else None,
        "ground_name": GROUND_NAMES[request.ground],  # type: ignore[index]
        "reason": request.reason,
        "state": request.state,
        "state_name": STATE_NAMES[request.state],  # type: ignore[index]
        "filed_at": request.filed_at,
        "due_on": request.due_on,
        "decided_at": request.decided_at,
        "reply": request.reply,
        "items": request.plan,
        "stopped": request.stopped,
        "proofs": [
            {"number": proof.number, "part": proof.part, "things": proof.things, "digest": proof.digest.hex()}
            for proof in proofs_of(session, request.id)
        ],
        "steps": [
            {"event": step.event, "name": EVENT_NAMES[step.event], "at": step.at, "actor": step.actor}  # type: ignore[index]
            for step in events_of(session, request.id)
        ],
    }
