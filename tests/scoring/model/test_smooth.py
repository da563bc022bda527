"""Smooth steps over all columns obey directions, rank well on little data, and are the same function as trees."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.model.encoding import learn_encoding
from scoring.model.forest import MICRO, columns_against, joined
from scoring.model.measures import area_under_curve
from scoring.model.smooth import SmoothSteps, learn_smooth_steps
from scoring.model.table import LabelledTable
from tests.scoring.model.conftest import DIRECTIONS


@pytest.fixture(scope="module")
def steps(table: LabelledTable) -> SmoothSteps:
    return learn_smooth_steps(table.columns, table.values, table.outcome, DIRECTIONS, 1.0)


def test_every_step_of_a_directed_column_goes_its_way(steps: SmoothSteps, table: LabelledTable) -> None:
    for column, effect in zip(table.names, steps.effects, strict=True):
        if direction := DIRECTIONS.get(column):
            assert (direction * np.diff(effect[:-1]) >= 0).all(), column


def test_it_ranks_what_it_learned_from_far_better_than_chance(steps: SmoothSteps, table: LabelledTable) -> None:
    assert area_under_curve(table.outcome, steps.margin(table.values)) > 0.75


def test_its_trees_are_the_same_function_and_proven_to_keep_the_directions(
    steps: SmoothSteps, table: LabelledTable
) -> None:
    encoding, encoded = learn_encoding(table.columns, table.values, table.outcome, seed=0)
    numbers = np.array([not column.is_category for column in table.columns])
    forest = steps.as_forest(encoding, np.isnan(encoded).any(axis=0) & numbers, 0.5)
    served = encoding.apply(table.values)
    assert np.abs(forest.totals(served) / MICRO - 0.5 * steps.margin(table.values)).max() < forest.trees / MICRO
    directions = np.array([DIRECTIONS.get(name, 0) for name in table.names], dtype=np.int8)
    assert columns_against(forest, directions) == set()
    assert columns_against(forest, -directions) == {at for at, d in enumerate(directions) if d}
    twice = joined([forest, forest])
    assert (twice.totals(served) == 2 * forest.totals(served)).all()


def test_more_strength_means_smaller_steps(table: LabelledTable) -> None:
    def spread(strength: float) -> float:
        found = learn_smooth_steps(table.columns, table.values, table.outcome, {}, strength)
        return sum(float(np.ptp(effect)) for effect in found.effects)

    assert spread(10.0) < spread(1.0)
