"""Which 信易+ benefits the city offers, to whom and by whom."""

from __future__ import annotations

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.benefits.schemes import provider_names, schemes_in_force
from backend.city_calendar import city_date
from backend.web import API_PREFIX
from backend.web.context import now, reading
from backend.web.guards import limited, open_to_all
from miniprogram_api.public.caching import cacheable

blp = Blueprint("public schemes", __name__, url_prefix=f"{API_PREFIX}/public/schemes", description="信易+方案")


class SchemeTier(Schema):
    name = fields.String(required=True, metadata={"description": "档位名称"})
    terms = fields.Dict(keys=fields.String(), required=True, metadata={"description": "待遇；金额单位为分"})


class PublicScheme(Schema):
    code = fields.String(required=True, metadata={"description": "方案代码"})
    version = fields.Integer(required=True, metadata={"description": "方案版本"})
    name = fields.String(required=True, metadata={"description": "方案名称"})
    scene = fields.String(required=True, metadata={"description": "场景代码"})
    scene_name = fields.String(required=True, metadata={"description": "场景名称，如信易阅"})
    summary = fields.String(required=True, metadata={"description": "一句话介绍"})
    audience = fields.String(required=True, metadata={"description": "person 个人，enterprise 企业"})
    basis = fields.String(required=True, metadata={"description": "依据"})
    providers = fields.List(fields.String(), required=True, metadata={"description": "提供方名称"})
    tiers = fields.List(fields.Nested(SchemeTier), required=True, metadata={"description": "由优到次"})
    effective_from = fields.Date(required=True, metadata={"description": "生效日期"})
    effective_to = fields.Date(
        required=True, allow_none=True, metadata={"description": "最后一天；没有期限时为 null"}
    )


class PublicSchemesResponse(Schema):
    items = fields.List(fields.Nested(PublicScheme), required=True)


@blp.route("")
class Schemes(MethodView):
    @open_to_all
    @limited("public_schemes", most=120, window_seconds=60)
    @cacheable
    @blp.response(200, PublicSchemesResponse)
    def get(self) -> dict[str, object]:
        """现行的信易+方案"""
        with reading() as session:
            rules = [scheme.rules for scheme in schemes_in_force(session, city_date(now()))]
            providers = provider_names(session, {scheme.code for scheme in rules})
            return {
                "items": [
                    {
                        "code": scheme.code,
                        "version": scheme.version,
                        "name": scheme.name,
                        "scene": scheme.scene,
                        "scene_name": scheme.scene_name,
                        "summary": scheme.summary,
                        "audience": scheme.audience,
                        "basis": scheme.basis,
                        "providers": providers[scheme.code],
                        "tiers": [{"name": tier.name, "terms": tier.terms} for tier in scheme.tiers],
                        "effective_from": scheme.effective_from,
                        "effective_to": scheme.effective_to,
                    }
                    for scheme in rules
                ]
            }
