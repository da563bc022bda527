"""How well the model component ranks, and how fast it reads a subject.

    python -m benchmarks.bench_model                        three made-up tables of the shape of public credit data
    python -m benchmarks.bench_model german.csv:creditability=bad@german.yaml loans.parquet:y

Quality: what `python -m scoring fit --cv 5 --json` prints (`--shape auto`, with the declared directions), beside
an unconstrained LightGBM of free depth on the same folds. Speed: microseconds a row for log-odds and for exact
contributions, beside LightGBM's own prediction and its own contributions for the same trees.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import lightgbm
import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.model.encoding import learn_encoding
from scoring.model.learning import Choice, Setting, fold_of_rows, learn
from scoring.model.measures import area_under_curve
from scoring.model.table import LabelledTable, label_table, read_table


def small_mixed(rows: int = 1_000) -> pl.DataFrame:
    """A thousand loans, mostly categories with small effects: the shape on which boosting overfits."""
    draw = np.random.default_rng(1)
    columns: dict[str, NDArray[np.float64] | list[str]] = {}
    eta = np.full(rows, -1.1)
    for at in range(12):
        level = draw.integers(0, draw.integers(2, 7), rows)
        eta += draw.normal(0, 0.45, 8)[level]
        columns[f"category_{at}"] = [f"A{at}{one}" for one in level]
    months, amount, age = (
        draw.gamma(3, 7, rows).round(),
        draw.lognormal(7.8, 0.8, rows).round(),
        draw.gamma(9, 4, rows),
    )
    eta += 0.03 * (months - 21) + 0.25 * np.log(amount / 2_400) * (months > 12) - 0.02 * (age - 36)
    columns |= {"months": months, "amount": amount, "age": age.round()}
    return pl.DataFrame({**columns, "y": outcomes(eta, draw)})


def card_holders(rows: int = 30_000) -> pl.DataFrame:
    """Card holders with six months of bills and payment states, one strong column and many that repeat it."""
    draw = np.random.default_rng(2)
    risk = draw.normal(size=rows)
    limit = np.exp(11.8 + 0.8 * draw.normal(size=rows) - 0.3 * risk).round(-4).clip(10_000)
    columns: dict[str, NDArray[np.float64]] = {"limit": limit, "age": (draw.gamma(9, 4, rows) + 18).round()}
    state, balance = risk.copy(), limit * draw.beta(0.7, 1.2, rows)
    for month in range(6):
        state = 0.8 * state + 0.6 * draw.normal(size=rows)
        late = np.digitize(state, [-1, -0.2, 1.1, 1.5, 2.2, 2.6]) - 2.0
        balance = np.clip(balance * np.exp(0.15 * draw.normal(size=rows)), 0, limit * 1.2)
        columns |= {f"late_{month}": late, f"bill_{month}": balance.round()}
        columns[f"paid_{month}"] = np.where(late > 0, 0, balance * draw.beta(0.5, 3, rows)).round()
    eta = -1.75 + 0.9 * (columns["late_5"] == 1) + 1.9 * (columns["late_5"] >= 2) + 0.35 * (columns["late_3"] >= 2)
    eta += -0.25 * np.log(limit / 1e5) + 0.2 * (balance / limit > 0.9) + 0.3 * risk
    return pl.DataFrame({**columns, "y": outcomes(eta, draw)})


def company_ratios(rows: int = 8_000) -> pl.DataFrame:
    """Sixty-four ratios of balance-sheet sums with heavy tails, gaps and interactions; seven in a hundred fail."""
    draw = np.random.default_rng(3)
    sums = np.exp(
        1.2 * draw.normal(size=(rows, 14)) + draw.standard_t(4, (rows, 8)) @ draw.normal(size=(8, 14)) / 2
    )
    sums[:, :5] *= np.sign(draw.normal(size=(rows, 5)) + 1)
    columns = {}
    for at, (a, b, c, d) in enumerate(draw.integers(0, 14, (64, 4))):
        above = sums[:, a] - (sums[:, c] if at % 2 else 0)
        ratio = (
            above
            / (sums[:, b] + (np.abs(sums[:, d]) if at % 3 == 0 else 0))
            * np.exp(0.1 * draw.normal(size=rows))
        )
        columns[f"ratio_{at}"] = np.where(draw.random(rows) < 0.02 + 0.25 * (at % 9 == 0), np.nan, ratio)
    pairs = ((0, 6), (1, 7), (2, 8), (3, 9), (4, 10), (11, 12))
    a, b, c, d, e, f = (np.argsort(np.argsort(sums[:, i] / np.abs(sums[:, j]))) / rows for i, j in pairs)
    eta = -7 + 3 * (a < 0.15) * (b < 0.5) + 3 * (c < 0.2) * (1 - d) + 2.5 * (e > 0.8) * (a < 0.4) + 2 * (f < 0.1)
    return pl.DataFrame(
        {**columns, "y": outcomes(1.3 * (eta + 1.5 * (1 - b) + 6 * (c - 0.5) * (d - 0.5)) + 2.2, draw)}
    )


def outcomes(eta: NDArray[np.float64], draw: np.random.Generator) -> NDArray[np.int64]:
    return (draw.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(np.int64)


MADE_UP: dict[Callable[[], pl.DataFrame], dict[str, str]] = {
    small_mixed: {"months": "up", "age": "down"},
    card_holders: {"limit": "down"} | {f"late_{month}": "up" for month in range(6)},
    company_ratios: {},
}


def unconstrained(table: LabelledTable, fold: NDArray[np.int64]) -> float:
    """Mean fold AUC of LightGBM with free depth: the better of 100 rounds and slow rounds stopped early."""
    categories = [at for at, column in enumerate(table.columns) if column.is_category]
    found = []
    for slow in (False, True):
        aucs = []
        for k in np.unique(fold):
            inside = np.flatnonzero(fold != k)
            options = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 0}
            if slow:
                options["learning_rate"] = 0.03
                held = inside[np.random.default_rng(0).permutation(len(inside)) % 5 == 0]
                learnt = np.setdiff1d(inside, held)
                data = lightgbm.Dataset(
                    table.values[learnt], table.outcome[learnt], categorical_feature=categories
                )
                watched = lightgbm.Dataset(table.values[held], table.outcome[held], reference=data)
                stop = [lightgbm.early_stopping(50, verbose=False)]
                booster = lightgbm.train(options, data, 2_000, valid_sets=[watched], callbacks=stop)
            else:
                data = lightgbm.Dataset(
                    table.values[inside], table.outcome[inside], categorical_feature=categories
                )
                booster = lightgbm.train(options, data, 100)
            held_back = fold == k
            aucs.append(area_under_curve(table.outcome[held_back], booster.predict(table.values[held_back])))
        found.append(float(np.mean(aucs)))
    return max(found)


def quality(path: Path, target: str, positive: str | None, directions: Path | None) -> None:
    command = [
        sys.executable,
        "-m",
        "scoring",
        "fit",
        "--table",
        str(path),
        "--target",
        target,
        "--cv",
        "5",
        "--json",
    ]
    command += ["--positive", positive] if positive else []
    command += ["--directions", str(directions)] if directions else []
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    table = label_table(read_table(path), target=target, positive=positive)
    free = unconstrained(table, fold_of_rows(table, 5, seed=0))
    obeyed = f"{len(told['directions'])}, {sum(one['violations'] for one in told['directions'])} steps against"
    print(
        f"| {path.stem} | {len(table.outcome):,} × {len(table.columns)} | {obeyed} | {told['auc']['mean']:.4f} "
        f"| {told['shapes']['additive']['auc']['mean']:.4f} | {told['shapes']['trees']['auc']['mean']:.4f} "
        f"| {free:.4f} | {told['baseline']['auc']['mean']:.4f} | {told['seconds']:.0f} |",
        flush=True,
    )


def speed(rounds: int = 200, rows: int = 2_000) -> None:
    table = label_table(company_ratios(3_000), target="y")
    choice = Choice(((Setting("trees", 3, 0.05, 0.5, 0.7, 20, 1.0, 255), rounds),), 0.0, 1.0, 0.0)
    forest = learn(table, choice, {}, seed=0).forest
    assert forest is not None
    _, encoded = learn_encoding(table.columns, table.values, table.outcome, seed=0)
    options = {"objective": "binary", "max_depth": 3, "num_leaves": 8, "learning_rate": 0.05, "verbose": -1}
    booster = lightgbm.train({**options, "num_threads": 1}, lightgbm.Dataset(encoded, table.outcome), forest.trees)
    part = encoded[:rows]
    ways: dict[str, Callable[[], object]] = {
        "log-odds, ours": lambda: forest.totals(part),
        "log-odds, LightGBM": lambda: booster.predict(part, raw_score=True, num_threads=1),
        "exact contributions, ours": lambda: forest.contributions(part),
        "exact contributions, LightGBM": lambda: booster.predict(part, pred_contrib=True, num_threads=1),
    }
    print(f"\n{forest.trees} trees of depth 3, {rows} rows, one thread")
    for name, run in ways.items():
        run()
        best = min(timed(run) for _ in range(3))
        print(f"| {name} | {best / rows * 1e6:.1f} µs a row |", flush=True)


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="FILE:TARGET[=POSITIVE][@DIRECTIONS]")
    chosen = parser.parse_args()
    print(
        "| table | rows × columns | directions | auto | additive | trees | LightGBM free depth | WOE scorecard "
        "| seconds |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for one in chosen.tables:
        path, _, rest = one.rpartition(":")
        rest, _, directions = rest.partition("@")
        target, _, positive = rest.partition("=")
        quality(Path(path), target, positive or None, Path(directions) if directions else None)
    if not chosen.tables:
        with TemporaryDirectory() as folder:
            for make, directions in MADE_UP.items():
                path = Path(folder) / f"{make.__name__}.parquet"
                make().write_parquet(path)
                declared = path.with_suffix(".yaml")
                declared.write_text("".join(f"{column}: {way}\n" for column, way in directions.items()))
                quality(path, "y", None, declared if directions else None)
    speed()


if __name__ == "__main__":
    main()
