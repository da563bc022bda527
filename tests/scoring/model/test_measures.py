"""The figures are those of the textbooks, and the intervals hold them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc

from scoring.model.calibration import fit_calibration, probability_of
from scoring.model.measures import (
    area_under_curve,
    brier,
    calibration_error,
    difference_over_folds,
    kolmogorov_smirnov,
    quality_over_folds,
    roc_curve,
)

DRAW = np.random.default_rng(11)
TRUTH = DRAW.random(800)
OUTCOME = (DRAW.random(800) < TRUTH).astype(np.int8)
ROUNDED = np.round(TRUTH, 1)  # many ties
FOLD = np.arange(800) % 4


@pytest.mark.parametrize("score", [TRUTH, ROUNDED, np.zeros(800)], ids=["distinct", "ties", "constant"])
def test_auc_ks_and_brier_are_the_usual_ones(score: np.ndarray) -> None:
    assert area_under_curve(OUTCOME, score) == pytest.approx(roc_auc_score(OUTCOME, score))
    expected = ks_2samp(score[OUTCOME == 1], score[OUTCOME == 0]).statistic
    assert kolmogorov_smirnov(OUTCOME, score) == pytest.approx(expected)
    assert brier(OUTCOME, score) == pytest.approx(brier_score_loss(OUTCOME, score))


def test_the_roc_curve_encloses_the_area() -> None:
    false, true = roc_curve(OUTCOME, ROUNDED)
    expected_false, expected_true, _ = sklearn_roc(OUTCOME, ROUNDED)
    assert np.trapezoid(true, false) == pytest.approx(np.trapezoid(expected_true, expected_false), abs=1e-3)


def test_an_interval_holds_the_mean_over_folds() -> None:
    quality = quality_over_folds(OUTCOME, TRUTH, FOLD)
    by_fold = [roc_auc_score(OUTCOME[k == FOLD], TRUTH[k == FOLD]) for k in range(4)]
    assert quality.auc.mean == pytest.approx(np.mean(by_fold))
    for told in (quality.auc, quality.ks, quality.brier):
        assert told.low <= told.mean <= told.high
        assert told.low < told.high


def test_a_model_does_not_differ_from_itself_but_does_from_noise() -> None:
    same = difference_over_folds(OUTCOME, TRUTH, TRUTH, FOLD)
    assert (same.auc.low, same.auc.mean, same.auc.high) == (0, 0, 0)
    noise = difference_over_folds(OUTCOME, TRUTH, DRAW.random(800), FOLD)
    assert noise.auc.low > 0.2
    assert noise.brier.high < 0


def test_calibration_finds_the_line_of_a_logistic_regression() -> None:
    margin = 3 * (np.log(TRUTH / (1 - TRUTH))) - 1
    slope, intercept = fit_calibration(margin, OUTCOME)
    model = LogisticRegression(C=1e9, max_iter=1000).fit(margin[:, None], OUTCOME)
    assert slope == pytest.approx(float(model.coef_[0, 0]), rel=1e-2)
    assert intercept == pytest.approx(float(model.intercept_[0]), abs=1e-2)
    calibrated = probability_of(slope * margin + intercept)
    assert calibration_error(OUTCOME, calibrated)[0] < 0.06 < calibration_error(OUTCOME, probability_of(margin))[0]


def test_separable_margins_do_not_run_away() -> None:
    slope, _ = fit_calibration(np.array([-2.0, -1.0, 1.0, 2.0] * 10), np.array([0, 0, 1, 1] * 10, dtype=np.int8))
    assert 0 < slope <= 20
    assert fit_calibration(np.zeros(10), np.array([0, 1] * 5, dtype=np.int8))[0] > 0
