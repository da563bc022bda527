"""Champion against challenger on one labelled table: the same rows, the same resamples, and who would move."""

from typing import Any

import numpy as np
import polars as pl

from scoring.model.component import Component
from scoring.model.drift import reading, stability_index
from scoring.model.measures import difference_over_folds, quality_over_folds
from scoring.model.table import LabelledTable

_DECILES = 10


def compare(
    champion: Component, challenger: Component, frame: pl.DataFrame, labelled: LabelledTable
) -> dict[str, Any]:
    """Quality of both, the paired difference with intervals, and how far their rankings agree.

    frame: the rows of `labelled` with their columns as they came. The verdict is cautious: the challenger is
    better only when the whole interval of the AUC difference lies above zero.
    Raises TableRefused when the table lacks a column that one of them reads.
    """
    rows = len(labelled.outcome)
    fold = np.zeros(rows, dtype=np.int64)
    one = champion.probability(champion.read(frame)[0])
    two = challenger.probability(challenger.read(frame)[0])
    difference = difference_over_folds(labelled.outcome, two, one, fold)
    tenth_one, tenth_two = (_tenths(probability) for probability in (one, two))
    moved = np.abs(tenth_one - tenth_two)
    learned_here = [
        model.name for model in (champion, challenger) if model.training.get("fingerprint") == labelled.fingerprint
    ]
    if difference.auc.low > 0:
        verdict = "挑战者更好"
    elif difference.auc.high < 0:
        verdict = "现用模型更好"
    else:
        verdict = "看不出差别，宜继续使用现用模型"
    shift = stability_index(*(np.bincount(np.digitize(p, np.quantile(one, np.linspace(0, 1, 11)[1:-1])),
                                          minlength=_DECILES) for p in (one, two)))  # fmt: skip
    return {
        "champion": {"name": champion.name, "identity": champion.identity, "shape": champion.shape,
                     **quality_over_folds(labelled.outcome, one, fold).as_json()},
        "challenger": {"name": challenger.name, "identity": challenger.identity, "shape": challenger.shape,
                       **quality_over_folds(labelled.outcome, two, fold).as_json()},
        "difference": difference.as_json(),
        "same_tenth": round(float(np.mean(moved == 0)), 6),
        "moved_two_tenths_or_more": round(float(np.mean(moved >= 2)), 6),
        "psi_between": round(shift, 6),
        "psi_reading": reading(shift),
        "verdict": verdict,
        "warning": f"{'、'.join(dict.fromkeys(learned_here))} 正是用这张表学习的，比较对它有利，不能据此更换。"
        if learned_here
        else None,
    }  # fmt: skip


def _tenths(probability: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The tenth of all rows, by probability, in which each row stands; equal probabilities stand together."""
    order = np.sort(probability)
    first = np.searchsorted(order, probability, side="left")
    tenths: np.ndarray[Any, np.dtype[np.int64]] = first * _DECILES // len(probability)
    return tenths
