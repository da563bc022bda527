"""Weighed steps obey directions, rank as a scorecard does, and say nothing where chance could have spoken."""

from __future__ import annotations

import numpy as np

from scoring.model.baseline import scorecard_probabilities
from scoring.model.measures import area_under_curve
from scoring.model.table import LabelledTable
from scoring.model.weighed import learn_weighed_steps
from tests.scoring.model.conftest import DIRECTIONS


def test_every_step_of_a_directed_column_goes_its_way(table: LabelledTable) -> None:
    for directions in (DIRECTIONS, {column: -way for column, way in DIRECTIONS.items()}):
        steps = learn_weighed_steps(table.columns, table.values, table.outcome, directions)
        for column, effect in zip(table.names, steps.effects, strict=True):
            if direction := directions.get(column):
                assert (direction * np.diff(effect[:-1]) >= 0).all(), column


def test_it_ranks_rows_held_back_about_as_well_as_a_scorecard(table: LabelledTable) -> None:
    inside, held_back = table.rows(np.arange(500)), table.rows(np.arange(500, len(table.outcome)))
    steps = learn_weighed_steps(table.columns, inside.values, inside.outcome, {})
    card = scorecard_probabilities(table.columns, inside.values, inside.outcome, held_back.values)
    ours = area_under_curve(held_back.outcome, steps.margin(held_back.values))
    assert ours > area_under_curve(held_back.outcome, card) - 0.02


def test_columns_that_say_nothing_get_hardly_a_step(table: LabelledTable) -> None:
    draw = np.random.default_rng(5)
    rows = 6_000
    values = np.column_stack([draw.normal(size=rows) for _ in table.columns])
    outcome = (draw.random(rows) < 0.3).astype(np.int8)
    numbers = [column for column in table.columns if not column.is_category]
    steps = learn_weighed_steps(numbers, values[:, : len(numbers)], outcome, {})
    assert sum(len(cuts) for cuts in steps.cuts if cuts is not None) <= len(numbers)
    assert float(np.std(steps.margin(values[:, : len(numbers)]))) < 0.15


def test_a_constant_and_an_empty_column_are_no_obstacle(table: LabelledTable) -> None:
    values = table.values.copy()
    values[:, 0], values[:, 1] = 7.0, np.nan
    steps = learn_weighed_steps(table.columns, values, table.outcome, {table.columns[0].name: 1})
    assert np.isfinite(steps.margin(values)).all()
