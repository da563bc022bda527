"""The other two readings of a condition table: over columns of a whole city (numpy), and as SQL.

`conditions.evaluate` reads it for one subject. All three give the same of three values for the same facts; the
tests hold them to it on random tables and facts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any as AnyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, not_, or_

from backend.benefits.conditions import All, Any, Condition, Leaf, Not
from backend.benefits.fact_catalogue import FACTS, FactValue

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class FactColumn:
    """One fact of every subject. Numbers as they are, flags 0 and 1, choices by their place, days by ordinal."""

    values: NDArray[np.int64]
    known: Mask


@dataclass(frozen=True)
class CityFacts:
    """Facts of many subjects on one day; a fact without a column is known of nobody."""

    on: date
    size: int
    columns: Mapping[str, FactColumn]


def city_facts(rows: Collection[Mapping[str, FactValue | None]], codes: Iterable[str], *, on: date) -> CityFacts:
    """Columns from one mapping per subject."""
    columns = {}
    for code in codes:
        found = [row.get(code) for row in rows]
        columns[code] = FactColumn(
            values=np.array([0 if value is None else as_number(code, value) for value in found], dtype=np.int64),
            known=np.array([value is not None for value in found], dtype=np.bool_),
        )
    return CityFacts(on=on, size=len(rows), columns=columns)


def as_number(code: str, value: object) -> int:
    """A value of a fact as its column holds it; a choice that the catalogue does not know equals no other."""
    if FACTS[code].kind == "choice":
        choices = list(FACTS[code].choices)
        return choices.index(str(value)) if value in choices else -1
    if isinstance(value, date):
        return value.toordinal()
    return int(value)  # type: ignore[call-overload, no-any-return]


def truth_over_city(condition: Condition, facts: CityFacts) -> tuple[Mask, Mask]:
    """Where the condition is true and where it is false; unknown is where it is neither."""
    match condition:
        case Leaf():
            return _leaf_over_city(condition, facts)
        case Not(part=part):
            true, false = truth_over_city(part, facts)
            return false, true
        case All(parts=parts):
            found = [truth_over_city(part, facts) for part in parts]
            return np.logical_and.reduce([one[0] for one in found]), np.logical_or.reduce(
                [one[1] for one in found]
            )
        case Any(parts=parts):
            found = [truth_over_city(part, facts) for part in parts]
            return np.logical_or.reduce([one[0] for one in found]), np.logical_and.reduce(
                [one[1] for one in found]
            )


def _leaf_over_city(leaf: Leaf, facts: CityFacts) -> tuple[Mask, Mask]:
    column = facts.columns.get(leaf.fact)
    if column is None:
        nowhere = np.zeros(facts.size, dtype=np.bool_)
        return nowhere, nowhere
    have = column.values
    value: AnyType = leaf.value
    passes: Mask
    match leaf.op:
        case "ge":
            passes = have >= value
        case "le":
            passes = have <= value
        case "between":
            low, high = value
            passes = (low <= have) & (have <= high)
        case "in":
            passes = np.isin(have, [as_number(leaf.fact, one) for one in value])
        case "within_days":
            today = facts.on.toordinal()
            passes = (have <= today) & (today - have <= value)
        case "eq":
            passes = have == as_number(leaf.fact, value)
    return passes & column.known, ~passes & column.known


def as_sql(
    condition: Condition, column_of: Callable[[str], ColumnElement[AnyType]], *, on: date
) -> ColumnElement[bool]:
    """An expression that is true, false or NULL for unknown: SQL's own three values are Kleene's."""
    match condition:
        case Leaf():
            column = column_of(condition.fact)
            value: AnyType = condition.value
            passes: ColumnElement[bool]
            match condition.op:
                case "ge":
                    passes = column >= value
                case "le":
                    passes = column <= value
                case "between":
                    low, high = value
                    passes = column.between(low, high)
                case "in":
                    passes = column.in_(value)
                case "within_days":
                    passes = column.between(on - timedelta(days=value), on)
                case "eq":
                    passes = column == value
            return passes
        case Not(part=part):
            return not_(as_sql(part, column_of, on=on).self_group())
        case All(parts=parts):
            return and_(*(as_sql(part, column_of, on=on) for part in parts))
        case Any(parts=parts):
            return or_(*(as_sql(part, column_of, on=on) for part in parts))
