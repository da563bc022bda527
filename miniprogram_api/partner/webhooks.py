"""A partner's webhooks: where it is told, what was sent, and sending again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import limited
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import PageQuery, PlaceField, moment_of, page_of, page_schema, place
from backend.webhooks.models import WebhookDelivery, WebhookEndpoint
from backend.webhooks.service import (
    KIND_NAMES,
    deliveries_of,
    endpoints_of,
    register_endpoint,
    remove_endpoint,
    resend,
    rotate_secret,
    send_test,
)
from miniprogram_api.partner.access import current_partner, partner_token

blp = Blueprint("partner webhooks", __name__, url_prefix=f"{API_PREFIX}/partner/webhooks", description="回调")

SCOPE = "webhooks:manage"
_KINDS = sorted(KIND_NAMES.keys() - {"webhook.test"})


class NewWebhook(Schema):
    url = fields.String(
        required=True, validate=validate.Length(1, 500), metadata={"description": "https 地址，互联网可以访问"}
    )
    kinds = fields.List(
        fields.String(validate=validate.OneOf(_KINDS)),
        required=True,
        validate=validate.Length(1, len(_KINDS)),
        metadata={"description": "订阅哪些事件：" + "，".join(f"{kind} {KIND_NAMES[kind]}" for kind in _KINDS)},
    )


class WebhookResponse(Schema):
    id = fields.UUID(required=True)
    url = fields.String(required=True)
    kinds = fields.List(fields.String(), required=True)
    added_at = Moment(required=True)


class WebhookWithSecret(WebhookResponse):
    secret = fields.String(required=True, metadata={"description": "核对签名用，只显示这一次"})


class WebhooksResponse(Schema):
    items = fields.List(fields.Nested(WebhookResponse), required=True)


class WebhookDeliveryQuery(PageQuery):
    cursor = PlaceField(moment_of)
    state = fields.String(load_default=None, validate=validate.OneOf(("waiting", "delivered", "failed")))


class WebhookDeliveryResponse(Schema):
    id = fields.UUID(required=True)
    webhook_id = fields.UUID(required=True, metadata={"description": "发往哪个回调地址"})
    event_id = fields.String(required=True, metadata={"description": "即请求头 webhook-id，重发时不变"})
    kind = fields.String(required=True)
    state = fields.String(
        required=True, metadata={"description": "waiting 待送达，delivered 已送达，failed 未送达"}
    )
    attempts = fields.Integer(required=True)
    created_at = Moment(required=True)
    next_attempt_at = Moment(required=True, allow_none=True)
    last_status = fields.Integer(required=True, allow_none=True, metadata={"description": "对方回答的 HTTP 状态"})
    last_error = fields.String(required=True, allow_none=True)
    delivered_at = Moment(required=True, allow_none=True)


@blp.route("")
class Webhooks(MethodView):
    @partner_token(SCOPE)
    @blp.response(200, WebhooksResponse)
    def get(self) -> dict[str, object]:
        """本单位的回调地址"""
        with reading() as session:
            return {"items": [_webhook(one) for one in endpoints_of(session, current_partner().partner_id)]}

    @partner_token(SCOPE)
    @idempotent
    @blp.arguments(NewWebhook)
    @blp.response(201, WebhookWithSecret)
    @blp.alt_response(409, description="已经登记（webhook_exists）或太多（too_many_webhooks）")
    @blp.alt_response(422, description="地址不能使用（webhook_address_not_allowed）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """登记回调地址，得到核对签名用的密钥"""
        with transaction() as session:
            endpoint, secret = register_endpoint(
                session,
                services().keys,
                partner_id=current_partner().partner_id,
                now=now(),
                allow_local=services().config.is_on_this_machine,
                **body,
            )
            return {**_webhook(endpoint), "secret": secret}


@blp.route("/<uuid:webhook_id>")
class OneWebhook(MethodView):
    @partner_token(SCOPE)
    @idempotent
    @blp.response(204)
    def delete(self, webhook_id: UUID) -> None:
        """删除回调地址，未送达的不再发送"""
        with transaction() as session:
            remove_endpoint(session, webhook_id, partner_id=current_partner().partner_id)


@blp.route("/<uuid:webhook_id>/secret")
class WebhookSecret(MethodView):
    @partner_token(SCOPE)
    @idempotent
    @blp.response(201, WebhookWithSecret)
    def post(self, webhook_id: UUID) -> dict[str, object]:
        """更换签名密钥；24 小时内新旧两个签名同时给出"""
        with transaction() as session:
            endpoint, secret = rotate_secret(
                session, services().keys, webhook_id, partner_id=current_partner().partner_id, now=now()
            )
            return {**_webhook(endpoint), "secret": secret}


@blp.route("/<uuid:webhook_id>/test")
class WebhookTest(MethodView):
    @partner_token(SCOPE)
    @limited("webhook_sends", most=60, window_seconds=60)
    @idempotent
    @blp.response(201, WebhookDeliveryResponse)
    def post(self, webhook_id: UUID) -> dict[str, object]:
        """发一次测试回调"""
        with transaction() as session:
            return delivery_answer(
                send_test(session, webhook_id, partner_id=current_partner().partner_id, now=now())
            )


@blp.route("/deliveries")
class Deliveries(MethodView):
    @partner_token(SCOPE)
    @blp.arguments(WebhookDeliveryQuery, location="query")
    @blp.response(200, page_schema(WebhookDeliveryResponse))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """发给本单位的回调，新的在前"""
        with reading() as session:
            return deliveries_page(session, current_partner().partner_id, query)


@blp.route("/deliveries/<uuid:delivery_id>/resending")
class Resending(MethodView):
    @partner_token(SCOPE)
    @limited("webhook_sends", most=60, window_seconds=60)
    @idempotent
    @blp.response(200, WebhookDeliveryResponse)
    def post(self, delivery_id: UUID) -> dict[str, object]:
        """重新发送：编号和内容不变，收过的一方可以据此不重复处理"""
        with transaction() as session:
            return delivery_answer(
                resend(session, delivery_id, partner_id=current_partner().partner_id, now=now())
            )


def deliveries_page(session: Any, partner_id: UUID, query: dict[str, Any]) -> dict[str, object]:
    found = deliveries_of(
        session, partner_id, state=query["state"], before=query["cursor"], limit=query["limit"] + 1
    )
    page = page_of(found, query["limit"], lambda one: place(one.created_at, one.id))
    return {**page, "items": [delivery_answer(one) for one in found[: query["limit"]]]}


def delivery_answer(one: WebhookDelivery) -> dict[str, object]:
    return {
        "id": one.id,
        "webhook_id": one.endpoint_id,
        "event_id": one.event_id,
        "kind": one.kind,
        "state": one.state,
        "attempts": one.attempts,
        "created_at": one.created_at,
        "next_attempt_at": one.next_attempt_at if one.state == "waiting" else None,
        "last_status": one.last_status,
        "last_error": one.last_error,
        "delivered_at": one.delivered_at,
    }


def _webhook(one: WebhookEndpoint) -> dict[str, object]:
    return {
        "id": one.id,
        "url": one.url,
        "kinds": [kind for kind in one.kinds if kind != "webhook.test"],
        "added_at": one.added_at,
    }
