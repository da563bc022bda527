"""Putting a version of the catalogue into force with four eyes: one person proposes, another decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.catalogue.document import Change, compare_catalogues, parse_catalogue
from backend.catalogue.errors import (
    DraftDecided,
    DraftNotFound,
    EffectInThePast,
    NoCatalogueInForce,
    SamePerson,
    VersionAlreadyImported,
)
from backend.catalogue.models import CatalogueDraft, CatalogueVersion
from backend.catalogue.service import catalogue_in_force, import_catalogue
from backend.city_calendar import city_date

DraftDecision = Literal["approved", "rejected"]


@dataclass(frozen=True)
class Proposer:
    """Who proposes or decides: a stable id, and the name that others read."""

    id: str
    name: str


def propose_catalogue(session: Session, document: str, *, by: Proposer, now: datetime) -> CatalogueDraft:
    """Check a document by every rule and keep it until somebody else has decided.

    Raises what `parse_catalogue` raises, VersionAlreadyImported and EffectInThePast.
    """
    catalogue = parse_catalogue(document)
    if catalogue.effective_from < city_date(now):
        raise EffectInThePast(catalogue.effective_from.isoformat())
    if session.scalar(select(CatalogueVersion.id).where(CatalogueVersion.version == catalogue.version)):
        raise VersionAlreadyImported(catalogue.version)
    draft = CatalogueDraft(
        version=catalogue.version,
        name=catalogue.name,
        effective_from=catalogue.effective_from,
        document=document,
        state="proposed",
        proposed_by=by.id,
        proposer_name=by.name,
        proposed_at=now,
    )
    session.add(draft)
    session.flush()
    return draft


def decide_draft(
    session: Session, draft_id: UUID, *, decision: DraftDecision, reason: str, by: Proposer, now: datetime
) -> CatalogueDraft:
    """Approved, the version is in force from its date. Of two decisions at once the second is refused.

    Raises DraftNotFound, SamePerson, DraftDecided, EffectInThePast, and what `import_catalogue` raises.
    """
    draft = get_draft(session, draft_id)
    if draft.proposed_by == by.id:
        raise SamePerson
    moved = session.execute(
        update(CatalogueDraft)
        .where(CatalogueDraft.id == draft_id, CatalogueDraft.state == "proposed")
        .values(
            state=decision, decided_by=by.id, decider_name=by.name, decided_at=now, decision_reason=reason.strip()
        )
        .returning(CatalogueDraft.id)
        .execution_options(synchronize_session=False)
    ).first()
    if moved is None:
        raise DraftDecided
    session.refresh(draft)
    if decision == "approved":
        if draft.effective_from < city_date(now):
            raise EffectInThePast(draft.effective_from.isoformat())
        import_catalogue(session, draft.document, now)
    return draft


def get_draft(session: Session, draft_id: UUID) -> CatalogueDraft:
    """Raises DraftNotFound."""
    draft = session.get(CatalogueDraft, draft_id)
    if draft is None:
        raise DraftNotFound
    return draft


def drafts(session: Session, *, limit: int = 50) -> Sequence[CatalogueDraft]:
    """Newest first."""
    return session.scalars(
        select(CatalogueDraft).order_by(CatalogueDraft.proposed_at.desc(), CatalogueDraft.id).limit(limit)
    ).all()


def changes_of_draft(session: Session, draft: CatalogueDraft, on: date) -> Sequence[Change]:
    """What it would change in the catalogue in force on the day; everything is new while there is none."""
    after = parse_catalogue(draft.document)
    try:
        before = catalogue_in_force(session, on)
    except NoCatalogueInForce:
        return [Change(code, None, None, category) for code, category in after.categories.items()]
    return compare_catalogues(before, after)
