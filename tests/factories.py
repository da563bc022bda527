"""Made-up subjects and records, with only what a test cares about spelled out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from backend.authorizations.models import Consent, GrantedConsent, OAuthGrant
from backend.authorizations.service import Asked, decide_request, request_sharing
from backend.authorizations.tokens import issue_access_token, new_token
from backend.city_calendar import WorkingDays
from backend.identifiers import complete_citizen_number, complete_social_credit_code
from backend.identifiers.sealing import KeyRing
from backend.partners.models import Partner
from backend.records.intake import Intake
from backend.records.models import CreditRecord, Delivery
from backend.repairs.service import states_in_force
from backend.subjects.models import Subject, SubjectRelation

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = count(1)


def intake_of(keys: KeyRing, calendar: WorkingDays | None = None) -> Intake:
    """What a city takes rows in with; `calendar` None takes the installed one."""
    return Intake(keys, calendar or WorkingDays(), states_in_force)


def add_person(
    session: Session, keys: KeyRing, *, name: str = "王小兰", born_on: date = date(1990, 1, 1)
) -> Subject:
    number = complete_citizen_number(f"990001{born_on:%Y%m%d}{next(_numbers) % 1000:03d}")
    person = Subject(
        kind="person",
        identifier_index=keys.blind_index(number),
        identifier_sealed=keys.seal(number),
        name_sealed=keys.seal(name),
        born_on=born_on,
        district="990001",
        status="active",
        created_at=CREATED,
    )
    session.add(person)
    session.flush()
    return person


def add_enterprise(session: Session, keys: KeyRing, *, name: str = "桂城示例有限公司") -> Subject:
    code = complete_social_credit_code(f"91990001{next(_numbers):09d}")
    enterprise = Subject(
        kind="enterprise",
        identifier_index=keys.blind_index(code),
        identifier_sealed=keys.seal(code),
        public_code=code,
        public_name=name,
        district="990001",
        status="active",
        registered_on=date(2018, 5, 1),
        created_at=CREATED,
    )
    session.add(enterprise)
    session.flush()
    return enterprise


def add_relation(session: Session, *, enterprise: Subject, principal: Subject, role: str) -> None:
    session.add(
        SubjectRelation(
            enterprise_id=enterprise.id, principal_id=principal.id, role=role, valid_from=date(2019, 1, 1)
        )
    )
    session.flush()


def share_grade(
    session: Session, subject: Subject, recipient: Partner, now: datetime, *, days: int = 30, **changes: Any
) -> Consent:
    """A consent that the person has given to the partner: to read their grade, for a loan."""
    asked = {
        "recipient": recipient,
        "purpose": "申请信用贷款",
        "data_categories": ["grade"],
        "output": "信用等级，不含分数和记录",
        "scopes": ["grade:read"],
        "mode": "until_expiry",
        "longest_days": 366,
        "notice_version": "2026-11",
    }
    consent = request_sharing(session, subject, Asked(**{**asked, **changes}), now=now)
    return decide_request(
        session,
        subject_id=subject.id,
        consent_id=consent.id,
        agreed=True,
        expires_at=now + timedelta(days=days),
        evidence={"client": "test"},
        now=now,
    )


def token_on(session: Session, partner: Partner, consent: Consent, now: datetime) -> str:
    """An access token that rests on the consent."""
    grant = OAuthGrant(partner_id=partner.id, subject_id=consent.subject_id, made_at=now)
    session.add(grant)
    session.flush()
    session.add(GrantedConsent(consent_id=consent.id, grant_id=grant.id))
    token = new_token()
    issue_access_token(
        session, partner_id=partner.id, scopes=["grade:read"], token=token, now=now, grant_id=grant.id
    )
    return token


def add_delivery(session: Session) -> Delivery:
    delivery = Delivery(
        source_department="桂城市测试局",
        template="test",
        filename="test.csv",
        identity=str(uuid4()),
        content_sha256="0" * 64,
        received_at=CREATED,
        state="done",
    )
    session.add(delivery)
    session.flush()
    return delivery


def add_record(
    session: Session, subject: Subject, category: str, *, event_on: date = date(2026, 1, 15), **facts: Any
) -> CreditRecord:
    neutral: dict[str, Any] = {
        "title": category,
        "quantity": 100,
        "amount": 0,
        "level": 0,
        "event_key": 0,
        "state": "active",
        "version": 1,
        "facts_digest": b"\0" * 32,
        "content": {},
        "source_department": "桂城市测试局",
    }
    record = CreditRecord(
        subject_id=subject.id,
        category=category,
        natural_key=uuid4().bytes,
        event_on=event_on,
        delivery_id=add_delivery(session).id,
        created_at=CREATED,
        **{**neutral, **facts},
    )
    session.add(record)
    session.flush()
    return record


def add_partner(session: Session, *, code: str, name: str, kind: str, public_code: str | None = None) -> Partner:
    """Known by name; it cannot sign in."""
    partner = Partner(
        code=code, name=name, kind=kind, public_code=public_code, state="active", registered_at=CREATED
    )
    session.add(partner)
    session.flush()
    return partner


def counting_clock(start: datetime) -> Callable[[], datetime]:
    """Always the same moment: tests that need time to pass say so."""
    return lambda: start
