"""Signing in and out, and knowing whose request this is."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal, Protocol
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.accounts.errors import (
    ROLE_NAMES,
    DepartmentOfficerInvalid,
    NotSignedIn,
    PasswordTooWeak,
    RoleMissing,
    SignInFailed,
    UsernameTaken,
)
from backend.accounts.models import CitizenAccount, Officer, SignInSession
from backend.city_calendar import city_date
from backend.subjects.models import Subject
from backend.subjects.service import check_may_use, get_subject

CITIZEN_SIGN_IN_LASTS = timedelta(hours=12)
OFFICER_SIGN_IN_LASTS = timedelta(hours=8)
SHORTEST_PASSWORD = 12

_hasher = PasswordHasher()
# Verified when the username is unknown, so that the answer takes as long as for a wrong password.
_NOBODYS_HASH = _hasher.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class SignInOption:
    """A person whom the adapter offers to sign in as; only the demo adapter has any."""

    credential: str
    name: str
    story: str


class CitizenSignIn(Protocol):
    """How citizens prove who they are: an adapter for each identity provider of the city."""

    adapter: str

    def options(self) -> Sequence[SignInOption]: ...

    def authenticate(self, session: Session, credential: str) -> int:
        """The subject id of the natural person. Raises SignInFailed."""
        ...


@dataclass(frozen=True)
class SignedIn:
    """A fresh sign-in. The token is shown once and never stored."""

    token: str
    expires_at: datetime


@dataclass(frozen=True)
class CitizenIdentity:
    account_id: UUID
    subject_id: int


@dataclass(frozen=True)
class OfficerIdentity:
    officer_id: UUID
    username: str
    name: str
    roles: frozenset[str]
    department_code: str | None = None

    def check_has_role(self, roles: frozenset[str]) -> None:
        """Raises RoleMissing unless the officer has one of the roles."""
        if roles and not roles & self.roles:
            raise RoleMissing(roles)


def sign_in_citizen(session: Session, *, subject_id: int, now: datetime) -> SignedIn:
    """Raises Departed or TooYoung."""
    check_may_use(get_subject(session, subject_id), city_date(now))
    account = session.scalars(select(CitizenAccount).where(CitizenAccount.subject_id == subject_id)).first()
    if account is None:
        account = CitizenAccount(subject_id=subject_id, created_at=now, last_sign_in_at=now)
        session.add(account)
        session.flush()
    account.last_sign_in_at = now
    return _open_session(session, "citizen", account.id, now=now, lasts=CITIZEN_SIGN_IN_LASTS)


def sign_in_officer(session: Session, *, username: str, password: str, now: datetime) -> tuple[SignedIn, Officer]:
    """Raises SignInFailed, the same for an unknown name, a wrong password and a suspended account."""
    officer = session.scalars(select(Officer).where(Officer.username == username)).first()
    try:
        _hasher.verify(officer.password_hash if officer else _NOBODYS_HASH, password)
    except VerifyMismatchError:
        raise SignInFailed from None
    if officer is None or officer.state != "active":
        raise SignInFailed
    return _open_session(session, "officer", officer.id, now=now, lasts=OFFICER_SIGN_IN_LASTS), officer


def citizen_of(session: Session, token: str, *, now: datetime) -> CitizenIdentity:
    """Raises NotSignedIn, also once the register says that the person has died."""
    account_id = _account_of(session, token, "citizen", now=now)
    account, status = session.execute(
        select(CitizenAccount, Subject.status)
        .join(Subject, Subject.id == CitizenAccount.subject_id)
        .where(CitizenAccount.id == account_id)
    ).one()
    if status != "active":
        raise NotSignedIn
    return CitizenIdentity(account_id=account.id, subject_id=account.subject_id)


def officer_of(session: Session, token: str, *, now: datetime) -> OfficerIdentity:
    """Raises NotSignedIn, also when the account was suspended after signing in."""
    officer = session.get_one(Officer, _account_of(session, token, "officer", now=now))
    if officer.state != "active":
        raise NotSignedIn
    return OfficerIdentity(
        officer_id=officer.id,
        username=officer.username,
        name=officer.name,
        roles=frozenset(officer.roles),
        department_code=officer.department_code,
    )


def sign_out(session: Session, token: str, *, now: datetime) -> None:
    """Ends the sign-in at once; signing out twice is harmless."""
    session.execute(
        update(SignInSession)
        .where(SignInSession.token_hash == _token_hash(token), SignInSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def end_citizen_sign_ins(session: Session, subject_id: int, *, now: datetime) -> None:
    """Every sign-in of the person ends at once."""
    accounts = select(CitizenAccount.id).where(CitizenAccount.subject_id == subject_id)
    session.execute(
        update(SignInSession)
        .where(
            SignInSession.account_kind == "citizen",
            SignInSession.account_id.in_(accounts),
            SignInSession.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def add_officer(
    session: Session,
    *,
    username: str,
    name: str,
    password: str,
    roles: Sequence[str],
    now: datetime,
    subject_id: int | None = None,
    department_code: str | None = None,
) -> Officer:
    """Raises UsernameTaken, PasswordTooWeak or DepartmentOfficerInvalid; ValueError for a role that does not
    exist.
    """
    if unknown := set(roles) - ROLE_NAMES.keys():
        raise ValueError(f"unknown roles: {sorted(unknown)}")
    of_department = "department_officer" in roles
    if of_department != (department_code is not None) or (of_department and len(set(roles)) > 1):
        raise DepartmentOfficerInvalid
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordTooWeak
    if session.scalars(select(Officer).where(Officer.username == username)).first():
        raise UsernameTaken(username)
    officer = Officer(
        username=username,
        name=name,
        password_hash=_hasher.hash(password),
        roles=list(roles),
        department_code=department_code,
        state="active",
        subject_id=subject_id,
        created_at=now,
    )
    session.add(officer)
    session.flush()
    return officer


def _open_session(
    session: Session, kind: Literal["citizen", "officer"], account_id: UUID, *, now: datetime, lasts: timedelta
) -> SignedIn:
    token = secrets.token_urlsafe(32)
    session.add(
        SignInSession(
            token_hash=_token_hash(token),
            account_kind=kind,
            account_id=account_id,
            created_at=now,
            expires_at=now + lasts,
        )
    )
    return SignedIn(token=token, expires_at=now + lasts)


def _account_of(session: Session, token: str, kind: str, *, now: datetime) -> UUID:
    alive = session.scalars(
        select(SignInSession).where(
            SignInSession.token_hash == _token_hash(token),
            SignInSession.account_kind == kind,
            SignInSession.revoked_at.is_(None),
            SignInSession.expires_at > now,
        )
    ).first()
    if alive is None:
        raise NotSignedIn
    return alive.account_id


def _token_hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
