"""Which records are entries of a statutory list (名单): objecting to one is objecting to having been listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "statutory.yaml"


@dataclass(frozen=True)
class StatutoryList:
    category: str
    name: str
    basis: str


@cache
def statutory_lists() -> Mapping[str, StatutoryList]:
    """By catalogue category."""
    listed = read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    return {one["category"]: StatutoryList(**one) for one in listed}
