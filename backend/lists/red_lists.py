"""Which red lists (红名单) there are, by date: see `shipped/red_lists.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "red_lists.yaml"


@dataclass(frozen=True)
class RedList:
    code: str
    name: str
    category: str
    levels: Sequence[str]
    newest_only: bool
    valid_days: int
    subject_kinds: Sequence[str]
    basis: str


@dataclass(frozen=True)
class RedLists:
    """One version."""

    effective_from: date
    basis: str
    lists: Mapping[str, RedList]


def red_lists_on(day: date) -> RedLists:
    """The latest that had taken effect; before the first, the first."""
    versions = _shipped()
    in_force = [version for version in versions if version.effective_from <= day] or versions[:1]
    return max(in_force, key=lambda version: version.effective_from)


@cache
def _shipped() -> Sequence[RedLists]:
    return [
        RedLists(**{**version, "lists": {one["code"]: RedList(**one) for one in version["lists"]}})
        for version in read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    ]
