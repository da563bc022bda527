"""From a policy to the flat integer tables that the kernel walks.

Two steps. What does not depend on the day (which category feeds which term, thresholds, caps) is laid out
once per set of points in force; what does (windows, fading steps, validity) becomes, for one as-of day, a
first day that still counts. The kernel then only compares integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from threading import Lock

import numpy as np

from scoring.days import FIRST_DAY, Span, to_date, youngest_over
from scoring.kernel import (
    AMOUNT,
    AS_IT_IS,
    BOTH,
    BY_AMOUNT,
    BY_LEVEL,
    BY_NOTHING,
    BY_QUANTITY,
    COUNT,
    DOWN,
    EACH,
    EXISTS,
    FLAT,
    HIGHEST,
    LATEST,
    MONTHS_SINCE,
    NO_LIMIT,
    PER_UNIT,
    PER_WHOLE_UNIT,
    PPM,
    ROW_COLUMNS,
    S_AS_OF,
    S_BASE,
    S_INDICATORS,
    S_LEGAL_FIRST_DAY,
    S_MAXIMUM,
    S_MINIMUM,
    S_YEAR,
    S_YEARLY,
    SUM,
    T_DIMENSION,
    T_DIRECTION,
    T_FADING_FROM,
    T_FADING_TO,
    T_FIRST_DAY,
    T_FROM_END,
    T_GRADE_LIMIT,
    T_HIGH,
    T_KEY,
    T_LISTED,
    T_LOW,
    T_MEASURE,
    T_PER_RECORD,
    T_PRICING,
    T_RELATIONS,
    T_REPEAT_BY_CATEGORY,
    T_REPEAT_FACTOR,
    T_ROW_FROM,
    T_ROW_TO,
    T_SCOPE,
    T_SOURCE,
    T_TIER_FROM,
    T_TIER_TO,
    T_UNIT,
    T_UNIT_POINTS,
    T_YEARLY_CAP,
    T_YEARLY_SLOT,
    TERM_COLUMNS,
    TIERS,
    UP,
    VALUE_OF,
    Int64,
    Tables,
)
from scoring.policy import RELATIONS, CategoryUse, DirectGrade, Indicator, Points, Policy

MEASURES = {
    "count": COUNT,
    "sum": SUM,
    "amount": AMOUNT,
    "exists": EXISTS,
    "months_since": MONTHS_SINCE,
    "each": EACH,
    "highest": HIGHEST,
    "latest": LATEST,
    "value_of": VALUE_OF,
}
KEYS = {"each": BY_NOTHING, "by_level": BY_LEVEL, "by_amount": BY_AMOUNT, "by_quantity": BY_QUANTITY}
DIRECTIONS = {"up": UP, "down": DOWN, "both": BOTH}

ALL_LEVELS = -1
LEGAL_LIMIT = Span(months=60)
"""Adverse information counts at most 5 years after it ended (《征信业管理条例》), whatever a policy says."""


@dataclass(slots=True)
class CompiledPolicy:
    """A policy ready for the kernel. Build it with `compile_policy`; safe to share between threads."""

    policy: Policy
    category_index: dict[str, int]
    """Catalogue category code → the small integer that `RecordColumns.category` holds."""
    _versions: dict[date, Policy] = field(default_factory=dict, repr=False)
    _tables: dict[int, Tables] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def n_indicators(self) -> int:
        """Number of indicators: columns of `BatchResult.values` and `.points`."""
        return len(self.policy.indicators)

    def category_of(self, code: str) -> int:
        """Index of a category code, -1 when the policy does not read it."""
        return self.category_index.get(code, -1)

    def on(self, as_of_day: int) -> Policy:
        """The policy with the points in force on a day."""
        starts = {p.effective_from for i in self.policy.indicators for p in i.points_versions}
        day = to_date(as_of_day)
        segment = max((start for start in starts if start <= day), default=date.min)
        version = self._versions.get(segment)
        if version is None:
            version = self._versions[segment] = self.policy.on(segment)
        return version

    def tables(self, as_of_day: int) -> Tables:
        """The tables for one as-of day, built at first use and kept."""
        found = self._tables.get(as_of_day)
        if found is None:
            built = _build(self.on(as_of_day), self.category_index, as_of_day)
            with self._lock:
                if len(self._tables) >= 512:  # a what-if over many days must not grow without end
                    self._tables.clear()
                found = self._tables.setdefault(as_of_day, built)
        return found


def compile_policy(policy: Policy, categories: Iterable[str] | None = None) -> CompiledPolicy:
    """Lay a policy out for the kernel.

    Category indexes follow the sorted codes that the policy reads or, where given, the sorted `categories`
    (a superset), so that several policies can read the same columns. Raises ValueError when one is missing.
    """
    codes = policy.category_codes if categories is None else tuple(sorted(set(categories)))
    missing = set(policy.category_codes) - set(codes)
    if missing:
        raise ValueError(f"the policy also reads {', '.join(sorted(missing))}")
    return CompiledPolicy(policy, {code: index for index, code in enumerate(codes)})


def _build(policy: Policy, category_index: dict[str, int], as_of: int) -> Tables:
    indicators, direct = policy.indicators, policy.direct_grades
    position = {indicator.code: i for i, indicator in enumerate(indicators)}
    dimension_of = {dimension.code: i for i, dimension in enumerate(policy.dimensions)}

    def first_day(span: Span | None) -> int:
        return FIRST_DAY if span is None else youngest_over(as_of, span)

    entries = _Entries(len(category_index))
    readers: list[Indicator | DirectGrade] = [*indicators, *direct]
    for term, reader in enumerate(readers):
        for use in reader.categories:
            entries.add(category_index[use.code], term, use)

    fading, rows, tiers = _Ragged(2), _Ragged(ROW_COLUMNS), _Ragged(2)
    terms = np.zeros((len(readers), TERM_COLUMNS), np.int64)
    yearly = 0
    for term, reader in enumerate(readers):
        line = terms[term]
        line[T_RELATIONS] = _mask(reader.relations)
        line[T_FROM_END] = reader.count_from == "end"
        line[T_FIRST_DAY] = first_day(reader.window)
        line[[T_SCOPE, T_YEARLY_SLOT, T_SOURCE]] = -1
        line[[T_REPEAT_FACTOR, T_UNIT]] = 1
        if isinstance(reader, DirectGrade):
            line[T_MEASURE], line[T_DIRECTION] = EXISTS, DOWN
            line[T_GRADE_LIMIT] = _grade_limit(policy, reader.grade)
            continue
        points = reader.points_versions[0]
        line[T_MEASURE], line[T_DIRECTION] = MEASURES[reader.measure], DIRECTIONS[reader.direction]
        line[T_PER_RECORD] = reader.per_record
        steps = reader.fading.steps if reader.fading else ()
        line[[T_FADING_FROM, T_FADING_TO]] = fading.add([(first_day(step.until), step.ppm) for step in steps])
        line[T_KEY] = KEYS.get(points.kind, BY_NOTHING)
        line[[T_ROW_FROM, T_ROW_TO]] = rows.add(_rows(points, first_day) if reader.per_record else [])
        line[T_LISTED], line[T_SCOPE] = _listed(reader, policy), _scope(term, reader, policy)
        line[T_REPEAT_FACTOR] = reader.repeat_factor
        line[T_REPEAT_BY_CATEGORY] = reader.repeat_same == "category"
        if reader.yearly_cap is not None:
            line[T_YEARLY_SLOT], line[T_YEARLY_CAP] = yearly, reader.yearly_cap * PPM
            yearly += 1
        line[T_SOURCE] = position[reader.of] if reader.of else -1
        line[T_PRICING] = _pricing(reader, points)
        line[[T_TIER_FROM, T_TIER_TO]] = tiers.add(
            [(row.key, row.points) for row in points.rows] if points.kind == "tiers" else []
        )
        line[T_UNIT], line[T_UNIT_POINTS] = points.every or 1, points.rows[0].points
        line[[T_LOW, T_HIGH]] = _limits(reader)
        line[T_DIMENSION] = dimension_of[reader.dimension]

    scalars = np.zeros(8, np.int64)
    scalars[S_AS_OF], scalars[S_YEAR] = as_of, to_date(as_of).year
    scalars[S_LEGAL_FIRST_DAY] = youngest_over(as_of, LEGAL_LIMIT)
    scalars[S_INDICATORS], scalars[S_YEARLY] = len(indicators), yearly
    scalars[S_BASE], scalars[S_MINIMUM], scalars[S_MAXIMUM] = policy.base, policy.minimum, policy.maximum
    return Tables(
        *entries.arrays(),
        terms=terms,
        fading=fading.array(),
        rows=rows.array(),
        tiers=tiers.array(),
        dimensions=np.array(
            [
                (
                    -NO_LIMIT if dimension.minimum is None else dimension.minimum,
                    NO_LIMIT if dimension.maximum is None else dimension.maximum,
                )
                for dimension in policy.dimensions
            ],
            np.int64,
        ),
        grades=np.array([grade.minimum for grade in policy.grades], np.int64),
        scalars=scalars,
    )


class _Entries:
    """(category, term, levels) triples, to be grouped by category."""

    def __init__(self, n_categories: int) -> None:
        self._of: list[list[tuple[int, int]]] = [[] for _ in range(n_categories)]

    def add(self, category: int, term: int, use: CategoryUse) -> None:
        levels = ALL_LEVELS if not use.levels else sum(1 << level for level in set(use.levels))
        self._of[category].append((term, levels))

    def arrays(self) -> tuple[Int64, Int64]:
        flat = [entry for entries in self._of for entry in entries]
        starts = np.cumsum([0, *map(len, self._of)], dtype=np.int64)
        return starts, np.array(flat, np.int64).reshape(-1, 2)


class _Ragged:
    """Tables of different lengths, laid end to end."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._rows: list[tuple[int, ...]] = []

    def add(self, rows: list[tuple[int, ...]]) -> tuple[int, int]:
        """Append a table; the positions of its first row and past its last."""
        start = len(self._rows)
        self._rows.extend(rows)
        return start, len(self._rows)

    def array(self) -> Int64:
        return np.array(self._rows, np.int64).reshape(-1, self._columns)


def _rows(points: Points, first_day: Callable[[Span | None], int]) -> list[tuple[int, ...]]:
    return [
        (
            row.key,
            row.points,
            first_day(row.valid_for),
            int(row.performed_points is not None),
            row.performed_points or 0,
            first_day(row.performed_valid_for),
        )
        for row in points.rows
    ]


def _mask(relations: tuple[str, ...]) -> int:
    return sum(1 << RELATIONS[relation] for relation in set(relations))


def _scope(term: int, indicator: Indicator, policy: Policy) -> int:
    """Which records compete within one event: those of the term, or (0) all deductions of the policy."""
    if policy.one_act_counts_once and indicator.direction == "down" and indicator.measure == "each":
        return 0
    return term + 1 if indicator.once_per_event else -1


def _listed(indicator: Indicator, policy: Policy) -> bool:
    return (
        indicator.measure in ("months_since", "highest", "latest")
        or indicator.repeat_factor > 1
        or _scope(0, indicator, policy) >= 0
    )


def _pricing(indicator: Indicator, points: Points) -> int:
    if indicator.per_record:
        return AS_IT_IS
    if points.kind == "per_unit":
        return PER_WHOLE_UNIT if points.whole_units else PER_UNIT
    return TIERS if points.kind == "tiers" else FLAT


def _limits(indicator: Indicator) -> tuple[int, int]:
    cap = NO_LIMIT if indicator.cap is None else indicator.cap
    return (0 if indicator.direction == "up" else -cap), (0 if indicator.direction == "down" else cap)


def _grade_limit(policy: Policy, code: str) -> int:
    """The highest score within a grade: a hundredth under the next better one."""
    index = next(i for i, grade in enumerate(policy.grades) if grade.code == code)
    return policy.maximum if index == 0 else policy.grades[index - 1].minimum - 1
