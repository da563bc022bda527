"""Taking a step in the life of a case, and reading what happened to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from backend.cases.models import Case, CaseStep
from backend.errors import DomainError

Step = TypeVar("Step", bound=CaseStep)


@dataclass(frozen=True)
class CaseKind(Generic[Step]):
    """One kind of case.

    name        how evidence, commitments, notifications and the ledger name it: `name:id`
    rows        its table
    steps       the table of its steps, `case_column` in it names the case
    state_after the table of states: raises for an event that the state does not allow
    forbids     the refusal when somebody else moved it first, given the state it is in now
    """

    name: str
    rows: type[Case]
    steps: type[Step]
    case_column: InstrumentedAttribute[UUID]
    state_after: Callable[[Any, Any], str]
    forbids: Callable[[str], DomainError]

    def name_of(self, case: Case) -> str:
        return f"{self.name}:{case.id}"

    def move(
        self,
        session: Session,
        case: Case,
        event: str,
        *,
        actor: str,
        now: datetime,
        detail: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """Of two at once, the second finds the state changed and is refused. Raises like the table of states."""
        session.flush()
        before = case.state
        moved = session.execute(
            update(self.rows)
            .where(self.rows.id == case.id, self.rows.state == before)
            .values(state=self.state_after(before, event), **values)
            .returning(self.rows.id)
            .execution_options(synchronize_session=False)
        ).first()
        session.refresh(case)
        if moved is None:
            raise self.forbids(case.state)
        self.remember(session, case, event, actor=actor, now=now, detail=detail)

    def remember(
        self,
        session: Session,
        case: Case,
        event: str,
        *,
        actor: str,
        now: datetime,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        step = self.steps()
        step.event, step.at, step.actor, step.detail = event, now, actor, dict(detail or {})
        setattr(step, self.case_column.key, case.id)
        session.add(step)

    def steps_of(self, session: Session, case_id: UUID) -> Sequence[Step]:
        """Oldest first."""
        return session.scalars(select(self.steps).where(self.case_column == case_id).order_by(self.steps.id)).all()
