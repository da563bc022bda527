"""Which reading is unusual: plain arithmetic over an officer's readings of one day. No database, no clock."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from backend.city_calendar import CITY_ZONE
from backend.oversight.models import RuleCode
from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "alert_rules.yaml"


@dataclass(frozen=True)
class AlertRules:
    """One dated version of the rules; see `shipped/alert_rules.yaml` for what each figure means."""

    effective_from: date
    basis: str
    volume: Mapping[str, int]
    out_of_hours: Mapping[str, int]
    same_surname: Mapping[str, int]
    neighbours: Mapping[str, int]
    repeated: Mapping[str, int]
    without_case: Mapping[str, Any]
    explain_within_days: int
    answer_complaint_within_days: int


@dataclass(frozen=True)
class Reading:
    """One ledger row of an officer. `surname` and `district` are the person's; None when not known."""

    entry_id: int
    at: datetime
    subject_id: int
    action: str
    has_case: bool
    surname: str | None
    district: str | None


@dataclass(frozen=True)
class Reader:
    """The officer. Their own place in the register, where the office has noted it."""

    officer_id: UUID
    surname: str
    subject_id: int | None
    district: str | None


@dataclass(frozen=True)
class Baseline:
    """own_daily_mean  of the officer's days with any reading before; None for a newcomer
    peers_that_day  how much each colleague read that day
    days_before     on which days each person was read by this officer before, within the rule's window
    """

    own_daily_mean: float | None
    peers_that_day: Sequence[int]
    days_before: Mapping[int, frozenset[date]]


@dataclass(frozen=True)
class Found:
    """A rule that was set off. `subject_id` where it is about one person."""

    rule: RuleCode
    entry_ids: tuple[int, ...]
    figures: Mapping[str, Any]
    subject_id: int | None = None


def rules_on(day: date) -> AlertRules:
    """The latest that had taken effect; before the first, the first."""
    versions = _shipped()
    in_force = [version for version in versions if version.effective_from <= day] or versions[:1]
    return max(in_force, key=lambda version: version.effective_from)


def unusual(
    readings: Sequence[Reading],
    *,
    day: date,
    is_working_day: bool,
    reader: Reader,
    baseline: Baseline,
    rules: AlertRules,
) -> list[Found]:
    """Everything unusual in one officer's readings of one day, in the order of the rules."""
    if not readings:
        return []
    found = [
        *_volume(readings, baseline, rules),
        *_out_of_hours(readings, is_working_day, rules),
        *_own_record(readings, reader),
        *_close(readings, "same_surname", reader.surname, lambda reading: reading.surname, rules.same_surname),
        *_close(readings, "neighbours", reader.district, lambda reading: reading.district, rules.neighbours),
        *_repeated(readings, day, baseline, rules),
        *_without_case(readings, rules),
    ]
    return found


def _volume(readings: Sequence[Reading], baseline: Baseline, rules: AlertRules) -> list[Found]:
    rule, count = rules.volume, len(readings)
    if count < rule["at_least"]:
        return []
    peers = median(baseline.peers_that_day) if baseline.peers_that_day else None
    mean = baseline.own_daily_mean
    above_own = mean is not None and count > rule["own_factor"] * mean
    above_peers = peers is not None and count > rule["peer_factor"] * peers
    # With nothing to compare to, the bare number speaks.
    if not (above_own or above_peers or (mean is None and peers is None)):
        return []
    figures = {"count": count, "own_daily_mean": None if mean is None else round(mean, 1), "peer_median": peers}
    return [Found("volume", _ids(readings), figures)]


def _out_of_hours(readings: Sequence[Reading], is_working_day: bool, rules: AlertRules) -> list[Found]:
    rule = rules.out_of_hours
    late = [
        reading
        for reading in readings
        if not is_working_day or not rule["opens"] <= reading.at.astimezone(CITY_ZONE).hour < rule["closes"]
    ]
    if len(late) < rule["at_least"]:
        return []
    return [Found("out_of_hours", _ids(late), {"count": len(late), "working_day": is_working_day})]


def _own_record(readings: Sequence[Reading], reader: Reader) -> list[Found]:
    own = [reading for reading in readings if reading.subject_id == reader.subject_id]
    return [Found("own_record", _ids(own), {"count": len(own)})] if own else []


def _close(
    readings: Sequence[Reading], code: RuleCode, own: str | None, trait: Any, rule: Mapping[str, int]
) -> list[Found]:
    if own is None:
        return []
    alike = [reading for reading in readings if trait(reading) == own]
    persons, everyone = {reading.subject_id for reading in alike}, {reading.subject_id for reading in readings}
    if len(persons) < rule["at_least"] or len(persons) * 100 < rule["share_percent"] * len(everyone):
        return []
    return [Found(code, _ids(alike), {"persons": len(persons), "of": len(everyone)})]


def _repeated(readings: Sequence[Reading], day: date, baseline: Baseline, rules: AlertRules) -> list[Found]:
    of_person: dict[int, list[Reading]] = defaultdict(list)
    for reading in readings:
        of_person[reading.subject_id].append(reading)
    found = []
    for subject_id, of_today in of_person.items():
        days = baseline.days_before.get(subject_id, frozenset()) | {day}
        if len(days) >= rules.repeated["at_least"]:
            figures = {"days": len(days), "within_days": rules.repeated["within_days"]}
            found.append(Found("repeated", _ids(of_today), figures, subject_id))
    return found


def _without_case(readings: Sequence[Reading], rules: AlertRules) -> list[Found]:
    loose = [
        reading for reading in readings if reading.action in rules.without_case["actions"] and not reading.has_case
    ]
    if len(loose) < rules.without_case["at_least"]:
        return []
    actions = Counter(reading.action for reading in loose)
    return [Found("without_case", _ids(loose), {"count": len(loose), "actions": dict(actions)})]


def _ids(readings: Sequence[Reading]) -> tuple[int, ...]:
    return tuple(reading.entry_id for reading in readings)


@cache
def _shipped() -> Sequence[AlertRules]:
    return [AlertRules(**version) for version in read_yaml(_SHIPPED.read_text(encoding="utf-8"))]
