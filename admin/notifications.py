"""What officers have been told, by role: reminders, overdue clocks, alarms."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from backend.accounts.errors import ROLE_NAMES
from backend.notifications.service import Recipient, count_unread, mark_read, notifications_of
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_officer, signed_in_officer
from backend.web.idempotency import idempotent
from backend.web.notifications import NotificationsPage, ReadRequest, ReadResponse
from backend.web.pages import PageQuery, page_of

blp = Blueprint(
    "officer notifications", __name__, url_prefix=f"{API_PREFIX}/admin/notifications", description="工作台通知"
)


def _roles() -> list[Recipient]:
    """An officer's roles; for a department's officer, the department, which its own system reads as well."""
    officer = current_officer()
    if officer.department_code is not None:
        return [Recipient(partner_code=officer.department_code)]
    return [Recipient(officer_role=role) for role in sorted(officer.roles)]


@blp.route("")
class OfficerNotifications(MethodView):
    @signed_in_officer(*ROLE_NAMES)
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, NotificationsPage)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """发给本人各岗位（数源单位经办为本单位）的通知，新的在前，附未读条数"""
        with reading() as session:
            found = notifications_of(session, _roles(), before_id=query["cursor"], limit=query["limit"] + 1)
            page = page_of(found, query["limit"], key=lambda item: item.id)
            return {**page, "unread": count_unread(session, _roles())}


@blp.route("/reading")
class OfficerNotificationsReading(MethodView):
    @signed_in_officer(*ROLE_NAMES)
    @idempotent
    @blp.arguments(ReadRequest)
    @blp.response(200, ReadResponse)
    def post(self, body: dict[str, int]) -> dict[str, int]:
        """把这一条及更早的通知都标为已读；同岗位的人看到的也随之变为已读"""
        with transaction() as session:
            mark_read(session, _roles(), now=now(), **body)
            return {"unread": count_unread(session, _roles())}
