"""What a delivery looks like in numbers, counted while it is collected: quality and early warning are read from
these alone, and never have to walk over millions of records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from backend.catalogue.templates import Template
from backend.city_calendar import CalendarYearUnknown, WorkingDays
from backend.records.normalisation import half_width
from backend.records.validation import Reason

Shape = dict[str, Any]
"""Counts that add up over chunks and over deliveries:

timed, on_time     new records whose time of delivery can be judged, and those of them delivered in time
optional_cells,    cells that the template leaves to the department, and those of them that are filled
optional_filled
filled             rows with something in the cell, by column code
categories         sound rows by catalogue category
causes             cells refused, by `heading\treason code`
"""


def measure(
    delivered: pl.DataFrame,
    template: Template,
    *,
    sound: pl.DataFrame,
    reasons: Mapping[int, list[Reason]],
    new_by_day: Mapping[date, int],
    received_on: date,
    timely_working_days: int,
    calendar: WorkingDays,
) -> Shape:
    """Of one chunk. `new_by_day` counts the records that were new by the day from which their delivery is timed
    (`FactRule.timed_from`)."""
    filled = _filled(delivered, template)
    optional_cells, optional_filled = _optional(delivered, template)
    timed, on_time = 0, 0
    for day, number in new_by_day.items():
        due_on = _due(calendar, day, timely_working_days)
        if due_on is not None:
            timed += number
            on_time += number * (received_on <= due_on)
    categories = dict(sound["category"].value_counts().iter_rows()) if "category" in sound.columns else {}
    causes = Counter(f"{each['column']}\t{each['code']}" for row in reasons.values() for each in row)
    return {
        "timed": timed,
        "on_time": on_time,
        "optional_cells": optional_cells,
        "optional_filled": optional_filled,
        "filled": filled,
        "categories": categories,
        "causes": dict(causes),
    }


def together(one: Mapping[str, Any], other: Mapping[str, Any]) -> Shape:
    """Both added up."""
    added: Shape = dict(one)
    for name, value in other.items():
        if isinstance(value, Mapping):
            added[name] = dict(Counter(added.get(name, {})) + Counter(value))
        else:
            added[name] = added.get(name, 0) + value
    return added


def _filled(delivered: pl.DataFrame, template: Template) -> dict[str, int]:
    present = [column.code for column in template.columns if column.code in delivered.columns]
    if not present:
        return {}
    counted = delivered.select((pl.col(present).str.len_bytes() > 0).sum()).row(0)
    return {code: int(number or 0) for code, number in zip(present, counted, strict=True)}


def _optional(delivered: pl.DataFrame, template: Template) -> tuple[int, int]:
    """Cells that may be left empty, by whom each row is about, and how many are not."""
    parties = delivered.with_columns(_party(template, delivered).alias("party"))["party"]
    cells = filled = 0
    for party in ("person", "organisation"):
        codes = [column.code for column in template.columns if column.necessity(party) == "O"]
        is_about = parties == party
        cells += int(is_about.sum()) * len(codes)
        present = [code for code in codes if code in delivered.columns]
        if present and is_about.any():
            rows = delivered.select(present).filter(is_about)
            filled += sum(rows.select((pl.col(present).str.len_bytes() > 0).sum()).row(0))
    return cells, filled


def _party(template: Template, delivered: pl.DataFrame) -> pl.Expr:
    subject = template.subject
    if subject is None:
        register = template.register
        return pl.lit("person" if register is not None and register.kind == "person" else "organisation")
    if subject.inferred:
        by_code = [
            pl.col(code).str.len_bytes() > 0
            for code in subject.identifiers["organisation"]
            if code in delivered.columns
        ]
        is_organisation = pl.any_horizontal(by_code).fill_null(False) if by_code else pl.lit(False)
        return pl.when(is_organisation).then(pl.lit("organisation")).otherwise(pl.lit("person"))
    if subject.kind_column is None:
        return pl.lit(subject.fixed)
    column = template.column(subject.kind_column)
    if column.code not in delivered.columns:
        return pl.lit(None, dtype=pl.String)
    spellings = {spelling: subject.kinds[value] for spelling, value in column.value_aliases.items()}
    cells = half_width(delivered[column.code])
    return pl.lit(cells.replace_strict({**subject.kinds, **spellings}, default=None, return_dtype=pl.String))


def _due(calendar: WorkingDays, day: date, working_days: int) -> date | None:
    """None where the calendar of the year is not known: such records are not judged."""
    try:
        return calendar.after(day, working_days)
    except CalendarYearUnknown:
        return None
