"""What a changed policy would do to a city, fast enough to drag a weight and watch.

A run leaves an indicator matrix: for every subject the measured values and the points. Where a change only
touches prices (tiers, points per unit, caps, limits, base, range, grades) the new scores follow from that
matrix alone, by the kernel's own second half. The same holds where all prices of an indicator that prices record
by record change by one exact factor. Where a change touches what is measured (categories, windows, fading, one
level's points …) the records have to be read again, and `simulate` says for which indicators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.columns import RecordColumns
from scoring.compiled import CompiledPolicy
from scoring.engine import BatchResult, score_batch
from scoring.kernel import NO_VALUE, Int64, compiled_reprice, divide_rounded
from scoring.policy import DirectGrade, Indicator, Policy

MOST_MOVERS = 20
HISTOGRAM_BINS = 40

Eligible = Callable[[Int64, npt.NDArray[np.int8]], npt.NDArray[np.bool_]]
"""Of total scores (hundredths) and grade indexes, who may have a benefit."""


class NeedsRecords(ValueError):
    """The change touches what is measured; without the records its effect can't be computed."""

    def __init__(self, indicators: tuple[str, ...]) -> None:
        super().__init__(f"these indicators measure something else now: {', '.join(indicators)}")
        self.indicators = indicators


@dataclass(frozen=True, slots=True)
class Groups:
    """One label for each subject: `names[codes[i]]`. Build it once with `group_by` and keep it."""

    names: tuple[str, ...]
    codes: Int64


def group_by(labels: Sequence[str] | npt.NDArray[Any]) -> Groups:
    """Group subjects by a label each."""
    names, codes = np.unique(np.asarray(labels), return_inverse=True)
    return Groups(tuple(str(name) for name in names), codes.astype(np.int64))


def at_least(hundredths: int) -> Eligible:
    """Who has at least so many points."""
    return lambda total, grade: total >= hundredths


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of total scores: mean (rounded), deciles (nine of them), and a histogram over shared `edges`."""

    mean: int
    deciles: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mover:
    """A subject whose score moves most, with the indicator that moves it most ("" when only limits do)."""

    subject: int
    before: int
    after: int
    indicator: str


@dataclass(frozen=True, slots=True)
class GroupEffect:
    """The effect on one group (a district, an age band). Mean scores in hundredths."""

    group: str
    label: str
    subjects: int
    mean_before: int
    mean_after: int
    raised: int
    lowered: int


@dataclass(frozen=True, slots=True)
class BenefitEffect:
    """How many subjects would gain or lose a benefit."""

    benefit: str
    eligible_before: int
    eligible_after: int
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """A policy and its change side by side, over the same subjects in the same order.

    `migration[i][j]` counts subjects that go from grade i of the old policy to grade j of the new one.
    `read_again` names the indicators for which records had to be read.
    """

    after: BatchResult
    edges: tuple[int, ...]
    distribution_before: Distribution
    distribution_after: Distribution
    migration: tuple[tuple[int, ...], ...]
    raised: int
    lowered: int
    most_raised: tuple[Mover, ...]
    most_lowered: tuple[Mover, ...]
    groups: tuple[GroupEffect, ...]
    benefits: tuple[BenefitEffect, ...]
    read_again: tuple[str, ...]


def simulate(
    before: CompiledPolicy,
    after: CompiledPolicy,
    scores: BatchResult,
    as_of_day: int,
    *,
    columns: RecordColumns | None = None,
    groups: Mapping[str, Groups] | None = None,
    benefits: Mapping[str, Eligible] | None = None,
    threads: int = 1,
) -> Simulation:
    """Compare a changed policy with the one that gave `scores` on `as_of_day`.

    `columns` are the records behind `scores`, sorted by subject, their categories indexed as in `after` (give
    `compile_policy` the same categories for both); needed only when `affected` names something, and
    NeedsRecords is raised where they are missing then. `groups` maps a name (district, age band) to the
    labels of the subjects of `scores`, in their order; `benefits` maps a name to who may have it.
    """
    again = affected(before.on(as_of_day), after.on(as_of_day))
    if again:
        if columns is None:
            raise NeedsRecords(again)
        result = score_batch(after, columns, as_of_day, scores.subject, threads=threads)
    else:
        result = _repriced(before, after, scores, as_of_day, threads)
    return _compared(before, after, scores, result, again, groups or {}, benefits or {})


def affected(before: Policy, after: Policy) -> tuple[str, ...]:
    """What `after` measures and `before` did not: codes of indicators and direct grades, empty when a matrix
    of `before` suffices."""
    known = {indicator.code: indicator for indicator in before.indicators}
    # Where one act counts once, at its highest among all deductions, a change of one may touch all of them.
    pools = [_pool(before), _pool(after)]
    again = {
        indicator.code
        for indicator in after.indicators
        if indicator.measure != "value_of"
        and (
            indicator.code not in known
            or _factor(known[indicator.code], indicator, pooled=indicator.code in pools[0]) is None
        )
    }
    if pools[0] != pools[1] or (again & pools[1]):
        again |= pools[0] | pools[1]
    again |= {i.code for i in after.indicators if i.of is not None and (i.of in again or i.of not in known)}
    if [_listing(d) for d in before.direct_grades] != [_listing(d) for d in after.direct_grades]:
        again |= {direct.code for direct in (*before.direct_grades, *after.direct_grades)}
    return tuple(sorted(again))


def _pool(policy: Policy) -> set[str]:
    """Indicators whose records compete within one act."""
    if not policy.one_act_counts_once:
        return set()
    return {i.code for i in policy.indicators if i.direction == "down" and i.measure == "each"}


def _factor(before: Indicator, after: Indicator, *, pooled: bool) -> Fraction | None:
    """What every measured value of `before` is multiplied by under `after`, exactly; None when records must tell.

    Values of an indicator that prices record by record are points, which grow with the prices: sums, highest,
    latest, yearly caps. Not what fading divides and rounds, nor what competes within one act.
    """
    if _reading(before) == _reading(after):
        return Fraction(1)
    if not before.per_record or before.fading is not None or pooled:
        return None
    was, now = before.points_versions[0], after.points_versions[0]
    # A level's own points, what replaces them once performed, and the most that a year gives.
    prices = [(row.points, new.points) for row, new in zip(was.rows, now.rows, strict=False)]
    prices += [
        (row.performed_points, new.performed_points)
        for row, new in zip(was.rows, now.rows, strict=False)
        if row.performed_points is not None and new.performed_points is not None
    ]
    if before.yearly_cap is not None and after.yearly_cap is not None:
        prices.append((before.yearly_cap, after.yearly_cap))
    factor = next((Fraction(new, old) for old, new in prices if old), Fraction(1))
    if factor < 0 or any(old * factor != new for old, new in prices):
        return None
    return factor if _reading(_without_prices(before)) == _reading(_without_prices(after)) else None


def _without_prices(indicator: Indicator) -> Indicator:
    points = indicator.points_versions[0]
    rows = tuple(
        replace(row, points=0, performed_points=None if row.performed_points is None else 0) for row in points.rows
    )
    return replace(
        indicator,
        points_versions=(replace(points, rows=rows),),
        yearly_cap=None if indicator.yearly_cap is None else 0,
    )


def _reading(indicator: Indicator) -> tuple[object, ...]:
    """Everything of an indicator that decides its value, apart from names and prices."""
    points = indicator.points_versions[0]
    rows = tuple(replace(row, name="") for row in points.rows)
    return (
        indicator.measure,
        indicator.direction,
        frozenset((use.code, frozenset(use.levels)) for use in indicator.categories),
        frozenset(indicator.relations),
        indicator.count_from,
        None if indicator.per_record else indicator.window,
        None if indicator.fading is None else indicator.fading.steps,
        indicator.once_per_event,
        indicator.repeat_factor,
        indicator.repeat_same if indicator.repeat_factor > 1 else None,
        indicator.yearly_cap,
        (points.kind, rows) if indicator.per_record else None,
    )


def _listing(direct: DirectGrade) -> tuple[object, ...]:
    return direct.categories, direct.relations, direct.count_from, direct.window


def _pricing(indicator: Indicator) -> tuple[object, ...]:
    """Everything of an indicator that decides the points of its value."""
    points = indicator.points_versions[0]
    rows = () if indicator.per_record else tuple((row.key, row.points) for row in points.rows)
    return points.kind, rows, points.every, points.whole_units, indicator.cap, indicator.direction


def _repriced(
    before: CompiledPolicy, after: CompiledPolicy, scores: BatchResult, as_of_day: int, threads: int
) -> BatchResult:
    old, new = before.on(as_of_day), after.on(as_of_day)
    column = {indicator.code: i for i, indicator in enumerate(old.indicators)}
    source = np.array([column[i.of or i.code] for i in new.indicators], np.int64)
    changed = np.array(
        [i.code not in column or _pricing(i) != _pricing(old.indicator(i.code)) for i in new.indicators], np.bool_
    )
    scaled = _scaled(old, new, scores.values, column)
    changed |= np.isin(source, list(scaled))
    # An indicator that prices another's value anew may be an old one under its own code: then its points stay.
    source[~changed] = [column[i.code] for i, anew in zip(new.indicators, changed, strict=True) if not anew]
    tables = after.tables(as_of_day)
    n = len(scores.subject)
    measured = scores.values
    if scaled:
        measured = measured.copy()
        for place, column_of_values in scaled.items():
            measured[:, place] = column_of_values
    values = measured if np.array_equal(source, np.arange(measured.shape[1])) else measured[:, source]
    points = np.empty((n, len(source)), np.int64)
    limits = np.empty((n, len(tables.dimensions)), np.int64)
    clamp, total, grade = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int8)

    def run(part: slice) -> None:
        compiled_reprice()(
            np.ascontiguousarray(measured[part]),
            np.ascontiguousarray(scores.points[part]),
            source,
            changed,
            np.ascontiguousarray(scores.listed[part]),
            tables,
            points[part],
            limits[part],
            clamp[part],
            total[part],
            grade[part],
        )

    cuts = [n * part // threads for part in range(threads + 1)]
    compiled_reprice()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, [slice(low, high) for low, high in pairwise(cuts)]))
    return BatchResult(scores.subject, values, points, limits, scores.listed, clamp, total, grade)


def _scaled(old: Policy, new: Policy, values: Int64, column: Mapping[str, int]) -> dict[int, Int64]:
    """By column, the values of indicators whose prices all change by one factor."""
    scaled = {}
    for indicator in new.indicators:
        if indicator.code not in column or indicator.measure == "value_of":
            continue
        factor = _factor(old.indicator(indicator.code), indicator, pooled=False)
        if factor is not None and factor != 1:
            place = column[indicator.code]
            was = values[:, place]
            scaled[place] = np.where(was == NO_VALUE, was, was * factor.numerator // factor.denominator)
    return scaled


def _compared(
    before: CompiledPolicy,
    after: CompiledPolicy,
    old: BatchResult,
    new: BatchResult,
    again: tuple[str, ...],
    groups: Mapping[str, Groups],
    benefits: Mapping[str, Eligible],
) -> Simulation:
    policies = (before.policy, after.policy)
    low, high = min(p.minimum for p in policies), max(p.maximum for p in policies)
    edges = np.unique(np.linspace(low, high, HISTOGRAM_BINS + 1).round().astype(np.int64))
    moved = new.total - old.total
    n_grades = len(after.policy.grades)
    pairs = np.bincount(
        old.grade.astype(np.int64) * n_grades + new.grade, minlength=len(before.policy.grades) * n_grades
    ).reshape(-1, n_grades)
    return Simulation(
        after=new,
        edges=tuple(edges.tolist()),
        distribution_before=_distribution(old.total, edges),
        distribution_after=_distribution(new.total, edges),
        migration=tuple(tuple(row) for row in pairs.tolist()),
        raised=int(np.count_nonzero(moved > 0)),
        lowered=int(np.count_nonzero(moved < 0)),
        most_raised=_movers(before, after, old, new, moved, 1),
        most_lowered=_movers(before, after, old, new, moved, -1),
        groups=tuple(
            effect for name, labels in groups.items() for effect in _group_effects(name, labels, old, new, moved)
        ),
        benefits=tuple(_benefit_effect(name, eligible, old, new) for name, eligible in benefits.items()),
        read_again=again,
    )


def _distribution(total: Int64, edges: Int64) -> Distribution:
    if len(total) == 0:
        return Distribution(0, (0,) * 9, (0,) * (len(edges) - 1))
    # Every score lies between the edges, so counting each once gives bins and deciles without sorting a million.
    low = int(edges[0])
    up_to = np.cumsum(np.bincount(total - low, minlength=int(edges[-1]) - low + 1))
    # The last bin holds its upper edge too.
    below = [0, *(int(up_to[edge - low - 1]) for edge in edges[1:-1].tolist()), len(total)]
    # The k-th decile is an actual score: the smallest that at least k tenths of the subjects do not exceed.
    deciles = low + np.searchsorted(up_to, [-(-len(total) * k // 10) for k in range(1, 10)])
    return Distribution(
        divide_rounded(int(total.sum()), len(total)),
        tuple(deciles.tolist()),
        tuple(high - less for less, high in pairwise(below)),
    )


def _movers(
    before: CompiledPolicy, after: CompiledPolicy, old: BatchResult, new: BatchResult, moved: Int64, sign: int
) -> tuple[Mover, ...]:
    movers_rows = np.flatnonzero(moved > 0 if sign > 0 else moved < 0)
    if len(movers_rows) > MOST_MOVERS:
        movers_rows = movers_rows[np.argpartition(-sign * moved[movers_rows], MOST_MOVERS)[:MOST_MOVERS]]
    rows = sorted(movers_rows.tolist(), key=lambda r: (-sign * moved[r], old.subject[r]))
    was = {indicator.code: i for i, indicator in enumerate(before.policy.indicators)}
    now = {indicator.code: i for i, indicator in enumerate(after.policy.indicators)}
    movers = []
    for row in rows:
        change = {
            code: (int(new.points[row, now[code]]) if code in now else 0)
            - (int(old.points[row, was[code]]) if code in was else 0)
            for code in {**was, **now}
        }
        most = max(change, key=lambda code: sign * change[code], default="")
        told = most if most and sign * change[most] > 0 else ""
        movers.append(Mover(int(old.subject[row]), int(old.total[row]), int(new.total[row]), told))
    return tuple(movers)


def _group_effects(
    group: str, labels: Groups, old: BatchResult, new: BatchResult, moved: Int64
) -> Iterator[GroupEffect]:
    size = len(labels.names)
    counts = np.bincount(labels.codes, minlength=size)
    # Doubles are exact here: a million subjects of ten thousand points stay far below 2**53 hundredths.
    sums_before = np.bincount(labels.codes, weights=old.total, minlength=size)
    sums_after = np.bincount(labels.codes, weights=new.total, minlength=size)
    raised = np.bincount(labels.codes[moved > 0], minlength=size)
    lowered = np.bincount(labels.codes[moved < 0], minlength=size)
    for i, label in enumerate(labels.names):
        n = int(counts[i])
        if n:
            means = [divide_rounded(int(sums[i]), n) for sums in (sums_before, sums_after)]
            yield GroupEffect(group, label, n, means[0], means[1], int(raised[i]), int(lowered[i]))


def _benefit_effect(name: str, eligible: Eligible, old: BatchResult, new: BatchResult) -> BenefitEffect:
    was, now = eligible(old.total, old.grade), eligible(new.total, new.grade)
    return BenefitEffect(
        name,
        int(np.count_nonzero(was)),
        int(np.count_nonzero(now)),
        int(np.count_nonzero(now & ~was)),
        int(np.count_nonzero(was & ~now)),
    )
