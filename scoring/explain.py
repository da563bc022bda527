"""Why a score is what it is, and what would raise it, in sentences a citizen can check.

Every gain that `advise` promises has been computed by scoring the changed records again, never estimated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from scoring.columns import RecordColumns
from scoring.compiled import CompiledPolicy
from scoring.days import NO_DAY, to_date
from scoring.engine import Contribution, SubjectResult, score_one
from scoring.policy import Grade, Indicator, Points, Policy

MOST_KEY_FACTORS = 4


@dataclass(frozen=True, slots=True)
class Fade:
    """On `day` (days since 1970-01-01) record `record` begins to count less, or no more."""

    record: int
    day: int
    stops: bool


@dataclass(frozen=True, slots=True)
class ExplainedContribution:
    """One contribution in words. `indicator` is also its stable reason code; points in hundredths."""

    indicator: str
    name: str
    dimension: str
    dimension_name: str
    points: int
    reason: str
    basis: str
    records: tuple[int, ...]
    fades: tuple[Fade, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score in words: total = base + Σ contributions + clamp, all in hundredths.

    `key_factors` are the at most four heaviest contributions; `contributions` is the full list behind them.
    `limits` tells what the clamp is made of, empty when it is zero.
    """

    policy: str
    version: str
    total: int
    base: int
    clamp: int
    grade: Grade
    summary: str
    key_factors: tuple[ExplainedContribution, ...]
    contributions: tuple[ExplainedContribution, ...]
    limits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that would raise the score by `gain` hundredths, everything else staying as it is.

    kind      "act" (do something more), "perform" (meet an obligation) or "wait" (a record stops counting)
    quantity  hundredths of the unit to add (cents for amounts), 0 unless kind is "act"
    record    the record to perform or wait for, None for "act"
    on_day    the day on which a waited-for record stops counting, None otherwise
    """

    indicator: str
    sentence: str
    gain: int
    kind: Literal["act", "perform", "wait"]
    quantity: int = 0
    record: int | None = None
    on_day: int | None = None


def format_points(hundredths: int) -> str:
    """`+3.00`, `-12.50`, `0.00`."""
    sign = "+" if hundredths > 0 else "-" if hundredths < 0 else ""
    return f"{sign}{format_number(abs(hundredths), 2)}"


def format_number(hundredths: int, decimals: int = 0) -> str:
    """A count of hundredths as a decimal number with at least so many decimals: `12.5`, `1000`."""
    sign, whole, rest = "-" if hundredths < 0 else "", *divmod(abs(hundredths), 100)
    digits = f"{rest:02d}"
    while len(digits) > decimals and digits.endswith("0"):
        digits = digits[:-1]
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def explain(policy: Policy, result: SubjectResult) -> Explanation:
    """Put a result into words. `policy` is the one that was compiled for it."""
    in_force = policy.on(to_date(result.as_of_day))
    told = tuple(_tell(in_force, contribution) for contribution in result.contributions)
    heaviest = sorted((t for t in told if t.points), key=lambda t: -abs(t.points))[:MOST_KEY_FACTORS]
    grade = policy.grades[result.grade]
    return Explanation(
        policy=policy.code,
        version=policy.version,
        total=result.total,
        base=policy.base,
        clamp=result.clamp,
        grade=grade,
        summary=(
            f"{policy.name} {format_number(result.total, 2)} 分（{grade.name}）："
            f"基础分 {format_number(policy.base, 2)}，"
            f"加分 {format_points(sum(t.points for t in told if t.points > 0))}，"
            f"扣分 {format_points(sum(t.points for t in told if t.points < 0))}"
            + (f"，上下限调整 {format_points(result.clamp)}" if result.clamp else "")
        ),
        key_factors=tuple(heaviest),
        contributions=told,
        limits=tuple(_limits(policy, result)),
    )


def _tell(policy: Policy, contribution: Contribution) -> ExplainedContribution:
    indicator = policy.indicator(contribution.indicator)
    dimension = policy.dimension(contribution.dimension)
    return ExplainedContribution(
        indicator=indicator.code,
        name=indicator.name,
        dimension=dimension.code,
        dimension_name=dimension.name,
        points=contribution.points,
        reason=f"{_reason(policy, indicator, contribution)}：{format_points(contribution.points)}",
        basis=indicator.points_versions[0].basis,
        records=tuple(part.record for part in contribution.records),
        fades=tuple(
            Fade(
                part.record,
                part.fades_on_day,
                part.counts_until_day is not None and part.fades_on_day > part.counts_until_day,
            )
            for part in contribution.records
            if part.fades_on_day is not None
        ),
    )


def _reason(policy: Policy, indicator: Indicator, contribution: Contribution) -> str:
    points, value = indicator.points_versions[0], contribution.value
    records = f"{len(contribution.records)} 条记录"
    within = f"近 {indicator.window}" if indicator.window else ""
    match indicator.measure:
        case "sum" | "count" | "amount":
            faded = "按时间递减后" if indicator.fading else ""
            measured = f"{within}{indicator.name}{faded}计 {_quantity(value or 0, indicator)}（{records}）"
            return f"{measured}，{_priced(value or 0, indicator, points)}"
        case "exists":
            return f"{within}有{indicator.name}（{records}）" if value else f"{within}没有{indicator.name}"
        case "months_since":
            months = "" if value is None else f"距最近一次{indicator.name}已 {format_number(value)} 个月"
            return months or f"没有{indicator.name}"
        case "value_of":
            source = policy.indicator(indicator.of or "")
            return f"按“{source.name}”的数值再计"
        case "highest":
            return f"{indicator.name}取最高一项"
        case "latest":
            return f"{indicator.name}以最近一次为准"
        case "each":
            again = indicator.repeat_factor > 1 and len(contribution.records) > 1
            doubled = f"，同类再次发生的按 {indicator.repeat_factor} 倍计" if again else ""
            return f"{indicator.name}（{records}）逐条计分{doubled}"


def _quantity(value: int, indicator: Indicator) -> str:
    unit = indicator.unit or {"count": "条", "amount": "元"}.get(indicator.measure, "")
    return f"{format_number(value)} {unit}".rstrip()


def _priced(value: int, indicator: Indicator, points: Points) -> str:
    if points.kind == "per_unit":
        cap = f"，最多 {format_number(indicator.cap)} 分" if indicator.cap else ""
        each = format_points(points.rows[0].points)
        return f"每 {_quantity(points.every, indicator)} {each}{cap}"
    reached = [row for row in points.rows if row.key <= value]
    if not reached:
        return f"未达到 {_quantity(points.rows[0].key, indicator)}"
    return f"达到“{reached[-1].name or _quantity(reached[-1].key, indicator)}”一档"


def _limits(policy: Policy, result: SubjectResult) -> Iterator[str]:
    for code, limit in result.dimension_limits.items():
        yield f"“{policy.dimension(code).name}”维度合计超出限度，调整 {format_points(limit)}"
    listed = {listing.code: listing for listing in policy.direct_grades}
    for direct in result.direct:
        listing = listed[direct.code]
        grade = next(grade for grade in policy.grades if grade.code == listing.grade)
        yield f"{listing.name}，直接评为“{grade.name}”（{listing.basis}）"
    rest = result.clamp - sum(result.dimension_limits.values())
    if rest and not result.direct:
        bound = "最高" if rest < 0 else "最低"
        yield f"评分以{bound} {format_number(result.total)} 分为限，调整 {format_points(rest)}"


def advise(
    policy: Policy, compiled: CompiledPolicy, columns: RecordColumns, as_of_day: int, limit: int = 5
) -> list[Advice]:
    """What would raise this subject's score, the largest gain first, at most `limit` of them.

    `columns` are the records of one subject, as for `score_one`. Only what a citizen can do is proposed
    (indicators that declare `advice`, obligations that can be performed), and when a record that lowers the
    score will stop counting.
    """
    in_force = compiled.on(as_of_day)
    now = score_one(compiled, columns, as_of_day)
    proposals = [
        *_acts(in_force, compiled, now),
        *_obligations(in_force, now, columns),
        *_ageing(in_force, now),
    ]
    verified: dict[tuple[str, str, int | None], Advice] = {}
    for advice in proposals:
        changed = apply_advice(advice, in_force, compiled, columns, as_of_day)
        gain = score_one(compiled, changed, as_of_day).total - now.total
        if gain > 0:
            key = (advice.kind, advice.sentence, advice.record)
            verified.setdefault(
                key, replace(advice, gain=gain, sentence=f"{advice.sentence}：{format_points(gain)}")
            )
    best: dict[tuple[str, int | None], Advice] = {}
    for advice in sorted(verified.values(), key=lambda a: -a.gain):
        uses = policy.indicator(advice.indicator).categories
        place = (advice.kind + (uses[0].code if advice.kind == "act" else ""), advice.record)
        best.setdefault(place, advice)
    return list(best.values())[:limit]


def apply_advice(
    advice: Advice, policy: Policy, compiled: CompiledPolicy, columns: RecordColumns, as_of_day: int
) -> RecordColumns:
    """The subject's records as they would be once the advice was followed."""
    if advice.kind == "wait":
        return columns.take(columns.record != advice.record)
    if advice.kind == "perform":
        performed = columns.performed_day.copy()
        performed[columns.record == advice.record] = as_of_day
        return replace(columns, performed_day=performed)
    indicator = policy.indicator(advice.indicator)
    use = indicator.categories[0]
    times = advice.quantity // 100 if indicator.measure in ("count", "each") else 1
    each = 100 if indicator.measure in ("count", "each") else advice.quantity
    first = int(columns.record.max()) + 1 if len(columns) else 1
    added = RecordColumns.of(
        subject=np.full(times, columns.subject[0] if len(columns) else 0),
        record=np.arange(first, first + times),
        category=np.full(times, compiled.category_of(use.code)),
        event_day=np.full(times, as_of_day),
        quantity=np.full(times, 0 if indicator.measure == "amount" else each),
        amount=np.full(times, each if indicator.measure == "amount" else 0),
        level=np.full(times, use.levels[0] if use.levels else 0),
    )
    return columns.joined(added)


def _acts(policy: Policy, compiled: CompiledPolicy, now: SubjectResult) -> Iterator[Advice]:
    values = {contribution.indicator: contribution.value or 0 for contribution in now.contributions}
    for indicator in policy.indicators:
        if indicator.advice is None:
            continue
        points, value = indicator.points_versions[0], values.get(indicator.code, 0)
        if points.kind == "tiers":
            needed = [row.key - value for row in points.rows if row.key > value]
        else:
            needed = [points.every or 100]
        for need in needed[:1]:
            whole = -(-need // 100) * 100
            sentence = indicator.advice.replace("{quantity}", format_number(whole))
            yield Advice(indicator.code, sentence, 0, "act", quantity=whole)


def _obligations(policy: Policy, now: SubjectResult, columns: RecordColumns) -> Iterator[Advice]:
    open_records = set(columns.record[columns.performed_day == NO_DAY].tolist())
    for contribution in now.contributions:
        indicator = policy.indicator(contribution.indicator)
        if not any(row.performed_points is not None for row in indicator.points_versions[0].rows):
            continue
        for part in contribution.records:
            if part.points < 0 and part.record in open_records:
                sentence = f"履行“{indicator.name}”所涉的义务"
                yield Advice(indicator.code, sentence, 0, "perform", record=part.record)


def _ageing(policy: Policy, now: SubjectResult) -> Iterator[Advice]:
    for contribution in now.contributions:
        indicator = policy.indicator(contribution.indicator)
        for part in contribution.records:
            if part.points < 0 and part.counts_until_day is not None:
                day = part.counts_until_day + 1
                sentence = f"{to_date(day).isoformat()} 起，“{indicator.name}”的一条记录不再计入"
                yield Advice(indicator.code, sentence, 0, "wait", record=part.record, on_day=day)
