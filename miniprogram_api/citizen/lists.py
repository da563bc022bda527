"""Every list (名单) that the citizen, or an enterprise they represent, is on today, with its basis and its end."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.city_calendar import city_date
from backend.publicity.service import lists_about
from backend.web import API_PREFIX
from backend.web.context import now, reading
from backend.web.guards import signed_in_citizen
from backend.web.lists import OwnListEntryResponse, list_entry
from miniprogram_api.citizen.acting import ActingQuery, acting

blp = Blueprint("citizen lists", __name__, url_prefix=f"{API_PREFIX}/me/lists", description="我的名单")


class OwnListsResponse(Schema):
    red_list = fields.List(
        fields.Nested(OwnListEntryResponse), required=True, metadata={"description": "红名单，新的在前"}
    )
    statutory_lists = fields.List(
        fields.Nested(OwnListEntryResponse), required=True, metadata={"description": "法定名单，新的在前"}
    )
    barred_by = fields.List(
        fields.String(), required=True, metadata={"description": "因列入这些法定名单，暂不列入红名单"}
    )


@blp.route("")
class MyLists(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, OwnListsResponse)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本人或所代表的企业现在列入哪些名单：依据、列入单位、到哪一天；对依据的记录可以提出异议"""
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            lists = lists_about(session, subject, today=city_date(now()))
            return {
                "red_list": [list_entry(entry) for entry in lists.red_list],
                "statutory_lists": [list_entry(entry) for entry in lists.statutory_lists],
                "barred_by": [one.name for one in lists.barred_by],
            }
