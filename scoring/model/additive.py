"""The additive shape: one step function per column, coarsened into a few tiers that fit on a page.

Boosted stumps are a sum of one-column step functions. They are added up per column, cut down to at most ten tiers
by least squares over the training rows, centred so that a column that says nothing is worth zero, and held as
integers. What is printed is what runs.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from scoring.model.encoding import Encoding
from scoring.model.forest import NO_SPLIT, SPLITS, Forest
from scoring.model.table import Column

MAX_TIERS = 10
# Tiers are added until they hold all but this share of the variance of what was learned.
_LOST_VARIANCE = 0.002
_RIGHT_LEAF = (SPLITS + 1) // 2


@dataclass(frozen=True)
class Term:
    """One column's part, in millionths of log-odds.

    starts: (tiers,) lowest value of each tier, ascending, the first -inf; empty for a category.
    tiers: (tiers,) or (levels,) value of each. missing: value of a missing number, 0 when none was ever seen.
    rows: training rows in each tier or level.
    """

    column: int
    starts: tuple[float, ...]
    tiers: tuple[int, ...]
    missing: int
    rows: tuple[int, ...]

    def read(self, cells: NDArray[np.float64]) -> NDArray[np.int64]:
        """(rows,) this column's part for raw cells (numbers, or level indices)."""
        tiers = np.array(self.tiers, dtype=np.int64)
        missing = np.isnan(cells)
        if self.starts:
            place = np.searchsorted(np.array(self.starts), np.where(missing, 0.0, cells), side="right") - 1
        else:
            place = np.where(missing, 0, cells).astype(np.int64)
        return np.where(missing, self.missing, tiers[place])


def sum_of_tiers(
    terms: Sequence[Term],
    worth: Sequence[tuple[NDArray[np.int64], int]],
    values: NDArray[np.float64],
    *,
    threads: int = 1,
) -> NDArray[np.int64]:
    """(rows,) sum over terms of what each row's tier is worth: by term, that of tiers and of missing.

    values: (rows, columns), by rows or (faster) by columns, as they lie in a data frame. The numbers do not
    depend on `threads`.
    """
    starts = [np.array(term.starts) if term.starts else np.arange(len(term.tiers), dtype=float) for term in terms]
    ends = np.cumsum([0, *[len(each) for each in starts]])
    out = np.zeros(len(values), dtype=np.int64)
    if not terms:
        return out
    values = np.asfortranarray(values)
    columns = np.array([term.column for term in terms])
    # What a tier is worth more than the one below it: a row collects the rises of all starts that it reaches.
    rises = np.concatenate([np.diff(tiers, prepend=0) for tiers, _ in worth]).astype(np.int64)
    missing = np.array([missing for _, missing in worth], dtype=np.int64)
    flat = np.concatenate(starts)

    def run(part: tuple[int, int]) -> None:
        _compiled_sum(values, columns, ends, flat, rises, missing, out, *part)

    cuts = [len(out) * part // threads for part in range(threads + 1)]
    parts = list(pairwise(cuts))
    if threads == 1:
        run(parts[0])
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, parts))
    return out


_BLOCK = 2048
"""Rows taken at a time: a column of them, and their sums, stay in the processor's nearest cache."""


def _sum(
    values: NDArray[np.float64],
    columns: NDArray[np.int64],
    ends: NDArray[np.int64],
    starts: NDArray[np.float64],
    rises: NDArray[np.int64],
    missing: NDArray[np.int64],
    out: NDArray[np.int64],
    first: int,
    end: int,
) -> None:
    """Rows from `first` to before `end`; they are not cut out of `values`, which would no longer lie by column."""
    sums = np.empty(_BLOCK, np.int64)
    for low in range(first, end, _BLOCK):
        rows = min(_BLOCK, end - low)
        sums[:rows] = 0
        for term in range(len(columns)):
            # Read where they lie: copied to a place of their own first, they take twice the time.
            cells = values[low : low + rows, columns[term]]
            if missing[term] != 0:
                for i in range(rows):
                    sums[i] += missing[term] if np.isnan(cells[i]) else 0
            # A few starts against many rows take no branch and several rows in one instruction; a missing cell
            # reaches no start.
            at = ends[term]
            while at + 5 <= ends[term + 1]:
                start_a, start_b, start_c = starts[at], starts[at + 1], starts[at + 2]
                start_d, start_e = starts[at + 3], starts[at + 4]
                rise_a, rise_b, rise_c = rises[at], rises[at + 1], rises[at + 2]
                rise_d, rise_e = rises[at + 3], rises[at + 4]
                for i in range(rows):
                    cell = cells[i]
                    sums[i] += (
                        (rise_a if cell >= start_a else 0)
                        + (rise_b if cell >= start_b else 0)
                        + (rise_c if cell >= start_c else 0)
                        + (rise_d if cell >= start_d else 0)
                        + (rise_e if cell >= start_e else 0)
                    )
                at += 5
            for last in range(at, ends[term + 1]):
                start, rise = starts[last], rises[last]
                for i in range(rows):
                    sums[i] += rise if cells[i] >= start else 0
        for i in range(rows):
            out[low + i] = sums[i]


_compiled_sum = njit(cache=True, nogil=True)(_sum)


def terms_of_stumps(
    stumps: Forest, columns: Sequence[Column], encoding: Encoding, values: NDArray[np.float64]
) -> tuple[list[Term], int]:
    """The step function of each used column as tiers, and the constant left over (millionths of log-odds).

    stumps: depth-one trees over encoded values. values: (rows, columns) raw training values.
    """
    constant = int(stumps.leaf[stumps.feature[:, 0] == NO_SPLIT, 0].sum())
    terms = []
    for at, column in enumerate(columns):
        of_column = stumps.feature[:, 0] == at
        if not of_column.any():
            continue
        steps = _Steps.of(stumps, of_column)
        cells = values[:, at]
        by_level = encoding.level_values[at]
        if column.is_category and by_level is not None:
            term, mean = _category_term(at, steps, by_level, cells)
        else:
            term, mean = _number_term(at, steps, cells, bool(stumps.missing_seen[at]))
        constant += mean
        if any(term.tiers) or term.missing:
            terms.append(term)
    return terms, constant


@dataclass(frozen=True)
class _Steps:
    """A step function: value[i] holds for cut[i-1] < x <= cut[i]; missing for a missing x."""

    cut: NDArray[np.float64]
    value: NDArray[np.float64]
    missing: float

    @classmethod
    def of(cls, stumps: Forest, chosen: NDArray[np.bool_]) -> "_Steps":
        threshold = stumps.threshold[chosen, 0]
        left, right = stumps.leaf[chosen, 0], stumps.leaf[chosen, _RIGHT_LEAF]
        cut, place = np.unique(threshold, return_inverse=True)
        rise = np.zeros(len(cut))
        np.add.at(rise, place, (right - left).astype(np.float64))
        value = float(left.sum()) + np.concatenate([[0.0], np.cumsum(rise)])
        missing = np.where(stumps.missing_left[chosen, 0], left, right).sum()
        return cls(cut, value, float(missing))

    def at(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.value[np.searchsorted(self.cut, x, side="left")]


def _category_term(
    at: int, steps: _Steps, by_level: NDArray[np.float64], cells: NDArray[np.float64]
) -> tuple[Term, int]:
    known = ~np.isnan(by_level)
    rows = np.bincount(cells[~np.isnan(cells)].astype(np.int64), minlength=len(by_level))
    value = np.where(known, steps.at(np.where(known, by_level, 0.0)), 0.0)
    mean = float(np.average(value, weights=rows * known))
    tiers = np.where(known, np.rint(value - mean), 0).astype(np.int64)
    return Term(at, (), tuple(int(v) for v in tiers), 0, tuple(int(n) for n in rows)), int(np.rint(mean))


def _number_term(at: int, steps: _Steps, cells: NDArray[np.float64], missing_seen: bool) -> tuple[Term, int]:
    present = np.sort(cells[~np.isnan(cells)])
    # A tier begins at the lowest value that was really observed above the cut: a number a document can print.
    first_above = np.searchsorted(present, steps.cut, side="right")
    real = np.concatenate([[True], (first_above > 0) & (first_above < len(present))])
    begins = np.concatenate([[0], first_above])[real]
    begins, first = np.unique(begins, return_index=True)
    # Of several cuts between two neighbouring observations the last one rules what lies above.
    last = np.append(first[1:], real.sum()) - 1
    value = steps.value[real][last]
    rows = np.diff(np.append(begins, len(present)))
    groups = _coarsen(value, rows)
    starts = [-np.inf if group[0] == 0 else float(present[begins[group[0]]]) for group in groups]
    tier = [float(np.average(value[group], weights=rows[group])) for group in groups]
    filled = [int(rows[group].sum()) for group in groups]
    missing_rows = len(cells) - len(present)
    mean = (np.dot(tier, filled) + steps.missing * missing_rows) / len(cells)
    term = Term(
        at,
        tuple(starts),
        tuple(int(np.rint(v - mean)) for v in tier),
        int(np.rint(steps.missing - mean)) if missing_seen else 0,
        tuple(filled),
    )
    return term, int(np.rint(mean))


def _coarsen(value: NDArray[np.float64], rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut the steps into the fewest runs that keep what was learned: exact least squares by dynamic programming.

    The mean of a run of rising values rises from run to run, so a declared direction survives.
    """
    steps = len(value)
    weight = rows.astype(np.float64)
    w = np.concatenate([[0.0], np.cumsum(weight)])
    s = np.concatenate([[0.0], np.cumsum(weight * value)])
    q = np.concatenate([[0.0], np.cumsum(weight * value**2)])
    # error[i, j]: squared error of one tier over steps i..j-1.
    with np.errstate(invalid="ignore", divide="ignore"):
        span = w[None, :] - w[:, None]
        error = (q[None, :] - q[:, None]) - (s[None, :] - s[:, None]) ** 2 / span
    error = np.where(np.arange(steps + 1)[None, :] > np.arange(steps + 1)[:, None], np.maximum(error, 0.0), np.inf)
    allowed = _LOST_VARIANCE * error[0, steps]
    best = error[0].copy()
    back: list[NDArray[np.int64]] = []
    while best[steps] > allowed + 1e-9 and len(back) + 1 < min(MAX_TIERS, steps):
        through = best[:, None] + error
        back.append(np.argmin(through, axis=0).astype(np.int64))
        best = through[back[-1], np.arange(steps + 1)]
    ends = [steps]
    for came_from in reversed(back):
        ends.append(int(came_from[ends[-1]]))
    bounds = [0, *sorted({end for end in ends if end > 0})]
    return [np.arange(low, high) for low, high in pairwise(bounds)]
