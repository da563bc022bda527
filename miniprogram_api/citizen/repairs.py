"""Credit repair (信用修复): what can be repaired from when, applying with a signed letter, following it."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.evidence.service import evidence_of
from backend.repairs.conditions import Condition, repairable_from
from backend.repairs.models import Repair
from backend.repairs.rules import rule_of, rule_on
from backend.repairs.service import (
    Candidate,
    Clock,
    candidates,
    case_of,
    conditions_by_record,
    draft_repair,
    events_of,
    file_repair,
    get_own_repair,
    letter_of,
    records_in,
    repairs_of,
    withdraw_repair,
)
from backend.repairs.states import EVENT_NAMES, OPEN_STATES, STATE_NAMES
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import current_citizen, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.citizen.acting import ActingQuery, acting
from miniprogram_api.citizen.evidence import EvidenceResponse

blp = Blueprint("citizen repairs", __name__, url_prefix=f"{API_PREFIX}/me/repairs", description="信用修复")

_MAY_BE_FILED = ("draft", "returned")


class CandidatesQuery(ActingQuery):
    record_id = fields.Integer(
        load_default=None,
        validate=validate.Range(1, 2**63 - 1),
        metadata={"description": "只看这一条记录；不填为全部可能需要修复的记录"},
    )


class RepairConditionResponse(Schema):
    code = fields.String(
        required=True,
        metadata={
            "description": "counts 记录有效，adverse 失信信息，repairable 可修复类别，shortest_period 最短公示期，"
            "obligation 履行义务，commitment 信用承诺"
        },
    )
    name = fields.String(required=True, metadata={"description": "条件名称"})
    met = fields.Boolean(required=True, metadata={"description": "已满足"})
    met_from = fields.Date(
        required=True, allow_none=True, metadata={"description": "随时间自然满足的日期；不是时间问题时为 null"}
    )
    sentence = fields.String(required=True, metadata={"description": "情况说明，或还缺什么、怎么办"})


class RepairRecordResponse(Schema):
    id = fields.Integer(required=True, metadata={"description": "记录编号"})
    title = fields.String(required=True, metadata={"description": "事项"})
    category_name = fields.String(required=True, metadata={"description": "类别"})
    event_on = fields.Date(required=True, metadata={"description": "发生日期"})
    state = fields.String(required=True, metadata={"description": "记录状态"})
    level_name = fields.String(required=True, allow_none=True, metadata={"description": "级别"})
    department = fields.String(required=True, metadata={"description": "认定单位"})


class CandidateResponse(Schema):
    record = fields.Nested(RepairRecordResponse, required=True)
    conditions = fields.List(fields.Nested(RepairConditionResponse), required=True)
    may_apply = fields.Boolean(required=True, metadata={"description": "现在可以填写申请（承诺书在提交时签署）"})
    repairable_from = fields.Date(
        required=True, allow_none=True, metadata={"description": "从这一天起不再受期限限制；已不受限时为 null"}
    )
    repair_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "正在办理的修复申请；没有时为 null"}
    )


class CandidatesResponse(Schema):
    rule = fields.String(required=True, metadata={"description": "今天申请适用的办法"})
    basis = fields.String(required=True, metadata={"description": "依据"})
    items = fields.List(fields.Nested(CandidateResponse), required=True, metadata={"description": "新的在前"})


class RepairDraftRequest(ActingQuery):
    record_ids = fields.List(
        fields.Integer(strict=True, validate=validate.Range(1, 2**63 - 1)),
        required=True,
        validate=validate.Length(1, 20, error="请选择 1 到 20 条同一件事的记录。"),
        metadata={"description": "申请修复的记录；多条须为同一件事"},
    )
    explanation = fields.String(
        load_default="", validate=validate.Length(max=2_000), metadata={"description": "怎样纠正的、履行了什么"}
    )
    evidence_ids = fields.List(
        fields.UUID(),
        load_default=[],
        validate=validate.Length(max=9),
        metadata={"description": "已上传的证明材料"},
    )


class RepairFilingRequest(ActingQuery):
    letter_sha256 = fields.String(
        required=True,
        validate=validate.Regexp(r"[0-9a-f]{64}$"),
        metadata={"description": "已阅读并签署的承诺书的摘要（letter.sha256）"},
    )
    agreed = fields.Boolean(
        required=True,
        validate=validate.Equal(True, error="请阅读承诺书并勾选同意后再提交。"),
        metadata={"description": "本人已阅读并签署承诺书"},
    )
    explanation = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=2_000),
        metadata={"description": "更正后的说明"},
    )
    evidence_ids = fields.List(
        fields.UUID(), load_default=[], validate=validate.Length(max=9), metadata={"description": "补充的证明材料"}
    )


class LetterResponse(Schema):
    title = fields.String(required=True, metadata={"description": "承诺书名称"})
    text = fields.String(required=True, metadata={"description": "承诺内容"})
    liability = fields.String(required=True, metadata={"description": "违诺责任"})
    basis = fields.String(required=True, metadata={"description": "依据"})
    sha256 = fields.String(required=True, metadata={"description": "摘要，签署时填写"})


class RepairStep(Schema):
    event = fields.String(required=True, metadata={"description": "步骤代码"})
    name = fields.String(required=True, metadata={"description": "步骤名称"})
    at = Moment(required=True, metadata={"description": "时刻（UTC）"})
    actor = fields.String(required=True, metadata={"description": "由谁办理"})


class RepairResponse(Schema):
    id = fields.UUID(required=True, metadata={"description": "申请编号"})
    state = fields.String(
        required=True,
        metadata={
            "description": "draft 草稿，filed 待受理，returned 待补正，accepted 已受理，with_department 审核中，"
            "approved 同意修复，done 已修复，refused 不予修复，withdrawn 已撤回，revoked 修复已撤销"
        },
    )
    state_name = fields.String(required=True, metadata={"description": "状态名称"})
    applied_by = fields.String(required=True, metadata={"description": "本人，或法定代表人"})
    department = fields.String(required=True, metadata={"description": "认定单位"})
    rule = fields.String(required=True, metadata={"description": "适用的办法"})
    explanation = fields.String(required=True, metadata={"description": "申请人的说明"})
    drafted_at = Moment(required=True, metadata={"description": "填写时刻（UTC）"})
    filed_at = Moment(required=True, allow_none=True, metadata={"description": "提交时刻（UTC）"})
    due_on = fields.Date(required=True, allow_none=True, metadata={"description": "当前步骤的期限"})
    result_due_on = fields.Date(required=True, allow_none=True, metadata={"description": "最迟告知结果的日期"})
    decided_at = Moment(required=True, allow_none=True, metadata={"description": "决定时刻（UTC）"})
    reply = fields.String(required=True, allow_none=True, metadata={"description": "答复或补正要求"})
    may_withdraw = fields.Boolean(required=True, metadata={"description": "现在可以撤回"})
    records = fields.List(fields.Nested(RepairRecordResponse), required=True)


class RepairInFull(RepairResponse):
    conditions = fields.List(
        fields.Nested(RepairConditionResponse), required=True, metadata={"description": "各项条件，多条记录时合并"}
    )
    evidence = fields.List(fields.Nested(EvidenceResponse), required=True)
    steps = fields.List(fields.Nested(RepairStep), required=True, metadata={"description": "由早到晚"})
    letter = fields.Nested(
        LetterResponse,
        required=True,
        allow_none=True,
        metadata={"description": "提交时要签署的承诺书；不能提交时为 null"},
    )


class RepairsResponse(Schema):
    items = fields.List(fields.Nested(RepairResponse), required=True, metadata={"description": "新的在前"})


@blp.route("/candidates")
class RepairCandidates(MethodView):
    @signed_in_citizen
    @blp.arguments(CandidatesQuery, location="query")
    @blp.response(200, CandidatesResponse)
    @blp.alt_response(403, description="不是这家企业的法定代表人（not_legal_representative）")
    @blp.alt_response(404, description="没有这条记录，或者它不属于您（record_not_found）")
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """哪些记录可以修复、从哪天起、还缺什么"""
        today = city_date(now())
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            found = candidates(session, subject_id=subject.id, today=today, record_id=query["record_id"])
            rule = rule_on(today)
            return {"rule": rule.name, "basis": rule.basis, "items": [_candidate(one) for one in found]}


@blp.route("")
class MyRepairs(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, RepairsResponse)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本人（或所代表企业）的信用修复申请"""
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            return {"items": [_answer(session, repair) for repair in repairs_of(session, subject.id)]}

    @signed_in_citizen
    @idempotent
    @blp.arguments(RepairDraftRequest)
    @blp.response(201, RepairInFull)
    @blp.alt_response(404, description="没有这条记录（record_not_found）或材料（evidence_not_found）")
    @blp.alt_response(409, description="已有一件修复申请正在办理（already_under_repair）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """填写修复申请；之后阅读并签署承诺书才算提交"""
        with transaction() as session:
            repair = draft_repair(
                session,
                acting=acting(session, body["enterprise"]),
                record_ids=body["record_ids"],
                explanation=body["explanation"],
                evidence_ids=body["evidence_ids"],
                now=now(),
            )
            return _in_full(session, repair)


@blp.route("/<uuid:repair_id>")
class MyRepair(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, RepairInFull)
    @blp.alt_response(404, description="没有这件申请，或者它不属于您（repair_not_found）")
    def get(self, query: dict[str, Any], repair_id: UUID) -> dict[str, object]:
        """一件修复申请的进展、条件和承诺书"""
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            return _in_full(session, get_own_repair(session, repair_id, [subject.id]))


@blp.route("/<uuid:repair_id>/filing")
class RepairFiling(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(RepairFilingRequest)
    @blp.response(200, RepairInFull)
    @blp.alt_response(409, description="状态不允许（repair_state_forbids），或承诺书已变化（letter_changed）")
    @blp.alt_response(422, description="条件未满足，逐条列出（repair_conditions_unmet）")
    def post(self, body: dict[str, Any], repair_id: UUID) -> dict[str, object]:
        """签署承诺书并提交申请；补正后再次提交也用它"""
        with transaction() as session:
            repair = file_repair(
                session,
                repair_id=repair_id,
                acting=acting(session, body["enterprise"]),
                account_id=current_citizen().account_id,
                letter_sha256=body["letter_sha256"],
                explanation=body["explanation"],
                evidence_ids=body["evidence_ids"],
                now=now(),
                clock=Clock(services().working_days, services().config.jurisdiction),
            )
            return _in_full(session, repair)


@blp.route("/<uuid:repair_id>/withdrawal")
class RepairWithdrawal(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(ActingQuery)
    @blp.response(200, RepairInFull)
    @blp.alt_response(409, description="已办结，不能撤回（repair_state_forbids）")
    def post(self, body: dict[str, Any], repair_id: UUID) -> dict[str, object]:
        """撤回申请，以后可以再提"""
        with transaction() as session:
            repair = withdraw_repair(
                session, repair_id=repair_id, acting=acting(session, body["enterprise"]), now=now()
            )
            return _in_full(session, repair)


def _candidate(found: Candidate) -> dict[str, object]:
    unmet = {condition.code for condition in found.conditions if not condition.met}
    return {
        "record": {
            "id": found.record.id,
            "title": found.record.title,
            "category_name": found.category.name,
            "event_on": found.record.event_on,
            "state": found.record.state,
            "level_name": found.category.level_name(found.record.level),
            "department": found.record.source_department,
        },
        "conditions": found.conditions,
        # Proof is handed in, and the letter signed, with the application itself.
        "may_apply": unmet <= {"obligation", "commitment"} and found.repair_id is None,
        "repairable_from": repairable_from(found.conditions),
        "repair_id": found.repair_id,
    }


def _answer(session: Session, repair: Repair) -> dict[str, object]:
    today = city_date(now())
    return {
        "id": repair.id,
        "state": repair.state,
        "state_name": STATE_NAMES[repair.state],  # type: ignore[index]
        "applied_by": repair.applied_by,
        "department": repair.department,
        "rule": rule_of(repair.rule).name,
        "explanation": repair.explanation,
        "drafted_at": repair.drafted_at,
        "filed_at": repair.filed_at,
        "due_on": repair.due_on,
        "result_due_on": repair.result_due_on,
        "decided_at": repair.decided_at,
        "reply": repair.reply,
        "may_withdraw": repair.state in OPEN_STATES and repair.state != "approved",
        "records": [_candidate(one)["record"] for one in _of_case(session, repair, today)],
    }


def _in_full(session: Session, repair: Repair) -> dict[str, object]:
    today = city_date(now())
    rule = rule_on(today) if repair.state in _MAY_BE_FILED else rule_of(repair.rule)
    letter = letter_of(session, repair, today=today)
    return {
        **_answer(session, repair),
        "conditions": _together(conditions_by_record(session, repair, rule=rule, today=today).values()),
        "evidence": evidence_of(session, case_of(repair)),
        "steps": [
            {"event": step.event, "name": EVENT_NAMES[step.event], "at": step.at, "actor": step.actor}  # type: ignore[index]
            for step in events_of(session, repair.id)
        ],
        "letter": {
            "title": letter.type.name,
            "text": letter.text,
            "liability": letter.liability,
            "basis": letter.basis,
            "sha256": letter.sha256,
        }
        if repair.state in _MAY_BE_FILED
        else None,
    }


def _of_case(session: Session, repair: Repair, today: date) -> list[Candidate]:
    return [
        found
        for record in records_in(session, repair)
        for found in candidates(session, subject_id=repair.subject_id, today=today, record_id=record.id)
    ]


def _together(by_record: Any) -> list[Condition]:
    """One line for each condition: of several records the one that stands most in the way."""
    lines: dict[str, Condition] = {}
    for conditions in by_record:
        for condition in conditions:
            known = lines.get(condition.code)
            if known is None or (known.met and not condition.met):
                lines[condition.code] = condition
    return list(lines.values())
