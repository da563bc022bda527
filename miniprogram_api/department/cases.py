"""What a department has to decide: repairs of what it found, and supplements that it verifies."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.evidence.service import evidence_of
from backend.ledger.service import Actor, record_access
from backend.objections.service import statements_beside
from backend.repairs.models import Repair
from backend.repairs.service import case_of as repair_case
from backend.repairs.service import decide_repair, get_repair_of_department, records_in, repair_queue
from backend.repairs.states import STATE_NAMES as REPAIR_STATES
from backend.subjects.service import get_subject, masked_identifier, masked_name
from backend.supplements.models import Supplement
from backend.supplements.service import case_of as supplement_case
from backend.supplements.service import (
    cells_of,
    decide_supplement,
    get_supplement_of_department,
    return_supplement,
    supplement_queue,
)
from backend.supplements.states import STATE_NAMES as SUPPLEMENT_STATES
from backend.web import API_PREFIX
from backend.web.attachments import case_file
from backend.web.context import now, reading, services, transaction
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.objections import EvidenceItem, WithStatements
from miniprogram_api.department.access import current_department, department_token

blp = Blueprint(
    "department cases", __name__, url_prefix=f"{API_PREFIX}/department", description="数源单位办理修复与核验申报"
)

_MOST = 100


class DepartmentSubject(Schema):
    name = fields.String(required=True, metadata={"description": "自然人的姓名已脱敏"})
    identifier = fields.String(required=True, metadata={"description": "自然人的号码已脱敏"})


class DepartmentRepairRecord(WithStatements):
    title = fields.String(required=True, metadata={"description": "事项"})
    category = fields.String(required=True, metadata={"description": "类别代码"})
    event_on = fields.Date(required=True, metadata={"description": "发生日期"})
    performed_on = fields.Date(required=True, allow_none=True, metadata={"description": "记录载明的履行日期"})
    content = fields.Dict(keys=fields.String(), required=True, metadata={"description": "贵单位报送的内容"})


class DepartmentRepair(Schema):
    id = fields.UUID(required=True, metadata={"description": "申请编号"})
    state = fields.String(required=True, metadata={"description": "with_department 待贵单位决定"})
    state_name = fields.String(required=True, metadata={"description": "状态名称"})
    filed_at = Moment(required=True, allow_none=True, metadata={"description": "提交时刻（UTC）"})
    due_on = fields.Date(required=True, allow_none=True, metadata={"description": "作出决定的期限"})


class DepartmentRepairInFull(DepartmentRepair):
    subject = fields.Nested(DepartmentSubject, required=True)
    explanation = fields.String(required=True, metadata={"description": "申请人的说明"})
    records = fields.List(fields.Nested(DepartmentRepairRecord), required=True)
    evidence = fields.List(
        fields.Nested(EvidenceItem), required=True, metadata={"description": "申请人附的材料，按编号下载"}
    )


class DepartmentRepairs(Schema):
    items = fields.List(
        fields.Nested(DepartmentRepair), required=True, metadata={"description": "期限最近的在前，至多一百件"}
    )


class DepartmentRepairDecision(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(("approved", "refused")))
    reply = fields.String(
        required=True, validate=validate.Length(5, 1_000), metadata={"description": "理由，申请人会看到"}
    )


class DepartmentSupplement(Schema):
    id = fields.UUID(required=True, metadata={"description": "申报编号"})
    category = fields.String(required=True, metadata={"description": "类别代码"})
    state = fields.String(required=True, metadata={"description": "filed 待核验"})
    state_name = fields.String(required=True, metadata={"description": "状态名称"})
    filed_at = Moment(required=True, metadata={"description": "提交时刻（UTC）"})
    due_on = fields.Date(required=True, allow_none=True, metadata={"description": "核验期限"})


class DepartmentSupplementInFull(DepartmentSupplement):
    subject = fields.Nested(DepartmentSubject, required=True)
    cells = fields.Dict(
        keys=fields.String(), values=fields.String(), required=True, metadata={"description": "申报内容"}
    )
    evidence = fields.List(
        fields.Nested(EvidenceItem), required=True, metadata={"description": "申报人附的材料，按编号下载"}
    )


class DepartmentSupplements(Schema):
    items = fields.List(
        fields.Nested(DepartmentSupplement), required=True, metadata={"description": "期限最近的在前，至多一百件"}
    )


class DepartmentSupplementDecision(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(("verified", "refused", "returned")))
    reply = fields.String(
        load_default="", validate=validate.Length(max=1_000), metadata={"description": "不通过或退回时必填"}
    )


@blp.route("/repairs")
class Repairs(MethodView):
    @department_token("cases:decide")
    @blp.response(200, DepartmentRepairs)
    def get(self) -> dict[str, object]:
        """待贵单位决定的信用修复申请"""
        with reading() as session:
            found = repair_queue(
                session, state="with_department", department_code=current_department().code, limit=_MOST
            )
            return {"items": [_repair(one) for one in found]}


@blp.route("/repairs/<uuid:repair_id>")
class OneRepair(MethodView):
    @department_token("cases:decide")
    @blp.response(200, DepartmentRepairInFull)
    @blp.alt_response(404, description="没有这件申请，或者不由贵单位决定（repair_not_found）")
    def get(self, repair_id: UUID) -> dict[str, object]:
        """一件修复申请的内容；查看记入台账"""
        with transaction() as session:
            repair = get_repair_of_department(session, repair_id, current_department().code)
            _note(session, repair.subject_id, repair_case(repair), "repair_viewed", "审核信用修复申请")
            return _repair_in_full(session, repair)


@blp.route("/repairs/<uuid:repair_id>/evidence/<uuid:evidence_id>")
class RepairProof(MethodView):
    @department_token("cases:decide")
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
    @blp.alt_response(404, description="没有这件申请或这份材料（repair_not_found、evidence_not_found）")
    def get(self, repair_id: UUID, evidence_id: UUID) -> Response:
        """申请人附的一份材料；查看记入台账"""
        with transaction() as session:
            repair = get_repair_of_department(session, repair_id, current_department().code)
            file = case_file(session, repair_case(repair), evidence_id)
            _note(session, repair.subject_id, repair_case(repair), "repair_viewed", "审核信用修复申请的证明材料")
            return file


@blp.route("/repairs/<uuid:repair_id>/decision")
class RepairDecision(MethodView):
    @department_token("cases:decide")
    @idempotent
    @blp.arguments(DepartmentRepairDecision)
    @blp.response(200, DepartmentRepairInFull)
    @blp.alt_response(409, description="状态不允许（repair_state_forbids）")
    def post(self, body: dict[str, Any], repair_id: UUID) -> dict[str, object]:
        """同意修复或不予修复；同意的立即停止公示、共享和使用"""
        department = current_department()
        with transaction() as session:
            get_repair_of_department(session, repair_id, department.code)
            repair = decide_repair(session, repair_id=repair_id, decided_by=department.name, now=now(), **body)
            _note(session, repair.subject_id, repair_case(repair), "repair_decided", "决定信用修复申请")
            return _repair_in_full(session, repair)


@blp.route("/supplements")
class Supplements(MethodView):
    @department_token("cases:decide")
    @blp.response(200, DepartmentSupplements)
    def get(self) -> dict[str, object]:
        """待贵单位核验的自主申报"""
        with reading() as session:
            found = supplement_queue(session, department_code=current_department().code, limit=_MOST)
            return {"items": [_supplement(one) for one in found]}


@blp.route("/supplements/<uuid:supplement_id>")
class OneSupplement(MethodView):
    @department_token("cases:decide")
    @blp.response(200, DepartmentSupplementInFull)
    @blp.alt_response(404, description="没有这件申报，或者不由贵单位核验（supplement_not_found）")
    def get(self, supplement_id: UUID) -> dict[str, object]:
        """一件自主申报的内容；查看记入台账"""
        with transaction() as session:
            supplement = get_supplement_of_department(session, supplement_id, current_department().code)
            _note(session, supplement.subject_id, supplement_case(supplement), "supplement_viewed", "核验自主申报")
            return _supplement_in_full(session, supplement)


@blp.route("/supplements/<uuid:supplement_id>/evidence/<uuid:evidence_id>")
class SupplementProof(MethodView):
    @department_token("cases:decide")
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
    @blp.alt_response(404, description="没有这件申报或这份材料（supplement_not_found、evidence_not_found）")
    def get(self, supplement_id: UUID, evidence_id: UUID) -> Response:
        """申报人附的一份材料；查看记入台账"""
        with transaction() as session:
            supplement = get_supplement_of_department(session, supplement_id, current_department().code)
            file = case_file(session, supplement_case(supplement), evidence_id)
            _note(
                session,
                supplement.subject_id,
                supplement_case(supplement),
                "supplement_viewed",
                "核验自主申报的证明材料",
            )
            return file


@blp.route("/supplements/<uuid:supplement_id>/decision")
class SupplementDecision(MethodView):
    @department_token("cases:decide")
    @idempotent
    @blp.arguments(DepartmentSupplementDecision)
    @blp.response(200, DepartmentSupplementInFull)
    @blp.alt_response(409, description="状态不允许（supplement_state_forbids），或已有记录")
    def post(self, body: dict[str, Any], supplement_id: UUID) -> dict[str, object]:
        """核验通过、不通过或退回补正；通过的成为信用记录"""
        department = current_department()
        with transaction() as session:
            get_supplement_of_department(session, supplement_id, department.code)
            if body["outcome"] == "returned":
                supplement = return_supplement(
                    session,
                    supplement_id=supplement_id,
                    missing=body["reply"],
                    decided_by=department.name,
                    now=now(),
                )
            else:
                supplement = decide_supplement(
                    session,
                    services().keys,
                    supplement_id=supplement_id,
                    decided_by=department.name,
                    now=now(),
                    **body,
                )
            _note(
                session, supplement.subject_id, supplement_case(supplement), "supplement_decided", "核验自主申报"
            )
            return _supplement_in_full(session, supplement)


def _note(session: Session, subject_id: int, case: str, action: str, purpose: str) -> None:
    department = current_department()
    record_access(
        session,
        subject_id=subject_id,
        actor=Actor("department", department.code, department.name),
        action=action,
        basis="认定、归集该信息的单位依职责办理",
        purpose=purpose,
        detail={"case": case},
        channel="department_api",
        now=now(),
    )


def _subject(session: Session, subject_id: int) -> dict[str, object]:
    subject = get_subject(session, subject_id)
    keys = services().keys
    return {"name": masked_name(keys, subject), "identifier": masked_identifier(keys, subject)}


def _repair(repair: Repair) -> dict[str, object]:
    return {
        "id": repair.id,
        "state": repair.state,
        "state_name": REPAIR_STATES[repair.state],  # type: ignore[index]
        "filed_at": repair.filed_at,
        "due_on": repair.due_on,
    }


def _repair_in_full(session: Session, repair: Repair) -> dict[str, object]:
    return {
        **_repair(repair),
        "subject": _subject(session, repair.subject_id),
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
        "evidence": evidence_of(session, repair_case(repair)),
    }


def _supplement(supplement: Supplement) -> dict[str, object]:
    return {
        "id": supplement.id,
        "category": supplement.category,
        "state": supplement.state,
        "state_name": SUPPLEMENT_STATES[supplement.state],  # type: ignore[index]
        "filed_at": supplement.filed_at,
        "due_on": supplement.due_on,
    }


def _supplement_in_full(session: Session, supplement: Supplement) -> dict[str, object]:
    return {
        **_supplement(supplement),
        "subject": _subject(session, supplement.subject_id),
        "cells": cells_of(services().keys, supplement),
        "evidence": evidence_of(session, supplement_case(supplement)),
    }
