"""Searching the ledger as an auditor (台账查询): whoever looks here leaves a row as well."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.ledger.models import LedgerEntry
from backend.ledger.service import ACTION_NAMES, record_access
from backend.oversight.search import BASIS, MOST_EXPORTED, note_search, search_ledger
from backend.subjects.service import find_by_identifier, get_subject, masked_identifier, masked_name
from backend.web import API_PREFIX
from backend.web.context import now, services, transaction
from backend.web.guards import access_reason, officer_as_actor, signed_in_officer, states_reason
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import CursorField, page_of, page_schema

blp = Blueprint("officer ledger", __name__, url_prefix=f"{API_PREFIX}/admin/ledger", description="台账查询")


class AuditedSubject(Schema):
    name = fields.String(required=True, metadata={"description": "已脱敏"})
    identifier = fields.String(required=True, metadata={"description": "已脱敏"})


class AuditedEntry(Schema):
    id = fields.Integer(required=True)
    at = Moment(required=True)
    who = fields.String(required=True, metadata={"description": "查看人"})
    who_kind = fields.String(required=True)
    subject = fields.Nested(AuditedSubject, required=True, metadata={"description": "被查看人"})
    action_name = fields.String(required=True)
    basis = fields.String(required=True)
    purpose = fields.String(required=True)
    channel = fields.String(required=True)
    segment = fields.Integer(required=True, allow_none=True, metadata={"description": "封存于第几段"})


class LedgerQuestion(Schema):
    identifier = fields.String(
        load_default=None,
        validate=validate.Length(1, 32),
        metadata={"description": "被查看人的公民身份号码或统一社会信用代码"},
    )
    actor = fields.String(
        load_default=None,
        validate=validate.Length(1, 64),
        metadata={"description": "查看人姓名或单位名称的一部分"},
    )
    since = fields.Date(load_default=None, metadata={"description": "起始日期"})
    until = fields.Date(load_default=None, metadata={"description": "截止日期（含）"})


class LedgerPageQuestion(LedgerQuestion):
    cursor = CursorField(load_default=None, metadata={"description": "上一页返回的 next_cursor"})
    limit = fields.Integer(
        load_default=20, strict=True, validate=validate.Range(1, 100), metadata={"description": "每页条数"}
    )


class LedgerExportAnswer(Schema):
    filename = fields.String(required=True)
    rows = fields.Integer(required=True, metadata={"description": "导出条数，至多 5000"})
    csv = fields.String(required=True, metadata={"description": "文件内容（UTF-8，含 BOM）"})


@blp.route("/search")
class LedgerSearch(MethodView):
    @signed_in_officer("auditor")
    @states_reason
    @idempotent
    @blp.arguments(LedgerPageQuestion)
    @blp.response(200, page_schema(AuditedEntry))
    @blp.alt_response(404, description="登记册中没有这个号码（subject_not_found）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """查询台账，新的在前；不写号码时须给出 31 天以内的起止日期（search_too_wide）；查询记入台账"""
        limit = body.pop("limit")
        with transaction() as session:
            found = _search(session, body, limit=limit + 1)
            shown = [audited_entry(session, entry) for entry in found[:limit]]
            _note(session, found[:limit])
            page = page_of(found, limit, key=lambda entry: entry.id)
            return page | {"items": shown}


@blp.route("/export")
class LedgerExport(MethodView):
    @signed_in_officer("auditor")
    @states_reason
    @idempotent
    @blp.arguments(LedgerQuestion)
    @blp.response(200, LedgerExportAnswer)
    @blp.alt_response(404, description="登记册中没有这个号码（subject_not_found）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """把查询结果写成 CSV，至多 5000 条；号码已脱敏，导出记入台账"""
        with transaction() as session:
            found = _search(session, body, limit=MOST_EXPORTED)
            content = io.StringIO()
            # Excel recognises UTF-8 by the mark at the beginning.
            content.write("\ufeff")
            rows = csv.writer(content)
            rows.writerow(
                ["编号", "时刻（UTC）", "查看人", "被查看人", "号码", "做了什么", "依据", "目的", "渠道", "台账段"]
            )
            for entry in found:
                subject = _subject(session, entry.subject_id)
                cells = [
                    entry.id,
                    entry.at.isoformat(),
                    entry.actor_name,
                    subject["name"],
                    subject["identifier"],
                    ACTION_NAMES.get(entry.action, entry.action),
                    entry.basis,
                    entry.purpose,
                    entry.channel,
                    entry.segment or "",
                ]
                rows.writerow([_harmless(str(cell)) for cell in cells])
            _note(session, found)
            filename = f"ledger-{city_date(now()):%Y%m%d}.csv"
            return {"filename": filename, "rows": len(found), "csv": content.getvalue()}


def _search(session: Session, body: dict[str, Any], *, limit: int) -> Sequence[LedgerEntry]:
    """The person is noted even when nobody has looked at them: asking about someone is a look as well."""
    subject_id = None
    if (identifier := body["identifier"]) is not None:
        subject_id = find_by_identifier(session, keys=services().keys, identifier=identifier).id
    found = search_ledger(
        session,
        subject_id=subject_id,
        actor=body["actor"],
        since=body["since"],
        until=body["until"],
        before_id=body.get("cursor"),
        limit=limit,
    )
    if subject_id is not None and not found:
        record_access(
            session,
            subject_id=subject_id,
            actor=officer_as_actor(),
            action="ledger_searched",
            basis=BASIS,
            purpose=access_reason(),
            detail={},
            channel="console",
            now=now(),
        )
    return found


def audited_entry(session: Session, entry: LedgerEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "at": entry.at,
        "who": entry.actor_name,
        "who_kind": entry.actor_kind,
        "subject": _subject(session, entry.subject_id),
        "action_name": ACTION_NAMES.get(entry.action, entry.action),
        "basis": entry.basis,
        "purpose": entry.purpose,
        "channel": entry.channel,
        "segment": entry.segment,
    }


def _note(session: Session, entries: Sequence[LedgerEntry]) -> None:
    note_search(
        session,
        entries,
        auditor=officer_as_actor(),
        reason=access_reason(),
        action="ledger_searched",
        now=now(),
    )


def _subject(session: Session, subject_id: int) -> dict[str, object]:
    keys, subject = services().keys, get_subject(session, subject_id)
    return {
        "name": masked_name(keys, subject),
        "identifier": masked_identifier(keys, subject),
    }


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet would run as a formula is shown as text."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell
