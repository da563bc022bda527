"""What a partner has been told: above all, that an earlier answer to it rested on data since corrected."""

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
from miniprogram_api.partner.access import current_partner, partner_token

blp = Blueprint(
    "partner notifications",
    __name__,
    url_prefix=f"{API_PREFIX}/partner/notifications",
    description="给合作商户的通知",
)


def _us() -> list[Recipient]:
    return [Recipient(partner_code=current_partner().code)]


@blp.route("")
class PartnerNotifications(MethodView):
    @partner_token("notifications:read")
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, NotificationsPage)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """发给本单位的通知，新的在前，附未读条数

        `earlier_answer_corrected` 表示此前一次答复（`about` 为 `check:核验编号` 等）所依据的数据已经更正，
        请在需要时重新查询；通知不说明更正了什么。
        """
        with reading() as session:
            found = notifications_of(session, _us(), before_id=query["cursor"], limit=query["limit"] + 1)
            page = page_of(found, query["limit"], key=lambda item: item.id)
            return {**page, "unread": count_unread(session, _us())}


@blp.route("/reading")
class PartnerNotificationsReading(MethodView):
    @partner_token("notifications:read")
    @idempotent
    @blp.arguments(ReadRequest)
    @blp.response(200, ReadResponse)
    def post(self, body: dict[str, int]) -> dict[str, int]:
        """把这一条及更早的通知都标为已读"""
        with transaction() as session:
            mark_read(session, _us(), now=now(), **body)
            return {"unread": count_unread(session, _us())}
