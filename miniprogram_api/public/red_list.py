"""The published red list (红名单): enterprises and organisations, with basis and period; never a person."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.city_calendar import city_date
from backend.lists.red_lists import red_lists_on
from backend.lists.service import PUBLISHED_KINDS, published_red_list
from backend.web import API_PREFIX
from backend.web.context import now, reading
from backend.web.guards import limited, open_to_all
from backend.web.pages import PageQuery, page_of, page_schema
from miniprogram_api.public.caching import cacheable

blp = Blueprint("public red list", __name__, url_prefix=f"{API_PREFIX}/public/red-lists", description="红名单公示")


class RedListResponse(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "名单名称"})
    basis = fields.String(required=True, metadata={"description": "列入的依据"})
    valid_days = fields.Integer(required=True, metadata={"description": "自列入起最多多少天"})


class RedListsResponse(Schema):
    basis = fields.String(required=True, metadata={"description": "设立红名单的依据"})
    items = fields.List(fields.Nested(RedListResponse), required=True)


class RedListQuery(PageQuery):
    q = fields.String(
        load_default=None,
        validate=validate.Length(2, 100),
        metadata={"description": "名称中的文字（至少两个字），或统一社会信用代码"},
    )


class RedListed(Schema):
    code = fields.String(required=True, metadata={"description": "统一社会信用代码"})
    name = fields.String(required=True, metadata={"description": "名称"})
    title = fields.String(required=True, metadata={"description": "列入事由"})
    level_name = fields.String(required=True, allow_none=True, metadata={"description": "级别"})
    listed_on = fields.Date(required=True, metadata={"description": "列入日期"})
    until = fields.Date(required=True, metadata={"description": "列到这一天"})
    source_department = fields.String(required=True, metadata={"description": "列入单位"})


@blp.route("")
class RedLists(MethodView):
    @open_to_all
    @cacheable
    @blp.response(200, RedListsResponse)
    def get(self) -> dict[str, object]:
        """公示哪些红名单，各自的依据"""
        lists = red_lists_on(city_date(now()))
        published = [one for one in lists.lists.values() if set(one.subject_kinds) & set(PUBLISHED_KINDS)]
        return {"basis": lists.basis, "items": published}


@blp.route("/<string:code>")
class RedList(MethodView):
    @open_to_all
    @limited("public_search", most=120, window_seconds=60)
    @cacheable
    @blp.arguments(RedListQuery, location="query")
    @blp.response(200, page_schema(RedListed))
    @blp.alt_response(404, description="没有这份红名单（red_list_unknown）")
    def get(self, query: dict[str, Any], code: str) -> dict[str, object]:
        """现在列入的企业和非企业组织，可按名称或代码查；自然人从不公示"""
        with reading() as session:
            found = published_red_list(
                session,
                code,
                on=city_date(now()),
                text=query["q"],
                before_id=query["cursor"],
                limit=query["limit"] + 1,
            )
            page = page_of(found, query["limit"], key=lambda one: one[1].record.id)
            return page | {
                "items": [
                    {
                        "code": subject.public_code,
                        "name": subject.public_name,
                        "title": entry.record.title,
                        "level_name": entry.level_name,
                        "listed_on": entry.record.event_on,
                        "until": entry.until,
                        "source_department": entry.record.source_department,
                    }
                    for subject, entry in found[: query["limit"]]
                ]
            }
