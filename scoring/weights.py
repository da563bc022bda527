"""A policy with some of its indicators weighing more or less: what an officer drags before writing it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

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


def with_prices(policy: Policy, prices: Mapping[tuple[str, str], int]) -> Policy:
    """The policy with other points (hundredths) for single parts of its indicators, by the codes of `parts_of`.

    Raises ValueError for a part that is not there, for points against the direction of their indicator, and for
    tiers of which a higher one would be worth less.
    """
    indicators = {indicator.code: indicator for indicator in policy.indicators}
    for (code, part), points in prices.items():
        known = {each.code for each in parts_of(policy, indicators[code])} if code in indicators else set()
        if part not in known:
            raise ValueError(f"{policy.code} has no part {code} {part}")
        indicators[code] = _priced(indicators[code], part, points)
    for code in {code for code, _ in prices}:
        was, now = (
            [row.points for row in one.points_versions[-1].rows]
            for one in (policy.indicator(code), indicators[code])
        )
        if now not in (sorted(now), sorted(now, reverse=True)) or (was[-1] - was[0]) * (now[-1] - now[0]) < 0:
            raise ValueError(f"tiers of {code} out of order")
    dimensions = tuple(
        replace(dimension, indicators=tuple(indicators[each.code] for each in dimension.indicators))
        for dimension in policy.dimensions
    )
    return replace(policy, dimensions=dimensions)


@dataclass(frozen=True, slots=True)
class Part:
    """A number of an indicator that may be tried out: `tier-2`, `unit` or `cap`. All in hundredths.

    `at_least` is the tier's threshold, or how much of the measured value a unit is; None for a cap.
    """

    code: str
    points: int
    at_least: int | None


def parts_of(policy: Policy, indicator: Indicator) -> list[Part]:
    """What of an indicator can be priced anew from the measured values alone: tiers, points per unit, the cap."""
    points = indicator.points_versions[-1]
    parts = []
    if not indicator.per_record and points.kind == "tiers":
        parts = [Part(f"tier-{n}", row.points, row.key) for n, row in enumerate(points.rows, start=1)]
    if points.kind == "per_unit":
        parts = [Part("unit", points.rows[0].points, points.every)]
    if indicator.cap is not None and not (policy.one_act_counts_once and indicator.direction == "down"):
        parts.append(Part("cap", indicator.cap, None))
    return parts


def _priced(indicator: Indicator, part: str, points: int) -> Indicator:
    if part == "cap":
        if points < 0:
            raise ValueError("a cap below zero")
        return replace(indicator, cap=points)
    if (indicator.direction == "up" and points < 0) or (indicator.direction == "down" and points > 0):
        raise ValueError("points against the direction of their indicator")
    place = 0 if part == "unit" else int(part.removeprefix("tier-")) - 1
    newest = indicator.points_versions[-1]
    rows = tuple(replace(row, points=points) if n == place else row for n, row in enumerate(newest.rows))
    return replace(indicator, points_versions=(*indicator.points_versions[:-1], replace(newest, rows=rows)))


def weight_needs_records(policy: Policy, indicator: Indicator) -> bool:
    """Whether another weight is more than what a run measured can tell: fading, or one act under several items."""
    pooled = policy.one_act_counts_once and indicator.direction == "down"
    return indicator.per_record and (indicator.fading is not None or pooled)


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
