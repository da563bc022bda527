"""Consents and their events, access tokens, and the client assertions already used."""

from __future__ import annotations

from datetime import datetime
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

    actor   `citizen`, `system`, or `partner:<code>`
    """

    __tablename__ = "consent_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    consent_id: Mapped[UUID] = mapped_column(ForeignKey("consents.id"), index=True)
    event: Mapped[str]  # ConsentEventName
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(Json)


class OAuthToken(Base):
    """An opaque access token, known here only by its SHA-256.

    consent_id  the consent it rests on; null for what a partner may do of its own
    """

    __tablename__ = "oauth_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scopes: Mapped[list[str]] = mapped_column(Json)
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consents.id"), index=True)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
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
