"""A policy with some of its indicators weighing more or less: what an officer drags before writing it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from scoring.kernel import divide_rounded
from scoring.policy import Indicator, Policy


def with_weights(policy: Policy, percents: Mapping[str, int]) -> Policy:
    """The policy with all points, caps and yearly caps of these indicators at so many percent, whole hundredths.

    100 changes nothing, 0 switches an indicator off; below zero would turn a merit into a fault and raises
    ValueError, as does a code that the policy does not have. `hash` and `source_text` stay those of the policy
    it was made from: this is for simulating, and nothing to be put in force.
    """
    known = {indicator.code for indicator in policy.indicators}
    if unknown := sorted(set(percents) - known):
        raise ValueError(f"not indicators of {policy.code}: {', '.join(unknown)}")
    if any(percent < 0 for percent in percents.values()):
        raise ValueError("a weight below zero would turn points round")
    dimensions = tuple(
        replace(
            dimension,
            indicators=tuple(_weighed(one, percents.get(one.code, 100)) for one in dimension.indicators),
        )
        for dimension in policy.dimensions
    )
    return replace(policy, dimensions=dimensions)


def _weighed(indicator: Indicator, percent: int) -> Indicator:
    if percent == 100:
        return indicator

    def part(points: int | None) -> int | None:
        return None if points is None else divide_rounded(points * percent, 100)

    versions = tuple(
        replace(
            points,
            rows=tuple(
                replace(
                    row,
                    points=divide_rounded(row.points * percent, 100),
                    performed_points=part(row.performed_points),
                )
                for row in points.rows
            ),
        )
        for points in indicator.points_versions
    )
    return replace(
        indicator, points_versions=versions, cap=part(indicator.cap), yearly_cap=part(indicator.yearly_cap)
    )
