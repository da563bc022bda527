"""What the city takes rows in with: bound once where the server, the worker or a command is put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from backend.city_calendar import WorkingDays
from backend.identifiers.sealing import KeyRing
from backend.records.models import RecordState

StatesInForce = Callable[[Session, Sequence[int]], Mapping[int, RecordState]]
"""The state of each of these locked records while it is in force; those left out are active."""


@dataclass(frozen=True)
class Intake:
    """Bound together, so that no way in can go without one of them.

    calendar         working days that timeliness counts in
    states_in_force  asked about records that their department withdrew and delivers again: what others decided
                     about them meanwhile (an objection, a repair) holds from the moment in which they come back
    """

    keys: KeyRing
    calendar: WorkingDays
    states_in_force: StatesInForce
