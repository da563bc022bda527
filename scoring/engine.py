"""Scoring one subject or a whole city: thin wrappers around the one compiled kernel."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.columns import RecordColumns
from scoring.compiled import LEGAL_LIMIT, CompiledPolicy, compile_policy
from scoring.days import Span, add_span, to_date
from scoring.kernel import (
    NO_DAY,
    NO_VALUE,
    OK,
    PPM,
    S_INDICATORS,
    T_SOURCE,
    Tables,
    compiled_walk,
)
from scoring.policy import Indicator, shipped_policy

__all__ = [
    "NO_VALUE",
    "BatchResult",
    "Contribution",
    "DirectGrading",
    "NotSorted",
    "RecordPart",
    "SubjectResult",
    "TooManyRecords",
    "score_batch",
    "score_one",
    "warm_up",
]

Int64 = npt.NDArray[np.int64]


class NotSorted(ValueError):
    """Records do not stand in ascending order of subject; `sort_by_subject` and `sort_records` put them so."""


class TooManyRecords(ValueError):
    """One subject has more records than exact 64-bit sums are guaranteed for (1,000,000)."""

    def __init__(self, subject: int) -> None:
        super().__init__(f"subject {subject} has more than 1,000,000 records; its sums could not be guaranteed")
        self.subject = subject


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Scores of many subjects; row i belongs to `subject[i]`. Points in hundredths.

    values            n × indicators: measured values in hundredths of the unit (amounts: cents; measures that
                      price each record: points before the indicator's cap); NO_VALUE where there is none
    points            n × indicators
    dimension_limits  n × dimensions: what a dimension's limits added to or took from its sum
    listed            n: bit i set when `policy.direct_grades[i]` applies
    clamp             n: all limits together (dimensions, direct grades, range)
    total             n: base + points.sum(axis=1) + clamp, exactly
    grade             n: index into `policy.grades`
    """

    subject: Int64
    values: Int64
    points: Int64
    dimension_limits: Int64
    listed: Int64
    clamp: Int64
    total: Int64
    grade: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class RecordPart:
    """What one record brings to a contribution (hundredths; the parts add up to it exactly).

    `counts_until_day` is the last day it counts at all, None when it has no end or is still continuing;
    `fades_on_day` is the first day it counts less than today (None when it never will).
    """

    record: int
    points: int
    counts_until_day: int | None
    fades_on_day: int | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """One indicator's part of a score. `value` is None when there was nothing to measure."""

    indicator: str
    dimension: str
    value: int | None
    points: int
    records: tuple[RecordPart, ...]


@dataclass(frozen=True, slots=True)
class DirectGrading:
    """A listing that limited the grade, and the records that say so."""

    code: str
    records: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SubjectResult:
    """One subject's score: total = base + Σ contributions + clamp. `grade` indexes `policy.grades`.

    `contributions` holds the indicators that had a record to count or points to give, in document order.
    `dimension_limits` (by dimension code) and `direct` tell what the clamp consists of.
    """

    total: int
    grade: int
    contributions: tuple[Contribution, ...]
    clamp: int
    dimension_limits: dict[str, int]
    direct: tuple[DirectGrading, ...]
    as_of_day: int


def score_batch(
    compiled: CompiledPolicy,
    columns: RecordColumns,
    as_of_day: int,
    subjects: npt.ArrayLike,
    *,
    threads: int = 1,
) -> BatchResult:
    """Score all `subjects` (also those without a record) on one day.

    `columns` must be sorted by subject (`sort_by_subject`); `subjects` may stand in any order, without
    repeats. With `threads` > 1 the subjects are shared out; the numbers do not depend on it.

    Raises NotSorted for unsorted columns, ValueError for a subject asked for twice, TooManyRecords beyond the
    checked bound.
    """
    wanted = np.ascontiguousarray(subjects, dtype=np.int64)
    ascending = bool(np.all(wanted[1:] > wanted[:-1]))
    order = None if ascending else np.argsort(wanted, kind="stable")
    asked = wanted if order is None else wanted[order]
    if order is not None and bool(np.any(asked[1:] == asked[:-1])):
        raise ValueError("a subject is asked for twice")
    if len(columns) > 1 and not bool(np.all(columns.subject[1:] >= columns.subject[:-1])):
        raise NotSorted("columns must be sorted by subject; see scoring.columns.sort_by_subject")

    tables = compiled.tables(as_of_day)
    out = _Output(len(asked), tables)
    threads = max(1, min(threads, len(asked)))
    if threads == 1:
        _walk(columns, slice(None), asked, tables, out, slice(None))
    else:
        cuts = [len(asked) * part // threads for part in range(threads + 1)]
        rows = [int(r) for r in np.searchsorted(columns.subject, asked[cuts[1:-1]], side="left")]
        row_cuts = [0, *rows, len(columns)]
        with ThreadPoolExecutor(threads) as pool:
            parts = [
                pool.submit(
                    _walk,
                    columns,
                    slice(row_cuts[part], row_cuts[part + 1]),
                    asked,
                    tables,
                    out,
                    slice(cuts[part], cuts[part + 1]),
                )
                for part in range(threads)
            ]
            for done in parts:
                done.result()
    result = BatchResult(asked, out.values, out.points, out.limits, out.listed, out.clamp, out.total, out.grade)
    if order is None:
        return result
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return BatchResult(
        wanted,
        result.values[back],
        result.points[back],
        result.dimension_limits[back],
        result.listed[back],
        result.clamp[back],
        result.total[back],
        result.grade[back],
    )


class _Output:
    """Arrays the kernel fills."""

    def __init__(self, n: int, tables: Tables) -> None:
        n_indicators, n_dimensions = int(tables.scalars[S_INDICATORS]), len(tables.dimensions)
        self.values = np.empty((n, n_indicators), np.int64)
        self.points = np.empty((n, n_indicators), np.int64)
        self.limits = np.empty((n, n_dimensions), np.int64)
        self.listed = np.empty(n, np.int64)
        self.clamp = np.empty(n, np.int64)
        self.total = np.empty(n, np.int64)
        self.grade = np.empty(n, np.int8)


def _walk(
    columns: RecordColumns,
    rows: slice,
    subjects: Int64,
    tables: Tables,
    out: _Output,
    part: slice,
    trace: bool = False,
) -> Any:
    status, *rest = compiled_walk()(
        columns.subject[rows],
        columns.record[rows],
        columns.category[rows],
        columns.event_day[rows],
        columns.end_day[rows],
        columns.performed_day[rows],
        columns.quantity[rows],
        columns.amount[rows],
        columns.level[rows],
        columns.event[rows],
        columns.state[rows],
        columns.relation[rows],
        subjects[part],
        tables,
        trace,
        out.values[part],
        out.points[part],
        out.limits[part],
        out.listed[part],
        out.clamp[part],
        out.total[part],
        out.grade[part],
    )
    if status != OK:
        raise TooManyRecords(int(columns.subject[rows][rest[0]]))
    return rest


def score_one(compiled: CompiledPolicy, columns: RecordColumns, as_of_day: int) -> SubjectResult:
    """Score one subject, with the records behind every contribution.

    All rows of `columns` belong to the one subject (none at all is a subject without records). Raises
    ValueError when they do not.
    """
    tables = compiled.tables(as_of_day)
    policy = compiled.on(as_of_day)
    subjects = columns.subject[:1] if len(columns) else np.zeros(1, np.int64)
    if len(columns) and bool(np.any(columns.subject != subjects[0])):
        raise ValueError("score_one takes the records of one subject")
    out = _Output(1, tables)
    first, past, candidates = _walk(columns, slice(None), subjects, tables, out, slice(None), trace=True)
    fed: dict[int, list[_Fed]] = {}
    for term, _, row, size, weight, anchor, live, *_ in candidates[first:past].tolist():
        if live:
            fed.setdefault(term, []).append(_Fed(row, int(columns.record[row]), size, weight, anchor))

    contributions = []
    for term, indicator in enumerate(policy.indicators):
        parts = fed.get(int(tables.terms[term, T_SOURCE]) if indicator.of else term, [])
        points = int(out.points[0, term])
        if not parts and points == 0:
            continue
        source = policy.indicator(indicator.of) if indicator.of else indicator
        value = int(out.values[0, term])
        contributions.append(
            Contribution(
                indicator=indicator.code,
                dimension=indicator.dimension,
                value=None if value == NO_VALUE else value,
                points=points,
                records=_parts(source, points, parts, columns, as_of_day),
            )
        )
    direct = tuple(
        DirectGrading(listing.code, tuple(sorted(part.record for part in fed[len(policy.indicators) + i])))
        for i, listing in enumerate(policy.direct_grades)
        if len(policy.indicators) + i in fed
    )
    return SubjectResult(
        total=int(out.total[0]),
        grade=int(out.grade[0]),
        contributions=tuple(contributions),
        clamp=int(out.clamp[0]),
        dimension_limits={
            dimension.code: int(limit)
            for dimension, limit in zip(policy.dimensions, out.limits[0], strict=True)
            if limit
        },
        direct=direct,
        as_of_day=as_of_day,
    )


@dataclass(frozen=True, slots=True)
class _Fed:
    """A record that counted for a term: row, number, size, weight in ppm, the day it ages from."""

    row: int
    record: int
    size: int
    weight: int
    anchor: int


def _parts(
    indicator: Indicator, points: int, fed: list[_Fed], columns: RecordColumns, as_of: int
) -> tuple[RecordPart, ...]:
    fed = sorted(fed, key=lambda part: part.record)
    shares = [Fraction(part.size * part.weight) for part in fed]
    if indicator.yearly_cap is not None:
        shares = _within_years(
            shares, [to_date(int(columns.event_day[p.row])).year for p in fed], indicator.yearly_cap
        )
    split = split_exactly(points, shares)
    parts = []
    for part, share in zip(fed, split, strict=True):
        until, fades = _lasts(indicator, part, columns, as_of)
        parts.append(RecordPart(part.record, share, until, fades))
    return tuple(parts)


def _within_years(shares: list[Fraction], years: list[int], yearly_cap: int) -> list[Fraction]:
    """Shares of records in a year over its cap shrink alike until the year meets it."""
    cap = yearly_cap * PPM
    sums: dict[int, Fraction] = {}
    for share, year in zip(shares, years, strict=True):
        sums[year] = sums.get(year, Fraction(0)) + share
    return [
        share * cap / sums[year] if sums[year] > cap else share for share, year in zip(shares, years, strict=True)
    ]


def split_exactly(total: int, shares: list[Fraction]) -> list[int]:
    """Split `total` into whole parts proportional to `shares`, by largest remainder; they sum to `total`.

    Among equal remainders the earlier comes first. Shares that cancel out are split by their own size.
    """
    if not shares:
        return []
    whole = sum(shares)
    if whole == 0:
        exact = [share / PPM if total == 0 else Fraction(total, len(shares)) for share in shares]
    else:
        exact = [total * share / whole for share in shares]
    floors = [share.numerator // share.denominator for share in exact]
    left = total - sum(floors)
    by_remainder = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for i in by_remainder[:left]:
        floors[i] += 1
    return floors


def _lasts(indicator: Indicator, part: _Fed, columns: RecordColumns, as_of: int) -> tuple[int | None, int | None]:
    """Last day a record counts, and first day it counts less than now; None where that day is not known."""
    end, performed = int(columns.end_day[part.row]), int(columns.performed_day[part.row])
    if indicator.count_from == "end":
        over_on = performed if end == NO_DAY and performed != NO_DAY else end
        if over_on == NO_DAY or over_on > as_of:
            return None, None  # still continuing: its clock has not started
    first_gone: list[int] = []
    window = _validity(indicator, part, columns, as_of)
    if window is not None:
        first_gone.append(add_span(part.anchor, window))
    fades: list[int] = []
    if indicator.fading is not None:
        edges = [(add_span(part.anchor, step.until), step.ppm) for step in indicator.fading.steps]
        first_gone.append(edges[-1][0])
        later = [ppm for _, ppm in edges[1:]] + [0]
        fades = [day for (day, ppm), after in zip(edges, later, strict=True) if day > as_of and after < ppm]
    if part.size < 0 or indicator.direction == "down":
        begun = int(columns.event_day[part.row])
        over = part.anchor if indicator.count_from == "end" else max(begun, min(end, as_of))
        first_gone.append(add_span(over, LEGAL_LIMIT))
    gone = min(first_gone, default=None)
    changes = [day for day in [*fades, gone] if day is not None]
    return (None if gone is None else gone - 1), min(changes, default=None)


def _validity(indicator: Indicator, part: _Fed, columns: RecordColumns, as_of: int) -> Span | None:
    """How long a counted record counts, read from the row of the points table that priced it."""
    if not indicator.per_record:
        return indicator.window
    points = indicator.points_versions[0]
    measured = {
        "by_level": int(columns.level[part.row]),
        "by_amount": max(int(columns.amount[part.row]), 0),
        "by_quantity": max(int(columns.quantity[part.row]), 0),
    }.get(points.kind, 0)
    if points.kind == "by_level":
        row = next(row for row in points.rows if row.key == measured)
    else:
        row = [row for row in points.rows if row.key <= measured][-1]
    performed = int(columns.performed_day[part.row])
    if row.performed_points is not None and performed != NO_DAY and performed <= as_of:
        return row.performed_valid_for
    return row.valid_for


def warm_up() -> None:
    """Load (or, once per installation, compile) the kernel, so that no citizen waits for it."""
    compiled = compile_policy(shipped_policy("guihua"))
    score_one(compiled, RecordColumns.empty(), 0)
