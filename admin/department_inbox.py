"""The console of a source department's officer: objections to what the department delivered, and nothing else."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from backend.city_calendar import city_date
from backend.ledger.service import Actor
from backend.objections.department_evidence import (
    add_department_evidence,
    evidence_in_case,
    take_back_department_evidence,
)
from backend.objections.inbox import department_case, department_inbox, reply_as_department
from backend.objections.routing import departments
from backend.web import API_PREFIX
from backend.web.attachments import attachment
from backend.web.context import now, reading, services, transaction
from backend.web.department_cases import (
    InboxCase,
    InboxCaseInFull,
    InboxPage,
    InboxQuery,
    inbox_case,
    inbox_case_in_full,
    note_departments_access,
)
from backend.web.guards import access_reason, current_officer, signed_in_officer, states_reason
from backend.web.idempotency import idempotent
from backend.web.objections import (
    DepartmentChoices,
    DepartmentEvidenceUpload,
    DepartmentReplyRequest,
    EvidenceItem,
)
from backend.web.pages import page_of, place

blp = Blueprint(
    "department inbox",
    __name__,
    url_prefix=f"{API_PREFIX}/admin/department-inbox",
    description="数源单位的异议待办",
)
_ROLE = "department_officer"


@blp.route("")
class DepartmentInbox(MethodView):
    @signed_in_officer(_ROLE)
    @blp.arguments(InboxQuery, location="query")
    @blp.response(200, InboxPage)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本单位待核查的异议，期限最近的在前"""
        with reading() as session:
            found = department_inbox(
                session, _mine(), state=query["state"], after=query["cursor"], limit=query["limit"] + 1
            )
            page = page_of(found, query["limit"], key=lambda case: place(case.answer_due_on, case.id))
            return page | {"items": [inbox_case(session, case) for case in found[: query["limit"]]]}


@blp.route("/departments")
class DepartmentInboxDepartments(MethodView):
    @signed_in_officer(_ROLE)
    @blp.response(200, DepartmentChoices)
    def get(self) -> dict[str, object]:
        """目录中的数源单位，供说明应由谁负责"""
        with reading() as session:
            return {"items": departments(session, city_date(now()))}


@blp.route("/<uuid:objection_id>")
class DepartmentInboxCase(MethodView):
    @signed_in_officer(_ROLE)
    @states_reason
    @blp.response(200, InboxCaseInFull)
    @blp.alt_response(404, description="没有这件异议，或者它不在本单位的待办中（objection_not_found）")
    def get(self, objection_id: UUID) -> dict[str, object]:
        """一件异议：记录、理由和材料；查看记入当事人的台账"""
        with transaction() as session:
            case = department_case(session, _mine(), objection_id)
            note_departments_access(
                session, case, _actor(), action="objection_viewed", purpose=access_reason(), channel="console"
            )
            return inbox_case_in_full(session, case)


@blp.route("/<uuid:objection_id>/evidence")
class DepartmentInboxUpload(MethodView):
    @signed_in_officer(_ROLE)
    @idempotent
    @blp.arguments(DepartmentEvidenceUpload, location="files")
    @blp.response(201, EvidenceItem)
    @blp.alt_response(409, description="已经答复或已办结（objection_state_forbids）")
    def post(self, files: dict[str, Any], objection_id: UUID) -> object:
        """附一份核查材料（照片或 PDF）；答复后申请人可以查阅"""
        upload = files["file"]
        with transaction() as session:
            return add_department_evidence(
                session,
                services().evidence,
                department_code=_mine(),
                objection_id=objection_id,
                filename=upload.filename or "",
                content=upload.read(),
                now=now(),
            )


@blp.route("/<uuid:objection_id>/evidence/<uuid:evidence_id>")
class DepartmentInboxEvidence(MethodView):
    @signed_in_officer(_ROLE)
    @idempotent
    @blp.response(204)
    @blp.alt_response(404, description="没有这份材料，或者不是本单位附的（evidence_not_found）")
    def delete(self, objection_id: UUID, evidence_id: UUID) -> None:
        """答复之前取回本单位附的一份材料"""
        with transaction() as session:
            take_back_department_evidence(
                session, department_code=_mine(), objection_id=objection_id, evidence_id=evidence_id, now=now()
            )

    @signed_in_officer(_ROLE)
    @states_reason
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
    @blp.alt_response(404, description="没有这件异议或这份材料（objection_not_found、evidence_not_found）")
    def get(self, objection_id: UUID, evidence_id: UUID) -> Response:
        """一份材料，申请人或数源单位附的；查看记入当事人的台账"""
        with transaction() as session:
            case = department_case(session, _mine(), objection_id)
            file = evidence_in_case(session, case, evidence_id)
            note_departments_access(
                session,
                case,
                _actor(),
                action="objection_evidence_viewed",
                purpose=access_reason(),
                channel="console",
            )
            return attachment(
                services().evidence.get(file.storage_name), filename=file.filename, media_type=file.media_type
            )


@blp.route("/<uuid:objection_id>/reply")
class DepartmentInboxReply(MethodView):
    @signed_in_officer(_ROLE)
    @idempotent
    @blp.arguments(DepartmentReplyRequest)
    @blp.response(200, InboxCase)
    @blp.alt_response(409, description="已经答复或已办结（objection_state_forbids）")
    def post(self, body: dict[str, Any], objection_id: UUID) -> dict[str, object]:
        """答复：核查无误、有误（附更正或删除），或不归本单位负责；由信用办作出处理"""
        with transaction() as session:
            case = reply_as_department(
                session,
                department_code=_mine(),
                objection_id=objection_id,
                actor=_actor().name,
                now=now(),
                deadlines=services().deadlines,
                **body,
            )
            note_departments_access(
                session, case, _actor(), action="objection_verified", purpose="核查异议", channel="console"
            )
            return inbox_case(session, case)


def _mine() -> str:
    # An officer with this role always has a department: adding one without is refused.
    return cast(str, current_officer().department_code)


def _actor() -> Actor:
    officer = current_officer()
    return Actor(kind="department", id=str(officer.officer_id), name=f"数源单位经办 {officer.name}")
