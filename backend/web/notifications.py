"""How a page of notifications looks over HTTP: the same for citizens, officers and departments."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from backend.web.moments import Moment
from backend.web.pages import page_schema


class NotificationResponse(Schema):
    id = fields.Integer(required=True, metadata={"description": "通知编号"})
    kind = fields.String(required=True, metadata={"description": "事由代码，如 objection_answered"})
    title = fields.String(required=True, metadata={"description": "标题"})
    body = fields.String(required=True, metadata={"description": "正文"})
    about = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "指向的事项，写作“类型:编号”，如 objection:…；不指向事项时为 null"},
    )
    created_at = Moment(required=True, metadata={"description": "发出时刻（UTC）"})
    read_at = Moment(required=True, allow_none=True, metadata={"description": "标为已读的时刻；未读时为 null"})


class NotificationsPage(page_schema(NotificationResponse)):  # type: ignore[misc]
    unread = fields.Integer(required=True, metadata={"description": "全部未读条数"})


class ReadRequest(Schema):
    up_to_id = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, 2**63 - 1), metadata={"description": "读到哪一条"}
    )


class ReadResponse(Schema):
    unread = fields.Integer(required=True, metadata={"description": "余下的未读条数"})
