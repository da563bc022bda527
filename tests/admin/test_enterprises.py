"""Portrait and relations of an enterprise for officers, and what of it the public may see."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

import pytest
from sqlalchemy import select

from backend.ledger.models import LedgerEntry
from backend.subjects.models import Subject
from tests.factories import add_enterprise, add_person, add_record, add_relation
from tests.rules_in_force import put_rules_in_force

ADMIN, PUBLIC = "/api/v1/admin/enterprises", "/api/v1/public/enterprises"
REASON = {"X-Access-Reason": quote("年度信用监管检查")}


@pytest.fixture
def bakery(city, now):
    """An enterprise with a representative in trouble, an owner, and records of every kind."""
    with city.database.transaction() as session:
        put_rules_in_force(session, now)
        bakery = add_enterprise(session, city.keys, name="桂城面包有限公司")
        owner = add_enterprise(session, city.keys, name="桂城集团有限公司")
        lan = add_person(session, city.keys, name="王小兰")
        add_relation(session, enterprise=bakery, principal=lan, role="legal_representative")
        add_relation(session, enterprise=bakery, principal=owner, role="shareholder")
        add_record(session, lan, "dishonest_debtor", event_on=date(2026, 1, 2))
        for day in (1, 2, 3):
            add_record(session, bakery, "admin_penalty", event_on=date(2026, 1, day), level=2, amount=2_000_00)
        add_record(session, bakery, "admin_licence", title="食品经营许可", ended_on=date(2026, 3, 20))
        add_record(session, bakery, "serious_list", event_on=date(2026, 2, 1))
        add_record(session, bakery, "social_insurance_arrears", state="disputed")
        add_record(session, bakery, "utility_arrears", state="repaired")
        return bakery.public_code


def portrait(city, code, role="score_officer", headers=REASON):
    return city.as_officer(role).get(f"{ADMIN}/{code}/portrait", headers=headers)


def test_a_portrait_shows_records_by_category_and_year_and_what_to_look_at(city, bakery):
    answer = portrait(city, bakery).json

    assert answer["enterprise"]["name"] == "桂城面包有限公司"
    counts = {
        item["category"]: (item["counted"], item["disputed"], item["no_longer_used"]) for item in answer["counts"]
    }
    assert counts["admin_penalty"] == (3, 0, 0)
    assert counts["social_insurance_arrears"] == (0, 1, 0)
    assert counts["utility_arrears"] == (0, 0, 1)
    assert answer["by_year"] == [{"year": 2026, "positive": 0, "neutral": 1, "negative": 5}]
    assert {warning["code"] for warning in answer["warnings"]} == {
        "listed",
        "principal_listed",
        "penalties_mount",
        "licence_ends",
    }
    # The latest act first.
    assert answer["records"][0]["category_name"] == "严重违法失信名单"
    assert [event["event"] for event in answer["history"]["events"]] == ["registered"]


def test_what_was_repaired_revoked_or_has_expired_is_counted_and_shown_no_more(city, bakery):
    with city.database.transaction() as session:
        subject = session.scalars(select(Subject).where(Subject.public_code == bakery)).one()
        for state in ("repaired", "revoked", "expired"):
            add_record(session, subject, "admin_penalty", level=2, title=f"{state} 的处罚", state=state)

    answer = portrait(city, bakery).json

    assert {record["state"] for record in answer["records"]} == {"active", "disputed"}
    assert "的处罚" not in str(answer)
    [penalties] = [one for one in answer["counts"] if one["category"] == "admin_penalty"]
    assert (penalties["counted"], penalties["no_longer_used"]) == (3, 3)


def test_whoever_stands_behind_the_enterprise_reads_of_the_look_too(city, bakery):
    portrait(city, bakery)
    city.as_officer("auditor").get(f"{ADMIN}/{bakery}/relations", headers=REASON)

    with city.database.reading() as session:
        person = session.scalars(select(Subject.id).where(Subject.kind == "person")).one()
        actions = session.scalars(
            select(LedgerEntry.action).where(LedgerEntry.subject_id == person).order_by(LedgerEntry.id)
        ).all()
        purposes = set(session.scalars(select(LedgerEntry.purpose)))
    assert actions == ["portrait_viewed", "relations_viewed"]
    assert purposes == {"年度信用监管检查"}


@pytest.mark.parametrize("view", ["portrait", "relations"])
def test_without_a_reason_nothing_is_shown(city, bakery, view):
    answer = city.as_officer("auditor").get(f"{ADMIN}/{bakery}/{view}")

    assert (answer.status_code, answer.json["code"]) == (400, "access_reason_missing")


def test_the_relation_graph_has_nodes_edges_and_dates(city, bakery):
    answer = city.as_officer("auditor").get(f"{ADMIN}/{bakery}/relations?depth=2", headers=REASON).json

    nodes = {node["id"]: node for node in answer["nodes"]}
    assert sorted(node["kind"] for node in nodes.values()) == ["enterprise", "enterprise", "person"]
    assert next(node["name"] for node in nodes.values() if node["kind"] == "person") == "王*兰"
    assert {(edge["role_name"], edge["valid_from"]) for edge in answer["edges"]} == {
        ("法定代表人", "2019-01-01"),
        ("股东", "2019-01-01"),
    }
    before = city.as_officer("auditor").get(f"{ADMIN}/{bakery}/relations?on=2018-12-31", headers=REASON).json
    assert (len(before["nodes"]), before["edges"]) == (1, [])
    assert city.as_officer("auditor").get(f"{ADMIN}/{bakery}/relations?depth=9", headers=REASON).status_code == 422


def test_an_enterprise_is_searched_by_name_or_any_code(city, bakery):
    officer = city.as_officer("auditor")

    assert [item["code"] for item in officer.get(f"{ADMIN}?q=面包").json["items"]] == [bakery]
    assert [item["code"] for item in officer.get(f"{ADMIN}?q={bakery}").json["items"]] == [bakery]
    assert officer.get(f"{ADMIN}/{bakery}x/portrait", headers=REASON).json["code"] == "enterprise_not_found"


def test_the_public_portrait_never_tells_of_a_natural_person(city, bakery):
    answer = city.http.get(f"{PUBLIC}/{bakery}/portrait")

    assert answer.status_code == 200
    assert (answer.json["penalties"], answer.json["licences"]) == (3, 1)
    assert [unit["name"] for unit in answer.json["units"]] == ["桂城集团有限公司"]
    assert [relation["role_name"] for relation in answer.json["relations"]] == ["股东"]
    told = answer.get_data(as_text=True)
    assert not any(secret in told for secret in ("王", "法定代表人", "失信被执行人", "grade", "total"))


def test_the_public_reads_what_became_of_a_code(city, bakery):
    with city.database.transaction() as session:
        merged = session.scalars(select(Subject).where(Subject.public_code == bakery)).one()
        heir = session.scalars(select(Subject).where(Subject.public_name == "桂城集团有限公司")).one()
        merged.status, merged.ended_on, merged.successor_id = "merged", date(2026, 2, 1), heir.id
        heir_code = heir.public_code

    answer = city.http.get(f"{PUBLIC}/{bakery}/codes").json

    assert [unit["code"] for unit in answer["successors"]] == [heir_code]
    assert [event["event_name"] for event in answer["events"]] == ["登记", "合并"]
    assert answer["events"][1]["other"]["name"] == "桂城集团有限公司"
    assert city.http.get(f"{PUBLIC}/00000000/codes").status_code == 404
