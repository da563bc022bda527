"""The officers' queue of objections (异议), each with its statutory clock, and deciding them."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.service import category_in_force
from backend.city_calendar import CalendarYearUnknown, city_date
from backend.ledger.service import record_access
from backend.objections.deadlines import working_days_left
from backend.objections.models import Objection
from backend.objections.service import (
    decide_objection,
    events_of,
    forward_objection,
    get_objection,
    is_overdue,
    objection_queue,
)
from backend.objections.states import EVENT_NAMES, OPEN_STATES, STATE_NAMES
from backend.records.models import CreditRecord
from backend.records.service import get_own_record, versions_of
from backend.subjects.service import get_subject, masked_identifier, masked_name
from backend.web import API_PREFIX
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
from backend.web.pages import PageQuery, PlaceField, page_of, page_schema, place

blp = Blueprint(
    "officer objections", __name__, url_prefix=f"{API_PREFIX}/admin/objections", description="异议办理"
)

_BASIS = "依职责办理信用异议"
_MAY_READ = ("objection_officer", "reviewer", "auditor")
_MAY_DECIDE = ("objection_officer",)


class ObjectionQueueQuery(PageQuery):
    cursor = PlaceField(date.fromisoformat)
    state = fields.String(
        load_default="open",
        validate=validate.OneOf(("open", *STATE_NAMES)),
        metadata={"description": "open 为尚未办结的全部异议"},
    )


class MaskedSubject(Schema):
    name = fields.String(required=True)
    identifier = fields.String(required=True)


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


class DisputedRecordInFull(DisputedRecord):
    polarity = fields.String(required=True)
    state = fields.String(required=True)
    ended_on = fields.Date(required=True, allow_none=True)
    level_name = fields.String(required=True, allow_none=True)
    legal_basis = fields.String(required=True)
    content = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    versions = fields.List(fields.Nested(DisputedRecordVersion), required=True)


class ObjectionEventResponse(Schema):
    at = Moment(required=True)
    event = fields.String(required=True)
    event_name = fields.String(required=True)
    actor = fields.String(required=True)


class ObjectionCase(Schema):
    """One case in the queue.

    `working_days_left` is 0 on the last day, negative once late, and null while the holidays of a year on the
    way are not announced.
    """

    id = fields.String(required=True)
    subject = fields.Nested(MaskedSubject, required=True)
    record = fields.Nested(DisputedRecord, required=True)
    grounds = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(tuple(STATE_NAMES)))
    filed_at = Moment(required=True)
    answer_due_on = fields.Date(required=True)
    overdue = fields.Boolean(required=True)
    working_days_left = fields.Integer(required=True, allow_none=True)


class ObjectionCaseInFull(ObjectionCase):
    record = fields.Nested(DisputedRecordInFull, required=True)
    decided_at = Moment(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    reply = fields.String(required=True, allow_none=True)
    statement = fields.String(required=True, allow_none=True, metadata={"description": "本人声明"})
    events = fields.List(fields.Nested(ObjectionEventResponse), required=True)


class ObjectionDecisionRequest(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(("upheld", "rejected")))
    reply = fields.String(required=True, validate=validate.Length(min=10, max=1_000))


@blp.route("")
class Objections(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(ObjectionQueueQuery, location="query")
    @blp.response(200, page_schema(ObjectionCase))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """异议队列，期限最近的在前；个人信息已脱敏"""
        with reading() as session:
            found = objection_queue(session, state=query["state"], after=query["cursor"], limit=query["limit"] + 1)
            page = page_of(found, query["limit"], key=lambda case: place(case.answer_due_on, case.id))
            return page | {"items": [_case(session, objection) for objection in found[: query["limit"]]]}


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


@blp.route("/<uuid:objection_id>/decision")
class ObjectionDecision(MethodView):
    @signed_in_officer(*_MAY_DECIDE)
    @idempotent
    @blp.arguments(ObjectionDecisionRequest)
    @blp.response(200, ObjectionCaseInFull)
    def post(self, body: dict[str, Any], objection_id: UUID) -> dict[str, object]:
        """作出处理：成立则记录撤销，不成立则记录恢复；答复立即可见"""
        with transaction() as session:
            objection = decide_objection(
                session, objection_id=objection_id, officer=current_officer().name, now=now(), **body
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
        detail={"objection": str(objection.id), "record": objection.record_id},
        channel="console",
        now=now(),
    )


def _case(session: Session, objection: Objection) -> dict[str, object]:
    keys = services().keys
    subject = get_subject(session, objection.subject_id)
    record = get_own_record(session, objection.subject_id, objection.record_id)
    today = city_date(now())
    return {
        "id": objection.id,
        "subject": {"name": masked_name(keys, subject), "identifier": masked_identifier(keys, subject)},
        "record": _record(record, _category(session, record)),
        "grounds": objection.grounds,
        "state": objection.state,
        "filed_at": objection.filed_at,
        "answer_due_on": objection.answer_due_on,
        "overdue": is_overdue(objection, today),
        "working_days_left": _working_days_left(objection, today),
    }


def _case_in_full(session: Session, objection: Objection) -> dict[str, object]:
    record = get_own_record(session, objection.subject_id, objection.record_id)
    category = _category(session, record)
    return {
        **_case(session, objection),
        "record": {
            **_record(record, category),
            "polarity": category.polarity,
            "state": record.state,
            "ended_on": record.ended_on,
            "level_name": category.levels[record.level - 1].name if record.level else None,
            "legal_basis": category.legal_basis,
            "content": record.content,
            "versions": versions_of(session, record.id),
        },
        "decided_at": objection.decided_at,
        "decided_by": objection.decided_by,
        "reply": objection.reply,
        "statement": objection.statement,
        "events": [
            {"at": event.at, "event": event.event, "event_name": EVENT_NAMES[event.event], "actor": event.actor}
            for event in events_of(session, objection.id)
        ],
    }


def _record(record: CreditRecord, category: Category) -> dict[str, object]:
    return {
        "id": record.id,
        "category_name": category.name,
        "title": record.title,
        "event_on": record.event_on,
        "source_department": record.source_department,
    }


def _category(session: Session, record: CreditRecord) -> Category:
    """As the catalogue said when the record was collected, which is what it rests on."""
    return category_in_force(session, record.category, city_date(record.created_at))


def _working_days_left(objection: Objection, today: date) -> int | None:
    if objection.state not in OPEN_STATES:
        return None
    try:
        return working_days_left(services().working_days, today=today, due_on=objection.answer_due_on)
    except CalendarYearUnknown:
        return None
