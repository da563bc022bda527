"""Drift and fairness say nothing when there is nothing, and name what is there."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.model.component import Component
from scoring.model.drift import ALARM, WATCH, Bins, bins_of, reading, stability_index
from scoring.model.fairness import SMALLEST_GROUP, fairness_by_group
from scoring.model.fitting import drift_since_learning
from scoring.model.table import LabelledTable
from tests.scoring.model.conftest import made_up_table

DRAW = np.random.default_rng(3)


def test_psi_is_the_sum_of_the_book() -> None:
    then, now = np.array([50, 30, 20]), np.array([30, 30, 40])
    expected = (0.3 - 0.5) * np.log(0.3 / 0.5) + (0.4 - 0.2) * np.log(0.4 / 0.2)
    assert stability_index(then, now) == pytest.approx(expected)


def test_the_same_population_has_no_drift_and_an_empty_bin_no_infinity() -> None:
    values = DRAW.normal(size=5_000)
    assert bins_of(values).index(values) == 0
    assert bins_of(values).index(DRAW.normal(size=5_000)) < 0.01
    assert np.isfinite(bins_of(values).index(np.full(100, 99.0)))
    assert bins_of(values).index(values + 1) > ALARM


def test_missing_values_and_unknown_levels_have_a_bin_of_their_own() -> None:
    values = DRAW.normal(size=1_000)
    gaps = np.where(np.arange(1_000) % 3 == 0, np.nan, values)
    assert bins_of(values).index(gaps) > ALARM
    by_level = bins_of(np.array([0.0, 0, 1, 1, 2]), levels=3)
    assert by_level.rows == (2, 2, 1, 0)
    assert by_level.count(np.array([np.nan, 1.0])).tolist() == [0, 1, 0, 1]
    assert Bins.from_json(by_level.as_json()) == by_level


def test_a_column_with_few_values_keeps_them_apart() -> None:
    assert bins_of(np.array([0.0] * 90 + [1.0] * 5 + [2.0] * 5)).rows == (90, 10, 0)


def test_an_index_is_read_in_one_word() -> None:
    assert [reading(i) for i in (0, WATCH, ALARM)] == ["稳定", "留意", "显著变化"]


def test_the_column_that_moved_is_named_first(component: Component) -> None:
    later = made_up_table(700, seed=8)
    values, _ = component.read(later.with_columns(hours=later["hours"] * 3 + 40))
    told = drift_since_learning(component, values)
    assert told["columns"][0]["column"] == "hours"
    assert told["columns"][0]["reading"] == "显著变化"
    assert told["columns"][-1]["reading"] == "稳定"


def planted(shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """1,500 calibrated rows; for the group `south` the stated probability is raised by `shift`."""
    truth = DRAW.beta(2, 5, 1_500)
    outcome = (DRAW.random(1_500) < truth).astype(np.int8)
    group = DRAW.choice(["north", "south"], 1_500, p=[0.7, 0.3])
    return outcome, np.clip(truth + shift * (group == "south"), 0, 1), group


def test_a_group_that_is_treated_worse_stands_out_in_both_questions() -> None:
    outcome, probability, group = planted(0.15)
    south = next(g for g in fairness_by_group(outcome, probability, {"district": group}) if g.group == "south")
    assert south.stands_out
    assert south.opportunity_difference is not None
    assert south.opportunity_difference[2] < 0
    assert south.calibration_difference is not None
    assert south.calibration_difference[1] > 0


def test_groups_that_are_treated_alike_do_not_stand_out() -> None:
    """Over several made-up cities about one interval in twenty misses zero by chance."""
    out = 0
    for _ in range(10):
        outcome, probability, group = planted(0.0)
        out += sum(g.stands_out for g in fairness_by_group(outcome, probability, {"district": group}))
    assert out <= 6


def test_a_group_too_small_to_judge_is_not_judged(table: LabelledTable) -> None:
    rows = len(table.outcome)
    labels = np.array(["few"] * (SMALLEST_GROUP - 1) + ["many"] * (rows - SMALLEST_GROUP + 1))
    told = fairness_by_group(table.outcome, np.linspace(0, 1, rows), {"district": labels})
    assert [group.group for group in told] == ["many"]
