"""Early warnings 信用预警 on an enterprise's portrait: what an officer should look at, and why. Plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

from backend.catalogue.document import Category
from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "warnings.yaml"

WarningCode = Literal[
    "listed", "principal_listed", "licence_ends", "penalties_mount", "commitment_broken", "arrears", "grade_fell"
]


class Fact(Protocol):
    """A record, as far as a warning looks at it."""

    @property
    def category(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def event_on(self) -> date: ...
    @property
    def ended_on(self) -> date | None: ...
    @property
    def performed_on(self) -> date | None: ...
    @property
    def level(self) -> int: ...
    @property
    def state(self) -> str: ...


@dataclass(frozen=True)
class WarningRule:
    """See `shipped/warnings.yaml`."""

    effective_from: date
    basis: str
    listed_categories: Sequence[str]
    licence_ends_within: int
    penalties_within: int
    penalties_most: int
    unperformed_levels: Sequence[str]
    arrears_categories: Sequence[str]


@dataclass(frozen=True)
class PortraitWarning:
    """`since` is the day from which it has been so."""

    code: WarningCode
    message: str
    since: date | None


@cache
def warning_rules() -> Sequence[WarningRule]:
    """In the order of their effect."""
    document = read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    return sorted((WarningRule(**rule) for rule in document["rules"]), key=lambda rule: rule.effective_from)


def warning_rule_on(day: date) -> WarningRule:
    """The latest that had taken effect; before the first one took effect, the first."""
    rules = warning_rules()
    in_force = [rule for rule in rules if rule.effective_from <= day]
    return in_force[-1] if in_force else rules[0]


def warnings_about(
    records: Iterable[Fact],
    of_principals: Iterable[Fact],
    *,
    categories: Mapping[str, Category],
    grades: Sequence[str],
    grade_order: Sequence[str],
    rule: WarningRule,
    on: date,
) -> Sequence[PortraitWarning]:
    """`of_principals` are records of today's legal representatives; `grades` the grade codes in the order of
    time, `grade_order` those of the policy from best to worst."""
    counted = [record for record in records if record.state == "active" and record.event_on <= on]
    principals = [record for record in of_principals if record.state == "active" and record.event_on <= on]
    found = [
        *_listed(counted, categories, rule, on),
        *_principal_listed(principals, rule, on),
        *_arrears(counted, categories, rule, on),
        *_penalties(counted, rule, on),
        *_commitments(counted, categories, rule),
        *_licences(counted, rule, on),
        *_grade_fell(grades, grade_order),
    ]
    return found


def _is_over(record: Fact, on: date) -> bool:
    return record.ended_on is not None and record.ended_on <= on


def _listed(
    records: Sequence[Fact], categories: Mapping[str, Category], rule: WarningRule, on: date
) -> Iterable[PortraitWarning]:
    for record in records:
        if record.category in rule.listed_categories and not _is_over(record, on):
            name = categories[record.category].name
            yield PortraitWarning("listed", f"在“{name}”名单中，尚未移出", record.event_on)


def _principal_listed(records: Sequence[Fact], rule: WarningRule, on: date) -> Iterable[PortraitWarning]:
    since = [
        record.event_on
        for record in records
        if record.category in rule.listed_categories and not _is_over(record, on)
    ]
    if since:
        yield PortraitWarning("principal_listed", "现任法定代表人在失信名单中", min(since))


def _arrears(
    records: Sequence[Fact], categories: Mapping[str, Category], rule: WarningRule, on: date
) -> Iterable[PortraitWarning]:
    for record in records:
        settled = record.performed_on is not None and record.performed_on <= on
        if record.category in rule.arrears_categories and not settled and not _is_over(record, on):
            yield PortraitWarning("arrears", f"{categories[record.category].name}尚未结清", record.event_on)


def _penalties(records: Sequence[Fact], rule: WarningRule, on: date) -> Iterable[PortraitWarning]:
    first = on - timedelta(days=rule.penalties_within)
    recent = [
        record.event_on for record in records if record.category == "admin_penalty" and record.event_on > first
    ]
    if len(recent) > rule.penalties_most:
        yield PortraitWarning(
            "penalties_mount", f"近 {rule.penalties_within} 天内受到 {len(recent)} 次行政处罚", min(recent)
        )


def _commitments(
    records: Sequence[Fact], categories: Mapping[str, Category], rule: WarningRule
) -> Iterable[PortraitWarning]:
    for record in records:
        if record.category != "commitment" or not record.level:
            continue
        level = categories["commitment"].levels[record.level - 1]
        if level.code in rule.unperformed_levels:
            yield PortraitWarning(
                "commitment_broken",
                f"信用承诺{level.name}：{record.title}",
                record.performed_on or record.event_on,
            )


def _licences(records: Sequence[Fact], rule: WarningRule, on: date) -> Iterable[PortraitWarning]:
    last = on + timedelta(days=rule.licence_ends_within)
    for record in records:
        ends = record.ended_on
        if record.category == "admin_licence" and ends is not None and on <= ends <= last:
            yield PortraitWarning("licence_ends", f"许可“{record.title}”将于 {ends} 到期", None)


def _grade_fell(grades: Sequence[str], order: Sequence[str]) -> Iterable[PortraitWarning]:
    if len(grades) < 2 or not {grades[-1], grades[-2]} <= set(order):
        return
    if order.index(grades[-1]) > order.index(grades[-2]):
        yield PortraitWarning("grade_fell", "最近一次评价的等级低于上一次", None)
