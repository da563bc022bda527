"""What the office has approved for an institution: where it may be answered, and what it may ask citizens for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.authorizations.consent_scopes import CONSENT_SCOPES
from backend.authorizations.errors import (
    OnlyInstitutionsAsk,
    RedirectUriNotAcceptable,
    RedirectUriUnknown,
    ScopeUnknown,
    TermRequired,
)
from backend.authorizations.models import ApprovedScope, AuthorizationRequest, Consent, RedirectUri
from backend.authorizations.service import apply_event
from backend.authorizations.states import HELD
from backend.authorizations.terms import terms_on
from backend.city_calendar import city_date
from backend.partners.models import Partner

_THIS_MACHINE = {"127.0.0.1", "localhost", "[::1]"}
LONGEST_URI = 500


def add_redirect_uri(session: Session, partner: Partner, uri: str, *, now: datetime) -> None:
    """Adding one that is there already changes nothing. Raises OnlyInstitutionsAsk or RedirectUriNotAcceptable."""
    check_redirect_uri(partner, uri)
    if session.get(RedirectUri, (partner.id, uri)) is None:
        session.add(RedirectUri(partner_id=partner.id, uri=uri, added_at=now))
        session.flush()


def check_redirect_uri(partner: Partner, uri: str) -> None:
    """Raises OnlyInstitutionsAsk or RedirectUriNotAcceptable."""
    if partner.kind != "institution":
        raise OnlyInstitutionsAsk
    if not _is_acceptable(uri):
        raise RedirectUriNotAcceptable


def check_scope(partner: Partner, *, scope: str, longest_days: int, now: datetime) -> None:
    """Raises OnlyInstitutionsAsk, ScopeUnknown or TermRequired."""
    if partner.kind != "institution":
        raise OnlyInstitutionsAsk
    if scope not in CONSENT_SCOPES:
        raise ScopeUnknown(scope)
    longest = terms_on(city_date(now)).longest_days
    if not 1 <= longest_days <= longest:
        raise TermRequired(longest)


def _is_acceptable(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return False
    if not host or len(uri) > LONGEST_URI or not uri.isascii() or any(letter <= " " for letter in uri):
        return False
    plain = parts.username is None and parts.password is None and "#" not in uri
    return plain and (parts.scheme == "https" or (parts.scheme == "http" and host in _THIS_MACHINE))


def remove_redirect_uri(session: Session, partner: Partner, uri: str, *, now: datetime) -> None:
    """Nobody is sent there any more, also not whoever has the question on their screen; consents stay.

    Raises RedirectUriUnknown.
    """
    registered = session.get(RedirectUri, (partner.id, uri))
    if registered is None:
        raise RedirectUriUnknown
    session.delete(registered)
    session.execute(
        update(AuthorizationRequest)
        .where(
            AuthorizationRequest.partner_id == partner.id,
            AuthorizationRequest.redirect_uri == uri,
            AuthorizationRequest.code_used_at.is_(None),
            AuthorizationRequest.expires_at > now,
        )
        .values(expires_at=now)
        .execution_options(synchronize_session=False)
    )
    session.flush()


def redirect_uris_of(session: Session, partner: Partner) -> Sequence[str]:
    return session.scalars(
        select(RedirectUri.uri).where(RedirectUri.partner_id == partner.id).order_by(RedirectUri.uri)
    ).all()


def approve_scope(
    session: Session,
    partner: Partner,
    *,
    scope: str,
    purpose: str,
    longest_days: int,
    approved_by: str,
    now: datetime,
    frequency: tuple[int, int] | None = None,
) -> ApprovedScope:
    """Let the institution ask citizens for it, from now on in these words; a former approval of it is replaced.

    `frequency` is (most, days): how often it may read in each so many days. Consents already given keep theirs.

    Raises OnlyInstitutionsAsk, ScopeUnknown or TermRequired.
    """
    check_scope(partner, scope=scope, longest_days=longest_days, now=now)
    if (former := approved_scopes_of(session, partner).get(scope)) is not None:
        former.ended_at = now
        session.flush()
    approved = ApprovedScope(
        partner_id=partner.id,
        scope=scope,
        purpose=purpose,
        longest_days=longest_days,
        frequency_most=frequency[0] if frequency else None,
        frequency_days=frequency[1] if frequency else None,
        approved_by=approved_by,
        approved_at=now,
    )
    session.add(approved)
    session.flush()
    return approved


def end_scope(session: Session, partner: Partner, *, scope: str, now: datetime) -> int:
    """Take the approval back, and with it what citizens gave for it; how many consents ended.

    Raises ScopeUnknown.
    """
    former = approved_scopes_of(session, partner).get(scope)
    if former is None:
        raise ScopeUnknown(scope)
    former.ended_at = now
    given = [
        consent
        for consent in session.scalars(
            select(Consent).where(
                Consent.recipient_partner_id == partner.id, Consent.kind == "sharing", Consent.state.in_(HELD)
            )
        )
        if scope in consent.scopes
    ]
    for consent in given:
        apply_event(session, consent, "withdraw", actor="system", now=now, because="approval_ended")
    return len(given)


def approved_scopes_of(session: Session, partner: Partner) -> Mapping[str, ApprovedScope]:
    """By scope, those in force."""
    rows = session.scalars(
        select(ApprovedScope).where(ApprovedScope.partner_id == partner.id, ApprovedScope.ended_at.is_(None))
    )
    return {row.scope: row for row in rows}
