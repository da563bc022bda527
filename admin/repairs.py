"""The officers' queue of repairs (信用修复办理): accept or return, enter the department's decision, revoke."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from admin.cases import masked_subject, note_access
from admin.objections import MaskedSubject
from backend.catalogue.service import category_in_force
from backend.city_calendar import city_date
from backend.evidence.service import evidence_of
from backend.objections.service import statements_beside
from backend.repairs.models import Repair
from backend.repairs.rules import rule_of
from backend.repairs.service import (
    Clock,
    accept_repair,
    case_of,
    conditions_by_record,
    conditions_on,
    decide_repair,
    events_of,
    get_repair,
    is_overdue,
    queue_place,
    records_in,
    repair_queue,
    return_repair,
    revoke_repair,
    volunteer_hours_since,
)
from backend.repairs.states import EVENT_NAMES, STATE_NAMES
from backend.web import API_PREFIX
from backend.web.attachments import case_file
from backend.web.cases import CaseEvent, steps_in
from backend.web.clocks import days_left
from backend.web.context import now, reading, services, transaction
from backend.web.guards import access_reason, current_officer, signed_in_officer, states_reason
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.objections import EvidenceItem, WithStatements
from backend.web.pages import PageQuery, PlaceField, page_of, page_schema, place

blp = Blueprint("officer repairs", __name__, url_prefix=f"{API_PREFIX}/admin/repairs", description="信用修复办理")

_BASIS = "依职责办理信用修复"
_MAY_READ = ("objection_officer", "reviewer", "auditor")
_MAY_ACT = ("objection_officer",)
_STATES = tuple(state for state in STATE_NAMES if state != "draft")


class RepairQueueQuery(PageQuery):
    cursor = PlaceField(date.fromisoformat)
    state = fields.String(
        load_default="open",
        validate=validate.OneOf(("open", *_STATES)),
        metadata={"description": "open 为在办的全部申请"},
    )


class RepairCaseRecord(WithStatements):
    id = fields.Integer(required=True)
    title = fields.String(required=True)
    category_name = fields.String(required=True)
    level_name = fields.String(required=True, allow_none=True)
    event_on = fields.Date(required=True)
    performed_on = fields.Date(required=True, allow_none=True)
    state = fields.String(required=True)


class RepairCaseCondition(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)
    met = fields.Boolean(required=True)
    sentence = fields.String(required=True)


class RepairCase(Schema):
    id = fields.UUID(required=True)
    subject = fields.Nested(MaskedSubject, required=True)
    applied_by = fields.String(required=True)
    department = fields.String(required=True)
    records = fields.List(fields.Nested(RepairCaseRecord), required=True)
    state = fields.String(required=True, validate=validate.OneOf(_STATES))
    filed_at = Moment(required=True, allow_none=True)
    due_on = fields.Date(required=True, allow_none=True)
    result_due_on = fields.Date(required=True, allow_none=True)
    overdue = fields.Boolean(required=True)
    working_days_left = fields.Integer(required=True, allow_none=True)


class RepairCaseInFull(RepairCase):
    explanation = fields.String(required=True)
    rule = fields.String(required=True)
    basis = fields.String(required=True)
    conditions = fields.List(fields.Nested(RepairCaseCondition), required=True)
    conditions_on = fields.Date(
        required=True, metadata={"description": "条件核对的日期：在办的为今天，已办结的为提交之日"}
    )
    volunteer_hours = fields.Integer(
        required=True, metadata={"description": "失信行为发生以来的志愿服务时长（百分之一小时），供审核参考"}
    )
    evidence = fields.List(fields.Nested(EvidenceItem), required=True)
    decided_at = Moment(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    reply = fields.String(required=True, allow_none=True)
    events = fields.List(fields.Nested(CaseEvent), required=True)


class RepairReturnRequest(Schema):
    missing = fields.String(
        required=True, validate=validate.Length(5, 1_000), metadata={"description": "需要补正什么，申请人会看到"}
    )


class RepairDecisionRequest(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(("approved", "refused")))
    reply = fields.String(
        required=True, validate=validate.Length(5, 1_000), metadata={"description": "认定单位的意见，申请人会看到"}
    )


class RepairRevocationRequest(Schema):
    finding = fields.String(
        required=True, validate=validate.Length(5, 1_000), metadata={"description": "查实的虚假情况，申请人会看到"}
    )


@blp.route("")
class Repairs(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(RepairQueueQuery, location="query")
    @blp.response(200, page_schema(RepairCase))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """信用修复队列，期限最近的在前；个人信息已脱敏"""
        with reading() as session:
            found = repair_queue(session, state=query["state"], after=query["cursor"], limit=query["limit"] + 1)
            page = page_of(found, query["limit"], key=lambda case: place(queue_place(case), case.id))
            return page | {"items": [_case(session, repair) for repair in found[: query["limit"]]]}


@blp.route("/<uuid:repair_id>")
class OneRepair(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, RepairCaseInFull)
    @blp.alt_response(404, description="没有这件申请（repair_not_found）")
    def get(self, repair_id: UUID) -> dict[str, object]:
        """一件修复申请的全部内容；查看记入台账"""
        with transaction() as session:
            repair = get_repair(session, repair_id)
            _note(session, repair, action="repair_viewed", purpose=access_reason())
            return _in_full(session, repair)


@blp.route("/<uuid:repair_id>/evidence/<uuid:evidence_id>")
class RepairEvidence(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
    @blp.alt_response(404, description="没有这份材料（evidence_not_found）")
    def get(self, repair_id: UUID, evidence_id: UUID) -> Response:
        """下载申请所附的材料；查看记入台账"""
        with transaction() as session:
            repair = get_repair(session, repair_id)
            _note(session, repair, action="repair_viewed", purpose=access_reason())
            return case_file(session, case_of(repair), evidence_id)


@blp.route("/<uuid:repair_id>/acceptance")
class RepairAcceptance(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(200, RepairCaseInFull)
    def post(self, repair_id: UUID) -> dict[str, object]:
        """受理并转认定单位审核，两个期限同时起算"""
        with transaction() as session:
            repair = accept_repair(
                session, repair_id=repair_id, officer=current_officer().name, now=now(), clock=_clock()
            )
            return _done(session, repair, "受理并转认定单位审核")


@blp.route("/<uuid:repair_id>/return")
class RepairReturn(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(RepairReturnRequest)
    @blp.response(200, RepairCaseInFull)
    def post(self, body: dict[str, Any], repair_id: UUID) -> dict[str, object]:
        """退回补正，一次告知需要补正的内容"""
        with transaction() as session:
            repair = return_repair(session, repair_id=repair_id, officer=current_officer().name, now=now(), **body)
            return _done(session, repair, "退回补正")


@blp.route("/<uuid:repair_id>/decision")
class RepairDecision(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(RepairDecisionRequest)
    @blp.response(200, RepairCaseInFull)
    def post(self, body: dict[str, Any], repair_id: UUID) -> dict[str, object]:
        """录入认定单位的决定：同意则立即停止公示、共享和使用，不予修复则告知理由"""
        with transaction() as session:
            repair = decide_repair(
                session, repair_id=repair_id, decided_by=_on_behalf(session, repair_id), now=now(), **body
            )
            return _done(session, repair, "录入认定单位的决定")


@blp.route("/<uuid:repair_id>/revocation")
class RepairRevocation(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(RepairRevocationRequest)
    @blp.response(200, RepairCaseInFull)
    def post(self, body: dict[str, Any], repair_id: UUID) -> dict[str, object]:
        """撤销以虚假陈述取得的修复：记录恢复使用，违诺记入信用记录"""
        with transaction() as session:
            repair = revoke_repair(
                session,
                services().intake,
                repair_id=repair_id,
                officer=current_officer().name,
                now=now(),
                **body,
            )
            return _done(session, repair, "撤销以虚假陈述取得的修复")


def _clock() -> Clock:
    return Clock(services().working_days, services().config.jurisdiction)


def _on_behalf(session: Session, repair_id: UUID) -> str:
    """A department without a system of its own decides on paper; who entered it stays visible."""
    return f"{get_repair(session, repair_id).department}（信用办 {current_officer().name} 录入）"


def _done(session: Session, repair: Repair, purpose: str) -> dict[str, object]:
    _note(session, repair, action="repair_decided", purpose=purpose)
    return _in_full(session, repair)


def _note(session: Session, repair: Repair, *, action: str, purpose: str) -> None:
    note_access(
        session, subject_id=repair.subject_id, case=case_of(repair), action=action, basis=_BASIS, purpose=purpose
    )


def _case(session: Session, repair: Repair) -> dict[str, object]:
    return {
        "id": repair.id,
        "subject": masked_subject(session, repair.subject_id),
        "applied_by": repair.applied_by,
        "department": repair.department,
        "records": [_record(session, record) for record in records_in(session, repair)],
        "state": repair.state,
        "filed_at": repair.filed_at,
        "due_on": repair.due_on,
        "result_due_on": repair.result_due_on,
        "overdue": is_overdue(repair, city_date(now())),
        "working_days_left": days_left(repair.due_on),
    }


def _record(session: Session, record: Any) -> dict[str, object]:
    category = category_in_force(session, record.category, city_date(record.created_at))
    return {
        "id": record.id,
        "title": record.title,
        "category_name": category.name,
        "level_name": category.level_name(record.level),
        "event_on": record.event_on,
        "performed_on": record.performed_on,
        "state": record.state,
        "statements": statements_beside(session, [record.id]).get(record.id, []),
    }


def _in_full(session: Session, repair: Repair) -> dict[str, object]:
    session.flush()
    rule = rule_of(repair.rule)
    by_record = conditions_by_record(session, repair, rule=rule, today=city_date(now()))
    return {
        **_case(session, repair),
        "explanation": repair.explanation,
        "rule": rule.name,
        "basis": rule.basis,
        "conditions": [condition for conditions in by_record.values() for condition in conditions],
        "conditions_on": conditions_on(repair, city_date(now())),
        "volunteer_hours": volunteer_hours_since(session, repair),
        "evidence": evidence_of(session, case_of(repair)),
        "decided_at": repair.decided_at,
        "decided_by": repair.decided_by,
        "reply": repair.reply,
        "events": steps_in(events_of(session, repair.id), EVENT_NAMES),
    }
