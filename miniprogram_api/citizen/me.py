"""Who is signed in, and opening or leaving one's own score."""

from __future__ import annotations

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.authorizations.notices import ACTIVATION_NOTICE, Notice
from backend.authorizations.service import activation_of
from backend.city_calendar import city_date
from backend.scores.activation import activate_score, leave_score
from backend.subjects.service import (
    get_subject,
    is_adult,
    masked_identifier,
    masked_name,
    represented_by,
)
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import current_subject_id, open_to_all, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint("citizen", __name__, url_prefix=API_PREFIX, description="市民本人")


class RepresentedEnterprise(Schema):
    public_code = fields.String(required=True, metadata={"description": "统一社会信用代码"})
    name = fields.String(required=True, metadata={"description": "单位名称"})
    kind = fields.String(required=True, metadata={"description": "enterprise 企业；organisation 非企业组织"})
    role = fields.String(required=True, metadata={"description": "legal_representative 表示法定代表人"})


class MeResponse(Schema):
    name = fields.String(required=True, metadata={"description": "姓名（已脱敏）"})
    identifier = fields.String(required=True, metadata={"description": "公民身份号码（已脱敏）"})
    adult = fields.Boolean(required=True, metadata={"description": "是否年满 18 周岁；未满的不计算信用分"})
    activated = fields.Boolean(required=True, metadata={"description": "是否已开通信用分"})
    activated_at = Moment(required=True, allow_none=True, metadata={"description": "开通时刻（UTC）"})
    city_name = fields.String(required=True, metadata={"description": "城市名称"})
    enterprises = fields.List(
        fields.Nested(RepresentedEnterprise),
        required=True,
        metadata={"description": "本人可以代表的企业和非企业组织"},
    )


class NoticeResponse(Schema):
    version = fields.String(required=True, metadata={"description": "告知书版本，开通时原样提交"})
    title = fields.String(required=True, metadata={"description": "标题"})
    paragraphs = fields.List(fields.String(), required=True, metadata={"description": "正文，每段一项"})


class ActivationRequest(Schema):
    notice_version = fields.String(
        required=True, validate=validate.Length(1, 32), metadata={"description": "所阅读的告知书版本"}
    )
    agreed = fields.Boolean(
        required=True,
        truthy={True},
        falsy={False},
        validate=validate.Equal(True, error="须由本人勾选同意。"),
        metadata={"description": "本人阅读告知书后勾选同意，必须为 true"},
    )


class ActivationResponse(Schema):
    consent_id = fields.UUID(required=True, metadata={"description": "同意的编号，可在授权管理中查看"})
    activated_at = Moment(required=True, metadata={"description": "开通时刻（UTC）"})


@blp.route("/me")
class Me(MethodView):
    @signed_in_citizen
    @blp.response(200, MeResponse)
    def get(self) -> dict[str, object]:
        """当前登录的市民"""
        with reading() as session:
            today = city_date(now())
            subject = get_subject(session, current_subject_id())
            activation = activation_of(session, subject.id)
            return {
                "name": masked_name(services().keys, subject),
                "identifier": masked_identifier(services().keys, subject),
                "adult": is_adult(subject, today),
                "activated": activation is not None,
                "activated_at": activation.given_at if activation else None,
                "city_name": services().config.city_name,
                "enterprises": [
                    {
                        "public_code": enterprise.public_code,
                        "name": enterprise.public_name,
                        "kind": enterprise.kind,
                        "role": "legal_representative",
                    }
                    for enterprise in represented_by(session, subject.id, today)
                ],
            }


@blp.route("/activation-notice")
class ActivationNotice(MethodView):
    @open_to_all
    @blp.response(200, NoticeResponse)
    def get(self) -> Notice:
        """开通信用分前须阅读的告知书"""
        return ACTIVATION_NOTICE


@blp.route("/me/activation")
class Activation(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(ActivationRequest)
    @blp.response(201, ActivationResponse)
    def post(self, body: dict[str, object]) -> dict[str, object]:
        """开通信用分：本人同意后，几秒内算出分数"""
        with transaction() as session:
            consent = activate_score(
                session,
                subject_id=current_subject_id(),
                notice_version=str(body["notice_version"]),
                evidence={"agreed": True, "client": request.headers.get("User-Agent", "")[:200]},
                now=now(),
            )
            return {"consent_id": consent.id, "activated_at": consent.given_at}

    @signed_in_citizen
    @idempotent
    @blp.response(204)
    def delete(self) -> None:
        """停用信用分：分数立即删除，以此为基础的授权同时终止"""
        with transaction() as session:
            leave_score(session, subject_id=current_subject_id(), now=now())
