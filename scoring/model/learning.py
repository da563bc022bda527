"""Learn a model from a labelled table: settings tried, rounds stopped early, shape chosen on rows held back.

LightGBM learns; everything it learns from is fixed (one thread per fit, fixed seeds, its deterministic mode), so
the same table gives the same model. Several seeds are averaged: on a thousand rows a single boosted model is
mostly luck.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring.model.additive import Term, terms_of_stumps
from scoring.model.calibration import fit_calibration
from scoring.model.encoding import Encoding, learn_encoding
from scoring.model.errors import DirectionBroken, PartMissing
from scoring.model.forest import (
    MICRO,
    Forest,
    columns_against,
    count_cover,
    forest_from_boosters,
    joined,
    without_trees_against,
)
from scoring.model.measures import area_under_curve
from scoring.model.smooth import STRENGTHS, USUAL_STRENGTH, learn_smooth_steps
from scoring.model.table import Column, LabelledTable
from scoring.model.weighed import learn_weighed_steps

Shape = Literal["additive", "trees"]
SHAPES: tuple[Shape, Shape] = ("additive", "trees")
Value = TypeVar("Value")

_MAX_ROUNDS = 4000
# Folds run beside each other; inside one, LightGBM has one thread, in every call (see `_margin`).
_THREADS = 1
# So many trees may turn out to move against a direction and be left out; more are a learner gone wrong.
_FEW = 0.02
# On small tables the ranking still gains for a while after the log-loss has turned; what that adds in
# overconfidence the calibration line takes back.
_FURTHER = 1.4
# A difference in AUC that on a few hundred held-back rows means nothing.
_CHANCE = 0.0015
# Shares of smooth and of weighed steps; the boosted members have the rest. Trees keep some of what only they can
# say. The first is usual.
_SHARES: dict[Shape, tuple[tuple[float, float], ...]] = {
    "additive": ((0.35, 0.35), (0.0, 0.35), (0.35, 0.0), (0.0, 0.0), (0.5, 0.5)),
    "trees": ((0.2, 0.3), (0.0, 0.3), (0.3, 0.0), (0.0, 0.0), (0.3, 0.4)),
}
# Shapes this close on held-back rows are a tie, and a tie goes to the one that fits on a page.
_TIE = 0.0005


@dataclass(frozen=True)
class Setting:
    """One way to learn. depth: 1 to 3; the shares are drawn anew for every tree; leaf_rows: rows a leaf needs;
    random_cuts: one cut drawn for each column instead of the best of all, which averages out to less noise."""

    shape: Shape
    depth: int
    learning_rate: float
    column_share: float
    row_share: float
    leaf_rows: int
    l2: float
    bins: int
    random_cuts: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Choice:
    """How one shape is to be learned, with its AUC and calibration line on rows held back.

    members: the settings that are averaged, with the rounds of each: picking the one that looked best on a
    thousand rows is mostly luck, the mean of several is steadier than any. smooth_share: how much of the log-odds
    comes from smooth steps of that `strength`; weighed_share: how much from weighed steps; the rest from the
    boosted members.
    """

    members: tuple[tuple[Setting, int], ...]
    auc: float
    slope: float
    intercept: float
    smooth_share: float = 0.0
    strength: float = 1.0
    weighed_share: float = 0.0

    @property
    def shape(self) -> Shape:
        return self.members[0][0].shape

    @property
    def depth(self) -> int:
        return max(setting.depth for setting, _ in self.members)

    @property
    def rounds(self) -> int:
        return sum(rounds for _, rounds in self.members)


@dataclass(frozen=True)
class Learned:
    """A model before it is dressed as a component. Log-odds in millionths.

    trees: `forest` over `encoding`; additive: `terms` over raw values. constant: added to either.
    """

    shape: Shape
    columns: tuple[Column, ...]
    encoding: Encoding
    forest: Forest | None
    terms: tuple[Term, ...]
    constant: int
    choice: Choice

    def log_odds(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """(rows,) log-odds of the outcome in millionths, from raw values (rows, columns)."""
        total = np.full(len(values), self.constant, dtype=np.int64)
        if self.forest is not None:
            return total + self.forest.totals(self.encoding.apply(values))
        for term in self.terms:
            total += term.read(values[:, term.column])
        return total


def settings_for(rows: int, columns: int, shapes: Sequence[Shape] = SHAPES) -> list[Setting]:
    """What is worth trying at this many rows: slow and cautious on small tables, faster on large ones."""
    rate = 0.03 if rows < 3_000 else 0.05 if rows < 15_000 else 0.1
    bins = 31 if rows < 3_000 else 255
    leaf = 20 if rows < 50_000 else 50
    # A tree that sees one column alone cannot learn what two say together.
    enough = min(1.0, 5 / columns)
    third, half, most = max(0.3, enough), max(0.5, enough), max(0.8, enough)
    small_leaf = max(5, min(leaf // 2, rows // 40))
    tried = [
        Setting("additive", 1, rate * 2, 0.2, 0.7, leaf, 0.0, bins),
        Setting("additive", 1, rate * 2, 0.5, 0.7, leaf, 5.0, bins),
        Setting("additive", 1, rate * 2, 0.3, 0.7, leaf, 0.0, bins, random_cuts=True),
        Setting("trees", 3, rate, half, 0.7, small_leaf, 5.0, bins),
        Setting("trees", 3, rate * 1.7, third, 0.7, small_leaf, 5.0, bins, random_cuts=True),
    ]
    if rows >= 3_000:
        tried.append(Setting("trees", 3, rate, most, 0.7, leaf, 1.0, bins))
    return [setting for setting in tried if setting.shape in shapes]


def choose(
    table: LabelledTable, directions: Mapping[str, int], shapes: Sequence[Shape], *, seed: int
) -> dict[Shape, Choice]:
    """For each shape what ranks best on rows held back: rounds, and the shares of smooth and weighed steps."""
    rows = len(table.outcome)
    splits = split_rows(table, _inner_folds(rows), seed=seed + 1)
    if rows >= 15_000:
        splits = splits[:1]  # one held-back quarter of this many rows is steady enough
    parts = [_Part.of(table, inside, held_back, seed) for inside, held_back in splits]
    strength, smooth = _choose_strength(parts, table.columns, directions)
    weighed = [
        learn_weighed_steps(table.columns, part.raw_inside, part.inside_outcome, directions).margin(
            part.raw_held_back
        )
        for part in parts
    ]
    best: dict[Shape, Choice] = {}
    for shape in shapes:
        tried = [
            _try_setting(setting, parts, table.columns, directions, seed)
            for setting in settings_for(rows, len(table.columns), (shape,))
        ]
        best[shape] = _blend(shape, tried, parts, smooth, weighed, strength)
    return best


def better_shape(choices: Mapping[Shape, Choice]) -> Shape:
    """The shape that ranked better on rows held back; a tie goes to the additive one."""
    if len(choices) == 1:
        return next(iter(choices))
    return "trees" if choices["trees"].auc > choices["additive"].auc + _TIE else "additive"


def learn(table: LabelledTable, choice: Choice, directions: Mapping[str, int], *, seed: int) -> Learned:
    """Learn on all rows of `table` with the chosen setting, averaged over seeds. Raises DirectionBroken."""
    bags = 8 if len(table.outcome) < 3_000 else 4 if len(table.outcome) < 15_000 else 2
    encoding, encoded = learn_encoding(table.columns, table.values, table.outcome, seed=seed)
    numbers = np.array([not column.is_category for column in table.columns])
    missing_seen: NDArray[np.bool_] = np.isnan(encoded).any(axis=0) & numbers
    forests = []
    directed = np.array(_constraints(table.columns, directions), dtype=np.int8)
    boosted_share = 1 - choice.smooth_share - choice.weighed_share
    if boosted_share > 0:
        dumps = [
            _boost(
                encoded, table.outcome, setting, rounds,
                _constraints(table.columns, directions), seed=seed * 100 + bag,
            ).dump_model()
            for setting, rounds in choice.members
            for bag in range(-(-bags // len(choice.members)))
        ]  # fmt: skip
        boosted = forest_from_boosters(dumps, slope=choice.slope * boosted_share, missing_seen=missing_seen)
        kept = without_trees_against(boosted, directed)
        if boosted.trees - kept.trees > max(1, _FEW * boosted.trees):
            raise DirectionBroken(table.columns[at].name for at in columns_against(boosted, directed))
        forests.append(kept)
    if choice.smooth_share > 0:
        steps = learn_smooth_steps(table.columns, table.values, table.outcome, directions, choice.strength)
        forests.append(steps.as_forest(encoding, missing_seen, choice.slope * choice.smooth_share))
    if choice.weighed_share > 0:
        steps = learn_weighed_steps(table.columns, table.values, table.outcome, directions)
        forests.append(steps.as_forest(encoding, missing_seen, choice.slope * choice.weighed_share))
    forest = joined(forests)
    served = encoding.apply(table.values)
    forest = Forest(**{**forest.__dict__, "cover": count_cover(forest, served)})
    against = columns_against(forest, directed)
    if against:
        raise DirectionBroken(table.columns[at].name for at in against)
    intercept = int(np.rint(choice.intercept * MICRO))
    if choice.shape == "trees":
        return Learned("trees", table.columns, encoding, forest, (), intercept, choice)
    terms, constant = terms_of_stumps(forest, table.columns, encoding, table.values)
    return Learned("additive", table.columns, encoding, None, tuple(terms), intercept + constant, choice)


def split_rows(
    table: LabelledTable, folds: int, *, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(inside, held back) row indices of each fold: outcomes spread evenly, groups never torn apart."""
    fold = fold_of_rows(table, folds, seed=seed)
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(folds)]


def fold_of_rows(table: LabelledTable, folds: int, *, seed: int) -> NDArray[np.int64]:
    """(rows,) the fold in which each row is held back.

    These are scikit-learn's StratifiedKFold (StratifiedGroupKFold when there are groups), shuffled, with `seed` as
    random state, so that anyone can measure another model on the very same folds.
    """
    plain, grouped = _splitters()
    splitter = (plain if table.groups is None else grouped)(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(table.outcome), dtype=np.int64)
    for k, (_, held_back) in enumerate(splitter.split(table.values, table.outcome, table.groups)):
        fold[held_back] = k
    return fold


@dataclass(frozen=True)
class _Part:
    """One inner split: raw, and encoded from its own inside."""

    raw_inside: NDArray[np.float64]
    raw_held_back: NDArray[np.float64]
    inside: NDArray[np.float64]
    inside_outcome: NDArray[np.int8]
    held_back: NDArray[np.float64]
    held_back_outcome: NDArray[np.int8]

    @classmethod
    def of(
        cls, table: LabelledTable, inside: NDArray[np.int64], held_back: NDArray[np.int64], seed: int
    ) -> "_Part":
        outcome = table.outcome[inside]
        raw_inside, raw_held_back = table.values[inside], table.values[held_back]
        encoding, encoded = learn_encoding(table.columns, raw_inside, outcome, seed=seed)
        outside = encoding.apply(raw_held_back)
        # LightGBM reads a missing value it was never taught as zero; here it stands in the middle instead.
        for at in np.flatnonzero(~np.isnan(encoded).any(axis=0)):
            unseen = np.isnan(outside[:, at])
            outside[unseen, at] = np.median(encoded[:, at])
        return cls(raw_inside, raw_held_back, encoded, outcome, outside, table.outcome[held_back])


def _inner_folds(rows: int) -> int:
    return 5 if rows < 3_000 else 3 if rows < 15_000 else 4


def _choose_strength(
    parts: Sequence[_Part], columns: Sequence[Column], directions: Mapping[str, int]
) -> tuple[float, list[NDArray[np.float64]]]:
    """The strength of smooth steps that ranks best on rows held back, and their log-odds there, part by part."""
    found: dict[float, tuple[float, list[NDArray[np.float64]]]] = {}
    for strength in STRENGTHS:
        margins = [
            learn_smooth_steps(columns, part.raw_inside, part.inside_outcome, directions, strength).margin(
                part.raw_held_back
            )
            for part in parts
        ]
        found[strength] = _mean_auc(parts, margins), margins
    best = _clearly_best({strength: auc for strength, (auc, _) in found.items()}, USUAL_STRENGTH)
    return best, found[best][1]


@dataclass(frozen=True)
class _Tried:
    """A setting with its rounds, and its log-odds on the rows held back, part by part."""

    setting: Setting
    rounds: int
    margins: list[NDArray[np.float64]]


def _try_setting(
    setting: Setting, parts: Sequence[_Part], columns: Sequence[Column], directions: Mapping[str, int], seed: int
) -> _Tried:
    boosters = []
    for part in parts:
        boosters.append(
            _boost(
                part.inside, part.inside_outcome, setting, _MAX_ROUNDS, _constraints(columns, directions),
                seed=seed, stop_on=(part.held_back, part.held_back_outcome),
            )
        )  # fmt: skip
    best = float(np.mean([booster.best_iteration for booster in boosters]))
    rounds = max(1, round(best * (_FURTHER if len(parts[0].inside_outcome) < 3_000 else 1.0)))
    margins = [_margin(booster, part.held_back, rounds) for booster, part in zip(boosters, parts, strict=True)]
    return _Tried(setting, rounds, margins)


def _blend(
    shape: Shape,
    tried: Sequence[_Tried],
    parts: Sequence[_Part],
    smooth: Sequence[NDArray[np.float64]],
    weighed: Sequence[NDArray[np.float64]],
    strength: float,
) -> Choice:
    """The mean of the tried settings, averaged with steps in the proportions that rank best."""
    boosted = [np.mean([one.margins[k] for one in tried], axis=0) for k in range(len(parts))]

    def blended(shares: tuple[float, float]) -> list[NDArray[np.float64]]:
        of_smooth, of_weighed = shares
        of_boosted = 1 - of_smooth - of_weighed
        return [
            of_smooth * s + of_weighed * w + of_boosted * b
            for s, w, b in zip(smooth, weighed, boosted, strict=True)
        ]

    aucs = {shares: _mean_auc(parts, blended(shares)) for shares in _SHARES[shape]}
    shares = _clearly_best(aucs, _SHARES[shape][0])
    outcomes = np.concatenate([part.held_back_outcome for part in parts])
    slope, intercept = fit_calibration(np.concatenate(blended(shares)), outcomes)
    members = tuple((one.setting, one.rounds) for one in tried)
    return Choice(members, aucs[shares], slope, intercept, shares[0], strength, shares[1])


def _clearly_best(aucs: Mapping[Value, float], usual: Value) -> Value:
    """The value that ranks best, if by more than chance would have it; else the usual one."""
    best = max(aucs, key=lambda value: aucs[value])
    return best if aucs[best] > aucs[usual] + _CHANCE else usual


def _mean_auc(parts: Sequence[_Part], margins: Sequence[NDArray[np.float64]]) -> float:
    return float(np.mean([area_under_curve(p.held_back_outcome, m) for p, m in zip(parts, margins, strict=True)]))


def _constraints(columns: Sequence[Column], directions: Mapping[str, int]) -> list[int]:
    return [directions.get(column.name, 0) for column in columns]


def _boost(
    encoded: NDArray[np.float64],
    outcome: NDArray[np.int8],
    setting: Setting,
    rounds: int,
    constraints: Sequence[int],
    *,
    seed: int,
    stop_on: tuple[NDArray[np.float64], NDArray[np.int8]] | None = None,
) -> Any:
    """One LightGBM booster; with `stop_on` it stops once the log-loss there has not fallen for a while."""
    lightgbm = _lightgbm()
    parameters: dict[str, Any] = {
        "objective": "binary",
        "verbose": -1,
        "num_threads": _THREADS,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "seed": seed,
        "learning_rate": setting.learning_rate,
        "max_depth": setting.depth,
        "num_leaves": 2**setting.depth,
        "feature_fraction": setting.column_share,
        "bagging_fraction": setting.row_share,
        "bagging_freq": 1,
        "min_data_in_leaf": min(setting.leaf_rows, max(1, len(outcome) // 10)),
        "lambda_l2": setting.l2,
        "max_bin": setting.bins,
        "extra_trees": setting.random_cuts,
        "min_data_in_bin": 3,
    }
    if any(constraints):
        parameters["monotone_constraints"] = list(constraints)
        # "advanced" is known to break directions (LightGBM #6155). "intermediate" keeps them among known values,
        # but two leaves that meet only where another column is missing escape it; "basic" bounds whole branches.
        # `learn` proves the result either way.
        parameters["monotone_constraints_method"] = "basic" if np.isnan(encoded).any() else "intermediate"
    data = lightgbm.Dataset(encoded, outcome, params=parameters)
    if stop_on is None:
        return lightgbm.train(parameters, data, rounds)
    patience = max(30, round(3 / setting.learning_rate))
    watched = lightgbm.Dataset(*stop_on, reference=data, params=parameters)
    return lightgbm.train(
        parameters,
        data,
        rounds,
        valid_sets=[watched],
        callbacks=[lightgbm.early_stopping(patience, verbose=False)],
    )


def _margin(booster: Any, encoded: NDArray[np.float64], rounds: int) -> NDArray[np.float64]:
    """Raw scores of the first `rounds` trees.

    LightGBM keeps the number of its threads in one variable for the whole process. A prediction that does not say
    it sets it back to the machine's, and a fold that is learning beside this one then writes past buffers that
    were made for one thread: seen as a segmentation fault after some twenty fits.
    """
    raw = booster.predict(encoded, raw_score=True, num_iteration=rounds, num_threads=_THREADS)
    return np.asarray(raw, dtype=np.float64)


def _splitters() -> tuple[Any, Any]:
    try:
        from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
    except ImportError as error:
        raise PartMissing("scikit-learn") from error
    return StratifiedKFold, StratifiedGroupKFold


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise PartMissing("lightgbm") from error
    return lightgbm
