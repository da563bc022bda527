"""A case as a source department sees it, the same in its own system and in the console: no more than it needs."""

from __future__ import annotations

from datetime import date

from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.evidence.service import evidence_of
from backend.ledger.service import Actor, record_access
from backend.objections.department_evidence import departments_evidence
from backend.objections.inbox import FINDING_NAMES
from backend.objections.matters import matter_of
from backend.objections.models import Objection
from backend.objections.service import statements_beside
from backend.objections.states import STATE_NAMES, WITH_DEPARTMENT
from backend.subjects.service import get_subject, masked_identifier, masked_name
from backend.web.context import now, services
from backend.web.moments import Moment
from backend.web.objections import EvidenceItem, WithStatements
from backend.web.pages import PageQuery, PlaceField, page_schema

BASIS = "数源单位核查对其所报送信息的异议"


class InboxQuery(PageQuery):
    cursor = PlaceField(date.fromisoformat)  # type: ignore[assignment]  # a page ordered by day, not by number
    state = fields.String(
        load_default="waiting",
        validate=validate.OneOf(("waiting", "done")),
        metadata={"description": "waiting 待本单位答复，done 已答复或已办结"},
    )


class InboxCase(Schema):
    id = fields.UUID(required=True, metadata={"description": "异议编号"})
    record_id = fields.Integer(required=True, metadata={"description": "记录编号"})
    category = fields.String(required=True, metadata={"description": "类别代码"})
    category_name = fields.String(required=True, metadata={"description": "类别名称"})
    title = fields.String(required=True, metadata={"description": "记录事项"})
    state = fields.String(required=True, validate=validate.OneOf(tuple(STATE_NAMES)))
    waiting = fields.Boolean(required=True, metadata={"description": "待本单位答复"})
    filed_at = Moment(required=True, metadata={"description": "提出时刻（UTC）"})
    due_on = fields.Date(required=True, metadata={"description": "最迟答复日期（已按工作日计算）"})
    overdue = fields.Boolean(required=True, metadata={"description": "已过最迟答复日期仍未答复"})


InboxPage = page_schema(InboxCase)


class InboxReply(Schema):
    finding = fields.String(required=True)
    finding_name = fields.String(required=True)
    explanation = fields.String(required=True)
    corrections = fields.Dict(keys=fields.String(), required=True)
    remove = fields.Boolean(required=True)


class InboxCaseInFull(InboxCase, WithStatements):
    """办理所需的内容：记录、理由和材料。没有申请人的分数、其他记录和完整身份信息。"""

    subject_name = fields.String(required=True, metadata={"description": "记录所属主体（自然人已脱敏）"})
    subject_identifier = fields.String(required=True, metadata={"description": "主体标识（自然人已脱敏）"})
    event_on = fields.Date(required=True)
    ended_on = fields.Date(required=True, allow_none=True)
    performed_on = fields.Date(required=True, allow_none=True)
    quantity = fields.Integer(required=True, metadata={"description": "数量，单位 unit 的百分之一"})
    unit = fields.String(required=True)
    amount = fields.Integer(required=True, metadata={"description": "金额（分）"})
    level = fields.Integer(required=True, metadata={"description": "级别在 levels 中的序号，从 1 起；0 为没有"})
    levels = fields.List(fields.String(), required=True, metadata={"description": "该类别的级别，按序"})
    content = fields.Dict(keys=fields.String(), required=True, metadata={"description": "本单位报送的内容"})
    grounds = fields.String(required=True, metadata={"description": "申请人写明的理由"})
    evidence = fields.List(fields.Nested(EvidenceItem), required=True)
    department_evidence = fields.List(
        fields.Nested(EvidenceItem), required=True, metadata={"description": "数源单位附的材料"}
    )
    reply = fields.Nested(InboxReply, required=True, allow_none=True, metadata={"description": "本单位的答复"})


def inbox_case(session: Session, objection: Objection) -> dict[str, object]:
    matter = matter_of(session, objection)
    due = objection.provider_due_on or objection.answer_due_on
    waiting = objection.state in WITH_DEPARTMENT
    return {
        "id": objection.id,
        "record_id": objection.record_id,
        "category": matter.record.category if matter.record else "",
        "category_name": matter.category_name,
        "title": matter.title,
        "state": objection.state,
        "waiting": waiting,
        "filed_at": objection.filed_at,
        "due_on": due,
        "overdue": waiting and due < city_date(now()),
    }


def inbox_case_in_full(session: Session, objection: Objection) -> dict[str, object]:
    matter = matter_of(session, objection)
    record, category = matter.record, matter.category
    assert record is not None  # noqa: S101 - only objections to records are ever in an inbox
    assert category is not None  # noqa: S101 - the two come together
    subject = get_subject(session, objection.subject_id)
    reply = objection.department_reply
    return {
        **inbox_case(session, objection),
        "subject_name": masked_name(services().keys, subject),
        "subject_identifier": masked_identifier(services().keys, subject),
        "event_on": record.event_on,
        "ended_on": record.ended_on,
        "performed_on": record.performed_on,
        "quantity": record.quantity,
        "unit": category.unit,
        "amount": record.amount,
        "level": record.level,
        "levels": [level.name for level in category.levels],
        "content": record.content,
        "statements": statements_beside(session, [record.id]).get(record.id, []),
        "grounds": objection.grounds,
        "evidence": evidence_of(session, objection.case),
        "department_evidence": departments_evidence(session, objection),
        "reply": reply and {**reply, "finding_name": FINDING_NAMES[reply["finding"]]},
    }


def note_departments_access(
    session: Session, objection: Objection, actor: Actor, *, action: str, purpose: str, channel: str
) -> None:
    """Everything a department reads of a case is in the subject's ledger."""
    record_access(
        session,
        subject_id=objection.subject_id,
        actor=actor,
        action=action,
        basis=BASIS,
        purpose=purpose,
        detail={"objection": str(objection.id), "about": objection.about},
        channel=channel,
        now=now(),
    )
