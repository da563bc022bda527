"""Following commitments up (信用承诺跟踪): what is due, reminding, and recording whether it was kept."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from admin.cases import masked_subject, note_access
from admin.objections import MaskedSubject
from backend.city_calendar import city_date
from backend.commitments.models import Commitment
from backend.commitments.service import (
    commitment_queue,
    events_of,
    follow_up,
    get_commitment,
    is_published,
    record_of,
    remind_signer,
)
from backend.commitments.states import EVENT_NAMES, OPEN_STATES, STATE_NAMES
from backend.commitments.types import commitment_type
from backend.subjects.service import get_subject
from backend.web import API_PREFIX
from backend.web.cases import CaseEvent, steps_in
from backend.web.clocks import days_left
from backend.web.context import now, reading, services, transaction
from backend.web.guards import access_reason, current_officer, signed_in_officer, states_reason
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import PageQuery, PlaceField, page_of, page_schema, place

blp = Blueprint(
    "officer commitments", __name__, url_prefix=f"{API_PREFIX}/admin/commitments", description="信用承诺跟踪"
)

_BASIS = "依职责核实信用承诺履行情况"
_MAY_READ = ("data_officer", "reviewer", "auditor")
_MAY_ACT = ("data_officer",)


class CommitmentQueueQuery(PageQuery):
    cursor = PlaceField(date.fromisoformat)
    state = fields.String(
        load_default="signed",
        validate=validate.OneOf(("due", *STATE_NAMES)),
        metadata={"description": "due 为已到期待核实的"},
    )


class CommitmentCase(Schema):
    id = fields.UUID(required=True)
    code = fields.String(required=True)
    subject = fields.Nested(MaskedSubject, required=True)
    type_name = fields.String(required=True)
    matter = fields.String(required=True)
    signed_by = fields.String(required=True)
    signed_at = Moment(required=True)
    accepted_by = fields.String(required=True)
    due_on = fields.Date(required=True)
    state = fields.String(required=True, validate=validate.OneOf(tuple(STATE_NAMES)))
    overdue = fields.Boolean(required=True)
    working_days_left = fields.Integer(required=True, allow_none=True)


class CommitmentCaseInFull(CommitmentCase):
    text = fields.String(required=True)
    liability = fields.String(required=True)
    text_sha256 = fields.String(required=True)
    published = fields.Boolean(required=True)
    finding = fields.String(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)
    record_state = fields.String(required=True, allow_none=True)
    events = fields.List(fields.Nested(CaseEvent), required=True)


class FollowUpRequest(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(("fulfilled", "partly_fulfilled", "broken")))
    finding = fields.String(
        required=True, validate=validate.Length(5, 1_000), metadata={"description": "核实的情况，承诺人会看到"}
    )


@blp.route("")
class Commitments(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(CommitmentQueueQuery, location="query")
    @blp.response(200, page_schema(CommitmentCase))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """在本平台签署的承诺，期限最近的在前；个人信息已脱敏"""
        with reading() as session:
            found = commitment_queue(
                session,
                state=query["state"],
                today=city_date(now()),
                after=query["cursor"],
                limit=query["limit"] + 1,
            )
            page = page_of(found, query["limit"], key=lambda case: place(case.due_on, case.id))
            return page | {"items": [_case(session, one) for one in found[: query["limit"]]]}


@blp.route("/<uuid:commitment_id>")
class OneCommitment(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, CommitmentCaseInFull)
    @blp.alt_response(404, description="没有这份承诺（commitment_not_found）")
    def get(self, commitment_id: UUID) -> dict[str, object]:
        """一份承诺的全文和履行经过；查看记入台账"""
        with transaction() as session:
            commitment = get_commitment(session, commitment_id)
            _note(session, commitment, action="commitment_viewed", purpose=access_reason())
            return _in_full(session, commitment)


@blp.route("/<uuid:commitment_id>/reminder")
class CommitmentReminder(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(200, CommitmentCaseInFull)
    def post(self, commitment_id: UUID) -> dict[str, object]:
        """提醒承诺人按期履行"""
        with transaction() as session:
            commitment = remind_signer(
                session, commitment_id=commitment_id, officer=current_officer().name, now=now()
            )
            _note(session, commitment, action="commitment_followed_up", purpose="提醒承诺人按期履行")
            return _in_full(session, commitment)


@blp.route("/<uuid:commitment_id>/outcome")
class CommitmentOutcome(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(FollowUpRequest)
    @blp.response(200, CommitmentCaseInFull)
    @blp.alt_response(409, description="状态不允许（commitment_state_forbids）")
    def post(self, body: dict[str, Any], commitment_id: UUID) -> dict[str, object]:
        """认定履行情况，结果成为信用记录"""
        with transaction() as session:
            commitment = follow_up(
                session,
                services().intake,
                commitment_id=commitment_id,
                officer=f"信用办 {current_officer().name}",
                now=now(),
                **body,
            )
            _note(session, commitment, action="commitment_followed_up", purpose="认定履行情况")
            return _in_full(session, commitment)


def _note(session: Session, commitment: Commitment, *, action: str, purpose: str) -> None:
    note_access(
        session,
        subject_id=commitment.subject_id,
        case=f"commitment:{commitment.id}",
        action=action,
        basis=_BASIS,
        purpose=purpose,
    )


def _case(session: Session, commitment: Commitment) -> dict[str, object]:
    is_open = commitment.state in OPEN_STATES
    return {
        "id": commitment.id,
        "code": commitment.code,
        "subject": masked_subject(session, commitment.subject_id),
        "type_name": commitment_type(commitment.type).name,
        "matter": commitment.matter,
        "signed_by": commitment.signed_by,
        "signed_at": commitment.signed_at,
        "accepted_by": commitment.accepted_by,
        "due_on": commitment.due_on,
        "state": commitment.state,
        "overdue": is_open and commitment.due_on < city_date(now()),
        "working_days_left": days_left(commitment.due_on) if is_open else None,
    }


def _in_full(session: Session, commitment: Commitment) -> dict[str, object]:
    session.flush()
    record = record_of(session, commitment)
    return {
        **_case(session, commitment),
        "text": commitment.text,
        "liability": commitment.liability,
        "text_sha256": commitment.text_sha256,
        "published": is_published(commitment, get_subject(session, commitment.subject_id)),
        "finding": commitment.finding,
        "decided_by": commitment.decided_by,
        "decided_at": commitment.decided_at,
        "record_state": record.state if record else None,
        "events": steps_in(events_of(session, commitment.id), EVENT_NAMES),
    }
