"""Who looked at the citizen's data (谁查了我), and complaining about a look that should not have been."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.authorizations.models import Consent
from backend.authorizations.notices import DATA_NAMES
from backend.authorizations.service import frequency_in_words
from backend.ledger.models import LedgerEntry
from backend.ledger.service import ACTION_NAMES, entries_about
from backend.oversight.alerts import unusual_entries
from backend.oversight.complaints import (
    complaints_about,
    complaints_of,
    file_complaint,
    withdraw_complaint,
)
from backend.oversight.looks import consents_in, titles_in
from backend.oversight.models import AccessComplaint
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import PageQuery, page_of, page_schema
from miniprogram_api.citizen.acting import ActingQuery, acting

blp = Blueprint("citizen ledger", __name__, url_prefix=f"{API_PREFIX}/me/ledger", description="谁查了我")
complaints = Blueprint(
    "citizen access complaints",
    __name__,
    url_prefix=f"{API_PREFIX}/me/access-complaints",
    description="对查看的投诉",
)

WHO_KINDS = ("partner", "officer", "department", "system", "citizen")


class LedgerQuery(PageQuery, ActingQuery):
    who_kind = fields.String(
        load_default=None, validate=validate.OneOf(WHO_KINDS), metadata={"description": "只看某一类查看人"}
    )


class LedgerConsent(Schema):
    id = fields.UUID(required=True, metadata={"description": "授权编号"})
    purpose = fields.String(required=True, metadata={"description": "约定用于什么"})
    data = fields.List(fields.String(), required=True, metadata={"description": "约定使用哪些信息"})
    output = fields.String(required=True, metadata={"description": "约定对方得知什么"})
    frequency = fields.String(required=True, allow_none=True, metadata={"description": "约定的次数"})
    given_at = Moment(required=True, allow_none=True, metadata={"description": "您同意的时刻（UTC）"})
    expires_at = Moment(
        required=True, allow_none=True, metadata={"description": "约定的期限（UTC）；直到撤回为止时为 null"}
    )
    state = fields.String(required=True, metadata={"description": "现在的状态，同授权管理"})


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
    consent = fields.Nested(
        LedgerConsent,
        required=True,
        allow_none=True,
        metadata={"description": "依据您的哪项授权、约定了什么；不是凭授权的为 null"},
    )
    what = fields.String(required=True, metadata={"description": "看到或告知了什么；没有更多可说时为空"})
    unusual = fields.Boolean(
        required=True, metadata={"description": "这次查看触发了访问预警，正在审计或已移送处理"}
    )
    complaint = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "您对这次查看的投诉：filed 核查中，answered 已答复，withdrawn 已撤回；没有时为 null"
        },
    )


class AccessComplaintRequest(ActingQuery):
    grounds = fields.String(
        required=True, validate=validate.Length(4, 500), metadata={"description": "为什么认为不该查看"}
    )


class AccessComplaintResponse(Schema):
    id = fields.UUID(required=True, metadata={"description": "投诉编号"})
    entry_id = fields.Integer(required=True, metadata={"description": "所投诉的台账编号"})
    who = fields.String(required=True, metadata={"description": "查看人"})
    action_name = fields.String(required=True, metadata={"description": "做了什么"})
    grounds = fields.String(required=True, metadata={"description": "您的理由"})
    state = fields.String(
        required=True, metadata={"description": "filed 核查中，answered 已答复，withdrawn 已撤回"}
    )
    filed_at = Moment(required=True, metadata={"description": "提出时刻（UTC）"})
    answer_due_on = fields.Date(required=True, metadata={"description": "最迟答复日期"})
    proper = fields.Boolean(
        required=True, allow_none=True, metadata={"description": "核查结论：true 属依规查看；未答复时为 null"}
    )
    reply = fields.String(required=True, allow_none=True, metadata={"description": "答复"})
    closed_at = Moment(required=True, allow_none=True, metadata={"description": "答复或撤回的时刻（UTC）"})


class AccessComplaintsResponse(Schema):
    items = fields.List(
        fields.Nested(AccessComplaintResponse), required=True, metadata={"description": "新的在前"}
    )


@blp.route("")
class MyLedger(MethodView):
    @signed_in_citizen
    @blp.arguments(LedgerQuery, location="query")
    @blp.response(200, page_schema(LedgerEntryResponse))
    @blp.alt_response(403, description="不是该企业的现任法定代表人（not_legal_representative）")
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """谁在什么时候、凭什么、为什么查了我或我所代表的企业，新的在前；不寻常的有标注"""
        with reading() as session:
            found = entries_about(
                session,
                acting(session, query["enterprise"]).subject.id,
                actor_kind=query["who_kind"],
                before_id=query["cursor"],
                limit=query["limit"] + 1,
            )
            ids = [entry.id for entry in found]
            unusual, complained = unusual_entries(session, ids), complaints_about(session, ids)
            titles, consents = titles_in(session, found), consents_in(session, found)
            items = [_answer(entry, unusual, complained, titles, consents) for entry in found]
            return page_of(items, query["limit"], key=lambda item: item["id"])


@blp.route("/<int:entry_id>/complaints")
class MyLedgerComplaints(MethodView):
    @signed_in_citizen
    @idempotent
    @blp.arguments(AccessComplaintRequest)
    @blp.response(201, AccessComplaintResponse)
    @blp.alt_response(404, description="没有这次查看，或者查的不是您（ledger_entry_not_found）")
    @blp.alt_response(409, description="已经投诉过（already_complained）")
    def post(self, body: dict[str, Any], entry_id: int) -> dict[str, object]:
        """投诉一次查看，由审计员核查答复；不收取费用"""
        with transaction() as session:
            complaint = file_complaint(
                session,
                subject_id=acting(session, body["enterprise"]).subject.id,
                entry_id=entry_id,
                grounds=body["grounds"],
                working_days=services().working_days,
                now=now(),
            )
            return _complaint(complaint)


@complaints.route("")
class MyAccessComplaints(MethodView):
    @signed_in_citizen
    @complaints.arguments(ActingQuery, location="query")
    @complaints.response(200, AccessComplaintsResponse)
    def get(self, query: dict[str, str | None]) -> dict[str, object]:
        """我或我所代表的企业的查看投诉和答复"""
        with reading() as session:
            mine = acting(session, query["enterprise"]).subject
            return {"items": [_complaint(item) for item in complaints_of(session, mine.id)]}


@complaints.route("/<uuid:complaint_id>/withdrawal")
class MyAccessComplaintWithdrawal(MethodView):
    @signed_in_citizen
    @idempotent
    @complaints.arguments(ActingQuery, location="query")
    @complaints.response(200, AccessComplaintResponse)
    @complaints.alt_response(404, description="没有这件投诉（complaint_not_found）")
    @complaints.alt_response(409, description="已经答复或撤回（complaint_not_in_state）")
    def post(self, query: dict[str, str | None], complaint_id: UUID) -> dict[str, object]:
        """撤回一件投诉"""
        with transaction() as session:
            mine = acting(session, query["enterprise"]).subject
            return _complaint(
                withdraw_complaint(session, subject_id=mine.id, complaint_id=complaint_id, now=now())
            )


def _answer(
    entry: LedgerEntry,
    unusual: frozenset[int],
    complained: Mapping[int, AccessComplaint],
    titles: Mapping[int, str],
    consents: Mapping[str, Consent],
) -> dict[str, Any]:
    complaint = complained.get(entry.id)
    return {
        "id": entry.id,
        "at": entry.at,
        "who": entry.actor_name,
        "who_kind": entry.actor_kind,
        "action": entry.action,
        "action_name": ACTION_NAMES.get(entry.action, entry.action),
        "basis": entry.basis,
        "purpose": entry.purpose,
        "consent": _consent(consents.get(str(entry.detail.get("consent")))),
        "what": _what(entry.detail, titles.get(entry.id)),
        "unusual": entry.id in unusual,
        "complaint": complaint.state if complaint else None,
    }


def _complaint(complaint: AccessComplaint) -> dict[str, object]:
    return {
        "id": complaint.id,
        "entry_id": complaint.entry_id,
        "who": complaint.what["who"],
        "action_name": complaint.what["action_name"],
        "grounds": complaint.grounds,
        "state": complaint.state,
        "filed_at": complaint.filed_at,
        "answer_due_on": complaint.answer_due_on,
        "proper": complaint.proper,
        "reply": complaint.reply,
        "closed_at": complaint.closed_at,
    }


def _consent(consent: Consent | None) -> dict[str, object] | None:
    if consent is None:
        return None
    return {
        "id": consent.id,
        "purpose": consent.purpose,
        "data": [DATA_NAMES.get(category, category) for category in consent.data_categories],
        "output": consent.output,
        "frequency": frequency_in_words(consent.frequency_most, consent.frequency_days),
        "given_at": consent.given_at,
        "expires_at": consent.expires_at,
        "state": consent.state,
    }


def _what(detail: dict[str, Any], title: str | None) -> str:
    """The parts of an entry's detail that are words; ids and codes say nothing to a citizen."""
    parts = [title] if title else []
    if told := detail.get("told"):
        parts.append(f"告知结果：{told}")
    if (on := detail.get("on")) and (count := detail.get("records")) is not None:
        parts.append(f"{on} 时掌握的全部记录（{count} 条）")
    if enterprise := detail.get("enterprise"):
        parts.append(f"在“{enterprise}”的页面上看到")
    if templates := detail.get("templates"):
        parts.append(f"数据：{'、'.join(templates)}")
    if columns := detail.get("columns"):
        parts.append(f"栏目：{'、'.join(columns)}")
    return "；".join(parts)
