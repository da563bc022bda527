"""Registering partners, their keys, and putting them on hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, false, func, not_, select
from sqlalchemy.orm import Session, object_session

from backend.database import note_change
from backend.partners.errors import (
    KeyNotFound,
    LastKey,
    PartnerCodeInvalid,
    PartnerExists,
    PartnerNotFound,
    TooManyKeys,
)
from backend.partners.models import (
    Partner,
    PartnerContract,
    PartnerEvent,
    PartnerEventCause,
    PartnerEventName,
    PartnerKey,
    PartnerKind,
)

MOST_KEYS = 3
_SYSTEM = "system"
_CODE = re.compile(r"[a-z][a-z0-9-]{2,39}")


def register_partner(
    session: Session,
    *,
    code: str,
    name: str,
    kind: PartnerKind,
    public_jwk: Mapping[str, Any] | None,
    now: datetime,
    public_code: str | None = None,
) -> Partner:
    """Take a partner on with its first key, which has been read by `keys.read_public_key`; None for one that has
    no system of its own.

    Raises PartnerCodeInvalid or PartnerExists.
    """
    if not _CODE.fullmatch(code):
        raise PartnerCodeInvalid
    if session.scalar(select(Partner.id).where(Partner.code == code)):
        raise PartnerExists(code)
    partner = Partner(code=code, name=name, kind=kind, public_code=public_code, state="active", registered_at=now)
    session.add(partner)
    session.flush()
    if public_jwk is not None:
        add_key(session, partner, public_jwk=public_jwk, now=now)
    return partner


def find_partner(session: Session, code: str) -> Partner:
    """Raises PartnerNotFound."""
    partner = session.scalars(select(Partner).where(Partner.code == code)).first()
    if partner is None:
        raise PartnerNotFound
    return partner


def get_partner(session: Session, partner_id: UUID) -> Partner:
    """Raises PartnerNotFound."""
    partner = session.get(Partner, partner_id)
    if partner is None:
        raise PartnerNotFound
    return partner


def all_partners(session: Session) -> Sequence[Partner]:
    return session.scalars(select(Partner).order_by(Partner.code)).all()


def no_contract_covers(on: date) -> ColumnElement[bool]:
    """Of a `Partner` in a query: whether all its contracts are over on this day in the city, or begin later.

    Never of one that was registered without a contract, by the city's own decision.
    """
    covers = case((and_(PartnerContract.starts_on <= on, PartnerContract.ends_on >= on), 1), else_=0)
    return (
        select(func.coalesce(func.max(covers) == 0, false()))
        .where(PartnerContract.partner_id == Partner.id)
        .correlate(Partner)
        .scalar_subquery()
    )


def may_act(on: date) -> ColumnElement[bool]:
    """Of a `Partner` in a query: whether it may act on this day in the city, being neither suspended nor without
    a contract for it."""
    return and_(Partner.state == "active", not_(no_contract_covers(on)))


def add_key(session: Session, partner: Partner, *, public_jwk: Mapping[str, Any], now: datetime) -> PartnerKey:
    """Adding a key the partner has already changes nothing, unless it was revoked: that stays revoked."""
    known = session.scalars(
        select(PartnerKey).where(PartnerKey.partner_id == partner.id, PartnerKey.kid == public_jwk["kid"])
    ).first()
    if known is not None:
        if known.state != "active":
            raise KeyNotFound
        return known
    key = PartnerKey(
        partner_id=partner.id, kid=public_jwk["kid"], public_jwk=dict(public_jwk), state="active", added_at=now
    )
    session.add(key)
    session.flush()
    return key


def revoke_key(session: Session, partner: Partner, *, kid: str, now: datetime) -> None:
    """From now on nothing signed with it is believed. Raises KeyNotFound."""
    key = session.scalars(
        select(PartnerKey).where(
            PartnerKey.partner_id == partner.id, PartnerKey.kid == kid, PartnerKey.state == "active"
        )
    ).first()
    if key is None:
        raise KeyNotFound
    key.state = "revoked"
    key.revoked_at = now


def all_keys_of(session: Session, partner_id: UUID) -> Sequence[PartnerKey]:
    """The revoked ones too, newest first."""
    return session.scalars(
        select(PartnerKey).where(PartnerKey.partner_id == partner_id).order_by(PartnerKey.added_at.desc())
    ).all()


def rotate_key(session: Session, partner: Partner, *, public_jwk: Mapping[str, Any], now: datetime) -> PartnerKey:
    """A partner's own next key, beside the present one until that is revoked.

    Raises TooManyKeys or KeyNotFound.
    """
    present = keys_of(session, partner.id)
    if len(present) >= MOST_KEYS and all(key.kid != public_jwk["kid"] for key in present):
        raise TooManyKeys(MOST_KEYS)
    return add_key(session, partner, public_jwk=public_jwk, now=now)


def revoke_own_key(session: Session, partner: Partner, *, kid: str, now: datetime) -> None:
    """As `revoke_key`, except that a partner cannot lock itself out. Raises KeyNotFound or LastKey."""
    present = [key.kid for key in keys_of(session, partner.id)]
    if present == [kid]:
        raise LastKey
    revoke_key(session, partner, kid=kid, now=now)


def keys_of(session: Session, partner_id: UUID) -> Sequence[PartnerKey]:
    """The active ones."""
    return session.scalars(
        select(PartnerKey)
        .where(PartnerKey.partner_id == partner_id, PartnerKey.state == "active")
        .order_by(PartnerKey.added_at)
    ).all()


def suspend_partner(session: Session, partner: Partner, *, by: str, now: datetime) -> None:
    """Its tokens stop working at once: every request looks at the partner's state.

    Also of one that is suspended because its contract ended: from then on a renewed contract does not lift it.
    """
    _hold(session, partner)
    _move(session, partner, "suspend", "decided", actor=by, now=now)


def reinstate_partner(session: Session, partner: Partner, *, by: str, now: datetime) -> None:
    """Reinstating one that is at work changes nothing."""
    _hold(session, partner)
    if partner.state != "active":
        _move(session, partner, "reinstate", "decided", actor=by, now=now)


def suspend_for_ended_contract(session: Session, partner: Partner, *, now: datetime) -> bool:
    """Whether it was at work until then."""
    _hold(session, partner)
    if partner.state != "active":
        return False
    _move(session, partner, "suspend", "contract_ended", actor=_SYSTEM, now=now)
    return True


def reinstate_for_renewed_contract(session: Session, partner: Partner, *, now: datetime) -> bool:
    """Lift the suspension that the end of its contract brought; whether there was one. What an officer decided
    stays until an officer lifts it."""
    _hold(session, partner)
    if partner.state != "suspended" or _last_cause(session, partner) != "contract_ended":
        return False
    _move(session, partner, "reinstate", "contract_renewed", actor=_SYSTEM, now=now)
    return True


def events_of(session: Session, partner_id: UUID) -> Sequence[PartnerEvent]:
    """When it was suspended and reinstated, newest first."""
    return session.scalars(
        select(PartnerEvent).where(PartnerEvent.partner_id == partner_id).order_by(PartnerEvent.id.desc())
    ).all()


def set_quota(partner: Partner, *, checks_per_minute: int | None) -> None:
    """How many checks a minute it may make over the API; None for the usual number."""
    partner.checks_per_minute = checks_per_minute
    _note_change(partner)


def _hold(session: Session, partner: Partner) -> None:
    """As it is now, until the transaction ends: a renewal and an officer who suspends wait for each other."""
    session.flush()
    # A contract signed just now refers to the row already. Two renewals that both locked it fully would wait for
    # each other.
    session.refresh(partner, with_for_update={"key_share": True})


def _last_cause(session: Session, partner: Partner) -> str | None:
    return session.scalar(
        select(PartnerEvent.cause)
        .where(PartnerEvent.partner_id == partner.id)
        .order_by(PartnerEvent.id.desc())
        .limit(1)
    )


def _move(
    session: Session,
    partner: Partner,
    event: PartnerEventName,
    cause: PartnerEventCause,
    *,
    actor: str,
    now: datetime,
) -> None:
    partner.state = "suspended" if event == "suspend" else "active"
    session.add(PartnerEvent(partner_id=partner.id, event=event, cause=cause, at=now, actor=actor))
    session.flush()
    _note_change(partner)


def _note_change(partner: Partner) -> None:
    if session := object_session(partner):
        note_change(session, "configuration")
