"""Records as columns: what the kernel reads.

One row is one catalogue record about one subject (or about one of its principals, see `relation`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.days import NO_DAY

__all__ = ["ACTIVE", "DISPUTED", "DTYPES", "EXPIRED", "NO_DAY", "REPAIRED", "REVOKED", "RecordColumns"]

ACTIVE, DISPUTED, REPAIRED, REVOKED, EXPIRED = range(5)
"""Values of `RecordColumns.state`. Disputed records may raise a score but not lower it; the last three count
nowhere, and neither does a value this list does not know."""

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Int16 = npt.NDArray[np.int16]
Int8 = npt.NDArray[np.int8]

DTYPES: dict[str, Any] = {
    "subject": np.int64,
    "record": np.int64,
    "category": np.int32,
    "event_day": np.int32,
    "end_day": np.int32,
    "performed_day": np.int32,
    "quantity": np.int64,
    "amount": np.int64,
    "level": np.int16,
    "event": np.int64,
    "state": np.int8,
    "relation": np.int8,
}


@dataclass(frozen=True, slots=True)
class RecordColumns:
    """Parallel one-dimensional arrays, sorted by subject; within a subject any order gives the same score.

    subject        subject number
    record         record number, unique within the subject; named in explanations, breaks ties
    category       `CompiledPolicy.category_index[code]`; -1 for a category the policy does not read
    event_day      day of the act (days since 1970-01-01); later than the as-of day: not yet counted
    end_day        day a continuing act ended. NO_DAY: for indicators that count from the end, still
                   continuing (or ended when performed); for all others, an act of one day
    performed_day  day the obligation was performed, NO_DAY when not
    quantity       hundredths of the category's unit (hours, times, months …); below zero counts as zero
    amount         cents; below zero counts as zero
    level          ordinal of the catalogue level, 1 for the first listed, 0 for none
    event          key shared by several records of one act; 0: the record is its own act
    state          0 active, 1 disputed, 2 repaired, 3 revoked, 4 expired
    relation       0 own, 1 legal representative, 2 shareholder, 3 actual controller, 4 executive
    """

    subject: Int64
    record: Int64
    category: Int32
    event_day: Int32
    end_day: Int32
    performed_day: Int32
    quantity: Int64
    amount: Int64
    level: Int16
    event: Int64
    state: Int8
    relation: Int8

    def __post_init__(self) -> None:
        length = len(self.subject)
        for column in fields(self):
            values = np.ascontiguousarray(getattr(self, column.name), dtype=DTYPES[column.name])
            if values.shape != (length,):
                raise ValueError(f"column {column.name} has shape {values.shape}, expected ({length},)")
            object.__setattr__(self, column.name, values)

    def __len__(self) -> int:
        return len(self.subject)

    @classmethod
    def empty(cls) -> RecordColumns:
        """No records."""
        return cls(**{name: np.empty(0, dtype) for name, dtype in DTYPES.items()})

    @classmethod
    def of(cls, **columns: Any) -> RecordColumns:
        """Columns from sequences; those left out get their neutral value (no day, no level, active, own).

        `subject`, `record`, `category` and `event_day` are required.
        """
        length = len(columns["record"])
        neutral = {"end_day": NO_DAY, "performed_day": NO_DAY}
        filled = {
            name: columns[name] if name in columns else np.full(length, neutral.get(name, 0), dtype)
            for name, dtype in DTYPES.items()
        }
        return cls(**filled)

    def take(self, rows: Any) -> RecordColumns:
        """The rows of an index array, a boolean mask or a slice, in that order."""
        return RecordColumns(**{column.name: getattr(self, column.name)[rows] for column in fields(self)})

    def joined(self, other: RecordColumns) -> RecordColumns:
        """These rows followed by the other's."""
        return RecordColumns(
            **{
                column.name: np.concatenate([getattr(self, column.name), getattr(other, column.name)])
                for column in fields(self)
            }
        )


def sort_by_subject(columns: RecordColumns) -> RecordColumns:
    """The same rows in ascending order of subject; returned as they are when they already stand so."""
    if len(columns) < 2 or bool(np.all(columns.subject[1:] >= columns.subject[:-1])):
        return columns
    return columns.take(np.argsort(columns.subject, kind="stable"))
