"""The cases that somebody has to act on: the most urgent first, how many, and whom the clock concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from backend.cases.models import TimedCase
from backend.city_calendar import CalendarYearUnknown, WorkingDays

Timed = TypeVar("Timed", bound=TimedCase)

NO_CLOCK = date(9999, 12, 31)


@dataclass(frozen=True)
class CaseQueue(Generic[Timed]):
    """`running` are the states in which somebody has to act by the clock."""

    rows: type[Timed]
    running: Sequence[str]

    def page(
        self, *conditions: ColumnElement[bool], session: Session, after: tuple[date, UUID] | None, limit: int
    ) -> Sequence[Timed]:
        """What meets the conditions, the clock that runs out first in front; `after` is `place` and id of the
        last one seen."""
        place = func.coalesce(self.rows.due_on, NO_CLOCK)
        query = select(self.rows).where(*conditions)
        if after is not None:
            due, case_id = after
            query = query.where(or_(place > due, and_(place == due, self.rows.id > case_id)))
        return session.scalars(query.order_by(place, self.rows.id).limit(limit)).all()

    @staticmethod
    def place(case: TimedCase) -> date:
        return case.due_on or NO_CLOCK

    def is_overdue(self, case: TimedCase, today: date) -> bool:
        return case.state in self.running and case.due_on is not None and case.due_on < today

    def count_open(self, session: Session, today: date, *among: ColumnElement[bool]) -> tuple[int, int]:
        """How many are on the clock, and how many of these are overdue; only those that meet `among`."""
        total, overdue = session.execute(
            select(func.count(), func.count().filter(self.rows.due_on < today))
            .select_from(self.rows)
            .where(self.rows.state.in_(self.running), *among)
        ).one()
        return total, overdue

    def due(self, session: Session, *, by: date) -> Sequence[Timed]:
        """What is to be acted on by that day, and should have been before it."""
        return session.scalars(
            select(self.rows)
            .where(self.rows.state.in_(self.running), self.rows.due_on <= by)
            .order_by(self.rows.due_on, self.rows.id)
        ).all()


def next_working_day(today: date, working_days: WorkingDays) -> date:
    """Until when something is due soon; today itself in a year whose holidays are not announced yet."""
    try:
        return working_days.after(today, 1)
    except CalendarYearUnknown:
        return today
