"""The officers' page on data quality: figures, months, warnings."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.accounts.service import add_officer, sign_in_officer
from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.records.early_warning import count_lasting, watch_sources
from tests.admin.conftest import DEPARTMENT, WRONG_DATE

QUALITY = "/api/v1/admin/quality"
CATEGORIES = parse_catalogue(shipped_catalogue()).categories


@pytest.fixture
def data_officer(office):
    return office.city.as_officer("data_officer")


def deliver_on(office, moment, name, *dates):
    office.city.clock.moment = moment
    office.deliver(name, *dates)


def test_departments_and_months_with_their_shares(office, data_officer):
    deliver_on(office, datetime(2026, 1, 12, 2, tzinfo=UTC), "一月.csv", "2026-01-09")
    deliver_on(office, datetime(2026, 3, 3, 2, tzinfo=UTC), "三月.csv", "2026-01-05", WRONG_DATE)

    answer = data_officer.get(QUALITY).get_json()
    [department] = answer["items"]
    assert answer["timely_working_days"] == 7
    assert department["source_department"] == DEPARTMENT
    assert (department["delivered"], department["accuracy"]) == (3, pytest.approx(2 / 3))
    assert department["timeliness"] == 0.5
    assert department["causes"] == [{"code": "date_unreadable", "column": "服务日期", "count": 1}]

    months = data_officer.get(f"{QUALITY}/months", query_string={"department": DEPARTMENT}).get_json()["items"]
    assert [(month["month"], month["timeliness"]) for month in months] == [("2026-01", 1.0), ("2026-03", 0.0)]
    since = data_officer.get(QUALITY, query_string={"since": "2026-03-03"}).get_json()["items"]
    assert [each["delivered"] for each in since] == [2]
    until = data_officer.get(QUALITY, query_string={"until": "2026-01-12"}).get_json()["items"]
    assert [each["delivered"] for each in until] == [1]
    assert data_officer.get(QUALITY, query_string={"since": "2026-03-04"}).get_json()["items"] == []


def test_a_warning_is_acknowledged_with_a_note_by_a_data_officer_alone(office, data_officer):
    for day in range(2, 7):
        deliver_on(office, datetime(2026, 2, day, 2, tzinfo=UTC), f"{day}.csv", "2026-01-30")
    office.city.clock.moment = datetime(2026, 3, 20, 2, tzinfo=UTC)
    with office.city.database.transaction() as session:
        watch_sources(session, now=office.city.clock(), calendar=office.city.services.working_days)
    officer = office.city.as_officer("data_officer")
    auditor = office.city.as_officer("auditor")

    [warning] = auditor.get(f"{QUALITY}/warnings", query_string={"lasting": True}).get_json()["items"]
    assert (warning["kind"], warning["state"], warning["template_name"]) == ("silent", "open", "志愿服务")
    path = f"{QUALITY}/warnings/{warning['id']}/acknowledgement"
    assert auditor.post(path, json={"note": "已联系"}).status_code == 403
    assert officer.post(path, json={"note": ""}).status_code == 422
    seen = officer.post(path, json={"note": "已联系，周五恢复"}).get_json()
    assert (seen["state"], seen["acknowledged_by"], seen["note"]) == ("acknowledged", "张敏", "已联系，周五恢复")
    again = officer.post(path, json={"note": "再来"})
    assert (again.status_code, again.get_json()["code"]) == (409, "source_warning_already_acknowledged")
    assert officer.post(f"{QUALITY}/warnings/999/acknowledgement", json={"note": "x"}).status_code == 404
    assert officer.get(f"{QUALITY}/warnings", query_string={"state": "open"}).get_json()["items"] == []


def test_a_departments_officer_reads_its_own_figures_and_warnings_with_what_to_do_next(office, data_officer):
    def sign_in(code):
        with office.city.database.transaction() as session:
            account = {"username": f"d{code}", "password": "correct horse"}
            roles, at = ["department_officer"], office.city.clock()
            add_officer(session, **account, name="陈经办", roles=roles, department_code=code, now=at)
            token = sign_in_officer(session, **account, now=at)[0].token
        return office.city._signed_in(token)

    for day in range(2, 7):
        deliver_on(office, datetime(2026, 2, day, 2, tzinfo=UTC), f"{day}.csv", "2026-01-30")
    office.city.clock.moment = datetime(2026, 3, 20, 2, tzinfo=UTC)
    with office.city.database.transaction() as session:
        watch_sources(session, now=office.city.clock(), calendar=office.city.services.working_days)
    mine, other = (
        sign_in(CATEGORIES[code].source_department_code) for code in ("volunteering", "utility_arrears")
    )
    own = "/api/v1/admin/department"

    [warning] = mine.get(f"{own}/quality/warnings").get_json()["items"]
    assert (warning["kind"], warning["state"], warning["ended_at"]) == ("silent", "open", None)
    assert "补报" in warning["next_step"]
    assert mine.get(f"{own}/waiting").get_json()["warnings"] == 1
    assert mine.get(f"{own}/quality").get_json()["whole_period"]["delivered"] == 5
    assert other.get(f"{own}/quality/warnings").get_json()["items"] == []
    assert other.get(f"{own}/waiting").get_json()["warnings"] == 0
    assert other.get(f"{own}/quality").get_json()["whole_period"] is None

    explaining = f"{own}/quality/warnings/{warning['id']}/explanations"
    said = {"text": "系统升级，停报一周", "expected_on": "2026-03-27"}
    assert mine.post(explaining, json=said).status_code == 201
    refused = mine.post(explaining, json=said | {"expected_on": "2026-03-19"})
    assert (refused.status_code, refused.get_json()["code"]) == (422, "warning_expected_day_past")
    assert other.post(explaining, json=said).get_json()["code"] == "source_warning_not_found"

    officer = office.city.as_officer("data_officer")
    [told] = officer.get(f"{QUALITY}/warnings").get_json()["items"]
    assert told["next_step"].startswith("请与数源单位核实")
    [explained] = told["explanations"]
    assert said.items() <= explained.items()
    assert explained["said_by"] == f"{DEPARTMENT}（经办 陈经办）"
    assert officer.post(explaining, json=said).status_code == 403
    officer.post(f"{QUALITY}/warnings/{told['id']}/acknowledgement", json={"note": "周五恢复"})
    [seen] = mine.get(f"{own}/quality/warnings").get_json()["items"]
    assert (seen["state"], seen["note"]) == ("acknowledged", "周五恢复")
    assert "acknowledged_by" not in seen
    assert officer.get(f"{own}/quality").status_code == 403

    deliver_on(office, datetime(2026, 3, 23, 2, tzinfo=UTC), "补报.csv", "2026-03-20")
    with office.city.database.transaction() as session:
        watch_sources(session, now=office.city.clock(), calendar=office.city.services.working_days)
    with office.city.database.reading() as session:
        assert count_lasting(session, DEPARTMENT) == 0


def test_who_has_no_business_with_the_data_sees_no_quality(office):
    officer = office.city.as_officer("objection_officer")
    assert {officer.get(f"{QUALITY}{path}").status_code for path in ("", "/months", "/warnings")} == {403}
