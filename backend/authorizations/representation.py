"""Consents of enterprises: given by a legal representative, and good only while that is who they are."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from backend.authorizations.models import Consent
from backend.subjects.service import represents


def still_speaks(session: Session, consent: Consent, on: date) -> bool:
    """Whether whoever gave it could give it on the day: always for one's own; for an enterprise's only its living
    legal representative (《民法典》第六十一条)."""
    if consent.given_by_id is None:
        return True
    return represents(session, person_id=consent.given_by_id, enterprise_id=consent.subject_id, on=on)
