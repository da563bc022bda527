"""A score is derived: every row here can be thrown away and computed again from records and a policy."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, BigId, Json, UtcDateTime


class PolicyVersion(Base):
    """A scoring policy (评分方案) as it was adopted: the document itself, identified by its hash."""

    __tablename__ = "policy_versions"

    hash: Mapped[str] = mapped_column(primary_key=True)  # SHA-256 of the canonical document, hex
    code: Mapped[str]
    version: Mapped[str]
    name: Mapped[str]
    subject_kind: Mapped[str]
    document: Mapped[str]
    effective_from: Mapped[date]
    adopted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    adopted_by: Mapped[str]


class ScoreRun(Base):
    """One computation over every subject of a kind (评分运行). running → published → superseded, or failed."""

    __tablename__ = "score_runs"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    subject_kind: Mapped[str]
    policy_hash: Mapped[str] = mapped_column(ForeignKey("policy_versions.hash"))
    as_of: Mapped[date]
    state: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_by: Mapped[str]
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    snapshot_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    subjects_total: Mapped[int] = mapped_column(BigId, default=0)
    subjects_done: Mapped[int] = mapped_column(BigId, default=0)
    summary: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[str | None]


class PublishedRun(Base):
    """Which run is the published one: changing this one row is the atomic switch."""

    __tablename__ = "published_runs"

    subject_kind: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("score_runs.id"))
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Score(Base):
    """A subject's score in a run. Revision 0 is the run's own; later ones were recomputed after a change.

    `contributions` maps indicator code to points in hundredths and leaves out the zeros; the policy's base
    plus their sum is `total`, exactly.
    """

    __tablename__ = "scores"
    __table_args__ = (
        UniqueConstraint("run_id", "subject_id", "revision"),
        Index("ix_scores_subject_id_computed_at", "subject_id", "computed_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("score_runs.id"))
    subject_id: Mapped[int] = mapped_column(BigId, ForeignKey("subjects.id"))
    revision: Mapped[int]
    total: Mapped[int]
    grade: Mapped[str]
    contributions: Mapped[dict[str, int]] = mapped_column(Json)
    as_of: Mapped[date]
    policy_hash: Mapped[str] = mapped_column(ForeignKey("policy_versions.hash"))
    computed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    cause: Mapped[str]
