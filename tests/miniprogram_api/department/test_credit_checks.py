"""Credit checks by file, by a department's system and by its officer in the console."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote
from uuid import uuid4

import pytest

from backend.accounts.service import add_officer, sign_in_officer
from backend.ledger.service import entries_about
from backend.subjects.service import find_by_identifier
from tests.backend.records.conftest import BAKERY, LAN
from tests.factories import add_record
from tests.miniprogram_api.department.conftest import (
    CIVILITY_CODE,
    MARKET_REGULATION,
    MARKET_REGULATION_CODE,
)
from tests.miniprogram_api.department.test_deliveries import run_jobs

LIST = f"统一社会信用代码\n{BAKERY}\n{LAN}\n=1+1\n"
QUERY = f"?purpose=fund_grant&matter={quote('2026年第一批技改资金')}&filename={quote('名单.csv')}"


def by_system(city, department):
    system = department(MARKET_REGULATION)
    return city._signed_in(system.token()), "/api/v1/department/credit-checks"


def by_officer(city, department, code=MARKET_REGULATION_CODE):
    department()
    return officer_of(city, code), "/api/v1/admin/credit-checks"


def by_office(city, department):
    department()
    return city.as_officer("score_officer"), "/api/v1/admin/credit-checks"


def officer_of(city, code):
    account = {"username": f"officer-{uuid4()}", "password": "correct horse"}
    with city.database.transaction() as session:
        add_officer(
            session, **account, name="李强", roles=["department_officer"], department_code=code, now=city.clock()
        )
        return city._signed_in(sign_in_officer(session, **account, now=city.clock())[0].token)


@pytest.mark.parametrize("way", [by_system, by_officer, by_office])
def test_a_list_is_checked_in_the_background_and_answered_line_by_line(city, department, way):
    client, path = way(city, department)
    purposes = client.get(f"{path}/purposes").json
    assert "国发〔2016〕33号" in next(one for one in purposes["items"] if one["code"] == "fund_grant")["basis"]
    asked = client.post(path + QUERY, data=LIST.encode(), content_type="application/octet-stream")
    assert asked.status_code == 202, asked.json
    assert (asked.json["state"], asked.json["rows_total"], asked.json["rows_done"]) == ("running", 3, 0)
    one = f"{path}/{asked.json['id']}"
    assert client.get(f"{one}/results").json["code"] == "credit_check_not_done"
    run_jobs(city)
    done = client.get(one).json
    assert (done["state"], done["counts"]) == ("done", {"clear": 1, "not_covered": 1, "number_wrong": 1})
    rows = client.get(f"{one}/results").json["items"]
    assert [row["outcome_name"] for row in rows] == ["未发现相关信息", "核查目的不含此类主体", "证件号码有误"]
    assert LAN not in str(rows)
    assert client.get(f"{one}/results?after=2&limit=1").json["items"] == rows[1:2]
    file = client.get(f"{one}/file").get_data(as_text=True)
    assert BAKERY in file
    assert ",=1+1" not in file
    assert [item["id"] for item in client.get(path).json["items"]] == [asked.json["id"]]
    review = client.post(f"{one}/reviews", json={"row_number": 2, "review": "withheld", "reason": "理由"})
    assert (review.status_code, review.json["code"]) == (409, "nothing_to_review")


def test_who_is_listed_is_told_with_reasons_and_the_conclusion_is_recorded(city, department):
    client, path = by_officer(city, department)
    with city.database.transaction() as session:
        bakery = find_by_identifier(session, keys=city.keys, identifier=BAKERY)
        add_record(session, bakery, "serious_list", title="虚假登记", event_on=date(2026, 1, 15))
    asked = client.post(path + QUERY, data=LIST.encode(), content_type="application/octet-stream").json
    run_jobs(city)
    one = f"{path}/{asked['id']}"
    first = client.get(f"{one}/results").json["items"][0]
    assert first["outcome"] == "found"
    (reason,) = first["reasons"]
    assert (reason["category_name"], reason["event_on"]) == ("严重违法失信名单", "2026-01-15")
    assert "虚假登记" in client.get(f"{one}/file").get_data(as_text=True)
    decided = client.post(f"{one}/reviews", json={"row_number": 2, "review": "withheld", "reason": "尚未移出名单"})
    assert (decided.status_code, decided.json["review_name"]) == (200, "暂不拨付")


def test_another_departments_officer_finds_nothing(city, department):
    client, path = by_officer(city, department)
    asked = client.post(path + QUERY, data=LIST.encode(), content_type="application/octet-stream").json
    other = officer_of(city, CIVILITY_CODE)
    assert other.get(path).json["items"] == []
    for part in ("", "/results", "/file"):
        assert other.get(f"{path}/{asked['id']}{part}").json["code"] == "credit_check_not_found"


def test_an_unlawful_purpose_and_an_unreadable_list_are_refused(city, department):
    client, path = by_officer(city, department)
    wrong = client.post(path + QUERY.replace("fund_grant", "curiosity"), data=LIST.encode())
    assert (wrong.status_code, wrong.json["code"]) == (422, "purpose_unknown")
    empty = client.post(path + QUERY, data=b"")
    assert (empty.status_code, empty.json["code"]) == (422, "file_unreadable")


def test_the_office_checks_for_itself_and_reviews_before_money_is_granted(city, department):
    client, path = by_office(city, department)
    with city.database.transaction() as session:
        bakery = find_by_identifier(session, keys=city.keys, identifier=BAKERY)
        add_record(session, bakery, "serious_list", title="虚假登记", event_on=date(2026, 1, 15))
    asked = client.post(path + QUERY, data=LIST.encode(), content_type="application/octet-stream").json
    run_jobs(city)
    one = f"{path}/{asked['id']}"
    review = {"row_number": 2, "review": "withheld", "reason": "列入严重违法失信名单"}
    reviewed = client.post(f"{one}/reviews", json=review).json
    assert (reviewed["review_name"], reviewed["reviewed_by"]) == ("暂不拨付", "张敏")
    file = client.get(f"{one}/file").get_data(as_text=True)
    assert "暂不拨付,列入严重违法失信名单,张敏" in file
    with city.database.reading() as session:
        entries = entries_about(session, bakery.id)
    assert {entry.actor_name for entry in entries} == {"桂城市公共信用信息中心"}
    # What the office asked is the office's: a department's officer does not find it, and the other way round.
    other = officer_of(city, MARKET_REGULATION_CODE)
    assert other.get(one).json["code"] == "credit_check_not_found"
    assert other.get(path).json["items"] == []
    assert city.as_officer("window_officer").get(one).status_code == 200
    assert city.as_officer("objection_officer").get(one).status_code == 403
