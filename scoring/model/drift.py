"""Has the population moved since the model was learned? PSI of the score, CSI of every column.

Both are the same sum over bins, Σ (now − then) · ln(now / then); bins are fixed when the model is learned.
Customary reading: below 0.10 stable, 0.10 to 0.25 watch, above 0.25 look into it before going on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.model.table import Column

WATCH, ALARM = 0.10, 0.25
_BINS = 10
# An empty bin would make the logarithm infinite; half a row keeps it finite at any table size.
_HALF_A_ROW = 0.5


@dataclass(frozen=True)
class Bins:
    """Bins of one quantity as they were while learning. cuts: upper edges of all bins but the last, for numbers.

    rows: rows in each bin, and last those that were missing or of an unknown level.
    """

    cuts: tuple[float, ...]
    rows: tuple[int, ...]
    levels: int

    def count(self, cells: NDArray[np.float64]) -> NDArray[np.int64]:
        """Rows of `cells` in each of these bins, the missing last."""
        known = cells[~np.isnan(cells)]
        place = known.astype(np.int64) if self.levels else np.searchsorted(self.cuts, known, side="left")
        counted = np.bincount(place, minlength=len(self.rows) - 1)
        return np.append(counted, len(cells) - len(known)).astype(np.int64)

    def index(self, cells: NDArray[np.float64]) -> float:
        """The stability index of `cells` against the rows learned from."""
        return stability_index(np.array(self.rows), self.count(cells))

    def as_json(self) -> dict[str, Any]:
        return {"cuts": list(self.cuts), "rows": list(self.rows), "levels": self.levels}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Bins":
        return cls(tuple(data["cuts"]), tuple(data["rows"]), int(data["levels"]))


def bins_of(cells: NDArray[np.float64], levels: int = 0) -> Bins:
    """Ten equally filled bins of a number (fewer when values repeat), or one bin per level of a category."""
    known = cells[~np.isnan(cells)]
    if levels:
        counted = np.bincount(known.astype(np.int64), minlength=levels)
        return Bins((), (*(int(n) for n in counted), len(cells) - len(known)), levels)
    cuts: tuple[float, ...] = ()
    if len(known):
        deciles = np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1], method="lower")
        cuts = tuple(float(cut) for cut in np.unique(deciles))
    empty = Bins(cuts, (0,) * (len(cuts) + 2), 0)
    return Bins(cuts, tuple(int(n) for n in empty.count(cells)), 0)


def bins_of_columns(columns: Sequence[Column], values: NDArray[np.float64]) -> list[Bins]:
    """The bins of every input, from raw values (rows, columns)."""
    return [bins_of(values[:, at], len(column.levels)) for at, column in enumerate(columns)]


def stability_index(then: NDArray[np.int64], now: NDArray[np.int64]) -> float:
    """PSI of two counts over the same bins; bins that are empty in both are left out."""
    used = (then + now) > 0
    before = np.maximum(then[used], _HALF_A_ROW) / max(then.sum(), 1)
    after = np.maximum(now[used], _HALF_A_ROW) / max(now.sum(), 1)
    return float(np.sum((after - before) * np.log(after / before)))


def reading(index: float) -> str:
    """What an index means, in one word for the report."""
    return "稳定" if index < WATCH else "留意" if index < ALARM else "显著变化"
