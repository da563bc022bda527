"""Consents and their events, what institutions may ask for, tokens, and the client assertions already used."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, cast
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, LargeBinary, Table, event, inspect, text
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from backend.append_only import keep_append_only
from backend.database import Base, BigId, Json, UtcDateTime

ConsentKind = Literal["activation", "sharing", "written"]
ConsentMode = Literal["once", "until_expiry"]
ConsentState = Literal["requested", "given", "refused", "paused", "withdrawn", "expired"]
ConsentEventName = Literal["give", "refuse", "pause", "resume", "reconfirm", "withdraw", "expire"]

TokenKind = Literal["access", "refresh"]

ProposalKind = Literal["scope", "redirect_uri", "key"]
ProposalState = Literal["proposed", "approved", "returned", "withdrawn"]

_HELD_ACTIVATION = text("kind = 'activation' AND state IN ('given', 'paused')")


class ArtefactChanged(Exception):
    """Code tried to rewrite what a citizen agreed to. Another purpose or recipient is another consent."""


class Consent(Base):
    """What a citizen agreed to (同意): to whom, what for, which data, how long, on which notice (PIPL art. 23).

    Only `state` and the moments ever change, and those but once; the rest is the artefact and stays as it was
    given, which the database itself sees to.

    data_categories  what may be used or disclosed, as the citizen reads it in `notices.DATA_NAMES`
    output           what the recipient is told, in words ("信用等级，不含分数和记录")
    scopes           what a token that rests on this consent may do
    frequency_most   how often the recipient may ask in each `frequency_days` days; null: no limit of its own
    longest_days     the longest term that the recipient asked for; the citizen chose `expires_at` within it
    evidence         how it was given: client, notice, what was ticked
    given_by_id      the legal representative (法定代表人) who decides it for an enterprise; null otherwise
    on_behalf_of     the enterprise's name and code as its representative read them
    """

    __tablename__ = "consents"
    __table_args__ = (
        # Two taps on a slow phone must not open two activations.
        Index(
            "one_activation_per_subject",
            "subject_id",
            unique=True,
            postgresql_where=_HELD_ACTIVATION,
            sqlite_where=_HELD_ACTIVATION,
        ),
        Index("ix_consents_subject_id_kind", "subject_id", "kind"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    given_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    on_behalf_of: Mapped[str | None]
    kind: Mapped[str]  # ConsentKind
    recipient_partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    recipient_name: Mapped[str]
    purpose: Mapped[str]
    data_categories: Mapped[list[str]] = mapped_column(Json)
    output: Mapped[str] = mapped_column(server_default="")
    scopes: Mapped[list[str]] = mapped_column(Json)
    mode: Mapped[str]  # ConsentMode
    frequency_most: Mapped[int | None]
    frequency_days: Mapped[int | None]
    longest_days: Mapped[int | None]
    notice_version: Mapped[str]
    evidence: Mapped[dict[str, Any]] = mapped_column(Json)
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str]  # ConsentState
    given_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reconfirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ConsentEvent(Base):
    """One thing that happened to a consent. Rows are added, never changed.

    actor   `citizen`, `representative` (of an enterprise), `system`, or `partner:<code>`
    """

    __tablename__ = "consent_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    consent_id: Mapped[UUID] = mapped_column(ForeignKey("consents.id"), index=True)
    event: Mapped[str]  # ConsentEventName
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(Json)


class RecipientDeletion(Base):
    """What a recipient received under a consent that has ended, and is to delete and to confirm (PIPL art. 47).

    due_on     the last day, in the city
    statement  the recipient's own words on what was deleted and how
    """

    __tablename__ = "recipient_deletions"
    __table_args__ = (Index("ix_recipient_deletions_due", "due_on", "consent_id"),)

    consent_id: Mapped[UUID] = mapped_column(ForeignKey("consents.id"), primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"), index=True)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_on: Mapped[date]
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    statement: Mapped[str | None]


class RedirectUri(Base):
    """An address that an institution may be answered at; it must be named exactly (RFC 9700 section 4.1.3)."""

    __tablename__ = "redirect_uris"

    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    uri: Mapped[str] = mapped_column(primary_key=True)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ApprovedScope(Base):
    """What the office lets an institution ask citizens for, and on which terms (授权范围核定).

    purpose        as the citizen reads it
    longest_days   the longest term that a citizen may be asked for
    approved_by    who decided, in words
    """

    __tablename__ = "approved_scopes"
    __table_args__ = (
        Index(
            "one_approval_per_scope",
            "partner_id",
            "scope",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    scope: Mapped[str]
    purpose: Mapped[str]
    longest_days: Mapped[int]
    frequency_most: Mapped[int | None]
    frequency_days: Mapped[int | None]
    approved_by: Mapped[str]
    approved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AccessProposal(Base):
    """More that an institution may do, which waits for a second person (拟办事项): another scope or other terms of
    one, another redirect address, another key.

    kind         `scope`, `redirect_uri` or `key`
    content      what `proposals` carries out: the terms of a scope, an address, a public JWK
    grounds      the institution's application that it rests on, in words
    proposed_by  the officer's id; whoever decides is somebody else
    state        proposed → approved, returned or withdrawn
    """

    __tablename__ = "access_proposals"
    __table_args__ = (Index("ix_access_proposals_partner_id_proposed_at", "partner_id", "proposed_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    kind: Mapped[str]  # ProposalKind
    content: Mapped[dict[str, Any]] = mapped_column(Json)
    grounds: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)  # ProposalState
    proposed_by: Mapped[str]
    proposer_name: Mapped[str]
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None]
    decider_name: Mapped[str | None]
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decision_reason: Mapped[str | None]


class OAuthGrant(Base):
    """What one citizen gave one institution in one pass through the consent screen; tokens rest on it.

    ended_at   a code or a refresh token was used twice, or the institution gave the refresh token up
    """

    __tablename__ = "oauth_grants"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GrantedConsent(Base):
    """A consent that is part of a grant: one for each scope."""

    __tablename__ = "granted_consents"

    consent_id: Mapped[UUID] = mapped_column(ForeignKey("consents.id"), primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_grants.id"), index=True)


class AuthorizationRequest(Base):
    """One pass through the authorization code flow (授权申请): from the institution's question to its use of the
    code. Handle and code are known here only by their SHA-256.

    client_state     the institution's own `state`, given back as it came
    code_challenge   PKCE, S256 always
    enterprise_code  统一社会信用代码 of the enterprise it is about; null: about the citizen who decides it
    """

    __tablename__ = "authorization_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    handle_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    redirect_uri: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(Json)
    client_state: Mapped[str | None]
    code_challenge: Mapped[str]
    enterprise_code: Mapped[str | None]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    grant_id: Mapped[UUID | None] = mapped_column(ForeignKey("oauth_grants.id"))
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    code_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OAuthToken(Base):
    """An opaque token, known here only by its SHA-256.

    kind      `access`, or `refresh`: of use at the token endpoint alone, and once
    grant_id  what a citizen gave, on which it rests; null for what a partner may do of its own
    """

    __tablename__ = "oauth_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    kind: Mapped[str] = mapped_column(server_default="access")  # TokenKind
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scopes: Mapped[list[str]] = mapped_column(Json)
    grant_id: Mapped[UUID | None] = mapped_column(ForeignKey("oauth_grants.id"), index=True)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class UsedAssertion(Base):
    """A client assertion that has been accepted once; the same `jti` is refused until it has expired.

    In the database, not in Redis: a cache that forgets would let a stolen assertion in again.
    """

    __tablename__ = "used_assertions"

    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    jti_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


_MAY_CHANGE = ("state", "given_at", "expires_at", "ended_at", "reconfirmed_at")
_ONCE = ("given_at", "expires_at", "ended_at")

keep_append_only(cast(Table, Consent.__table__), may_change=_MAY_CHANGE, once=_ONCE)
keep_append_only(cast(Table, ConsentEvent.__table__))


@event.listens_for(Consent, "before_update")
def _keep_the_artefact(_mapper: Mapper[Consent], _connection: object, consent: Consent) -> None:
    changed = {attribute.key for attribute in inspect(consent).attrs if attribute.history.has_changes()}
    if rewritten := changed - set(_MAY_CHANGE):
        raise ArtefactChanged(f"a consent's {', '.join(sorted(rewritten))} cannot be changed")
    # A term, once set, is what the citizen agreed to.
    if "expires_at" in changed and any(inspect(consent).attrs.expires_at.history.deleted):
        raise ArtefactChanged("a consent's expires_at cannot be changed")


@event.listens_for(ConsentEvent, "before_update")
def _keep_the_events(_mapper: Mapper[ConsentEvent], _connection: object, _event: ConsentEvent) -> None:
    raise ArtefactChanged("events of a consent are only ever added")
