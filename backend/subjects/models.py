"""Subjects, the codes they had before, how they are related, and which of them wait for a new score."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from sqlalchemy import (
    ARRAY,
    DDL,
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, UtcDateTime

SubjectKind = Literal["person", "enterprise", "organisation"]
SubjectStatus = Literal["active", "cancelled", "merged", "deceased"]
CodeScheme = Literal[
    "citizen_15", "citizen_18", "permanent_residence_15", "uscc", "organisation_code", "registration_15"
]
RelationRole = Literal["legal_representative", "shareholder", "supervisor", "branch"]

_STILL_MARKED = text("done_at IS NULL")


class Subject(Base):
    """A natural person, an enterprise or a non-enterprise organisation (主体).

    identifier_index   blind index of the citizen number or unified social credit code
    identifier_sealed  the same, sealed
    name_sealed        of a person; null for the others, whose `public_code` and `public_name` are in the open
    born_on            of a person
    ended_on           of death, cancellation or merger
    successor_id       who took over the rights and duties of a merged one (《民法典》第六十七条)
    """

    __tablename__ = "subjects"
    __table_args__ = (
        CheckConstraint("(kind = 'person') = (public_code IS NULL)", name="only_persons_are_not_public"),
        Index("ix_subjects_kind_public_name", "kind", "public_name"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str]  # SubjectKind
    identifier_index: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    identifier_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    public_code: Mapped[str | None] = mapped_column(unique=True)
    public_name: Mapped[str | None]
    born_on: Mapped[date | None]
    district: Mapped[str]
    status: Mapped[str]  # SubjectStatus
    registered_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    successor_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SubjectCode(Base):
    """Another code under which a subject is or was known: an old one, or the organisation code inside its own.

    code        in the open for enterprises and organisations; null for persons
    valid_from  null when the register does not say
    """

    __tablename__ = "subject_codes"
    __table_args__ = (UniqueConstraint("code_index", "subject_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    scheme: Mapped[str]  # CodeScheme
    code_index: Mapped[bytes] = mapped_column(LargeBinary(32))
    code: Mapped[str | None]
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]


class SubjectChange(Base):
    """What a register said about a subject before it said something else (更名, 迁址, 换码, 合并, 注销).

    before_sealed  sealed JSON of the earlier values by column
    """

    __tablename__ = "subject_changes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    before_sealed: Mapped[bytes] = mapped_column(LargeBinary)


class SubjectRelation(Base):
    """Who stands behind an enterprise (关联关系). For `branch` the principal is the branch office itself.

    valid_to is the last day; null while the relation lasts.
    """

    __tablename__ = "subject_relations"
    __table_args__ = (UniqueConstraint("enterprise_id", "principal_id", "role", "valid_from"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    enterprise_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    principal_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"), index=True)
    role: Mapped[str]  # RelationRole
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class RescoreMark(Base):
    """A subject about whom something changed, so that the score must be computed again.

    Every change adds its own row. Sharing one open row would lose the change that is made while a worker,
    which has already read the records, is about to close that row. No foreign key: a delivery marks tens of
    thousands of subjects at once, and subjects are never deleted.
    """

    __tablename__ = "rescore_marks"
    __table_args__ = (
        Index("ix_rescore_marks_open", "subject_id", postgresql_where=_STILL_MARKED, sqlite_where=_STILL_MARKED),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_id: Mapped[int] = mapped_column(BigId)
    cause: Mapped[str]
    marked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FoldedMarks(Base):
    """The marks of very many subjects at once, as one row: a delivery marks tens of thousands with each of its
    chunks, mostly the same ones. A worker unfolds what has gathered, once a subject, when it has nothing more
    urgent to do; until then each of these subjects is as much marked as by a row of its own."""

    __tablename__ = "folded_marks"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger).with_variant(JSON(), "sqlite"))
    cause: Mapped[str]
    marked_at: Mapped[datetime] = mapped_column(UtcDateTime)


# Such a row lives for minutes, and compressing it takes the server longer than writing it.
_UNCOMPRESSED = DDL("ALTER TABLE folded_marks ALTER COLUMN subject_ids SET STORAGE EXTERNAL")  # type: ignore[no-untyped-call]
event.listen(FoldedMarks.__table__, "after_create", _UNCOMPRESSED.execute_if(dialect="postgresql"))


ROLE_NAMES: dict[str, str] = {
    "legal_representative": "法定代表人",
    "shareholder": "股东",
    "supervisor": "监事",
    "branch": "分支机构",
}
