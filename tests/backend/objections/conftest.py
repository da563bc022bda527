"""A scored citizen with an adverse record and a good one, under the shipped catalogue and policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.authorizations.service import give_activation
from backend.city_calendar import city_date
from backend.identifiers.sealing import KeyRing
from backend.jobs.models import Job
from backend.records.models import CreditRecord
from backend.scores.models import PublishedRun, ScoreRun
from backend.scores.policies import adopt_policy
from backend.scores.service import recompute_subject
from backend.subjects.models import Subject
from scoring.policy import shipped_policy
from tests.factories import add_person, add_record
from tests.rules_in_force import put_rules_in_force

FILED = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
BEFORE = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass
class Scored:
    person: Subject
    judgment: CreditRecord
    volunteering: CreditRecord


def scored_citizen(session: Session, keys: KeyRing) -> Scored:
    put_rules_in_force(session, BEFORE)
    policy = adopt_policy(session, shipped_policy("guihua"), adopted_by="测试", now=BEFORE, on=date(2026, 3, 1))
    job = Job(id=uuid4(), kind="score_run", arguments={}, state="done", attempts=1, enqueued_at=BEFORE)
    session.add(job)
    session.flush()
    run = ScoreRun(
        subject_kind="person",
        policy_hash=policy.hash,
        as_of=city_date(FILED),
        state="published",
        started_at=BEFORE,
        started_by="测试",
        job_id=job.id,
        published_at=BEFORE,
    )
    session.add(run)
    session.flush()
    session.add(PublishedRun(subject_kind="person", run_id=run.id, published_at=BEFORE))
    person = add_person(session, keys)
    give_activation(session, person, notice_version=ACTIVATION_NOTICE.version, evidence={}, now=BEFORE)
    scored = Scored(
        person,
        add_record(session, person, "court_judgment", level=1, event_on=date(2025, 12, 1), amount=100_00),
        add_record(session, person, "volunteering", quantity=60_00, event_on=date(2026, 1, 20)),
    )
    recompute_subject(session, person.id, cause="run", now=FILED - timedelta(hours=1))
    return scored


@pytest.fixture
def scored(session: Session, keys: Any) -> Scored:
    return scored_citizen(session, keys)
