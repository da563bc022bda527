"""Deletion requests, what happened to each, and the proofs of what was deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, Table, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.append_only import keep_append_only
from backend.cases.models import AnsweredCase, CaseStep
from backend.database import Base, BigId, Json, UtcDateTime

Scope = Literal["all", "category", "record"]
Ground = Literal["consent_withdrawn", "purpose_achieved", "term_over", "unlawful", "other"]
Disposition = Literal["delete", "review", "keep"]

_OPEN = text("state = 'under_review'")


class DeletionRequest(AnsweredCase, Base):
    """A citizen's request that data about them be deleted (删除申请, PIPL art. 47).

    scope       everything, one category or one record; `category` and `record_id` say which
    plan        what was to go, to be judged and to stay when it was filed, as the applicant confirmed it: names of
                categories, numbers and terms, never the content of what went
    stopped     sentences: what is no longer used from the moment of filing
    state       DeletionState
    due_on      last day for an officer's answer; null when nothing needed judgement
    """

    __tablename__ = "deletion_requests"
    __table_args__ = (
        # Two taps at once must not open two cases.
        Index("one_open_deletion_request", "subject_id", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_deletion_requests_state_due_on", "state", "due_on"),
    )

    scope: Mapped[str]  # Scope
    category: Mapped[str | None]
    record_id: Mapped[int | None] = mapped_column(BigId)
    ground: Mapped[str]  # Ground
    reason: Mapped[str]
    plan: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    stopped: Mapped[list[str]] = mapped_column(Json)
    filed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DeletionRequestEvent(CaseStep, Base):
    """One step of a request; `event` is `file`, `erase` or DeletionEventName."""

    __tablename__ = "deletion_request_events"

    request_id: Mapped[UUID] = mapped_column(ForeignKey("deletion_requests.id"), index=True)


class DeletionProof(Base):
    """What remains of one kind of content that a request deleted (删除凭证); records have proofs of their own
    beside it. Like those it tells that, when and why, not what, and carries the digest of the one before.

    number          1, 2, 3, … without gaps
    part            the kind of content, one of `plan.PART_NAMES`
    things          how many
    content_digest  SHA-256 of all of it in one canonical form; for records, of the digests in their own proofs
    """

    __tablename__ = "deletion_proofs"

    number: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("deletion_requests.id"), index=True)
    part: Mapped[str]
    things: Mapped[int]
    content_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    deleted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    basis: Mapped[str]
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))


keep_append_only(cast(Table, DeletionProof.__table__))
