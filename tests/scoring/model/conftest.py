"""Small made-up tables with a known truth, and one model of each shape learned from them once."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from scoring.model.component import Component, component_of
from scoring.model.learning import Choice, Setting, Shape, learn
from scoring.model.table import LabelledTable, label_table

DIRECTIONS = {"arrears": 1, "hours": -1, "income": -1}


def made_up_table(rows: int, seed: int = 1) -> pl.DataFrame:
    """Arrears raise the outcome, hours and income lower it, trades differ, `noise` says nothing.

    `income` is missing for every tenth row. Some rows contradict every direction, as real tables do.
    """
    draw = np.random.default_rng(seed)
    arrears = draw.poisson(1.2, rows)
    hours = draw.gamma(1.5, 20.0, rows).round()
    income = draw.normal(60, 15, rows).round(1)
    trade = draw.choice(["building", "catering", "retail", "transport"], rows, p=[0.2, 0.3, 0.4, 0.1])
    by_trade = {"building": 0.8, "catering": 0.2, "retail": -0.5, "transport": 0.0}
    eta = 0.7 * arrears - 0.02 * hours - 0.03 * (income - 60) + 0.6 * (arrears > 2) * (hours < 10) - 1.3
    eta += np.array([by_trade[t] for t in trade]) + 0.4 * np.sin(hours / 6)
    outcome = (draw.random(rows) < 1 / (1 + np.exp(-eta))).astype(int)
    return pl.DataFrame(
        {
            "arrears": arrears,
            "hours": hours,
            "income": [None if at % 10 == 0 else float(x) for at, x in enumerate(income)],
            "trade": trade,
            "noise": draw.normal(size=rows),
            "y": outcome,
        }
    )


def quick_choice(shape: Shape, rounds: int = 60) -> Choice:
    """A fixed setting, for tests that are not about choosing."""
    depth = 1 if shape == "additive" else 3
    setting = Setting(shape, depth, 0.1, 0.6, 0.7, 15, 1.0, 63)
    return Choice(((setting, rounds),), 0.7, 1.1, 0.05, smooth_share=0.3)


def quick_component(table: LabelledTable, shape: Shape, directions: dict[str, int] | None = None) -> Component:
    declared = DIRECTIONS if directions is None else directions
    learned = learn(table, quick_choice(shape), declared, seed=3)
    training = {"fingerprint": table.fingerprint, "rows": len(table.outcome)}
    return component_of(learned, table, name=shape, directions=declared, training=training)


@pytest.fixture(scope="session")
def frame() -> pl.DataFrame:
    return made_up_table(700)


@pytest.fixture(scope="session")
def table(frame: pl.DataFrame) -> LabelledTable:
    return label_table(frame, target="y")


@pytest.fixture(scope="session")
def additive(table: LabelledTable) -> Component:
    return quick_component(table, "additive")


@pytest.fixture(scope="session")
def trees(table: LabelledTable) -> Component:
    return quick_component(table, "trees")


@pytest.fixture(params=["additive", "trees"])
def component(request: pytest.FixtureRequest) -> Component:
    found: Component = request.getfixturevalue(request.param)
    return found
