"""What a source department has been told: cases in its inbox, reminders, alarms, corrected answers."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from backend.notifications.service import Recipient, count_unread, mark_read, notifications_of
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.idempotency import idempotent
from backend.web.notifications import NotificationsPage, ReadRequest, ReadResponse
from backend.web.pages import PageQuery, page_of
from miniprogram_api.department.access import current_department, department_token
from miniprogram_api.department.cases import CASES, OBJECTIONS

blp = Blueprint(
    "department notifications",
    __name__,
    url_prefix=f"{API_PREFIX}/department/notifications",
    description="给数源单位的通知",
)


def _us() -> list[Recipient]:
    return [Recipient(partner_code=current_department().code)]


@blp.route("")
class DepartmentNotifications(MethodView):
    @department_token(OBJECTIONS, CASES)
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, NotificationsPage)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """发给本单位的通知，新的在前，附未读条数"""
        with reading() as session:
            found = notifications_of(session, _us(), before_id=query["cursor"], limit=query["limit"] + 1)
            page = page_of(found, query["limit"], key=lambda item: item.id)
            return {**page, "unread": count_unread(session, _us())}


@blp.route("/reading")
class DepartmentNotificationsReading(MethodView):
    @department_token(OBJECTIONS, CASES)
    @idempotent
    @blp.arguments(ReadRequest)
    @blp.response(200, ReadResponse)
    def post(self, body: dict[str, int]) -> dict[str, int]:
        """把这一条及更早的通知都标为已读；本单位经办人看到的也随之变为已读"""
        with transaction() as session:
            mark_read(session, _us(), now=now(), **body)
            return {"unread": count_unread(session, _us())}
