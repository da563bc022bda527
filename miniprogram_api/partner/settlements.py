"""The partner's own settlement statements."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.benefits.settlement import as_csv, as_xlsx, statement_of
from backend.web import API_PREFIX
from backend.web.attachments import attachment
from backend.web.context import reading
from backend.web.moments import Moment
from miniprogram_api.partner.access import current_partner, partner_token

blp = Blueprint(
    "partner settlements", __name__, url_prefix=f"{API_PREFIX}/partner/settlements", description="结算单"
)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class StatementQuery(Schema):
    first = fields.Date(required=True, metadata={"description": "起日，含（城市当地日期）"})
    last = fields.Date(required=True, metadata={"description": "止日，含"})


class StatementFileQuery(StatementQuery):
    format = fields.String(load_default="xlsx", validate=validate.OneOf(("csv", "xlsx")))


class StatementLineResponse(Schema):
    at = Moment(required=True)
    kind = fields.String(required=True, metadata={"description": "redemption 核销，cancellation 撤销"})
    scheme_code = fields.String(required=True)
    scheme_name = fields.String(required=True, metadata={"description": "核验当时的方案名称"})
    redemption_id = fields.UUID(required=True)
    bill_cents = fields.Integer(required=True, allow_none=True, metadata={"description": "优惠前金额（分）"})
    settled_cents = fields.Integer(required=True, metadata={"description": "结算金额（分）；撤销为负"})


class SchemeTotal(Schema):
    scheme_code = fields.String(required=True)
    scheme_name = fields.String(required=True, metadata={"description": "核验当时的方案名称"})
    uses = fields.Integer(required=True, metadata={"description": "核销减去撤销的次数"})
    settled_cents = fields.Integer(required=True)


class StatementResponse(Schema):
    first = fields.Date(required=True)
    last = fields.Date(required=True)
    settled_cents = fields.Integer(required=True, metadata={"description": "合计（分），等于各行之和"})
    by_scheme = fields.List(fields.Nested(SchemeTotal), required=True)
    lines = fields.List(fields.Nested(StatementLineResponse), required=True)


@blp.route("")
class Settlements(MethodView):
    @partner_token("benefit:read")
    @blp.arguments(StatementQuery, location="query")
    @blp.response(200, StatementResponse)
    @blp.alt_response(422, description="起止日期不对（period_invalid）")
    def get(self, query: dict[str, Any]) -> object:
        """本单位一段时间的结算单：逐笔核销与撤销，不含顾客身份"""
        with reading() as session:
            return statement_of(session, partner_id=current_partner().partner_id, **query)


@blp.route("/file")
class SettlementFile(MethodView):
    @partner_token("benefit:read")
    @blp.arguments(StatementFileQuery, location="query")
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
    def get(self, query: dict[str, Any]) -> Response:
        """结算单文件（CSV 或 XLSX）"""
        kind = query.pop("format")
        with reading() as session:
            found = statement_of(session, partner_id=current_partner().partner_id, **query)
        name = f"settlement-{found.first}-{found.last}.{kind}"
        if kind == "csv":
            return attachment(as_csv(found), filename=name, media_type="text/csv; charset=utf-8")
        return attachment(as_xlsx(found), filename=name, media_type=XLSX)
