"""Made-up records in memory, for the benchmarks that do not read files."""

from __future__ import annotations

from datetime import date

import numpy as np

from scoring.columns import NO_DAY, RecordColumns
from scoring.compiled import CompiledPolicy
from scoring.days import to_day

AS_OF = date(2026, 6, 30)


def city_columns(compiled: CompiledPolicy, subjects: int, records_each: int) -> RecordColumns:
    """So many records of every subject, over five years, of all categories that the policy reads."""
    draw = np.random.default_rng(42)
    n = subjects * records_each
    begun = to_day(AS_OF) - draw.integers(0, 1_800, n)
    return RecordColumns.of(
        subject=np.repeat(np.arange(subjects), records_each),
        record=np.arange(n),
        category=draw.integers(0, len(compiled.category_index), n),
        event_day=begun,
        end_day=np.where(draw.random(n) < 0.3, begun + 60, NO_DAY),
        quantity=draw.integers(0, 4_000, n),
        amount=draw.integers(0, 500_000, n),
        level=draw.integers(1, 4, n),
        state=(draw.random(n) < 0.02).astype(np.int8),
    )
