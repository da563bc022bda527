"""Stores and those who work there: signing in on a phone with a one-time code, without any IT of the store's."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.partners.errors import (
    ContractEnded,
    FirstStoreStays,
    HeadManagerOnly,
    ManagerOnly,
    SignInCodeNotValid,
    StaffExists,
    StaffNotFound,
    StaffNotSignedIn,
    StaffSuspended,
    StoreExists,
    StoreNotFound,
)
from backend.partners.models import Partner, PartnerStaff, PartnerStore, StaffRole, StaffSignIn
from backend.partners.service import no_contract_covers

SIGN_IN_CODE_LASTS = timedelta(hours=24)
SIGN_IN_LASTS = timedelta(days=30)

# Crockford's alphabet has no I, L, O, U, so what is read out over the counter is typed as it was meant.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 10


@dataclass(frozen=True)
class StaffIdentity:
    """Who holds the phone, at which store of which partner."""

    staff_id: UUID
    nickname: str
    role: str
    store_id: UUID
    store_name: str
    partner_id: UUID
    partner_code: str
    partner_name: str
    partner_kind: str

    def check_is_manager(self) -> None:
        """Raises ManagerOnly."""
        if self.role != "manager":
            raise ManagerOnly


@dataclass(frozen=True)
class SignInCode:
    """To be told to the member of staff; shown once, kept only as a hash."""

    code: str
    ends_at: datetime


def open_store(session: Session, partner: Partner, *, name: str, now: datetime) -> PartnerStore:
    """Raises StoreExists."""
    if session.scalar(
        select(PartnerStore.id).where(PartnerStore.partner_id == partner.id, PartnerStore.name == name)
    ):
        raise StoreExists
    store = PartnerStore(partner_id=partner.id, name=name, state="open", opened_at=now)
    session.add(store)
    session.flush()
    return store


def close_store(session: Session, store_id: UUID, *, partner_id: UUID) -> PartnerStore:
    """Nobody works there from now on: no phone of the store is let in. Raises StoreNotFound."""
    store = get_store(session, store_id, partner_id=partner_id)
    store.state = "closed"
    return store


def reopen_store(session: Session, store_id: UUID, *, partner_id: UUID) -> PartnerStore:
    """Its staff work there as before; phones that were signed in go on until their sign-in ends.

    Raises StoreNotFound.
    """
    store = get_store(session, store_id, partner_id=partner_id)
    store.state = "open"
    return store


def heads_partner(session: Session, staff: StaffIdentity) -> bool:
    """The manager of the first store looks after all of them."""
    return staff.role == "manager" and stores_of(session, staff.partner_id)[0].id == staff.store_id


def check_heads_partner(session: Session, staff: StaffIdentity) -> None:
    """Raises HeadManagerOnly."""
    if not heads_partner(session, staff):
        raise HeadManagerOnly


def close_own_store(session: Session, store_id: UUID, *, head: StaffIdentity) -> PartnerStore:
    """As `close_store`, by the manager of the first store, which they cannot lock themselves out of.

    Raises HeadManagerOnly, FirstStoreStays or StoreNotFound.
    """
    check_heads_partner(session, head)
    if store_id == head.store_id:
        raise FirstStoreStays
    return close_store(session, store_id, partner_id=head.partner_id)


def get_store(session: Session, store_id: UUID, *, partner_id: UUID) -> PartnerStore:
    """Raises StoreNotFound, also for another partner's."""
    store = session.get(PartnerStore, store_id)
    if store is None or store.partner_id != partner_id:
        raise StoreNotFound
    return store


def stores_of(session: Session, partner_id: UUID) -> Sequence[PartnerStore]:
    return session.scalars(
        select(PartnerStore).where(PartnerStore.partner_id == partner_id).order_by(PartnerStore.opened_at)
    ).all()


def add_staff(
    session: Session, store: PartnerStore, *, nickname: str, role: StaffRole, now: datetime
) -> tuple[PartnerStaff, SignInCode]:
    """A new member of staff and the code for their phone. Raises StaffExists."""
    if session.scalar(
        select(PartnerStaff.id).where(PartnerStaff.store_id == store.id, PartnerStaff.nickname == nickname)
    ):
        raise StaffExists
    staff = PartnerStaff(store_id=store.id, nickname=nickname, role=role, state="active", added_at=now)
    session.add(staff)
    return staff, issue_sign_in_code(session, staff, now=now)


def issue_sign_in_code(session: Session, staff: PartnerStaff, *, now: datetime) -> SignInCode:
    """For one phone, within a day; an earlier code that was not used ends. Raises StaffSuspended."""
    if staff.state != "active":
        raise StaffSuspended
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    staff.sign_in_code_hash = _code_hash(code)
    staff.sign_in_code_ends_at = now + SIGN_IN_CODE_LASTS
    session.flush()
    return SignInCode(code=f"{code[:5]}-{code[5:]}", ends_at=now + SIGN_IN_CODE_LASTS)


def get_staff(session: Session, staff_id: UUID, *, partner_id: UUID, store_id: UUID | None = None) -> PartnerStaff:
    """Raises StaffNotFound, also for another partner's, or another store's where one is named."""
    staff = session.get(PartnerStaff, staff_id)
    if staff is None or (store_id is not None and staff.store_id != store_id):
        raise StaffNotFound
    if session.get_one(PartnerStore, staff.store_id).partner_id != partner_id:
        raise StaffNotFound
    return staff


def staff_at(session: Session, store_id: UUID) -> Sequence[PartnerStaff]:
    """Managers first."""
    return session.scalars(
        select(PartnerStaff)
        .where(PartnerStaff.store_id == store_id)
        .order_by(PartnerStaff.role.desc(), PartnerStaff.added_at, PartnerStaff.nickname)
    ).all()


def suspend_staff(session: Session, staff: PartnerStaff, *, now: datetime) -> None:
    """Their phones are signed out at once, and a code that is still about opens nothing."""
    staff.state = "suspended"
    staff.sign_in_code_hash = staff.sign_in_code_ends_at = None
    session.execute(
        update(StaffSignIn)
        .where(StaffSignIn.staff_id == staff.id, StaffSignIn.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def reinstate_staff(staff: PartnerStaff) -> None:
    staff.state = "active"


def sign_in_staff(session: Session, *, code: str, now: datetime) -> tuple[str, StaffIdentity]:
    """The phone's token, shown once and kept as a hash. Of two phones that give the same code, one gets in.

    Raises SignInCodeNotValid, or ContractEnded, after which the code is still good.
    """
    staff_id = session.scalar(
        update(PartnerStaff)
        .where(
            PartnerStaff.sign_in_code_hash == _code_hash(code),
            PartnerStaff.sign_in_code_ends_at > now,
            PartnerStaff.state == "active",
        )
        .values(sign_in_code_hash=None, sign_in_code_ends_at=None)
        .returning(PartnerStaff.id)
        .execution_options(synchronize_session="fetch")
    )
    if staff_id is None:
        raise SignInCodeNotValid
    token = secrets.token_urlsafe(32)
    session.add(
        StaffSignIn(
            staff_id=staff_id, token_hash=_token_hash(token), signed_in_at=now, expires_at=now + SIGN_IN_LASTS
        )
    )
    session.flush()
    try:
        return token, staff_of(session, token, now=now)
    except StaffNotSignedIn:
        # The store was closed or its partner suspended since the code was given out.
        raise SignInCodeNotValid from None


def staff_of(session: Session, token: str, *, now: datetime) -> StaffIdentity:
    """Raises ContractEnded, or StaffNotSignedIn, also once the person, the store or the partner is suspended."""
    found = session.execute(
        select(PartnerStaff, PartnerStore, Partner, no_contract_covers(city_date(now)))
        .join(StaffSignIn, StaffSignIn.staff_id == PartnerStaff.id)
        .join(PartnerStore, PartnerStore.id == PartnerStaff.store_id)
        .join(Partner, Partner.id == PartnerStore.partner_id)
        .where(
            StaffSignIn.token_hash == _token_hash(token),
            StaffSignIn.revoked_at.is_(None),
            StaffSignIn.expires_at > now,
            PartnerStaff.state == "active",
            PartnerStore.state == "open",
        )
    ).first()
    if found is None:
        raise StaffNotSignedIn
    staff, store, partner, uncovered = found
    if uncovered:
        raise ContractEnded
    if partner.state != "active":
        raise StaffNotSignedIn
    return StaffIdentity(
        staff_id=staff.id,
        nickname=staff.nickname,
        role=staff.role,
        store_id=store.id,
        store_name=store.name,
        partner_id=partner.id,
        partner_code=partner.code,
        partner_name=partner.name,
        partner_kind=partner.kind,
    )


def sign_out_staff(session: Session, token: str, *, now: datetime) -> None:
    """Ends this phone's sign-in at once; signing out twice is harmless."""
    session.execute(
        update(StaffSignIn)
        .where(StaffSignIn.token_hash == _token_hash(token), StaffSignIn.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def _code_hash(code: str) -> bytes:
    return sha256(code.replace("-", "").replace(" ", "").upper().encode()).digest()


def _token_hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
