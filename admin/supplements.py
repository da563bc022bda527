"""The officers' queue of supplements (自主申报核验): verify, return or refuse, for the responsible department."""

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
from backend.city_calendar import city_date
from backend.evidence.service import evidence_of
from backend.supplements.models import Supplement
from backend.supplements.service import (
    case_of,
    category_of,
    cells_of,
    decide_supplement,
    events_of,
    get_supplement,
    is_overdue,
    queue_place,
    return_supplement,
    supplement_queue,
)
from backend.supplements.states import EVENT_NAMES, STATE_NAMES
from backend.web import API_PREFIX
from backend.web.attachments import case_file
from backend.web.cases import CaseEvent, steps_in
from backend.web.clocks import days_left
from backend.web.context import now, reading, services, transaction
from backend.web.guards import access_reason, current_officer, signed_in_officer, states_reason
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.objections import EvidenceItem
from backend.web.pages import PageQuery, PlaceField, page_of, page_schema, place

blp = Blueprint(
    "officer supplements", __name__, url_prefix=f"{API_PREFIX}/admin/supplements", description="自主申报核验"
)

_BASIS = "依职责核验自主申报"
_MAY_READ = ("data_officer", "reviewer", "auditor")
_MAY_ACT = ("data_officer",)


class SupplementQueueQuery(PageQuery):
    cursor = PlaceField(date.fromisoformat)
    state = fields.String(load_default="filed", validate=validate.OneOf(tuple(STATE_NAMES)))


class SupplementCase(Schema):
    id = fields.UUID(required=True)
    subject = fields.Nested(MaskedSubject, required=True)
    category_name = fields.String(required=True)
    department = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(tuple(STATE_NAMES)))
    filed_at = Moment(required=True)
    due_on = fields.Date(required=True, allow_none=True)
    overdue = fields.Boolean(required=True)
    working_days_left = fields.Integer(required=True, allow_none=True)


class SupplementCaseInFull(SupplementCase):
    cells = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    with_consent = fields.Boolean(required=True, metadata={"description": "已取得单独书面同意"})
    evidence = fields.List(fields.Nested(EvidenceItem), required=True)
    decided_at = Moment(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    reply = fields.String(required=True, allow_none=True)
    record_id = fields.Integer(required=True, allow_none=True)
    events = fields.List(fields.Nested(CaseEvent), required=True)


class SupplementReturnRequest(Schema):
    missing = fields.String(required=True, validate=validate.Length(5, 1_000))


class SupplementDecisionRequest(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(("verified", "refused")))
    reply = fields.String(
        load_default="",
        validate=validate.Length(max=1_000),
        metadata={"description": "不通过时必填，申报人会看到"},
    )


@blp.route("")
class Supplements(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(SupplementQueueQuery, location="query")
    @blp.response(200, page_schema(SupplementCase))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """自主申报队列，期限最近的在前；个人信息已脱敏"""
        with reading() as session:
            found = supplement_queue(
                session, state=query["state"], after=query["cursor"], limit=query["limit"] + 1
            )
            page = page_of(found, query["limit"], key=lambda case: place(queue_place(case), case.id))
            return page | {"items": [_case(session, one) for one in found[: query["limit"]]]}


@blp.route("/<uuid:supplement_id>")
class OneSupplement(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, SupplementCaseInFull)
    @blp.alt_response(404, description="没有这件申报（supplement_not_found）")
    def get(self, supplement_id: UUID) -> dict[str, object]:
        """一件自主申报的全部内容；查看记入台账"""
        with transaction() as session:
            supplement = get_supplement(session, supplement_id)
            _note(session, supplement, action="supplement_viewed", purpose=access_reason())
            return _in_full(session, supplement)


@blp.route("/<uuid:supplement_id>/evidence/<uuid:evidence_id>")
class SupplementEvidence(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
    @blp.alt_response(404, description="没有这份材料（evidence_not_found）")
    def get(self, supplement_id: UUID, evidence_id: UUID) -> Response:
        """下载申报所附的材料；查看记入台账"""
        with transaction() as session:
            supplement = get_supplement(session, supplement_id)
            _note(session, supplement, action="supplement_viewed", purpose=access_reason())
            return case_file(session, case_of(supplement), evidence_id)


@blp.route("/<uuid:supplement_id>/return")
class SupplementReturn(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(SupplementReturnRequest)
    @blp.response(200, SupplementCaseInFull)
    def post(self, body: dict[str, Any], supplement_id: UUID) -> dict[str, object]:
        """退回补正"""
        with transaction() as session:
            supplement = return_supplement(
                session, supplement_id=supplement_id, decided_by=_who(session, supplement_id), now=now(), **body
            )
            return _done(session, supplement, "退回补正")


@blp.route("/<uuid:supplement_id>/decision")
class SupplementDecision(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(SupplementDecisionRequest)
    @blp.response(200, SupplementCaseInFull)
    @blp.alt_response(409, description="这一事项已有记录（supplement_already_recorded）")
    def post(self, body: dict[str, Any], supplement_id: UUID) -> dict[str, object]:
        """核验：通过则成为信用记录并重算，不通过则告知理由"""
        with transaction() as session:
            supplement = decide_supplement(
                session,
                services().intake,
                supplement_id=supplement_id,
                decided_by=_who(session, supplement_id),
                now=now(),
                **body,
            )
            return _done(session, supplement, "作出核验结论")


def _who(session: Session, supplement_id: UUID) -> str:
    """A department without a system of its own verifies on paper; who entered it stays visible."""
    return f"{get_supplement(session, supplement_id).department}（信用办 {current_officer().name} 录入）"


def _done(session: Session, supplement: Supplement, purpose: str) -> dict[str, object]:
    _note(session, supplement, action="supplement_decided", purpose=purpose)
    return _in_full(session, supplement)


def _note(session: Session, supplement: Supplement, *, action: str, purpose: str) -> None:
    note_access(
        session,
        subject_id=supplement.subject_id,
        case=case_of(supplement),
        action=action,
        basis=_BASIS,
        purpose=purpose,
    )


def _case(session: Session, supplement: Supplement) -> dict[str, object]:
    return {
        "id": supplement.id,
        "subject": masked_subject(session, supplement.subject_id),
        "category_name": category_of(session, supplement).name,
        "department": supplement.department,
        "state": supplement.state,
        "filed_at": supplement.filed_at,
        "due_on": supplement.due_on,
        "overdue": is_overdue(supplement, city_date(now())),
        "working_days_left": days_left(supplement.due_on),
    }


def _in_full(session: Session, supplement: Supplement) -> dict[str, object]:
    session.flush()
    return {
        **_case(session, supplement),
        "cells": cells_of(services().keys, supplement),
        "with_consent": supplement.consent_id is not None,
        "evidence": evidence_of(session, case_of(supplement)),
        "decided_at": supplement.decided_at,
        "decided_by": supplement.decided_by,
        "reply": supplement.reply,
        "record_id": supplement.record_id,
        "events": steps_in(events_of(session, supplement.id), EVENT_NAMES),
    }
