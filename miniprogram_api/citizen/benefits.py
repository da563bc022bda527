"""What the citizen may have now and what is missing for the rest, and the one-time code for the counter."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.benefits.codes import PresentedCode, issue_code
from backend.benefits.overview import BenefitStanding, benefits_for
from backend.benefits.quota import PERIOD_NAMES
from backend.subjects.service import get_subject
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint("citizen benefits", __name__, url_prefix=f"{API_PREFIX}/me", description="信易+权益")


class TierResponse(Schema):
    name = fields.String(required=True, metadata={"description": "档位名称"})
    terms = fields.Dict(keys=fields.String(), required=True, metadata={"description": "待遇；金额单位为分"})


class WayResponse(Schema):
    steps = fields.List(fields.String(), required=True, metadata={"description": "依次做什么；或只需等什么"})
    result = fields.String(required=True, metadata={"description": "届时如何，经重新计算核对"})
    on = fields.Date(
        required=True, allow_none=True, metadata={"description": "哪一天起满足；做到并记录后即满足的为 null"}
    )


class UnmetResponse(Schema):
    fact = fields.String(required=True, metadata={"description": "条件所看的事实"})
    reason = fields.String(required=True, metadata={"description": "为什么有这个条件"})
    need = fields.String(required=True, metadata={"description": "需要达到"})
    have = fields.String(required=True, metadata={"description": "目前情况"})
    how = fields.String(required=True, metadata={"description": "怎样达到"})
    ways = fields.List(
        fields.Nested(WayResponse),
        required=True,
        metadata={"description": "由现行评分方案和本人记录算出的具体办法；算不出时为空"},
    )


class QuotaResponse(Schema):
    limit = fields.Integer(required=True, metadata={"description": "每个周期可用次数"})
    used = fields.Integer(required=True, metadata={"description": "本周期已用次数"})
    period = fields.String(required=True, metadata={"description": "本周期"})
    period_name = fields.String(required=True, metadata={"description": "周期名称"})


class EnterpriseChoice(Schema):
    public_code = fields.String(required=True, metadata={"description": "统一社会信用代码"})
    name = fields.String(required=True, metadata={"description": "企业名称"})


class BenefitResponse(Schema):
    code = fields.String(required=True, metadata={"description": "方案代码"})
    name = fields.String(required=True, metadata={"description": "方案名称"})
    scene = fields.String(required=True, metadata={"description": "场景代码"})
    scene_name = fields.String(required=True, metadata={"description": "场景名称，如信易阅"})
    summary = fields.String(required=True, metadata={"description": "一句话介绍"})
    providers = fields.List(fields.String(), required=True, metadata={"description": "提供方名称"})
    enterprise = fields.Nested(
        EnterpriseChoice, required=True, allow_none=True, metadata={"description": "企业方案所针对的企业"}
    )
    tier = fields.Nested(TierResponse, required=True, allow_none=True)
    unmet = fields.List(fields.Nested(UnmetResponse), required=True, metadata={"description": "未达到的条件"})
    quota = fields.Nested(QuotaResponse, required=True, allow_none=True)
    documents = fields.List(fields.String(), required=True, metadata={"description": "使用时要带的材料"})
    effective_to = fields.Date(
        required=True, allow_none=True, metadata={"description": "最后一天；没有期限时为 null"}
    )


class BenefitsResponse(Schema):
    eligible = fields.List(fields.Nested(BenefitResponse), required=True, metadata={"description": "现在可用"})
    nearly = fields.List(fields.Nested(BenefitResponse), required=True, metadata={"description": "就差一点"})
    not_eligible = fields.List(fields.Nested(BenefitResponse), required=True, metadata={"description": "暂不符合"})


class CodeRequest(Schema):
    scheme = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 64),
        metadata={"description": "只用于这个方案；不填则可用于任何方案"},
    )
    enterprise = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(equal=18),
        metadata={"description": "代表哪家企业（统一社会信用代码）；只代表一家时可以不填"},
    )


class CodeResponse(Schema):
    code = fields.String(required=True, metadata={"description": "凭码，一次有效"})
    expires_at = Moment(required=True, metadata={"description": "失效时刻（UTC）"})
    renew_at = Moment(required=True, metadata={"description": "客户端应换码的时刻（UTC）"})
    qr_svg = fields.String(required=True, metadata={"description": "二维码图片（data URI）"})


@blp.route("/benefits")
class MyBenefits(MethodView):
    @signed_in_citizen
    @blp.response(200, BenefitsResponse)
    def get(self) -> dict[str, object]:
        """本人的信易+权益：可用的、就差一点的、暂不符合的，缺什么都写明"""
        with reading() as session:
            overview = benefits_for(session, get_subject(session, current_subject_id()), now())
            return {
                "eligible": [_answer(standing) for standing in overview.eligible],
                "nearly": [_answer(standing) for standing in overview.nearly],
                "not_eligible": [_answer(standing) for standing in overview.not_eligible],
            }


@blp.route("/codes")
class Codes(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(CodeRequest)
    @blp.response(201, CodeResponse)
    def post(self, body: dict[str, Any]) -> PresentedCode:
        """取一个凭码：60 秒内有效，核验一次即失效"""
        desk = services().desk
        life = desk.run_id() if desk else None
        with transaction() as session:
            return issue_code(
                session,
                services().store,
                holder=get_subject(session, current_subject_id()),
                scheme_code=body["scheme"],
                enterprise_code=body["enterprise"],
                store_life=life,
                now=now(),
            )


def _answer(standing: BenefitStanding) -> dict[str, object]:
    scheme, entitlement, enterprise = standing.scheme, standing.entitlement, standing.enterprise
    tier, quota = entitlement.decision.tier, entitlement.quota
    return {
        "code": scheme.code,
        "name": scheme.name,
        "scene": scheme.scene,
        "scene_name": scheme.scene_name,
        "summary": scheme.summary,
        "providers": standing.providers,
        "enterprise": (
            {"public_code": enterprise.public_code, "name": enterprise.public_name} if enterprise else None
        ),
        "tier": {"name": tier.name, "terms": tier.terms} if tier else None,
        "unmet": [
            {
                "fact": unmet.fact,
                "reason": unmet.reason,
                "need": unmet.need,
                "have": unmet.have,
                "how": unmet.how,
                "ways": ways,
            }
            for unmet, ways in zip(entitlement.unmet, standing.ways, strict=True)
        ],
        "quota": (
            {
                "limit": quota.quota.limit,
                "used": quota.used,
                "period": quota.period,
                "period_name": PERIOD_NAMES[quota.quota.period],
            }
            if quota
            else None
        ),
        "documents": list(scheme.documents),
        "effective_to": scheme.effective_to,
    }
