"""Objecting to a record, a score or a refusal about oneself, following the case, and adding one's own words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.evidence.service import MOST_FILES
from backend.objections.department_evidence import evidence_for_subject
from backend.objections.models import Objection, ObjectionEvent
from backend.objections.own_evidence import add_own_evidence
from backend.objections.own_records import OwnObjection, OwnObjectionInFull, own_objection, own_objections
from backend.objections.service import (
    appeal_refusal,
    attach_statement,
    file_objection,
    get_own_objection,
    object_to_score,
    withdraw_objection,
)
from backend.objections.states import EVENT_NAMES, STATE_NAMES
from backend.subjects.service import get_subject
from backend.web import API_PREFIX
from backend.web.attachments import attachment
from backend.web.context import now, reading, services, transaction
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.citizen.acting import acting

blp = Blueprint("citizen objections", __name__, url_prefix=f"{API_PREFIX}/me/objections", description="异议申请")

_LONGEST_TEXT = 2_000
_NOT_TOO_MANY = validate.Length(max=MOST_FILES, error=f"最多附 {MOST_FILES} 份材料。")
_UPLOADED = {"description": "先上传到 /me/evidence 的材料编号"}


class _FilledIn(validate.Length):
    """Spaces alone are not a text."""

    def __call__(self, value: Any) -> Any:
        super().__call__(value.strip())
        return value


class ObjectionRequest(Schema):
    kind = fields.String(
        load_default="record",
        validate=validate.OneOf(("record", "score", "benefit")),
        metadata={
            "description": "record 记录（包括列入名单），填 record_id；score 信用分，请人工复核；"
            "benefit 权益被自动拒绝，填 scheme"
        },
    )
    record_id = fields.Integer(
        load_default=None,
        strict=True,
        validate=validate.Range(1, 2**63 - 1),
        metadata={"description": "记录编号"},
    )
    scheme = fields.String(
        load_default=None, validate=validate.Length(1, 64), metadata={"description": "权益方案代码"}
    )
    enterprise = fields.String(
        load_default=None,
        validate=validate.Length(equal=18),
        metadata={"description": "代表哪家企业提出（统一社会信用代码）；为本人提出时不填"},
    )
    grounds = fields.String(
        required=True,
        validate=_FilledIn(2, _LONGEST_TEXT, error="请写明哪里不对以及理由（2 到 2000 个字）。"),
        metadata={"description": "哪里不对，为什么"},
    )
    evidence_ids = fields.List(fields.UUID(), load_default=list, validate=_NOT_TOO_MANY, metadata=_UPLOADED)

    @validates_schema
    def _names_its_matter(self, data: dict[str, Any], **_: object) -> None:
        wanted = {"record": "record_id", "benefit": "scheme"}.get(data["kind"])
        if wanted and data[wanted] is None:
            raise ValidationError("请写明对什么提出异议。", wanted)


class MoreEvidenceRequest(Schema):
    evidence_ids = fields.List(
        fields.UUID(),
        required=True,
        validate=(validate.Length(min=1, error="请先选好要补交的材料。"), _NOT_TOO_MANY),
        metadata=_UPLOADED,
    )


class StatementRequest(Schema):
    statement = fields.String(
        required=True,
        validate=_FilledIn(2, _LONGEST_TEXT, error="请写下您想说明的情况（2 到 2000 个字）。"),
        metadata={"description": "附在记录旁的本人声明"},
    )


class ObjectingEnterprise(Schema):
    public_code = fields.String(required=True, metadata={"description": "统一社会信用代码"})
    name = fields.String(required=True, metadata={"description": "名称"})


class ObjectionResponse(Schema):
    id = fields.UUID(required=True, metadata={"description": "异议编号"})
    kind = fields.String(
        required=True,
        metadata={"description": "record 记录，list_entry 列入名单，score 信用分，benefit 权益资格"},
    )
    enterprise = fields.Nested(
        ObjectingEnterprise,
        required=True,
        allow_none=True,
        metadata={"description": "代表企业提出的，是哪家企业；本人的为 null"},
    )
    record_id = fields.Integer(
        required=True, allow_none=True, metadata={"description": "记录编号；不是对记录的异议时为 null"}
    )
    record_title = fields.String(required=True, metadata={"description": "对什么提出异议"})
    category_name = fields.String(required=True, metadata={"description": "记录类别、名单名称或决定的种类"})
    grounds = fields.String(required=True, metadata={"description": "本人写明的理由"})
    state = fields.String(
        required=True,
        validate=validate.OneOf(tuple(STATE_NAMES)),
        metadata={
            "description": "filed 已受理，forwarded 数源单位核查中，disclaimed 待改派，replied 数源单位已答复，"
            "upheld 异议成立，partly_upheld 部分成立，rejected 不成立，withdrawn 已撤回，redirected 已移送"
        },
    )
    filed_at = Moment(required=True, metadata={"description": "提交时刻（UTC）"})
    answer_due_on = fields.Date(required=True, metadata={"description": "最迟答复日期（已按工作日计算）"})
    extended = fields.Boolean(required=True, metadata={"description": "答复期限已依规定延长过"})
    department_name = fields.String(
        required=True, allow_none=True, metadata={"description": "负责核查的数源单位；由平台自己核查时为 null"}
    )
    decided_at = Moment(required=True, allow_none=True, metadata={"description": "答复时刻（UTC）"})
    reply = fields.String(required=True, allow_none=True, metadata={"description": "答复"})
    redirected_to = fields.String(required=True, allow_none=True, metadata={"description": "移送给了哪个机构"})
    statement = fields.String(required=True, allow_none=True, metadata={"description": "本人声明"})


class ObjectionsResponse(Schema):
    items = fields.List(fields.Nested(ObjectionResponse), required=True, metadata={"description": "新的在前"})


class ObjectionStepResponse(Schema):
    at = Moment(required=True, metadata={"description": "时刻（UTC）"})
    event = fields.String(required=True, metadata={"description": "步骤代码"})
    event_name = fields.String(required=True, metadata={"description": "做了什么"})
    note = fields.String(required=True, metadata={"description": "补充说明；没有时为空"})


class ObjectionEvidenceResponse(Schema):
    id = fields.UUID(required=True, metadata={"description": "材料编号"})
    filename = fields.String(required=True, metadata={"description": "文件名"})
    media_type = fields.String(required=True, metadata={"description": "image/jpeg 或 application/pdf"})
    size = fields.Integer(required=True, metadata={"description": "大小（字节）"})


class ObjectionInFull(ObjectionResponse):
    steps = fields.List(
        fields.Nested(ObjectionStepResponse), required=True, metadata={"description": "办理经过，由早到晚"}
    )
    evidence = fields.List(
        fields.Nested(ObjectionEvidenceResponse), required=True, metadata={"description": "本人附的材料"}
    )
    department_evidence = fields.List(
        fields.Nested(ObjectionEvidenceResponse),
        required=True,
        metadata={"description": "数源单位答复时附的材料；答复前为空"},
    )


@blp.route("")
class MyObjections(MethodView):
    @signed_in_citizen
    @blp.response(200, ObjectionsResponse)
    def get(self) -> dict[str, object]:
        """本人提出的异议，包括代表企业提出的"""
        today = city_date(now())
        with reading() as session:
            return {
                "items": [
                    _answer(session, own) for own in own_objections(session, current_subject_id(), today=today)
                ]
            }

    @signed_in_citizen
    @idempotent
    @blp.arguments(ObjectionRequest)
    @blp.response(201, ObjectionInFull)
    @blp.alt_response(404, description="没有这条记录，或者它不属于您（record_not_found）")
    @blp.alt_response(409, description="正在核查中（already_under_objection）、已撤销（record_revoked）等")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """提出异议：对记录的，核查期间它不会降低信用分；对分数和自动拒绝的，由人工复核"""
        with transaction() as session:
            return _own_answer(session, _file(session, **body).id)


@blp.route("/<uuid:objection_id>")
class MyObjection(MethodView):
    @signed_in_citizen
    @blp.response(200, ObjectionInFull)
    @blp.alt_response(404, description="没有这件异议，或者它不属于您（objection_not_found）")
    def get(self, objection_id: UUID) -> dict[str, object]:
        """一件异议的进展：办到哪一步，哪天之前答复"""
        with reading() as session:
            return _own_answer(session, objection_id)


@blp.route("/<uuid:objection_id>/evidence")
class MoreEvidence(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(MoreEvidenceRequest)
    @blp.response(200, ObjectionInFull)
    @blp.alt_response(404, description="没有这件异议或这份材料，或者它不属于您")
    @blp.alt_response(409, description="异议已办结（objection_state_forbids）")
    def post(self, body: dict[str, Any], objection_id: UUID) -> dict[str, object]:
        """答复之前补交材料；办理人和数源单位会收到提醒"""
        with transaction() as session:
            add_own_evidence(
                session, subject_id=current_subject_id(), objection_id=objection_id, now=now(), **body
            )
            return _own_answer(session, objection_id)


@blp.route("/<uuid:objection_id>/evidence/<uuid:evidence_id>")
class MyObjectionEvidence(MethodView):
    @signed_in_citizen
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
    @blp.alt_response(404, description="没有这件异议或这份材料，或者它不属于您")
    def get(self, objection_id: UUID, evidence_id: UUID) -> Response:
        """下载异议里的材料：自己附的，以及数源单位答复时附的"""
        with reading() as session:
            mine = get_own_objection(
                session, subject_id=current_subject_id(), objection_id=objection_id, on=city_date(now())
            )
            file = evidence_for_subject(session, mine, evidence_id)
            return attachment(
                services().evidence.get(file.storage_name), filename=file.filename, media_type=file.media_type
            )


@blp.route("/<uuid:objection_id>/withdrawal")
class ObjectionWithdrawal(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.response(200, ObjectionInFull)
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
    @blp.response(200, ObjectionInFull)
    @blp.alt_response(404, description="没有这件异议，或者它不属于您（objection_not_found）")
    @blp.alt_response(409, description="只有答复为不成立、部分成立或移送时才能附加声明（objection_state_forbids）")
    def post(self, body: dict[str, str], objection_id: UUID) -> dict[str, object]:
        """异议未获支持后，在记录旁附加本人声明"""
        with transaction() as session:
            attach_statement(
                session, subject_id=current_subject_id(), objection_id=objection_id, now=now(), **body
            )
            return _own_answer(session, objection_id)


def _file(
    session: Session,
    *,
    kind: str,
    record_id: int | None,
    scheme: str | None,
    enterprise: str | None,
    grounds: str,
    evidence_ids: list[UUID],
) -> Objection:
    acts_for = acting(session, enterprise)
    filing: dict[str, Any] = {
        "grounds": grounds,
        "evidence_ids": evidence_ids,
        "now": now(),
        "deadlines": services().deadlines,
    }
    if kind == "score":
        return object_to_score(session, subject_id=acts_for.subject.id, filed_by_id=current_subject_id(), **filing)
    if kind == "benefit":
        holder = get_subject(session, current_subject_id())
        beneficiary = acts_for.subject if enterprise else None
        return appeal_refusal(session, holder=holder, enterprise=beneficiary, scheme_code=scheme or "", **filing)
    return file_objection(
        session,
        subject_id=acts_for.subject.id,
        record_id=record_id or 0,
        filed_by_id=current_subject_id(),
        **filing,
    )


def _own_answer(session: Session, objection_id: UUID) -> dict[str, object]:
    own: OwnObjectionInFull = own_objection(session, current_subject_id(), objection_id, today=city_date(now()))
    return {
        **_answer(session, own),
        "steps": [_step(event) for event in own.events],
        "evidence": own.evidence,
        "department_evidence": own.department_evidence,
    }


def _answer(session: Session, own: OwnObjection) -> dict[str, object]:
    objection = own.objection
    subject = get_subject(session, objection.subject_id)
    return {
        "id": objection.id,
        "kind": objection.kind,
        "enterprise": (
            None if subject.kind == "person" else {"public_code": subject.public_code, "name": subject.public_name}
        ),
        "record_id": objection.record_id,
        "record_title": own.matter.title,
        "category_name": own.matter.category_name,
        "grounds": objection.grounds,
        "state": objection.state,
        "filed_at": objection.filed_at,
        "answer_due_on": objection.answer_due_on,
        "extended": objection.extended,
        "department_name": objection.department_name,
        "decided_at": objection.decided_at,
        "reply": objection.reply,
        "redirected_to": objection.redirected_to,
        "statement": objection.statement,
    }


def _step(event: ObjectionEvent) -> dict[str, object]:
    return {
        "at": event.at,
        "event": event.event,
        "event_name": EVENT_NAMES[event.event],  # type: ignore[index]  # the column holds these codes
        "note": _note(event),
    }


def _note(event: ObjectionEvent) -> str:
    """What the step adds for the citizen: which department, what it found, why it takes longer."""
    said = event.detail
    if event.event == "extend":
        return f"延至 {said['until']}：{said['reason']}"
    if event.event == "add_evidence":
        return f"{said['pieces']} 份"
    parts = (said.get("department"), said.get("finding"), said.get("to"))
    return "：".join(part for part in parts if part)
