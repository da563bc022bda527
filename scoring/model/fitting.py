"""From a labelled table to a finished component with its card: validate, choose, learn, prove, describe."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.model.component import Component, component_of
from scoring.model.directions import FREE, describe_direction, insist_directions_fit
from scoring.model.drift import bins_of, bins_of_columns, reading
from scoring.model.errors import DirectionBroken, PartMissing
from scoring.model.fairness import fairness_by_group
from scoring.model.forest import MICRO
from scoring.model.learning import SHAPES, Shape, better_shape, choose, learn
from scoring.model.measures import calibration_error, difference_over_folds, roc_curve
from scoring.model.table import LabelledTable
from scoring.model.validation import Validation, validate

_SWEPT_ROWS = 200
_SWEPT_VALUES = 60
_SHOWN_POINTS = 300


@dataclass(frozen=True)
class Fitted:
    component: Component
    validation: Validation


def fit(
    table: LabelledTable,
    *,
    name: str,
    directions: Mapping[str, int] | None = None,
    shape: Shape | None = None,
    folds: int = 5,
    with_baseline: bool = True,
    seed: int = 0,
    threads: int = 1,
    on_fold: Callable[[], None] = lambda: None,
) -> Fitted:
    """Validate the procedure, then learn on the whole table; `shape` None lets held-back rows choose.

    The same table, directions and seed give the same component, whatever `threads`.
    Raises DirectionsRefused, TableRefused, PartMissing, or DirectionBroken (which has never been seen).
    """
    declared = {column: d for column, d in (directions or {}).items() if d != FREE}
    numeric = [column.name for column in table.columns if not column.is_category]
    others = [column.name for column in table.columns if column.is_category]
    left_out = {column for column in declared if any(note.startswith(f"列 {column} ") for note in table.notes)}
    declared = {column: d for column, d in declared.items() if column not in left_out}
    insist_directions_fit(declared, numeric, others)

    # Folds run beside each other already; linear algebra that spreads over the same cores only gets in the way.
    with _one_thread_each():
        validation = validate(
            table, directions=declared, folds=folds, with_baseline=with_baseline, seed=seed, threads=threads,
            on_fold=on_fold,
        )  # fmt: skip
        if shape is not None:
            validation = _forced(validation, shape, table)
        choices = choose(table, declared, SHAPES if shape is None else (shape,), seed=seed)
        taken = better_shape(choices)
        learned = learn(table, choices[taken], declared, seed=seed)
    component = component_of(
        learned,
        table,
        name=name,
        directions=declared,
        training={
            "rows": len(table.outcome),
            "outcomes": int(table.outcome.sum()),
            "fingerprint": table.fingerprint,
            "seed": seed,
            "folds": folds,
            "depth": choices[taken].depth,
            "rounds": choices[taken].rounds,
            "members": [{**setting.as_json(), "rounds": rounds} for setting, rounds in choices[taken].members],
            "smooth_share": choices[taken].smooth_share,
            "weighed_share": choices[taken].weighed_share,
            "strength": choices[taken].strength,
            "slope": round(choices[taken].slope, 6),
            "intercept": round(choices[taken].intercept, 6),
            "versions": {package: version(package) for package in ("lightgbm", "numpy")},
        },
    )
    return Fitted(replace(component, card=_card(component, table, validation)), validation)


def _one_thread_each() -> AbstractContextManager[object]:
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError as error:
        raise PartMissing("scikit-learn") from error
    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


def sweep(component: Component, values: NDArray[np.float64], *, seed: int = 0) -> dict[str, dict[str, int]]:
    """Move every declared column up its range for up to 200 rows and count steps, and steps the wrong way."""
    draw = np.random.default_rng(seed)
    chosen = np.sort(draw.permutation(len(values))[:_SWEPT_ROWS])
    told = {}
    for column, direction in sorted(component.directions.items()):
        at = component.names.index(column)
        present = values[~np.isnan(values[:, at]), at]
        grid = np.unique(np.quantile(present, np.linspace(0, 1, _SWEPT_VALUES)))
        beyond = max(1.0, float(grid[-1] - grid[0]))
        grid = np.concatenate([[grid[0] - beyond], grid, [grid[-1] + beyond]])
        swept = np.repeat(values[chosen], len(grid), axis=0)
        swept[:, at] = np.tile(grid, len(chosen))
        steps = np.diff(component.log_odds(swept).reshape(len(chosen), len(grid)), axis=1)
        told[column] = {
            "direction": direction,
            "steps": int(steps.size),
            "violations": int(np.sum(direction * steps < 0)),
        }
    return told


def _forced(validation: Validation, shape: Shape, table: LabelledTable) -> Validation:
    """The same validation with one shape taken in every fold."""
    taken = validation.probabilities[shape]
    baseline = validation.baseline_probability
    return replace(
        validation,
        selected=taken,
        chosen=(shape,) * len(validation.chosen),
        quality=validation.by_shape[shape],
        above_baseline=None
        if baseline is None
        else difference_over_folds(table.outcome, taken, baseline, validation.fold),
    )


def _card(component: Component, table: LabelledTable, validation: Validation) -> dict[str, Any]:
    """Everything the model card shows, as JSON; all figures on rows are out of fold unless named otherwise."""
    swept = sweep(component, table.values)
    if any(column["violations"] for column in swept.values()):
        raise DirectionBroken(column for column, told in swept.items() if told["violations"])
    error, calibration = calibration_error(table.outcome, validation.selected)
    parts = component.contributions(table.values)[:, :-1]
    importance = np.abs(parts).mean(axis=0) / MICRO
    order = np.argsort(-importance, kind="stable")
    return {
        "quality": validation.quality.as_json(),
        "shapes": {shape: quality.as_json() for shape, quality in validation.by_shape.items()},
        "chosen_in_folds": list(validation.chosen),
        "baseline": None if validation.baseline is None else validation.baseline.as_json(),
        "above_baseline": None if validation.above_baseline is None else validation.above_baseline.as_json(),
        "roc": {"model": roc_curve(table.outcome, validation.selected)}
        | (
            {"baseline": roc_curve(table.outcome, validation.baseline_probability)}
            if validation.baseline_probability is not None
            else {}
        ),
        "calibration": {"error": round(error, 6), "bins": calibration},
        "importance": [
            {"column": component.names[at], "mean_log_odds": round(float(importance[at]), 6)} for at in order
        ],
        "effects": [_effect(component, table, parts, int(at)) for at in order[:9] if importance[at] > 0],
        "directions": [
            {"column": column, "sentence": describe_direction(column, told["direction"]), **told}
            for column, told in swept.items()
        ],
        "fairness": [
            told.as_json() for told in fairness_by_group(table.outcome, validation.selected, table.audit)
        ],
        "stability": _stability(table, validation.selected),
        "notes": list(table.notes),
    }


def _effect(component: Component, table: LabelledTable, parts: NDArray[np.int64], at: int) -> dict[str, Any]:
    """What one column contributes at its values: the SHAP picture, a few hundred rows of it."""
    column = table.columns[at]
    shown = np.linspace(0, len(parts) - 1, min(_SHOWN_POINTS, len(parts))).astype(np.int64)
    cells = table.values[shown, at]
    return {
        "column": column.name,
        "levels": list(column.levels),
        "values": [None if np.isnan(cell) else float(cell) for cell in cells],
        "log_odds": [round(float(part) / MICRO, 4) for part in parts[shown, at]],
    }


def _stability(table: LabelledTable, probability: NDArray[np.float64]) -> dict[str, Any]:
    """PSI and CSI between the earlier and the later half: by the time column, else by the order of the rows."""
    order = np.arange(len(probability)) if table.order is None else np.argsort(table.order, kind="stable")
    early, late = np.array_split(order, 2)
    score = bins_of(probability[early]).index(probability[late])
    columns = bins_of_columns(table.columns, table.values[early])
    indices = [bins.index(table.values[late, at]) for at, bins in enumerate(columns)]
    return _drift_report("row order" if table.order is None else "time", score, table.names, indices)


def drift_since_learning(component: Component, values: NDArray[np.float64]) -> dict[str, Any]:
    """PSI of the log-odds and CSI of every column of a new table against the rows learned from."""
    score = component.score_bins.index(component.log_odds(values) / MICRO)
    indices = [bins.index(values[:, at]) for at, bins in enumerate(component.bins)]
    return _drift_report("training table", score, component.names, indices)


def _drift_report(by: str, psi: float, names: Sequence[str], indices: Sequence[float]) -> dict[str, Any]:
    order = np.argsort(-np.array(indices), kind="stable")
    return {
        "by": by,
        "psi": round(psi, 6),
        "reading": reading(psi),
        "columns": [
            {"column": names[at], "csi": round(indices[at], 6), "reading": reading(indices[at])} for at in order
        ],
    }


def settings_tried(validation: Validation) -> Sequence[dict[str, Any]]:
    """What each outer fold chose for each shape, with its AUC on the rows held back inside."""
    return [
        {
            "fold": fold,
            "shape": shape,
            "taken": shape == validation.chosen[fold],
            "depth": choice.depth,
            "smooth_share": choice.smooth_share,
            "weighed_share": choice.weighed_share,
            "rounds": choice.rounds,
            "inner_auc": round(choice.auc, 6),
        }
        for fold, choices in enumerate(validation.choices)
        for shape, choice in choices.items()
    ]
