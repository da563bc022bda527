"""Whole columns of identity numbers at once."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from backend.identifiers.citizen_number import CHECK_CHARACTERS, EARLIEST_BIRTH, WEIGHTS

_PLAIN = r"^[0-9]{17}[0-9X]$"
_ZERO = ord("0")


def plainly_valid(numbers: pl.Series, *, today: date) -> pl.Series:
    """Which cells are valid 18-character citizen numbers just as they stand; false for null.

    A false says nothing yet: the cell may only be written in another way. `check_person_number` decides those, and
    would accept each of these unchanged.
    """
    formed = numbers.str.contains(_PLAIN).fill_null(False)
    places = formed.arg_true()
    if not places.len():
        return formed
    candidates = numbers.gather(places)
    text = np.frombuffer("".join(candidates.to_list()).encode(), dtype=np.uint8).reshape(-1, 18)
    remainders = ((text[:, :17].astype(np.int64) - _ZERO) @ np.array(WEIGHTS)) % 11
    right = np.frombuffer(CHECK_CHARACTERS.encode(), dtype=np.uint8)[remainders] == text[:, 17]
    born = candidates.str.slice(6, 8).str.to_date("%Y%m%d", strict=False)
    valid = pl.Series(right) & born.is_between(EARLIEST_BIRTH, today).fill_null(False)
    return formed.scatter(places, valid)
