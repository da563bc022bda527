"""What may be collected only with a separate written consent is not kept without one, whoever delivers it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from backend.authorizations.notices import WRITTEN_CONSENT_NOTICE
from backend.authorizations.service import give_written_consent
from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.catalogue.service import import_catalogue
from backend.records.errors import RowRefused
from backend.records.models import CreditRecord
from backend.records.service import records_of
from backend.records.single_row import take_in_row
from backend.scores.activation import withdraw_authorization
from backend.subjects.service import name_of
from tests.factories import add_person

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)
NOW = datetime(2026, 3, 3, 2, tzinfo=UTC)
CODE = "supplement_education"
NAME = parse_catalogue(shipped_catalogue()).categories[CODE].name


@pytest.fixture
def person(session, keys):
    """In a city whose catalogue asks for a written consent to the made-up category."""
    before, found, after = shipped_catalogue().partition(f"code: {CODE}\n")
    assert found
    import_catalogue(session, before + found + "    written_consent: true\n" + after, BEFORE)
    return add_person(session, keys)


@pytest.fixture
def deliver(session, keys, person):
    def deliver(number="JZ2025001"):
        return take_in_row(
            session,
            keys,
            template="city_catalogue",
            row={
                "ZTLB": "自然人",
                "ZTMC": name_of(keys, person),
                "ZTDM": keys.open(person.identifier_sealed),
                "MLDM": CODE,
                "SXMC": "二级建造师",
                "SXBH": number,
                "FSRQ": "2025-06-30",
                "SJLYDW": "桂城市教育局",
                "SJLYDWDM": "11990001MB9000138A",
            },
            source_department="桂城市教育局",
            origin=f"delivery {number}",
            now=NOW,
        )

    return deliver


def consents(session, person, *names):
    return give_written_consent(
        session,
        person,
        purpose="测试",
        data_categories=names,
        evidence={"notice_version": WRITTEN_CONSENT_NOTICE.version},
        now=BEFORE,
    )


def test_a_row_without_the_consent_is_refused_with_that_rules_reason(session, person, deliver):
    consents(session, person, "别的信息")
    with pytest.raises(RowRefused) as refusal:
        deliver()
    assert [reason["code"] for reason in refusal.value.reasons] == ["written_consent_missing"]
    assert session.scalars(select(CreditRecord.id)).all() == []


def test_with_the_consent_it_is_stored_until_the_consent_is_withdrawn(session, person, deliver):
    consent = consents(session, person, NAME)
    assert deliver().outcome == "accepted"

    withdraw_authorization(session, subject_id=person.id, consent_id=consent.id, now=NOW + timedelta(days=1))

    assert [record.state for record in records_of(session, person.id)] == ["revoked"]
    with pytest.raises(RowRefused):
        deliver("JZ2025002")


def test_another_consent_that_covers_it_keeps_it_in_use(session, person, deliver):
    first, _ = consents(session, person, NAME), consents(session, person, NAME)
    deliver()
    withdraw_authorization(session, subject_id=person.id, consent_id=first.id, now=NOW)
    assert [record.state for record in records_of(session, person.id)] == ["active"]
