"""An objection as a source department sees it, the same in its own system and in the console: what it needs."""

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
from backend.objections.department_evidence import (
    add_department_evidence,
    departments_evidence,
    evidence_in_case,
    take_back_department_evidence,
)
from backend.objections.inbox import FINDING_NAMES, department_case, department_inbox, reply_as_department
from backend.objections.matters import matter_of
from backend.objections.models import Objection
from backend.objections.service import statements_beside
from backend.objections.states import STATE_NAMES, WITH_DEPARTMENT
from backend.subjects.service import get_subject, masked_identifier, masked_name
from backend.web.attachments import EvidenceUpload, attachment
from backend.web.clocks import days_left
from backend.web.context import now, reading, services, transaction
from backend.web.department_desk import Desk, DeskQuery
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.objections import DepartmentReplyRequest, EvidenceItem, WithStatements
from backend.web.pages import page_of, page_schema, place

_BASIS = "数源单位核查对其所报送信息的异议"
_PURPOSE = "核查异议"


class InboxCase(Schema):
    id = fields.UUID(required=True, metadata={"description": "异议编号"})
    record_id = fields.Integer(required=True, metadata={"description": "记录编号"})
    category = fields.String(required=True, metadata={"description": "类别代码"})
    category_name = fields.String(required=True, metadata={"description": "类别名称"})
    title = fields.String(required=True, metadata={"description": "记录事项"})
    state = fields.String(required=True, validate=validate.OneOf(tuple(STATE_NAMES)))
    waiting = fields.Boolean(required=True, metadata={"description": "待本单位答复"})
    filed_at = Moment(required=True, metadata={"description": "提出时刻（UTC）"})
    due_on = fields.Date(required=True, metadata={"description": "最迟答复日期（已按工作日计算）"})
    overdue = fields.Boolean(required=True, metadata={"description": "已过最迟答复日期仍未答复"})
    working_days_left = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "离最迟答复日期还有几个工作日，逾期为负；不再计时为 null"},
    )


InboxPage = page_schema(InboxCase)


class InboxReply(Schema):
    finding = fields.String(required=True)
    finding_name = fields.String(required=True)
    explanation = fields.String(required=True)
    corrections = fields.Dict(keys=fields.String(), required=True)
    remove = fields.Boolean(required=True)


class InboxCaseInFull(InboxCase, WithStatements):
    """办理所需的内容：记录、理由和材料。没有申请人的分数、其他记录和完整身份信息。"""

    subject_name = fields.String(required=True, metadata={"description": "记录所属主体（自然人已脱敏）"})
    subject_identifier = fields.String(required=True, metadata={"description": "主体标识（自然人已脱敏）"})
    event_on = fields.Date(required=True)
    ended_on = fields.Date(required=True, allow_none=True)
    performed_on = fields.Date(required=True, allow_none=True)
    quantity = fields.Integer(required=True, metadata={"description": "数量，单位 unit 的百分之一"})
    unit = fields.String(required=True)
    amount = fields.Integer(required=True, metadata={"description": "金额（分）"})
    level = fields.Integer(required=True, metadata={"description": "级别在 levels 中的序号，从 1 起；0 为没有"})
    levels = fields.List(fields.String(), required=True, metadata={"description": "该类别的级别，按序"})
    content = fields.Dict(keys=fields.String(), required=True, metadata={"description": "本单位报送的内容"})
    grounds = fields.String(required=True, metadata={"description": "申请人写明的理由"})
    evidence = fields.List(fields.Nested(EvidenceItem), required=True)
    department_evidence = fields.List(
        fields.Nested(EvidenceItem), required=True, metadata={"description": "数源单位附的材料"}
    )
    reply = fields.Nested(InboxReply, required=True, allow_none=True, metadata={"description": "本单位的答复"})


def add_objection_routes(blp: Blueprint, desk: Desk) -> None:
    """The inbox of one surface."""

    @blp.route("")
    class Inbox(MethodView):
        @desk.guard
        @blp.arguments(DeskQuery, location="query")
        @blp.response(200, InboxPage)
        def get(self, query: dict[str, Any]) -> dict[str, object]:
            """本单位待核查的异议，期限最近的在前"""
            with reading() as session:
                found = department_inbox(
                    session,
                    desk.department_code(),
                    state=query["state"],
                    after=query["cursor"],
                    limit=query["limit"] + 1,
                )
                page = page_of(found, query["limit"], key=lambda case: place(case.answer_due_on, case.id))
                return page | {"items": [_case(session, case) for case in found[: query["limit"]]]}

    @blp.route("/<uuid:objection_id>")
    class InboxOneCase(MethodView):
        @desk.guard
        @desk.reads
        @blp.response(200, InboxCaseInFull)
        @blp.alt_response(404, description="没有这件异议，或者它不在本单位的待办中（objection_not_found）")
        def get(self, objection_id: UUID) -> dict[str, object]:
            """一件异议：记录、理由和材料；查看记入当事人的台账"""
            with transaction() as session:
                case = department_case(session, desk.department_code(), objection_id)
                _note(session, desk, case, action="objection_viewed", purpose=desk.purpose(_PURPOSE))
                return _in_full(session, case)

    @blp.route("/<uuid:objection_id>/evidence")
    class InboxUpload(MethodView):
        @desk.guard
        @idempotent
        @blp.arguments(EvidenceUpload, location="files")
        @blp.response(201, EvidenceItem)
        @blp.alt_response(404, description="没有这件异议，或者它不在本单位的待办中（objection_not_found）")
        @blp.alt_response(409, description="已经答复或已办结（objection_state_forbids）")
        def post(self, files: dict[str, Any], objection_id: UUID) -> object:
            """附一份核查材料（照片或 PDF）；答复后申请人可以查阅"""
            upload = files["file"]
            with transaction() as session:
                return add_department_evidence(
                    session,
                    services().evidence,
                    department_code=desk.department_code(),
                    objection_id=objection_id,
                    filename=upload.filename or "",
                    content=upload.read(),
                    now=now(),
                )

    @blp.route("/<uuid:objection_id>/evidence/<uuid:evidence_id>")
    class InboxEvidence(MethodView):
        @desk.guard
        @idempotent
        @blp.response(204)
        @blp.alt_response(404, description="没有这份材料，或者不是本单位附的（evidence_not_found）")
        def delete(self, objection_id: UUID, evidence_id: UUID) -> None:
            """答复之前取回本单位附的一份材料"""
            with transaction() as session:
                take_back_department_evidence(
                    session,
                    department_code=desk.department_code(),
                    objection_id=objection_id,
                    evidence_id=evidence_id,
                    now=now(),
                )

        @desk.guard
        @desk.reads
        @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
        @blp.alt_response(404, description="没有这件异议或这份材料（objection_not_found、evidence_not_found）")
        def get(self, objection_id: UUID, evidence_id: UUID) -> Response:
            """一份材料，申请人或数源单位附的；查看记入当事人的台账"""
            with transaction() as session:
                case = department_case(session, desk.department_code(), objection_id)
                file = evidence_in_case(session, case, evidence_id)
                _note(session, desk, case, action="objection_evidence_viewed", purpose=desk.purpose(_PURPOSE))
                return attachment(
                    services().evidence.get(file.storage_name), filename=file.filename, media_type=file.media_type
                )

    @blp.route("/<uuid:objection_id>/reply")
    class InboxReplies(MethodView):
        @desk.guard
        @idempotent
        @blp.arguments(DepartmentReplyRequest)
        @blp.response(200, InboxCaseInFull)
        @blp.alt_response(404, description="没有这件异议，或者它不在本单位的待办中（objection_not_found）")
        @blp.alt_response(409, description="已经答复或已办结（objection_state_forbids）")
        def post(self, body: dict[str, Any], objection_id: UUID) -> dict[str, object]:
            """答复：核查无误、有误（附更正或删除），或不归本单位负责；由信用办作出处理"""
            with transaction() as session:
                case = reply_as_department(
                    session,
                    department_code=desk.department_code(),
                    objection_id=objection_id,
                    actor=desk.actor(session).name,
                    now=now(),
                    deadlines=services().deadlines,
                    **body,
                )
                _note(session, desk, case, action="objection_verified", purpose=_PURPOSE)
                return _in_full(session, case)


def _note(session: Session, desk: Desk, objection: Objection, *, action: str, purpose: str) -> None:
    desk.note(
        session,
        subject_id=objection.subject_id,
        action=action,
        basis=_BASIS,
        purpose=purpose,
        detail={"objection": str(objection.id), "about": objection.about},
    )


def _case(session: Session, objection: Objection) -> dict[str, object]:
    matter = matter_of(session, objection)
    due = objection.provider_due_on or objection.answer_due_on
    waiting = objection.state in WITH_DEPARTMENT
    return {
        "id": objection.id,
        "record_id": objection.record_id,
        "category": matter.record.category if matter.record else "",
        "category_name": matter.category_name,
        "title": matter.title,
        "state": objection.state,
        "waiting": waiting,
        "filed_at": objection.filed_at,
        "due_on": due,
        "overdue": waiting and due < city_date(now()),
        "working_days_left": days_left(due if waiting else None),
    }


def _in_full(session: Session, objection: Objection) -> dict[str, object]:
    matter = matter_of(session, objection)
    record, category = matter.record, matter.category
    assert record is not None  # noqa: S101 - only objections to records are ever in an inbox
    assert category is not None  # noqa: S101 - the two come together
    subject = get_subject(session, objection.subject_id)
    reply = objection.department_reply
    return {
        **_case(session, objection),
        "subject_name": masked_name(services().keys, subject),
        "subject_identifier": masked_identifier(services().keys, subject),
        "event_on": record.event_on,
        "ended_on": record.ended_on,
        "performed_on": record.performed_on,
        "quantity": record.quantity,
        "unit": category.unit,
        "amount": record.amount,
        "level": record.level,
        "levels": [level.name for level in category.levels],
        "content": record.content,
        "statements": statements_beside(session, [record.id]).get(record.id, []),
        "grounds": objection.grounds,
        "evidence": evidence_of(session, objection.case),
        "department_evidence": departments_evidence(session, objection),
        "reply": reply and {**reply, "finding_name": FINDING_NAMES[reply["finding"]]},
    }
