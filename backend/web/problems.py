"""Errors as problem details (RFC 9457), and the one table that says which refusal is which HTTP status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

import marshmallow as ma
import orjson
import structlog
from flask import Flask, Response, g, request
from flask_smorest import Api
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from backend.errors import (
    Conflict,
    DomainError,
    Forbidden,
    NotFound,
    Refused,
    TooMany,
    Unauthenticated,
    Unavailable,
)

PROBLEM_JSON = "application/problem+json"
log = structlog.get_logger(__name__)

HTTP_STATUS: dict[type[DomainError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Refused: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

_HTTP_PROBLEMS = {
    400: ("bad_request", "请求的格式不正确，请检查后重新提交。"),
    401: ("unauthenticated", "请先登录。"),
    403: ("forbidden", "您没有进行此操作的权限。"),
    404: ("not_found", "没有找到您要的内容，请检查地址是否正确。"),
    405: ("method_not_allowed", "该地址不支持这种请求方式。"),
    406: ("not_acceptable", "无法按您要求的格式返回内容。"),
    413: ("too_large", "提交的内容太大，请减小后重新提交。"),
    415: ("unsupported_media_type", "请求的内容类型不受支持，请使用文档中注明的类型。"),
    422: ("validation_failed", "有内容没有填对，请按提示修改后重新提交。"),
    429: ("too_many_requests", "操作太频繁，请稍后再试。"),
    500: (
        "internal_error",
        "系统出了一点问题，我们已经记录下来。请稍后再试；如急需办理，请提供请求编号联系窗口。",
    ),
    503: ("unavailable", "服务暂时不可用，请稍后再试；刚才的操作没有生效。"),
}


class Problem(ma.Schema):
    """What every error answer looks like (RFC 9457). `code` is stable; sentences may be reworded.

    A refusal may carry more members of its own, such as the date by which an answer is due.
    """

    class Meta:
        unknown = ma.INCLUDE

    type = ma.fields.String(required=True, metadata={"description": "URI reference of the kind of problem"})
    title = ma.fields.String(required=True, metadata={"description": "The HTTP status in words"})
    status = ma.fields.Integer(required=True, metadata={"description": "The HTTP status"})
    code = ma.fields.String(required=True, metadata={"description": "Stable code to branch on"})
    detail = ma.fields.String(required=True, metadata={"description": "发生了什么、为什么、接下来怎么办"})
    request_id = ma.fields.String(metadata={"description": "Quote this when asking for help"})
    errors = ma.fields.Dict(metadata={"description": "What is wrong with which field, when the input is invalid"})


class ProblemApi(Api):
    """flask-smorest's Api, with its errors written and documented as problem details."""

    ERROR_SCHEMA = Problem
    DEFAULT_RESPONSE_CONTENT_TYPE: str

    def _register_responses(self) -> None:
        # The library documents errors under the default JSON type; ours have one of their own.
        usual: str = self.DEFAULT_RESPONSE_CONTENT_TYPE
        self.DEFAULT_RESPONSE_CONTENT_TYPE = PROBLEM_JSON
        super()._register_responses()
        self.DEFAULT_RESPONSE_CONTENT_TYPE = usual

    def handle_http_exception(self, error: HTTPException) -> Response:
        if error.response is not None:
            return cast(Response, error.response)
        status = error.code or 500
        # webargs raises 422 for a body that is JSON but breaks the schema, 400 for one that is not JSON.
        given: dict[str, Any] = getattr(error, "data", None) or {}
        code, detail = _HTTP_PROBLEMS.get(status, ("http_error", error.description or ""))
        extra: dict[str, object] = {}
        if messages := given.get("errors") or given.get("messages"):
            extra["errors"] = messages
        response = problem_response(status, code, detail, extra)
        # `Allow`, `WWW-Authenticate` and `Retry-After` belong to the answer as much as its body.
        for name, value in [*error.get_headers(), *(given.get("headers") or {}).items()]:
            if name.lower() not in {"content-type", "content-length"}:
                response.headers[name] = value
        return response


def problem_response(status: int, code: str, detail: str, extra: dict[str, object] | None = None) -> Response:
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": g.get("request_id", ""),
        **(extra or {}),
    }
    # A wrong item of a list is named by its place in it, which is a number.
    return Response(orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS), status=status, content_type=PROBLEM_JSON)


def register_problems(app: Flask) -> None:
    app.register_error_handler(DomainError, _render_domain_error)
    app.register_error_handler(OperationalError, _render_database_down)


def _render_domain_error(error: DomainError) -> Response:
    status = next(HTTP_STATUS[family] for family in type(error).__mro__ if family in HTTP_STATUS)
    response = problem_response(status, error.code, error.detail, dict(error.data))
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="osmanthus"'
    return response


def _render_database_down(error: OperationalError) -> Response:
    log.error("database_unavailable", path=request.path, error=type(error.orig).__name__)
    code, detail = _HTTP_PROBLEMS[503]
    response = problem_response(503, code, detail)
    response.headers["Retry-After"] = "5"
    return response
