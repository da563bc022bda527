"""Objecting to a record about oneself, following the case, withdrawing it, and adding one's own words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.objections.own_records import OwnObjection, own_objection, own_objections
from backend.objections.service import attach_statement, file_objection, withdraw_objection
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint("citizen objections", __name__, url_prefix=f"{API_PREFIX}/me/objections", description="异议申请")

_LONGEST_TEXT = 2_000


class _FilledIn(validate.Length):
    """Spaces alone are not a text."""

    def __call__(self, value: Any) -> Any:
        super().__call__(value.strip())
        return value


class ObjectionRequest(Schema):
    record_id = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, 2**63 - 1), metadata={"description": "记录编号"}
    )
    grounds = fields.String(
        required=True,
        validate=_FilledIn(2, _LONGEST_TEXT, error="请写明哪里不对以及理由（2 到 2000 个字）。"),
        metadata={"description": "哪里不对，为什么"},
    )


class StatementRequest(Schema):
    statement = fields.String(
        required=True,
        validate=_FilledIn(2, _LONGEST_TEXT, error="请写下您想说明的情况（2 到 2000 个字）。"),
        metadata={"description": "附在记录旁的本人声明"},
    )


class ObjectionResponse(Schema):
    id = fields.UUID(required=True, metadata={"description": "异议编号"})
    record_id = fields.Integer(required=True, metadata={"description": "记录编号"})
    record_title = fields.String(required=True, metadata={"description": "记录事项"})
    category_name = fields.String(required=True, metadata={"description": "记录类别"})
    grounds = fields.String(required=True, metadata={"description": "本人写明的理由"})
    state = fields.String(
        required=True,
        metadata={
            "description": "filed 已受理，forwarded 数源单位核查中，upheld 异议成立，"
            "partly_upheld 部分成立，rejected 不成立，withdrawn 已撤回"
        },
    )
    filed_at = Moment(required=True, metadata={"description": "提交时刻（UTC）"})
    answer_due_on = fields.Date(required=True, metadata={"description": "最迟答复日期（已按工作日计算）"})
    decided_at = Moment(required=True, allow_none=True, metadata={"description": "答复时刻（UTC）"})
    reply = fields.String(required=True, allow_none=True, metadata={"description": "答复"})
    statement = fields.String(required=True, allow_none=True, metadata={"description": "本人声明"})


class ObjectionsResponse(Schema):
    items = fields.List(fields.Nested(ObjectionResponse), required=True, metadata={"description": "新的在前"})


@blp.route("")
class MyObjections(MethodView):
    @signed_in_citizen
    @blp.response(200, ObjectionsResponse)
    def get(self) -> dict[str, object]:
        """本人提出的异议"""
        with reading() as session:
            found = own_objections(session, current_subject_id(), today=city_date(now()))
            return {"items": [_answer(own) for own in found]}

    @signed_in_citizen
    @idempotent
    @blp.arguments(ObjectionRequest)
    @blp.response(201, ObjectionResponse)
    @blp.alt_response(404, description="没有这条记录，或者它不属于您（record_not_found）")
    @blp.alt_response(409, description="这条记录正在核查中（already_under_objection）或已撤销（record_revoked）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """对一条本人的记录提出异议；核查期间它不会降低信用分"""
        with transaction() as session:
            objection = file_objection(
                session,
                subject_id=current_subject_id(),
                now=now(),
                deadlines=services().deadlines,
                **body,
            )
            return _own_answer(session, objection.id)


@blp.route("/<uuid:objection_id>/withdrawal")
class ObjectionWithdrawal(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.response(200, ObjectionResponse)
    @blp.alt_response(404, description="没有这件异议，或者它不属于您（objection_not_found）")
    @blp.alt_response(409, description="异议已办结（objection_state_forbids）")
    def post(self, objection_id: UUID) -> dict[str, object]:
        """撤回异议，记录恢复计分"""
        with transaction() as session:
            withdraw_objection(session, subject_id=current_subject_id(), objection_id=objection_id, now=now())
            return _own_answer(session, objection_id)


@blp.route("/<uuid:objection_id>/statement")
class ObjectionStatement(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(StatementRequest)
    @blp.response(200, ObjectionResponse)
    @blp.alt_response(404, description="没有这件异议，或者它不属于您（objection_not_found）")
    @blp.alt_response(409, description="只有答复为不成立或部分成立时才能附加声明（objection_state_forbids）")
    def post(self, body: dict[str, str], objection_id: UUID) -> dict[str, object]:
        """异议未获支持后，在记录旁附加本人声明"""
        with transaction() as session:
            attach_statement(
                session, subject_id=current_subject_id(), objection_id=objection_id, now=now(), **body
            )
            return _own_answer(session, objection_id)


def _own_answer(session: Session, objection_id: UUID) -> dict[str, object]:
    return _answer(own_objection(session, current_subject_id(), objection_id, today=city_date(now())))


def _answer(own: OwnObjection) -> dict[str, object]:
    objection = own.objection
    return {
        "id": objection.id,
        "record_id": objection.record_id,
        "record_title": own.record.title,
        "category_name": own.category.name,
        "grounds": objection.grounds,
        "state": objection.state,
        "filed_at": objection.filed_at,
        "answer_due_on": objection.answer_due_on,
        "decided_at": objection.decided_at,
        "reply": objection.reply,
        "statement": objection.statement,
    }
