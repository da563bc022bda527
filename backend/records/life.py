"""A record's whole life in words: what happened to it, who did it, why, and what it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.records.models import CreditRecord, RecordVersion
from backend.records.service import versions_of
from backend.records.storing import facts_of

LifeEventName = Literal["delivered", "corrected", "disputed", "restored", "repaired", "revoked", "expired"]

EVENT_NAMES: Mapping[LifeEventName, str] = {
    "delivered": "报送入库",
    "corrected": "内容更正",
    "disputed": "标注异议",
    "restored": "恢复有效",
    "repaired": "信用修复",
    "revoked": "撤销",
    "expired": "到期",
}

_SENTENCES: Mapping[LifeEventName, str] = {
    "delivered": "{by}报送了这条记录。",
    "corrected": "{by}更正了这条记录的内容。",
    "disputed": "这条记录被提出异议，核查期间不会降低信用分。",
    "restored": "这条记录恢复有效，重新按规则计算。",
    "repaired": "这条记录已完成信用修复，不再展示、共享和使用。",
    "revoked": "这条记录已撤销，不再展示、共享和使用。",
    "expired": "这条记录的保留期限已满，不再展示、共享和使用。",
}

_FACT_NAMES = {
    "title": "事项",
    "event_on": "发生日期",
    "ended_on": "终止日期",
    "performed_on": "履行日期",
    "quantity": "数量",
    "amount": "金额",
    "level": "等次",
    "source_department": "数源单位",
}


@dataclass(frozen=True)
class FactChange:
    """One fact before and after, as people read it; None where it was not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class LifeEvent:
    """What one version did. `sentence` is for the subject; `reason` is what whoever changed it stated."""

    version: int
    event: LifeEventName
    event_name: str
    sentence: str
    state: str
    changed_at: datetime
    changed_by: str
    reason: str
    changes: Sequence[FactChange]


def life_of(session: Session, record: CreditRecord, category: Category) -> Sequence[LifeEvent]:
    """Oldest first: one event for every version."""
    life: list[LifeEvent] = []
    before: RecordVersion | None = None
    facts_before: Mapping[str, Any] = {}
    for version in versions_of(session, record.id):
        facts = version.facts or facts_of(record)
        event = _event(before, version)
        life.append(
            LifeEvent(
                version=version.version,
                event=event,
                event_name=EVENT_NAMES[event],
                sentence=_SENTENCES[event].format(by=version.changed_by),
                state=version.state,
                changed_at=version.changed_at,
                changed_by=version.changed_by,
                reason=version.reason,
                changes=() if before is None else _changes(facts_before, facts, category),
            )
        )
        before, facts_before = version, facts
    return life


def _event(before: RecordVersion | None, version: RecordVersion) -> LifeEventName:
    if version.version == 1:
        return "delivered"
    if before is not None and version.state == before.state:
        return "corrected"
    match version.state:
        case "disputed":
            return "disputed"
        case "repaired":
            return "repaired"
        case "revoked":
            return "revoked"
        case "expired":
            return "expired"
        case _:
            return "restored"


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], category: Category) -> list[FactChange]:
    changes = [
        FactChange(name, _said(fact, before.get(fact), category), _said(fact, after.get(fact), category))
        for fact, name in _FACT_NAMES.items()
        if before.get(fact) != after.get(fact)
    ]
    old, new = before.get("content", {}), after.get("content", {})
    changes += [
        FactChange(heading, _text(old.get(heading)), _text(new.get(heading)))
        for heading in dict.fromkeys([*old, *new])
        if old.get(heading) != new.get(heading)
    ]
    return changes


def _said(fact: str, value: Any, category: Category) -> str | None:
    """As people read it: quantities in the category's unit, amounts in yuan, levels by name."""
    match fact, value:
        case _, None:
            return None
        case "quantity", int():
            return f"{value / 100:g} {category.unit}"
        case "amount", int():
            return f"{value / 100:,.2f} 元" if value else None
        case "level", int():
            return category.level_name(value)
        case _:
            return str(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
