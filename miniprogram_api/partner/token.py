"""The OAuth 2.0 endpoints: authorization by a citizen, tokens, revocation, introspection, metadata."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify, redirect, request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import INCLUDE, Schema, fields

from backend.authorizations.assertions import ALGORITHM, ASSERTION_TYPE
from backend.authorizations.authorization_endpoint import (
    CHALLENGE_METHOD,
    RESPONSE_TYPE,
    BackToTheClient,
    open_request,
)
from backend.authorizations.consent_scopes import CONSENT_SCOPES, ENTERPRISE_SCOPES
from backend.authorizations.token_endpoint import (
    AUTH_METHOD,
    GRANT_TYPES,
    TokenAnswer,
    answer_introspection_request,
    answer_revocation_request,
    answer_token_request,
)
from backend.authorizations.tokens import DEPARTMENT_SCOPES, INSTITUTION_SCOPES, PARTNER_SCOPES
from backend.web.context import now, services, transaction
from backend.web.guards import limited, open_to_all

blp = Blueprint("partner token", __name__, url_prefix="/oauth", description="合作商户获取访问令牌（OAuth 2.0）")

discovery = Blueprint(
    "partner token metadata", __name__, url_prefix="/.well-known", description="OAuth 2.0 服务器元数据（RFC 8414）"
)

FORM = "application/x-www-form-urlencoded"
SCREEN = "/m/#/pages/authorizations/consent"

_ASSERTION = {
    "client_assertion_type": {"const": ASSERTION_TYPE},
    "client_assertion": {
        "type": "string",
        "description": "用登记过的私钥以 ES256 签名的 JWT：iss 与 sub 为 client_id，aud 为 issuer 或令牌地址，"
        "exp 在 5 分钟以内，jti 每次不同",
    },
    "client_id": {"type": "string", "description": "可不填；填写时须与 sub 一致"},
}


def _form(properties: dict[str, object], *required: str) -> dict[str, object]:
    schema = {
        "type": "object",
        "required": [*required, "client_assertion_type", "client_assertion"],
        "properties": {**properties, **_ASSERTION},
    }
    return {"required": True, "content": {FORM: {"schema": schema}}}


_TOKEN_FORM = _form(
    {
        "grant_type": {
            "enum": list(GRANT_TYPES["institution"]),
            "description": "authorization_code 和 refresh_token 只限机构",
        },
        "scope": {
            "type": "string",
            "description": "以空格分隔，不填为全部："
            + "；".join(f"{scope} {name}" for scope, name in PARTNER_SCOPES.items())
            + "；只限机构："
            + "；".join(f"{scope} {name}" for scope, name in INSTITUTION_SCOPES.items())
            + "；只限数源单位："
            + "；".join(f"{scope} {name}" for scope, name in DEPARTMENT_SCOPES.items()),
        },
        "code": {"type": "string", "description": "授权码，60 秒有效，只能用一次"},
        "redirect_uri": {"type": "string", "description": "与请求授权时一致"},
        "code_verifier": {"type": "string", "description": "PKCE 的原值（RFC 7636）"},
        "refresh_token": {"type": "string", "description": "只能用一次，换得新的访问令牌和新的 refresh_token"},
    },
    "grant_type",
)
_ONE_TOKEN_FORM = _form(
    {
        "token": {"type": "string"},
        "token_type_hint": {"enum": ["access_token", "refresh_token"]},
    },
    "token",
)


class TokenResponse(Schema):
    access_token = fields.String(required=True, metadata={"description": "放在 Authorization: Bearer 中"})
    token_type = fields.String(required=True, metadata={"description": "Bearer"})
    expires_in = fields.Integer(required=True, metadata={"description": "有效秒数"})
    refresh_token = fields.String(
        metadata={"description": "只在市民授权后给出，用来换新的访问令牌，直到授权结束；只能用一次"}
    )
    scope = fields.String(required=True, metadata={"description": "令牌具有的权限，以空格分隔"})


class TokenRefusal(Schema):
    error = fields.String(required=True, metadata={"description": "RFC 6749 第 5.2 节的错误代码"})
    error_description = fields.String(metadata={"description": "English, as the RFC asks"})


class ServerMetadata(Schema):
    issuer = fields.Url(required=True, metadata={"description": "client_assertion 的 aud 填写此值"})
    authorization_endpoint = fields.Url(required=True, metadata={"description": "请市民授权的地址"})
    revocation_endpoint = fields.Url(required=True)
    revocation_endpoint_auth_methods_supported = fields.List(fields.String(), required=True)
    introspection_endpoint = fields.Url(required=True)
    introspection_endpoint_auth_methods_supported = fields.List(fields.String(), required=True)
    code_challenge_methods_supported = fields.List(fields.String(), required=True)
    authorization_response_iss_parameter_supported = fields.Boolean(required=True)
    token_endpoint = fields.Url(required=True, metadata={"description": "令牌地址，也可用作 aud"})
    grant_types_supported = fields.List(fields.String(), required=True)
    token_endpoint_auth_methods_supported = fields.List(fields.String(), required=True)
    token_endpoint_auth_signing_alg_values_supported = fields.List(fields.String(), required=True)
    scopes_supported = fields.List(fields.String(), required=True)
    response_types_supported = fields.List(fields.String(), required=True)


class AuthorizeQuery(Schema):
    class Meta:
        unknown = INCLUDE

    response_type = fields.String(metadata={"description": "code"})
    client_id = fields.String(metadata={"description": "机构代码"})
    redirect_uri = fields.String(metadata={"description": "登记过的回调地址，须完全一致"})
    scope = fields.String(
        metadata={
            "description": "以空格分隔，须是为本机构核定的："
            + "；".join(f"{scope} {one.name}" for scope, one in CONSENT_SCOPES.items())
        }
    )
    state = fields.String(metadata={"description": "原样带回，最多 512 字"})
    code_challenge = fields.String(metadata={"description": "PKCE，S256，43 字"})
    code_challenge_method = fields.String(metadata={"description": "S256"})
    enterprise = fields.String(
        metadata={
            "description": "请法定代表人代企业授权时，该企业的统一社会信用代码；可请求："
            + "；".join(f"{scope} {one.name}" for scope, one in ENTERPRISE_SCOPES.items())
        }
    )


class IntrospectionResponse(Schema):
    active = fields.Boolean(required=True, metadata={"description": "现在是否有效；无效时没有其他成员"})
    scope = fields.String(metadata={"description": "现在还可以使用的权限"})
    client_id = fields.String()
    token_type = fields.String(metadata={"description": "Bearer 或 refresh_token"})
    iat = fields.Integer()
    exp = fields.Integer()


@blp.route("/authorize")
class Authorize(MethodView):
    @open_to_all
    @limited("oauth_authorize", most=120, window_seconds=60)
    @blp.arguments(AuthorizeQuery, location="query")
    @blp.response(302)
    @blp.alt_response(422, description="不是已登记的机构或地址（authorization_request_invalid）：不会跳转")
    def get(self, _query: dict[str, Any]) -> Response:
        """请市民授权（RFC 6749 授权码方式，PKCE S256）：转到市民的授权页面

        市民决定后，浏览器回到 redirect_uri，带 code（或 error）、state 和 iss（RFC 9207）。
        """
        config = services().config
        with transaction() as session:
            outcome = open_request(
                session,
                query=list(request.args.items(multi=True)),
                authorize_url=_url("authorize"),
                issuer=config.public_url,
                now=now(),
            )
        if isinstance(outcome, BackToTheClient):
            location = outcome.location
        else:
            location = f"{config.public_url}{SCREEN}?request={outcome.handle}"
        response = redirect(location, 302)
        response.headers["Cache-Control"] = "no-store"
        return response


@blp.route("/token")
class Token(MethodView):
    @open_to_all
    @limited("oauth_token", most=600, window_seconds=60)
    @blp.doc(requestBody=_TOKEN_FORM)
    @blp.response(200, TokenResponse)
    @blp.alt_response(400, schema=TokenRefusal, content_type="application/json", success=False)
    def post(self) -> Response:
        """换取 10 分钟有效的访问令牌，以 private_key_jwt 证明身份

        不需要 Idempotency-Key：每个 client_assertion 只能用一次（jti），重试时请重新签名。
        出错时按 RFC 6749 返回 {error, error_description}，不是 problem+json。
        """
        return _told(answer_token_request)


@blp.route("/revoke")
class Revocation(MethodView):
    @open_to_all
    @limited("oauth_revoke", most=600, window_seconds=60)
    @blp.doc(requestBody=_ONE_TOKEN_FORM)
    @blp.response(200)
    @blp.alt_response(400, schema=TokenRefusal, content_type="application/json", success=False)
    def post(self) -> Response:
        """作废一个令牌（RFC 7009）；作废 refresh_token 时，同一次授权的全部令牌一并作废"""
        return _told(answer_revocation_request)


@blp.route("/introspect")
class Introspection(MethodView):
    @open_to_all
    @limited("oauth_introspect", most=600, window_seconds=60)
    @blp.doc(requestBody=_ONE_TOKEN_FORM)
    @blp.response(200, IntrospectionResponse)
    @blp.alt_response(400, schema=TokenRefusal, content_type="application/json", success=False)
    def post(self) -> Response:
        """查询本单位的一个令牌现在是否有效、还有哪些权限（RFC 7662）；别家的令牌一律答无效"""
        return _told(answer_introspection_request)


@discovery.route("/oauth-authorization-server")
class Metadata(MethodView):
    @open_to_all
    @limited("oauth_metadata", most=600, window_seconds=60)
    @discovery.response(200, ServerMetadata)
    def get(self) -> dict[str, object]:
        """授权与令牌服务的地址和支持的方式"""
        return {
            "issuer": services().config.public_url,
            "authorization_endpoint": _url("authorize"),
            "token_endpoint": _url("token"),
            "revocation_endpoint": _url("revoke"),
            "introspection_endpoint": _url("introspect"),
            "grant_types_supported": list(GRANT_TYPES["institution"]),
            "token_endpoint_auth_methods_supported": [AUTH_METHOD],
            "revocation_endpoint_auth_methods_supported": [AUTH_METHOD],
            "introspection_endpoint_auth_methods_supported": [AUTH_METHOD],
            "token_endpoint_auth_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": sorted(
                {*PARTNER_SCOPES, *DEPARTMENT_SCOPES, *INSTITUTION_SCOPES, *CONSENT_SCOPES}
            ),
            "response_types_supported": [RESPONSE_TYPE],
            "code_challenge_methods_supported": [CHALLENGE_METHOD],
            "authorization_response_iss_parameter_supported": True,
        }


def _told(endpoint: Callable[..., TokenAnswer]) -> Response:
    with transaction() as session:
        answer = endpoint(
            session,
            form=list(request.form.items(multi=True)),
            token_url=_url("token"),
            issuer=services().config.public_url,
            now=now(),
        )
    response = jsonify(answer.body)
    response.status_code = answer.status
    for name, value in answer.headers:
        response.headers[name] = value
    return response


def _url(endpoint: str) -> str:
    return f"{services().config.public_url}/oauth/{endpoint}"
