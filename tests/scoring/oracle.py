"""A second reading of a policy: slow, obvious, one rule after the other, sharing no code with the kernel.

It uses `date` and `Fraction` where the kernel uses day numbers and 64-bit sums, lists where the kernel keeps
running sums, and goes indicator by indicator where the kernel goes record by record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import floor

from scoring.days import Span
from scoring.policy import RELATIONS, CategoryUse, DirectGrade, Indicator, Points, PointsRow, Policy

LARGEST = 10**12


@dataclass(frozen=True)
class Rec:
    """One record, as a clerk would read it from its sheet."""

    number: int
    category: str
    event: date
    end: date | None = None
    performed: date | None = None
    quantity: int = 0
    amount: int = 0
    level: int = 0
    act: int = 0
    state: int = 0
    relation: int = 0


@dataclass(frozen=True)
class Reading:
    values: dict[str, int | None]
    points: dict[str, int]
    records: dict[str, set[int]]
    limits: dict[str, int]
    clamp: int
    total: int
    grade: str


@dataclass
class Item:
    """A record that counts for an indicator: its size (points, or measured), its weight, its age's start."""

    rec: Rec
    size: int
    weight: Fraction
    anchor: date

    @property
    def heaviness(self) -> Fraction:
        return abs(self.size) * self.weight


def later(day: date, span: Span) -> date:
    """The day a span that began on `day` is over."""
    if span.days:
        return day + timedelta(days=span.days)
    months = day.year * 12 + day.month - 1 + span.months
    year, month, number = months // 12, months % 12 + 1, day.day
    while True:
        try:
            return date(year, month, number)
        except ValueError:
            number -= 1


def rounded(value: Fraction) -> int:
    """To the nearest whole, halves away from zero."""
    return floor(value + Fraction(1, 2)) if value >= 0 else -floor(-value + Fraction(1, 2))


def read(policy: Policy, records: list[Rec], as_of: date) -> Reading:
    items = {indicator.code: _counted(indicator, records, as_of) for indicator in policy.indicators}
    for indicator in policy.indicators:
        if indicator.repeat_factor > 1:
            _double_repeats(indicator, items[indicator.code])
    _once_per_act(policy, items)

    values: dict[str, int | None] = {}
    points: dict[str, int] = {}
    counted: dict[str, set[int]] = {}
    for indicator in policy.indicators:
        if indicator.measure == "value_of":
            assert indicator.of is not None
            value = values[indicator.of]
            counted[indicator.code] = counted[indicator.of]
        else:
            chosen = _chosen(indicator, items[indicator.code])
            value = _value(indicator, chosen, as_of)
            counted[indicator.code] = {item.rec.number for item in chosen}
        values[indicator.code] = value
        points[indicator.code] = _capped(indicator, _price(indicator, value, as_of))

    limits: dict[str, int] = {}
    score = policy.base
    for dimension in policy.dimensions:
        total = sum(points[indicator.code] for indicator in dimension.indicators)
        within = total
        if dimension.minimum is not None:
            within = max(within, dimension.minimum)
        if dimension.maximum is not None:
            within = min(within, dimension.maximum)
        limits[dimension.code] = within - total
        score += within
    for listing in policy.direct_grades:
        if any(_reads_listing(listing, rec, as_of) for rec in records):
            better = [grade.minimum for grade in policy.grades if _above(policy, grade.code, listing.grade)]
            if better:
                score = min(score, min(better) - 1)
    score = max(policy.minimum, min(policy.maximum, score))
    grade = next(grade.code for grade in policy.grades if score >= grade.minimum)
    clamp = score - policy.base - sum(points.values())
    return Reading(values, points, counted, limits, clamp, score, grade)


def _above(policy: Policy, grade: str, other: str) -> bool:
    codes = [g.code for g in policy.grades]
    return codes.index(grade) < codes.index(other)


def _reads(uses: tuple[CategoryUse, ...], relations: tuple[str, ...], rec: Rec, as_of: date) -> bool:
    if rec.state not in (0, 1) or rec.event > as_of:
        return False
    if rec.relation not in [RELATIONS[name] for name in relations]:
        return False
    return any(rec.category == use.code and (not use.levels or rec.level in use.levels) for use in uses)


def _ended(rec: Rec, as_of: date) -> date:
    """Day a continuing act was over; today while it still continues."""
    end = rec.end
    if end is None and rec.performed is not None and rec.performed <= as_of:
        end = rec.performed
    if end is None or end > as_of:
        return as_of
    return max(end, rec.event)


def _over(reader: Indicator | DirectGrade, rec: Rec, as_of: date) -> date:
    if reader.count_from == "end":
        return _ended(rec, as_of)
    return rec.event if rec.end is None else max(rec.event, min(rec.end, as_of))


def _still_legal(reader: Indicator | DirectGrade, rec: Rec, as_of: date) -> bool:
    return later(_over(reader, rec, as_of), Span(months=60)) > as_of


def _reads_listing(listing: DirectGrade, rec: Rec, as_of: date) -> bool:
    if not _reads(listing.categories, listing.relations, rec, as_of) or rec.state == 1:
        return False
    anchor = _ended(rec, as_of) if listing.count_from == "end" else rec.event
    if listing.window is not None and later(anchor, listing.window) <= as_of:
        return False
    return _still_legal(listing, rec, as_of)


def _points_of(indicator: Indicator, as_of: date) -> Points:
    points = indicator.points_versions[0]
    for version in indicator.points_versions:
        if version.effective_from <= as_of:
            points = version
    return points


def _row(points: Points, rec: Rec) -> PointsRow | None:
    if points.kind == "each":
        return points.rows[0]
    if points.kind == "by_level":
        return next((row for row in points.rows if row.key == rec.level), None)
    measured = rec.amount if points.kind == "by_amount" else rec.quantity
    measured = max(0, min(measured, LARGEST))
    reached = [row for row in points.rows if measured >= row.key]
    return reached[-1] if reached else None


def _counted(indicator: Indicator, records: list[Rec], as_of: date) -> list[Item]:
    items = []
    for rec in records:
        if indicator.measure == "value_of" or not _reads(indicator.categories, indicator.relations, rec, as_of):
            continue
        anchor = _ended(rec, as_of) if indicator.count_from == "end" else rec.event
        if indicator.per_record:
            row = _row(_points_of(indicator, as_of), rec)
            if row is None:
                continue
            size, valid_for = row.points, row.valid_for
            done = rec.performed is not None and rec.performed <= as_of
            if done and row.performed_points is not None:
                size, valid_for = row.performed_points, row.performed_valid_for
            adverse = size < 0
        else:
            valid_for = indicator.window
            measured = {"sum": rec.quantity, "amount": rec.amount}.get(indicator.measure, 100)
            size = max(0, min(measured, LARGEST))
            adverse = indicator.direction == "down"
        if valid_for is not None and later(anchor, valid_for) <= as_of:
            continue
        if adverse and not _still_legal(indicator, rec, as_of):
            continue
        if adverse and rec.state == 1 and indicator.measure != "latest":
            continue
        if size == 0 and indicator.measure != "latest":
            continue
        weight = Fraction(1)
        if indicator.fading is not None:
            steps = [step for step in indicator.fading.steps if later(anchor, step.until) > as_of]
            if not steps:
                continue
            weight = Fraction(steps[0].ppm, 10**6)
        items.append(Item(rec, size, weight, anchor))
    return items


def _double_repeats(indicator: Indicator, items: list[Item]) -> None:
    def before(a: Item, b: Item) -> bool:
        return (a.rec.event, a.rec.number) < (b.rec.event, b.rec.number)

    def same_act(a: Item, b: Item) -> bool:
        return a is b or (a.rec.act != 0 and a.rec.act == b.rec.act)

    def same_kind(a: Item, b: Item) -> bool:
        return indicator.repeat_same == "indicator" or a.rec.category == b.rec.category

    repeated = [
        item
        for item in items
        if any(same_kind(item, x) and before(x, item) and not same_act(x, item) for x in items)
    ]
    for item in repeated:
        item.size *= indicator.repeat_factor


def _once_per_act(policy: Policy, items: dict[str, list[Item]]) -> None:
    """Within an act, of the records that compete, keep only the heaviest."""
    pools: list[list[str]] = []
    together = [i.code for i in policy.indicators if i.direction == "down" and i.measure == "each"]
    if policy.one_act_counts_once:
        pools.append(together)
    pools += [
        [i.code]
        for i in policy.indicators
        if i.once_per_event and not (policy.one_act_counts_once and i.code in together)
    ]
    order = [indicator.code for indicator in policy.indicators]
    for pool in pools:
        for act in {item.rec.act for code in pool for item in items[code]} - {0}:
            competing = [(code, item) for code in pool for item in items[code] if item.rec.act == act]
            competing.sort(key=lambda pair: (-pair[1].heaviness, pair[1].rec.number, order.index(pair[0])))
            for code, item in competing[1:]:
                items[code] = [kept for kept in items[code] if kept is not item]


def _chosen(indicator: Indicator, items: list[Item]) -> list[Item]:
    if not items:
        return []
    if indicator.measure == "highest":
        return [min(items, key=lambda item: (-item.heaviness, item.rec.number))]
    if indicator.measure == "months_since":
        return [max(items, key=lambda item: (item.anchor, -item.rec.number))]
    if indicator.measure == "latest":

        def when(item: Item) -> tuple[date, int]:
            return (item.rec.event, item.rec.number)

        settled = [item for item in items if item.rec.state == 0]
        chosen = max(settled, key=when) if settled else None
        # A disputed record may only replace the settled one for the better.
        bar = chosen.size if chosen else 0
        better = [
            item
            for item in items
            if item.rec.state == 1 and item.size > bar and (chosen is None or when(item) > when(chosen))
        ]
        if better:
            chosen = max(better, key=lambda item: (item.size, when(item)))
        return [chosen] if chosen else []
    return items


def _value(indicator: Indicator, items: list[Item], as_of: date) -> int | None:
    match indicator.measure:
        case "count" | "sum" | "amount":
            return rounded(sum((item.size * item.weight for item in items), Fraction(0)))
        case "exists":
            return 100 if items else 0
        case "months_since":
            if not items:
                return None
            months = 0
            while later(items[0].anchor, Span(months=months + 1)) <= as_of:
                months += 1
            return months * 100
        case _:
            if indicator.yearly_cap is None:
                return rounded(sum((item.size * item.weight for item in items), Fraction(0)))
            years: dict[int, Fraction] = {}
            for item in items:
                year = item.rec.event.year
                years[year] = years.get(year, Fraction(0)) + item.size * item.weight
            return rounded(
                sum((min(total, Fraction(indicator.yearly_cap)) for total in years.values()), Fraction(0))
            )


def _price(indicator: Indicator, value: int | None, as_of: date) -> int:
    points = _points_of(indicator, as_of)
    if value is None:
        return 0
    if indicator.per_record:
        return value
    match points.kind:
        case "flat":
            return points.rows[0].points if value > 0 else 0
        case "per_unit":
            units = Fraction(value, points.every)
            return rounded((floor(units) if points.whole_units else units) * points.rows[0].points)
        case _:
            reached = [row for row in points.rows if max(value, -LARGEST) >= row.key]
            return reached[-1].points if reached else 0


def _capped(indicator: Indicator, points: int) -> int:
    if indicator.cap is None:
        return points
    return max(-indicator.cap, min(indicator.cap, points))
