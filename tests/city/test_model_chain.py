"""From the city's own history to a policy with a learned part, by the commands of `docs/model.md`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.scores.models import ScoreRun
from tests.conftest import ROOT

pytestmark = pytest.mark.city


@pytest.fixture
def published_on(live_city):
    database = live_city.database
    with database.reading() as session:
        day = session.scalars(select(ScoreRun.as_of).limit(1)).one()
    database.dispose()
    return day


def run(*command, folder):
    environment = {**os.environ, "OSMANTHUS_ENV_FILE": str(folder / "osmanthus.env")}
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_city_learns_a_part_puts_it_into_its_policy_and_sees_what_would_change(
    live_city, tmp_path, published_on
):
    folder = live_city.folder
    table, directions, model = tmp_path / "history.parquet", tmp_path / "directions.yaml", tmp_path / "model.json"
    card, policy = tmp_path / "model.html", tmp_path / "with-model.yaml"
    baselines = [published_on - timedelta(days=days) for days in (430, 800)]

    run(
        "command_line.main", "scores", "training-table", "--kind", "person", "--known-within-days", 14,
        *(part for day in baselines for part in ("--as-of", day)), "--out", table, "--directions", directions,
        folder=folder,
    )  # fmt: skip
    fitted = run(
        "scoring", "fit", "--table", table, "--target", "y", "--directions", directions, "--group", "subject",
        "--leave-out", "as_of", "--audit", "district,age_band", "--shape", "additive", "--cv", 2, "--json",
        "--out", model, folder=folder,
    )  # fmt: skip
    run("scoring", "card", model, "--out", card, folder=folder)
    run(
        "scoring", "embed", "guihua", model, "--cap", 6, "--version", "2099.1",
        "--from", published_on + timedelta(days=30), "-o", policy, folder=folder,
    )  # fmt: skip
    run("scoring", "check", policy, folder=folder)
    simulated = run("command_line.main", "scores", "simulate", policy, folder=folder)

    measured = json.loads(fitted)
    # A few people of the demo city break their word again and again: that can be learned, and nothing else.
    assert 0.6 < measured["auc"]["mean"] < 0.9
    assert all(section in card.read_text(encoding="utf-8") for section in ("ROC", "PSI", "SHAP"))
    assert "2099.1" in simulated
