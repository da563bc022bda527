"""Who looked at the citizen's data (谁查了我)."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.ledger.models import LedgerEntry
from backend.ledger.service import ACTION_NAMES, entries_about
from backend.web import API_PREFIX
from backend.web.context import reading
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.moments import Moment
from backend.web.pages import PageQuery, page_of, page_schema

blp = Blueprint("citizen ledger", __name__, url_prefix=f"{API_PREFIX}/me/ledger", description="谁查了我")


class LedgerEntryResponse(Schema):
    id = fields.Integer(required=True, metadata={"description": "台账编号"})
    at = Moment(required=True, metadata={"description": "查询时刻（UTC）"})
    who = fields.String(required=True, metadata={"description": "谁"})
    who_kind = fields.String(
        required=True,
        metadata={
            "description": "citizen 本人，partner 合作商户，officer 信用办工作人员，department 政府部门，"
            "system 系统"
        },
    )
    action = fields.String(required=True, metadata={"description": "行为代码"})
    action_name = fields.String(required=True, metadata={"description": "做了什么"})
    basis = fields.String(required=True, metadata={"description": "依据什么"})
    purpose = fields.String(required=True, metadata={"description": "为了什么"})
    what = fields.String(required=True, metadata={"description": "看到或告知了什么；没有更多可说时为空"})


@blp.route("")
class MyLedger(MethodView):
    @signed_in_citizen
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_schema(LedgerEntryResponse))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """谁在什么时候、凭什么、为什么查了我，新的在前"""
        with reading() as session:
            found = entries_about(
                session, current_subject_id(), before_id=query["cursor"], limit=query["limit"] + 1
            )
            return page_of([_answer(entry) for entry in found], query["limit"], key=lambda item: item["id"])


def _answer(entry: LedgerEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "at": entry.at,
        "who": entry.actor_name,
        "who_kind": entry.actor_kind,
        "action": entry.action,
        "action_name": ACTION_NAMES.get(entry.action, entry.action),
        "basis": entry.basis,
        "purpose": entry.purpose,
        "what": _what(entry.detail),
    }


def _what(detail: dict[str, Any]) -> str:
    """The parts of an entry's detail that are words; ids and codes say nothing to a citizen."""
    parts = []
    if told := detail.get("told"):
        parts.append(f"告知结果：{told}")
    if templates := detail.get("templates"):
        parts.append(f"数据：{'、'.join(templates)}")
    if columns := detail.get("columns"):
        parts.append(f"栏目：{'、'.join(columns)}")
    return "；".join(parts)
