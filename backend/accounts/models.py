"""Who may sign in: citizens through an adapter, officers with a password; and the sign-ins that are alive."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, Json, UtcDateTime


class CitizenAccount(Base):
    """A natural person who has signed in at least once."""

    __tablename__ = "citizen_accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_sign_in_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Officer(Base):
    """A member of the credit office (信用办工作人员), or of a source department for its own inbox alone.

    Roles: score_officer 评分, reviewer 复核, objection_officer 异议, data_officer 数据, auditor 审计;
    department_officer 数源单位经办, alone and with the 统一社会信用代码 of the department in `department_code`.

    subject_id  the officer's own place in the register of residents, where the office has noted it: a look at
                their own record or at a neighbour's can then be told
    """

    __tablename__ = "officers"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    username: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str]  # argon2id
    roles: Mapped[list[str]] = mapped_column(Json)
    department_code: Mapped[str | None]
    state: Mapped[str]  # active, suspended
    subject_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("subjects.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SignInSession(Base):
    """One sign-in. Only the token's SHA-256 is kept: who reads this table cannot sign in with it."""

    __tablename__ = "sign_in_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    account_kind: Mapped[str]  # citizen, officer
    account_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
