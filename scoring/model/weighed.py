"""Steps of each column by itself, weighed together: what a bank's scorecard does, as a learner of our own.

Each column is cut where a small tree of that column alone would cut it, every bin is worth its own log-odds, and
one regression gives each column a weight. With one number to learn per column it is the steadiest of the learners
and often the hardest to beat. A declared direction orders the bins and keeps the weight from turning them round.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.model.errors import PartMissing
from scoring.model.smooth import SmoothSteps, bin_of, minimize
from scoring.model.table import Column

_MOST_BINS = 12
_LEAST_SHARE = 0.03  # of the rows, in a bin
# Neighbouring bins are one unless their rates differ by this much (squared, in standard errors). On many rows
# almost any step passes the usual test, and the search for cuts has itself picked the largest of many.
_CLEARLY_APART, _CLEARLY_APART_ON_MANY, _MANY_ROWS = 4.0, 12.0, 3_000
_BORROWED_ROWS = 12.0  # rows of the average outcome that every bin is given, so that a bin of few says little
_WEIGHT_PENALTY = 1.0


def learn_weighed_steps(
    columns: Sequence[Column],
    values: NDArray[np.float64],
    outcome: NDArray[np.int8],
    directions: Mapping[str, int],
) -> SmoothSteps:
    """Fit on raw training values. Raises PartMissing."""
    share = float(outcome.mean())
    start = float(np.log(share / (1 - share)))
    cuts: list[NDArray[np.float64] | None] = []
    worth: list[NDArray[np.float64]] = []
    read = np.zeros(values.shape)
    for at, column in enumerate(columns):
        cells = values[:, at]
        if column.is_category:
            cut = None
            place = np.where(np.isnan(cells), len(column.levels), np.nan_to_num(cells)).astype(np.int64)
            of_bins = _log_odds(place, outcome, len(column.levels) + 1, share) - start
        else:
            cut = _cuts(cells, outcome)
            place = bin_of(cells, cut)
            of_bins = _log_odds(place, outcome, len(cut) + 2, share) - start
            direction = directions.get(column.name, 0)
            if direction:
                rows = np.bincount(place, minlength=len(cut) + 2)[:-1]
                of_bins[:-1] = direction * _rising(direction * of_bins[:-1], rows)
        cuts.append(cut)
        worth.append(of_bins)
        read[:, at] = of_bins[place]
    declared = np.array([bool(directions.get(column.name, 0)) for column in columns])
    weights, intercept = _regress(read, outcome, declared, start)
    effects = tuple(weight * of_bins for weight, of_bins in zip(weights, worth, strict=True))
    return SmoothSteps(tuple(cuts), effects, intercept)


def _cuts(cells: NDArray[np.float64], outcome: NDArray[np.int8]) -> NDArray[np.float64]:
    """Where a tree of this column alone cuts it: the highest observed value below each cut."""
    known = ~np.isnan(cells)
    present = cells[known]
    if len(present) < 2:
        return np.empty(0)
    tree = _tree()(
        max_leaf_nodes=_MOST_BINS, min_samples_leaf=max(1, int(_LEAST_SHARE * len(cells))), random_state=0
    ).fit(present[:, None], outcome[known])
    between = tree.tree_.threshold[tree.tree_.children_left >= 0]
    ordered = np.sort(present)
    below = np.searchsorted(ordered, between, side="right") - 1
    cuts: NDArray[np.float64] = np.unique(ordered[below[below >= 0]])
    return _without_faint_steps(cuts, present, outcome[known])


def _without_faint_steps(
    cuts: NDArray[np.float64], cells: NDArray[np.float64], outcome: NDArray[np.int8]
) -> NDArray[np.float64]:
    apart = _CLEARLY_APART if len(cells) < _MANY_ROWS else _CLEARLY_APART_ON_MANY
    place = np.searchsorted(cuts, cells, side="left")
    rows = np.bincount(place, minlength=len(cuts) + 1).astype(np.float64)
    hits = np.bincount(place, weights=outcome, minlength=len(cuts) + 1)
    while len(cuts):
        both = (hits[:-1] + hits[1:]) / (rows[:-1] + rows[1:])
        variance = both * (1 - both) * (1 / rows[:-1] + 1 / rows[1:])
        step = (hits[:-1] / rows[:-1] - hits[1:] / rows[1:]) ** 2 / np.maximum(variance, 1e-12)
        faintest = int(np.argmin(step))
        if step[faintest] >= apart:
            break
        rows[faintest] += rows[faintest + 1]
        hits[faintest] += hits[faintest + 1]
        rows, hits = np.delete(rows, faintest + 1), np.delete(hits, faintest + 1)
        cuts = np.delete(cuts, faintest)
    return cuts


def _log_odds(place: NDArray[np.int64], outcome: NDArray[np.int8], bins: int, share: float) -> NDArray[np.float64]:
    rows = np.bincount(place, minlength=bins)
    hits = np.bincount(place, weights=outcome, minlength=bins)
    rate = (hits + _BORROWED_ROWS * share) / (rows + _BORROWED_ROWS)
    odds: NDArray[np.float64] = np.log(rate / (1 - rate))
    return odds


def _rising(values: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The nearest values, by rows, none of which is below the one before."""
    means: list[float] = []
    weights: list[float] = []
    lengths: list[int] = []
    for value, weight in zip(values.tolist(), np.maximum(rows, 1).tolist(), strict=True):
        means.append(value)
        weights.append(float(weight))
        lengths.append(1)
        while len(means) > 1 and means[-2] > means[-1]:
            weight = weights[-2] + weights[-1]
            means[-2] = (means[-2] * weights[-2] + means[-1] * weights[-1]) / weight
            weights[-2], lengths[-2] = weight, lengths[-2] + lengths[-1]
            means.pop(), weights.pop(), lengths.pop()
    return np.repeat(means, lengths)


def _regress(
    read: NDArray[np.float64], outcome: NDArray[np.int8], declared: NDArray[np.bool_], start: float
) -> tuple[NDArray[np.float64], float]:
    """A weight per column, and the log-odds of nothing. Those of declared columns are not below zero."""
    y = outcome.astype(np.float64)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, intercept = parameters[:-1], parameters[-1]
        z = read @ weights + intercept
        off = np.exp(-np.logaddexp(0.0, -z)) - y
        value = float(np.sum(np.logaddexp(0.0, z) - y * z)) + 0.5 * _WEIGHT_PENALTY * float(weights @ weights)
        return value / len(y), np.append(read.T @ off + _WEIGHT_PENALTY * weights, off.sum()) / len(y)

    bounds = [(0.0, None) if one else (None, None) for one in declared]
    found = minimize()(
        loss, np.append(np.full(read.shape[1], 0.5), start), jac=True, method="L-BFGS-B",
        bounds=[*bounds, (None, None)], options={"maxiter": 200, "ftol": 1e-10},
    )  # fmt: skip
    return found.x[:-1], float(found.x[-1])


def _tree() -> Any:
    try:
        from sklearn.tree import DecisionTreeClassifier
    except ImportError as error:
        raise PartMissing("scikit-learn") from error
    return DecisionTreeClassifier
