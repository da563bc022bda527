"""Integer trees read what LightGBM learned, split it exactly, and are proven monotone."""

from __future__ import annotations

from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scoring.model.errors import ModelError
from scoring.model.forest import (
    MICRO,
    NO_SPLIT,
    Forest,
    columns_against,
    count_cover,
    forest_from_boosters,
    joined,
    share_out,
    without_trees_against,
)

PARAMETERS = {
    "objective": "binary", "max_depth": 3, "num_leaves": 8, "learning_rate": 0.2, "verbose": -1, "num_threads": 1,
    "deterministic": True, "force_row_wise": True, "min_data_in_leaf": 5,
}  # fmt: skip


@pytest.fixture(scope="module")
def learned() -> tuple[lightgbm.Booster, NDArray[np.float64], Forest]:
    draw = np.random.default_rng(5)
    x = draw.normal(size=(500, 4))
    x[::7, 1] = np.nan
    y = (draw.random(500) < 1 / (1 + np.exp(-x[:, 0] * 1.5 + np.nan_to_num(x[:, 1]) * (x[:, 2] > 0)))).astype(int)
    booster = lightgbm.train(PARAMETERS, lightgbm.Dataset(x, y), 40)
    forest = forest_from_boosters([booster.dump_model()], slope=1.0, missing_seen=np.isnan(x).any(axis=0))
    return booster, x, replace(forest, cover=count_cover(forest, x))


def test_totals_are_those_of_lightgbm(learned: tuple[lightgbm.Booster, NDArray[np.float64], Forest]) -> None:
    booster, x, forest = learned
    expected = booster.predict(x, raw_score=True)
    assert np.abs(forest.totals(x) / MICRO - expected).max() < forest.trees * 1e-6


def test_contributions_are_the_tree_shap_of_lightgbm_and_sum_to_the_total(
    learned: tuple[lightgbm.Booster, NDArray[np.float64], Forest],
) -> None:
    booster, x, forest = learned
    parts = forest.contributions(x)
    assert np.abs(parts / MICRO - booster.predict(x, pred_contrib=True)).max() < 1e-4
    assert (parts.sum(axis=1) == forest.totals(x)).all()


def test_a_column_that_says_nothing_contributes_exactly_zero(
    learned: tuple[lightgbm.Booster, NDArray[np.float64], Forest],
) -> None:
    _, x, forest = learned
    silent = x[:50].copy()
    silent[:, 0] = np.nan  # never missing while learning
    parts = forest.contributions(silent)
    assert (parts[:, 0] == 0).all()
    assert (parts.sum(axis=1) == forest.totals(silent)).all()


def test_two_models_of_equal_weight_are_their_mean(
    learned: tuple[lightgbm.Booster, NDArray[np.float64], Forest],
) -> None:
    booster, x, forest = learned
    twice = forest_from_boosters([booster.dump_model()] * 2, slope=1.0, missing_seen=forest.missing_seen)
    assert np.abs(twice.totals(x) - forest.totals(x)).max() <= forest.trees


def test_a_tree_deeper_than_three_is_refused() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(400, 2))
    y = (np.sin(x[:, 0] * 4) + x[:, 1] > 0).astype(int)
    deep = lightgbm.train({**PARAMETERS, "max_depth": -1, "num_leaves": 31}, lightgbm.Dataset(x, y), 2)
    with pytest.raises(ModelError, match="超过 3 层"):
        forest_from_boosters([deep.dump_model()], slope=1.0, missing_seen=np.zeros(2, dtype=np.bool_))


def one_tree(
    splits: dict[int, tuple[int, float, bool]], leaves: list[int], missing_seen: tuple[bool, ...]
) -> Forest:
    feature = np.full((1, 7), NO_SPLIT, dtype=np.int32)
    threshold = np.zeros((1, 7))
    missing_left = np.zeros((1, 7), dtype=np.bool_)
    for node, (column, cut, left) in splits.items():
        feature[0, node], threshold[0, node], missing_left[0, node] = column, cut, left
    leaf = np.array([leaves], dtype=np.int64)
    return Forest(feature, threshold, missing_left, leaf, np.ones((1, 8), np.int64), np.array(missing_seen))


def test_a_step_against_its_direction_is_found_in_one_tree() -> None:
    rising = one_tree({0: (0, 1.0, False)}, [1, 1, 1, 1, 2, 2, 2, 2], (False,))
    assert columns_against(rising, np.array([1], dtype=np.int8)) == set()
    assert columns_against(rising, np.array([-1], dtype=np.int8)) == {0}
    assert columns_against(rising, np.array([0], dtype=np.int8)) == set()


def test_two_leaves_that_meet_only_where_another_column_is_missing_are_compared() -> None:
    """Known values of column 1 keep the leaves apart (<= 0 and > 5); a row without it can swap between them."""
    leaves = [9, 9, 0, 0, 20, 20, 3, 3]
    splits = {0: (0, 1.0, False), 1: (1, 0.0, True), 2: (1, 5.0, False)}
    assert columns_against(one_tree(splits, leaves, (False, True)), np.array([1, 0], dtype=np.int8)) == {0}
    assert columns_against(one_tree(splits, leaves, (False, False)), np.array([1, 0], dtype=np.int8)) == set()


def test_a_tree_against_a_direction_is_left_out_and_the_others_stay() -> None:
    rising = one_tree({0: (0, 1.0, False)}, [1, 1, 1, 1, 2, 2, 2, 2], (False,))
    falling = one_tree({0: (0, 1.0, False)}, [2, 2, 2, 2, 1, 1, 1, 1], (False,))
    both = joined([rising, falling])
    assert columns_against(both, np.array([1], dtype=np.int8)) == {0}
    left = without_trees_against(both, np.array([1], dtype=np.int8))
    assert left.trees == 1
    assert left.totals(np.array([[0.0], [2.0]])).tolist() == [1, 2]


@given(
    st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=5),
    st.integers(-5, 5),
)
def test_shares_are_rounded_so_that_they_sum_to_the_total(rows: list[list[float]], off: int) -> None:
    shares = np.array(rows)
    totals = np.rint(shares.sum(axis=1)).astype(np.int64) + off
    whole = share_out(shares, totals)
    assert (whole.sum(axis=1) == totals).all()
    assert np.abs(whole - shares).max() <= 1 + abs(off) + 1


def test_the_largest_remainder_gets_the_unit_and_a_tie_goes_to_the_earlier_column() -> None:
    assert share_out(np.array([[0.2, 0.7, 0.1]]), np.array([1])).tolist() == [[0, 1, 0]]
    assert share_out(np.array([[0.5, 0.5]]), np.array([1])).tolist() == [[1, 0]]
    assert share_out(np.array([[-0.5, -0.5]]), np.array([-1])).tolist() == [[0, -1]]
