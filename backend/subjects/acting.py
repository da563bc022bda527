"""For whom a signed-in person acts: for themselves, or for an enterprise or organisation that they legally
represent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from backend.subjects.errors import EnterpriseNotRepresented
from backend.subjects.models import Subject
from backend.subjects.service import get_subject, represented_by


@dataclass(frozen=True)
class ActingFor:
    """`subject` is whose matter it is, `person_id` who acts, `capacity` as what, in words for a history."""

    subject: Subject
    person_id: int
    capacity: str

    @property
    def on_behalf(self) -> bool:
        """For an enterprise, not for oneself."""
        return self.subject.id != self.person_id


def acting_for(session: Session, *, person_id: int, enterprise_code: str | None, on: date) -> ActingFor:
    """`enterprise_code` None: the person themselves. Raises EnterpriseNotRepresented or SubjectNotFound."""
    if enterprise_code is None:
        return ActingFor(get_subject(session, person_id), person_id, "本人")
    for enterprise in represented_by(session, person_id, on):
        if enterprise.public_code == enterprise_code:
            return ActingFor(enterprise, person_id, "法定代表人")
    raise EnterpriseNotRepresented


def subjects_of(session: Session, person_id: int, on: date) -> list[int]:
    """Whose matters the person may see: their own, and those of the enterprises they represent on the day."""
    return [person_id, *(enterprise.id for enterprise in represented_by(session, person_id, on))]
