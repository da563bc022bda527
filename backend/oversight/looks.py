"""What a look in the ledger was at, in words, for the person who was looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.authorizations.models import Consent
from backend.ledger.models import LedgerEntry
from backend.records.models import CreditRecord

_RECORD = "record:"
_MATTERS = {"score": "信用分及其组成", "benefit": "权益资格的判定"}


def titles_in(session: Session, entries: Sequence[LedgerEntry]) -> Mapping[int, str]:
    """By entry: the record that was looked at, or another matter of an objection; nothing for other entries.

    Of a record that has been deleted since, nothing is left to name.
    """
    about = {entry.id: found for entry in entries if (found := _about(entry))}
    records = {int(what.removeprefix(_RECORD)) for what in about.values() if what.startswith(_RECORD)}
    names = {
        f"{_RECORD}{record_id}": f"记录“{title}”"
        for record_id, title in session.execute(
            select(CreditRecord.id, CreditRecord.title).where(CreditRecord.id.in_(records))
        )
    }
    return {
        entry_id: name
        for entry_id, what in about.items()
        if (name := names.get(what) or _MATTERS.get(what.partition(":")[0]))
    }


def consents_in(session: Session, entries: Sequence[LedgerEntry]) -> Mapping[str, Consent]:
    """By id as the entries name it: what the citizen had agreed to when something was disclosed."""
    named = {str(entry.detail["consent"]) for entry in entries if entry.detail.get("consent")}
    found = session.scalars(select(Consent).where(Consent.id.in_([UUID(one) for one in named])))
    return {str(consent.id): consent for consent in found}


def _about(entry: LedgerEntry) -> str | None:
    if about := entry.detail.get("about"):
        return str(about)
    if record := entry.detail.get("record"):
        return f"{_RECORD}{record}"
    return None
