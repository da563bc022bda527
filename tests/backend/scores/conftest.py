from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.jobs.models import Job
from backend.scores.activation import activate_score
from backend.scores.runs import perform_run, request_run
from tests.rules_in_force import put_rules_in_force

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def adopt():
    def _adopt(session):
        put_rules_in_force(session, BEFORE, policies=("guihua", "enterprise"))

    return _adopt


@pytest.fixture
def activate(now):
    def _activate(session, subject):
        return activate_score(
            session, subject_id=subject.id, notice_version=ACTIVATION_NOTICE.version, evidence={}, now=now
        )

    return _activate


@pytest.fixture
def run_city(database, tmp_path, now):
    def _run_city(kind="person", as_of=date(2026, 3, 3), at=now):
        with database.transaction() as session:
            run = request_run(session, subject_kind=kind, as_of=as_of, started_by="测试", now=at)
        perform_run(database, run.id, data_dir=tmp_path, clock=lambda: at, progress=lambda *_: None)
        # What a worker does with the job of a run.
        with database.transaction() as session:
            session.get_one(Job, run.job_id).state = "done"
        return run

    return _run_city
