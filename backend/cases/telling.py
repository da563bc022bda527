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


def as_sentence(text: str) -> str:
    """With one full stop at its end, however the officer ended it, so that another can follow."""
    return f"{text.strip().rstrip('。.；;')}。"


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
    """Whose case it is; an enterprise's messages are read by whoever legally represents it at the time. How many
    were not told before."""
    return int(
        notify(
            session,
            Recipient(subject_id=case.subject_id),
            kind=kind,
            title=title,
            body=body,
            about=about,
            once_key=once_key and f"{once_key}:{case.subject_id}",
            now=now,
        )
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
