"""Officers of a department correct their own rows that could not be taken in, and nobody else's."""

from __future__ import annotations

import pytest

from backend.accounts.service import add_officer, sign_in_officer
from backend.catalogue.document import parse_catalogue, shipped_catalogue
from tests.admin.conftest import DEPARTMENT, WRONG_DATE

ROWS = "/api/v1/admin/department/quarantine"
WAITING = "/api/v1/admin/department/waiting"
SOURCE = "数据来源单位统一社会信用代码"
CATEGORIES = parse_catalogue(shipped_catalogue()).categories


@pytest.fixture
def desk(office):
    def sign_in(category):
        code = CATEGORIES[category].source_department_code
        with office.city.database.transaction() as session:
            account = {"username": f"d{code}", "password": "correct horse"}
            roles, now = ["department_officer"], office.city.clock()
            add_officer(session, **account, name="陈经办", roles=roles, department_code=code, now=now)
            token = sign_in_officer(session, **account, now=now)[0].token
        return office.city._signed_in(token)

    return sign_in


def test_they_see_why_correct_the_cell_and_the_row_is_taken_in(office, desk):
    office.deliver("三月.csv", "2026-02-01", WRONG_DATE)
    mine = desk("volunteering")

    assert mine.get(WAITING).get_json()["rows"] == 1
    [row] = mine.get(ROWS).get_json()["items"]
    assert [(each["column"], each["code"]) for each in row["reasons"]] == [("服务日期", "date_unreadable")]
    assert office.lan_number not in mine.get(ROWS).text
    path = f"{ROWS}/{row['id']}/resubmission"
    # The row names a department by a code that is not theirs: a department hands in its own alone.
    half = mine.post(path, json={"corrections": {"服务日期": "2026-02-28"}}).get_json()
    assert (half["outcome"], [each["column"] for each in half["reasons"]]) == ("quarantined", [SOURCE])
    whole = {"服务日期": "2026-02-28", SOURCE: CATEGORIES["volunteering"].source_department_code}
    assert mine.post(path, json={"corrections": whole}).get_json()["outcome"] == "accepted"
    again = mine.post(path, json={"corrections": {"服务日期": "2026-02-27"}})
    assert (again.status_code, again.get_json()["code"]) == (409, "quarantined_row_already_resolved")
    assert mine.get(ROWS).get_json()["items"] == []
    assert mine.get(WAITING).get_json()["rows"] == 0

    looked = office.city.as_citizen(office.lan).get("/api/v1/me/ledger").get_json()["items"]
    assert (looked[0]["who_kind"], looked[0]["who"]) == ("department", f"{DEPARTMENT}（经办 陈经办）")


def test_another_departments_rows_are_neither_shown_nor_corrected(office, desk):
    office.deliver("三月.csv", WRONG_DATE)
    [row] = office.city.as_officer("data_officer").get("/api/v1/admin/quarantine").get_json()["items"]
    other = desk("utility_arrears")

    assert other.get(ROWS).get_json()["items"] == []
    refused = other.post(f"{ROWS}/{row['id']}/resubmission", json={"corrections": {"服务日期": "2026-02-28"}})
    assert (refused.status_code, refused.get_json()["code"]) == (404, "quarantined_row_not_found")
    assert office.city.as_officer("data_officer").get(ROWS).status_code == 403
