"""Points of a scorecard for a million rows, beside toad, scorecardpy and optbinning applying theirs.

    python -m benchmarks.bench_scorecard

Ours is the additive shape in whole points. Each library learns a card on 20,000 rows of the same ten numeric
columns and applies it to all rows of one pandas frame, in the way its documentation shows. Adding up the same
cells stands beside them: less than that no way of reading them can take. Libraries that are not installed are
named and left out; toad and scorecardpy are not among the product's dependencies.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from scoring.model.component import Effect, component_of
from scoring.model.learning import Choice, Setting, learn
from scoring.model.table import label_table

COLUMNS = 10
LEARNED_ROWS = 20_000


def made_up(rows: int) -> pl.DataFrame:
    draw = np.random.default_rng(5)
    values = draw.normal(size=(rows, COLUMNS))
    eta = values @ np.linspace(-0.6, 0.6, COLUMNS) - 1.5
    outcome = (draw.random(rows) < 1 / (1 + np.exp(-eta))).astype(int)
    return pl.DataFrame({f"x{at}": values[:, at] for at in range(COLUMNS)}).with_columns(y=outcome)


def features(frame: pl.DataFrame) -> Any:
    """All columns but the outcome as one pandas frame, column by column in memory, as pandas keeps numbers."""
    import pandas

    cells = frame.drop("y")
    return pandas.DataFrame(np.asfortranarray(cells.to_numpy()), columns=cells.columns)


def ours(frame: pl.DataFrame) -> Callable[[], object]:
    table = label_table(frame.head(LEARNED_ROWS), target="y")
    choice = Choice(((Setting("additive", 1, 0.1, 0.5, 0.7, 50, 1.0, 255), 200),), 0.0, 1.0, 0.0)
    component = component_of(learn(table, choice, {}, seed=0), table, name="card", directions={}, training={})
    names, effect, cores = component.names, Effect(cap=100_000), os.cpu_count() or 1
    data = features(frame)[names]
    # The same pandas frame that the others are given; its columns are read where they lie.
    return lambda: component.total_points(data.to_numpy(), effect, threads=cores)


def floor(frame: pl.DataFrame) -> Callable[[], object]:
    """Reading the same cells once and adding them up: what memory alone allows, on as many threads."""
    values = np.asfortranarray(frame.drop("y").to_numpy())
    cores = os.cpu_count() or 1
    cuts = [len(values) * part // cores for part in range(cores + 1)]

    def run() -> object:
        with ThreadPoolExecutor(cores) as pool:
            return list(pool.map(lambda cut: values[cut[0] : cut[1]].sum(axis=0), pairwise(cuts)))

    return run


def with_optbinning(frame: pl.DataFrame) -> Callable[[], object]:
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    data = frame.to_pandas()
    names = [name for name in data.columns if name != "y"]
    card = Scorecard(
        binning_process=BinningProcess(names),
        estimator=LogisticRegression(),
        scaling_method="pdo_odds",
        scaling_method_params={"pdo": 20, "odds": 50, "scorecard_points": 600},
    )
    card.fit(data[names].head(LEARNED_ROWS), data["y"].head(LEARNED_ROWS))
    applied = features(frame)
    return lambda: card.score(applied)


def with_toad(frame: pl.DataFrame) -> Callable[[], object]:
    import toad

    data = frame.to_pandas()
    names = [name for name in data.columns if name != "y"]
    combiner = toad.transform.Combiner()
    combiner.fit(data.head(LEARNED_ROWS), y="y", method="quantile", n_bins=8)
    woe = toad.transform.WOETransformer()
    binned = combiner.transform(data.head(LEARNED_ROWS))
    woe.fit_transform(binned, data["y"].head(LEARNED_ROWS), exclude=["y"])
    card = toad.ScoreCard(combiner=combiner, transer=woe)
    card.fit(woe.transform(binned)[names], data["y"].head(LEARNED_ROWS))
    applied = features(frame)
    return lambda: card.predict(applied)


def with_scorecardpy(frame: pl.DataFrame) -> Callable[[], object]:
    import scorecardpy
    from sklearn.linear_model import LogisticRegression

    data = frame.to_pandas()
    learned = data.head(LEARNED_ROWS)
    bins = scorecardpy.woebin(learned, y="y", print_info=False)
    woe = scorecardpy.woebin_ply(learned, bins, print_info=False)
    names = [name for name in woe.columns if name != "y"]
    model = LogisticRegression().fit(woe[names], woe["y"])
    card = scorecardpy.scorecard(bins, model, names)
    applied = features(frame)
    return lambda: scorecardpy.scorecard_ply(applied, card, print_step=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--without", nargs="*", default=[], metavar="NAME", help="leave these out")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    frame = made_up(chosen.rows)
    ways = {
        "ours": ours,
        "adding up the same cells": floor,
        "optbinning": with_optbinning,
        "toad": with_toad,
        "scorecardpy": with_scorecardpy,
    }
    best: dict[str, float] = {}
    for name, prepare in ways.items():
        if name in chosen.without:
            continue
        try:
            apply = prepare(frame)
            best[name] = min(timed(apply) for _ in range(chosen.rounds + 1))
        except ImportError as error:
            print(f"{name} is not installed and was left out ({error.name})", flush=True)
        except Exception as error:
            print(f"{name} failed on its own and was left out: {type(error).__name__}: {error}", flush=True)
    for name, seconds in best.items():
        print(f"| {name} | {seconds:.3f} s | {seconds / best['ours']:.1f} |", flush=True)


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
