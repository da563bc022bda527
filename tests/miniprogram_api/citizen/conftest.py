from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.city_calendar import city_date
from backend.jobs.models import Job
from backend.records.models import CreditRecord
from backend.scores.runs import perform_run, request_run
from backend.subjects.models import Subject
from backend.subjects.rescoring import mark_for_rescoring
from tests.conftest import City
from tests.factories import add_person, add_record
from tests.rules_in_force import put_rules_in_force

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)
API = "/api/v1"


@dataclass
class Citizen:
    """A made-up citizen with a phone."""

    city: City
    subject: Subject
    phone: FlaskClient

    @property
    def id(self) -> int:
        return self.subject.id

    def get(self, path: str, **query: object):
        return self.phone.get(API + path, query_string=query)

    def post(self, path: str, body: object = None, **options: object):
        return self.phone.post(API + path, json=body, **options)

    def delete(self, path: str, **options: object):
        return self.phone.delete(API + path, **options)

    def has_record(self, category: str, **facts: object) -> CreditRecord:
        """Delivered now, as far as the score is concerned."""
        with self.city.database.transaction() as session:
            mark_for_rescoring(session, [self.id], "record_collected", self.city.clock())
            return add_record(session, self.subject, category, **facts)

    def activates(self) -> None:
        answer = self.post("/me/activation", {"notice_version": ACTIVATION_NOTICE.version, "agreed": True})
        assert answer.status_code == 201, answer.get_json()


@pytest.fixture
def ready_city(city: City) -> City:
    """With the shipped catalogue, policies and schemes, and nobody in it yet."""
    with city.database.transaction() as session:
        put_rules_in_force(session, BEFORE, policies=("guihua", "enterprise"), schemes=True)
    return city


@pytest.fixture
def make_citizen(ready_city: City) -> Callable[..., Citizen]:
    def make(**attributes: object) -> Citizen:
        with ready_city.database.transaction() as session:
            subject = add_person(session, ready_city.keys, **attributes)
        return Citizen(ready_city, subject, ready_city.as_citizen(subject.id))

    return make


@pytest.fixture
def citizen(make_citizen: Callable[..., Citizen]) -> Citizen:
    return make_citizen()


@pytest.fixture
def publish(ready_city: City, tmp_path: Path) -> Callable[[], None]:
    """A published run of today over everyone who has activated."""

    def publish() -> None:
        now = ready_city.clock()
        with ready_city.database.transaction() as session:
            run = request_run(session, subject_kind="person", as_of=city_date(now), started_by="测试", now=now)
        perform_run(
            ready_city.database, run.id, data_dir=tmp_path, clock=ready_city.clock, progress=lambda *_: None
        )
        with ready_city.database.transaction() as session:
            # As the worker does, or the next run asked for would be this one.
            session.get_one(Job, run.job_id).state = "done"

    return publish


@pytest.fixture
def scored(citizen: Citizen, publish: Callable[[], None]) -> Citizen:
    """A volunteer with one judgment against them, activated and scored."""
    citizen.has_record("volunteering", quantity=6_000, event_on=date(2026, 1, 20), title="社区图书馆志愿服务")
    citizen.has_record("court_judgment", level=1, event_on=date(2025, 12, 1), title="（2025）桂01民初1号")
    citizen.activates()
    publish()
    citizen.city.recompute()
    return citizen
