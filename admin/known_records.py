"""For officers: what the city knew about a subject on a day, and the whole life of one record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.catalogue.document import Category, Polarity
from backend.catalogue.service import known_categories
from backend.city_calendar import city_date
from backend.ledger.service import record_access
from backend.objections.service import open_objections_by_record, statements_beside
from backend.records.life import EVENT_NAMES, life_of
from backend.records.models import RECORD_STATES
from backend.records.service import KnownRecord, get_record, records_known_on
from backend.subjects.models import Subject
from backend.subjects.service import find_by_identifier, get_subject, masked_identifier, masked_name
from backend.web import API_PREFIX
from backend.web.context import now, services, transaction
from backend.web.guards import access_reason, officer_as_actor, signed_in_officer, states_reason
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.objections import WithStatements

blp = Blueprint(
    "officer known records", __name__, url_prefix=f"{API_PREFIX}/admin/records", description="记录的版本和历史"
)

_BASIS = "依职责核查信用记录的历史版本"
_MAY_READ = ("data_officer", "objection_officer", "reviewer", "auditor", "window_officer")


class KnownRecordsQuestion(Schema):
    identifier = fields.String(
        required=True,
        validate=validate.Length(1, 64),
        metadata={"description": "公民身份号码、统一社会信用代码或旧代码；不写在网址里，以免进入日志"},
    )
    on = fields.Date(required=True, metadata={"description": "哪一天（到当天 24 时为止，城市时间）"})


class KnownSubject(Schema):
    id = fields.Integer(required=True)
    kind = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "自然人已脱敏"})
    identifier = fields.String(required=True, metadata={"description": "自然人已脱敏"})


class KnownRecordResponse(WithStatements):
    record_id = fields.Integer(required=True)
    category = fields.String(required=True)
    category_name = fields.String(required=True)
    polarity = fields.String(required=True, validate=validate.OneOf(get_args(Polarity)))
    delivered_at = Moment(required=True, metadata={"description": "首次入库时刻"})
    version = fields.Integer(required=True, metadata={"description": "当天的版本"})
    state = fields.String(required=True, validate=validate.OneOf(RECORD_STATES))
    changed_at = Moment(required=True)
    changed_by = fields.String(required=True)
    reason = fields.String(required=True)
    title = fields.String(required=True)
    event_on = fields.Date(required=True)
    ended_on = fields.Date(required=True, allow_none=True)
    level_name = fields.String(required=True, allow_none=True)
    performed_on = fields.Date(required=True, allow_none=True)
    quantity = fields.Integer(required=True, metadata={"description": "百分之一"})
    unit = fields.String(required=True, metadata={"description": "数量的单位"})
    amount = fields.Integer(required=True, metadata={"description": "分"})
    content = fields.Dict(keys=fields.String(), required=True)
    open_objection_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "现在正在办理的异议；没有时为 null"}
    )


class KnownRecordsAnswer(Schema):
    subject = fields.Nested(KnownSubject, required=True)
    on = fields.Date(required=True)
    items = fields.List(fields.Nested(KnownRecordResponse), required=True)


class FactChangeResponse(Schema):
    name = fields.String(required=True)
    before = fields.String(required=True, allow_none=True)
    after = fields.String(required=True, allow_none=True)


class LifeEventResponse(Schema):
    version = fields.Integer(required=True)
    event = fields.String(required=True, validate=validate.OneOf(tuple(EVENT_NAMES)))
    event_name = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(RECORD_STATES))
    changed_at = Moment(required=True)
    changed_by = fields.String(required=True)
    reason = fields.String(required=True)
    changes = fields.List(fields.Nested(FactChangeResponse), required=True)


class RecordLifeResponse(WithStatements):
    subject = fields.Nested(KnownSubject, required=True)
    record_id = fields.Integer(required=True)
    category_name = fields.String(required=True)
    title = fields.String(required=True)
    events = fields.List(fields.Nested(LifeEventResponse), required=True, metadata={"description": "由早到晚"})


@blp.route("/known")
class KnownRecords(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @idempotent
    @blp.arguments(KnownRecordsQuestion)
    @blp.response(200, KnownRecordsAnswer)
    @blp.alt_response(404, description="登记册中没有这个主体（subject_not_found）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """某一天，本市掌握这个主体的哪些记录、当时是什么内容；查看记入台账"""
        with transaction() as session:
            subject = find_by_identifier(session, keys=services().keys, identifier=body["identifier"])
            known = records_known_on(session, subject.id, body["on"])
            categories = known_categories(session, city_date(now()))
            ids = [item.record_id for item in known]
            said, objected = statements_beside(session, ids), open_objections_by_record(session, ids)
            _note(session, subject, detail={"on": body["on"].isoformat(), "records": len(known)})
            return {
                "subject": _subject(subject),
                "on": body["on"],
                "items": [
                    {
                        **_known(item, categories),
                        "statements": said.get(item.record_id, []),
                        "open_objection_id": objected.get(item.record_id),
                    }
                    for item in known
                ],
            }


@blp.route(f"/<int(max={2**63 - 1}):record_id>/life")
class RecordLife(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, RecordLifeResponse)
    @blp.alt_response(404, description="没有这条记录（record_not_found）")
    def get(self, record_id: int) -> dict[str, object]:
        """一条记录从报送至今的每个版本：谁、何时、为何、改了什么；查看记入台账"""
        with transaction() as session:
            record = get_record(session, record_id)
            subject = get_subject(session, record.subject_id)
            category = known_categories(session, city_date(now()))[record.category]
            _note(session, subject, detail={"record": record.id})
            return {
                "subject": _subject(subject),
                "record_id": record.id,
                "category_name": category.name,
                "title": record.title,
                "events": life_of(session, record, category),
                "statements": statements_beside(session, [record.id]).get(record.id, []),
            }


def _note(session: Session, subject: Subject, *, detail: dict[str, object]) -> None:
    record_access(
        session,
        subject_id=subject.id,
        actor=officer_as_actor(),
        action="record_viewed",
        basis=_BASIS,
        purpose=access_reason(),
        detail=detail,
        channel="console",
        now=now(),
    )


def _subject(subject: Subject) -> dict[str, object]:
    keys = services().keys
    return {
        "id": subject.id,
        "kind": subject.kind,
        "name": masked_name(keys, subject),
        "identifier": masked_identifier(keys, subject),
    }


def _known(item: KnownRecord, categories: Mapping[str, Category]) -> dict[str, object]:
    category = categories[item.category]
    facts, version = item.facts, item.version
    return {
        "record_id": item.record_id,
        "category": item.category,
        "category_name": category.name,
        "polarity": category.polarity,
        "delivered_at": item.delivered_at,
        "version": version.version,
        "state": version.state,
        "changed_at": version.changed_at,
        "changed_by": version.changed_by,
        "reason": version.reason,
        "title": facts["title"],
        "event_on": _day(facts["event_on"]),
        "ended_on": _day(facts.get("ended_on")),
        "level_name": category.level_name(facts["level"]),
        "performed_on": _day(facts.get("performed_on")),
        "quantity": facts["quantity"],
        "unit": category.unit,
        "amount": facts["amount"],
        "content": facts["content"],
    }


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
