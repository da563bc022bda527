"""A partner looks after its own keys."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.authorizations.tokens import revoke_tokens_of_partner
from backend.partners.keys import check_rotation, read_public_key
from backend.partners.models import PartnerKey
from backend.partners.service import all_keys_of, get_partner, keys_of, revoke_own_key, rotate_key
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.partner.access import current_partner, partner_token

blp = Blueprint("partner keys", __name__, url_prefix=f"{API_PREFIX}/partner/keys", description="本单位的公钥")

SCOPE = "keys:manage"


class NewKey(Schema):
    public_key = fields.String(
        required=True,
        validate=validate.Length(1, 4000),
        metadata={"description": "新公钥，PEM 或 JWK（JSON 文本）"},
    )
    proof = fields.String(
        required=True,
        validate=validate.Length(1, 4000),
        metadata={
            "description": "用在用的旧私钥以 ES256 签名的 JWT：sub 为本单位代码，new_kid 为新公钥的 kid"
            "（RFC 7638 指纹），exp 在 5 分钟以内"
        },
    )


class KeyResponse(Schema):
    kid = fields.String(required=True)
    state = fields.String(required=True, metadata={"description": "active 在用，revoked 已停用"})
    added_at = Moment(required=True)
    revoked_at = Moment(required=True, allow_none=True)


class KeysResponse(Schema):
    items = fields.List(fields.Nested(KeyResponse), required=True)


@blp.route("")
class Keys(MethodView):
    @partner_token(SCOPE)
    @blp.response(200, KeysResponse)
    def get(self) -> dict[str, object]:
        """本单位登记过的公钥，新的在前"""
        with reading() as session:
            return {"items": [key_answer(key) for key in all_keys_of(session, current_partner().partner_id)]}

    @partner_token(SCOPE)
    @idempotent
    @blp.arguments(NewKey)
    @blp.response(201, KeyResponse)
    @blp.alt_response(409, description="在用的公钥已有 3 把（too_many_keys）")
    @blp.alt_response(422, description="不是可用的公钥（key_not_acceptable），或没有旧钥的证明（key_not_proven）")
    def post(self, body: dict[str, str]) -> dict[str, object]:
        """登记新公钥，与旧的并存

        仅凭访问令牌不能登记：`proof` 证明登记者掌握在用的旧私钥。
        """
        public = read_public_key(body["public_key"])
        with transaction() as session:
            partner = get_partner(session, current_partner().partner_id)
            check_rotation(
                body["proof"],
                present=[key.public_jwk for key in keys_of(session, partner.id)],
                partner_code=partner.code,
                new_kid=public["kid"],
                now=now(),
            )
            return key_answer(rotate_key(session, partner, public_jwk=public, now=now()))


@blp.route("/<string:kid>")
class OneKey(MethodView):
    @partner_token(SCOPE)
    @idempotent
    @blp.response(204)
    @blp.alt_response(404, description="没有这把在用的公钥（key_not_found）")
    @blp.alt_response(409, description="这是最后一把（last_key）")
    def delete(self, kid: str) -> None:
        """停用一把公钥；已发出的访问令牌全部作废，请重新获取"""
        with transaction() as session:
            partner = get_partner(session, current_partner().partner_id)
            revoke_own_key(session, partner, kid=kid, now=now())
            revoke_tokens_of_partner(session, partner.id, now=now())


def key_answer(key: PartnerKey) -> dict[str, Any]:
    return {"kid": key.kid, "state": key.state, "added_at": key.added_at, "revoked_at": key.revoked_at}
