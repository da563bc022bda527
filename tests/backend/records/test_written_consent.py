"""What may be collected only with a separate written consent is not kept without one, whoever delivers it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.authorizations.notices import WRITTEN_CONSENT_NOTICE
from backend.authorizations.service import give_written_consent
from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.catalogue.service import import_catalogue
from backend.records.collection import collect_file
from backend.records.errors import RowRefused
from backend.records.models import CreditRecord, QuarantinedRow
from backend.records.service import change_state, records_of
from backend.records.single_row import take_in_row
from backend.scores.activation import withdraw_authorization
from backend.subjects.service import name_of
from tests.factories import add_person, intake_of

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)
NOW = datetime(2026, 3, 3, 2, tzinfo=UTC)
CODE = "supplement_education"
NAME = parse_catalogue(shipped_catalogue()).categories[CODE].name


@pytest.fixture
def person(session, keys):
    """In a city whose catalogue asks for a written consent to the made-up category."""
    _ask_for_consent(session)
    return add_person(session, keys)


def _ask_for_consent(session):
    before, found, after = shipped_catalogue().partition(f"code: {CODE}\n")
    assert found
    import_catalogue(session, before + found + "    written_consent: true\n" + after, BEFORE)


@pytest.fixture
def deliver(session, keys, person):
    def deliver(number="JZ2025001"):
        return take_in_row(
            session,
            intake_of(keys),
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


@pytest.mark.parametrize("state", ["disputed", "repaired", "expired"])
def test_whatever_has_become_of_it_meanwhile_it_is_revoked_with_the_consent(session, person, deliver, state):
    consent = consents(session, person, NAME)
    record = deliver().record
    change_state(session, record, state=state, changed_by="测试", reason="办理", now=NOW)

    withdraw_authorization(session, subject_id=person.id, consent_id=consent.id, now=NOW + timedelta(days=1))

    session.expire_all()
    assert record.state == "revoked"


def test_another_consent_that_covers_it_keeps_it_in_use(session, person, deliver):
    first, _ = consents(session, person, NAME), consents(session, person, NAME)
    deliver()
    withdraw_authorization(session, subject_id=person.id, consent_id=first.id, now=NOW)
    assert [record.state for record in records_of(session, person.id)] == ["active"]


def test_of_a_whole_file_only_the_rows_of_those_who_consented_are_kept(
    database, keys, tmp_path: Path, now: datetime
) -> None:
    """However many rows a department delivers, each is judged by its own subject's consent."""
    with database.transaction() as session:
        _ask_for_consent(session)
        given, refused = add_person(session, keys), add_person(session, keys)
        consents(session, given, NAME)
        numbers = [keys.open(person.identifier_sealed) for person in (given, refused)]
        names = [name_of(keys, person) for person in (given, refused)]
    headings = "主体类别,主体名称,主体代码,目录类别代码,事项编号,事项名称,发生（列入）日期,数据来源单位,"
    headings += "数据来源单位统一社会信用代码"
    matter = "二级建造师,2025-06-30,桂城市教育局,11990001MB9000138A"
    path = tmp_path / "education.csv"
    path.write_text(
        "\n".join(
            [headings] + [f"自然人,{names[n % 2]},{numbers[n % 2]},{CODE},JZ{n},{matter}" for n in range(6)]
        ),
        encoding="utf-8",
    )

    report = collect_file(database, intake_of(keys), path, now=NOW, rows_per_chunk=4)

    assert (report.delivered, report.accepted, report.quarantined) == (6, 3, 3)
    with database.reading() as session:
        assert {record.subject_id for record in session.scalars(select(CreditRecord))} == {given.id}
        rows = session.scalars(select(QuarantinedRow).order_by(QuarantinedRow.row_number)).all()
    assert [(row.row_number, row.state, keys.open(row.sealed_row), row.masked_row) for row in rows] == [
        (number, "dropped", "{}", {}) for number in (3, 5, 7)
    ]
    assert {reason["code"] for row in rows for reason in row.reasons} == {"written_consent_missing"}
