"""The OAuth 2.0 token endpoint for partners."""

from __future__ import annotations

from flask import Response, jsonify, request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.authorizations.assertions import ALGORITHM, ASSERTION_TYPE
from backend.authorizations.token_endpoint import AUTH_METHOD, GRANT_TYPE, answer_token_request
from backend.authorizations.tokens import DEPARTMENT_SCOPES, PARTNER_SCOPES
from backend.web.context import now, services, transaction
from backend.web.guards import limited, open_to_all

blp = Blueprint("partner token", __name__, url_prefix="/oauth", description="合作商户获取访问令牌（OAuth 2.0）")

discovery = Blueprint(
    "partner token metadata", __name__, url_prefix="/.well-known", description="OAuth 2.0 服务器元数据（RFC 8414）"
)

FORM = "application/x-www-form-urlencoded"

_REQUEST_BODY = {
    "required": True,
    "content": {
        FORM: {
            "schema": {
                "type": "object",
                "required": ["grant_type", "client_assertion_type", "client_assertion"],
                "properties": {
                    "grant_type": {"const": "client_credentials"},
                    "client_assertion_type": {"const": ASSERTION_TYPE},
                    "client_assertion": {
                        "type": "string",
                        "description": "用登记过的私钥以 ES256 签名的 JWT：iss 与 sub 为 client_id，aud 为本地址，"
                        "exp 在 5 分钟以内，jti 每次不同",
                    },
                    "client_id": {"type": "string", "description": "可不填；填写时须与 sub 一致"},
                    "scope": {
                        "type": "string",
                        "description": "以空格分隔，不填为全部："
                        + "；".join(f"{scope} {name}" for scope, name in PARTNER_SCOPES.items())
                        + "；只限数源单位："
                        + "；".join(f"{scope} {name}" for scope, name in DEPARTMENT_SCOPES.items()),
                    },
                },
            }
        }
    },
}


class TokenResponse(Schema):
    access_token = fields.String(required=True, metadata={"description": "放在 Authorization: Bearer 中"})
    token_type = fields.String(required=True, metadata={"description": "Bearer"})
    expires_in = fields.Integer(required=True, metadata={"description": "有效秒数"})
    scope = fields.String(required=True, metadata={"description": "令牌具有的权限，以空格分隔"})


class TokenRefusal(Schema):
    error = fields.String(required=True, metadata={"description": "RFC 6749 第 5.2 节的错误代码"})
    error_description = fields.String(metadata={"description": "English, as the RFC asks"})


class ServerMetadata(Schema):
    issuer = fields.Url(required=True, metadata={"description": "client_assertion 的 aud 填写此值"})
    token_endpoint = fields.Url(required=True, metadata={"description": "令牌地址，也可用作 aud"})
    grant_types_supported = fields.List(fields.String(), required=True)
    token_endpoint_auth_methods_supported = fields.List(fields.String(), required=True)
    token_endpoint_auth_signing_alg_values_supported = fields.List(fields.String(), required=True)
    scopes_supported = fields.List(fields.String(), required=True)
    response_types_supported = fields.List(fields.String(), required=True)


@blp.route("/token")
class Token(MethodView):
    @open_to_all
    @limited("oauth_token", most=600, window_seconds=60)
    @blp.doc(requestBody=_REQUEST_BODY)
    @blp.response(200, TokenResponse)
    @blp.alt_response(400, schema=TokenRefusal, content_type="application/json", success=False)
    def post(self) -> Response:
        """以 client_credentials 和 private_key_jwt 换取 10 分钟有效的访问令牌

        不需要 Idempotency-Key：每个 client_assertion 只能用一次（jti），重试时请重新签名。
        出错时按 RFC 6749 返回 {error, error_description}，不是 problem+json。
        """
        config = services().config
        with transaction() as session:
            answer = answer_token_request(
                session,
                form=list(request.form.items(multi=True)),
                token_url=_token_url(),
                issuer=config.public_url,
                now=now(),
            )
        response = jsonify(answer.body)
        response.status_code = answer.status
        for name, value in answer.headers:
            response.headers[name] = value
        return response


@discovery.route("/oauth-authorization-server")
class Metadata(MethodView):
    @open_to_all
    @limited("oauth_metadata", most=600, window_seconds=60)
    @discovery.response(200, ServerMetadata)
    def get(self) -> dict[str, object]:
        """令牌服务的地址和支持的方式"""
        return {
            "issuer": services().config.public_url,
            "token_endpoint": _token_url(),
            "grant_types_supported": [GRANT_TYPE],
            "token_endpoint_auth_methods_supported": [AUTH_METHOD],
            "token_endpoint_auth_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": sorted({*PARTNER_SCOPES, *DEPARTMENT_SCOPES}),
            # Required by RFC 8414; there is no authorization endpoint that could answer with one.
            "response_types_supported": [],
        }


def _token_url() -> str:
    return f"{services().config.public_url}/oauth/token"
