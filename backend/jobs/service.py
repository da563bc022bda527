"""Queueing a job with what caused it, claiming one, and noticing when its worker died."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from backend.database import insert_into
from backend.errors import NotFound
from backend.jobs.models import Job, PeriodicTurn

STALE_AFTER = timedelta(minutes=2)
MOST_ATTEMPTS = 3


class JobNotFound(NotFound):
    code = "job_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这项任务，请回到列表刷新后再看。")


def enqueue_job(
    session: Session, *, kind: str, arguments: Mapping[str, object], key: str | None, now: datetime
) -> Job:
    """Queue work in the caller's transaction: it exists if and only if what caused it was committed.

    With a `key`, an unfinished job of the same key is returned instead of a second one being queued.
    """
    if key is not None:
        unfinished = session.scalars(
            select(Job).where(Job.key == key, Job.state.in_(["queued", "running"]))
        ).first()
        if unfinished:
            return unfinished
    job = Job(kind=kind, key=key, arguments=dict(arguments), state="queued", enqueued_at=now)
    session.add(job)
    session.flush()
    return job


def was_queued(session: Session, key: str) -> bool:
    """Whether a job of this key exists, in whatever state but failed."""
    return bool(session.scalar(select(exists().where(Job.key == key, Job.state != "failed"))))


def get_job(session: Session, job_id: UUID) -> Job:
    """Raises JobNotFound."""
    job = session.get(Job, job_id)
    if job is None:
        raise JobNotFound
    return job


def claim_job(session: Session, *, now: datetime) -> Job | None:
    """The oldest queued job, now running and this worker's alone."""
    job = session.scalars(
        select(Job)
        .where(Job.state == "queued")
        .order_by(Job.enqueued_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if job is None:
        return None
    job.state, job.started_at, job.heartbeat_at = "running", now, now
    job.attempts += 1
    return job


def report_progress(session: Session, job_id: UUID, *, done: int, total: int, now: datetime) -> None:
    session.execute(
        update(Job).where(Job.id == job_id).values(progress_done=done, progress_total=total, heartbeat_at=now)
    )


def beat(session: Session, job_id: UUID, *, now: datetime) -> None:
    session.execute(update(Job).where(Job.id == job_id, Job.state == "running").values(heartbeat_at=now))


def finish_job(session: Session, job_id: UUID, *, error: str | None, now: datetime) -> None:
    session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == "running")
        .values(state="failed" if error else "done", error=error, finished_at=now)
    )


def requeue_stale_jobs(session: Session, *, now: datetime) -> int:
    """Give the jobs of dead workers to others; after MOST_ATTEMPTS they fail with the reason."""
    stale = session.scalars(
        select(Job).where(Job.state == "running", Job.heartbeat_at < now - STALE_AFTER).with_for_update()
    ).all()
    for job in stale:
        if job.attempts < MOST_ATTEMPTS:
            job.state = "queued"
        else:
            job.state, job.finished_at = "failed", now
            job.error = f"执行该任务的进程连续 {job.attempts} 次中断，请查看服务日志后重新发起。"
    return len(stale)


def take_turn(session: Session, *, name: str, every: timedelta, now: datetime) -> bool:
    """True for exactly one caller in each period."""
    session.execute(
        insert_into(session, PeriodicTurn)
        .values(name=name, due_at=now)
        .on_conflict_do_nothing(index_elements=["name"])
    )
    moved = session.execute(
        update(PeriodicTurn)
        .where(PeriodicTurn.name == name, PeriodicTurn.due_at <= now)
        .values(due_at=now + every)
        .returning(PeriodicTurn.name)
    ).first()
    return moved is not None
