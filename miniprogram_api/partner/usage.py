"""How much of the service a partner has used, and how much it may use."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.benefits.usage import usage_of
from backend.web import API_PREFIX
from backend.web.context import reading
from miniprogram_api.partner.access import current_partner, partner_token
from miniprogram_api.partner.checks import LIMIT

blp = Blueprint("partner usage", __name__, url_prefix=f"{API_PREFIX}/partner/usage", description="用量与配额")


class UsageQuery(Schema):
    first = fields.Date(required=True, metadata={"description": "起日，含（城市当地日期）"})
    last = fields.Date(required=True, metadata={"description": "止日，含；一次最多 92 天"})


class UsageLineResponse(Schema):
    day = fields.Date(required=True)
    scheme_code = fields.String(required=True)
    store = fields.String(required=True, metadata={"description": "门店；通过接口办理的写“接口”"})
    checks = fields.Integer(required=True)
    eligible = fields.Integer(required=True, metadata={"description": "其中符合的"})
    redemptions = fields.Integer(required=True, metadata={"description": "其中核销的"})
    cancellations = fields.Integer(required=True, metadata={"description": "核销后撤销的"})


class UsageResponse(Schema):
    checks_per_minute = fields.Integer(required=True, metadata={"description": "每分钟核验的配额"})
    items = fields.List(fields.Nested(UsageLineResponse), required=True)


@blp.route("")
class Usage(MethodView):
    @partner_token("benefit:read")
    @blp.arguments(UsageQuery, location="query")
    @blp.response(200, UsageResponse)
    @blp.alt_response(422, description="起止日期不对（period_invalid）")
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本单位按日、方案、门店的核验和核销次数，不含顾客身份"""
        partner = current_partner()
        with reading() as session:
            return {
                "checks_per_minute": partner.checks_per_minute or LIMIT.most,
                "items": usage_of(session, partner_id=partner.partner_id, **query),
            }
