"""Looking an enterprise or organisation up by name or unified social credit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.publicity.service import PublishedCommitment, PublishedRecord, public_commitments, public_page
from backend.subjects.models import Subject
from backend.subjects.service import search_public_subjects, successors_of
from backend.web import API_PREFIX
from backend.web.context import now, reading
from backend.web.guards import limited, open_to_all
from backend.web.lists import ListEntryResponse, list_entry
from backend.web.pages import PageQuery, page_of, page_schema
from miniprogram_api.public.caching import cacheable
from miniprogram_api.public.portraits import PublicName, named

blp = Blueprint(
    "public enterprises", __name__, url_prefix=f"{API_PREFIX}/public/enterprises", description="企业公示信息"
)


class EnterpriseQuery(PageQuery):
    q = fields.String(
        required=True,
        validate=[validate.Length(2, 100), validate.Regexp(r".*\S.*\S", error="请至少输入两个字。")],
        metadata={"description": "名称中的文字（至少两个字），或统一社会信用代码"},
    )


class EnterpriseSummary(Schema):
    code = fields.String(required=True, metadata={"description": "统一社会信用代码"})
    name = fields.String(required=True, metadata={"description": "名称"})
    kind = fields.String(required=True, metadata={"description": "enterprise 企业，organisation 非企业组织"})
    status = fields.String(
        required=True, metadata={"description": "active 存续，cancelled 已注销或吊销，merged 已合并"}
    )
    registered_on = fields.Date(required=True, allow_none=True, metadata={"description": "成立日期"})
    successor = fields.Nested(
        PublicName,
        required=True,
        allow_none=True,
        metadata={"description": "已合并的，由哪家现存单位承继；未合并的为 null"},
    )


class PublishedRecordResponse(Schema):
    category_name = fields.String(required=True, metadata={"description": "类别"})
    title = fields.String(required=True, metadata={"description": "事项"})
    event_on = fields.Date(required=True, metadata={"description": "决定或发生日期"})
    ended_on = fields.Date(required=True, allow_none=True, metadata={"description": "有效期或事项终止日期"})
    public_until = fields.Date(
        required=True, allow_none=True, metadata={"description": "最晚公示到哪天；没有期限时为 null"}
    )
    level_name = fields.String(required=True, allow_none=True, metadata={"description": "级别或履行情况"})
    source_department = fields.String(required=True, metadata={"description": "数源单位"})
    legal_basis = fields.String(required=True, metadata={"description": "公示依据"})
    disputed = fields.Boolean(required=True, metadata={"description": "正在异议核查中"})
    statements = fields.List(
        fields.String(), required=True, metadata={"description": "异议未获支持后，当事人附在记录旁的声明"}
    )


class StatutoryMeasureResponse(Schema):
    text = fields.String(required=True, metadata={"description": "依法采取的措施"})
    basis = fields.String(required=True, metadata={"description": "措施的依据"})


class StatutoryEntryResponse(ListEntryResponse):
    measures = fields.List(
        fields.Nested(StatutoryMeasureResponse),
        required=True,
        metadata={"description": "列入期间依法采取的措施，由有关部门实施"},
    )


class EnterprisePage(EnterpriseSummary):
    licences = fields.List(
        fields.Nested(PublishedRecordResponse), required=True, metadata={"description": "行政许可"}
    )
    penalties = fields.List(
        fields.Nested(PublishedRecordResponse), required=True, metadata={"description": "公示期内的行政处罚"}
    )
    commitments = fields.List(
        fields.Nested(PublishedRecordResponse), required=True, metadata={"description": "信用承诺及履行"}
    )
    red_list = fields.List(
        fields.Nested(ListEntryResponse),
        required=True,
        metadata={"description": "现在列入的红名单，各有依据和截止日期"},
    )
    statutory_lists = fields.List(
        fields.Nested(StatutoryEntryResponse),
        required=True,
        metadata={"description": "现在仍列入的法定名单，各有依据和截止日期；移出、修复后即不再显示"},
    )


class PublicCommitment(Schema):
    type_name = fields.String(required=True, metadata={"description": "承诺类型"})
    matter = fields.String(required=True, metadata={"description": "承诺事由"})
    accepted_by = fields.String(required=True, metadata={"description": "受理单位"})
    signed_on = fields.Date(required=True, metadata={"description": "作出日期"})
    due_on = fields.Date(required=True, allow_none=True, metadata={"description": "履行期限"})
    state = fields.String(
        required=True,
        metadata={"description": "signed 履行中，fulfilled 已履行，partly_fulfilled 部分履行，broken 未履行"},
    )
    state_name = fields.String(required=True, metadata={"description": "状态名称"})
    public_until = fields.Date(
        required=True, allow_none=True, metadata={"description": "最晚公示到哪天；还没有核实履行情况时为 null"}
    )
    disputed = fields.Boolean(required=True, metadata={"description": "对履行情况的认定正在异议核查中"})
    statements = fields.List(fields.String(), required=True, metadata={"description": "当事人的声明"})


class PublicCommitments(Schema):
    items = fields.List(fields.Nested(PublicCommitment), required=True, metadata={"description": "新的在前"})


@blp.route("")
class Enterprises(MethodView):
    @open_to_all
    @limited("public_search", most=120, window_seconds=60)
    @cacheable
    @blp.arguments(EnterpriseQuery, location="query")
    @blp.response(200, page_schema(EnterpriseSummary))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """按名称或代码查企业和非企业组织；查不到自然人"""
        with reading() as session:
            found = search_public_subjects(
                session, query["q"], after_id=query["cursor"] or 0, limit=query["limit"] + 1
            )
            page = page_of(found, query["limit"], key=lambda subject: subject.id)
            return page | {"items": [_summary(session, subject) for subject in found[: query["limit"]]]}


@blp.route("/<string:code>")
class Enterprise(MethodView):
    @open_to_all
    @limited("public_page", most=240, window_seconds=60)
    @cacheable
    @blp.response(200, EnterprisePage)
    @blp.alt_response(404, description="没有这家单位（enterprise_not_found）")
    def get(self, code: str) -> dict[str, object]:
        """一家企业或非企业组织的公示信息"""
        with reading() as session:
            page = public_page(session, code, today=city_date(now()))
            return {
                **_summary(session, page.subject),
                "licences": _published(page.licences),
                "penalties": _published(page.penalties),
                "commitments": _published(page.commitments),
                "red_list": [list_entry(entry) for entry in page.red_list],
                "statutory_lists": [
                    list_entry(entry) | {"measures": entry.measures} for entry in page.statutory_lists
                ],
            }


@blp.route("/<string:code>/commitments")
class EnterpriseCommitments(MethodView):
    @open_to_all
    @limited("public_page", most=240, window_seconds=60)
    @cacheable
    @blp.response(200, PublicCommitments)
    @blp.alt_response(404, description="没有这家单位（enterprise_not_found）")
    def get(self, code: str) -> dict[str, object]:
        """公开的信用承诺及履行情况：企业在本平台签署的，和由单位报送的；自然人的从不公开"""
        with reading() as session:
            found = public_commitments(session, code, today=city_date(now()))
            return {"items": [_commitment(one) for one in found]}


def _summary(session: Session, subject: Subject) -> dict[str, object]:
    successors = successors_of(session, subject)
    return {
        "code": subject.public_code,
        "name": subject.public_name,
        "kind": subject.kind,
        "status": subject.status,
        "registered_on": subject.registered_on,
        "successor": named(successors[-1]) if successors else None,
    }


def _commitment(one: PublishedCommitment) -> dict[str, object]:
    listed, outcome = one.listed, one.outcome
    return {
        "type_name": listed.type_name,
        "matter": listed.matter,
        "accepted_by": listed.accepted_by,
        "signed_on": listed.signed_on,
        "due_on": listed.due_on,
        "state": listed.state,
        "state_name": listed.state_name,
        "public_until": outcome.until if outcome else None,
        "disputed": outcome.disputed if outcome else False,
        "statements": outcome.statements if outcome else [],
    }


def _published(records: Sequence[PublishedRecord]) -> list[dict[str, object]]:
    return [
        {
            "category_name": published.category.name,
            "title": published.title,
            "event_on": published.record.event_on,
            "ended_on": published.record.ended_on,
            "public_until": published.until,
            "level_name": published.level_name,
            "source_department": published.record.source_department,
            "legal_basis": published.category.legal_basis,
            "disputed": published.disputed,
            "statements": published.statements,
        }
        for published in records
    ]
