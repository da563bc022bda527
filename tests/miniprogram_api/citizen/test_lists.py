from __future__ import annotations

from datetime import date

import pytest

from tests.factories import add_enterprise, add_record, add_relation


@pytest.fixture
def company(citizen):
    with citizen.city.database.transaction() as session:
        enterprise = add_enterprise(session, citizen.city.keys)
        add_relation(session, enterprise=enterprise, principal=citizen.subject, role="legal_representative")
        add_record(session, enterprise, "tax_rating", level=1, event_on=date(2025, 4, 30), title="2024年度A级")
        return enterprise


def lists(citizen, enterprise=None):
    query = {"enterprise": enterprise.public_code} if enterprise else {}
    answer = citizen.get("/me/lists", **query)
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


def test_citizens_see_their_red_list_entry_with_basis_and_end_and_the_record_behind_it(citizen):
    record = citizen.has_record("honour", level=3, title="优秀志愿者", event_on=date(2026, 1, 5))
    [entry] = lists(citizen)["red_list"]
    assert (entry["list_name"], entry["title"], entry["until"]) == ("表彰荣誉获得者", "优秀志愿者", "2031-01-04")
    assert (entry["record_id"], entry["level_name"]) == (record.id, "市级")
    assert lists(citizen)["statutory_lists"] == []


def test_the_representative_sees_the_enterprises_lists_and_what_keeps_it_off_the_red_list(citizen, company):
    assert [one["list_name"] for one in lists(citizen, company)["red_list"]] == ["纳税信用A级纳税人"]
    with citizen.city.database.transaction() as session:
        add_record(session, company, "serious_list", event_on=date(2026, 2, 1), title="虚假登记")
    shown = lists(citizen, company)
    assert shown["red_list"] == []
    assert shown["barred_by"] == ["严重违法失信名单"]
    [listed] = shown["statutory_lists"]
    assert "第44号" in listed["basis"]
    assert listed["until"]


def test_an_objection_to_the_listing_puts_the_enterprise_back_on_the_red_list_at_once(citizen, company):
    with citizen.city.database.transaction() as session:
        listing = add_record(session, company, "serious_list", event_on=date(2026, 2, 1), title="虚假登记")
    filed = citizen.post(
        "/me/objections",
        {
            "kind": "record",
            "record_id": listing.id,
            "grounds": "登记材料属实，列入有误",
            "evidence_ids": [],
            "enterprise": company.public_code,
        },
    )
    assert filed.status_code == 201, filed.get_json()
    shown = lists(citizen, company)
    assert [one["list_name"] for one in shown["red_list"]] == ["纳税信用A级纳税人"]
    assert shown["statutory_lists"][0]["disputed"] is True


def test_another_enterprises_lists_are_not_shown(make_citizen, company):
    answer = make_citizen().get("/me/lists", enterprise=company.public_code)
    assert answer.get_json()["code"] == "not_legal_representative"
