"""How long there still is, in the city's working days."""

from __future__ import annotations

from datetime import date

from backend.city_calendar import CalendarYearUnknown, city_date
from backend.objections.deadlines import working_days_left
from backend.web.context import now, services


def days_left(due_on: date | None) -> int | None:
    """0 on the last day, negative once late; null without a clock, or with a year's holidays unannounced."""
    if due_on is None:
        return None
    try:
        return working_days_left(services().working_days, today=city_date(now()), due_on=due_on)
    except CalendarYearUnknown:
        return None
