"""What the citizen has been told, newest first, and marking it as read."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from backend.notifications.service import Recipient, count_unread, mark_read, notifications_of
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.notifications import NotificationsPage, ReadRequest, ReadResponse
from backend.web.pages import PageQuery, page_of

blp = Blueprint(
    "citizen notifications", __name__, url_prefix=f"{API_PREFIX}/me/notifications", description="消息通知"
)


def _me() -> list[Recipient]:
    return [Recipient(subject_id=current_subject_id())]


@blp.route("")
class MyNotifications(MethodView):
    @signed_in_citizen
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, NotificationsPage)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """收到的通知，新的在前，附未读条数"""
        with reading() as session:
            found = notifications_of(session, _me(), before_id=query["cursor"], limit=query["limit"] + 1)
            page = page_of(found, query["limit"], key=lambda item: item.id)
            return {**page, "unread": count_unread(session, _me())}


@blp.route("/reading")
class MyNotificationsReading(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(ReadRequest)
    @blp.response(200, ReadResponse)
    def post(self, body: dict[str, int]) -> dict[str, int]:
        """把这一条及更早的通知都标为已读"""
        with transaction() as session:
            mark_read(session, _me(), now=now(), **body)
            return {"unread": count_unread(session, _me())}
