"""Everything the platform keeps about a person, for that person: as data and to read (PIPL art. 45)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.authorizations.end_reasons import end_reasons_of
from backend.authorizations.models import Consent, ConsentEvent, RecipientDeletion
from backend.authorizations.notices import DATA_NAMES
from backend.authorizations.service import consents_of
from backend.benefits.models import (
    BenefitCheck,
    BenefitScheme,
    EligibilityOverride,
    MerchantComplaint,
    Redemption,
)
from backend.catalogue.document import Category
from backend.catalogue.service import known_categories
from backend.choices.models import DeclinedCategory
from backend.city_calendar import city_date
from backend.commitments.models import Commitment
from backend.commitments.service import signed_commitments_of
from backend.commitments.states import STATE_NAMES as COMMITMENT_STATES
from backend.credit_checks.models import CheckedRow, CreditCheck
from backend.credit_checks.service import OUTCOME_NAMES
from backend.deletion_requests.models import DeletionRequest
from backend.deletion_requests.states import STATE_NAMES as DELETION_STATES
from backend.evidence.models import EvidenceFile
from backend.evidence.service import BY_SUBJECT
from backend.identifiers.sealing import KeyRing
from backend.institutions.models import LoanReferral, LoanReferralEvent
from backend.institutions.states import STATE_NAMES as REFERRAL_STATES
from backend.joint_incentives.service import OwnIncentive, incentives_for
from backend.ledger.models import LedgerEntry
from backend.ledger.service import ACTION_NAMES
from backend.notifications.models import Notification, NotificationSetting
from backend.objections.department_evidence import departments_evidence_for_subject
from backend.objections.models import Objection
from backend.objections.service import events_of, objections_of
from backend.objections.states import EVENT_NAMES, STATE_NAMES
from backend.oversight.models import AccessComplaint
from backend.partners.models import Partner
from backend.records.models import CreditRecord
from backend.records.service import facts_at, records_of, versions_of
from backend.repairs.models import Repair, RepairEvent, RepairItem
from backend.repairs.states import STATE_NAMES as REPAIR_STATES
from backend.reports.errors import ReportFontMissing
from backend.reports.models import CreditReport
from backend.reports.press import ReportPress
from backend.reports.wording import STATUS_NAMES, amount, minute, points, signed
from backend.scores.models import Score
from backend.scores.policies import policy_of
from backend.scores.service import score_history
from backend.subjects.models import Subject, SubjectChange
from backend.subjects.service import codes_of, get_subject, name_of, represented_by
from backend.supplements.models import Supplement
from backend.supplements.service import cells_of, supplements_of
from backend.supplements.service import events_of as supplement_events_of
from backend.supplements.states import STATE_NAMES as SUPPLEMENT_STATES

FORMAT = "osmanthus-export/1"

# Printable ASCII, Chinese punctuation, the common Chinese characters, full-width forms.
_NOT_SURELY_DRAWN = re.compile(r"[^\x20-\x7e·×—‘’“”…、-】一-龥！-～￥]")
_RECORD_STATES = {
    "active": "有效",
    "disputed": "异议核查中",
    "repaired": "已修复",
    "revoked": "已撤销",
    "expired": "已到期",
}
_CONSENT_STATES = {
    "requested": "等待决定",
    "given": "生效中",
    "refused": "已拒绝",
    "paused": "已暂停",
    "withdrawn": "已撤回",
    "expired": "已到期",
}


def export_of(
    session: Session, keys: KeyRing, *, subject_id: int, city_name: str, now: datetime
) -> dict[str, Any]:
    """All of it, in full and unmasked: give it to the subject only.

    Dates and moments are left as such; points are hundredths, amounts cents. Raises SubjectNotFound.
    """
    subject = get_subject(session, subject_id)
    categories = known_categories(session, city_date(now))
    return {
        "format": FORMAT,
        "city": city_name,
        "made_at": now,
        "identity": _identity(session, keys, subject, now),
        "records": [
            _record(session, record, categories.get(record.category)) for record in records_of(session, subject_id)
        ],
        "scores": [_score(session, score) for score in reversed(score_history(session, subject_id))],
        "objections": [
            _objection(session, objection) for objection in objections_of(session, subject_id, city_date(now))
        ],
        "repairs": [_repair(session, repair) for repair in _of(session, Repair, subject_id, Repair.drafted_at)],
        "supplements": [
            _supplement(session, keys, supplement) for supplement in supplements_of(session, subject_id)
        ],
        "commitments": [_commitment(commitment) for commitment in signed_commitments_of(session, subject_id)],
        "complaints": [
            *(
                _access_complaint(case)
                for case in _of(session, AccessComplaint, subject_id, AccessComplaint.filed_at)
            ),
            *(
                _merchant_complaint(case)
                for case in session.scalars(
                    select(MerchantComplaint)
                    .where(MerchantComplaint.holder_id == subject_id)
                    .order_by(MerchantComplaint.filed_at.desc())
                )
            ),
        ],
        "deletion_requests": [
            _deletion_request(request)
            for request in _of(session, DeletionRequest, subject_id, DeletionRequest.filed_at)
        ],
        "evidence": [
            _evidence(file)
            for file in _of(session, EvidenceFile, subject_id, EvidenceFile.uploaded_at)
            if file.uploaded_by == BY_SUBJECT
        ],
        "consents": _consents(session, subject_id),
        "choices": _choices(session, subject_id),
        "ledger": [_ledger_entry(entry) for entry in _newest(session, LedgerEntry, subject_id)],
        "benefits_used": _benefits_used(session, subject_id),
        "benefits_granted": [
            _override(override)
            for override in _of(session, EligibilityOverride, subject_id, EligibilityOverride.granted_at)
        ],
        "loan_referrals": [
            _loan_referral(session, referral)
            for referral in _of(session, LoanReferral, subject_id, LoanReferral.sent_at)
        ],
        "credit_checks": [_credit_check(session, row) for row in _newest(session, CheckedRow, subject_id)],
        "joint_incentives": [_incentive(one) for one in incentives_for(session, subject_id, now=now)],
        "reports": [_report(report) for report in _newest(session, CreditReport, subject_id)],
        "notifications": [
            {"title": message.title, "body": message.body, "created_at": message.created_at}
            for message in _newest(session, Notification, subject_id)
        ],
    }


def readable_export(press: ReportPress, data: Mapping[str, Any], *, now: datetime) -> bytes:
    """The same data as a PDF for people. Raises ReportFontMissing."""
    made = {"city": data["city"], "made_at": minute(now), "blocks": _blocks(data)}
    try:
        return press.plain("export", made, now=now)
    except ReportFontMissing:
        # Somebody wrote an emoji into a reason. The JSON has it; here a box stands for what no font draws.
        return press.plain("export", _drawable(made), now=now)


def _drawable(value: Any) -> Any:
    """The same with a box for every character outside what the report fonts are sure to have."""
    if isinstance(value, str):
        return _NOT_SURELY_DRAWN.sub("□", value)
    if isinstance(value, Mapping):
        return {key: _drawable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_drawable(item) for item in value]
    return value


def _identity(session: Session, keys: KeyRing, subject: Subject, now: datetime) -> dict[str, Any]:
    return {
        "name": name_of(keys, subject),
        "identifier": keys.open(subject.identifier_sealed),
        "born_on": subject.born_on,
        "district": subject.district,
        "status": subject.status,
        "registered_on": subject.registered_on,
        "other_codes": [
            {"scheme": code.scheme, "valid_from": code.valid_from, "valid_to": code.valid_to}
            for code in codes_of(session, subject.id)
        ],
        "changes": [
            {"changed_at": change.changed_at, "before": json.loads(keys.open(change.before_sealed))}
            for change in _newest(session, SubjectChange, subject.id)
        ],
        "enterprises_represented": [
            {"code": enterprise.public_code, "name": enterprise.public_name}
            for enterprise in represented_by(session, subject.id, city_date(now))
        ],
    }


def _record(session: Session, record: CreditRecord, category: Category | None) -> dict[str, Any]:
    return {
        "id": record.id,
        "category": record.category,
        "category_name": category.name if category else record.category,
        "legal_basis": category.legal_basis if category else "",
        "title": record.title,
        "event_on": record.event_on,
        "ended_on": record.ended_on,
        "performed_on": record.performed_on,
        "level_name": category.level_name(record.level) if category else None,
        "quantity": record.quantity,
        "unit": category.unit if category else "",
        "amount": record.amount,
        "state": record.state,
        "source_department": record.source_department,
        "content": record.content,
        "versions": [
            {
                "version": version.version,
                "state": version.state,
                "changed_at": version.changed_at,
                "changed_by": version.changed_by,
                "reason": version.reason,
                "facts": facts_at(session, version),
            }
            for version in versions_of(session, record.id)
        ],
    }


def _score(session: Session, score: Score) -> dict[str, Any]:
    policy, _ = policy_of(session, score.policy_hash)
    names = {indicator.code: indicator.name for indicator in policy.indicators} | {"clamp": "分值上下限调整"}
    return {
        "total": score.total,
        "base": policy.base,
        "grade": next((grade.name for grade in policy.grades if grade.code == score.grade), score.grade),
        "policy": policy.name,
        "policy_version": policy.version,
        "as_of": score.as_of,
        "computed_at": score.computed_at,
        "cause": score.cause,
        "contributions": [
            {"indicator": code, "name": names.get(code, code), "points": part}
            for code, part in score.contributions.items()
        ],
    }


def _objection(session: Session, objection: Objection) -> dict[str, Any]:
    return {
        "id": objection.id,
        "kind": objection.kind,
        "record_id": objection.record_id,
        "grounds": objection.grounds,
        "state": objection.state,
        "filed_at": objection.filed_at,
        "scheme": objection.scheme_code,
        "answer_due_on": objection.answer_due_on,
        "department": objection.department_name,
        "decided_at": objection.decided_at,
        "decided_by": objection.decided_by,
        "reply": objection.reply,
        "redirected_to": objection.redirected_to,
        "statement": objection.statement,
        "department_evidence": [_evidence(file) for file in departments_evidence_for_subject(session, objection)],
        "events": [_event(event) for event in events_of(session, objection.id)],
    }


def _repair(session: Session, repair: Repair) -> dict[str, Any]:
    items = select(RepairItem.record_id).where(RepairItem.repair_id == repair.id).order_by(RepairItem.id)
    events = select(RepairEvent).where(RepairEvent.repair_id == repair.id).order_by(RepairEvent.id)
    return {
        "id": repair.id,
        "records": list(session.scalars(items)),
        "department": repair.department,
        "rule": repair.rule,
        "explanation": repair.explanation,
        "state": repair.state,
        "drafted_at": repair.drafted_at,
        "filed_at": repair.filed_at,
        "decided_at": repair.decided_at,
        "decided_by": repair.decided_by,
        "reply": repair.reply,
        "events": [_event(event) for event in session.scalars(events)],
    }


def _supplement(session: Session, keys: KeyRing, supplement: Supplement) -> dict[str, Any]:
    return {
        "id": supplement.id,
        "category": supplement.category,
        "cells": dict(cells_of(keys, supplement)),
        "department": supplement.department,
        "state": supplement.state,
        "filed_at": supplement.filed_at,
        "decided_at": supplement.decided_at,
        "decided_by": supplement.decided_by,
        "reply": supplement.reply,
        "record_id": supplement.record_id,
        "events": [_event(event) for event in supplement_events_of(session, supplement.id)],
    }


def _commitment(commitment: Commitment) -> dict[str, Any]:
    return {
        "code": commitment.code,
        "type": commitment.type,
        "matter": commitment.matter,
        "text": commitment.text,
        "liability": commitment.liability,
        "accepted_by": commitment.accepted_by,
        "signed_by": commitment.signed_by,
        "signed_at": commitment.signed_at,
        "due_on": commitment.due_on,
        "state": commitment.state,
        "decided_at": commitment.decided_at,
        "decided_by": commitment.decided_by,
        "finding": commitment.finding,
        "record_id": commitment.record_id,
    }


def _access_complaint(case: AccessComplaint) -> dict[str, Any]:
    return {
        "about": f"ledger:{case.entry_id}",
        "what": case.grounds,
        "state": case.state,
        "filed_at": case.filed_at,
        "reply": case.reply,
        "closed_at": case.closed_at,
    }


def _merchant_complaint(case: MerchantComplaint) -> dict[str, Any]:
    return {
        "about": f"check:{case.check_id}",
        "what": case.what,
        "state": case.state,
        "filed_at": case.filed_at,
        "reply": case.answer,
        "closed_at": case.closed_at,
    }


def _deletion_request(request: DeletionRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "scope": request.scope,
        "category": request.category,
        "record_id": request.record_id,
        "ground": request.ground,
        "reason": request.reason,
        "state": request.state,
        "filed_at": request.filed_at,
        "decided_at": request.decided_at,
        "decided_by": request.decided_by,
        "reply": request.reply,
    }


def _evidence(file: EvidenceFile) -> dict[str, Any]:
    """The file itself is downloaded by its id."""
    return {
        "id": file.id,
        "case": file.case,
        "filename": file.filename,
        "media_type": file.media_type,
        "size": file.size,
        "uploaded_at": file.uploaded_at,
    }


def _choices(session: Session, subject_id: int) -> list[dict[str, Any]]:
    declined = session.scalars(
        select(DeclinedCategory).where(DeclinedCategory.subject_id == subject_id).order_by(DeclinedCategory.id)
    )
    muted = session.scalars(
        select(NotificationSetting.kind)
        .where(NotificationSetting.subject_id == subject_id)
        .order_by(NotificationSetting.kind)
    )
    return [
        *(
            {
                "choice": "category_declined",
                "about": choice.category,
                "since": choice.declined_at,
                "until": choice.ended_at,
            }
            for choice in declined
        ),
        *({"choice": "notification_off", "about": kind, "since": None, "until": None} for kind in muted),
    ]


def _override(override: EligibilityOverride) -> dict[str, Any]:
    return {
        "scheme": override.scheme_code,
        "tier": override.tier,
        "valid_from": override.valid_from,
        "valid_until": override.valid_until,
        "reason": override.reason,
        "granted_at": override.granted_at,
        "granted_by": override.granted_by,
    }


def _event(event: Any) -> dict[str, Any]:
    return {"event": event.event, "at": event.at, "actor": event.actor, "detail": event.detail}


def _recipient_deletion(asked: RecipientDeletion | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    return {"due_on": asked.due_on, "confirmed_at": asked.confirmed_at, "statement": asked.statement}


def _consents(session: Session, subject_id: int) -> list[dict[str, Any]]:
    reasons = end_reasons_of(session, subject_id)
    return [
        {**_consent(session, consent), "end_reason": reasons.get(consent.id)}
        for consent in consents_of(session, subject_id)
    ]


def _consent(session: Session, consent: Consent) -> dict[str, Any]:
    events = session.scalars(
        select(ConsentEvent).where(ConsentEvent.consent_id == consent.id).order_by(ConsentEvent.id)
    )
    return {
        "id": consent.id,
        "kind": consent.kind,
        "recipient": consent.recipient_name,
        "purpose": consent.purpose,
        "data": [DATA_NAMES.get(code, code) for code in consent.data_categories],
        "output": consent.output,
        "mode": consent.mode,
        "notice_version": consent.notice_version,
        "evidence": consent.evidence,
        "state": consent.state,
        "requested_at": consent.requested_at,
        "given_at": consent.given_at,
        "expires_at": consent.expires_at,
        "ended_at": consent.ended_at,
        "recipient_deletion": _recipient_deletion(session.get(RecipientDeletion, consent.id)),
        "events": [_event(event) for event in events],
    }


def _ledger_entry(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "who": entry.actor_name,
        "who_kind": entry.actor_kind,
        "action": entry.action,
        "action_name": ACTION_NAMES.get(entry.action, entry.action),
        "basis": entry.basis,
        "purpose": entry.purpose,
        "detail": entry.detail,
        "channel": entry.channel,
    }


def _benefits_used(session: Session, subject_id: int) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Redemption, BenefitScheme.name, Partner.name)
        .join(BenefitCheck, BenefitCheck.id == Redemption.check_id)
        .join(BenefitScheme, BenefitScheme.id == BenefitCheck.scheme_id)
        .join(Partner, Partner.id == Redemption.partner_id)
        .where(Redemption.subject_id == subject_id)
        .order_by(Redemption.redeemed_at.desc())
    )
    return [
        {
            "scheme": redemption.scheme_code,
            "scheme_name": scheme_name,
            "partner": partner_name,
            "terms": redemption.terms,
            "bill_cents": redemption.bill_cents,
            "amount_cents": redemption.amount_cents,
            "redeemed_at": redemption.redeemed_at,
            "cancelled_at": redemption.cancelled_at,
        }
        for redemption, scheme_name, partner_name in rows
    ]


def _loan_referral(session: Session, referral: LoanReferral) -> dict[str, Any]:
    events = session.scalars(
        select(LoanReferralEvent)
        .where(LoanReferralEvent.referral_id == referral.id)
        .order_by(LoanReferralEvent.id)
    )
    return {
        "number": referral.number,
        "scheme_name": referral.scheme_name,
        "recipient": session.get_one(Partner, referral.partner_id).name,
        "terms": referral.terms,
        "state": referral.state,
        "sent_at": referral.sent_at,
        "reason": referral.reason,
        "granted_cents": referral.granted_cents,
        "events": [{"event": event.event, "at": event.at, "detail": event.detail} for event in events],
    }


def _credit_check(session: Session, row: CheckedRow) -> dict[str, Any]:
    asked = session.get_one(CreditCheck, row.check_id)
    return {
        "department": asked.department_name,
        "purpose": asked.purpose_name,
        "basis": asked.basis,
        "matter": asked.matter,
        "asked_at": asked.asked_at,
        "outcome": row.outcome,
        "reasons": row.reasons,
        "review": row.review,
        "review_reason": row.review_reason,
    }


def _report(report: CreditReport) -> dict[str, Any]:
    return {
        "number": report.number,
        "stationery": report.stationery,
        "masked": report.masked,
        "as_of": report.as_of,
        "issued_at": report.issued_at,
        "issued_by": report.issued_by,
        "valid_to": report.valid_to,
        "superseded_at": report.superseded_at,
    }


def _of(session: Session, of: Any, subject_id: int, moment: Any) -> Sequence[Any]:
    """Newest first by a moment, where numbers say nothing of time."""
    return session.scalars(select(of).where(of.subject_id == subject_id).order_by(moment.desc())).all()


def _newest(session: Session, of: Any, subject_id: int) -> Sequence[Any]:
    return session.scalars(select(of).where(of.subject_id == subject_id).order_by(of.id.desc())).all()


def _blocks(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    identity = data["identity"]
    return [
        {
            "title": "身份信息",
            "note": "",
            "pairs": [
                ["姓名", identity["name"]],
                ["公民身份号码", identity["identifier"]],
                ["出生日期", _day(identity["born_on"])],
                ["区划", identity["district"] or "—"],
                ["登记状态", STATUS_NAMES[identity["status"]] if identity["status"] != "active" else "正常"],
                [
                    "代表的企业",
                    "、".join(enterprise["name"] for enterprise in identity["enterprises_represented"]) or "无",
                ],
            ],
        },
        _table(
            "信用记录",
            "含已修复、已撤销和已到期的；每一版的内容见 JSON 文件。",
            ("事项", "类别", "发生日期", "状态", "版本", "数源单位"),
            [
                (
                    record["title"],
                    record["category_name"],
                    _day(record["event_on"]),
                    _RECORD_STATES.get(record["state"], record["state"]),
                    str(len(record["versions"])),
                    record["source_department"],
                )
                for record in data["records"]
            ],
        ),
        _table(
            "信用分",
            "每一次变化及其组成；没有开通或者已经停用的没有分数。",
            ("组成", "计算时间", "得分", "等级"),
            [
                (
                    "，".join(
                        [
                            f"基础分 {points(score['base'])}",
                            *(f"{part['name']} {signed(part['points'])}" for part in score["contributions"]),
                        ]
                    ),
                    minute(score["computed_at"]),
                    points(score["total"]),
                    score["grade"],
                )
                for score in data["scores"]
            ],
        ),
        _table(
            "异议",
            "",
            ("理由与答复", "提出时间", "状态", "经过"),
            [
                (
                    "；".join(
                        part
                        for part in (
                            objection["grounds"],
                            objection["reply"] and f"答复：{objection['reply']}",
                            objection["statement"] and f"本人声明：{objection['statement']}",
                        )
                        if part
                    ),
                    minute(objection["filed_at"]),
                    STATE_NAMES.get(objection["state"], objection["state"]),
                    "、".join(EVENT_NAMES.get(event["event"], event["event"]) for event in objection["events"]),
                )
                for objection in data["objections"]
            ],
        ),
        _table(
            "申请、申报与承诺",
            "信用修复、数据补充、签署的承诺、删除申请、投诉和转给银行的贷款申请；经过和附件清单见 JSON 文件。",
            ("内容与答复", "事项", "提出时间", "状态"),
            [
                (
                    "；".join(part for part in (case["said"], case["reply"] and f"答复：{case['reply']}") if part),
                    case["kind"],
                    minute(case["at"]),
                    case["state"],
                )
                for case in _cases(data)
            ],
        ),
        _table(
            "授权与同意",
            "",
            ("目的", "使用方", "状态", "同意时间", "到期或结束"),
            [
                (
                    _agreed(consent),
                    consent["recipient"],
                    "已终止" if consent["end_reason"] else _CONSENT_STATES[consent["state"]],
                    _moment(consent["given_at"]),
                    _moment(consent["ended_at"] or consent["expires_at"]),
                )
                for consent in data["consents"]
            ],
        ),
        _table(
            "谁查了我",
            "除本人外，每一次查看都在这里。",
            ("目的与依据", "时间", "谁", "做了什么"),
            [
                (f"{row['purpose']}（{row['basis']}）", minute(row["at"]), row["who"], row["action_name"])
                for row in data["ledger"]
            ],
        ),
        _table(
            "用过的信易+ 权益",
            "",
            ("权益", "商户", "时间", "优惠金额", "状态"),
            [
                (
                    use["scheme_name"],
                    use["partner"],
                    minute(use["redeemed_at"]),
                    f"{amount(use['amount_cents'])} 元",
                    "已撤销" if use["cancelled_at"] else "已使用",
                )
                for use in data["benefits_used"]
            ],
        ),
        _table(
            "联合激励",
            "",
            ("为您采取的措施", "发起时间", "发起单位", "依据"),
            [
                (
                    "；".join(f"{deed['department']}：{deed['text']}" for deed in one["deeds"]) or one["matter"],
                    minute(one["initiated_at"]),
                    one["initiator"],
                    one["basis"],
                )
                for one in data["joint_incentives"]
            ],
        ),
        _table(
            "出具过的信用报告",
            "",
            ("编号", "出具时间", "由谁出具", "有效期至"),
            [
                (
                    report["number"],
                    minute(report["issued_at"]),
                    report["issued_by"],
                    _day(report["valid_to"]),
                )
                for report in data["reports"]
            ],
        ),
        _table(
            "收到的通知",
            "",
            ("内容", "时间"),
            [
                (f"{message['title']}：{message['body']}", minute(message["created_at"]))
                for message in data["notifications"]
            ],
        ),
    ]


def _cases(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Repairs, supplements, commitments and complaints in one list, newest first."""
    cases = [
        *(
            ("信用修复", each["drafted_at"], each["explanation"], each["reply"], REPAIR_STATES[each["state"]])
            for each in data["repairs"]
        ),
        *(
            (
                "数据补充",
                each["filed_at"],
                "，".join(f"{column}：{cell}" for column, cell in each["cells"].items() if cell),
                each["reply"],
                SUPPLEMENT_STATES[each["state"]],
            )
            for each in data["supplements"]
        ),
        *(
            ("信用承诺", each["signed_at"], each["matter"], each["finding"], COMMITMENT_STATES[each["state"]])
            for each in data["commitments"]
        ),
        *(
            ("删除申请", each["filed_at"], each["reason"], each["reply"], DELETION_STATES[each["state"]])
            for each in data["deletion_requests"]
        ),
        *(
            ("投诉", each["filed_at"], each["what"], each["reply"], "已答复" if each["closed_at"] else "办理中")
            for each in data["complaints"]
        ),
        *(
            (
                "信易贷申请",
                each["sent_at"],
                f"{each['scheme_name']}，转给{each['recipient']}",
                each["reason"],
                REFERRAL_STATES[each["state"]],
            )
            for each in data["loan_referrals"]
        ),
        *(
            (
                "信用核查",
                each["asked_at"],
                f"{each['department']}，{each['purpose']}：{each['matter']}",
                each["review_reason"],
                OUTCOME_NAMES[each["outcome"]] if each["outcome"] else "核查中",
            )
            for each in data["credit_checks"]
        ),
    ]
    return [
        {"kind": kind, "at": at, "said": said, "reply": reply, "state": state}
        for kind, at, said, reply, state in sorted(cases, key=lambda case: case[1], reverse=True)
    ]


def _incentive(own: OwnIncentive) -> dict[str, Any]:
    return {
        "matter": own.incentive.matter,
        "ground_name": own.incentive.ground_name,
        "basis": own.incentive.basis,
        "initiator": own.incentive.initiator,
        "initiated_at": own.incentive.initiated_at,
        "consent_id": own.consent_id,
        "deeds": [
            {
                "department": request.department,
                "measure_name": deed.measure_name,
                "basis": deed.basis,
                "text": deed.text,
                "done_on": deed.done_on,
            }
            for request, deed in own.deeds
        ],
    }


def _table(title: str, note: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The first column holds the longest text."""
    return {
        "title": title,
        "note": note,
        "headings": list(headings),
        "widest": 0,
        "rows": [list(row) for row in rows],
    }


def _agreed(consent: Mapping[str, Any]) -> str:
    parts = [f"{consent['purpose']}（{'、'.join(consent['data'])}）"]
    if consent["output"]:
        parts.append(f"对方得知：{consent['output']}")
    if consent["end_reason"]:
        parts.append(consent["end_reason"])
    if asked := consent["recipient_deletion"]:
        confirmed = asked["confirmed_at"]
        parts.append(
            f"对方已确认删除：{asked['statement']}" if confirmed else f"对方应于 {_day(asked['due_on'])} 前删除"
        )
    return "；".join(parts)


def _day(value: Any) -> str:
    return f"{value:%Y-%m-%d}" if value else "—"


def _moment(value: datetime | None) -> str:
    return minute(value) if value else "—"
