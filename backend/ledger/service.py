"""Writing the ledger, and reading it as its subject or as an auditor."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.ledger.models import LedgerEntry
from backend.notifications.service import Recipient, is_switched_off, notify
from backend.subjects.models import Subject

ActorKind = Literal["citizen", "partner", "officer", "department", "system"]

ACTION_NAMES = {
    "benefit_checked": "核验信易+权益资格",
    "benefit_redeemed": "核销信易+权益",
    "redemption_cancelled": "撤销核销",
    "merchant_complaint_viewed": "查看商户投诉",
    "merchant_complaint_answered": "办理商户投诉",
    "objection_viewed": "查看异议及相关记录",
    "objection_taken_down": "在窗口代录异议",
    "objection_evidence_taken": "在窗口代收异议的证明材料",
    "objection_decided": "办理异议",
    "objection_evidence_viewed": "查看异议的证明材料",
    "objection_verified": "核查异议并答复",
    "eligibility_overridden": "人工复核准予享受权益",
    "correction_told": "通知曾获知者数据已更正",
    "quarantine_opened": "查看或更正待处理数据",
    "record_viewed": "查看信用记录",
    "portrait_viewed": "查看企业画像",
    "relations_viewed": "查看关联关系",
    "score_viewed": "查看信用分",
    "report_read": "查询信用报告",
    "report_printed": "出具信用报告",
    "grade_read": "查询信用等级",
    "credit_checked": "信用核查",
    "referral_read": "查看您转来的贷款申请",
    "referral_answered": "反馈贷款申请的办理结果",
    "repair_viewed": "查看信用修复申请及相关记录",
    "repair_decided": "办理信用修复",
    "supplement_viewed": "查看自主申报",
    "supplement_decided": "核验自主申报",
    "commitment_viewed": "查看信用承诺",
    "commitment_followed_up": "核实信用承诺履行情况",
    "deletion_request_viewed": "查看删除申请及相关记录",
    "deletion_request_decided": "办理删除申请",
    "incentive_initiated": "发起联合激励",
    "incentive_viewed": "查看联合激励",
    "incentive_fed_back": "反馈为您采取的激励措施",
    "access_audited": "审计查看记录",
    "ledger_searched": "审计查询台账",
}


@dataclass(frozen=True)
class Actor:
    """Who looked. `name` is what the citizen reads: a partner's or officer's own name, never a code alone."""

    kind: ActorKind
    id: str
    name: str


def record_access(
    session: Session,
    *,
    subject_id: int,
    actor: Actor,
    action: str,
    basis: str,
    purpose: str,
    detail: Mapping[str, object],
    channel: str,
    now: datetime,
) -> LedgerEntry:
    """Add the row in the caller's transaction, so that no answer leaves without its row.

    `action` is one of ACTION_NAMES; `basis` is the authorization or legal basis in words the citizen
    understands; `detail` says what was seen (categories, scheme), never the data itself.
    """
    if action not in ACTION_NAMES:
        raise ValueError(f"no Chinese name is given for the ledger action {action!r}")
    if not (actor.name.strip() and basis.strip() and purpose.strip()):
        raise ValueError(f"the subject would not read who looked, on what basis or why: {action!r}")
    entry = LedgerEntry(
        subject_id=subject_id,
        # As it will be read again: the digest is taken of these very words.
        at=now.astimezone(UTC),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        action=action,
        basis=basis,
        purpose=purpose,
        detail=dict(detail),
        channel=channel,
    )
    entry.digest = digest_of(entry)
    session.add(entry)
    if actor.kind == "officer":
        _tell_subject(session, entry, now=now)
    return entry


def _tell_subject(session: Session, entry: LedgerEntry, *, now: datetime) -> None:
    """A person hears of an officer's look, of each officer once a day, unless they switched that off."""
    subject = session.get(Subject, entry.subject_id)
    if subject is None or subject.kind != "person":
        return
    if is_switched_off(session, subject_id=subject.id, kind="officer_looked"):
        return
    notify(
        session,
        Recipient(subject_id=subject.id),
        kind="officer_looked",
        title=f"{entry.actor_name}查看了您的信息",
        body=f"{ACTION_NAMES[entry.action]}；事由：{entry.purpose}。可在“谁查了我”中查看全部，认为不妥可以投诉。",
        about="ledger",
        once_key=f"officer_looked:{subject.id}:{entry.actor_id}:{city_date(now):%Y%m%d}",
        now=now,
    )


def entries_about(
    session: Session,
    subject_id: int,
    *,
    actor_kind: str | None = None,
    before_id: int | None = None,
    limit: int = 20,
) -> Sequence[LedgerEntry]:
    """Newest first, of one kind of reader or all; `before_id` continues an earlier page."""
    query = select(LedgerEntry).where(LedgerEntry.subject_id == subject_id)
    if actor_kind is not None:
        query = query.where(LedgerEntry.actor_kind == actor_kind)
    if before_id is not None:
        query = query.where(LedgerEntry.id < before_id)
    return session.scalars(query.order_by(LedgerEntry.id.desc()).limit(limit)).all()


def uses_of_consent(session: Session, subject_id: int, consent_id: UUID, *, since: datetime) -> int:
    """How often something was disclosed under the consent: the rows that name it in their detail."""
    return (
        session.scalar(
            select(func.count())
            .select_from(LedgerEntry)
            .where(
                LedgerEntry.subject_id == subject_id,
                LedgerEntry.at > since,
                LedgerEntry.detail["consent"].as_string() == str(consent_id),
            )
        )
        or 0
    )


def last_uses(session: Session, subject_id: int) -> Mapping[str, datetime]:
    """When each consent of the subject was last used, by its id; under `counter`, the last check of a code."""
    used_under = case(
        (LedgerEntry.action.in_(("benefit_checked", "benefit_redeemed")), "counter"),
        else_=LedgerEntry.detail["consent"].as_string(),
    )
    rows = session.execute(
        select(used_under, func.max(LedgerEntry.at))
        .where(LedgerEntry.subject_id == subject_id)
        .group_by(used_under)
    )
    return {under: at for under, at in rows if under is not None}


def digest_of(entry: LedgerEntry) -> bytes:
    """SHA-256 over everything the entry says; not over its row number, which the database gives later."""
    content = [
        entry.subject_id,
        entry.at.isoformat(),
        entry.actor_kind,
        entry.actor_id,
        entry.actor_name,
        entry.action,
        entry.basis,
        entry.purpose,
        entry.detail,
        entry.channel,
    ]
    return sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).digest()
