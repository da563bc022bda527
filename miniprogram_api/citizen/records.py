"""Every record the city keeps about the citizen, or about an enterprise they legally represent: with its source,
its legal basis and its whole life."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.city_calendar import city_date
from backend.objections.own_records import OwnRecord, own_record, own_records
from backend.records.life import EVENT_NAMES
from backend.records.models import RecordState
from backend.repairs.publication import published_until
from backend.repairs.rules import rule_on
from backend.web import API_PREFIX
from backend.web.context import now, reading
from backend.web.guards import signed_in_citizen
from backend.web.moments import Moment
from backend.web.pages import PageQuery, PlaceField, number_of, page_of, page_schema, place
from miniprogram_api.citizen.acting import ActingQuery, acting

blp = Blueprint("citizen records", __name__, url_prefix=f"{API_PREFIX}/me/records", description="本人信用记录")


class RecordsQuery(ActingQuery, PageQuery):
    cursor = PlaceField(date.fromisoformat, number_of)
    category = fields.String(
        load_default=None, validate=validate.Length(1, 64), metadata={"description": "类别代码"}
    )
    state = fields.String(
        load_default=None, validate=validate.OneOf(get_args(RecordState)), metadata={"description": "记录状态"}
    )


class RecordResponse(Schema):
    id = fields.Integer(required=True, metadata={"description": "记录编号"})
    category = fields.String(required=True, metadata={"description": "类别代码"})
    category_name = fields.String(required=True, metadata={"description": "类别名称"})
    polarity = fields.String(required=True, metadata={"description": "positive 守信，negative 失信，neutral 登记"})
    title = fields.String(required=True, metadata={"description": "事项"})
    event_on = fields.Date(required=True, metadata={"description": "发生日期"})
    ended_on = fields.Date(required=True, allow_none=True, metadata={"description": "终止日期"})
    state = fields.String(
        required=True,
        metadata={"description": "active 有效，disputed 异议中，repaired 已修复，revoked 已撤销，expired 已到期"},
    )
    level_name = fields.String(required=True, allow_none=True, metadata={"description": "级别"})
    quantity = fields.Integer(required=True, metadata={"description": "数量，单位 unit 的百分之一"})
    unit = fields.String(required=True, metadata={"description": "数量的单位"})
    amount = fields.Integer(
        required=True, allow_none=True, metadata={"description": "金额（分）；不涉及金额时为 null"}
    )
    source_department = fields.String(required=True, metadata={"description": "数源单位"})
    legal_basis = fields.String(required=True, metadata={"description": "归集的法律依据"})
    may_object = fields.Boolean(required=True, metadata={"description": "现在可以提出异议"})
    objection_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "正在办理的异议；没有时为 null"}
    )


class OwnFactChange(Schema):
    name = fields.String(required=True, metadata={"description": "哪一项"})
    before = fields.String(required=True, allow_none=True, metadata={"description": "变更前；原来没有时为 null"})
    after = fields.String(required=True, allow_none=True, metadata={"description": "变更后；不再有时为 null"})


class OwnRecordVersion(Schema):
    version = fields.Integer(required=True, metadata={"description": "第几版"})
    state = fields.String(required=True, metadata={"description": "这一版的状态"})
    changed_at = Moment(required=True, metadata={"description": "变更时刻（UTC）"})
    changed_by = fields.String(required=True, metadata={"description": "由谁变更"})
    reason = fields.String(required=True, metadata={"description": "为什么变更"})
    event = fields.String(
        required=True,
        validate=validate.OneOf(tuple(EVENT_NAMES)),
        metadata={"description": "发生了什么"},
    )
    event_name = fields.String(required=True, metadata={"description": "同上，中文"})
    sentence = fields.String(required=True, metadata={"description": "用一句话说明发生了什么"})
    changes = fields.List(
        fields.Nested(OwnFactChange), required=True, metadata={"description": "这一版改了哪些内容"}
    )


class RecordInFull(RecordResponse):
    shown_until = fields.Date(
        required=True,
        allow_none=True,
        metadata={
            "description": "失信信息最晚展示到哪天：公示、出具报告和部门核查到此为止；不是有效的失信信息时为 null"
        },
    )
    content = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "数源单位报送的内容：栏目名和值"}
    )
    versions = fields.List(fields.Nested(OwnRecordVersion), required=True, metadata={"description": "由早到晚"})
    statements = fields.List(
        fields.String(), required=True, metadata={"description": "异议未获支持后本人附加的声明"}
    )


@blp.route("")
class MyRecords(MethodView):
    @signed_in_citizen
    @blp.arguments(RecordsQuery, location="query")
    @blp.response(200, page_schema(RecordResponse))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本人或所代表企业的全部信用记录，发生日期新的在前"""
        with reading() as session:
            found = own_records(
                session,
                acting(session, query["enterprise"]).subject.id,
                today=city_date(now()),
                category=query["category"],
                state=query["state"],
                before=query["cursor"],
                limit=query["limit"] + 1,
            )
            return page_of(
                [_answer(own) for own in found],
                query["limit"],
                key=lambda item: place(item["event_on"], item["id"]),
            )


@blp.route(f"/<int(max={2**63 - 1}):record_id>")
class MyRecord(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, RecordInFull)
    @blp.alt_response(404, description="没有这条记录，或者它不属于您（record_not_found）")
    def get(self, query: dict[str, Any], record_id: int) -> dict[str, object]:
        """一条信用记录的全部内容和变更经过"""
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            today = city_date(now())
            own = own_record(session, subject.id, record_id, today=today)
            return {
                **_answer(own),
                "shown_until": _shown_until(own, today),
                "content": own.record.content,
                "versions": own.versions,
                "statements": own.statements,
            }


def _shown_until(own: OwnRecord, today: date) -> date | None:
    # A broken promise is adverse in a category that holds kept ones too.
    adverse = rule_on(today).seriousness_of(own.category, own.record.level) is not None
    if not (adverse or own.category.polarity == "negative") or own.record.state not in ("active", "disputed"):
        return None
    return published_until(own.record, own.category, today=today)


def _answer(own: OwnRecord) -> dict[str, object]:
    record, category = own.record, own.category
    return {
        "id": record.id,
        "category": record.category,
        "category_name": category.name,
        "polarity": category.polarity,
        "title": record.title,
        "event_on": record.event_on,
        "ended_on": record.ended_on,
        "state": record.state,
        "level_name": own.level_name,
        "quantity": record.quantity,
        "unit": category.unit,
        "amount": record.amount or None,
        "source_department": record.source_department,
        "legal_basis": category.legal_basis,
        "may_object": own.may_object,
        "objection_id": own.objection_id,
    }
