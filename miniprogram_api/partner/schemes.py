"""The schemes that a partner offers."""

from __future__ import annotations

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.benefits.scheme_document import Scheme
from backend.benefits.schemes import schemes_offered_by
from backend.city_calendar import city_date
from backend.web import API_PREFIX
from backend.web.context import now, reading
from miniprogram_api.partner.access import current_partner, partner_token

blp = Blueprint(
    "partner schemes", __name__, url_prefix=f"{API_PREFIX}/partner/schemes", description="本单位的方案"
)


class OfferedScheme(Schema):
    code = fields.String(required=True, metadata={"description": "核验时填写的方案代码"})
    version = fields.Integer(required=True, metadata={"description": "方案版本"})
    name = fields.String(required=True, metadata={"description": "方案名称"})
    scene = fields.String(required=True, metadata={"description": "场景代码"})
    scene_name = fields.String(required=True, metadata={"description": "场景名称，如信易阅"})
    summary = fields.String(required=True, metadata={"description": "一句话介绍"})
    audience = fields.String(required=True, metadata={"description": "person 个人，enterprise 企业"})
    settlement = fields.String(
        required=True,
        metadata={"description": "none 不结算，per_use 按次结算，discount 按优惠金额结算，amount 按减免金额结算"},
    )
    needs_amount = fields.Boolean(required=True, metadata={"description": "核销时是否必须填写 amount_cents"})
    terms = fields.List(
        fields.Dict(keys=fields.String()), required=True, metadata={"description": "可能的待遇，由优到次"}
    )
    documents = fields.List(fields.String(), required=True, metadata={"description": "顾客应出示的证件材料"})
    effective_from = fields.Date(required=True, metadata={"description": "生效日期"})
    effective_to = fields.Date(
        required=True, allow_none=True, metadata={"description": "最后一天；没有期限时为 null"}
    )


class OfferedSchemes(Schema):
    items = fields.List(fields.Nested(OfferedScheme), required=True)


@blp.route("")
class Schemes(MethodView):
    @partner_token("benefit:read")
    @blp.response(200, OfferedSchemes)
    def get(self) -> dict[str, object]:
        """本单位参加、现在有效的权益方案"""
        with reading() as session:
            offered = schemes_offered_by(session, current_partner().partner_id, city_date(now()))
            return {"items": [offered_scheme(scheme.rules) for scheme in offered]}


def offered_scheme(scheme: Scheme) -> dict[str, object]:
    return {
        "code": scheme.code,
        "version": scheme.version,
        "name": scheme.name,
        "scene": scheme.scene,
        "scene_name": scheme.scene_name,
        "summary": scheme.summary,
        "audience": scheme.audience,
        "settlement": scheme.settlement,
        "needs_amount": scheme.needs_bill,
        "terms": [tier.terms for tier in scheme.tiers],
        "documents": scheme.documents,
        "effective_from": scheme.effective_from,
        "effective_to": scheme.effective_to,
    }
