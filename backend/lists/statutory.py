"""Which records are entries of a statutory list (名单): objecting to one is objecting to having been listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "statutory.yaml"


@dataclass(frozen=True)
class StatutoryMeasure:
    """What the law attaches to being listed (惩戒措施), with the rule that says so."""

    text: str
    basis: str


@dataclass(frozen=True)
class StatutoryList:
    category: str
    name: str
    basis: str
    measures: Sequence[StatutoryMeasure] = ()


@cache
def statutory_lists() -> Mapping[str, StatutoryList]:
    """By catalogue category."""
    listed = read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    return {
        one["category"]: StatutoryList(
            **{name: value for name, value in one.items() if name != "measures"},
            measures=tuple(StatutoryMeasure(**measure) for measure in one.get("measures", ())),
        )
        for one in listed
    }
