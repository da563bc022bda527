"""Step functions of all columns, learned together and held smooth: a logistic regression over bins.

Boosting a thousand rows finds steps one at a time and is unsteady; a bank's scorecard is steady but weighs every
column by itself. Here all columns are weighed at once, neighbouring bins are drawn towards each other and every
bin towards zero, and a declared direction bounds each step. Averaged with boosted trees it steadies them; being a
sum of one-column step functions it fits either shape.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from scoring.model.encoding import Encoding
from scoring.model.errors import PartMissing
from scoring.model.forest import LEAVES, MICRO, NO_SPLIT, SPLITS, Forest
from scoring.model.table import Column

STRENGTHS, USUAL_STRENGTH = (1.0, 3.0, 10.0), 3.0
"""How strongly bins are drawn together; which one is right is chosen on rows held back."""

_LEVEL, _STEP, _BIN = 7.0, 30.0, 0.7  # penalties at strength 1, for twelve bins and a thousand rows upward
_PLAIN_BINS = 12
_ABOVE_ALL = 1e300

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    """Machine code that other threads can run beside; for readers and the type checker it stays what it is."""
    return cast(Function, njit(cache=True, nogil=True)(function))


@dataclass(frozen=True)
class SmoothSteps:
    """cuts: per column the highest value of each bin but the last, None for a category; effects: per column the
    log-odds of its bins (or levels), the last being that of a missing number. intercept: log-odds of nothing."""

    cuts: tuple[NDArray[np.float64] | None, ...]
    effects: tuple[NDArray[np.float64], ...]
    intercept: float

    def margin(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rows,) log-odds for raw values; an unknown level says nothing."""
        total = np.full(len(values), self.intercept)
        for at, (cuts, effect) in enumerate(zip(self.cuts, self.effects, strict=True)):
            cells = values[:, at]
            if cuts is None:
                known = ~np.isnan(cells)
                total[known] += effect[cells[known].astype(np.int64)]
            else:
                total += effect[bin_of(cells, cuts)]
        return total

    def as_forest(self, encoding: Encoding, missing_seen: NDArray[np.bool_], slope: float) -> Forest:
        """The same function as trees of one split over encoded values, in millionths times `slope`."""
        stumps: list[tuple[int, float, float, float]] = []  # column, cut, value up to it, value above and missing
        constant = self.intercept
        for at, (cuts, effect) in enumerate(zip(self.cuts, self.effects, strict=True)):
            by_level = encoding.level_values[at]
            if cuts is None and by_level is not None:
                cuts, effect = _in_encoded_order(by_level, effect)
            assert cuts is not None  # noqa: S101 - a category always has its level values
            constant += float(effect[0])
            stumps += [
                (at, float(cut), 0.0, float(rise)) for cut, rise in zip(cuts, np.diff(effect[:-1]), strict=True)
            ]
            if missing_seen[at]:
                stumps.append((at, _ABOVE_ALL, 0.0, float(effect[-1] - effect[0])))
        trees = len(stumps) + 1
        feature = np.full((trees, SPLITS), NO_SPLIT, dtype=np.int32)
        threshold = np.zeros((trees, SPLITS), dtype=np.float64)
        missing_left = np.zeros((trees, SPLITS), dtype=np.bool_)
        leaf = np.zeros((trees, LEAVES), dtype=np.int64)
        leaf[0] = int(np.rint(constant * slope * MICRO))
        for tree, (column, cut, below, above) in enumerate(stumps, start=1):
            feature[tree, 0], threshold[tree, 0] = column, cut
            # A missing value stays below every cut and is told apart by the one stump above all numbers.
            missing_left[tree, 0] = cut != _ABOVE_ALL
            leaf[tree, : LEAVES // 2] = int(np.rint(below * slope * MICRO))
            leaf[tree, LEAVES // 2 :] = int(np.rint(above * slope * MICRO))
        return Forest(feature, threshold, missing_left, leaf, np.zeros(leaf.shape, np.int64), missing_seen)


def learn_smooth_steps(
    columns: Sequence[Column],
    values: NDArray[np.float64],
    outcome: NDArray[np.int8],
    directions: Mapping[str, int],
    strength: float,
) -> SmoothSteps:
    """Fit on raw training values. Raises PartMissing."""
    search = minimize()
    rows, bins = len(outcome), _bins_for(len(outcome))
    cuts: list[NDArray[np.float64] | None] = []
    places, sizes = [], []
    for at, column in enumerate(columns):
        cells = values[:, at]
        if column.is_category:
            cuts.append(None)
            size = len(column.levels) + 1
            places.append(np.where(np.isnan(cells), size - 1, np.nan_to_num(cells)).astype(np.int64))
        else:
            cut = _cuts(cells[~np.isnan(cells)], bins)
            cuts.append(cut)
            size = len(cut) + 2
            places.append(bin_of(cells, cut))
        sizes.append(size)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    index = np.column_stack([place + start for place, start in zip(places, starts, strict=False)]).astype(np.int32)
    n = int(starts[-1])

    # A number's bins are the running sums of its steps, so that bounding a step bounds the direction.
    begins, step_penalty, bin_penalty = np.ones(n, np.bool_), np.zeros(n), np.full(n, _LEVEL * strength)
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * n
    for column, start, size, cut_or_none in zip(columns, starts, sizes, cuts, strict=False):
        if cut_or_none is None:
            continue
        first, end = int(start), int(start) + size - 1
        begins[first + 1 : end] = False
        step_penalty[first + 1 : end] = _STEP * strength * bins / _PLAIN_BINS
        bin_penalty[first:end] = _BIN * strength
        direction = directions.get(column.name, 0)
        if direction:
            bounds[first + 1 : end] = [(0.0, None) if direction > 0 else (None, 0.0)] * (size - 2)

    y = outcome.astype(np.float64)
    share = float(y.mean())

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        steps, intercept = parameters[:-1], parameters[-1]
        effect = _running(steps, begins)
        z = _sum_of_effects(index, effect, intercept)
        off = np.exp(-np.logaddexp(0.0, -z)) - y
        by_bin = _sum_by_bin(index, off, n)
        gradient = _running_back(by_bin + bin_penalty * effect, begins) + step_penalty * steps
        value = float(np.sum(np.logaddexp(0.0, z) - y * z))
        value += 0.5 * float(bin_penalty @ effect**2 + step_penalty @ steps**2)
        return value / rows, np.append(gradient, off.sum()) / rows

    start_at = np.append(np.zeros(n), np.log(share / (1 - share)))
    found = search(
        loss, start_at, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)],
        options={"maxiter": 200, "ftol": 1e-9},
    )  # fmt: skip
    effect = _running(found.x[:-1], begins)
    effects = tuple(effect[low:high] for low, high in pairwise(starts.tolist()))
    return SmoothSteps(tuple(cuts), effects, float(found.x[-1]))


@_compiled
def _running(steps: NDArray[np.float64], begins: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Running sums that start anew wherever `begins` says so."""
    out = np.empty(len(steps))
    for i in range(len(steps)):
        out[i] = steps[i] if begins[i] else out[i - 1] + steps[i]
    return out


@_compiled
def _running_back(of_bins: NDArray[np.float64], begins: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What each step moves, from what each bin moves: running sums from the other end."""
    out = of_bins.copy()
    for i in range(len(out) - 1, 0, -1):
        if not begins[i]:
            out[i - 1] += out[i]
    return out


@_compiled
def _sum_of_effects(
    index: NDArray[np.int32], effect: NDArray[np.float64], intercept: float
) -> NDArray[np.float64]:
    out = np.empty(len(index))
    for row in range(len(index)):
        total = intercept
        for column in range(index.shape[1]):
            total += effect[index[row, column]]
        out[row] = total
    return out


@_compiled
def _sum_by_bin(index: NDArray[np.int32], off: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    out = np.zeros(bins)
    for row in range(len(index)):
        for column in range(index.shape[1]):
            out[index[row, column]] += off[row]
    return out


def _bins_for(rows: int) -> int:
    return _PLAIN_BINS if rows < 3_000 else 20 if rows < 15_000 else 32


def _cuts(present: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Cuts between about equally filled bins, at observed values."""
    if not len(present):
        return np.empty(0)
    inner = np.quantile(present, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    cuts: NDArray[np.float64] = np.unique(inner)
    below_the_last: NDArray[np.float64] = cuts[cuts < present.max()]
    return below_the_last


def bin_of(cells: NDArray[np.float64], cuts: NDArray[np.float64]) -> NDArray[np.int64]:
    place = np.searchsorted(cuts, np.nan_to_num(cells), side="left")
    return np.where(np.isnan(cells), len(cuts) + 1, place).astype(np.int64)


def _in_encoded_order(
    by_level: NDArray[np.float64], effect: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cuts and effects of a category's levels in the order of their codes; levels of one code share their mean."""
    known = np.flatnonzero(~np.isnan(by_level))
    codes, place = np.unique(by_level[known], return_inverse=True)
    means = np.bincount(place, effect[known]) / np.bincount(place)
    return codes[:-1] + np.diff(codes) / 2, np.append(means, effect[-1])


def minimize() -> Any:
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise PartMissing("scikit-learn") from error
    return minimize
