"""Chance that is a pure function of (seed, stream, index).

Each value is a hash of its own position, so a file comes out the same whatever the chunk size, any row can be
drawn again by number alone, and no library's random generator can change a city between two versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import exp
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

Index = NDArray[np.int64]

_QUANTILES = 1024


class Draws:
    """The city's source of chance."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def bits(self, stream: str, index: Index) -> NDArray[np.uint64]:
        """64 uniform bits per index (SplitMix64 over a keyed counter)."""
        key = hashlib.blake2b(f"{self.seed}/{stream}".encode(), digest_size=8).digest()
        start = np.uint64(int.from_bytes(key, "little"))
        z = index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    def below(self, stream: str, index: Index, bound: int) -> Index:
        """Uniform in 0 … bound-1."""
        return ((self.bits(stream, index) >> np.uint64(11)) % np.uint64(bound)).astype(np.int64)

    def chance(self, stream: str, index: Index, per_10000: int | Index) -> NDArray[np.bool_]:
        return self.below(stream, index, 10_000) < per_10000

    def between(self, stream: str, index: Index, low: int, high: int) -> Index:
        """Uniform in low … high, both included."""
        return low + self.below(stream, index, high - low + 1)

    def pick(self, stream: str, index: Index, choices: Sequence[str]) -> pl.Series:
        return pl.Series(list(choices), dtype=pl.String).gather(self.below(stream, index, len(choices)))

    def weighted(self, stream: str, index: Index, weights: Sequence[int]) -> Index:
        """Position in `weights`, with probability in proportion."""
        ends = np.cumsum(np.asarray(weights, dtype=np.int64))
        return np.searchsorted(ends, self.below(stream, index, int(ends[-1])), side="right").astype(np.int64)

    def pick_weighted(self, stream: str, index: Index, choices: Sequence[tuple[str, int]]) -> pl.Series:
        position = self.weighted(stream, index, [weight for _, weight in choices])
        return pl.Series([value for value, _ in choices], dtype=pl.String).gather(position)

    def skewed(self, stream: str, index: Index, spread: float) -> Index:
        """Log-normal whole numbers with median 1000; the larger `spread`, the longer the tail.

        Taken from a table of rounded quantiles, so that the last bit of a floating-point library cannot make
        another city.
        """
        normal = NormalDist()
        table = np.array(
            [round(1000 * exp(spread * normal.inv_cdf((k + 0.5) / _QUANTILES))) for k in range(_QUANTILES)],
            dtype=np.int64,
        )
        return table[self.below(stream, index, _QUANTILES)]


class Sampler:
    """Draws subjects in proportion to whole-number weights."""

    def __init__(self, weights: Index) -> None:
        self._ends = np.cumsum(weights, dtype=np.int64)
        if not self._ends.size or self._ends[-1] <= 0:
            raise ValueError("nobody has any weight")

    def sample(self, draws: Draws, stream: str, index: Index) -> Index:
        target = draws.below(stream, index, int(self._ends[-1]))
        return np.searchsorted(self._ends, target, side="right").astype(np.int64)
