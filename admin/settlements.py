"""Settlement statements for officers: what the city owes a partner for a period."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.benefits.settlement import Statement, as_csv, as_xlsx, statement_of
from backend.partners.service import all_partners, find_partner
from backend.web import API_PREFIX
from backend.web.attachments import attachment
from backend.web.context import reading
from backend.web.guards import signed_in_officer

blp = Blueprint(
    "officer settlements", __name__, url_prefix=f"{API_PREFIX}/admin/settlements", description="合作商户结算"
)

_MAY_READ = ("score_officer", "reviewer", "auditor")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class PeriodQuery(Schema):
    first = fields.Date(required=True, metadata={"description": "起日，含"})
    last = fields.Date(required=True, metadata={"description": "止日，含"})


class SettlementQuery(PeriodQuery):
    partner = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "商户代码"})


class SettlementFileQuery(SettlementQuery):
    format = fields.String(load_default="xlsx", validate=validate.OneOf(("csv", "xlsx")))


class SchemeSumResponse(Schema):
    scheme_code = fields.String(required=True)
    scheme_name = fields.String(required=True, metadata={"description": "核验当时的方案名称"})
    uses = fields.Integer(required=True, metadata={"description": "核销减去撤销的次数"})
    settled_cents = fields.Integer(required=True)


class SettlementResponse(Schema):
    partner = fields.String(required=True)
    partner_name = fields.String(required=True)
    first = fields.Date(required=True)
    last = fields.Date(required=True)
    lines = fields.Integer(required=True, metadata={"description": "明细条数"})
    settled_cents = fields.Integer(required=True, metadata={"description": "应结算金额（分）"})
    by_scheme = fields.List(fields.Nested(SchemeSumResponse), required=True)


class PartnerName(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)


class PartnerNames(Schema):
    items = fields.List(fields.Nested(PartnerName), required=True)


@blp.route("")
class Settlements(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(SettlementQuery, location="query")
    @blp.response(200, SettlementResponse)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """一个合作商户一段时间的结算合计；不含顾客身份"""
        with reading() as session:
            partner = find_partner(session, query["partner"])
            found = statement_of(session, partner_id=partner.id, first=query["first"], last=query["last"])
            return {"partner": partner.code, "partner_name": partner.name, **summary(found)}


@blp.route("/partners")
class SettlementPartners(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.response(200, PartnerNames)
    def get(self) -> dict[str, object]:
        """可以结算的合作商户"""
        with reading() as session:
            return {"items": [{"code": one.code, "name": one.name} for one in all_partners(session)]}


@blp.route("/file")
class SettlementFile(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(SettlementFileQuery, location="query")
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
    def get(self, query: dict[str, Any]) -> Response:
        """结算单（CSV 或 XLSX）"""
        with reading() as session:
            partner = find_partner(session, query["partner"])
            found = statement_of(session, partner_id=partner.id, first=query["first"], last=query["last"])
        return statement_file(found, query["format"], partner_code=partner.code)


def summary(found: Statement) -> dict[str, object]:
    return {
        "first": found.first,
        "last": found.last,
        "lines": len(found.lines),
        "settled_cents": found.settled_cents,
        "by_scheme": found.by_scheme,
    }


def statement_file(found: Statement, kind: str, *, partner_code: str) -> Response:
    name = f"settlement-{partner_code}-{found.first}-{found.last}.{kind}"
    if kind == "csv":
        return attachment(as_csv(found), filename=name, media_type="text/csv; charset=utf-8")
    return attachment(as_xlsx(found), filename=name, media_type=XLSX)
