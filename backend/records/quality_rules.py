"""What counts as in time and when a source is worth a warning: dated figures, from `shipped/data_quality.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from scoring.reading_yaml import read_yaml


@dataclass(frozen=True)
class SilenceRule:
    """Working days, and factors of the usual and of the longest gap between deliveries."""

    least_gaps: int
    factor: float
    longest_factor: float
    least_working_days: int


@dataclass(frozen=True)
class ShapeRule:
    """The recent days beside the baseline before them; `index` is a population stability index."""

    recent_days: int
    baseline_days: int
    least_recent_rows: int
    least_baseline_rows: int
    index: float
    refused_growth: float


@dataclass(frozen=True)
class QualityRules:
    """`timely_working_days` after the event a record must have been delivered."""

    effective_from: date
    basis: str
    timely_working_days: int
    silence: SilenceRule
    shape: ShapeRule


def read_quality_rules(text: str) -> Sequence[QualityRules]:
    """What `shipped/data_quality.yaml` says, the earliest first."""
    entries = [
        QualityRules(
            entry["effective_from"],
            entry["basis"],
            entry["timely"]["working_days"],
            SilenceRule(**entry["silence"]),
            ShapeRule(**entry["shape"]),
        )
        for entry in read_yaml(text)
    ]
    return sorted(entries, key=lambda entry: entry.effective_from)


def quality_rules_in_force(entries: Sequence[QualityRules], on: date) -> QualityRules:
    """Of entries in order of time those in force that day; before the first entry, the first."""
    return next((entry for entry in reversed(entries) if entry.effective_from <= on), entries[0])


def quality_rules(on: date) -> QualityRules:
    """The city's rules in force that day."""
    return quality_rules_in_force(_shipped(), on)


@cache
def _shipped() -> Sequence[QualityRules]:
    text = files("backend.records").joinpath("shipped/data_quality.yaml").read_text(encoding="utf-8")
    return read_quality_rules(text)
