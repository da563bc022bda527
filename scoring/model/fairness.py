"""Does the model treat groups alike? Asked with attributes that are never inputs (age band, district, sex).

Two questions per group, each as a difference to all rows with a bootstrap interval. *Equal opportunity*: of those
without a later breach, what share is put in the better half? *Calibration*: does the stated probability meet what
happened?
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 400
# Below this a difference says more about chance than about the model.
SMALLEST_GROUP = 30


@dataclass(frozen=True)
class GroupFairness:
    """One group. Differences are group minus everyone, (value, low, high); None where no row could answer."""

    attribute: str
    group: str
    rows: int
    outcomes: int
    opportunity: float | None
    opportunity_difference: tuple[float, float, float] | None
    calibration_difference: tuple[float, float, float] | None

    @property
    def stands_out(self) -> bool:
        """Whether one of the intervals leaves zero out."""
        return any(
            told is not None and (told[1] > 0 or told[2] < 0)
            for told in (self.opportunity_difference, self.calibration_difference)
        )

    def as_json(self) -> dict[str, Any]:
        def interval(told: tuple[float, float, float] | None) -> dict[str, float] | None:
            if told is None:
                return None
            return {"value": round(told[0], 6), "low": round(told[1], 6), "high": round(told[2], 6)}

        return {
            "attribute": self.attribute,
            "group": self.group,
            "rows": self.rows,
            "outcomes": self.outcomes,
            "opportunity": None if self.opportunity is None else round(self.opportunity, 6),
            "opportunity_difference": interval(self.opportunity_difference),
            "calibration_difference": interval(self.calibration_difference),
            "stands_out": self.stands_out,
        }


def fairness_by_group(
    outcome: NDArray[np.int8],
    probability: NDArray[np.float64],
    audit: dict[str, NDArray[np.str_]],
    *,
    seed: int = 0,
) -> list[GroupFairness]:
    """Every group of every audit attribute that has at least 30 rows; probabilities must be out of sample.

    "Better half" is at or below the median probability of all rows.
    """
    favoured = (probability <= np.median(probability)).astype(np.float64)
    error = probability - outcome
    draw = np.random.default_rng(seed)
    told = []
    for attribute, labels in audit.items():
        for group in np.unique(labels):
            inside = labels == group
            if inside.sum() < SMALLEST_GROUP:
                continue
            told.append(_one_group(attribute, str(group), inside, outcome, favoured, error, draw))
    return told


def _one_group(
    attribute: str,
    group: str,
    inside: NDArray[np.bool_],
    outcome: NDArray[np.int8],
    favoured: NDArray[np.float64],
    error: NDArray[np.float64],
    draw: np.random.Generator,
) -> GroupFairness:
    kept = outcome == 0
    own, others = favoured[inside & kept], favoured[~inside & kept]
    calibration = _difference(error[inside], error[~inside], draw)
    return GroupFairness(
        attribute=attribute,
        group=group,
        rows=int(inside.sum()),
        outcomes=int(outcome[inside].sum()),
        opportunity=float(own.mean()) if len(own) else None,
        opportunity_difference=_difference(own, others, draw) if len(own) else None,
        calibration_difference=calibration,
    )


def _difference(
    own: NDArray[np.float64], others: NDArray[np.float64], draw: np.random.Generator
) -> tuple[float, float, float]:
    """Mean of `own` minus the mean of everyone, with a 95 % bootstrap interval (each part resampled in itself)."""
    share = len(own) / (len(own) + len(others))

    def against_everyone(a: Any, b: Any) -> Any:
        return a - (share * a + (1 - share) * b) if len(others) else a - a

    a = np.array([own[draw.integers(0, len(own), len(own))].mean() for _ in range(RESAMPLES)])
    b = a
    if len(others):
        b = np.array([others[draw.integers(0, len(others), len(others))].mean() for _ in range(RESAMPLES)])
    low, high = np.percentile(against_everyone(a, b), [2.5, 97.5])
    value = against_everyone(own.mean(), others.mean() if len(others) else own.mean())
    return float(value), float(low), float(high)
