"""Taking one step in the life of an objection: locked, checked against the table of states, and remembered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.objections.errors import ObjectionNotFound, ObjectionStateForbids
from backend.objections.models import Objection, ObjectionEvent
from backend.objections.states import STATE_NAMES, ObjectionEventName, ObjectionState, state_after


def get_objection(session: Session, objection_id: UUID) -> Objection:
    """Raises ObjectionNotFound."""
    objection = session.get(Objection, objection_id)
    if objection is None:
        raise ObjectionNotFound
    return objection


def lock_objection(session: Session, objection_id: UUID) -> Objection:
    """As it is now, and nobody else moves it until the transaction ends. Raises ObjectionNotFound.

    Always taken before the record's lock, so that two who act at once wait for each other.
    """
    objection = session.scalar(
        select(Objection)
        .where(Objection.id == objection_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if objection is None:
        raise ObjectionNotFound
    return objection


def move(
    session: Session,
    objection: Objection,
    event: ObjectionEventName,
    *,
    actor: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> None:
    """Of two at once, the second finds the state changed and is refused. Raises ObjectionStateForbids."""
    before: ObjectionState = objection.state  # type: ignore[assignment]
    moved = session.execute(
        update(Objection)
        .where(Objection.id == objection.id, Objection.state == before)
        .values(state=state_after(before, event), **values)
        .returning(Objection.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(objection)
    if moved is None:
        state: ObjectionState = objection.state  # type: ignore[assignment]
        raise ObjectionStateForbids(state, STATE_NAMES[state])
    remember(session, objection, event, actor=actor, now=now, detail=detail)


def remember(
    session: Session,
    objection: Objection,
    event: ObjectionEventName | Literal["file"],
    *,
    actor: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    session.add(
        ObjectionEvent(objection_id=objection.id, event=event, at=now, actor=actor, detail=dict(detail or {}))
    )
