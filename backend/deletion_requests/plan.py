"""What of a person's data can go at once, what an officer has to judge, and what the law has kept: the answer
that a deletion request gets before anything is deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from backend.authorizations.models import Consent, ConsentEvent
from backend.authorizations.service import activation_of
from backend.benefits.models import Redemption
from backend.catalogue.document import Category
from backend.catalogue.service import known_categories
from backend.choices.models import DeclinedCategory
from backend.choices.service import declined_by, ended_choices
from backend.city_calendar import city_date
from backend.commitments.models import Commitment
from backend.deletion_requests.errors import DeletionScopeIncomplete, NothingToDelete
from backend.deletion_requests.models import Disposition, Ground, Scope
from backend.deletion_requests.rules import DeletionRules, KeptByLaw, rules_on
from backend.evidence.models import EvidenceFile
from backend.evidence.service import evidence_about
from backend.ledger.models import LedgerEntry
from backend.months import add_months
from backend.notifications.models import Notification
from backend.notifications.service import messages_to
from backend.objections.models import Objection
from backend.objections.service import open_objections_by_record
from backend.objections.states import OPEN_STATES
from backend.records.deletions import DELETED_TITLE, digest_of_content
from backend.records.errors import RecordNotFound
from backend.records.models import CreditRecord
from backend.records.retention import RetentionRule, kept_until, retention_rule_on
from backend.repairs.models import Repair
from backend.repairs.service import open_repairs_by_record
from backend.repairs.states import OPEN_STATES as OPEN_REPAIRS
from backend.reports.models import CreditReport
from backend.reports.service import kept_files_of
from backend.scores.models import Score
from backend.supplements.models import Supplement
from backend.supplements.service import supplements_of

GROUND_NAMES: dict[Ground, str] = {
    "consent_withdrawn": "我撤回同意",
    "purpose_achieved": "处理目的已经实现，或者不再需要",
    "term_over": "保存期限已经届满",
    "unlawful": "违反法律、法规或者约定处理",
    "other": "其他理由",
}
JUDGED_GROUNDS: frozenset[Ground] = frozenset({"purpose_achieved", "unlawful", "other"})
"""Whether these hold cannot be read from dates: a person judges."""

PART_NAMES = {
    "score": "信用分（历次）",
    "reports": "信用报告文件",
    "supplements": "自主申报的内容",
    "records": "信用记录",
    "choices": "已恢复的数据选择",
    "evidence": "已办结事项的证明材料",
    "messages": "较早的消息",
}
CONSENT_ALONE = "只以您的同意为依据，《中华人民共和国个人信息保护法》第四十七条第一款第三项"
CODES_GO = "凭码 60 秒后自动失效，系统不保存"


@dataclass(frozen=True)
class Asked:
    """What the citizen asks to be deleted, and why."""

    scope: Scope
    ground: Ground
    reason: str
    category: str | None = None
    record_id: int | None = None


@dataclass(frozen=True)
class PlanItem:
    """One line of the answer.

    until       last day of the term; None when there is none or it is said in `term` only
    record_ids  the records behind the line, where it is about records
    """

    part: str
    disposition: Disposition
    name: str
    count: int
    basis: str
    why: str
    until: date | None = None
    term: str = ""
    category: str | None = None
    record_ids: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "until": self.until.isoformat() if self.until else None,
            "record_ids": list(self.record_ids),
        }


@dataclass(frozen=True)
class Content:
    """Everything that goes at once, as the rows that they are."""

    scores: Sequence[Score]
    reports: Sequence[CreditReport]
    supplements: Sequence[Supplement]
    records: Sequence[CreditRecord]
    choices: Sequence[DeclinedCategory]
    evidence: Sequence[EvidenceFile]
    messages: Sequence[Notification]


@dataclass(frozen=True)
class Plan:
    """`digest` lets the citizen confirm exactly what they were shown."""

    items: Sequence[PlanItem]
    stopped: Sequence[str]
    content: Content
    digest: str


def plan_of(session: Session, subject_id: int, asked: Asked, *, now: datetime, lock: bool = False) -> Plan:
    """What would become of everything asked about, today.

    lock  whether the records are held until the transaction ends, because the deletion follows

    Raises DeletionScopeIncomplete, RecordNotFound or NothingToDelete.
    """
    today = city_date(now)
    rules, rule = rules_on(today), retention_rule_on(today)
    categories = known_categories(session, today)
    records = _records(session, subject_id, asked, lock=lock)
    in_case = cases_open_about(session, [record.id for record in records])
    supplements = [
        supplement
        for supplement in _supplements(session, subject_id, asked, records)
        if supplement.record_id not in in_case
    ]
    supplied = {supplement.record_id for supplement in supplements}
    lines: dict[tuple[str, Disposition, str], list[CreditRecord]] = {}
    for record in records:
        disposition, why = judge(
            record,
            categories[record.category],
            rule=rule,
            ground=asked.ground,
            self_declared=record.id in supplied,
            in_case=record.id in in_case,
            today=today,
        )
        lines.setdefault((record.category, disposition, why), []).append(record)
    items = [
        _records_line(categories[category], disposition, why, of_line, rule)
        for (category, disposition, why), of_line in sorted(lines.items(), key=lambda line: line[0])
    ]
    going = [
        record for (_, disposition, _), of_line in lines.items() if disposition == "delete" for record in of_line
    ]
    content = _content(session, subject_id, asked, supplements, going, rules=rules, now=now)
    items = [*_content_lines(content, rules), *items]
    if asked.scope == "all":
        items += _kept_lines(session, subject_id, rules)
    if not items:
        raise NothingToDelete
    stopped = _stopped(session, subject_id, asked, items, categories)
    said = [item.as_json() for item in items]
    return Plan(items, stopped, content, digest_of_content([said, stopped]).hex())


def judge(
    record: CreditRecord,
    category: Category,
    *,
    rule: RetentionRule,
    ground: Ground,
    self_declared: bool,
    in_case: bool,
    today: date,
) -> tuple[Disposition, str]:
    """What may become of one record, and why, in words for its subject."""
    if in_case:
        return "review", "有异议或修复正在办理，由工作人员审核"
    if self_declared:
        return "delete", "由您自主申报，随时可以收回"
    if category.may_decline:
        return "delete", "记不记录由您决定，删除后不再记录"
    until = kept_until(record, category, rule)
    if until is not None and until < today:
        return "delete", "保存期限已满"
    if until is None:
        return "review", "目录没有规定保存期限，由工作人员审核是否仍有必要保存"
    if ground in JUDGED_GROUNDS:
        return "review", "您所说的理由需要由工作人员核实"
    if record.state == "revoked":
        return "review", "记录已撤销、不再使用，由工作人员审核是否还须存档"
    return "keep", "依法归集，不以您的同意为依据，保存期限未满"


def cases_open_about(session: Session, record_ids: Sequence[int]) -> Collection[int]:
    """Of these records, those that somebody still has to decide about."""
    if not record_ids:
        return frozenset()
    return {*open_objections_by_record(session, record_ids), *open_repairs_by_record(session, record_ids)}


def _records(session: Session, subject_id: int, asked: Asked, *, lock: bool) -> Sequence[CreditRecord]:
    query = select(CreditRecord).where(CreditRecord.subject_id == subject_id, CreditRecord.title != DELETED_TITLE)
    if asked.scope == "category":
        if not asked.category:
            raise DeletionScopeIncomplete
        query = query.where(CreditRecord.category == asked.category)
    if asked.scope == "record":
        if asked.record_id is None:
            raise DeletionScopeIncomplete
        query = query.where(CreditRecord.id == asked.record_id)
    if lock:
        query = query.with_for_update()
    found = session.scalars(query.order_by(CreditRecord.id).execution_options(populate_existing=True)).all()
    if asked.scope == "record" and not found:
        raise RecordNotFound
    return found


def _supplements(
    session: Session, subject_id: int, asked: Asked, records: Sequence[CreditRecord]
) -> Sequence[Supplement]:
    ids = {record.id for record in records}
    return [
        supplement
        for supplement in supplements_of(session, subject_id)
        if asked.scope == "all"
        or (asked.scope == "category" and supplement.category == asked.category)
        or supplement.record_id in ids
    ]


def _content(
    session: Session,
    subject_id: int,
    asked: Asked,
    supplements: Sequence[Supplement],
    records: Sequence[CreditRecord],
    *,
    rules: DeletionRules,
    now: datetime,
) -> Content:
    everything = asked.scope == "all"
    about = [f"supplement:{supplement.id}" for supplement in supplements]
    files = evidence_about(session, subject_id)
    closed = _closed_cases(session, {file.case for file in files if file.case}) if everything else set()
    since = now - timedelta(days=rules.messages_days) if everything else None
    about_records = [f"record:{record.id}" for record in records]
    return Content(
        scores=session.scalars(select(Score).where(Score.subject_id == subject_id).order_by(Score.id)).all()
        if everything
        else (),
        # A report says what the records said: with any of these its file goes too.
        reports=kept_files_of(session, subject_id) if everything or records else (),
        supplements=supplements,
        records=records,
        choices=ended_choices(session, subject_id) if everything else (),
        evidence=[file for file in files if file.case in closed or file.case in about],
        messages=messages_to(session, subject_id, before=since, about=[*about, *about_records]),
    )


def _closed_cases(session: Session, cases: Iterable[str]) -> set[str]:
    """Of these cases (`kind:id`), those in which nothing is left to be decided."""
    closed = set()
    for case in cases:
        kind, _, number = case.partition(":")
        if kind == "objection":
            query = select(Objection.id).where(Objection.id == UUID(number), Objection.state.not_in(OPEN_STATES))
        elif kind == "repair":
            query = select(Repair.id).where(Repair.id == UUID(number), Repair.state.not_in(OPEN_REPAIRS))
        else:
            continue
        if session.scalar(query) is not None:
            closed.add(case)
    return closed


def _content_lines(content: Content, rules: DeletionRules) -> list[PlanItem]:
    counted: list[tuple[str, int, str]] = [
        ("score", len(content.scores), "删除后信用分随之停用，需要时可重新开通"),
        ("reports", len(content.reports), "平台上不能再下载；已下载的仍可扫码核验"),
        ("supplements", len(content.supplements), "由您自主申报，随时可以收回"),
        ("choices", len(content.choices), "已经恢复记录的历史选择"),
        ("evidence", len(content.evidence), "事项已经办结"),
        ("messages", len(content.messages), f"{rules.messages_days} 天以前的消息，以及关于所删内容的消息"),
    ]
    return [
        PlanItem(part, "delete", PART_NAMES[part], count, CONSENT_ALONE, why)
        for part, count, why in counted
        if count
    ]


def _records_line(
    category: Category,
    disposition: Disposition,
    why: str,
    records: Sequence[CreditRecord],
    rule: RetentionRule,
) -> PlanItem:
    until = None
    if disposition == "keep":
        until = max((day for record in records if (day := kept_until(record, category, rule))), default=None)
    return PlanItem(
        part="records",
        disposition=disposition,
        name=category.name,
        count=len(records),
        basis=CONSENT_ALONE if disposition == "delete" and category.may_decline else category.legal_basis,
        why=why,
        until=until,
        term=f"保存 {category.retention_days} 天，自事项终结之日起" if category.retention_days else "",
        category=category.code,
        record_ids=tuple(record.id for record in records),
    )


def _kept_lines(session: Session, subject_id: int, rules: DeletionRules) -> list[PlanItem]:
    own_consents = select(Consent.id).where(Consent.subject_id == subject_id)
    found: Mapping[str, Select[int, datetime | None]] = {
        "ledger": select(func.count(), func.max(LedgerEntry.at)).where(LedgerEntry.subject_id == subject_id),
        "consents": select(func.count(), func.max(ConsentEvent.at)).where(
            ConsentEvent.consent_id.in_(own_consents)
        ),
        "redemptions": select(func.count(), func.max(Redemption.redeemed_at)).where(
            Redemption.subject_id == subject_id
        ),
    }
    cases = sum(
        session.scalar(select(func.count()).select_from(table).where(table.subject_id == subject_id)) or 0
        for table in (Objection, Repair, Commitment)
    )
    lines = []
    for kept in rules.kept:
        if kept.part in found:
            count, last = session.execute(found[kept.part]).one()
        else:
            count, last = (cases, None) if kept.part == "cases" else (1, None)
        if count:
            lines.append(_kept_line(kept, count, last))
    return lines


def _kept_line(kept: KeptByLaw, count: int, last: datetime | None) -> PlanItem:
    until = add_months(city_date(last), 12 * kept.years) if last is not None and kept.years is not None else None
    return PlanItem(kept.part, "keep", kept.name, count, kept.basis, "法律要求保存", until, kept.until)


def _stopped(
    session: Session,
    subject_id: int,
    asked: Asked,
    items: Sequence[PlanItem],
    categories: Mapping[str, Category],
) -> list[str]:
    """What is no longer used: already, or from the moment of filing."""
    declined = declined_by(session, subject_id)
    going = {item.category for item in items if item.disposition == "delete" and item.category}
    stopped = [
        f"“{categories[code].name}”{'已' if code in declined else '从您确认时起'}停止记录、计分和展示"
        for code in sorted(declined | {code for code in going if categories[code].may_decline})
        if asked.scope == "all" or code in going
    ]
    if asked.scope == "all":
        active = activation_of(session, subject_id) is not None
        stopped.append("信用分在您确认的同时停用" if active else "信用分没有开通，不计算、不展示")
        stopped.append(CODES_GO)
    return stopped
