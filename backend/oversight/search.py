"""Searching the ledger as an auditor: by person, by reader, by period; what was seen goes into the ledger too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.city_calendar import CITY_ZONE
from backend.ledger.models import LedgerEntry
from backend.ledger.service import Actor, record_access
from backend.oversight.errors import SearchTooWide

LONGEST_PERIOD_DAYS = 31
MOST_EXPORTED = 5_000
BASIS = "依职责审计台账"


def search_ledger(
    session: Session,
    *,
    subject_id: int | None,
    actor: str | None,
    since: date | None,
    until: date | None,
    before_id: int | None = None,
    limit: int = 50,
) -> Sequence[LedgerEntry]:
    """Newest first. `actor` is part of a reader's name; days are the city's, both included.

    Without a person the period must be stated and short: a search of everything is not a question.
    Raises SearchTooWide.
    """
    if subject_id is None and (since is None or until is None or (until - since).days >= LONGEST_PERIOD_DAYS):
        raise SearchTooWide
    query = select(LedgerEntry)
    if subject_id is not None:
        query = query.where(LedgerEntry.subject_id == subject_id)
    if actor:
        query = query.where(LedgerEntry.actor_name.contains(actor, autoescape=True))
    if since is not None:
        query = query.where(LedgerEntry.at >= datetime.combine(since, time(), CITY_ZONE))
    if until is not None:
        query = query.where(LedgerEntry.at < datetime.combine(until + timedelta(days=1), time(), CITY_ZONE))
    if before_id is not None:
        query = query.where(LedgerEntry.id < before_id)
    return session.scalars(query.order_by(LedgerEntry.id.desc()).limit(limit)).all()


def note_search(
    session: Session, entries: Sequence[LedgerEntry], *, auditor: Actor, reason: str, action: str, now: datetime
) -> None:
    """One row for each person whose entries were shown. An auditor's look is a look."""
    for subject_id in dict.fromkeys(entry.subject_id for entry in entries):
        record_access(
            session,
            subject_id=subject_id,
            actor=auditor,
            action=action,
            basis=BASIS,
            purpose=reason,
            detail={},
            channel="console",
            now=now,
        )
