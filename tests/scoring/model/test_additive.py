"""The additive shape: few tiers per column, the same ranking, nothing hidden beside them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.model.additive import MAX_TIERS, _coarsen
from scoring.model.component import Component
from scoring.model.measures import area_under_curve
from scoring.model.table import LabelledTable
from tests.scoring.model.conftest import quick_component


def test_a_column_has_at_most_ten_tiers_that_begin_at_observed_values(
    additive: Component, table: LabelledTable
) -> None:
    for term in additive.terms:
        if not term.starts:
            continue
        assert len(term.tiers) == len(term.starts) <= MAX_TIERS
        assert term.starts[0] == -np.inf
        assert set(term.starts[1:]) <= set(table.values[:, term.column])
        assert all(low < high for low, high in pairwise(term.starts))


def test_the_tiers_are_the_whole_model(additive: Component, table: LabelledTable) -> None:
    """A committee member with the printed tiers and a pencil gets the same log-odds."""
    for row in table.values[:25]:
        total = additive.constant
        for term in additive.terms:
            cell = row[term.column]
            if np.isnan(cell):
                total += term.missing
            elif term.starts:
                total += next(t for s, t in zip(term.starts[::-1], term.tiers[::-1], strict=True) if cell >= s)
            else:
                total += term.tiers[int(cell)]
        assert additive.log_odds(row[None, :])[0] == total


def test_tiers_follow_the_declared_direction(additive: Component) -> None:
    for term in additive.terms:
        direction = additive.directions.get(additive.names[term.column], 0)
        assert all(direction * (b - a) >= 0 for a, b in pairwise(term.tiers)) or not direction


def test_ten_tiers_rank_as_well_as_every_step_that_was_learned(
    additive: Component, table: LabelledTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scoring.model.additive.MAX_TIERS", 10_000)
    monkeypatch.setattr("scoring.model.additive._LOST_VARIANCE", 0.0)
    every_step = quick_component(table, "additive")
    assert max(len(term.tiers) for term in every_step.terms) > MAX_TIERS
    few, all_steps = (
        area_under_curve(table.outcome, model.log_odds(table.values).astype(np.float64))
        for model in (additive, every_step)
    )
    assert abs(few - all_steps) < 0.005


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 20)), min_size=1, max_size=40))
def test_runs_of_rising_steps_rise(steps: list[tuple[int, int]]) -> None:
    value = np.sort(np.array([step[0] for step in steps], dtype=np.float64))
    rows = np.array([step[1] for step in steps], dtype=np.int64)
    groups = _coarsen(value, rows)
    assert np.concatenate(groups).tolist() == list(range(len(value)))
    assert len(groups) <= MAX_TIERS
    means = [np.average(value[group], weights=rows[group]) for group in groups]
    assert all(b >= a - 1e-9 for a, b in pairwise(means))
