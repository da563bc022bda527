"""Supplementing data (自主申报、数据补充): what may be supplied, handing it in with proof, taking it back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.authorizations.notices import WRITTEN_CONSENT_NOTICE, Notice
from backend.city_calendar import city_date
from backend.evidence.service import evidence_of
from backend.supplements.models import Supplement
from backend.supplements.service import (
    case_of,
    category_of,
    complete_supplement,
    events_of,
    file_supplement,
    get_own_supplement,
    offered_to,
    raw_cells_of,
    supplements_of,
    withdraw_supplement,
)
from backend.supplements.states import EVENT_NAMES, STATE_NAMES
from backend.supplements.suppliable import suppliable_on
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import open_to_all, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.citizen.acting import ActingQuery, acting
from miniprogram_api.citizen.evidence import EvidenceResponse
from miniprogram_api.citizen.me import NoticeResponse
from miniprogram_api.citizen.repairs import RepairStep

blp = Blueprint(
    "citizen supplements", __name__, url_prefix=f"{API_PREFIX}/me/supplements", description="自主申报、数据补充"
)


class SuppliableField(Schema):
    column = fields.String(required=True, metadata={"description": "栏目代码，提交时用作键"})
    label = fields.String(required=True, metadata={"description": "栏目名称"})
    kind = fields.String(required=True, metadata={"description": "text 文字，date 日期，number 数字，choice 选择"})
    required = fields.Boolean(required=True, metadata={"description": "必填"})
    choices = fields.List(fields.String(), required=True, metadata={"description": "可选的值"})


class SuppliableCategoryResponse(Schema):
    category = fields.String(required=True, metadata={"description": "类别代码"})
    name = fields.String(required=True, metadata={"description": "类别名称"})
    hint = fields.String(required=True, metadata={"description": "适合申报什么"})
    department = fields.String(required=True, metadata={"description": "由谁核验"})
    evidence = fields.Boolean(required=True, metadata={"description": "须附证明材料"})
    written_consent = fields.Boolean(required=True, metadata={"description": "须先单独书面同意"})
    fields_ = fields.List(
        fields.Nested(SuppliableField), required=True, data_key="fields", metadata={"description": "要填的栏目"}
    )


class SuppliableResponse(Schema):
    basis = fields.String(required=True, allow_none=True, metadata={"description": "依据"})
    verification_days = fields.Integer(
        required=True, allow_none=True, metadata={"description": "几个工作日内核验"}
    )
    items = fields.List(fields.Nested(SuppliableCategoryResponse), required=True)


_CELLS = fields.Dict(
    keys=fields.String(validate=validate.Length(1, 64)),
    values=fields.String(validate=validate.Length(max=200)),
    required=True,
    validate=validate.Length(max=20),
    metadata={"description": "填写的内容：栏目代码和值"},
)
_EVIDENCE = fields.List(
    fields.UUID(), load_default=[], validate=validate.Length(max=9), metadata={"description": "已上传的证明材料"}
)


class SupplementRequest(ActingQuery):
    category = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "类别代码"})
    cells = _CELLS
    evidence_ids = _EVIDENCE
    consent_notice_version = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 32),
        metadata={"description": "已阅读并单独书面同意的告知书版本；不需要时不填"},
    )


class SupplementCompletionRequest(ActingQuery):
    cells = _CELLS
    evidence_ids = _EVIDENCE


class SupplementResponse(Schema):
    id = fields.UUID(required=True, metadata={"description": "申报编号"})
    category = fields.String(required=True, metadata={"description": "类别代码"})
    category_name = fields.String(required=True, metadata={"description": "类别名称"})
    cells = fields.Dict(
        keys=fields.String(), values=fields.String(), required=True, metadata={"description": "填写的内容"}
    )
    state = fields.String(
        required=True,
        metadata={
            "description": "filed 待核验，returned 待补正，verified 已核验，refused 未通过，withdrawn 已撤回"
        },
    )
    state_name = fields.String(required=True, metadata={"description": "状态名称"})
    department = fields.String(required=True, metadata={"description": "核验单位"})
    filed_at = Moment(required=True, metadata={"description": "提交时刻（UTC）"})
    due_on = fields.Date(required=True, allow_none=True, metadata={"description": "最迟核验日期"})
    decided_at = Moment(required=True, allow_none=True, metadata={"description": "核验时刻（UTC）"})
    reply = fields.String(required=True, allow_none=True, metadata={"description": "核验意见或补正要求"})
    record_id = fields.Integer(required=True, allow_none=True, metadata={"description": "成为的记录"})
    evidence = fields.List(fields.Nested(EvidenceResponse), required=True)
    steps = fields.List(fields.Nested(RepairStep), required=True, metadata={"description": "由早到晚"})


class SupplementsResponse(Schema):
    items = fields.List(fields.Nested(SupplementResponse), required=True, metadata={"description": "新的在前"})


@blp.route("/suppliable")
class SuppliableData(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, SuppliableResponse)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """目前可以自主申报的类别和要填的栏目"""
        today = city_date(now())
        config = suppliable_on(today)
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            return {
                "basis": config.basis if config else None,
                "verification_days": config.verification_days if config else None,
                "items": [
                    {
                        "category": category.code,
                        "name": category.name,
                        "hint": form.hint,
                        "department": category.source_department,
                        "evidence": form.evidence,
                        "written_consent": form.needs_written_consent(category),
                        "fields_": form.fields,
                    }
                    for category, form in offered_to(session, subject, today=today)
                ],
            }


@blp.route("/consent-notice")
class WrittenConsentNotice(MethodView):
    @open_to_all
    @blp.response(200, NoticeResponse)
    def get(self) -> Notice:
        """申报收入、财产等信息前须阅读的单独书面同意书"""
        return WRITTEN_CONSENT_NOTICE


@blp.route("")
class MySupplements(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, SupplementsResponse)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本人（或所代表企业）的自主申报"""
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            return {"items": [_answer(session, one) for one in supplements_of(session, subject.id)]}

    @signed_in_citizen
    @idempotent
    @blp.arguments(SupplementRequest)
    @blp.response(201, SupplementResponse)
    @blp.alt_response(409, description="这一事项已有记录（supplement_already_recorded）")
    @blp.alt_response(422, description="内容没有填对、缺证明或须先书面同意")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """提交一项自主申报，由负责的单位核验后成为信用记录"""
        version = body["consent_notice_version"]
        consent = None
        if version is not None:
            client = request.headers.get("User-Agent", "")[:200]
            consent = {"agreed": True, "notice_version": version, "client": client}
        with transaction() as session:
            supplement = file_supplement(
                session,
                services().intake,
                acting=acting(session, body["enterprise"]),
                category=body["category"],
                cells=body["cells"],
                evidence_ids=body["evidence_ids"],
                consent_evidence=consent,
                now=now(),
            )
            return _answer(session, supplement)


@blp.route("/<uuid:supplement_id>")
class MySupplement(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, SupplementResponse)
    @blp.alt_response(404, description="没有这件申报，或者它不属于您（supplement_not_found）")
    def get(self, query: dict[str, Any], supplement_id: UUID) -> dict[str, object]:
        """一件自主申报的内容和进展"""
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            return _answer(session, get_own_supplement(session, supplement_id, [subject.id]))


@blp.route("/<uuid:supplement_id>/completion")
class SupplementCompletion(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(SupplementCompletionRequest)
    @blp.response(200, SupplementResponse)
    @blp.alt_response(409, description="状态不允许（supplement_state_forbids）")
    def post(self, body: dict[str, Any], supplement_id: UUID) -> dict[str, object]:
        """补正后再次提交"""
        with transaction() as session:
            supplement = complete_supplement(
                session,
                services().intake,
                supplement_id=supplement_id,
                acting=acting(session, body["enterprise"]),
                cells=body["cells"],
                evidence_ids=body["evidence_ids"],
                now=now(),
            )
            return _answer(session, supplement)


@blp.route("/<uuid:supplement_id>/withdrawal")
class SupplementWithdrawal(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(ActingQuery)
    @blp.response(200, SupplementResponse)
    @blp.alt_response(409, description="状态不允许（supplement_state_forbids）")
    def post(self, body: dict[str, Any], supplement_id: UUID) -> dict[str, object]:
        """撤回申报；已成为记录的，记录同时撤销"""
        with transaction() as session:
            supplement = withdraw_supplement(
                session, supplement_id=supplement_id, acting=acting(session, body["enterprise"]), now=now()
            )
            return _answer(session, supplement)


def _answer(session: Session, supplement: Supplement) -> dict[str, object]:
    session.flush()
    return {
        "id": supplement.id,
        "category": supplement.category,
        "category_name": category_of(session, supplement).name,
        "cells": raw_cells_of(services().keys, supplement),
        "state": supplement.state,
        "state_name": STATE_NAMES[supplement.state],  # type: ignore[index]
        "department": supplement.department,
        "filed_at": supplement.filed_at,
        "due_on": supplement.due_on,
        "decided_at": supplement.decided_at,
        "reply": supplement.reply,
        "record_id": supplement.record_id,
        "evidence": evidence_of(session, case_of(supplement)),
        "steps": [
            {"event": step.event, "name": EVENT_NAMES[step.event], "at": step.at, "actor": step.actor}  # type: ignore[index]
            for step in events_of(session, supplement.id)
        ],
    }
