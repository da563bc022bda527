"""A city office that prints: a demonstration certificate, the fonts, and subjects who have a score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.city_calendar import city_date
from backend.config import USUAL_FONTS
from backend.identifiers.sealing import KeyRing
from backend.reports.models import CreditReport
from backend.reports.press import ReportPress
from backend.reports.service import issue_report
from backend.scores.activation import activate_score
from backend.scores.models import PublishedRun
from backend.scores.runs import request_run
from backend.scores.service import recompute_subject
from backend.subjects.models import Subject
from backend.subjects.rescoring import close_marks, open_marks
from tests.factories import add_enterprise, add_person, add_record, add_relation
from tests.reading_pdfs import CERTIFICATE
from tests.rules_in_force import put_rules_in_force

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def press() -> ReportPress:
    return ReportPress(
        city_name="桂城市",
        public_url="https://credit.example",
        fonts=tuple(folder for folder in USUAL_FONTS if folder.is_dir()),
        certificate=CERTIFICATE,
    )


@dataclass
class Office:
    """What the tests do in it. `now` moves when a test says so."""

    session: Session
    keys: KeyRing
    press: ReportPress
    now: datetime
    lan: Subject
    company: Subject

    def issue(self, subject: Subject | None = None, **choices: object) -> CreditReport:
        chosen: dict[str, object] = {
            "stationery": "without_score",
            "masked": False,
            "issued_by": "本人",
            "now": self.now,
            **choices,
        }
        return issue_report(self.session, self.press, self.keys, subject_id=(subject or self.lan).id, **chosen)  # type: ignore[arg-type]

    def file_of(self, report: CreditReport) -> bytes:
        assert report.sealed_file is not None
        return self.keys.open_bytes(report.sealed_file)

    def activate(self) -> None:
        activate_score(
            self.session,
            subject_id=self.lan.id,
            notice_version=ACTIVATION_NOTICE.version,
            evidence={},
            now=self.now,
        )
        self.rescore()

    def rescore(self) -> None:
        """What the worker does within seconds."""
        for subject in (self.lan, self.company):
            recompute_subject(self.session, subject.id, cause="record_collected", now=self.now)
        marks = [mark.id for of_one in open_marks(self.session, 100).values() for mark in of_one]
        close_marks(self.session, marks, self.now)


@pytest.fixture
def office(session: Session, keys: KeyRing, press: ReportPress, now: datetime) -> Office:
    """王小兰, a volunteer who runs a company; both with a few records."""
    put_rules_in_force(session, BEFORE, policies=("guihua", "enterprise"))
    for kind in ("person", "enterprise"):
        run = request_run(session, subject_kind=kind, as_of=city_date(now), started_by="测试", now=now)
        run.state = "published"
        session.add(PublishedRun(subject_kind=kind, run_id=run.id, published_at=now))
    lan = add_person(session, keys, name="王小兰")
    company = add_enterprise(session, keys)
    add_relation(session, enterprise=company, principal=lan, role="legal_representative")
    add_record(session, lan, "volunteering", title="社区图书馆志愿服务", quantity=6_000)
    add_record(session, company, "admin_licence", title="食品经营许可", event_on=date(2025, 5, 6))
    office = Office(session, keys, press, now, lan, company)
    office.rescore()
    return office


@pytest.fixture
def has_record(office: Office) -> Callable[..., object]:
    def has_record(subject: Subject, category: str, **facts: object) -> object:
        return add_record(office.session, subject, category, **facts)

    return has_record
