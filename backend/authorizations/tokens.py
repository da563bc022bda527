"""Access tokens of partners: who is calling, with which scopes, and is all that the token rests on still there."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from backend.authorizations.errors import ConsentNotUsable, ScopeMissing, TokenNotValid
from backend.authorizations.models import (
    AuthorizationRequest,
    Consent,
    GrantedConsent,
    OAuthGrant,
    OAuthToken,
    UsedAssertion,
)
from backend.authorizations.representation import still_speaks
from backend.city_calendar import city_date
from backend.database import note_change
from backend.partners.errors import ContractEnded
from backend.partners.models import Partner
from backend.partners.service import no_contract_covers
from backend.subjects.models import Subject

TOKEN_LIFETIME = timedelta(minutes=10)

PARTNER_SCOPES = {
    "benefit:check": "核验凭码",
    "benefit:redeem": "核销与撤销",
    "benefit:read": "查看本单位参加的方案与核销记录",
    "keys:manage": "登记本单位的新公钥，停用旧的",
    "webhooks:manage": "登记回调地址，查看与重发回调",
    "notifications:read": "查看发给本单位的通知，如此前的答复所依据的数据已更正",
    "deletions:confirm": "查看授权终止后应删除的信息，确认已经删除",
}
"""What a partner may ask for on its own. Anything about a citizen beyond yes or no needs that citizen's consent
and is never given by client credentials."""

INSTITUTION_SCOPES = {
    "referral:read": "查看市民转来的贷款申请",
    "referral:report": "反馈贷款申请的办理结果",
}
"""What an institution may ask for on its own besides: the citizen sent it the referral and agreed to that."""

DEPARTMENT_SCOPES = {
    "records:deliver": "报送本单位的公共信用信息，查看批次，更正待处理的行",
    "objections:answer": "核查并答复对本单位报送信息的异议",
    "credit:check": "为有法律依据的目的批量核查主体的信用信息",
    "incentives:take_part": "发起联合激励，响应请求，反馈采取的措施",
    "cases:decide": "决定本单位认定的失信信息的修复申请，核验由本单位负责的自主申报",
}
"""What a source department may ask for besides. None of these shows more of a person than it delivered itself."""


def scopes_for(kind: str) -> Mapping[str, str]:
    """Scope → what it is for, of a partner of this kind."""
    more = {"department": DEPARTMENT_SCOPES, "institution": INSTITUTION_SCOPES}
    return {**PARTNER_SCOPES, **more.get(kind, {})}


@dataclass(frozen=True)
class PartnerIdentity:
    """Whoever calls with a valid token.

    grant_id   set when the token rests on what one citizen gave
    consents   scope → the consent for it that is in force now, when it does
    checks_per_minute  its quota, when it is not the usual one
    channel    how it came, as the ledger keeps it
    """

    partner_id: UUID
    code: str
    name: str
    kind: str
    scopes: frozenset[str]
    grant_id: UUID | None = None
    consents: Mapping[str, UUID] = field(default_factory=dict)
    checks_per_minute: int | None = None
    channel: str = "partner_api"

    def check_has_scope(self, scope: str) -> None:
        """Raises ScopeMissing, or ConsentNotUsable when the citizen's consent is no longer in force."""
        if scope not in self.scopes:
            raise ScopeMissing(scope)
        if self.grant_id is not None and scope not in self.consents:
            raise ConsentNotUsable


def issue_access_token(
    session: Session,
    *,
    partner_id: UUID,
    scopes: Collection[str],
    token: str,
    now: datetime,
    grant_id: UUID | None = None,
) -> OAuthToken:
    """Remember a token by its hash alone: whoever reads the table cannot use what they find there."""
    return _remember(
        session,
        OAuthToken(
            partner_id=partner_id,
            kind="access",
            token_hash=hash_of(token),
            scopes=sorted(scopes),
            grant_id=grant_id,
            issued_at=now,
            expires_at=now + TOKEN_LIFETIME,
        ),
    )


def issue_refresh_token(
    session: Session,
    *,
    partner_id: UUID,
    scopes: Collection[str],
    token: str,
    grant_id: UUID,
    expires_at: datetime,
    now: datetime,
) -> OAuthToken:
    """Good until the last of the consents ends, once: using it gives the next one."""
    return _remember(
        session,
        OAuthToken(
            partner_id=partner_id,
            kind="refresh",
            token_hash=hash_of(token),
            scopes=sorted(scopes),
            grant_id=grant_id,
            issued_at=now,
            expires_at=expires_at,
        ),
    )


def _remember(session: Session, row: OAuthToken) -> OAuthToken:
    session.add(row)
    session.flush()
    return row


def authenticate_partner(session: Session, token: str, now: datetime) -> PartnerIdentity:
    """Raises TokenNotValid, the same for almost every reason, or ContractEnded.

    Partner, contract and consents are looked at on every call, so their end works at once.
    """
    return partner_of_token(session, token, now)[0]


def partner_of_token(session: Session, token: str, now: datetime) -> tuple[PartnerIdentity, datetime]:
    """Whose token it is, and until when. Raises TokenNotValid or ContractEnded."""
    found = session.execute(
        select(OAuthToken, Partner, no_contract_covers(city_date(now)))
        .join(Partner, Partner.id == OAuthToken.partner_id)
        .where(OAuthToken.token_hash == hash_of(token), OAuthToken.kind == "access")
    ).first()
    if found is None:
        raise TokenNotValid
    row, partner, uncovered = found
    if row.revoked_at is not None or row.expires_at <= now or partner.state != "active":
        raise TokenNotValid
    if uncovered:
        raise ContractEnded
    identity = PartnerIdentity(
        partner_id=partner.id,
        code=partner.code,
        name=partner.name,
        kind=partner.kind,
        scopes=frozenset(row.scopes),
        grant_id=row.grant_id,
        consents=consents_in_force(session, row.grant_id, now) if row.grant_id else {},
        checks_per_minute=partner.checks_per_minute,
    )
    return identity, row.expires_at


def consents_in_force(session: Session, grant_id: UUID, now: datetime) -> Mapping[str, UUID]:
    """Scope → consent, of those that may be used now. None of someone who has died or left the register, and none
    for an enterprise by someone who no longer represents it."""
    rows = session.execute(
        select(Consent)
        .join(GrantedConsent, GrantedConsent.consent_id == Consent.id)
        .join(Subject, Subject.id == Consent.subject_id)
        .where(GrantedConsent.grant_id == grant_id, Consent.state == "given", Subject.status == "active")
    ).scalars()
    return {
        scope: consent.id
        for consent in rows
        for scope in consent.scopes
        if (consent.expires_at is None or now < consent.expires_at)
        and still_speaks(session, consent, city_date(now))
    }


def revoke_tokens_of_partner(session: Session, partner_id: UUID, *, now: datetime) -> None:
    """After a key is lost: what was issued on it ends with it."""
    note_change(session, "configuration")
    _revoke(session, OAuthToken.partner_id == partner_id, now=now)


def revoke_family(session: Session, grant_id: UUID, *, now: datetime) -> None:
    """End the grant and every token that came of it, access and refresh: one of them is in the wrong hands."""
    session.execute(
        update(OAuthGrant)
        .where(OAuthGrant.id == grant_id, OAuthGrant.ended_at.is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
    _revoke(session, OAuthToken.grant_id == grant_id, now=now)


def revoke_token(session: Session, row: OAuthToken, *, now: datetime) -> None:
    """An access token alone; with a refresh token, all that came of the same grant (RFC 7009 section 2.1)."""
    if row.kind == "refresh" and row.grant_id is not None:
        revoke_family(session, row.grant_id, now=now)
    else:
        note_change(session, "configuration")
        _revoke(session, OAuthToken.id == row.id, now=now)


def _revoke(session: Session, which: ColumnElement[bool], *, now: datetime) -> None:
    session.execute(
        update(OAuthToken)
        .where(which, OAuthToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def purge_expired(session: Session, *, now: datetime) -> None:
    """For the sweeper: tokens, assertions and authorization requests that can no longer be used. A code that has
    been used is remembered longer than any token that came of it directly, to notice its second use."""
    session.execute(delete(OAuthToken).where(OAuthToken.expires_at < now - timedelta(days=1)))
    session.execute(delete(UsedAssertion).where(UsedAssertion.expires_at < now - timedelta(minutes=5)))
    session.execute(delete(AuthorizationRequest).where(AuthorizationRequest.expires_at < now - timedelta(days=7)))


def new_token() -> str:
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """A random token of 256 bits needs no slow hash: there is nothing to guess."""
    return sha256(token.encode()).digest()
