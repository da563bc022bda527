"""Small policies and records for tests that state one rule each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import yaml

from scoring.compiled import compile_policy
from scoring.days import to_day
from scoring.engine import SubjectResult, score_one
from scoring.policy import Policy, load_policy
from tests.scoring.oracle import Rec
from tests.scoring.strategies import columns_of

TODAY = date(2026, 7, 1)


def indicator(**changes: Any) -> dict[str, Any]:
    """A deduction of 10 points a record from category `breach`, changed as asked."""
    return {
        "code": "indicator", "name": "指标", "direction": "down", "basis": "依据", "measure": "each",
        "categories": ["breach"], "points": {"each": {"points": -10}},
    } | changes  # fmt: skip


def document(*indicators: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A policy of base 100 within 0 to 200, one dimension, changed as asked."""
    return {
        "code": "small", "name": "小方案", "version": "1", "basis": "依据", "subject_kind": "enterprise",
        "effective_from": date(2020, 1, 1), "base": 100, "range": [0, 200],
        "grades": [{"code": "good", "name": "良", "minimum": 100}, {"code": "poor", "name": "差", "minimum": 0}],
        "dimensions": [
            {"code": "all", "name": "全部", "indicators": [dict(i) for i in indicators or (indicator(),)]},
        ],
    } | changes  # fmt: skip


def text(data: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(data), allow_unicode=True, sort_keys=False)


def policy(*indicators: Mapping[str, Any], **changes: Any) -> Policy:
    return load_policy(text(document(*indicators, **changes)))


def score(of: Policy, *records: Rec, as_of: date = TODAY) -> SubjectResult:
    compiled = compile_policy(of)
    return score_one(compiled, columns_of({1: list(records)}, compiled), to_day(as_of))
