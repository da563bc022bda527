"""A person with a judgment against them that has been performed, and the ways through a repair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image
from sqlalchemy.orm import Session

from backend.city_calendar import WorkingDays, city_date
from backend.evidence.service import EvidenceStore, keep_evidence
from backend.identifiers.sealing import KeyRing
from backend.records.models import CreditRecord
from backend.repairs.models import Repair
from backend.repairs.service import (
    Clock,
    accept_repair,
    decide_repair,
    draft_repair,
    file_repair,
    letter_of,
)
from backend.subjects.acting import ActingFor
from backend.subjects.models import Subject
from tests.factories import add_person, add_record
from tests.rules_in_force import put_rules_in_force

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)
FILED = datetime(2026, 6, 30, 2, 0, tzinfo=UTC)
CLOCK = Clock(WorkingDays(), "shandong")
OFFICER = "信用办 李专员"
COURT = "桂城市中级人民法院"


@dataclass
class Applicant:
    """Someone who asks for a repair, and the steps they and the city take."""

    session: Session
    keys: KeyRing
    acting: ActingFor
    store: EvidenceStore
    account_id: UUID = field(default_factory=uuid4)
    clock: Clock = CLOCK

    @property
    def subject(self) -> Subject:
        return self.acting.subject

    def record(self, category: str = "court_judgment", **facts: Any) -> CreditRecord:
        stated = {
            "level": 2,
            "event_on": date(2026, 3, 1),
            "performed_on": date(2026, 5, 6),
            "title": "（2026）桂01民初1号",
            "source_department": COURT,
        }
        return add_record(self.session, self.subject, category, **{**stated, **facts})

    def photo(self, now: datetime = FILED) -> UUID:
        picture = BytesIO()
        Image.new("RGB", (8, 8), "white").save(picture, "JPEG")
        return keep_evidence(
            self.session,
            self.store,
            subject_id=self.acting.person_id,
            filename="凭证.jpg",
            content=picture.getvalue(),
            uploaded_by=self.acting.capacity,
            now=now,
        ).id

    def drafts(self, *records: CreditRecord, evidence: tuple[UUID, ...] = (), now: datetime = FILED) -> Repair:
        return draft_repair(
            self.session,
            acting=self.acting,
            record_ids=[record.id for record in records],
            explanation="已全部履行",
            evidence_ids=evidence,
            now=now,
        )

    def files(self, repair: Repair, *, now: datetime = FILED, **options: Any) -> Repair:
        return file_repair(
            self.session,
            repair_id=repair.id,
            acting=self.acting,
            account_id=self.account_id,
            letter_sha256=letter_of(self.session, repair, today=city_date(now)).sha256,
            now=now,
            clock=self.clock,
            **options,
        )

    def accepted(self, *records: CreditRecord, now: datetime = FILED) -> Repair:
        repair = self.files(self.drafts(*records, now=now), now=now)
        return accept_repair(self.session, repair_id=repair.id, officer=OFFICER, now=now, clock=self.clock)

    def repaired(self, *records: CreditRecord, now: datetime = FILED) -> Repair:
        return decide_repair(
            self.session,
            repair_id=self.accepted(*records, now=now).id,
            outcome="approved",
            reply="义务已全部履行，同意修复",
            decided_by=COURT,
            now=now,
        )


@pytest.fixture
def make_applicant(session: Session, keys: KeyRing, tmp_path: Path) -> Callable[[ActingFor], Applicant]:
    put_rules_in_force(session, BEFORE)
    return lambda acting: Applicant(session, keys, acting, EvidenceStore(tmp_path, keys))


@pytest.fixture
def applicant(make_applicant: Callable[[ActingFor], Applicant], session: Session, keys: KeyRing) -> Applicant:
    person = add_person(session, keys)
    return make_applicant(ActingFor(person, person.id, "本人"))
