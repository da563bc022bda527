"""The inbox of a source department: objections to what it delivered, and its reply to each."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from backend.ledger.service import Actor
from backend.objections.department_evidence import (
    add_department_evidence,
    evidence_in_case,
    take_back_department_evidence,
)
from backend.objections.inbox import department_case, department_inbox, reply_as_department
from backend.web import API_PREFIX
from backend.web.attachments import attachment
from backend.web.context import now, reading, services, transaction
from backend.web.department_cases import (
    InboxCaseInFull,
    InboxPage,
    InboxQuery,
    inbox_case,
    inbox_case_in_full,
    note_departments_access,
)
from backend.web.idempotency import idempotent
from backend.web.objections import DepartmentEvidenceUpload, DepartmentReplyRequest, EvidenceItem
from backend.web.pages import page_of, place
from miniprogram_api.department.access import current_department, department_token

blp = Blueprint(
    "department objections",
    __name__,
    url_prefix=f"{API_PREFIX}/department/objections",
    description="对本单位报送信息的异议",
)
SCOPE = "objections:answer"


@blp.route("")
class Inbox(MethodView):
    @department_token(SCOPE)
    @blp.arguments(InboxQuery, location="query")
    @blp.response(200, InboxPage)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本单位待核查的异议，期限最近的在前"""
        with reading() as session:
            found = department_inbox(
                session,
                current_department().code,
                state=query["state"],
                after=query["cursor"],
                limit=query["limit"] + 1,
            )
            page = page_of(found, query["limit"], key=lambda case: place(case.answer_due_on, case.id))
            return page | {"items": [inbox_case(session, case) for case in found[: query["limit"]]]}


@blp.route("/<uuid:objection_id>")
class OneCase(MethodView):
    @department_token(SCOPE)
    @blp.response(200, InboxCaseInFull)
    @blp.alt_response(404, description="没有这件异议，或者它不在本单位的待办中（objection_not_found）")
    def get(self, objection_id: UUID) -> dict[str, object]:
        """一件异议：记录、理由和材料；查看记入当事人的台账"""
        with transaction() as session:
            case = department_case(session, current_department().code, objection_id)
            note_departments_access(
                session, case, _actor(), action="objection_viewed", purpose="核查异议", channel="department_api"
            )
            return inbox_case_in_full(session, case)


@blp.route("/<uuid:objection_id>/evidence")
class CaseUpload(MethodView):
    @department_token(SCOPE)
    @idempotent
    @blp.arguments(DepartmentEvidenceUpload, location="files")
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
                department_code=current_department().code,
                objection_id=objection_id,
                filename=upload.filename or "",
                content=upload.read(),
                now=now(),
            )


@blp.route("/<uuid:objection_id>/evidence/<uuid:evidence_id>")
class CaseEvidence(MethodView):
    @department_token(SCOPE)
    @idempotent
    @blp.response(204)
    @blp.alt_response(404, description="没有这份材料，或者不是本单位附的（evidence_not_found）")
    def delete(self, objection_id: UUID, evidence_id: UUID) -> None:
        """答复之前取回本单位附的一份材料"""
        with transaction() as session:
            take_back_department_evidence(
                session,
                department_code=current_department().code,
                objection_id=objection_id,
                evidence_id=evidence_id,
                now=now(),
            )

    @department_token(SCOPE)
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
    @blp.alt_response(404, description="没有这件异议或这份材料（objection_not_found、evidence_not_found）")
    def get(self, objection_id: UUID, evidence_id: UUID) -> Response:
        """一份材料，申请人或数源单位附的；查看记入当事人的台账"""
        with transaction() as session:
            case = department_case(session, current_department().code, objection_id)
            file = evidence_in_case(session, case, evidence_id)
            note_departments_access(
                session,
                case,
                _actor(),
                action="objection_evidence_viewed",
                purpose="核查异议",
                channel="department_api",
            )
            return attachment(
                services().evidence.get(file.storage_name), filename=file.filename, media_type=file.media_type
            )


@blp.route("/<uuid:objection_id>/reply")
class CaseReply(MethodView):
    @department_token(SCOPE)
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
                department_code=current_department().code,
                objection_id=objection_id,
                actor=current_department().name,
                now=now(),
                deadlines=services().deadlines,
                **body,
            )
            note_departments_access(
                session, case, _actor(), action="objection_verified", purpose="核查异议", channel="department_api"
            )
            return inbox_case_in_full(session, case)


def _actor() -> Actor:
    department = current_department()
    return Actor(kind="department", id=department.code, name=department.name)
