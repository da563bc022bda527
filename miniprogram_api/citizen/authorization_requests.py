"""The consent screen: an institution has sent the citizen's browser here and waits for an answer."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from backend.authorizations.authorization_endpoint import (
    AskedScope,
    ConsentScreen,
    consent_screen,
    decide_request_by_screen,
)
from backend.authorizations.notices import DATA_NAMES, SHARING_NOTICE
from backend.authorizations.service import frequency_in_words
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import current_subject_id, limited, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint(
    "citizen authorization requests",
    __name__,
    url_prefix=f"{API_PREFIX}/me/authorization-requests",
    description="机构请您授权",
)


class AskedScopeResponse(Schema):
    scope = fields.String(required=True, metadata={"description": "这一项的代码"})
    name = fields.String(required=True, metadata={"description": "这一项的名称"})
    data = fields.List(fields.String(), required=True, metadata={"description": "使用哪些信息"})
    output = fields.String(required=True, metadata={"description": "对方最终得知什么"})
    purpose = fields.String(required=True, metadata={"description": "用于什么"})
    longest_days = fields.Integer(required=True, metadata={"description": "最长可以同意多少天"})
    frequency = fields.String(
        required=True, allow_none=True, metadata={"description": "约定的次数；没有另外约定时为 null"}
    )
    needs_activation = fields.Boolean(
        required=True, metadata={"description": "您还没有开通信用分，这一项现在不能同意"}
    )
    held_until = Moment(
        required=True, allow_none=True, metadata={"description": "此前的授权到这一刻；重新同意后以新的为准"}
    )


class OnBehalfOf(Schema):
    public_code = fields.String(required=True, metadata={"description": "企业的统一社会信用代码"})
    name = fields.String(
        required=True, allow_none=True, metadata={"description": "企业名称；您不是其法定代表人时为 null"}
    )
    represented = fields.Boolean(
        required=True, metadata={"description": "您现在是其法定代表人；不是的不能代它授权，只能返回"}
    )


class AuthorizationRequestResponse(Schema):
    institution = fields.String(required=True, metadata={"description": "谁请您授权"})
    public_code = fields.String(required=True, allow_none=True, metadata={"description": "其统一社会信用代码"})
    on_behalf_of = fields.Nested(
        OnBehalfOf, required=True, allow_none=True, metadata={"description": "代哪家企业授权；为本人授权时为 null"}
    )
    asked = fields.List(fields.Nested(AskedScopeResponse), required=True, metadata={"description": "逐项决定"})
    notice_version = fields.String(required=True, metadata={"description": "同意时填写"})
    notice = fields.List(fields.String(), required=True, metadata={"description": "告知书各段"})
    expires_at = Moment(required=True, metadata={"description": "请在此前决定（UTC）"})


class AgreedScope(Schema):
    scope = fields.String(required=True, validate=validate.Length(1, 64))
    days = fields.Integer(required=True, strict=True, validate=validate.Range(1, 3_660))


class ScreenDecisionRequest(Schema):
    agreed = fields.List(
        fields.Nested(AgreedScope),
        required=True,
        validate=validate.Length(max=20),
        metadata={"description": "同意哪几项，各多少天；一项都不同意时为空"},
    )
    notice_version = fields.String(required=True, validate=validate.Length(1, 64))

    @validates_schema
    def check_named_once(self, data: dict[str, Any], **_: object) -> None:
        scopes = [one["scope"] for one in data["agreed"]]
        if len(set(scopes)) < len(scopes):
            raise ValidationError("同一项只能出现一次。", "agreed")


class ScreenDecisionResponse(Schema):
    redirect_to = fields.String(required=True, metadata={"description": "请让浏览器回到这里"})


@blp.route("/<string(maxlength=64):handle>")
class MyAuthorizationRequest(MethodView):
    @signed_in_citizen
    @limited("authorization_request", most=120, window_seconds=60)
    @blp.response(200, AuthorizationRequestResponse)
    @blp.alt_response(404, description="已经办完或已过期（authorization_request_not_found）")
    def get(self, handle: str) -> dict[str, object]:
        """谁请您授权什么、为什么、最长多久"""
        with reading() as session:
            screen = consent_screen(session, handle=handle, person_id=current_subject_id(), now=now())
            return {
                "institution": screen.partner.name,
                "public_code": screen.partner.public_code,
                "on_behalf_of": _on_behalf_of(screen),
                "asked": [_line(line) for line in screen.asked],
                "notice_version": SHARING_NOTICE.version,
                "notice": SHARING_NOTICE.paragraphs,
                "expires_at": screen.expires_at,
            }


@blp.route("/<string(maxlength=64):handle>/decision")
class MyAuthorizationRequestDecision(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(ScreenDecisionRequest)
    @blp.response(200, ScreenDecisionResponse)
    @blp.alt_response(403, description="不是该企业的现任法定代表人（not_legal_representative）")
    @blp.alt_response(404, description="已经办完或已过期（authorization_request_not_found）")
    @blp.alt_response(409, description="告知书已更新（notice_outdated）")
    @blp.alt_response(422, description="没有请求这一项或不能同意（scope_not_asked）；期限不对（term_required）")
    def post(self, body: dict[str, Any], handle: str) -> dict[str, object]:
        """逐项决定；不同意没有任何其他后果"""
        with transaction() as session:
            location = decide_request_by_screen(
                session,
                handle=handle,
                person_id=current_subject_id(),
                agreed={one["scope"]: one["days"] for one in body["agreed"]},
                notice_version=body["notice_version"],
                evidence={"screen": "authorize", "client": request.headers.get("User-Agent", "")[:200]},
                issuer=services().config.public_url,
                now=now(),
            )
        return {"redirect_to": location}


def _on_behalf_of(screen: ConsentScreen) -> dict[str, object] | None:
    if screen.enterprise_code is None:
        return None
    return {
        "public_code": screen.enterprise_code,
        "name": screen.acting.subject.public_name if screen.acting else None,
        "represented": screen.acting is not None,
    }


def _line(line: AskedScope) -> dict[str, object]:
    return {
        "scope": line.scope,
        "name": line.described.name,
        "data": [DATA_NAMES[category] for category in line.described.data_categories],
        "output": line.described.output,
        "purpose": line.terms.purpose,
        "longest_days": line.terms.longest_days,
        "frequency": frequency_in_words(line.terms.frequency_most, line.terms.frequency_days),
        "needs_activation": line.needs_activation,
        "held_until": line.held_until,
    }
