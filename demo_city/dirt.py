"""The dirt that real deliveries have, and what collection is expected to make of each kind.

About three rows in a hundred are touched. A kind that does not apply to a row (an old citizen number for a
company, say) leaves it clean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from backend.catalogue.templates import PartyKind, Template
from demo_city.deliveries import Delivery, Rows
from demo_city.draws import Draws, Index

CLEAN = "clean"
DUPLICATE = "duplicate"
WITHDRAWN_LATER = "withdrawn_later"
CONTINUED = "continued"
"""A row of an earlier delivery, once more with what has come since: a payment, another month owed."""
IN_THE_TAIL = (DUPLICATE, WITHDRAWN_LATER)
"""These deliver a clean row as it is, and the same matter once more towards the end of the file."""

OUTCOMES = {
    CLEAN: "accepted",
    "full_width": "accepted",
    "old_citizen_number": "accepted",
    "old_registration_number": "accepted",
    "withdrawn": "accepted",
    DUPLICATE: "duplicate",
    WITHDRAWN_LATER: "corrected",
    CONTINUED: "corrected",
    "wrong_check_digit": "quarantined",
    "day_and_month_swapped": "quarantined",
    "impossible_date": "quarantined",
    "dates_out_of_order": "quarantined",
    "missing_required": "quarantined",
    "unknown_value": "quarantined",
    "unknown_category": "quarantined",
    "unknown_subject": "quarantined",
    "unconfirmed": "quarantined",
}

UNKNOWN_VALUE = "待核实情形"
UNKNOWN_CATEGORIES = ("parking_order", "pet_registration", "library_points")
WITHDRAWN_REMARK = "该决定已撤销"

_DIGITS = "0123456789"
_FULL_WIDTH = "０１２３４５６７８９"
_NEXT_CHARACTER = dict(zip(_DIGITS, _DIGITS[1:] + "0", strict=True)) | dict.fromkeys("ABCDEFGHJKLMNPQRTUWXY", "0")


@dataclass(frozen=True)
class Soiled:
    """Cells of some rows as they go into the file, and the kind of dirt of each row."""

    cells: pl.DataFrame
    kinds: pl.Series


def drawn_kinds(draws: Draws, delivery: Delivery, index: Index) -> pl.Series:
    """The kind of dirt that chance gives each row, whether or not it applies there."""
    kinds = [*delivery.dirt, CLEAN]
    weights = [*delivery.dirt.values(), 10_000 - sum(delivery.dirt.values())]
    return pl.Series(kinds).gather(draws.weighted(f"{delivery.code}/dirt", index, weights))


def soil(rows: Rows, cells: pl.DataFrame, kinds: pl.Series) -> Soiled:
    """Put the dirt on, kind by kind; the order of the rows stays."""
    place = "__place"
    numbered = cells.with_row_index(place)
    parts: list[pl.DataFrame] = []
    made_kinds = [CLEAN] * len(cells)
    untouched = np.ones(len(cells), dtype=bool)
    for kind in sorted(set(kinds.unique()) - {CLEAN, *IN_THE_TAIL}):
        chosen = (kinds == kind).to_numpy()
        part = numbered.filter(pl.Series(chosen))
        changed = _CHANGES[kind](rows.some(chosen), part)
        applies = changed.drop(place).rows() != part.drop(place).rows()
        if not applies:
            continue
        for before, after, at in zip(
            part.drop(place).rows(), changed.drop(place).rows(), part[place].to_list(), strict=True
        ):
            if before != after:
                made_kinds[at] = kind
        parts.append(changed)
        untouched &= ~chosen
    whole = pl.concat([numbered.filter(pl.Series(untouched)), *parts]).sort(place).drop(place)
    return Soiled(whole, pl.Series(made_kinds, dtype=pl.String))


def soil_tail(rows: Rows, cells: pl.DataFrame, kinds: pl.Series) -> Soiled:
    """The second appearance of rows whose kind is one of IN_THE_TAIL."""
    later = (kinds == WITHDRAWN_LATER).to_numpy()
    withdrawn = _withdrawn(rows.some(later), cells.filter(pl.Series(later)))
    whole = pl.concat([cells.filter(pl.Series(~later)), withdrawn])
    order = np.argsort(np.concatenate([rows.index[~later], rows.index[later]]), kind="stable")
    return Soiled(whole[order], kinds)


def _identifier_columns(rows: Rows) -> list[str]:
    subject = rows.delivery.template.subject
    assert subject is not None  # noqa: S101 - only deliveries about subjects are soiled here
    parties: tuple[PartyKind, ...] = ("person", "organisation")
    first = (subject.identifiers[party][0] for party in parties if party in subject.identifiers)
    return list(dict.fromkeys(first))


def _full_width(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    columns = _identifier_columns(rows)
    return cells.with_columns(pl.col(columns).str.replace_many(list(_DIGITS), list(_FULL_WIDTH)))


def _wrong_check_digit(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    return cells.with_columns(wrong_check_digit(column) for column in _identifier_columns(rows))


def wrong_check_digit(column: str) -> pl.Expr:
    """Another last character; one changed character never passes the check."""
    head = pl.col(column).str.slice(0, 17)
    return (head + pl.col(column).str.slice(17).replace_strict(_NEXT_CHARACTER, default=None)).alias(column)


def _replaced_identifiers(rows: Rows, cells: pl.DataFrame, identifiers: pl.Series) -> pl.DataFrame:
    """Where there is an identifier, this one instead."""
    named = cells.with_columns(identifiers.alias("__other"))
    return named.with_columns(
        pl.when(pl.col(column).is_not_null() & pl.col("__other").is_not_null())
        .then(pl.col("__other"))
        .otherwise(pl.col(column))
        .alias(column)
        for column in _identifier_columns(rows)
    ).drop("__other")


def _unknown_subject(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    return _replaced_identifiers(rows, cells, rows.parties.strangers())


def _old_citizen_number(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    had_one = pl.Series(rows.parties.has_old_citizen_number())
    return _replaced_identifiers(rows, cells, rows.parties.old_citizen_numbers().set(~had_one, None))


def _old_registration_number(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    """The old number in its own column, and no 统一社会信用代码."""
    subject = rows.delivery.template.subject
    assert subject is not None  # noqa: S101 - only deliveries about subjects are soiled here
    code, old, *_ = subject.identifiers["organisation"]
    had_one = pl.Series(rows.parties.has_old_registration())
    return cells.with_columns(
        cells[code].set(had_one, None), rows.parties.old_registrations().set(~had_one, None).alias(old)
    )


def _date_column(rows: Rows) -> str:
    facts = rows.delivery.template.facts
    assert facts is not None  # noqa: S101 - only deliveries about subjects are soiled here
    return facts.event_on


def _day_and_month_swapped(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    """31 December as the 12th day of the 31st month; a day up to 12 would pass unseen and is left alone."""
    column = _date_column(rows)
    year, month, day = _date_parts(column)
    gap = _gap(rows)
    swapped = pl.concat_str(year, pl.lit(gap), day, pl.lit(gap), month)
    return cells.with_columns(
        pl.when(day.cast(pl.Int32) > 12).then(swapped).otherwise(pl.col(column)).alias(column)
    )


def _impossible_date(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    column, gap = _date_column(rows), _gap(rows)
    year, _, _ = _date_parts(column)
    return cells.with_columns(pl.concat_str(year, pl.lit(f"{gap}02{gap}30")).alias(column))


def _gap(rows: Rows) -> str:
    return rows.delivery.date_form.replace("%Y", "").replace("%m", "")[:1].replace("%", "")


def _date_parts(column: str) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    digits = pl.col(column).str.replace_all(r"\D", "")
    return digits.str.slice(0, 4), digits.str.slice(4, 2), digits.str.slice(6, 2)


def _dates_out_of_order(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    """The day it happened and the day it ended (or was made good) typed into each other's cell."""
    facts = rows.delivery.template.facts
    if facts is None:
        raise ValueError("a register has no such dates")
    first, second = facts.event_on, facts.ended_on or facts.performed_on
    if second is None:
        raise ValueError("the template has only one date")
    both = pl.col(first).is_not_null() & pl.col(second).is_not_null()
    return cells.with_columns(
        pl.when(both).then(pl.col(second)).otherwise(pl.col(first)).alias(first),
        pl.when(both).then(pl.col(first)).otherwise(pl.col(second)).alias(second),
    )


def _missing_required(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    return cells.with_columns(pl.lit(None, dtype=pl.String).alias(rows.delivery.required))


def _unknown_value(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    return cells.with_columns(pl.lit(UNKNOWN_VALUE).alias(rows.delivery.enum_column))


def _unknown_category(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    return cells.with_columns(rows.pick("unknown-category", UNKNOWN_CATEGORIES).alias("MLDM"))


def _unconfirmed(_rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    return cells.with_columns(pl.lit("未确认").alias("QRZT"))


def withdrawn_cells(template: Template) -> dict[str, str]:
    """What a department writes into the row of a decision that it has taken back."""
    return {one.column: one.values[0] if one.values else WITHDRAWN_REMARK for one in template.withdrawn}


def _withdrawn(rows: Rows, cells: pl.DataFrame) -> pl.DataFrame:
    said = withdrawn_cells(rows.delivery.template)
    return cells.with_columns(pl.lit(text, dtype=pl.String).alias(column) for column, text in said.items())


_CHANGES = {
    "full_width": _full_width,
    "wrong_check_digit": _wrong_check_digit,
    "unknown_subject": _unknown_subject,
    "old_citizen_number": _old_citizen_number,
    "old_registration_number": _old_registration_number,
    "day_and_month_swapped": _day_and_month_swapped,
    "impossible_date": _impossible_date,
    "dates_out_of_order": _dates_out_of_order,
    "missing_required": _missing_required,
    "unknown_value": _unknown_value,
    "unknown_category": _unknown_category,
    "unconfirmed": _unconfirmed,
    "withdrawn": _withdrawn,
}
