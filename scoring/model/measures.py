"""How well a model ranks (AUC, KS) and how true its probabilities are (Brier), with intervals.

Everything is written for weighted rows that are already sorted by score, so that a bootstrap resample is one
pass with other weights and not another sort.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 400
_LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over folds with its 95 % interval."""

    mean: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        return {"mean": round(self.mean, 6), "low": round(self.low, 6), "high": round(self.high, 6)}


@dataclass(frozen=True)
class Quality:
    auc: Interval
    ks: Interval
    brier: Interval

    def as_json(self) -> dict[str, dict[str, float]]:
        return {"auc": self.auc.as_json(), "ks": self.ks.as_json(), "brier": self.brier.as_json()}


def area_under_curve(outcome: NDArray[np.int8], score: NDArray[np.float64]) -> float:
    """AUC; rows with the same score count half."""
    return _Sorted.of(outcome, score).auc(np.ones(len(outcome)))


def kolmogorov_smirnov(outcome: NDArray[np.int8], score: NDArray[np.float64]) -> float:
    """KS: the largest distance between the two outcomes' score distributions."""
    return _Sorted.of(outcome, score).ks(np.ones(len(outcome)))


def brier(outcome: NDArray[np.int8], probability: NDArray[np.float64]) -> float:
    """Mean squared distance between probability and outcome; lower is better."""
    return float(np.mean((probability - outcome) ** 2))


def log_loss(outcome: NDArray[np.int8], margin: NDArray[np.float64]) -> float:
    """Mean negative log-likelihood of margins in log-odds."""
    return float(np.mean(np.logaddexp(0.0, margin) - outcome * margin))


def quality_over_folds(
    outcome: NDArray[np.int8], probability: NDArray[np.float64], fold: NDArray[np.int64], *, seed: int = 0
) -> Quality:
    """Fold means of AUC, KS and Brier of out-of-fold probabilities, with percentile bootstrap intervals.

    Rows are resampled within fold and outcome, so every resample has the folds' own sizes.
    """
    drawn = _resampled(outcome, [probability], fold, seed)[0]
    return Quality(*(_interval(drawn[:, at]) for at in range(3)))


def difference_over_folds(
    outcome: NDArray[np.int8],
    probability: NDArray[np.float64],
    other: NDArray[np.float64],
    fold: NDArray[np.int64],
    *,
    seed: int = 0,
) -> Quality:
    """`probability` minus `other`, both measured on the same resamples: a paired comparison."""
    one, two = _resampled(outcome, [probability, other], fold, seed)
    return Quality(*(_interval(one[:, at] - two[:, at]) for at in range(3)))


def calibration_error(
    outcome: NDArray[np.int8], probability: NDArray[np.float64], bins: int = 10
) -> tuple[float, list[dict[str, float]]]:
    """Expected calibration error over equally filled bins, and the bins: rows, mean probability, outcome share."""
    order = np.argsort(probability, kind="stable")
    table, error = [], 0.0
    for part in np.array_split(order, min(bins, len(order))):
        said, happened = float(probability[part].mean()), float(outcome[part].mean())
        table.append({"rows": len(part), "probability": round(said, 6), "outcome": round(happened, 6)})
        error += len(part) / len(order) * abs(said - happened)
    return error, table


def roc_curve(
    outcome: NDArray[np.int8], score: NDArray[np.float64], points: int = 200
) -> tuple[list[float], list[float]]:
    """At most `points` points of the ROC curve: false positive rates and true positive rates."""
    order = np.argsort(-score, kind="stable")
    hits = outcome[order].astype(np.float64)
    last_of_tie = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    true = np.concatenate([[0.0], np.cumsum(hits)[last_of_tie] / hits.sum()])
    false = np.concatenate([[0.0], np.cumsum(1 - hits)[last_of_tie] / (1 - hits).sum()])
    keep = np.unique(np.linspace(0, len(true) - 1, points).astype(np.int64))
    return [round(float(x), 5) for x in false[keep]], [round(float(x), 5) for x in true[keep]]


@dataclass(frozen=True)
class _Sorted:
    """Rows sorted by score. order: their indices; ends: the last place of each group of equal scores."""

    order: NDArray[np.int64]
    ends: NDArray[np.int64]
    outcome: NDArray[np.float64]

    @classmethod
    def of(cls, outcome: NDArray[np.int8], score: NDArray[np.float64]) -> "_Sorted":
        order = np.argsort(score, kind="stable").astype(np.int64)
        ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1).astype(np.int64)
        return cls(order, ends, outcome[order].astype(np.float64))

    def _shares(self, weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        sorted_weight = weight[self.order]
        hits = np.cumsum(sorted_weight * self.outcome)[self.ends]
        others = np.cumsum(sorted_weight * (1 - self.outcome))[self.ends]
        return hits / hits[-1], others / others[-1]

    def auc(self, weight: NDArray[np.float64]) -> float:
        hits, others = self._shares(weight)
        return float(np.sum(np.diff(hits, prepend=0.0) * (others + np.append(0.0, others[:-1])) / 2))

    def ks(self, weight: NDArray[np.float64]) -> float:
        hits, others = self._shares(weight)
        return float(np.max(np.abs(hits - others)))


def _resampled(
    outcome: NDArray[np.int8], models: Sequence[NDArray[np.float64]], fold: NDArray[np.int64], seed: int
) -> list[NDArray[np.float64]]:
    """For each model (1 + RESAMPLES, 3): fold means of AUC, KS, Brier; row 0 is the sample itself."""
    draw = np.random.default_rng(seed)
    folds = np.unique(fold)
    out = [np.zeros((1 + RESAMPLES, 3)) for _ in models]
    for one in folds:
        inside = fold == one
        y = outcome[inside]
        sorted_models = [_Sorted.of(y, model[inside]) for model in models]
        squares = [(model[inside] - y) ** 2 for model in models]
        strata = [np.flatnonzero(y == 1), np.flatnonzero(y == 0)]
        for resample in range(1 + RESAMPLES):
            weight = np.ones(len(y))
            if resample:
                for rows in strata:
                    weight[rows] = np.bincount(draw.integers(0, len(rows), len(rows)), minlength=len(rows))
            for at, ranked in enumerate(sorted_models):
                out[at][resample] += (
                    ranked.auc(weight),
                    ranked.ks(weight),
                    float(np.average(squares[at], weights=weight)),
                )
    return [total / len(folds) for total in out]


def _interval(drawn: NDArray[np.float64]) -> Interval:
    tail = 100 * (1 - _LEVEL) / 2
    low, high = np.percentile(drawn[1:], [tail, 100 - tail])
    # The KS of a resample is biased upward; the interval must still hold the figure that it is about.
    return Interval(float(drawn[0]), float(min(low, drawn[0])), float(max(high, drawn[0])))
