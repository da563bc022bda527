"""Opening one's own score and leaving again: the consent and the score move together.

Leaving deletes every score that was ever computed for the person, of every run. What stays and why is written down
in docs/decisions: the consent with its events, the ledger, and the records, none of which is a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from backend.authorizations.models import Consent
from backend.authorizations.service import (
    give_activation,
    withdraw_activation,
    withdraw_consent,
    written_consents,
)
from backend.catalogue.service import known_categories
from backend.city_calendar import city_date
from backend.records.service import change_state, lock_record, records_of
from backend.scores.service import forget_scores
from backend.subjects.rescoring import mark_for_rescoring
from backend.subjects.service import get_subject
from backend.supplements.service import take_back_what_rests_on


def activate_score(
    session: Session, *, subject_id: int, notice_version: str, evidence: Mapping[str, object], now: datetime
) -> Consent:
    """Give the consent that a score rests on; the score follows within seconds.

    Raises what `give_activation` raises: minors have no score, and activating twice is a conflict.
    """
    consent = give_activation(
        session, get_subject(session, subject_id), notice_version=notice_version, evidence=evidence, now=now
    )
    mark_for_rescoring(session, [subject_id], cause="activation", now=now)
    return consent


def leave_score(session: Session, *, subject_id: int, now: datetime) -> UUID:
    """Withdraw the consent and delete every score, in one step (PIPL arts. 15 and 47). Raises ConsentNotFound."""
    consent = withdraw_activation(session, subject_id=subject_id, now=now)
    _forget(session, subject_id, now=now)
    return consent.id


def withdraw_authorization(session: Session, *, subject_id: int, consent_id: UUID, now: datetime) -> Consent:
    """Withdraw any one consent; with the activation the scores that rest on it are deleted too, with a
    written consent what was supplied on it is revoked.

    Raises ConsentNotFound or ConsentNotInState.
    """
    consent = withdraw_consent(session, subject_id=subject_id, consent_id=consent_id, now=now)
    if consent.kind == "activation":
        _forget(session, subject_id, now=now)
    if consent.kind == "written":
        take_back_what_rests_on(session, consent_id=consent.id, now=now)
        _revoke_delivered(session, consent, now=now)
    return consent


def _revoke_delivered(session: Session, consent: Consent, *, now: datetime) -> None:
    """What departments delivered on the written consent is used no longer, unless another one still covers it."""
    covered = {name for _, name in written_consents(session, [consent.subject_id])}
    categories = known_categories(session, city_date(now))
    ended = {
        code
        for code, category in categories.items()
        if category.written_consent and category.name in set(consent.data_categories) - covered
    }
    for record in records_of(session, consent.subject_id):
        if record.category in ended and record.state != "revoked":
            change_state(
                session,
                lock_record(session, record.id),
                state="revoked",
                changed_by="本人",
                reason="本人撤回单独书面同意",
                now=now,
            )


def _forget(session: Session, subject_id: int, *, now: datetime) -> None:
    """The consent has ended in this transaction already, so whoever computes a score now waits or finds none.

    A run over the whole city that took its snapshot before may still stage a score: the mark makes the worker look
    again, after this and after that run's publication, and delete it.
    """
    forget_scores(session, subject_id)
    mark_for_rescoring(session, [subject_id], cause="left", now=now)
