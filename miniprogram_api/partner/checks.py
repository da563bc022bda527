"""The check at the counter."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.benefits.checks import CheckAnswer, check_benefit
from backend.benefits.swift_desk import PartnerLimit
from backend.web import API_PREFIX
from backend.web.context import now, services, transaction
from backend.web.guards import limited
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.partner.access import current_partner, partner_token
from miniprogram_api.partner.swift import swift

blp = Blueprint("partner checks", __name__, url_prefix=f"{API_PREFIX}/partner/checks", description="核验")


SCOPE = "benefit:check"
LIMIT = PartnerLimit("partner_checks", most=3000, window_seconds=60)


def _quota() -> int:
    return current_partner().checks_per_minute or LIMIT.most


class CheckRequest(Schema):
    code = fields.String(
        required=True,
        validate=validate.Length(1, 64),
        metadata={"description": "顾客手机上的凭码：扫描二维码得到的文字，或手工输入（不分大小写）"},
    )
    scheme = fields.String(
        required=True, validate=validate.Length(1, 64), metadata={"description": "方案代码，须是本单位参加的"}
    )

    scan_proof = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 2048),
        metadata={
            "description": "断网时先扫码、后送达的核验才填写：本单位密钥以 ES256 签名的 JWT，"
            "含 scanned_at（秒）、scheme、code_sha256（凭码大写的 SHA-256，十六进制）；扫码后 10 分钟内有效"
        },
    )


class CheckedScheme(Schema):
    code = fields.String(required=True, metadata={"description": "方案代码"})
    name = fields.String(required=True, metadata={"description": "方案名称"})


class CheckResponse(Schema):
    check_id = fields.UUID(required=True, metadata={"description": "核销时填写"})
    eligible = fields.Boolean(required=True, metadata={"description": "顾客是否符合；不符合时不说明原因"})
    scheme = fields.Nested(CheckedScheme, required=True)
    terms = fields.Dict(
        keys=fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "应给予的待遇，金额单位为分；不符合时为 null"},
    )
    expires_at = Moment(required=True, metadata={"description": "此前可以核销（UTC）"})


@blp.route("")
class Checks(MethodView):
    @swift(LIMIT, scope=SCOPE)
    @partner_token(SCOPE)
    @limited(LIMIT.name, most=_quota, window_seconds=LIMIT.window_seconds)
    @idempotent
    @blp.arguments(CheckRequest)
    @blp.response(201, CheckResponse)
    @blp.alt_response(404, description="本单位没有参加这个方案（scheme_not_offered）")
    @blp.alt_response(
        422,
        description="凭码无效、过期或用过（code_not_valid）；离线核验签名无效或过期（queued_check_stale 等）",
    )
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """核验凭码：顾客能否享受这项权益

        每个凭码只能核验一次。回答只有符合或不符合，符合时附待遇；分数、等级、记录和原因都不会给出。
        """
        with transaction() as session:
            answer = check_benefit(
                session,
                services().store,
                partner=current_partner(),
                code=body["code"],
                scheme_code=body["scheme"],
                scan_proof=body["scan_proof"],
                now=now(),
            )
        return check_answer(answer)


def check_answer(answer: CheckAnswer) -> dict[str, object]:
    return {
        "check_id": answer.check_id,
        "eligible": answer.eligible,
        "scheme": {"code": answer.scheme_code, "name": answer.scheme_name},
        "terms": answer.terms,
        "expires_at": answer.expires_at,
    }
