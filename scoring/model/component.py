"""A learned model as a document: what runs, what it was learned from, and how far it may move a score.

The document is JSON, identified by the SHA-256 of its content. Reading a subject needs numpy and numba only.
Points are integer hundredths, more is better, so they run against the log-odds of the (adverse) outcome.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.model.additive import Term, sum_of_tiers
from scoring.model.calibration import probability_of
from scoring.model.drift import Bins, bins_of, bins_of_columns
from scoring.model.encoding import Encoding
from scoring.model.errors import ModelError, ModelFileRefused, ShapeRefused
from scoring.model.forest import MICRO, Forest, share_out
from scoring.model.learning import Learned, Shape
from scoring.model.table import Column, LabelledTable, columns_for
from scoring.reading_files import FileRefused, read_text

FORMAT = 1


@dataclass(frozen=True)
class Effect:
    """How a policy lets the model act, in hundredths of a point.

    cap: the model moves a score by at most this much either way; 0 switches it off.
    points_per_doubling: what halved odds of the outcome are worth.
    """

    cap: int
    points_per_doubling: int = 1000

    def __post_init__(self) -> None:
        if self.cap < 0 or self.points_per_doubling <= 0:
            raise ModelError("模型影响的上限不能为负，每倍赔率的分值必须为正。")


@dataclass(frozen=True)
class ModelPoints:
    """Points of many subjects, all in hundredths; total = contributions.sum(axis=1) + clamp, exactly.

    total (rows,); contributions (rows, columns); clamp (rows,) what the cap took away, with its sign.
    """

    total: NDArray[np.int64]
    contributions: NDArray[np.int64]
    clamp: NDArray[np.int64]


@dataclass(frozen=True)
class Component:
    """shape, columns and directions; then either `terms` (additive) or `encoding` and `forest` (trees).

    constant: log-odds in millionths when nothing speaks for or against; already contained in no column.
    training: how and on what it was learned. card: everything the model card shows. bins: for drift, one per
    column; score_bins: of the log-odds in units.
    """

    name: str
    shape: Shape
    target: str
    columns: tuple[Column, ...]
    directions: dict[str, int]
    constant: int
    terms: tuple[Term, ...]
    encoding: Encoding | None
    forest: Forest | None
    bins: tuple[Bins, ...]
    score_bins: Bins
    training: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def identity(self) -> str:
        """SHA-256 over what runs: two models with the same identity give everyone the same figures."""
        return hashlib.sha256(_canonical(self._running_part())).hexdigest()

    def read(self, frame: pl.DataFrame) -> tuple[NDArray[np.float64], list[str]]:
        """Raw values (rows, columns) of a new table, and what in it the model had never seen.

        Raises TableRefused when a column is absent or is no longer a number.
        """
        values, notes = columns_for(frame, self.columns)
        for at, column in enumerate(self.columns):
            if column.is_category or self._knows_missing(at):
                continue
            missing = int(np.isnan(values[:, at]).sum())
            if missing:
                notes.append(
                    f"列 {column.name} 有 {missing} 个空值，训练时没有过空值，按“不提供信息”处理，不加不减。"
                )
        return values, notes

    def log_odds(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """(rows,) calibrated log-odds of the outcome in millionths."""
        total = np.full(len(values), self.constant, dtype=np.int64)
        if self.forest is not None and self.encoding is not None:
            return total + self.forest.totals(self.encoding.apply(values))
        for term in self.terms:
            total += term.read(values[:, term.column])
        return total

    def probability(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rows,) calibrated probability of the outcome."""
        return probability_of(self.log_odds(values) / MICRO)

    def contributions(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """(rows, columns + 1) each column's exact part of the log-odds in millionths; last is the common start."""
        if self.forest is not None and self.encoding is not None:
            parts = self.forest.contributions(self.encoding.apply(values))
            parts[:, -1] += self.constant
            return parts
        parts = np.zeros((len(values), len(self.columns) + 1), dtype=np.int64)
        parts[:, -1] = self.constant
        for term in self.terms:
            parts[:, term.column] = term.read(values[:, term.column])
        return parts

    def points(self, values: NDArray[np.float64], effect: Effect) -> ModelPoints:
        """What the model adds to each score under `effect`, with every column's part in whole hundredths."""
        rows = len(values)
        if effect.cap == 0:
            return ModelPoints(
                np.zeros(rows, np.int64), np.zeros((rows, len(self.columns)), np.int64), np.zeros(rows, np.int64)
            )
        log_odds = self.contributions(values)[:, :-1]
        if self.shape == "additive":
            # Each column rounds by itself: the same integers as the tiers that a policy prints.
            contributions = to_points(log_odds, effect)
            uncapped = contributions.sum(axis=1)
        else:
            uncapped = to_points(log_odds.sum(axis=1), effect)
            exact = -log_odds * (effect.points_per_doubling / (np.log(2.0) * MICRO))
            contributions = share_out(exact, uncapped)
        total = np.clip(uncapped, -effect.cap, effect.cap)
        return ModelPoints(total, contributions, total - uncapped)

    def total_points(self, values: NDArray[np.float64], effect: Effect, *, threads: int = 1) -> NDArray[np.int64]:
        """(rows,) the totals of `points` alone, for a whole city: without taking any of them apart.

        values: (rows, columns); those laid out by column, as in a data frame, are read fastest.
        """
        if effect.cap == 0:
            return np.zeros(len(values), dtype=np.int64)
        if self.forest is not None and self.encoding is not None:
            above_start = self.forest.totals(self.encoding.apply(values)) - self.forest.expected()
            uncapped = to_points(above_start, effect)
        else:
            # Rounding a tier's worth once is the same as rounding it for every row.
            worth = [
                (
                    to_points(np.array(term.tiers, dtype=np.int64), effect),
                    int(to_points(np.array([term.missing], dtype=np.int64), effect)[0]),
                )
                for term in self.terms
            ]
            uncapped = sum_of_tiers(self.terms, worth, values, threads=threads)
        return np.clip(uncapped, -effect.cap, effect.cap)

    def insist_open_to_persons(self) -> None:
        """Raise ShapeRefused unless this model is a table that a person can be shown."""
        if self.shape != "additive":
            raise ShapeRefused(
                "自然人评分只能使用可逐项公布的相加型（additive）模型；树型仅用于企业评价和信用预警。"
            )

    def to_json(self) -> str:
        document = {
            "identity": self.identity,
            **self._running_part(),
            "training": self.training,
            "card": self.card,
        }
        return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    def _knows_missing(self, at: int) -> bool:
        if self.forest is not None:
            return bool(self.forest.missing_seen[at])
        return self.bins[at].rows[-1] > 0

    def _running_part(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "shape": self.shape,
            "target": self.target,
            "columns": [
                {"name": c.name, "kind": "category" if c.is_category else "number", "levels": list(c.levels)}
                for c in self.columns
            ],
            "directions": dict(sorted(self.directions.items())),
            "constant": self.constant,
            "terms": [_term_json(term) for term in self.terms],
            "encoding": None if self.encoding is None else _encoding_json(self.encoding),
            "forest": None if self.forest is None else _forest_json(self.forest),
            "bins": [bins.as_json() for bins in self.bins],
            "score_bins": self.score_bins.as_json(),
        }


def to_points(log_odds: NDArray[np.int64], effect: Effect) -> NDArray[np.int64]:
    """Millionths of log-odds as hundredths of a point: falling odds earn, halves round away from zero."""
    exact = -log_odds * (effect.points_per_doubling / (np.log(2.0) * MICRO))
    rounded: NDArray[np.int64] = (np.sign(exact) * np.floor(np.abs(exact) + 0.5)).astype(np.int64)
    return rounded


def component_of(
    learned: Learned,
    table: LabelledTable,
    *,
    name: str,
    directions: Mapping[str, int],
    training: Mapping[str, Any],
) -> Component:
    """Dress a model learned on `table` as a component, with the bins that drift is measured against."""
    trees = learned.forest is not None
    bare = Component(
        name=name,
        shape=learned.shape,
        target=table.target,
        columns=learned.columns,
        directions={column: d for column, d in directions.items() if d and column in table.names},
        constant=learned.constant,
        terms=learned.terms,
        encoding=learned.encoding if trees else None,
        forest=learned.forest,
        bins=tuple(bins_of_columns(table.columns, table.values)),
        score_bins=Bins((), (0, 0), 0),
        training=dict(training),
    )
    return replace(bare, score_bins=bins_of(bare.log_odds(table.values) / MICRO))


def save_component(component: Component, path: Path) -> None:
    """Write the model document."""
    path.write_text(component.to_json(), encoding="utf-8")


def load_component(path: Path) -> Component:
    """Read a model document. Raises ModelFileRefused when it is not one, or was altered since it was written."""
    try:
        data = json.loads(read_text(path))
    except FileRefused as refusal:
        raise ModelFileRefused(f"读不了模型文件：{refusal}") from refusal
    except json.JSONDecodeError as error:
        raise ModelFileRefused(f"{path} 不是模型文件：第 {error.lineno} 行不是 JSON。") from error
    if not isinstance(data, dict) or "shape" not in data or "identity" not in data:
        raise ModelFileRefused(f"{path} 不是模型文件。")
    if data.get("format") != FORMAT:
        raise ModelFileRefused(f"{path} 的格式版本是 {data.get('format')}，本程序只认 {FORMAT}。")
    try:
        component = _from_document(data)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelFileRefused(f"{path} 的内容不完整，文件可能被改动过。") from error
    if component.identity != data["identity"]:
        raise ModelFileRefused(f"{path} 的内容与其标识不符，文件可能被改动过。")
    return component


def _from_document(data: Mapping[str, Any]) -> Component:
    return Component(
        name=data["name"],
        shape=data["shape"],
        target=data["target"],
        columns=tuple(
            Column(c["name"], tuple(c["levels"]), is_category=c["kind"] == "category") for c in data["columns"]
        ),
        directions=dict(data["directions"]),
        constant=data["constant"],
        terms=tuple(
            Term(
                t["column"],
                tuple(-np.inf if start is None else float(start) for start in t["starts"]),
                tuple(t["tiers"]),
                t["missing"],
                tuple(t["rows"]),
            )
            for t in data["terms"]
        ),
        encoding=None if data["encoding"] is None else _encoding_from(data["encoding"]),
        forest=None if data["forest"] is None else _forest_from(data["forest"]),
        bins=tuple(Bins.from_json(bins) for bins in data["bins"]),
        score_bins=Bins.from_json(data["score_bins"]),
        training=data["training"],
        card=data["card"],
    )


def _canonical(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _term_json(term: Term) -> dict[str, Any]:
    return {
        "column": term.column,
        "starts": [None if np.isinf(start) else start for start in term.starts],
        "tiers": list(term.tiers),
        "missing": term.missing,
        "rows": list(term.rows),
    }


def _encoding_json(encoding: Encoding) -> list[list[float | None] | None]:
    return [
        None if by_level is None else [None if np.isnan(v) else float(v) for v in by_level]
        for by_level in encoding.level_values
    ]


def _encoding_from(data: list[list[float | None] | None]) -> Encoding:
    return Encoding(
        tuple(
            None
            if by_level is None
            else np.array([np.nan if v is None else v for v in by_level], dtype=np.float64)
            for by_level in data
        )
    )


def _forest_json(forest: Forest) -> dict[str, Any]:
    return {
        "feature": forest.feature.tolist(),
        "threshold": forest.threshold.tolist(),
        "missing_left": forest.missing_left.astype(int).tolist(),
        "leaf": forest.leaf.tolist(),
        "cover": forest.cover.tolist(),
        "missing_seen": forest.missing_seen.astype(int).tolist(),
    }


def _forest_from(data: Mapping[str, Any]) -> Forest:
    return Forest(
        np.array(data["feature"], dtype=np.int32),
        np.array(data["threshold"], dtype=np.float64),
        np.array(data["missing_left"], dtype=np.bool_),
        np.array(data["leaf"], dtype=np.int64),
        np.array(data["cover"], dtype=np.int64),
        np.array(data["missing_seen"], dtype=np.bool_),
    )
