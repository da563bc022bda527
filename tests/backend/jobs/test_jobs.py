from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from backend.jobs.models import Job
from backend.jobs.service import (
    MOST_ATTEMPTS,
    STALE_AFTER,
    claim_job,
    enqueue_job,
    get_job,
    requeue_stale_jobs,
    take_turn,
)
from backend.jobs.worker import Worker


@pytest.fixture
def worker_of(database, now):
    def _worker_of(**handlers):
        return Worker(database, handlers=handlers, periodic=[], clock=lambda: now)

    return _worker_of


def queue(database, now, **changes):
    with database.transaction() as session:
        return enqueue_job(session, **{"kind": "count", "arguments": {}, "key": None, "now": now, **changes}).id


def test_a_job_exists_only_if_what_caused_it_was_committed(database, worker_of, now):
    with database._sessions() as session:
        enqueue_job(session, kind="count", arguments={}, key=None, now=now)
        session.rollback()
    assert not worker_of(count=lambda *_: None).run_next_job()


def test_the_same_unfinished_work_is_queued_once_and_may_be_queued_again_afterwards(database, worker_of, now):
    first = queue(database, now, key="run:person")
    assert queue(database, now, key="run:person") == first
    worker_of(count=lambda *_: None).run_next_job()
    assert queue(database, now, key="run:person") != first


def test_a_job_runs_with_its_arguments_and_shows_progress(database, worker_of, now):
    seen = []

    def handler(arguments, progress):
        progress(3, 3)
        seen.append(arguments)

    job_id = queue(database, now, arguments={"n": 3})
    assert worker_of(count=handler).run_next_job()
    with database.reading() as session:
        job = get_job(session, job_id)
    assert seen == [{"n": 3}]
    assert (job.state, job.progress_done, job.progress_total) == ("done", 3, 3)


def test_a_failing_job_keeps_its_reason_and_the_worker_goes_on(database, worker_of, now):
    def broken(arguments, progress):
        raise ValueError("the file is gone")

    job_id = queue(database, now, kind="broken")
    queue(database, now + timedelta(seconds=1))
    worker = worker_of(broken=broken, count=lambda *_: None)
    assert worker.run_next_job()
    assert worker.run_next_job()
    with database.reading() as session:
        job = get_job(session, job_id)
    assert (job.state, job.error) == ("failed", "ValueError: the file is gone")


def test_a_job_is_claimed_by_one_worker_only(database, now):
    queue(database, now)

    def claim(_):
        with database.transaction() as session:
            return claim_job(session, now=now)

    with ThreadPoolExecutor(8) as pool:
        claimed = [job for job in pool.map(claim, range(8)) if job]
    assert len(claimed) == 1


def test_the_job_of_a_dead_worker_is_tried_again_and_finally_fails_with_a_reason(database, now):
    job_id = queue(database, now)
    moment = now
    for attempt in range(1, MOST_ATTEMPTS + 1):
        with database.transaction() as session:
            job = claim_job(session, now=moment)
            assert job is not None
            assert job.attempts == attempt
        moment += STALE_AFTER + timedelta(seconds=1)
        with database.transaction() as session:
            assert requeue_stale_jobs(session, now=moment) == 1
    with database.reading() as session:
        job = get_job(session, job_id)
    assert job.state == "failed"
    assert "中断" in job.error


def test_a_job_that_beats_is_left_alone(session, now):
    session.add(Job(kind="count", arguments={}, state="running", enqueued_at=now, heartbeat_at=now))
    session.flush()
    assert requeue_stale_jobs(session, now=now + STALE_AFTER - timedelta(seconds=1)) == 0


def test_a_periodic_turn_is_taken_once_per_period_however_many_workers_ask(database, now):
    def ask(moment):
        with database.transaction() as session:
            return take_turn(session, name="sweep", every=timedelta(minutes=1), now=moment)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, [now] * 8)) == 1
    assert not ask(now + timedelta(seconds=59))
    assert ask(now + timedelta(seconds=60))
