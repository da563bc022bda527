"""`create_app`: the one place where the server is put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider
from flask_smorest import Blueprint
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from backend.web.context import EXTENSION, Services
from backend.web.guards import CITIZEN_SCHEME, OFFICER_SCHEME
from backend.web.health import register_health
from backend.web.observability import register_observability
from backend.web.problems import ProblemApi, register_problems
from backend.web.static_sites import StaticSite, register_static_sites

LARGEST_BODY = 64 * 1024 * 1024
API_PREFIX = "/api/v1"

# Pages are our own builds: nothing is loaded from elsewhere, nothing inline runs as script.
_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)


class RowNumber(IntegerConverter):
    """`<int:…>` in an address: a number that no row can have is an address that leads nowhere."""

    def __init__(self, url_map: Map, fixed_digits: int = 0, min: int | None = None, max: int = 2**63 - 1) -> None:
        super().__init__(url_map, fixed_digits, min, max)


class OrjsonProvider(JSONProvider):
    """Faster, and writes moments and UUIDs the way the API promises."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)


def create_app(services: Services, *, surfaces: Sequence[Blueprint], sites: Sequence[StaticSite] = ()) -> Flask:
    """Build the server from its outside (`services`), its blueprints and the built web pages it serves."""
    app = Flask("osmanthus", static_folder=None)
    app.extensions[EXTENSION] = services
    app.json = OrjsonProvider(app)
    app.url_map.converters["int"] = RowNumber
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        PROPAGATE_EXCEPTIONS=False,
        API_TITLE=f"Osmanthus 桂花 · {services.config.city_name}信用服务",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    if front_servers := services.config.front_servers:
        # Otherwise everybody has the front server's address, and shares its limits.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=front_servers, x_proto=front_servers)  # type: ignore[method-assign]
    register_observability(app)
    register_problems(app)
    api = ProblemApi(app, spec_kwargs={"info": {"description": _API_DESCRIPTION}})
    for scheme, described in _SECURITY_SCHEMES.items():
        api.spec.components.security_scheme(scheme, described)
    for surface in surfaces:
        api.register_blueprint(surface)
    register_health(app)
    register_static_sites(app, sites)
    app.after_request(_harden)
    return app


_API_DESCRIPTION = (
    "分值一律为整数，单位为百分之一分（12345 表示 123.45 分）；金额一律为整数分；日期为 YYYY-MM-DD；"
    "时刻为 UTC 的 ISO 8601。出错时返回 application/problem+json（RFC 9457），请按 code 判断。"
)

_SECURITY_SCHEMES = {
    CITIZEN_SCHEME: {"type": "http", "scheme": "bearer", "description": "市民登录后得到的令牌"},
    OFFICER_SCHEME: {"type": "http", "scheme": "bearer", "description": "信用办工作人员登录后得到的令牌"},
    "partner": {
        "type": "http",
        "scheme": "bearer",
        "description": "合作商户在 /oauth/token 以 client_credentials 和 private_key_jwt 换得的令牌",
    },
    "staff": {
        "type": "http",
        "scheme": "bearer",
        "description": "店员在扫码核销页以登录码换得的令牌，30 天有效；合同期满后 403 contract_ended",
    },
    "department": {
        "type": "http",
        "scheme": "bearer",
        "description": "数源单位的系统以同样方式换得的令牌，须有相应权限；只能报送和查看本单位的数据",
    },
}


def _harden(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Content-Security-Policy", _CONTENT_SECURITY_POLICY)
    # For browsers inside older phones, which do not know `frame-ancestors`.
    response.headers.setdefault("X-Frame-Options", "DENY")
    if response.mimetype in {"application/json", "application/problem+json", "text/csv"}:
        # Answers of the API are somebody's data until a view says otherwise.
        response.headers.setdefault("Cache-Control", "no-store")
    return response
