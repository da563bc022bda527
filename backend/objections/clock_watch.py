"""Watching the clocks: a reminder before a stage runs out, an alarm after it has, each said once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.city_calendar import CalendarMissing, city_date
from backend.objections.deadlines import Deadlines
from backend.objections.models import Objection
from backend.objections.states import OPEN_STATES
from backend.objections.telling import tell_department, tell_office


@dataclass(frozen=True)
class Stage:
    """A clock that runs in a case: `department` says that the source department is the one to act."""

    code: str
    name: str
    due_on: date
    department: bool


def running_stages(objection: Objection, deadlines: Deadlines) -> Iterator[Stage]:
    """The clocks that someone is still to meet. Raises CalendarMissing."""
    if objection.state not in OPEN_STATES:
        return
    yield Stage("answer", "答复", objection.answer_due_on, department=False)
    if objection.state == "filed" and objection.department_code is not None:
        forward_due = deadlines.forward_due(filed_on=city_date(objection.filed_at))
        if forward_due is not None:
            yield Stage("forward", "转办", forward_due, department=False)
    if objection.state == "forwarded" and objection.provider_due_on is not None:
        yield Stage("provider", "数源单位核查", objection.provider_due_on, department=True)


def watch_clocks(session: Session, deadlines: Deadlines, *, now: datetime) -> int:
    """Remind and raise alarms over every open case; how many messages were new. Run by a worker.

    A stage whose reminder cannot be computed, for want of a year's holidays, still raises its alarm.
    """
    today = city_date(now)
    sent = 0
    for objection in session.scalars(select(Objection).where(Objection.state.in_(OPEN_STATES))):
        try:
            stages = list(running_stages(objection, deadlines))
        except CalendarMissing:
            stages = [Stage("answer", "答复", objection.answer_due_on, department=False)]
        for stage in stages:
            if stage.due_on < today:
                sent += _say(
                    session,
                    objection,
                    stage,
                    occasion="overdue",
                    title=f"异议{stage.name}已逾期",
                    body=f"应于 {stage.due_on:%Y-%m-%d} 前完成，现已逾期，请立即办理。",
                    now=now,
                )
            elif _is_soon(deadlines, objection, stage, today):
                sent += _say(
                    session,
                    objection,
                    stage,
                    occasion="due_soon",
                    title=f"异议{stage.name}即将到期",
                    body=f"请于 {stage.due_on:%Y-%m-%d} 前完成。",
                    now=now,
                )
    return sent


def _is_soon(deadlines: Deadlines, objection: Objection, stage: Stage, today: date) -> bool:
    try:
        return deadlines.reminder_is_due(stage.due_on, filed_on=city_date(objection.filed_at), today=today)
    except CalendarMissing:
        return False


def _say(
    session: Session, objection: Objection, stage: Stage, *, occasion: str, title: str, body: str, now: datetime
) -> int:
    key = f"{objection.case}:{occasion}:{stage.code}:{stage.due_on.isoformat()}"
    told = [partial(tell_office, once_key=f"{key}:office")]
    # Late, a department is told together with the office, whichever of the two is to act.
    if stage.department or (occasion == "overdue" and objection.state == "forwarded"):
        told.append(partial(tell_department, once_key=f"{key}:{objection.department_code}"))
    return sum(
        tell(session, objection, kind=f"objection_{occasion}", title=title, body=body, now=now) for tell in told
    )
