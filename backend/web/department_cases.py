"""What a source department decides, the same in its own system and in the console: repairs of what it found, and
supplements that it verifies. It reads what it needs for that: no score, no other record, no full identity."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.evidence.service import evidence_of
from backend.objections.service import statements_beside
from backend.repairs.models import Repair
from backend.repairs.rules import rule_of
from backend.repairs.service import case_of as repair_case
from backend.repairs.service import (
    conditions_by_record,
    conditions_on,
    decide_repair,
    department_repairs,
    get_repair_of_department,
    matter_of,
    records_in,
)
from backend.repairs.service import is_overdue as repair_overdue
from backend.repairs.service import queue_place as repair_place
from backend.repairs.states import DECIDED
from backend.repairs.states import STATE_NAMES as REPAIR_STATES
from backend.subjects.service import get_subject, masked_identifier, masked_name
from backend.supplements.models import Supplement
from backend.supplements.service import case_of as supplement_case
from backend.supplements.service import (
    category_of,
    cells_of,
    decide_supplement,
    department_supplements,
    get_supplement_of_department,
    return_supplement,
)
from backend.supplements.service import is_overdue as supplement_overdue
from backend.supplements.service import queue_place as supplement_place
from backend.supplements.states import STATE_NAMES as SUPPLEMENT_STATES
from backend.web.attachments import case_file
from backend.web.clocks import days_left
from backend.web.context import now, reading, services, transaction
from backend.web.department_desk import Desk, DeskQuery
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.objections import EvidenceItem, WithStatements
from backend.web.pages import page_of, page_schema, place

_BASIS = "认定、归集该信息的单位依职责办理"
_FILE = {"type": "string", "format": "binary"}


class DepartmentSubject(Schema):
    name = fields.String(required=True, metadata={"description": "自然人的姓名已脱敏"})
    identifier = fields.String(required=True, metadata={"description": "自然人的号码已脱敏"})


class DepartmentClock(Schema):
    due_on = fields.Date(required=True, allow_none=True, metadata={"description": "作出决定的期限"})
    overdue = fields.Boolean(required=True, metadata={"description": "已过期限仍未决定"})
    working_days_left = fields.Integer(
        required=True, allow_none=True, metadata={"description": "离期限还有几个工作日，逾期为负；不再计时为 null"}
    )


class DepartmentRepairRecord(WithStatements):
    title = fields.String(required=True, metadata={"description": "事项"})
    category = fields.String(required=True, metadata={"description": "类别代码"})
    event_on = fields.Date(required=True, metadata={"description": "发生日期"})
    performed_on = fields.Date(required=True, allow_none=True, metadata={"description": "记录载明的履行日期"})
    content = fields.Dict(keys=fields.String(), required=True, metadata={"description": "贵单位报送的内容"})


class DepartmentRepairCondition(Schema):
    name = fields.String(required=True, metadata={"description": "修复条件"})
    met = fields.Boolean(required=True, metadata={"description": "是否满足"})
    sentence = fields.String(required=True, metadata={"description": "核对情况"})


class DepartmentRepair(DepartmentClock):
    id = fields.UUID(required=True, metadata={"description": "申请编号"})
    matter = fields.String(required=True, metadata={"description": "申请修复的事项"})
    state = fields.String(
        required=True,
        validate=validate.OneOf(("with_department", *DECIDED)),
        metadata={"description": "with_department 待贵单位决定"},
    )
    state_name = fields.String(required=True, metadata={"description": "状态名称"})
    filed_at = Moment(required=True, allow_none=True, metadata={"description": "提交时刻（UTC）"})


class DepartmentRepairInFull(DepartmentRepair):
    subject = fields.Nested(DepartmentSubject, required=True)
    applied_by = fields.String(required=True, metadata={"description": "由谁申请：本人、法定代表人"})
    explanation = fields.String(required=True, metadata={"description": "申请人的说明"})
    records = fields.List(fields.Nested(DepartmentRepairRecord), required=True)
    basis = fields.String(required=True, metadata={"description": "适用的规定"})
    conditions = fields.List(
        fields.Nested(DepartmentRepairCondition),
        required=True,
        metadata={"description": "逐项核对，含承诺书"},
    )
    conditions_on = fields.Date(required=True, metadata={"description": "条件核对的日期"})
    evidence = fields.List(
        fields.Nested(EvidenceItem), required=True, metadata={"description": "申请人附的材料，按编号下载"}
    )
    reply = fields.String(required=True, allow_none=True, metadata={"description": "贵单位的意见"})
    decided_by = fields.String(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)


class DepartmentRepairDecision(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(("approved", "refused")))
    reply = fields.String(
        required=True, validate=validate.Length(5, 1_000), metadata={"description": "理由，申请人会看到"}
    )


class DepartmentSupplement(DepartmentClock):
    id = fields.UUID(required=True, metadata={"description": "申报编号"})
    category = fields.String(required=True, metadata={"description": "类别代码"})
    category_name = fields.String(required=True, metadata={"description": "类别名称"})
    state = fields.String(
        required=True,
        validate=validate.OneOf(tuple(SUPPLEMENT_STATES)),
        metadata={"description": "filed 待核验"},
    )
    state_name = fields.String(required=True, metadata={"description": "状态名称"})
    filed_at = Moment(required=True, metadata={"description": "提交时刻（UTC）"})


class DepartmentSupplementInFull(DepartmentSupplement):
    subject = fields.Nested(DepartmentSubject, required=True)
    cells = fields.Dict(
        keys=fields.String(), values=fields.String(), required=True, metadata={"description": "申报内容"}
    )
    with_consent = fields.Boolean(required=True, metadata={"description": "已取得单独书面同意"})
    evidence = fields.List(
        fields.Nested(EvidenceItem), required=True, metadata={"description": "申报人附的材料，按编号下载"}
    )
    reply = fields.String(required=True, allow_none=True, metadata={"description": "核验意见或补正要求"})
    decided_by = fields.String(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)


class DepartmentSupplementDecision(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(("verified", "refused", "returned")))
    reply = fields.String(
        load_default="", validate=validate.Length(max=1_000), metadata={"description": "不通过或退回时必填"}
    )


DepartmentRepairPage = page_schema(DepartmentRepair)
DepartmentSupplementPage = page_schema(DepartmentSupplement)


def add_repair_routes(blp: Blueprint, desk: Desk) -> None:
    """Repairs of what the department found, on one surface."""

    @blp.route("/repairs")
    class DepartmentRepairs(MethodView):
        @desk.guard
        @blp.arguments(DeskQuery, location="query")
        @blp.response(200, DepartmentRepairPage)
        def get(self, query: dict[str, Any]) -> dict[str, object]:
            """待贵单位决定的信用修复申请，期限最近的在前"""
            with reading() as session:
                found = department_repairs(
                    session,
                    desk.department_code(),
                    state=query["state"],
                    after=query["cursor"],
                    limit=query["limit"] + 1,
                )
                page = page_of(found, query["limit"], key=lambda case: place(repair_place(case), case.id))
                return page | {"items": [_repair(session, one) for one in found[: query["limit"]]]}

    @blp.route("/repairs/<uuid:repair_id>")
    class DepartmentOneRepair(MethodView):
        @desk.guard
        @desk.reads
        @blp.response(200, DepartmentRepairInFull)
        @blp.alt_response(404, description="没有这件申请，或者不由贵单位决定（repair_not_found）")
        def get(self, repair_id: UUID) -> dict[str, object]:
            """一件修复申请的内容；查看记入台账"""
            with transaction() as session:
                repair = get_repair_of_department(session, repair_id, desk.department_code())
                _note(session, desk, repair, "repair_viewed", desk.purpose("审核信用修复申请"))
                return _repair_in_full(session, repair)

    @blp.route("/repairs/<uuid:repair_id>/evidence/<uuid:evidence_id>")
    class DepartmentRepairProof(MethodView):
        @desk.guard
        @desk.reads
        @blp.response(200, _FILE, content_type="application/octet-stream")
        @blp.alt_response(404, description="没有这件申请或这份材料（repair_not_found、evidence_not_found）")
        def get(self, repair_id: UUID, evidence_id: UUID) -> Response:
            """申请人附的一份材料；查看记入台账"""
            with transaction() as session:
                repair = get_repair_of_department(session, repair_id, desk.department_code())
                file = case_file(session, repair_case(repair), evidence_id)
                _note(session, desk, repair, "repair_viewed", desk.purpose("审核信用修复申请的证明材料"))
                return file

    @blp.route("/repairs/<uuid:repair_id>/decision")
    class DepartmentRepairDecisions(MethodView):
        @desk.guard
        @idempotent
        @blp.arguments(DepartmentRepairDecision)
        @blp.response(200, DepartmentRepairInFull)
        @blp.alt_response(404, description="没有这件申请，或者不由贵单位决定（repair_not_found）")
        @blp.alt_response(409, description="状态不允许（repair_state_forbids）")
        def post(self, body: dict[str, Any], repair_id: UUID) -> dict[str, object]:
            """同意修复或不予修复；同意的立即停止公示、共享和使用"""
            with transaction() as session:
                get_repair_of_department(session, repair_id, desk.department_code())
                repair = decide_repair(
                    session, repair_id=repair_id, decided_by=desk.actor(session).name, now=now(), **body
                )
                _note(session, desk, repair, "repair_decided", "决定信用修复申请")
                return _repair_in_full(session, repair)


def add_supplement_routes(blp: Blueprint, desk: Desk) -> None:
    """Supplements that the department verifies, on one surface."""

    @blp.route("/supplements")
    class DepartmentSupplements(MethodView):
        @desk.guard
        @blp.arguments(DeskQuery, location="query")
        @blp.response(200, DepartmentSupplementPage)
        def get(self, query: dict[str, Any]) -> dict[str, object]:
            """待贵单位核验的自主申报，期限最近的在前"""
            with reading() as session:
                found = department_supplements(
                    session,
                    desk.department_code(),
                    state=query["state"],
                    after=query["cursor"],
                    limit=query["limit"] + 1,
                )
                page = page_of(found, query["limit"], key=lambda case: place(supplement_place(case), case.id))
                return page | {"items": [_supplement(session, one) for one in found[: query["limit"]]]}

    @blp.route("/supplements/<uuid:supplement_id>")
    class DepartmentOneSupplement(MethodView):
        @desk.guard
        @desk.reads
        @blp.response(200, DepartmentSupplementInFull)
        @blp.alt_response(404, description="没有这件申报，或者不由贵单位核验（supplement_not_found）")
        def get(self, supplement_id: UUID) -> dict[str, object]:
            """一件自主申报的内容；查看记入台账"""
            with transaction() as session:
                supplement = get_supplement_of_department(session, supplement_id, desk.department_code())
                _note(session, desk, supplement, "supplement_viewed", desk.purpose("核验自主申报"))
                return _supplement_in_full(session, supplement)

    @blp.route("/supplements/<uuid:supplement_id>/evidence/<uuid:evidence_id>")
    class DepartmentSupplementProof(MethodView):
        @desk.guard
        @desk.reads
        @blp.response(200, _FILE, content_type="application/octet-stream")
        @blp.alt_response(404, description="没有这件申报或这份材料（supplement_not_found、evidence_not_found）")
        def get(self, supplement_id: UUID, evidence_id: UUID) -> Response:
            """申报人附的一份材料；查看记入台账"""
            with transaction() as session:
                supplement = get_supplement_of_department(session, supplement_id, desk.department_code())
                file = case_file(session, supplement_case(supplement), evidence_id)
                _note(session, desk, supplement, "supplement_viewed", desk.purpose("核验自主申报的证明材料"))
                return file

    @blp.route("/supplements/<uuid:supplement_id>/decision")
    class DepartmentSupplementDecisions(MethodView):
        @desk.guard
        @idempotent
        @blp.arguments(DepartmentSupplementDecision)
        @blp.response(200, DepartmentSupplementInFull)
        @blp.alt_response(404, description="没有这件申报，或者不由贵单位核验（supplement_not_found）")
        @blp.alt_response(409, description="状态不允许（supplement_state_forbids），或已有记录")
        def post(self, body: dict[str, Any], supplement_id: UUID) -> dict[str, object]:
            """核验通过、不通过或退回补正；通过的成为信用记录"""
            with transaction() as session:
                get_supplement_of_department(session, supplement_id, desk.department_code())
                decided_by = desk.actor(session).name
                if body["outcome"] == "returned":
                    supplement = return_supplement(
                        session,
                        supplement_id=supplement_id,
                        missing=body["reply"],
                        decided_by=decided_by,
                        now=now(),
                    )
                else:
                    supplement = decide_supplement(
                        session,
                        services().intake,
                        supplement_id=supplement_id,
                        decided_by=decided_by,
                        now=now(),
                        **body,
                    )
                _note(session, desk, supplement, "supplement_decided", "核验自主申报")
                return _supplement_in_full(session, supplement)


def _note(session: Session, desk: Desk, case: Repair | Supplement, action: str, purpose: str) -> None:
    name = repair_case(case) if isinstance(case, Repair) else supplement_case(case)
    desk.note(
        session,
        subject_id=case.subject_id,
        action=action,
        basis=_BASIS,
        purpose=purpose,
        detail={"case": name},
    )


def _subject(session: Session, subject_id: int) -> dict[str, object]:
    subject = get_subject(session, subject_id)
    keys = services().keys
    return {"name": masked_name(keys, subject), "identifier": masked_identifier(keys, subject)}


def _repair(session: Session, repair: Repair) -> dict[str, object]:
    return {
        "id": repair.id,
        "matter": matter_of(session, repair),
        "state": repair.state,
        "state_name": REPAIR_STATES[repair.state],  # type: ignore[index]
        "filed_at": repair.filed_at,
        "due_on": repair.due_on,
        "overdue": repair_overdue(repair, city_date(now())),
        "working_days_left": days_left(repair.due_on),
    }


def _repair_in_full(session: Session, repair: Repair) -> dict[str, object]:
    session.flush()
    rule, today = rule_of(repair.rule), city_date(now())
    by_record = conditions_by_record(session, repair, rule=rule, today=today)
    return {
        **_repair(session, repair),
        "subject": _subject(session, repair.subject_id),
        "applied_by": repair.applied_by,
        "explanation": repair.explanation,
        "records": [
            {
                "title": record.title,
                "category": record.category,
                "event_on": record.event_on,
                "performed_on": record.performed_on,
                "content": record.content,
                "statements": statements_beside(session, [record.id]).get(record.id, []),
            }
            for record in records_in(session, repair)
        ],
        "basis": rule.basis,
        "conditions": [condition for conditions in by_record.values() for condition in conditions],
        "conditions_on": conditions_on(repair, today),
        "evidence": evidence_of(session, repair_case(repair)),
        "reply": repair.reply,
        "decided_by": repair.decided_by,
        "decided_at": repair.decided_at,
    }


def _supplement(session: Session, supplement: Supplement) -> dict[str, object]:
    return {
        "id": supplement.id,
        "category": supplement.category,
        "category_name": category_of(session, supplement).name,
        "state": supplement.state,
        "state_name": SUPPLEMENT_STATES[supplement.state],  # type: ignore[index]
        "filed_at": supplement.filed_at,
        "due_on": supplement.due_on,
        "overdue": supplement_overdue(supplement, city_date(now())),
        "working_days_left": days_left(supplement.due_on),
    }


def _supplement_in_full(session: Session, supplement: Supplement) -> dict[str, object]:
    session.flush()
    return {
        **_supplement(session, supplement),
        "subject": _subject(session, supplement.subject_id),
        "cells": cells_of(services().keys, supplement),
        "with_consent": supplement.consent_id is not None,
        "evidence": evidence_of(session, supplement_case(supplement)),
        "reply": supplement.reply,
        "decided_by": supplement.decided_by,
        "decided_at": supplement.decided_at,
    }
