"""Days as whole numbers (since 1970-01-01), and how departments write them."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from demo_city.draws import Index

EPOCH = date(1970, 1, 1).toordinal()

DASHES = "%Y-%m-%d"
SLASHES = "%Y/%m/%d"
COMPACT = "%Y%m%d"


def day_number(day: date) -> int:
    return day.toordinal() - EPOCH


def written(days: Index, form: str, keep: np.ndarray | None = None) -> pl.Series:
    """The days as text; null where `keep` is False."""
    texts = pl.Series(days.astype(np.int32)).cast(pl.Date).dt.strftime(form)
    return texts if keep is None else texts.set(pl.Series(~keep), None)


def as_digits(days: Index) -> Index:
    """YYYYMMDD as a number."""
    dates = pl.Series(days.astype(np.int32)).cast(pl.Date)
    return (
        dates.dt.year().cast(pl.Int64) * 10_000
        + dates.dt.month().cast(pl.Int64) * 100
        + dates.dt.day().cast(pl.Int64)
    ).to_numpy()


def years(days: Index) -> Index:
    return pl.Series(days.astype(np.int32)).cast(pl.Date).dt.year().cast(pl.Int64).to_numpy()
