"""What is said to those whom a case concerns: whoever asked, and the department that decides."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from backend.cases.models import DepartmentsCase
from backend.errors import DomainError
from backend.notifications.service import Recipient, notify

SHORTEST_REPLY = 5


def said(text: str, missing: type[DomainError]) -> str:
    """A text that the applicant will read. Raises `missing` when it is too short to be one."""
    if len(text.strip()) < SHORTEST_REPLY:
        raise missing
    return text.strip()


def tell_applicant(
    session: Session,
    case: DepartmentsCase,
    *,
    kind: str,
    title: str,
    body: str,
    about: str,
    now: datetime,
    once_key: str | None = None,
) -> int:
    """The subject, and the legal representative who asked for it; how many were not told before."""
    return sum(
        notify(
            session,
            Recipient(subject_id=subject_id),
            kind=kind,
            title=title,
            body=body,
            about=about,
            once_key=once_key and f"{once_key}:{subject_id}",
            now=now,
        )
        for subject_id in sorted({case.subject_id, case.applicant_id})
    )


def tell_department(
    session: Session,
    case: DepartmentsCase,
    *,
    kind: str,
    title: str,
    body: str,
    about: str,
    now: datetime,
    once_key: str | None = None,
) -> bool:
    """By its code, so that its own system and its officers in the console read the same message."""
    return notify(
        session,
        Recipient(partner_code=case.department_code),
        kind=kind,
        title=title,
        body=body,
        about=about,
        once_key=once_key and f"{once_key}:{case.department_code}",
        now=now,
    )
