"""Categories become numbers by what was observed: the smoothed log-odds of the outcome within each level.

With one number per level a tree can cut a category like any ordered column, a subject can be told why, and a
level that learning never met is a missing value that says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.model.table import Column

# A level needs this many rows before its own outcome share weighs as much as the table's.
PRIOR_ROWS = 10.0
# With few levels each is well filled, and its own rows hardly tell on themselves. With many they do: then a row's
# level is valued from other rows than its own.
_FEW_LEVELS = 12
_PARTS = 5


@dataclass(frozen=True)
class Encoding:
    """level_values: per column (levels,) log-odds, NaN for a level without rows; None for a number."""

    level_values: tuple[NDArray[np.float64] | None, ...]

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rows, columns) with every category replaced by its number; unknown levels become NaN."""
        encoded = values.copy()
        for at, by_level in enumerate(self.level_values):
            if by_level is not None:
                encoded[:, at] = _look_up(by_level, values[:, at])
        return encoded


def learn_encoding(
    columns: Sequence[Column], values: NDArray[np.float64], outcome: NDArray[np.int8], *, seed: int
) -> tuple[Encoding, NDArray[np.float64]]:
    """The encoding, and the training rows encoded without letting a row of a rare level see its own outcome."""
    by_column = [
        _level_log_odds(values[:, at], outcome, len(column.levels)) if column.is_category else None
        for at, column in enumerate(columns)
    ]
    encoding = Encoding(tuple(by_column))
    encoded = encoding.apply(values)
    part = np.random.default_rng(seed).permutation(len(outcome)) % _PARTS
    for at, column in enumerate(columns):
        if column.is_category and len(column.levels) > _FEW_LEVELS:
            for held_out in range(_PARTS):
                inside = part == held_out
                others = _level_log_odds(values[~inside, at], outcome[~inside], len(column.levels))
                encoded[inside, at] = _look_up(others, values[inside, at])
    return encoding, encoded


def _level_log_odds(codes: NDArray[np.float64], outcome: NDArray[np.int8], levels: int) -> NDArray[np.float64]:
    known = ~np.isnan(codes)
    index = codes[known].astype(np.int64)
    rows = np.bincount(index, minlength=levels).astype(np.float64)
    hits = np.bincount(index, weights=outcome[known], minlength=levels)
    overall = float(outcome.mean())
    share = (hits + PRIOR_ROWS * overall) / (rows + PRIOR_ROWS)
    # Six decimals are far below what a level can tell, and print the same everywhere.
    return np.where(rows > 0, np.round(np.log(share / (1 - share)), 6), np.nan)


def _look_up(by_level: NDArray[np.float64], codes: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(len(codes), np.nan)
    known = ~np.isnan(codes)
    out[known] = by_level[codes[known].astype(np.int64)]
    return out
