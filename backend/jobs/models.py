"""Long work as rows: committed with what caused it, claimed by workers, visible while it runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, Json, UtcDateTime

UNFINISHED = text("state IN ('queued', 'running')")


class Job(Base):
    """One piece of background work (后台任务)."""

    __tablename__ = "jobs"
    __table_args__ = (
        # The same work is never queued twice at once: a second click joins the first.
        Index(
            "one_unfinished_job_per_key", "key", unique=True, postgresql_where=UNFINISHED, sqlite_where=UNFINISHED
        ),
        Index("ix_jobs_state_enqueued_at", "state", "enqueued_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str]
    key: Mapped[str | None]
    arguments: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str]  # queued, running, done, failed
    progress_done: Mapped[int] = mapped_column(default=0)
    progress_total: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    enqueued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None]


class PeriodicTurn(Base):
    """When a periodic task is next due; whoever moves it forward runs it, so it runs once in the whole city."""

    __tablename__ = "periodic_turns"

    name: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
