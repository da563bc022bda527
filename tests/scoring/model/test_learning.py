"""What is learned obeys its directions, is the same twice, and was never shown the rows it is judged on."""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest

from scoring.model import learning
from scoring.model.component import Component
from scoring.model.encoding import learn_encoding
from scoring.model.errors import DirectionBroken, DirectionsRefused
from scoring.model.fitting import Fitted, fit, sweep
from scoring.model.forest import columns_against
from scoring.model.learning import Choice, better_shape, choose, fold_of_rows, learn, settings_for
from scoring.model.table import Column, LabelledTable, label_table
from tests.scoring.model.conftest import DIRECTIONS, made_up_table, quick_choice, quick_component


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    frame = made_up_table(300, seed=4).with_columns(
        district=pl.Series(["east", "west", "south"] * 100), constant=pl.lit(1)
    )
    table = label_table(frame, target="y", audit=["district"])
    return fit(table, name="small", directions={**DIRECTIONS, "constant": 1}, folds=2, threads=2)


def test_every_declared_direction_survives_a_sweep(component: Component, table: LabelledTable) -> None:
    told = sweep(component, table.values)
    assert set(told) == set(DIRECTIONS)
    for column, counted in told.items():
        assert counted["steps"] > 1_000, column
        assert counted["violations"] == 0, column


def test_the_sweep_notices_a_model_that_was_left_free(table: LabelledTable) -> None:
    """Without constraints the made-up wave in `hours` is learned, and the same sweep finds it."""
    free = quick_component(table, "trees", directions={})
    claimed = Component(**{**free.__dict__, "directions": {"hours": -1}})
    assert sweep(claimed, table.values)["hours"]["violations"] > 0


def test_a_model_that_would_break_a_direction_is_not_handed_out(
    table: LabelledTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the learner ignored its constraints: it is told none, and the declaration is checked all the same."""
    boost = learning._boost
    monkeypatch.setattr(
        learning,
        "_boost",
        lambda x, y, setting, rounds, told, **rest: boost(x, y, setting, rounds, [0] * 5, **rest),
    )
    with pytest.raises(DirectionBroken, match="模型未保存"):
        learn(table, quick_choice("trees", rounds=20), DIRECTIONS, seed=3)


def test_the_same_table_gives_the_same_model(table: LabelledTable, trees: Component) -> None:
    assert quick_component(table, "trees").identity == trees.identity


def test_all_rows_of_a_subject_stay_on_one_side(table: LabelledTable) -> None:
    groups = np.arange(len(table.outcome)) // 3
    fold = fold_of_rows(LabelledTable(**{**table.__dict__, "groups": groups}), 5, seed=0)
    assert all(len(set(fold[groups == group])) == 1 for group in np.unique(groups))
    shares = [table.outcome[fold == k].mean() for k in range(5)]
    assert max(shares) - min(shares) < 0.1


def test_folds_hold_the_same_share_of_outcomes(table: LabelledTable) -> None:
    fold = fold_of_rows(table, 5, seed=0)
    counts = [int(table.outcome[fold == k].sum()) for k in range(5)]
    assert max(counts) - min(counts) <= 1


def test_a_rare_level_is_not_valued_by_its_own_outcome() -> None:
    """With one row per level, an encoding that saw the row's own outcome would give it away."""
    draw = np.random.default_rng(0)
    outcome = draw.integers(0, 2, 200).astype(np.int8)
    column = Column("shop", tuple(f"s{i:03}" for i in range(200)), is_category=True)
    _, encoded = learn_encoding([column], np.arange(200.0)[:, None], outcome, seed=1)
    assert np.isnan(encoded).all()


def test_the_better_shape_is_taken_and_a_tie_goes_to_the_one_that_prints() -> None:
    additive, trees = quick_choice("additive"), quick_choice("trees")
    assert better_shape({"additive": additive, "trees": trees}) == "additive"
    better = type(trees)(**{**trees.__dict__, "auc": trees.auc + 0.01})
    assert better_shape({"additive": additive, "trees": better}) == "trees"
    assert better_shape({"trees": trees}) == "trees"


def test_no_setting_is_deeper_than_three_and_the_additive_shape_never_deeper_than_one() -> None:
    for rows in (300, 5_000, 100_000):
        for setting in settings_for(rows, 20):
            assert setting.depth == 1 if setting.shape == "additive" else 2 <= setting.depth <= 3


def test_interactions_make_the_trees_win() -> None:
    draw = np.random.default_rng(2)
    a, b = draw.normal(size=600), draw.normal(size=600)
    frame = pl.DataFrame({"a": a, "b": b, "y": ((a > 0.4) ^ (b > -0.6) ^ (draw.random(600) < 0.05)).astype(int)})
    choices = choose(label_table(frame, target="y"), {}, ("additive", "trees"), seed=0)
    assert better_shape(choices) == "trees"
    assert choices["trees"].auc > choices["additive"].auc + 0.03


def test_both_shapes_and_the_scorecard_are_measured_on_the_same_folds(fitted: Fitted) -> None:
    card = fitted.component.card
    assert set(card["shapes"]) == {"additive", "trees"}
    for quality in (card["quality"], card["baseline"], *card["shapes"].values()):
        assert quality["auc"]["low"] <= quality["auc"]["mean"] <= quality["auc"]["high"]
        assert quality["auc"]["mean"] > 0.65
    assert fitted.validation.selected.shape == fitted.validation.baseline_probability.shape  # type: ignore[union-attr]


def test_a_direction_for_a_column_that_was_left_out_is_no_error(fitted: Fitted) -> None:
    assert "constant" not in fitted.component.directions
    assert any("列 constant 只有一个取值" in note for note in fitted.component.card["notes"])


def test_probabilities_are_calibrated_on_rows_not_learned_from(fitted: Fitted) -> None:
    assert fitted.component.card["calibration"]["error"] < 0.12
    learned = fitted.component.training
    assert 0 < learned["slope"] < 5


def test_the_result_does_not_depend_on_threads(fitted: Fitted) -> None:
    table = label_table(
        made_up_table(300, seed=4).with_columns(district=pl.Series(["east", "west", "south"] * 100)),
        target="y",
        audit=["district"],
    )
    again = fit(table, name="small", directions=DIRECTIONS, folds=2, threads=1, with_baseline=False)
    assert again.component.identity == fitted.component.identity
    assert again.component.card["quality"] == fitted.component.card["quality"]


def test_a_direction_for_an_unknown_column_is_refused(table: LabelledTable) -> None:
    with pytest.raises(DirectionsRefused, match="是不是想写“hours”"):
        fit(table, name="x", directions={"hour": -1})


def test_models_learned_beside_each_other_with_gaps_and_a_direction_all_obey_it() -> None:
    """Of this table LightGBM builds a tree against the direction; it is left out and the model is not refused."""
    draw = np.random.default_rng(1)
    values = draw.normal(size=(420, 6))
    values[draw.random(values.shape) < 0.05] = np.nan
    outcome = (draw.random(420) < 1 / (1 + np.exp(-np.nan_to_num(values[:, 0])))).astype(int)
    level = [f"l{at}" for at in draw.integers(0, 15, 420)]
    frame = pl.DataFrame({f"a{at}": values[:, at] for at in range(6)} | {"c": level, "y": outcome})
    table = label_table(frame, target="y")
    half = table.rows(np.flatnonzero(fold_of_rows(table, 2, seed=1) != 1))
    members = tuple((setting, 60) for setting in settings_for(210, 7, ("trees",)))
    choice = Choice(members, 0.7, 1.0, 0.0, 0.2, 3.0, 0.3)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: learn(half, choice, {"a0": 1}, seed=seed), [2, 1, 2, 2]))
    for learned in found:
        assert learned.forest is not None
        assert columns_against(learned.forest, np.array([1, 0, 0, 0, 0, 0, 0], dtype=np.int8)) == set()
    # What runs beside it changes nothing.
    for again in (found[2], found[3]):
        assert (again.log_odds(table.values) == found[0].log_odds(table.values)).all()


def test_several_fits_in_one_process_keep_lightgbm_on_one_thread_in_every_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The number is one variable of the process; moved, it corrupts the fold that learns meanwhile."""
    threads = ctypes.c_int.in_dll(lightgbm.basic._LIB, "LGBM_DEFAULT_NUM_THREADS")
    seen: list[int] = []
    for owner, name in (
        (lightgbm.Booster, "predict"),
        (lightgbm.Booster, "update"),
        (lightgbm.Dataset, "construct"),
    ):
        real = getattr(owner, name)

        def watched(self: object, *given: object, real: Any = real, **named: object) -> object:
            answer = real(self, *given, **named)
            seen.append(threads.value)
            return answer

        monkeypatch.setattr(owner, name, watched)
    monkeypatch.setattr(learning, "_MAX_ROUNDS", 40)
    table = label_table(made_up_table(160, seed=5), target="y")
    fits = [
        fit(table, name="again", shape="trees", directions=DIRECTIONS, folds=2, threads=2, with_baseline=False)
        for _ in range(2)
    ]
    assert fits[0].component.identity == fits[1].component.identity
    assert len(seen) > 100
    assert set(seen) == {1}
