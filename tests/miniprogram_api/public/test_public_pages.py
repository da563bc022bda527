from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from urllib.parse import quote

import pytest

from backend.identifiers import complete_organisation_code, complete_social_credit_code
from backend.objections.deadlines import load_deadlines
from backend.objections.service import attach_statement, decide_objection, file_objection
from backend.subjects.registers import RegisterRow, register_subjects
from backend.subjects.service import find_by_identifier
from command_line.access_matrix import access_rows
from command_line.server import openapi_document
from tests.factories import add_person, add_record
from tests.rules_in_force import put_rules_in_force

DOCUMENT = json.loads(openapi_document())
API = "/api/v1/public"
BEFORE = datetime(2026, 1, 2, tzinfo=UTC)


def code_of(number: int) -> str:
    return complete_social_credit_code("91990001" + complete_organisation_code(f"MA{number:06d}"))


@pytest.fixture
def town(city):
    """Three enterprises and an organisation, and the shipped catalogue and schemes."""
    rows = [
        *(
            RegisterRow("enterprise", code_of(number), f"桂城丹桂食品有限公司{number}", "桂东区")
            for number in range(3)
        ),
        RegisterRow("organisation", code_of(9), "桂城志愿者协会", "桂东区"),
    ]
    with city.database.transaction() as session:
        put_rules_in_force(session, BEFORE, schemes=True)
        register_subjects(session, city.keys, rows, BEFORE)
    return city


@pytest.fixture
def publish(town):
    """Give the first enterprise a record."""

    def publish(category, **facts):
        with town.database.transaction() as session:
            subject = find_by_identifier(session, keys=town.keys, identifier=code_of(0))
            return add_record(session, subject, category, **facts)

    return publish


def page(town, number=0):
    answer = town.http.get(f"{API}/enterprises/{code_of(number)}")
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


def test_anyone_finds_an_enterprise_by_part_of_its_name_or_by_its_code(town):
    by_name = town.http.get(f"{API}/enterprises", query_string={"q": "丹桂", "limit": 2})
    first = by_name.get_json()
    second = town.http.get(
        f"{API}/enterprises", query_string={"q": "丹桂", "limit": 2, "cursor": first["next_cursor"]}
    ).get_json()
    by_code = town.http.get(f"{API}/enterprises", query_string={"q": code_of(9).lower()}).get_json()

    assert [item["code"] for item in first["items"] + second["items"]] == [code_of(0), code_of(1), code_of(2)]
    assert second["next_cursor"] is None
    assert [(item["name"], item["kind"]) for item in by_code["items"]] == [("桂城志愿者协会", "organisation")]
    assert by_name.headers["Cache-Control"] == "public, max-age=60"


def test_an_old_code_leads_to_the_unit_and_a_merged_one_to_whoever_took_over_last(town):
    gone, between, heir = (code_of(number) for number in (20, 21, 22))
    register = [
        RegisterRow("enterprise", heir, "桂城金桂食品有限公司", "桂东区"),
        RegisterRow("enterprise", between, "桂城银桂食品有限公司", "桂东区", status="merged", successor=heir),
        RegisterRow(
            "enterprise",
            gone,
            "桂城月桂食品有限公司",
            "桂东区",
            status="merged",
            successor=between,
            old_codes={"registration_15": "990001200000207"},
        ),
    ]
    for row in register:
        with town.database.transaction() as session:
            register_subjects(session, town.keys, [row], BEFORE)

    for written in (
        "990001200000207",
        "９９０００１ 200000207",
        gone[8:17],
        f"{gone[8:16]}-{gone[16:17].lower()}",
    ):
        [found] = town.http.get(f"{API}/enterprises", query_string={"q": written}).get_json()["items"]
        assert (found["code"], found["status"]) == (gone, "merged")
        assert found["successor"] == {"code": heir, "name": "桂城金桂食品有限公司", "status": "active"}
    assert town.http.get(f"{API}/enterprises/990001200000207").get_json()["successor"]["code"] == heir
    assert page(town)["successor"] is None


@pytest.mark.parametrize("q", ["", "桂", " 桂 ", "长" * 101])
def test_a_search_that_would_list_everyone_is_refused(town, q):
    answer = town.http.get(f"{API}/enterprises", query_string={"q": q})

    assert answer.status_code == 422
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_penalty_says_until_when_it_is_published_a_serious_one_longer_than_a_general_one(publish, town):
    publish("admin_penalty", level=2, title="一般", event_on=date(2026, 2, 3))
    publish("admin_penalty", level=3, title="严重", event_on=date(2026, 2, 2))

    assert [(one["title"], one["public_until"]) for one in page(town)["penalties"]] == [
        ("一般", "2027-02-03"),
        ("严重", "2029-02-01"),
    ]


def test_wildcards_are_letters_like_any_other(town):
    assert town.http.get(f"{API}/enterprises", query_string={"q": "%%"}).get_json()["items"] == []


def test_a_natural_person_is_never_found_by_name_or_number(town):
    with town.database.transaction() as session:
        person = add_person(session, town.keys, name="欧阳丹桂")
        number = town.keys.open(person.identifier_sealed)

    for q in ("欧阳丹桂", number):
        assert town.http.get(f"{API}/enterprises", query_string={"q": q}).get_json()["items"] == []
    answer = town.http.get(f"{API}/enterprises/{number}")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "enterprise_not_found")
    assert number not in answer.get_data(as_text=True)


def test_the_page_shows_licences_penalties_commitments_and_honours(town, publish):
    publish("admin_licence", title="食品经营许可", event_on=date(2024, 5, 1))
    publish("admin_penalty", title="罚款", level=2, event_on=date(2026, 1, 15))
    publish("commitment", title="审批替代型承诺", level=1, event_on=date(2025, 5, 1))
    publish("honour", title="守合同重信用企业", level=3, event_on=date(2025, 5, 1))
    publish("utility_arrears", title="欠缴水费", event_on=date(2026, 1, 1))

    shown = page(town)

    assert (shown["code"], shown["name"], shown["status"]) == (code_of(0), "桂城丹桂食品有限公司0", "active")
    assert [record["title"] for record in shown["licences"]] == ["食品经营许可"]
    assert [record["title"] for record in shown["penalties"]] == ["罚款"]
    assert [record["title"] for record in shown["commitments"]] == ["审批替代型承诺"]
    assert [record["title"] for record in shown["red_list"]] == ["守合同重信用企业"]
    assert shown["penalties"][0]["level_name"] == "一般"
    assert shown["penalties"][0]["legal_basis"]
    assert "欠缴水费" not in str(shown)


def test_the_page_shows_the_statutory_lists_that_stand_with_their_basis_and_end(town, publish):
    publish("serious_list", title="虚假登记", event_on=date(2026, 1, 15), ended_on=date(2026, 3, 3))
    publish("abnormal_operation", title="未公示年报", event_on=date(2026, 2, 1), state="disputed")
    publish("serious_list", title="已移出", event_on=date(2025, 1, 15), ended_on=date(2026, 3, 2))
    publish("serious_list", title="已修复", event_on=date(2025, 6, 1), state="repaired")
    publish("dishonest_debtor", title="由法院公布", event_on=date(2026, 1, 1))

    abnormal, serious = page(town)["statutory_lists"]

    assert (serious["list_name"], serious["title"], serious["until"]) == (
        "严重违法失信名单",
        "虚假登记",
        "2026-03-03",
    )
    assert "第44号" in serious["basis"]
    assert all(measure["text"] and "第十五条" in measure["basis"] for measure in serious["measures"])
    assert [measure["basis"] for measure in abnormal["measures"]] == ["企业信息公示暂行条例第十八条"]
    assert (abnormal["list_name"], abnormal["disputed"]) == ("经营异常名录", True)


def test_anyone_reads_the_red_lists_and_who_is_on_them_with_basis_source_and_period(town, publish):
    publish("honour", title="守合同重信用企业", level=3, event_on=date(2025, 5, 1))
    lists = town.http.get(f"{API}/red-lists").get_json()
    assert [one["code"] for one in lists["items"]] == ["tax_a", "honoured"]
    assert "国发〔2016〕33号" in lists["basis"]

    answer = town.http.get(f"{API}/red-lists/honoured", query_string={"q": "丹桂"})
    [entry] = answer.get_json()["items"]

    assert (entry["code"], entry["title"], entry["level_name"]) == (code_of(0), "守合同重信用企业", "市级")
    assert (entry["listed_on"], entry["until"]) == ("2025-05-01", "2030-04-30")
    assert town.http.get(f"{API}/red-lists/nobody").get_json()["code"] == "red_list_unknown"
    assert page(town)["red_list"][0]["list_name"] == "表彰荣誉获得者"


@pytest.mark.parametrize(("level", "days"), [(1, 90), (2, 365), (3, 1095)])
def test_a_penalty_is_public_for_the_period_of_its_seriousness_and_not_a_day_longer(town, publish, level, days):
    today = date(2026, 3, 3)
    publish("admin_penalty", title="最后一天", level=level, event_on=date.fromordinal(today.toordinal() - days))
    publish("admin_penalty", title="已过期", level=level, event_on=date.fromordinal(today.toordinal() - days - 1))

    assert [record["title"] for record in page(town)["penalties"]] == ["最后一天"]


@pytest.mark.parametrize("state", ["revoked", "repaired", "expired"])
def test_what_was_revoked_or_repaired_is_gone_at_once(town, publish, state):
    publish("admin_penalty", level=2, state=state)

    assert page(town)["penalties"] == []


def test_a_disputed_penalty_is_shown_as_disputed_at_once(town, publish):
    penalty = publish("admin_penalty", level=2)
    with town.database.transaction() as session:
        file_objection(
            session,
            subject_id=penalty.subject_id,
            record_id=penalty.id,
            grounds="处罚决定已被复议撤销",
            now=town.clock(),
            deadlines=load_deadlines(town.services.working_days),
        )

    assert [record["disputed"] for record in page(town)["penalties"]] == [True]


def test_a_statement_stands_beside_the_penalty_in_public_too(town, publish):
    penalty = publish("admin_penalty", level=2)
    mine = {"subject_id": penalty.subject_id, "now": town.clock()}
    with town.database.transaction() as session:
        objection = file_objection(
            session,
            record_id=penalty.id,
            grounds="处罚决定已被复议撤销",
            deadlines=load_deadlines(town.services.working_days),
            **mine,
        )
        decide_objection(
            session,
            objection_id=objection.id,
            outcome="rejected",
            reply="复议决定维持原处罚。",
            officer="李专员",
            now=town.clock(),
        )
        attach_statement(session, objection_id=objection.id, statement="本公司已提起行政诉讼", **mine)

    assert [record["statements"] for record in page(town)["penalties"]] == [["本公司已提起行政诉讼"]]


def test_the_schemes_of_the_city_are_public_with_their_tiers(town):
    answer = town.http.get(f"{API}/schemes")

    schemes = answer.get_json()["items"]
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert {"信易阅", "信易行", "信易医"} <= {scheme["scene_name"] for scheme in schemes}
    assert all(scheme["tiers"] and scheme["tiers"][0]["terms"]["summary"] for scheme in schemes)
    assert all(scheme["basis"] and scheme["effective_from"] for scheme in schemes)


def queries_of(path):
    return [one["name"] for one in DOCUMENT["paths"][path]["get"].get("parameters", ()) if one["in"] == "query"]


PUBLIC = [
    (row.path, queries_of(row.path))
    for row in access_rows(DOCUMENT)
    if (row.who, row.method) == ("public", "GET") and row.path.startswith(f"{API}/")
]


@pytest.mark.parametrize(("path", "queries"), PUBLIC, ids=[path for path, _ in PUBLIC])
def test_no_public_route_knows_a_natural_person_by_name_or_number(town, path, queries):
    """With records of every public category, with a licence and a penalty, red-listed, and with a commitment."""
    with town.database.transaction() as session:
        person = add_person(session, town.keys, name="欧阳丹桂")
        number = town.keys.open(person.identifier_sealed)
        for category in ("admin_licence", "admin_penalty", "commitment", "honour"):
            add_record(session, person, category, title="秘密事项", level=1)

    red_lists = [one["code"] for one in town.http.get(f"{API}/red-lists").get_json()["items"]]
    for asked in ("欧阳丹桂", number):
        for filling in (asked, *red_lists) if "{code}" in path else (asked,):
            address = re.sub(r"\{[^}]+\}", quote(filling), path)
            for query in ({}, *({name: asked} for name in queries)):
                answer = town.http.get(address, query_string=query)
                said = answer.get_data(as_text=True)
                assert answer.status_code in (200, 404, 422), (address, query, said)
                assert not any(secret in said for secret in ("欧阳", number, "秘密事项")), (address, query, said)
