"""Whole lives of records, gone through the services that citizens, officers and departments use: one is corrected
after an objection, one is under objection now, one of a person's and one of an enterprise's have been repaired.

What a department takes back and what is over by now comes with the deliveries (`stories`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.models import Officer
from backend.accounts.service import citizen_of, sign_in_citizen, sign_out
from backend.city_calendar import CITY_ZONE, city_date
from backend.evidence.service import BY_SUBJECT, EvidenceStore, keep_evidence
from backend.identifiers.sealing import KeyRing
from backend.ledger.service import Actor, record_access
from backend.objections.deadlines import load_deadlines
from backend.objections.inbox import reply_as_department
from backend.objections.models import Objection
from backend.objections.service import decide_objection, file_objection, forward_objection
from backend.records.models import CreditRecord
from backend.records.service import records_of
from backend.repairs.service import (
    Clock,
    accept_repair,
    case_of,
    decide_repair,
    draft_repair,
    file_repair,
    letter_of,
)
from backend.subjects.acting import ActingFor
from backend.subjects.models import Subject
from backend.subjects.service import find_by_identifier, principals_of
from demo_city.opening import OFFICERS

_CITIZEN, _ENTERPRISE = "whole_life", "returning_enterprise"
_BASIS = "依法受理并办理本人提出的申请"


def live_through(
    session: Session,
    manifest: Mapping[str, Any],
    *,
    keys: KeyRing,
    store: EvidenceStore,
    clock: Clock,
    now: datetime,
) -> None:
    """After `open_office`. Running it again changes nothing."""
    if session.scalars(select(Objection.id).limit(1)).first():
        return
    [number] = [one["identifier"] for one in manifest["demo_citizens"] if one["key"] == _CITIZEN]
    [code] = [one["identifier"] for one in manifest["demo_enterprises"] if one["key"] == _ENTERPRISE]
    citizen = find_by_identifier(session, keys=keys, identifier=number)
    enterprise = find_by_identifier(session, keys=keys, identifier=code)
    [representative] = [
        relation.principal_id
        for relation in principals_of(session, enterprise.id, city_date(now))
        if relation.role == "legal_representative"
    ]
    # In the order of their days: the ledger is read in the order in which it was written.
    city = _City(session, store, clock, now)
    city.correct(_record(session, citizen, "utility_arrears"))
    city.repair(
        ActingFor(citizen, citizen.id, "本人"),
        _record(session, citizen, "court_judgment"),
        explanation="物业服务费和诉讼费已经全部付清，法院出具了结案通知。",
        proof="结案通知.png",
        reply="经核查案款已全部履行，同意修复。",
    )
    city.repair(
        ActingFor(enterprise, representative, "法定代表人"),
        _record(session, enterprise, "admin_penalty"),
        explanation="罚款已经缴清，标签已全部更换，并对包装人员作了培训。",
        proof="缴款凭证.png",
        reply="经现场核查，违法行为已经改正，罚款已缴清，同意修复。",
    )
    city.dispute(_record(session, citizen, "transport_fare_evasion"))


def _record(session: Session, subject: Subject, category: str) -> CreditRecord:
    """The latest that counts."""
    return records_of(session, subject.id, category=category, state="active", limit=1)[0]


@dataclass(frozen=True)
class _City:
    """Takes each step as the surface takes it on which it is taken, with its row in the ledger."""

    session: Session
    store: EvidenceStore
    clock: Clock
    now: datetime

    def correct(self, record: CreditRecord) -> None:
        """The department had counted the months of two meters; it finds so itself, and the record is corrected."""
        grounds = "这个户号我只欠过一个月，其余八个月是邻居家的水表，请核对抄表记录。"
        changes = {"quantity": 100, "amount": 9_400}
        objection = self._object(record, days_ago=40, grounds=grounds)
        replied_at = self._office_hours(37, 15, after=record.created_at)
        reply_as_department(
            self.session,
            department_code=objection.department_code or "",
            objection_id=objection.id,
            finding="wrong",
            explanation="经核对抄表记录，合表期间的欠费误记到一户名下，该户实际欠费一个月、94.00 元。",
            corrections=changes,
            actor=record.source_department,
            now=replied_at,
            deadlines=load_deadlines(self.clock.working_days, self.clock.jurisdiction),
        )
        department = Actor("department", objection.department_code or "", record.source_department)
        self._note_objection(department, objection, "objection_verified", "核查异议", replied_at)
        decided_at = self._office_hours(36, 10, after=record.created_at)
        decide_objection(
            self.session,
            objection_id=objection.id,
            outcome="partly_upheld",
            reply="经数源单位核查，欠费月数和金额有误，已更正为一个月、94.00 元；欠费一个月属实，记录保留。",
            corrections=changes,
            officer=self._officer.name,
            officer_id=str(self._officer.id),
            now=decided_at,
        )
        self._note_objection(self._office, objection, "objection_decided", "作出处理并答复", decided_at)

    def dispute(self, record: CreditRecord) -> None:
        """The department has still to reply."""
        self._object(record, days_ago=2, grounds="当天我在外地出差，有火车票和住宿记录，不可能在地铁逃票。")

    def repair(self, acting: ActingFor, record: CreditRecord, *, explanation: str, proof: str, reply: str) -> None:
        """With proof and a signed commitment; accepted the day after and decided within three working days."""
        session = self.session
        filed_at = self._office_hours(24, 9, after=record.created_at)
        evidence = keep_evidence(
            session,
            self.store,
            subject_id=acting.person_id,
            filename=proof,
            content=_sheet_of_paper(),
            uploaded_by=BY_SUBJECT,
            now=filed_at,
        )
        repair = draft_repair(
            session,
            acting=acting,
            record_ids=[record.id],
            explanation=explanation,
            evidence_ids=[evidence.id],
            now=filed_at,
        )
        signed_in = sign_in_citizen(session, subject_id=acting.person_id, now=filed_at)
        file_repair(
            session,
            repair_id=repair.id,
            acting=acting,
            account_id=citizen_of(session, signed_in.token, now=filed_at).account_id,
            letter_sha256=letter_of(session, repair, today=city_date(filed_at)).sha256,
            now=filed_at,
            clock=self.clock,
        )
        sign_out(session, signed_in.token, now=filed_at)
        accepted_at = self._office_hours(23, 10, after=record.created_at)
        accept_repair(session, repair_id=repair.id, officer=self._officer.name, now=accepted_at, clock=self.clock)
        case: dict[str, object] = {"case": case_of(repair)}
        self._note(self._office, repair.subject_id, "repair_decided", "受理并转认定单位", case, accepted_at)
        decided_at = self._office_hours(21, 15, after=record.created_at)
        decide_repair(
            session,
            repair_id=repair.id,
            outcome="approved",
            reply=reply,
            decided_by=repair.department,
            now=decided_at,
        )
        department = Actor("department", repair.department_code, repair.department)
        self._note(department, repair.subject_id, "repair_decided", "决定信用修复申请", case, decided_at)

    def _object(self, record: CreditRecord, *, days_ago: int, grounds: str) -> Objection:
        """File and forward on one day."""
        deadlines = load_deadlines(self.clock.working_days, self.clock.jurisdiction)
        objection = file_objection(
            self.session,
            subject_id=record.subject_id,
            record_id=record.id,
            grounds=grounds,
            now=self._office_hours(days_ago, 9, after=record.created_at),
            deadlines=deadlines,
        )
        forwarded_at = self._office_hours(days_ago, 14, after=record.created_at)
        forward_objection(
            self.session,
            objection_id=objection.id,
            officer=self._officer.name,
            now=forwarded_at,
            deadlines=deadlines,
        )
        self._note_objection(self._office, objection, "objection_decided", "转数源单位核查", forwarded_at)
        return objection

    def _office_hours(self, days_ago: int, hour: int, *, after: datetime) -> datetime:
        """That day or the working day before it, at the city's hour. Where the city learnt of the record only
        later (`after`), the steps follow each other from then on."""
        day = city_date(self.now) - timedelta(days=days_ago)
        while not self.clock.working_days.is_working(day):
            day -= timedelta(days=1)
        wanted = datetime.combine(day, time(hour, 10), CITY_ZONE)
        learnt = after + timedelta(minutes=100 - days_ago, seconds=hour)
        return wanted if wanted > after else min(learnt, self.now)

    @property
    def _officer(self) -> Officer:
        return self.session.scalars(select(Officer).where(Officer.username == OFFICERS[0][0])).one()

    @property
    def _office(self) -> Actor:
        return Actor("officer", str(self._officer.id), f"信用办 {self._officer.name}")

    def _note_objection(self, actor: Actor, objection: Objection, action: str, purpose: str, at: datetime) -> None:
        detail: dict[str, object] = {"objection": str(objection.id), "about": objection.about}
        self._note(actor, objection.subject_id, action, purpose, detail, at)

    def _note(
        self, actor: Actor, subject_id: int, action: str, purpose: str, detail: dict[str, object], at: datetime
    ) -> None:
        record_access(
            self.session,
            subject_id=subject_id,
            actor=actor,
            action=action,
            basis=_BASIS,
            purpose=purpose,
            detail=detail,
            channel="console",
            now=at,
        )


def _sheet_of_paper() -> bytes:
    """Lines and a seal: there is no real document behind a made-up payment."""
    sheet = Image.new("RGB", (600, 800), "white")
    pen = ImageDraw.Draw(sheet)
    for line in range(10):
        y = 120 + line * 48
        pen.line((60, y, 540 - (line % 3) * 90, y), fill="gray", width=6)
    pen.ellipse((380, 620, 520, 760), outline="firebrick", width=8)
    picture = BytesIO()
    sheet.save(picture, "PNG")
    return picture.getvalue()
