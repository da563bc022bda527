"""Running jobs and periodic tasks, in a thread of the server (embedded) or a process of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select

from backend.database import Database
from backend.jobs.models import Job, PeriodicTurn
from backend.jobs.service import beat, claim_job, finish_job, report_progress, take_turn

log = structlog.get_logger(__name__)

Progress = Callable[[int, int], None]
Handler = Callable[[Mapping[str, object], Progress], None]

_IDLE_SECONDS = 0.5
_REPORT_EVERY_SECONDS = 1.0
_BEAT_EVERY_SECONDS = 15.0


@dataclass(frozen=True)
class Periodic:
    """Work that returns every so often. It must do little, or enqueue a job."""

    name: str
    every: timedelta
    run: Callable[[datetime], None]


class Worker:
    """Claims jobs one after another, and takes the turns of periodic tasks in between."""

    def __init__(
        self,
        database: Database,
        *,
        handlers: Mapping[str, Handler],
        periodic: Sequence[Periodic],
        outgoing: Sequence[Periodic] = (),
        clock: Callable[[], datetime],
    ) -> None:
        """`outgoing` are the tasks that wait for others' servers; they get a thread of their own."""
        self._database = database
        self._handlers = handlers
        self._periodic = periodic
        self._outgoing = outgoing
        self._clock = clock
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._job_in_hand: UUID | None = None

    def start(self) -> None:
        """Threads of their own, so that neither a long job nor a slow receiver holds up a recomputation."""
        loops = [("jobs", self._run_jobs), ("periodic", self._run_periodic)]
        if self._outgoing:
            loops.append(("outgoing", self._run_outgoing))
        for name, loop in loops:
            thread = threading.Thread(target=loop, name=f"osmanthus-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def wait(self) -> None:
        """Until `stop` is called from a signal handler."""
        while not self._stop.wait(1):
            pass

    def is_alive(self) -> bool:
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def run_next_job(self) -> bool:
        """Claim and run one job; False when none is waiting."""
        with self._database.reading() as session:
            if session.scalars(select(Job.id).where(Job.state == "queued").limit(1)).first() is None:
                return False
        with self._database.transaction() as session:
            job = claim_job(session, now=self._clock())
        if job is None:
            return False
        self._job_in_hand = job.id
        try:
            error = self._run(job.id, job.kind, job.arguments)
        finally:
            self._job_in_hand = None
        with self._database.transaction() as session:
            finish_job(session, job.id, error=error, now=self._clock())
        return True

    def run_due_tasks(self, tasks: Sequence[Periodic] | None = None) -> None:
        """The periodic ones, unless others are named."""
        now = self._clock()
        with self._database.reading() as session:
            due_at = dict(session.execute(select(PeriodicTurn.name, PeriodicTurn.due_at)).all())
        for task in self._periodic if tasks is None else tasks:
            # Looking first keeps an idle worker from taking the write lock twice a second.
            if task.name in due_at and due_at[task.name] > now:
                continue
            with self._database.transaction() as session:
                mine = take_turn(session, name=task.name, every=task.every, now=now)
            if mine:
                task.run(now)

    def beat(self) -> None:
        """Show that the job in hand is alive, however long its steps are."""
        job_id = self._job_in_hand
        if job_id is not None:
            with self._database.transaction() as session:
                beat(session, job_id, now=self._clock())

    def _run(self, job_id: UUID, kind: str, arguments: Mapping[str, object]) -> str | None:
        """The reason of failure, or None. Whatever goes wrong in a job must not end the worker."""
        last_report = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal last_report
            moment = time.monotonic()
            if moment - last_report >= _REPORT_EVERY_SECONDS or done == total:
                last_report = moment
                with self._database.transaction() as session:
                    report_progress(session, job_id, done=done, total=total, now=self._clock())

        try:
            self._handlers[kind](arguments, progress)
        except Exception as error:
            log.exception("job_failed", job=str(job_id), kind=kind)
            return f"{type(error).__name__}: {error}"
        return None

    def _run_jobs(self) -> None:
        while not self._stop.is_set():
            try:
                if not self.run_next_job():
                    self._stop.wait(_IDLE_SECONDS)
            except Exception:
                # The database may be restarting: say so, wait, go on.
                log.exception("worker_cannot_claim")
                self._stop.wait(5)

    def _run_periodic(self) -> None:
        last_beat = 0.0
        while not self._stop.is_set():
            try:
                self.run_due_tasks()
                if time.monotonic() - last_beat >= _BEAT_EVERY_SECONDS:
                    last_beat = time.monotonic()
                    self.beat()
                self._stop.wait(_IDLE_SECONDS)
            except Exception:
                log.exception("periodic_task_failed")
                self._stop.wait(5)

    def _run_outgoing(self) -> None:
        while not self._stop.is_set():
            try:
                self.run_due_tasks(self._outgoing)
                self._stop.wait(_IDLE_SECONDS)
            except Exception:
                log.exception("outgoing_task_failed")
                self._stop.wait(5)
