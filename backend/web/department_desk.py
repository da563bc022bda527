"""From where a source department acts: its own system, or its officer in the console. The routes are the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from marshmallow import fields, validate
from sqlalchemy.orm import Session

from backend.ledger.service import Actor, record_access
from backend.web.context import now
from backend.web.guards import View
from backend.web.pages import PageQuery, PlaceField


@dataclass(frozen=True)
class Desk:
    """One surface on which departments act.

    guard            who may call; after it, `department_code` and `actor` are known
    reads            applied to every view that shows a person's data, below the guard
    actor            who it is in the subject's ledger and in the history of a case
    purpose          what the ledger says a look was for, given what such looks are for as a rule
    channel          as in the ledger
    """

    guard: Callable[[View], View]
    reads: Callable[[View], View]
    department_code: Callable[[], str]
    actor: Callable[[Session], Actor]
    purpose: Callable[[str], str]
    channel: str

    def note(
        self, session: Session, *, subject_id: int, action: str, basis: str, purpose: str, detail: dict[str, str]
    ) -> None:
        """Everything a department reads or decides of a case is in the subject's ledger."""
        record_access(
            session,
            subject_id=subject_id,
            actor=self.actor(session),
            action=action,
            basis=basis,
            purpose=purpose,
            detail=detail,
            channel=self.channel,
            now=now(),
        )


class DeskQuery(PageQuery):
    cursor = PlaceField(date.fromisoformat)  # type: ignore[assignment]  # a page ordered by day, not by number
    state = fields.String(
        load_default="waiting",
        validate=validate.OneOf(("waiting", "done")),
        metadata={"description": "waiting 待本单位答复，done 已答复或已办结"},
    )
