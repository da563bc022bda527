"""For officers: finding an enterprise, its portrait 企业画像, and who is connected with it 关联关系."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.ledger.service import record_access
from backend.objections.service import statements_beside
from backend.portraits.service import (
    Portrait,
    PortraitRecord,
    enterprise_portrait,
    representatives_looked_at,
)
from backend.subjects.graph import DEEPEST, GraphNode, relation_graph
from backend.subjects.history import EVENT_NAMES, SCHEME_NAMES, CodeHistory
from backend.subjects.models import ROLE_NAMES, Subject, SubjectRelation
from backend.subjects.service import (
    get_public_subject,
    masked_identifier,
    masked_name,
    name_of,
    search_public_subjects,
)
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import access_reason, officer_as_actor, signed_in_officer, states_reason
from backend.web.lists import ListEntryResponse, list_entry
from backend.web.objections import WithStatements
from backend.web.pages import PageQuery, page_of, page_schema

blp = Blueprint(
    "officer enterprises", __name__, url_prefix=f"{API_PREFIX}/admin/enterprises", description="企业画像和关联关系"
)

_BASIS = "依职责开展公共信用评价和信用监管"
_MAY_READ = ("score_officer", "reviewer", "data_officer", "objection_officer", "auditor")


class EnterpriseSearchQuery(PageQuery):
    q = fields.String(
        required=True,
        validate=[validate.Length(2, 100), validate.Regexp(r".*\S.*\S", error="请至少输入两个字。")],
        metadata={"description": "名称中的文字，或现用、曾用的代码"},
    )


class EnterpriseFound(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    status = fields.String(required=True)
    district = fields.String(required=True)
    registered_on = fields.Date(required=True, allow_none=True)
    ended_on = fields.Date(required=True, allow_none=True)


class NamedEnterprise(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)
    status = fields.String(required=True)


class KnownCodeResponse(Schema):
    scheme = fields.String(required=True)
    scheme_name = fields.String(required=True)
    code = fields.String(required=True, allow_none=True)
    valid_from = fields.Date(required=True, allow_none=True)
    valid_to = fields.Date(required=True, allow_none=True)
    is_present = fields.Boolean(required=True)


class HistoryEventResponse(Schema):
    on = fields.Date(required=True, allow_none=True)
    event = fields.String(required=True, validate=validate.OneOf(tuple(EVENT_NAMES)))
    event_name = fields.String(required=True)
    before = fields.String(required=True, allow_none=True)
    after = fields.String(required=True, allow_none=True)
    other = fields.Nested(NamedEnterprise, required=True, allow_none=True)


class CodeHistoryResponse(Schema):
    """`successors` leads from whoever took over a merged enterprise to the one in being today."""

    codes = fields.List(fields.Nested(KnownCodeResponse), required=True)
    events = fields.List(fields.Nested(HistoryEventResponse), required=True, metadata={"description": "由早到晚"})
    successors = fields.List(fields.Nested(NamedEnterprise), required=True)
    former_names = fields.List(fields.String(), required=True)


class EvaluationResponse(Schema):
    as_of = fields.Date(required=True)
    total = fields.Integer(required=True, metadata={"description": "百分之一分"})
    grade = fields.String(required=True)
    grade_name = fields.String(required=True)
    cause = fields.String(required=True)


class CategoryCountResponse(Schema):
    category = fields.String(required=True)
    category_name = fields.String(required=True)
    polarity = fields.String(required=True)
    counted = fields.Integer(required=True, metadata={"description": "有效"})
    disputed = fields.Integer(required=True, metadata={"description": "异议中"})
    no_longer_used = fields.Integer(required=True, metadata={"description": "已修复、撤销或到期"})


class YearCountResponse(Schema):
    year = fields.Integer(required=True)
    positive = fields.Integer(required=True)
    neutral = fields.Integer(required=True)
    negative = fields.Integer(required=True)


class PortraitRecordResponse(WithStatements):
    id = fields.Integer(required=True)
    category = fields.String(required=True)
    category_name = fields.String(required=True)
    polarity = fields.String(required=True)
    title = fields.String(required=True)
    event_on = fields.Date(required=True)
    ended_on = fields.Date(required=True, allow_none=True)
    level_name = fields.String(required=True, allow_none=True)
    amount = fields.Integer(required=True, metadata={"description": "分"})
    state = fields.String(required=True)
    source_department = fields.String(required=True)


class WarningResponse(Schema):
    code = fields.String(required=True)
    message = fields.String(required=True)
    since = fields.Date(required=True, allow_none=True)


class PortraitResponse(Schema):
    enterprise = fields.Nested(EnterpriseFound, required=True)
    history = fields.Nested(CodeHistoryResponse, required=True)
    evaluations = fields.List(
        fields.Nested(EvaluationResponse), required=True, metadata={"description": "由早到晚"}
    )
    counts = fields.List(fields.Nested(CategoryCountResponse), required=True)
    by_year = fields.List(fields.Nested(YearCountResponse), required=True)
    records = fields.List(
        fields.Nested(PortraitRecordResponse), required=True, metadata={"description": "新的在前"}
    )
    red_list = fields.List(fields.Nested(ListEntryResponse), required=True, metadata={"description": "红名单"})
    statutory_lists = fields.List(
        fields.Nested(ListEntryResponse), required=True, metadata={"description": "法定名单"}
    )
    warnings = fields.List(fields.Nested(WarningResponse), required=True)


class RelationsQuery(Schema):
    depth = fields.Integer(load_default=2, validate=validate.Range(1, DEEPEST), metadata={"description": "几层"})
    on = fields.Date(load_default=None, metadata={"description": "哪一天的关系，默认今天"})


class GraphNodeResponse(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "自然人已脱敏"})
    code = fields.String(required=True, metadata={"description": "自然人已脱敏"})
    status = fields.String(required=True)
    depth = fields.Integer(required=True)


class GraphEdgeResponse(Schema):
    enterprise = fields.String(required=True, metadata={"description": "节点 id"})
    principal = fields.String(required=True, metadata={"description": "节点 id；分支机构关系中为分支机构"})
    role = fields.String(required=True, validate=validate.OneOf(tuple(ROLE_NAMES)))
    role_name = fields.String(required=True)
    valid_from = fields.Date(required=True)
    valid_to = fields.Date(required=True, allow_none=True)


class RelationGraphResponse(Schema):
    on = fields.Date(required=True)
    depth = fields.Integer(required=True)
    nodes = fields.List(fields.Nested(GraphNodeResponse), required=True)
    edges = fields.List(fields.Nested(GraphEdgeResponse), required=True)
    cut_off = fields.Boolean(required=True, metadata={"description": "关系太多，只显示了一部分"})


@blp.route("")
class EnterpriseSearch(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(EnterpriseSearchQuery, location="query")
    @blp.response(200, page_schema(EnterpriseFound))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """按名称或代码（含旧代码）查企业和非企业组织"""
        with reading() as session:
            found = search_public_subjects(
                session, query["q"], after_id=query["cursor"] or 0, limit=query["limit"] + 1
            )
            page = page_of(found, query["limit"], key=lambda subject: subject.id)
            return page | {"items": [_enterprise(subject) for subject in found[: query["limit"]]]}


@blp.route("/<string:code>/portrait")
class EnterprisePortrait(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, PortraitResponse)
    @blp.alt_response(404, description="没有这家单位（enterprise_not_found）")
    def get(self, code: str) -> dict[str, object]:
        """企业画像：评价及其经过、各类记录、许可处罚、承诺、预警；查看记入台账"""
        today = city_date(now())
        with transaction() as session:
            portrait = enterprise_portrait(session, services().keys, code, today=today)
            persons = representatives_looked_at(session, portrait.subject.id, today=today)
            _note(session, [portrait.subject.id, *persons], action="portrait_viewed", about=portrait.subject)
            return _portrait(session, portrait)


@blp.route("/<string:code>/relations")
class EnterpriseRelations(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.arguments(RelationsQuery, location="query")
    @blp.response(200, RelationGraphResponse)
    @blp.alt_response(404, description="没有这家单位（enterprise_not_found）")
    def get(self, query: dict[str, Any], code: str) -> dict[str, object]:
        """关联关系图；图中的每个自然人都会在自己的台账里看到这次查看"""
        on = query["on"] or city_date(now())
        with transaction() as session:
            root = get_public_subject(session, code)
            graph = relation_graph(session, root, depth=query["depth"], on=on, with_persons=True)
            shown = [root.id, *(person.id for person in graph.persons)]
            _note(session, shown, action="relations_viewed", about=root)
            return {
                "on": on,
                "depth": query["depth"],
                "nodes": [_node(node) for node in graph.nodes],
                "edges": [_edge(edge) for edge in graph.edges],
                "cut_off": graph.cut_off,
            }


def _note(session: Session, subject_ids: list[int], *, action: str, about: Subject) -> None:
    for subject_id in dict.fromkeys(subject_ids):
        record_access(
            session,
            subject_id=subject_id,
            actor=officer_as_actor(),
            action=action,
            basis=_BASIS,
            purpose=access_reason(),
            detail={"enterprise": about.public_name or ""},
            channel="console",
            now=now(),
        )


def _enterprise(subject: Subject) -> dict[str, object]:
    return {
        "code": subject.public_code,
        "name": subject.public_name,
        "kind": subject.kind,
        "status": subject.status,
        "district": subject.district,
        "registered_on": subject.registered_on,
        "ended_on": subject.ended_on,
    }


def _portrait(session: Session, portrait: Portrait) -> dict[str, object]:
    said = statements_beside(session, [item.record.id for item in portrait.records])
    return {
        "enterprise": _enterprise(portrait.subject),
        "history": _history(portrait.history),
        "evaluations": portrait.evaluations,
        "counts": [
            {
                "category": count.category.code,
                "category_name": count.category.name,
                "polarity": count.category.polarity,
                "counted": count.counted,
                "disputed": count.disputed,
                "no_longer_used": count.no_longer_used,
            }
            for count in portrait.counts
        ],
        "by_year": [
            {"year": year, **{polarity: by.get(polarity, 0) for polarity in ("positive", "neutral", "negative")}}
            for year, by in portrait.by_year.items()
        ],
        "records": [{**_record(item), "statements": said.get(item.record.id, [])} for item in portrait.records],
        "red_list": [list_entry(entry) for entry in portrait.lists.red_list],
        "statutory_lists": [list_entry(entry) for entry in portrait.lists.statutory_lists],
        "warnings": portrait.warnings,
    }


def _record(item: PortraitRecord) -> dict[str, object]:
    record = item.record
    return {
        "id": record.id,
        "category": record.category,
        "category_name": item.category.name,
        "polarity": item.category.polarity,
        "title": record.title,
        "event_on": record.event_on,
        "ended_on": record.ended_on,
        "level_name": item.level_name,
        "amount": record.amount,
        "state": record.state,
        "source_department": record.source_department,
    }


def _history(history: CodeHistory) -> dict[str, object]:
    return {
        "codes": [
            {
                "scheme": code.scheme,
                "scheme_name": SCHEME_NAMES[code.scheme],
                "code": code.code,
                "valid_from": code.valid_from,
                "valid_to": code.valid_to,
                "is_present": code.is_present,
            }
            for code in history.codes
        ],
        "events": [
            {
                "on": event.on,
                "event": event.event,
                "event_name": event.event_name,
                "before": event.before,
                "after": event.after,
                "other": _named(event.other) if event.other else None,
            }
            for event in history.events
        ],
        "successors": [_named(subject) for subject in history.successors],
        "former_names": history.former_names,
    }


def _named(subject: Subject) -> dict[str, object]:
    return {"code": subject.public_code, "name": name_of(services().keys, subject), "status": subject.status}


def _node(node: GraphNode) -> dict[str, object]:
    keys, subject = services().keys, node.subject
    return {
        "id": subject.id,
        "kind": subject.kind,
        "name": masked_name(keys, subject),
        "code": masked_identifier(keys, subject),
        "status": subject.status,
        "depth": node.depth,
    }


def _edge(edge: SubjectRelation) -> dict[str, object]:
    return {
        "enterprise": edge.enterprise_id,
        "principal": edge.principal_id,
        "role": edge.role,
        "role_name": ROLE_NAMES[edge.role],
        "valid_from": edge.valid_from,
        "valid_to": edge.valid_to,
    }
