"""An entry of a list (名单) as each surface shows it: the public page, the console, the subject's own page."""

from __future__ import annotations

from marshmallow import Schema, fields

from backend.publicity.service import ListEntry


class ListEntryResponse(Schema):
    list_name = fields.String(required=True, metadata={"description": "名单名称"})
    basis = fields.String(required=True, metadata={"description": "列入的依据"})
    title = fields.String(required=True, metadata={"description": "列入事由"})
    level_name = fields.String(required=True, allow_none=True, metadata={"description": "级别"})
    listed_on = fields.Date(required=True, metadata={"description": "列入日期"})
    until = fields.Date(
        required=True, allow_none=True, metadata={"description": "最迟列到这一天；没有期限时为 null"}
    )
    source_department = fields.String(required=True, metadata={"description": "列入单位"})
    disputed = fields.Boolean(required=True, metadata={"description": "当事人有异议，正在核查"})
    statements = fields.List(fields.String(), required=True, metadata={"description": "当事人的声明"})


class OwnListEntryResponse(ListEntryResponse):
    record_id = fields.Integer(required=True, metadata={"description": "所依据的记录，可以对它提出异议"})


def list_entry(entry: ListEntry) -> dict[str, object]:
    record = entry.published.record
    return {
        "list_name": entry.list_name,
        "basis": entry.basis,
        "title": record.title,
        "level_name": entry.published.level_name,
        "listed_on": record.event_on,
        "until": entry.until,
        "source_department": record.source_department,
        "disputed": entry.published.disputed,
        "statements": entry.published.statements,
        "record_id": record.id,
    }
