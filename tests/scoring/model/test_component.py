"""The model document: the same after it was written and read, refused when altered, capped and exact in points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring.model.component import Component, Effect, load_component, save_component
from scoring.model.errors import ModelError, ModelFileRefused, ShapeRefused
from scoring.model.table import LabelledTable


def test_a_written_model_gives_everyone_the_same_figures(
    component: Component, table: LabelledTable, tmp_path: Path
) -> None:
    path = tmp_path / "model.json"
    save_component(component, path)
    read = load_component(path)
    assert read.identity == component.identity
    assert (read.contributions(table.values) == component.contributions(table.values)).all()
    assert read.to_json() == component.to_json()


def test_an_altered_model_is_refused(component: Component, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(component.to_json().replace(f'"constant": {component.constant}', '"constant": 1'), "utf-8")
    with pytest.raises(ModelFileRefused, match="可能被改动过"):
        load_component(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "不是模型文件"),
        ("[]", "不是模型文件"),
        ('{"shape": "trees", "identity": "x", "format": 9}', "格式版本"),
    ],
)
def test_a_file_that_is_not_a_model_is_refused(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ModelFileRefused, match=said):
        load_component(path)
    with pytest.raises(ModelFileRefused, match="找不到"):
        load_component(tmp_path / "absent.json")


@given(cap=st.integers(0, 3_000), worth=st.integers(1, 5_000))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_points_never_exceed_the_cap_and_are_the_sum_of_their_parts(
    component: Component, table: LabelledTable, cap: int, worth: int
) -> None:
    points = component.points(table.values[:80], Effect(cap, worth))
    assert np.abs(points.total).max() <= cap
    assert (points.contributions.sum(axis=1) + points.clamp == points.total).all()


def test_a_cap_of_zero_switches_the_model_off(component: Component, table: LabelledTable) -> None:
    points = component.points(table.values[:20], Effect(0))
    assert not points.total.any()
    assert not points.contributions.any()


def test_a_likelier_breach_never_earns_more_points(component: Component, table: LabelledTable) -> None:
    total = component.points(table.values, Effect(100_000)).total
    order = np.argsort(component.log_odds(table.values))
    tolerance = len(component.columns)  # each tier of the additive shape rounds by itself
    assert (np.diff(total[order]) <= tolerance).all()


def test_halved_odds_are_worth_what_the_policy_says(trees: Component, table: LabelledTable) -> None:
    start = trees.contributions(table.values)[0, -1]
    points = trees.points(table.values, Effect(10**6, 1_000)).total
    expected = -(trees.log_odds(table.values) - start) / 1e6 / np.log(2) * 1_000
    assert np.abs(points - expected).max() <= 0.5 + 1e-9


def test_an_effect_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ModelError):
        Effect(-1)
    with pytest.raises(ModelError):
        Effect(100, 0)


def test_persons_are_scored_by_the_additive_shape_alone(additive: Component, trees: Component) -> None:
    additive.insist_open_to_persons()
    with pytest.raises(ShapeRefused, match="additive"):
        trees.insist_open_to_persons()


def test_a_city_gets_the_totals_that_the_parts_add_up_to(component: Component, table: LabelledTable) -> None:
    values = table.values.copy()
    values[::5, 0] = np.nan  # never missing while learning
    for cap in (0, 150, 100_000):
        effect = Effect(cap=cap)
        assert (component.total_points(values, effect) == component.points(values, effect).total).all()


def test_totals_depend_neither_on_the_layout_nor_on_the_threads(additive: Component, table: LabelledTable) -> None:
    many = np.tile(table.values, (7, 1))  # more rows than one block, and not a whole number of blocks
    many[::5, 0] = np.nan
    effect = Effect(cap=100_000)
    expected = additive.points(many, effect).total
    for values in (many, np.asfortranarray(many), many[::-1][::-1], np.repeat(many, 2, axis=1)[:, ::2]):
        for threads in (1, 2, 3):
            assert (additive.total_points(values, effect, threads=threads) == expected).all()
    assert additive.total_points(many[:0], effect, threads=2).shape == (0,)
