"""What the city knew on a day and a record's life, as officers ask for them."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import select

from backend.ledger.models import LedgerEntry
from backend.objections.models import Objection
from backend.records.models import CreditRecord
from backend.records.service import change_state
from backend.records.storing import version_of
from backend.subjects.models import Subject
from tests.factories import add_person, add_record
from tests.rules_in_force import put_rules_in_force

REASON = {"X-Access-Reason": quote("核查三月的评分依据")}


@pytest.fixture
def record_id(city, now):
    """A judgment that came in on 1 March and was disputed on 3 March."""
    with city.database.transaction() as session:
        put_rules_in_force(session, now)
        person = add_person(session, city.keys)
        record = add_record(session, person, "court_judgment", level=2, amount=500_00, content={"案由": "借贷"})
        arrived = city.clock() - timedelta(days=2)
        session.add(version_of(record, now=arrived, changed_by="桂城市中级人民法院", reason="数源单位报送"))
        session.flush()
        change_state(session, record, state="disputed", changed_by="本人", reason="提出异议", now=city.clock())
        return record.id


def identifier(city):
    with city.database.reading() as session:
        return city.keys.open(session.scalars(select(Subject.identifier_sealed)).one())


def ask(city, role="auditor", on="2026-03-02", **headers):
    question = {"identifier": identifier(city), "on": on}
    return city.as_officer(role).post("/api/v1/admin/records/known", json=question, headers=headers or REASON)


def test_an_officer_reads_what_the_city_knew_on_a_day(city, record_id):
    on_the_second, today = ask(city).json, ask(city, on="2026-03-03").json

    assert [item["state"] for item in on_the_second["items"]] == ["active"]
    assert [item["state"] for item in today["items"]] == ["disputed"]
    (item,) = on_the_second["items"]
    assert (item["record_id"], item["version"], item["level_name"], item["amount"]) == (
        record_id,
        1,
        "一般",
        500_00,
    )
    assert item["content"] == {"案由": "借贷"}
    assert (item["polarity"], item["quantity"], item["unit"], item["performed_on"]) == (
        "negative",
        100,
        "件",
        None,
    )
    assert "*" in on_the_second["subject"]["identifier"]
    assert ask(city, on="2026-02-01").json["items"] == []


def test_every_such_look_is_in_the_ledger_with_its_reason(city, record_id):
    ask(city)

    with city.database.reading() as session:
        entry = session.scalars(select(LedgerEntry)).one()
    assert (entry.action, entry.purpose, entry.detail["on"]) == (
        "record_viewed",
        "核查三月的评分依据",
        "2026-03-02",
    )


def test_without_a_reason_nothing_is_shown(city, record_id):
    answer = ask(city, **{"X-Access-Reason": ""})

    assert (answer.status_code, answer.json["code"]) == (400, "access_reason_missing")


def test_a_number_that_nobody_has_is_not_found(city, record_id):
    answer = city.as_officer("auditor").post(
        "/api/v1/admin/records/known", json={"identifier": "12", "on": "2026-03-03"}, headers=REASON
    )

    assert (answer.status_code, answer.json["code"]) == (404, "subject_not_found")


@pytest.mark.parametrize("role", ["score_officer"])
def test_officers_without_business_there_are_refused(city, record_id, role):
    assert ask(city, role=role).status_code == 403
    life = city.as_officer(role).get(f"/api/v1/admin/records/{record_id}/life", headers=REASON)
    assert life.status_code == 403


def test_the_life_of_a_record_is_told_to_officers_too(city, record_id):
    answer = city.as_officer("objection_officer").get(f"/api/v1/admin/records/{record_id}/life", headers=REASON)

    assert [event["event"] for event in answer.json["events"]] == ["delivered", "disputed"]
    assert answer.json["events"][1]["reason"] == "提出异议"
    with city.database.reading() as session:
        assert session.scalars(select(LedgerEntry.detail)).one() == {"record": record_id}
        assert session.get_one(CreditRecord, record_id).event_on == date(2026, 1, 15)
    missing = city.as_officer("auditor").get("/api/v1/admin/records/999999/life", headers=REASON)
    assert (missing.status_code, missing.json["code"]) == (404, "record_not_found")


def test_what_the_subject_said_stands_beside_the_record_wherever_officers_read_it(city, record_id):
    with city.database.transaction() as session:
        session.add(
            Objection(
                subject_id=session.get_one(CreditRecord, record_id).subject_id,
                filed_by_id=session.get_one(CreditRecord, record_id).subject_id,
                kind="record",
                about=f"record:{record_id}",
                record_id=record_id,
                grounds="已经履行",
                state="rejected",
                filed_at=city.clock(),
                answer_due_on=date(2026, 3, 6),
                extended=False,
                statement="判决已经全部履行，正在申请再审。",
            )
        )
    said = ["判决已经全部履行，正在申请再审。"]
    assert ask(city).json["items"][0]["statements"] == said
    life = city.as_officer("auditor").get(f"/api/v1/admin/records/{record_id}/life", headers=REASON).json
    assert life["statements"] == said
