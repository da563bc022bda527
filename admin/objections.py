"""The officers' queue of objections (异议), each with its statutory clocks, and deciding them."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from admin.applicants import WindowRequest
from admin.cases import masked_subject
from backend.catalogue.document import Category
from backend.city_calendar import CalendarMissing, city_date
from backend.evidence.service import evidence_of
from backend.ledger.service import record_access
from backend.objections.department_evidence import departments_evidence, evidence_in_case
from backend.objections.inbox import FINDING_NAMES
from backend.objections.matters import Matter, matter_of
from backend.objections.models import Objection
from backend.objections.own_evidence import take_evidence_at_window
from backend.objections.routing import departments
from backend.objections.score_review import review_score
from backend.objections.service import (
    Override,
    decide_objection,
    events_of,
    extend_objection,
    extension_until,
    file_objection,
    forward_objection,
    is_overdue,
    objection_queue,
    redirect_objection,
    refused_benefit,
    statements_beside,
)
from backend.objections.states import EVENT_NAMES, OPEN_STATES, STATE_NAMES
from backend.objections.steps import get_objection
from backend.records.models import CreditRecord
from backend.records.service import versions_of
from backend.subjects.applicants import check_may_apply
from backend.subjects.service import find_by_identifier
from backend.web import API_PREFIX
from backend.web.attachments import EvidenceUpload, attachment
from backend.web.clocks import days_left
from backend.web.context import now, reading, services, transaction
from backend.web.guards import (
    access_reason,
    current_officer,
    officer_as_actor,
    signed_in_officer,
    states_reason,
)
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.objections import CorrectionsRequest, DepartmentChoices, EvidenceItem, WithStatements
from backend.web.pages import PageQuery, PlaceField, page_of, page_schema, place

blp = Blueprint(
    "officer objections", __name__, url_prefix=f"{API_PREFIX}/admin/objections", description="异议办理"
)

_BASIS = "依职责办理信用异议"
_MAY_READ = ("objection_officer", "reviewer", "auditor")
_MAY_DECIDE = ("objection_officer",)
_TOLD_OF_A_STEP = {
    **dict.fromkeys(("department", "finding", "explanation", "to"), "{}"),
    "until": "延至 {}",
    "reason": "{}",
    "pieces": "{} 份",
}
_KINDS = ("record", "list_entry", "score", "benefit")


class ObjectionQueueQuery(PageQuery):
    cursor = PlaceField(date.fromisoformat)
    state = fields.String(
        load_default="open",
        validate=validate.OneOf(("open", *STATE_NAMES)),
        metadata={"description": "open 为尚未办结的全部异议"},
    )
    kind = fields.String(
        load_default=None,
        validate=validate.OneOf(_KINDS),
        metadata={"description": "record 记录，list_entry 列入名单，score 信用分，benefit 权益资格；不填为全部"},
    )


class MaskedSubject(Schema):
    name = fields.String(required=True)
    identifier = fields.String(required=True)
    deceased = fields.Boolean(
        required=True, metadata={"description": "登记册显示当事人已故：通知和答复不再送达本人"}
    )


class DisputedRecord(Schema):
    id = fields.String(required=True)
    category_name = fields.String(required=True)
    title = fields.String(required=True)
    event_on = fields.Date(required=True)
    source_department = fields.String(required=True)


class DisputedRecordVersion(Schema):
    version = fields.Integer(required=True)
    state = fields.String(required=True)
    changed_at = Moment(required=True)
    changed_by = fields.String(required=True)
    reason = fields.String(required=True)


class DisputedRecordInFull(DisputedRecord, WithStatements):
    polarity = fields.String(required=True)
    state = fields.String(required=True)
    ended_on = fields.Date(required=True, allow_none=True)
    performed_on = fields.Date(required=True, allow_none=True)
    quantity = fields.Integer(required=True, metadata={"description": "数量，单位 unit 的百分之一"})
    unit = fields.String(required=True)
    amount = fields.Integer(required=True, metadata={"description": "金额（分）"})
    level = fields.Integer(required=True, metadata={"description": "级别在 levels 中的序号，从 1 起；0 为没有"})
    level_name = fields.String(required=True, allow_none=True)
    levels = fields.List(fields.String(), required=True, metadata={"description": "该类别的级别，按序"})
    legal_basis = fields.String(required=True)
    content = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    versions = fields.List(fields.Nested(DisputedRecordVersion), required=True)


class ScorePart(Schema):
    name = fields.String(required=True)
    dimension_name = fields.String(required=True)
    points = fields.Integer(required=True, metadata={"description": "百分之一分"})
    reason = fields.String(required=True)
    record_ids = fields.List(fields.Integer(), required=True)


class ScoreReviewResponse(Schema):
    """人工复核：按现有记录重新计算，与现行得分比较。"""

    disputed_total = fields.Integer(
        required=True, allow_none=True, metadata={"description": "提出异议时的得分；本人停用后为 null"}
    )
    total = fields.Integer(required=True, metadata={"description": "现行得分，百分之一分"})
    recomputed_total = fields.Integer(required=True, metadata={"description": "重新计算的得分，百分之一分"})
    agrees = fields.Boolean(required=True, metadata={"description": "每一项都与重新计算的一致"})
    as_of = fields.Date(required=True)
    policy = fields.String(required=True, metadata={"description": "评分方案及版本"})
    base = fields.Integer(required=True)
    parts = fields.List(fields.Nested(ScorePart), required=True)


class RefusalCondition(Schema):
    reason = fields.String(required=True)
    need = fields.String(required=True)
    have = fields.String(required=True)


class BenefitTierChoice(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)


class RefusalResponse(Schema):
    """被自动拒绝的权益：方案要求什么，当事人目前如何。"""

    scheme = fields.String(required=True)
    name = fields.String(required=True)
    basis = fields.String(required=True)
    eligible = fields.Boolean(required=True, metadata={"description": "现在是否符合"})
    unmet = fields.List(fields.Nested(RefusalCondition), required=True)
    tiers = fields.List(fields.Nested(BenefitTierChoice), required=True, metadata={"description": "可准予的档位"})


class DepartmentReplyResponse(Schema):
    finding = fields.String(required=True)
    finding_name = fields.String(required=True)
    explanation = fields.String(required=True)
    corrections = fields.Dict(keys=fields.String(), required=True)
    remove = fields.Boolean(required=True)


class ObjectionEventResponse(Schema):
    at = Moment(required=True)
    event = fields.String(required=True)
    event_name = fields.String(required=True)
    actor = fields.String(required=True)
    note = fields.String(required=True)


class ObjectionCase(Schema):
    """One case in the queue.

    `working_days_left` is 0 on the last day, negative once late, and null while the holidays of a year on the
    way are not announced.
    """

    id = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(_KINDS))
    subject = fields.Nested(MaskedSubject, required=True)
    title = fields.String(required=True, metadata={"description": "对什么提出异议"})
    category_name = fields.String(required=True)
    department_name = fields.String(
        required=True, allow_none=True, metadata={"description": "在哪个数源单位的待办中；由平台自己核查时为 null"}
    )
    grounds = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(tuple(STATE_NAMES)))
    filed_at = Moment(required=True)
    answer_due_on = fields.Date(required=True)
    provider_due_on = fields.Date(required=True, allow_none=True)
    overdue = fields.Boolean(required=True)
    working_days_left = fields.Integer(required=True, allow_none=True)


class ObjectionCaseInFull(ObjectionCase):
    record = fields.Nested(
        DisputedRecordInFull, required=True, allow_none=True, metadata={"description": "对记录的异议才有"}
    )
    score = fields.Nested(ScoreReviewResponse, required=True, allow_none=True)
    refusal = fields.Nested(RefusalResponse, required=True, allow_none=True)
    evidence = fields.List(fields.Nested(EvidenceItem), required=True)
    department_evidence = fields.List(
        fields.Nested(EvidenceItem), required=True, metadata={"description": "数源单位答复时附的材料"}
    )
    department_reply = fields.Nested(DepartmentReplyResponse, required=True, allow_none=True)
    may_extend = fields.Boolean(required=True, metadata={"description": "本地规定允许且尚未延长过"})
    extension_until = fields.Date(
        required=True,
        allow_none=True,
        metadata={"description": "现在延长的，最迟哪天答复；null 表示不能延长，或者那一年的节假日安排还没有"},
    )
    decided_at = Moment(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    reply = fields.String(required=True, allow_none=True)
    redirected_to = fields.String(required=True, allow_none=True)
    statement = fields.String(required=True, allow_none=True, metadata={"description": "本人声明"})
    events = fields.List(fields.Nested(ObjectionEventResponse), required=True)


class OverrideRequest(Schema):
    tier = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "准予的档位"})
    valid_until = fields.Date(required=True, metadata={"description": "最后一天"})


class ObjectionDecisionRequest(Schema):
    outcome = fields.String(
        required=True, validate=validate.OneOf(("upheld", "partly_upheld", "rejected", "redirected"))
    )
    reply = fields.String(required=True, validate=validate.Length(min=10, max=1_000))
    corrections = fields.Nested(
        CorrectionsRequest,
        load_default=None,
        allow_none=True,
        metadata={"description": "更正哪些内容；成立而不更正的，记录撤销"},
    )
    override = fields.Nested(
        OverrideRequest,
        load_default=None,
        allow_none=True,
        metadata={"description": "权益资格的异议成立时，准予的档位和期限"},
    )
    redirected_to = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(2, 200),
        metadata={"description": "移送时，移送给哪个机构"},
    )


class RedirectionRequest(Schema):
    department = fields.String(
        required=True,
        validate=validate.Length(equal=18),
        metadata={"description": "改派给哪个数源单位（统一社会信用代码）"},
    )


class ExtensionRequest(Schema):
    reason = fields.String(required=True, validate=validate.Length(5, 500), metadata={"description": "延长的理由"})


class WindowObjectionRequest(WindowRequest):
    record_id = fields.Integer(
        required=True, strict=True, metadata={"description": "有异议的记录，见 POST /admin/records/known"}
    )
    grounds = fields.String(
        required=True, validate=validate.Length(5, 500), metadata={"description": "异议理由，照申请人所说记录"}
    )


class WindowObjection(Schema):
    id = fields.UUID(required=True)
    title = fields.String(required=True)
    answer_due_on = fields.Date(required=True, metadata={"description": "最迟哪天答复"})


@blp.route("")
class Objections(MethodView):
    @signed_in_officer("window_officer")
    @states_reason
    @idempotent
    @blp.arguments(WindowObjectionRequest)
    @blp.response(201, WindowObjection)
    @blp.alt_response(404, description="没有这个主体，或者这条记录不是其的（subject_not_found、record_not_found）")
    @blp.alt_response(409, description="这条记录正在异议处理中（already_under_objection）")
    @blp.alt_response(422, description="申请人无权为其提出（applicant_not_entitled）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """在窗口为不用手机的人、未成年人的监护人或已故者的近亲属录入异议；与手机上提出的一样办理"""
        with transaction() as session:
            subject = find_by_identifier(session, keys=services().keys, identifier=body["identifier"])
            applicant = check_may_apply(subject, body["applicant"], city_date(now()))
            objection = file_objection(
                session,
                subject_id=subject.id,
                record_id=body["record_id"],
                grounds=body["grounds"].strip(),
                filed_by=f"{applicant.name}（窗口 {current_officer().name} 代录）",
                now=now(),
                deadlines=services().deadlines,
            )
            record_access(
                session,
                subject_id=subject.id,
                actor=officer_as_actor(),
                action="objection_taken_down",
                basis=f"应{applicant.name}当面申请：{applicant.basis}",
                purpose=access_reason(),
                detail={"objection": str(objection.id), "about": objection.about},
                channel="console",
                now=now(),
            )
            return {
                "id": objection.id,
                "title": matter_of(session, objection).title,
                "answer_due_on": objection.answer_due_on,
            }

    @signed_in_officer(*_MAY_READ)
    @blp.arguments(ObjectionQueueQuery, location="query")
    @blp.response(200, page_schema(ObjectionCase))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """异议队列，期限最近的在前；个人信息已脱敏"""
        with reading() as session:
            found = objection_queue(
                session,
                state=query["state"],
                kind=query["kind"],
                after=query["cursor"],
                limit=query["limit"] + 1,
            )
            page = page_of(found, query["limit"], key=lambda case: place(case.answer_due_on, case.id))
            return page | {"items": [_case(session, objection) for objection in found[: query["limit"]]]}


@blp.route("/departments")
class ObjectionDepartments(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.response(200, DepartmentChoices)
    def get(self) -> dict[str, object]:
        """可以改派的数源单位"""
        with reading() as session:
            return {"items": departments(session, city_date(now()))}


@blp.route("/<uuid:objection_id>")
class OneObjection(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, ObjectionCaseInFull)
    def get(self, objection_id: UUID) -> dict[str, object]:
        """一件异议的全部内容；查看记入台账"""
        with transaction() as session:
            objection = get_objection(session, objection_id)
            _note(session, objection, action="objection_viewed", purpose=access_reason())
            return _case_in_full(session, objection)


@blp.route("/<uuid:objection_id>/evidence")
class WindowEvidence(MethodView):
    @signed_in_officer("window_officer")
    @states_reason
    @idempotent
    @blp.arguments(EvidenceUpload, location="files")
    @blp.response(201, EvidenceItem)
    @blp.alt_response(404, description="没有这件异议（objection_not_found）")
    @blp.alt_response(409, description="异议已办结（objection_state_forbids）")
    def post(self, files: dict[str, Any], objection_id: UUID) -> object:
        """把申请人当面递交的一份材料（照片或 PDF）附进异议，与本人在手机上附的一样"""
        upload = files["file"]
        with transaction() as session:
            objection, file = take_evidence_at_window(
                session,
                services().evidence,
                objection_id=objection_id,
                filename=upload.filename or "",
                content=upload.read(),
                actor=f"窗口 {current_officer().name} 代收",
                now=now(),
            )
            _note(session, objection, action="objection_evidence_taken", purpose=access_reason())
            return file


@blp.route("/<uuid:objection_id>/evidence/<uuid:evidence_id>")
class ObjectionEvidence(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
    @blp.alt_response(404, description="这件异议没有这份材料（evidence_not_found）")
    def get(self, objection_id: UUID, evidence_id: UUID) -> Response:
        """一份证明材料，申请人或数源单位附的；查看记入台账"""
        with transaction() as session:
            objection = get_objection(session, objection_id)
            file = evidence_in_case(session, objection, evidence_id)
            _note(session, objection, action="objection_evidence_viewed", purpose=access_reason())
            return attachment(
                services().evidence.get(file.storage_name), filename=file.filename, media_type=file.media_type
            )


@blp.route("/<uuid:objection_id>/forwarding")
class ObjectionForwarding(MethodView):
    @signed_in_officer(*_MAY_DECIDE)
    @idempotent
    @blp.response(200, ObjectionCaseInFull)
    def post(self, objection_id: UUID) -> dict[str, object]:
        """转数源单位核查，期限相应延长"""
        with transaction() as session:
            objection = forward_objection(
                session,
                objection_id=objection_id,
                officer=current_officer().name,
                now=now(),
                deadlines=services().deadlines,
            )
            _note(session, objection, action="objection_decided", purpose="转数源单位核查")
            return _case_in_full(session, objection)


@blp.route("/<uuid:objection_id>/redirection")
class ObjectionRedirection(MethodView):
    @signed_in_officer(*_MAY_DECIDE)
    @idempotent
    @blp.arguments(RedirectionRequest)
    @blp.response(200, ObjectionCaseInFull)
    def post(self, body: dict[str, str], objection_id: UUID) -> dict[str, object]:
        """改派另一数源单位；原单位不再看到这件异议"""
        with transaction() as session:
            objection = redirect_objection(
                session,
                objection_id=objection_id,
                department_code=body["department"],
                officer=current_officer().name,
                now=now(),
                deadlines=services().deadlines,
            )
            _note(session, objection, action="objection_decided", purpose="改派数源单位")
            return _case_in_full(session, objection)


@blp.route("/<uuid:objection_id>/extension")
class ObjectionExtension(MethodView):
    @signed_in_officer(*_MAY_DECIDE)
    @idempotent
    @blp.arguments(ExtensionRequest)
    @blp.response(200, ObjectionCaseInFull)
    def post(self, body: dict[str, str], objection_id: UUID) -> dict[str, object]:
        """依本地规定延长一次答复期限，理由告知申请人"""
        with transaction() as session:
            objection = extend_objection(
                session,
                objection_id=objection_id,
                officer=current_officer().name,
                now=now(),
                deadlines=services().deadlines,
                **body,
            )
            _note(session, objection, action="objection_decided", purpose="延长答复期限")
            return _case_in_full(session, objection)


@blp.route("/<uuid:objection_id>/decision")
class ObjectionDecision(MethodView):
    @signed_in_officer(*_MAY_DECIDE)
    @idempotent
    @blp.arguments(ObjectionDecisionRequest)
    @blp.response(200, ObjectionCaseInFull)
    def post(self, body: dict[str, Any], objection_id: UUID) -> dict[str, object]:
        """作出处理：成立、部分成立、不成立或移送；记录、得分和资格随之变化，答复立即可见"""
        override = body.pop("override")
        with transaction() as session:
            objection = decide_objection(
                session,
                objection_id=objection_id,
                officer=current_officer().name,
                officer_id=str(current_officer().officer_id),
                now=now(),
                override=Override(**override) if override else None,
                **body,
            )
            _note(session, objection, action="objection_decided", purpose="作出处理并答复")
            return _case_in_full(session, objection)


def _note(session: Session, objection: Objection, *, action: str, purpose: str) -> None:
    record_access(
        session,
        subject_id=objection.subject_id,
        actor=officer_as_actor(),
        action=action,
        basis=_BASIS,
        purpose=purpose,
        detail={"objection": str(objection.id), "about": objection.about},
        channel="console",
        now=now(),
    )


def _case(session: Session, objection: Objection, matter: Matter | None = None) -> dict[str, object]:
    matter = matter or matter_of(session, objection)
    today = city_date(now())
    return {
        "id": objection.id,
        "kind": objection.kind,
        "subject": masked_subject(session, objection.subject_id),
        "title": matter.title,
        "category_name": matter.category_name,
        "department_name": objection.department_name,
        "grounds": objection.grounds,
        "state": objection.state,
        "filed_at": objection.filed_at,
        "answer_due_on": objection.answer_due_on,
        "provider_due_on": objection.provider_due_on,
        "overdue": is_overdue(objection, today),
        "working_days_left": days_left(objection.answer_due_on if objection.state in OPEN_STATES else None),
    }


def _extension_until(objection: Objection) -> date | None:
    """Reading a case does not fail for want of next year's holidays; prolonging it then does, and says so."""
    try:
        return extension_until(objection, services().deadlines)
    except CalendarMissing:
        return None


def _case_in_full(session: Session, objection: Objection) -> dict[str, object]:
    matter = matter_of(session, objection)
    deadlines = services().deadlines
    term = deadlines.term_on(city_date(objection.filed_at))
    return {
        **_case(session, objection, matter),
        "record": _record(session, matter.record, matter.category) if matter.record and matter.category else None,
        "score": _score(session, objection) if objection.kind == "score" else None,
        "refusal": _refusal(session, objection) if objection.kind == "benefit" else None,
        "evidence": evidence_of(session, objection.case),
        "department_evidence": departments_evidence(session, objection),
        "department_reply": _department_reply(objection),
        "may_extend": (
            objection.state in OPEN_STATES and not objection.extended and term.extension_days is not None
        ),
        "extension_until": _extension_until(objection),
        "decided_at": objection.decided_at,
        "decided_by": objection.decided_by,
        "reply": objection.reply,
        "redirected_to": objection.redirected_to,
        "statement": objection.statement,
        "events": [
            {
                "at": event.at,
                "event": event.event,
                "event_name": EVENT_NAMES[event.event],  # type: ignore[index]
                "actor": event.actor,
                "note": "；".join(
                    sentence.format(told)
                    for part, sentence in _TOLD_OF_A_STEP.items()
                    if (told := event.detail.get(part))
                ),
            }
            for event in events_of(session, objection.id)
        ],
    }


def _record(session: Session, record: CreditRecord, category: Category) -> dict[str, object]:
    return {
        "id": record.id,
        "category_name": category.name,
        "title": record.title,
        "event_on": record.event_on,
        "source_department": record.source_department,
        "polarity": category.polarity,
        "state": record.state,
        "ended_on": record.ended_on,
        "performed_on": record.performed_on,
        "quantity": record.quantity,
        "unit": category.unit,
        "amount": record.amount,
        "level": record.level,
        "level_name": category.level_name(record.level),
        "levels": [level.name for level in category.levels],
        "legal_basis": category.legal_basis,
        "content": record.content,
        "versions": versions_of(session, record.id),
        "statements": statements_beside(session, [record.id]).get(record.id, []),
    }


def _score(session: Session, objection: Objection) -> dict[str, object] | None:
    review = review_score(session, objection)
    if review is None:
        return None
    explanation = review.explanation
    return {
        "disputed_total": review.disputed.total if review.disputed else None,
        "total": review.current.total,
        "recomputed_total": review.recomputed,
        "agrees": review.agrees,
        "as_of": review.current.as_of,
        "policy": f"{explanation.policy.name} {explanation.policy.version}",
        "base": explanation.policy.base,
        "parts": [
            {
                "name": part.name,
                "dimension_name": part.dimension_name,
                "points": part.points,
                "reason": part.reason,
                "record_ids": [share.id for share in part.records],
            }
            for part in explanation.contributions
        ],
    }


def _refusal(session: Session, objection: Objection) -> dict[str, object]:
    scheme, entitlement = refused_benefit(session, objection, now())
    return {
        "scheme": scheme.rules.code,
        "name": scheme.rules.name,
        "basis": scheme.rules.basis,
        "eligible": entitlement.decision.eligible,
        "unmet": entitlement.unmet,
        "tiers": scheme.rules.tiers,
    }


def _department_reply(objection: Objection) -> dict[str, object] | None:
    reply = objection.department_reply
    return reply and {**reply, "finding_name": FINDING_NAMES[reply["finding"]]}
