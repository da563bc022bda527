"""How long a record counts and shows, and when its content is deleted. Plain dates; no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

from backend.catalogue.document import Category
from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "retention.yaml"


class Dated(Protocol):
    """A record, as far as its clock is concerned."""

    @property
    def event_on(self) -> date: ...
    @property
    def ended_on(self) -> date | None: ...


@dataclass(frozen=True)
class RetentionRule:
    """See `shipped/retention.yaml`."""

    effective_from: date
    basis: str
    grace_days: int
    adverse_years: int


@cache
def retention_rules() -> Sequence[RetentionRule]:
    """In the order of their effect."""
    document = read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    return sorted((RetentionRule(**rule) for rule in document["rules"]), key=lambda rule: rule.effective_from)


def retention_rule_on(day: date) -> RetentionRule:
    """The latest that had taken effect; before the first one took effect, the first."""
    rules = retention_rules()
    return max(
        (rule for rule in rules if rule.effective_from <= day),
        default=rules[0],
        key=lambda rule: rule.effective_from,
    )


def kept_until(record: Dated, category: Category, rule: RetentionRule) -> date | None:
    """The last day on which the record counts and shows; None when its category sets no end.

    Counted from the day the matter ended, or happened when it has no end of its own.
    """
    return _kept_until(record.ended_on or record.event_on, category, rule)


def last_end_over(category: Category, rule: RetentionRule, today: date) -> date | None:
    """The retention of a record is over when its matter ended (or happened) on this day or before; None when its
    category sets no end."""
    if category.retention_days is None:
        return None
    ended = today - timedelta(days=category.retention_days)
    if category.polarity == "negative":
        ended = max(ended, today - timedelta(days=365 * rule.adverse_years))
    while (until := _kept_until(ended, category, rule)) is not None and until >= today:
        ended -= timedelta(days=1)
    return ended


def deleted_on(record: Dated, category: Category, rule: RetentionRule) -> date | None:
    """The day on which the content is deleted; None when its category sets no end."""
    until = kept_until(record, category, rule)
    if until is None:
        return None
    on = until + timedelta(days=1 + rule.grace_days)
    if category.polarity != "negative":
        return on
    return min(on, _longest(record.ended_on or record.event_on, rule) + timedelta(days=1))


def _kept_until(ended: date, category: Category, rule: RetentionRule) -> date | None:
    if category.retention_days is None:
        return None
    until = ended + timedelta(days=category.retention_days)
    return min(until, _longest(ended, rule)) if category.polarity == "negative" else until


def _longest(ended: date, rule: RetentionRule) -> date:
    """The last day of the years after the matter ended."""
    try:
        return ended.replace(year=ended.year + rule.adverse_years)
    except ValueError:  # 29 February, and that year has none
        return date(ended.year + rule.adverse_years, 2, 28)
