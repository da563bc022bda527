"""Access tokens of partners: who is calling, with which scopes, and is all that the token rests on still there."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from backend.authorizations.errors import ScopeMissing, TokenNotValid
from backend.authorizations.models import Consent, OAuthToken, UsedAssertion
from backend.database import note_change
from backend.partners.models import Partner
from backend.subjects.models import Subject

TOKEN_LIFETIME = timedelta(minutes=10)

PARTNER_SCOPES = {
    "benefit:check": "核验凭码",
    "benefit:redeem": "核销与撤销",
    "benefit:read": "查看本单位参加的方案与核销记录",
    "notifications:read": "查看发给本单位的通知，如此前的答复所依据的数据已更正",
}
"""What a partner may ask for on its own. Anything about a citizen beyond yes or no needs that citizen's consent
and is never given by client credentials."""

DEPARTMENT_SCOPES = {
    "records:deliver": "报送本单位的公共信用信息，查看批次，更正待处理的行",
    "objections:answer": "核查并答复对本单位报送信息的异议",
    "cases:decide": "决定本单位认定的失信信息的修复申请，核验由本单位负责的自主申报",
}
"""What a source department may ask for besides. None of these shows more of a person than it delivered itself."""


def scopes_for(kind: str) -> Mapping[str, str]:
    """Scope → what it is for, of a partner of this kind."""
    return {**PARTNER_SCOPES, **DEPARTMENT_SCOPES} if kind == "department" else PARTNER_SCOPES


@dataclass(frozen=True)
class PartnerIdentity:
    """Whoever calls with a valid token. `consent_id` is set when the token rests on one citizen's consent."""

    partner_id: UUID
    code: str
    name: str
    kind: str
    scopes: frozenset[str]
    consent_id: UUID | None

    def check_has_scope(self, scope: str) -> None:
        """Raises ScopeMissing."""
        if scope not in self.scopes:
            raise ScopeMissing(scope)


def issue_access_token(
    session: Session,
    *,
    partner_id: UUID,
    scopes: Collection[str],
    token: str,
    now: datetime,
    consent_id: UUID | None = None,
) -> OAuthToken:
    """Remember a token by its hash alone: whoever reads the table cannot use what they find there."""
    row = OAuthToken(
        partner_id=partner_id,
        token_hash=hash_of(token),
        scopes=sorted(scopes),
        consent_id=consent_id,
        issued_at=now,
        expires_at=now + TOKEN_LIFETIME,
    )
    session.add(row)
    session.flush()
    return row


def authenticate_partner(session: Session, token: str, now: datetime) -> PartnerIdentity:
    """Raises TokenNotValid: whatever the reason, the answer is the same.

    Partner and consent are looked at on every call, so suspending the one or withdrawing the other ends the
    token at once.
    """
    return partner_of_token(session, token, now)[0]


def partner_of_token(session: Session, token: str, now: datetime) -> tuple[PartnerIdentity, datetime]:
    """Whose token it is, and until when. Raises TokenNotValid."""
    found = session.execute(
        select(OAuthToken, Partner, Consent, Subject.status)
        .join(Partner, Partner.id == OAuthToken.partner_id)
        .outerjoin(Consent, Consent.id == OAuthToken.consent_id)
        .outerjoin(Subject, Subject.id == Consent.subject_id)
        .where(OAuthToken.token_hash == hash_of(token))
    ).first()
    if found is None:
        raise TokenNotValid
    row, partner, consent, citizen_status = found
    if row.revoked_at is not None or row.expires_at <= now or partner.state != "active":
        raise TokenNotValid
    if row.consent_id is not None and not (_holds(consent, now) and citizen_status == "active"):
        raise TokenNotValid
    identity = PartnerIdentity(
        partner_id=partner.id,
        code=partner.code,
        name=partner.name,
        kind=partner.kind,
        scopes=frozenset(row.scopes),
        consent_id=row.consent_id,
    )
    return identity, row.expires_at


def revoke_tokens_of_partner(session: Session, partner_id: UUID, *, now: datetime) -> None:
    """After a key is lost: what was issued on it ends with it."""
    note_change(session, "configuration")
    session.execute(
        update(OAuthToken)
        .where(OAuthToken.partner_id == partner_id, OAuthToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def purge_expired(session: Session, *, now: datetime) -> None:
    """For the sweeper: tokens and assertions that can no longer be used."""
    session.execute(delete(OAuthToken).where(OAuthToken.expires_at < now - timedelta(days=1)))
    session.execute(delete(UsedAssertion).where(UsedAssertion.expires_at < now - timedelta(minutes=5)))


def new_token() -> str:
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """A random token of 256 bits needs no slow hash: there is nothing to guess."""
    return sha256(token.encode()).digest()


def _holds(consent: Consent | None, now: datetime) -> bool:
    return (
        consent is not None
        and consent.state == "given"
        and (consent.expires_at is None or now < consent.expires_at)
    )
