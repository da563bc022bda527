"""May this be repaired now, and if not, what is missing and from when? Plain values in, every condition out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from backend.catalogue.document import Category
from backend.repairs.rules import RepairRule

ConditionCode = Literal["counts", "adverse", "repairable", "shortest_period", "obligation", "commitment"]

_WHY_NOT_COUNTING = {
    "disputed": "记录正在异议核查中，核查结束后再申请",
    "repaired": "记录已经修复，不需要再申请",
    "revoked": "记录已被撤销，不需要修复",
    "expired": "记录已过期限，不再使用，不需要修复",
}


@dataclass(frozen=True)
class RecordFacts:
    """What the conditions look at, of one record.

    has_proof  evidence of performance was handed in with the application
    signed     the commitment letter of this application is signed
    """

    category: Category
    level: int
    state: str
    event_on: date
    performed_on: date | None
    has_proof: bool
    signed: bool


@dataclass(frozen=True)
class Condition:
    """`met_from` is the day from which it will be met by the passing of time alone; null when that is not so.
    `sentence` says what is so, or what is missing and what to do."""

    code: ConditionCode
    name: str
    met: bool
    met_from: date | None
    sentence: str


def conditions_of(facts: RecordFacts, rule: RepairRule, today: date) -> Sequence[Condition]:
    """All of them, in the order an officer would check them. Where a record cannot be repaired at all, the
    conditions that could still be worked for are left out."""
    seriousness = rule.seriousness_of(facts.category, facts.level)
    checked = [
        Condition(
            "counts",
            "记录有效",
            facts.state == "active",
            None,
            "记录正在使用" if facts.state == "active" else _WHY_NOT_COUNTING[facts.state],
        )
    ]
    if seriousness is None:
        return [*checked, Condition("adverse", "失信信息", False, None, "这条记录不是失信信息，不需要修复")]
    excluded = rule.excluded.get(facts.category.code)
    checked.append(
        Condition("repairable", "可以修复的类别", excluded is None, None, excluded or "属于可以申请修复的类别")
    )
    if excluded is not None or not checked[0].met:
        return checked
    level = rule.levels[seriousness]
    first_day = level.repairable_from(facts.event_on)
    if level.shortest_months:
        waited = first_day <= today
        period = (
            f"{level.name}失信信息最短公示 {level.shortest_months} 个月"
            if level.shortest_months < 12
            else f"{level.name}失信信息最短公示 {level.shortest_months // 12} 年"
        )
        checked.append(
            Condition(
                "shortest_period",
                "最短公示期",
                waited,
                None if waited else first_day,
                f"{period}，已于 {first_day:%Y-%m-%d} 届满"
                if waited
                else f"{period}，{first_day:%Y-%m-%d} 起可以申请",
            )
        )
    else:
        checked.append(
            Condition("shortest_period", "最短公示期", True, None, "轻微失信信息，履行义务后即可申请，不必等待")
        )
    proves_itself = facts.category.code not in rule.proof_needed
    performed = proves_itself and facts.performed_on is not None and facts.performed_on <= today
    checked.append(
        Condition(
            "obligation",
            "纠正失信行为、履行义务",
            performed or facts.has_proof,
            facts.performed_on if proves_itself and facts.performed_on and facts.performed_on > today else None,
            f"记录载明 {facts.performed_on:%Y-%m-%d} 已履行"
            if performed and facts.performed_on
            else "已提交履行义务的证明，由认定单位审核"
            if facts.has_proof
            else "还没有履行完毕的记录，请先履行义务，再上传缴款凭证、结案证明等材料",
        )
    )
    checked.append(
        Condition(
            "commitment",
            "签署信用承诺书",
            facts.signed,
            None,
            "已签署信用承诺书" if facts.signed else "提交申请时签署信用承诺书",
        )
    )
    return checked


def repairable_from(conditions: Sequence[Condition]) -> date | None:
    """The day from which time alone is no longer in the way; None when that is so already, or never will be."""
    return max((condition.met_from for condition in conditions if condition.met_from), default=None)
