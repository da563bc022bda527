"""Measure the whole procedure on rows it never saw: nested cross-validation beside a WOE scorecard.

In every outer fold rounds, depth and shape are chosen anew from the inside rows alone, so the figures are those of
the procedure and not of a lucky choice. Both shapes are measured; `auto` is the one each fold would have chosen.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.model.baseline import scorecard_probabilities
from scoring.model.calibration import probability_of
from scoring.model.forest import MICRO
from scoring.model.learning import SHAPES, Choice, Shape, better_shape, choose, fold_of_rows, learn
from scoring.model.measures import Quality, difference_over_folds, quality_over_folds
from scoring.model.table import LabelledTable


@dataclass(frozen=True)
class Validation:
    """Out-of-fold results. fold: (rows,) the fold that held each row back; probabilities: by shape, out of fold.

    chosen: the shape each fold took. choices: the settings behind it. baseline is None when it was not asked for.
    """

    fold: NDArray[np.int64]
    probabilities: dict[Shape, NDArray[np.float64]]
    selected: NDArray[np.float64]
    chosen: tuple[Shape, ...]
    choices: tuple[dict[Shape, Choice], ...]
    quality: Quality
    by_shape: dict[Shape, Quality]
    baseline_probability: NDArray[np.float64] | None
    baseline: Quality | None
    above_baseline: Quality | None
    seconds: float


@dataclass(frozen=True)
class _Fold:
    choices: dict[Shape, Choice]
    shape: Shape
    probabilities: dict[Shape, NDArray[np.float64]]
    baseline: NDArray[np.float64] | None


def validate(
    table: LabelledTable,
    *,
    directions: Mapping[str, int],
    folds: int = 5,
    shapes: Sequence[Shape] = SHAPES,
    with_baseline: bool = True,
    seed: int = 0,
    threads: int = 1,
    on_fold: Callable[[], None] = lambda: None,
) -> Validation:
    """Nested cross-validation of `folds` outer folds. `on_fold` is called as each is done.

    The result does not depend on `threads`: every fit runs on one thread with its own seed.
    """
    started = time.monotonic()
    fold = fold_of_rows(table, folds, seed=seed)

    def run(k: int) -> _Fold:
        done = _run_fold(table, fold, k, directions, shapes, with_baseline, seed)
        on_fold()
        return done

    with ThreadPoolExecutor(max_workers=threads) as pool:
        done = list(pool.map(run, range(folds)))

    def gathered(of_fold: Callable[[_Fold], NDArray[np.float64]]) -> NDArray[np.float64]:
        whole = np.empty(len(fold))
        for k, one in enumerate(done):
            whole[fold == k] = of_fold(one)
        return whole

    probabilities = {shape: gathered(lambda one, shape=shape: one.probabilities[shape]) for shape in shapes}  # type: ignore[misc]
    selected = gathered(lambda one: one.probabilities[one.shape])
    baseline = gathered(lambda one: _insist(one.baseline)) if with_baseline else None
    return Validation(
        fold=fold,
        probabilities=probabilities,
        selected=selected,
        chosen=tuple(one.shape for one in done),
        choices=tuple(one.choices for one in done),
        quality=quality_over_folds(table.outcome, selected, fold),
        by_shape={shape: quality_over_folds(table.outcome, p, fold) for shape, p in probabilities.items()},
        baseline_probability=baseline,
        baseline=None if baseline is None else quality_over_folds(table.outcome, baseline, fold),
        above_baseline=None
        if baseline is None
        else difference_over_folds(table.outcome, selected, baseline, fold),
        seconds=time.monotonic() - started,
    )


def _run_fold(
    table: LabelledTable,
    fold: NDArray[np.int64],
    k: int,
    directions: Mapping[str, int],
    shapes: Sequence[Shape],
    with_baseline: bool,
    seed: int,
) -> _Fold:
    inside, held_back = table.rows(np.flatnonzero(fold != k)), table.rows(np.flatnonzero(fold == k))
    choices = choose(inside, directions, shapes, seed=seed + 17 * (k + 1))
    probabilities = {}
    for shape, choice in choices.items():
        learned = learn(inside, choice, directions, seed=seed + k)
        probabilities[shape] = probability_of(learned.log_odds(held_back.values) / MICRO)
    return _Fold(
        choices,
        better_shape(choices),
        probabilities,
        scorecard_probabilities(table.columns, inside.values, inside.outcome, held_back.values)
        if with_baseline
        else None,
    )


def _insist(values: NDArray[np.float64] | None) -> NDArray[np.float64]:
    if values is None:
        raise ValueError("a fold ran without its baseline")
    return values
