"""What the citizen has been told, newest first, and marking it as read."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.notifications.models import Notification
from backend.notifications.service import (
    MAY_SWITCH_OFF,
    Recipient,
    count_unread,
    is_switched_off,
    mark_read,
    notifications_of,
    set_setting,
)
from backend.subjects.acting import subjects_of
from backend.subjects.service import get_subject
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.notifications import NotificationResponse, ReadRequest, ReadResponse
from backend.web.pages import PageQuery, page_of, page_schema

blp = Blueprint(
    "citizen notifications", __name__, url_prefix=f"{API_PREFIX}/me/notifications", description="消息通知"
)


class CitizenNotification(NotificationResponse):
    enterprise = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "关于所代表企业的，是哪家（统一社会信用代码）；关于本人的为 null"},
    )


class CitizenNotificationsPage(page_schema(CitizenNotification)):  # type: ignore[misc]
    unread = fields.Integer(required=True, metadata={"description": "全部未读条数"})


def _me(session: Session) -> list[Recipient]:
    """The citizen, and the enterprises that they legally represent today."""
    subject_ids = subjects_of(session, current_subject_id(), city_date(now()))
    return [Recipient(subject_id=subject_id) for subject_id in subject_ids]


@blp.route("")
class MyNotifications(MethodView):
    @signed_in_citizen
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, CitizenNotificationsPage)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本人和所代表企业收到的通知，新的在前，附未读条数"""
        with reading() as session:
            me = _me(session)
            found = notifications_of(session, me, before_id=query["cursor"], limit=query["limit"] + 1)
            items = [_answer(session, item) for item in found]
            return {
                **page_of(items, query["limit"], key=lambda item: item["id"]),
                "unread": count_unread(session, me),
            }


@blp.route("/reading")
class MyNotificationsReading(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(ReadRequest)
    @blp.response(200, ReadResponse)
    def post(self, body: dict[str, int]) -> dict[str, int]:
        """把这一条及更早的通知都标为已读"""
        with transaction() as session:
            me = _me(session)
            mark_read(session, me, now=now(), **body)
            return {"unread": count_unread(session, me)}


class NotificationSettingResponse(Schema):
    kind = fields.String(required=True, metadata={"description": "通知的事由代码"})
    name = fields.String(required=True, metadata={"description": "是什么通知"})
    on = fields.Boolean(required=True, metadata={"description": "现在是否发送"})


class NotificationSettingsResponse(Schema):
    items = fields.List(fields.Nested(NotificationSettingResponse), required=True)


class NotificationSettingRequest(Schema):
    kind = fields.String(
        required=True, validate=validate.OneOf(tuple(MAY_SWITCH_OFF)), metadata={"description": "通知的事由代码"}
    )
    on = fields.Boolean(required=True, truthy={True}, falsy={False}, metadata={"description": "是否发送"})


@blp.route("/settings")
class MyNotificationSettings(MethodView):
    @signed_in_citizen
    @blp.response(200, NotificationSettingsResponse)
    def get(self) -> dict[str, object]:
        """可以关闭的通知，现在是否发送"""
        with reading() as session:
            return _settings(session)

    @signed_in_citizen
    @idempotent
    @blp.arguments(NotificationSettingRequest)
    @blp.response(200, NotificationSettingsResponse)
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """打开或关闭一种通知"""
        with transaction() as session:
            set_setting(session, subject_id=current_subject_id(), **body)
            return _settings(session)


def _answer(session: Session, item: Notification) -> dict[str, Any]:
    mine = item.subject_id == current_subject_id()
    return {
        "id": item.id,
        "kind": item.kind,
        "title": item.title,
        "body": item.body,
        "about": item.about,
        "created_at": item.created_at,
        "read_at": item.read_at,
        "enterprise": None if mine else get_subject(session, item.subject_id or 0).public_code,
    }


def _settings(session: Session) -> dict[str, object]:
    return {
        "items": [
            {
                "kind": kind,
                "name": name,
                "on": not is_switched_off(session, subject_id=current_subject_id(), kind=kind),
            }
            for kind, name in MAY_SWITCH_OFF.items()
        ]
    }
