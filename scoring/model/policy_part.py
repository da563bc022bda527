"""Write an additive model into a policy: each learned step function becomes tiers of an ordinary indicator.

The part is a dimension of its own, bounded by the cap, whose indicators read the value of an existing indicator
(`measure: value_of`). It runs in the kernel like everything else and prints like everything else.
"""

import re
from datetime import date
from textwrap import indent
from typing import Any

import numpy as np
import yaml

from scoring.model.additive import Term
from scoring.model.component import Component, Effect, to_points
from scoring.model.directions import DOWN, FREE, UP
from scoring.model.errors import DirectionsRefused, ModelError, ShapeRefused
from scoring.model.frame import LONG_AGO
from scoring.policy import Indicator, Policy, load_policy

_BELOW_ALL = -10_000_000_000
_HUNDREDTHS = 100


def outcome_directions(policy: Policy) -> dict[str, int]:
    """For each indicator of a policy, how the chance of a later breach may move as its value grows.

    An indicator that may go both ways is left free; it cannot enter a person's model (see `policy_dimension`).
    """
    return {
        indicator.code: _outcome_direction(indicator)
        for indicator in policy.indicators
        if indicator.measure != "value_of"
    }


def policy_dimension(
    component: Component, policy: Policy, effect: Effect, *, code: str = "model", name: str = "模型分项"
) -> dict[str, Any] | None:
    """The dimension to add to the policy document, or None when the cap is 0 or nothing is worth a hundredth.

    "Nothing recorded" is worth zero for every indicator: one that may only raise a score then only adds, one that
    may only lower it only deducts, and whoever declines to share loses nothing.

    Raises ShapeRefused for trees, DirectionsRefused when the model was learned without the policy's directions.
    """
    if component.shape != "additive":
        raise ShapeRefused("只有相加型（additive）模型能写进评分方案；树型模型由批量运行另存其整数结果。")
    if effect.cap == 0:
        return None
    declared = outcome_directions(policy)
    parts = []
    for term in component.terms:
        column = component.names[term.column]
        if column not in declared:
            raise DirectionsRefused(f"模型用到的 {column} 不是方案 {policy.code} 的指标。")
        if declared[column] == FREE or component.directions.get(column, FREE) != declared[column]:
            raise DirectionsRefused(f"指标 {column} 未按方案的方向学习，不能写入方案；请以方案的方向重新训练。")
        indicator = policy.indicator(column)
        tiers = _tiers(term, indicator, effect)
        if tiers:
            parts.append(
                {
                    "code": f"{code}_{column}"[:64],
                    "name": f"{name}·{indicator.name}",
                    "direction": indicator.direction,
                    "basis": f"{indicator.basis}（模型 {component.name}，标识 {component.identity[:16]}）"[:500],
                    "measure": "value_of",
                    "of": column,
                    "points": {"tiers": tiers},
                }
            )
    if not parts:
        return None
    limit = _natural(effect.cap)
    return {"code": code, "name": name, "range": [-limit, limit], "indicators": parts}


def with_model(
    component: Component, policy: Policy, effect: Effect, *, version: str, effective_from: date
) -> Policy:
    """The policy with the model as one more dimension, under its own version and date of effect, checked.

    The document keeps its comments and layout: the new dimension is written at the end of `dimensions`. Raises
    what `policy_dimension` raises, ModelError when nothing was learned that is worth a hundredth or `dimensions`
    does not end the document, PolicyInvalid when the result breaks a rule.
    """
    part = policy_dimension(component, policy, effect)
    if part is None:
        raise ModelError("模型在这样的影响上限之内没有任何分值，不需要写入方案。")
    if any(dimension.base is not None for dimension in policy.dimensions):
        part["base"] = 0  # where every dimension shows its share of the base, this one has none
    text = policy.source_text.rstrip() + "\n"
    keys = re.findall(r"^(\w+):", text, flags=re.MULTILINE)
    if keys[-1] != "dimensions":
        raise ModelError("方案文件的最后一项应当是 dimensions，模型分项才能接在后面。")
    text = re.sub(r"^version:.*$", f'version: "{version}"', text, count=1, flags=re.MULTILINE)
    text = re.sub(r"^effective_from:.*$", f"effective_from: {effective_from}", text, count=1, flags=re.MULTILINE)
    dumped = yaml.safe_dump([part], allow_unicode=True, sort_keys=False, width=110)
    return load_policy(text + indent(dumped, "  "))


def _tiers(term: Term, indicator: Indicator, effect: Effect) -> list[dict[str, Any]]:
    points = to_points(np.array(term.tiers, dtype=np.int64), effect)
    nothing = LONG_AGO if indicator.measure == "months_since" else 0
    points = points - points[np.searchsorted(np.array(term.starts), nothing, side="right") - 1]
    # Counts, sums and months start at zero; points given record by record may lie below it.
    lowest = _BELOW_ALL if indicator.per_record else 0
    rows: list[dict[str, Any]] = []
    before = 0  # below the first tier, and without a value, an indicator is worth nothing
    for start, worth in zip(term.starts, points, strict=True):
        if worth != before:
            at_least = lowest if np.isinf(start) else _natural(int(np.ceil(start)))
            rows.append({"at_least": at_least, "points": _natural(int(worth))})
            before = int(worth)
    return rows


def _natural(hundredths: int) -> int | float:
    """Hundredths as the number a document shows; two decimals are exact in print."""
    whole, rest = divmod(hundredths, _HUNDREDTHS)
    return whole if rest == 0 else hundredths / _HUNDREDTHS


def _outcome_direction(indicator: Indicator) -> int:
    if indicator.direction == "both":
        return FREE
    # Points given record by record are points already, whichever way they count: more is better.
    if indicator.per_record:
        return DOWN
    good = indicator.direction == "up"
    # Months since a good deed: fewer are better. Months since a breach: more are.
    if indicator.measure == "months_since":
        good = not good
    return DOWN if good else UP
