from __future__ import annotations

from urllib.parse import quote

import pytest

from backend.subjects.models import Subject
from tests.reading_pdfs import text_of

REPORTS = "/api/v1/admin/reports"
WHY = {"X-Access-Reason": quote("本人到窗口打印信用报告")}


@pytest.fixture
def desk(office):
    return office.city.as_officer("window_officer")


def asked(office, **changes):
    return {
        "identifier": office.lan_number, "stationery": "without_score", "applicant": "self",
        "applicant_checked": True, **changes,
    }  # fmt: skip


def test_a_window_prints_with_a_reason_and_the_citizen_sees_it(office, desk):
    printed = desk.post(REPORTS, json=asked(office), headers=WHY)
    report = printed.get_json()
    file = desk.get(f"{REPORTS}/{report['number']}/file", headers=WHY)

    assert printed.status_code == 201
    assert (report["subject_name"], report["subject_identifier"][:3]) == ("王*兰", "990")
    assert office.lan_number not in printed.get_data(as_text=True)
    assert (file.status_code, file.headers["Cache-Control"]) == (200, "no-store")
    assert file.headers["Content-Disposition"].startswith("attachment")
    text = text_of(file.data)
    assert "王小兰" in text
    assert "窗口（张敏）" in text
    ledger = office.city.as_citizen(office.lan).get("/api/v1/me/ledger").get_json()["items"]
    assert [(row["action_name"], row["who"], row["purpose"], row["basis"]) for row in ledger] == [
        ("查询信用报告", "信用办 张敏", "本人到窗口打印信用报告", "应申请人当面申请"),
        (
            "出具信用报告",
            "信用办 张敏",
            "本人到窗口打印信用报告",
            "应本人当面申请：《中华人民共和国个人信息保护法》第四十五条",
        ),
    ]


def test_nothing_is_printed_without_a_reason_or_without_having_checked_who_asks(office, desk):
    assert desk.post(REPORTS, json=asked(office)).get_json()["code"] == "access_reason_missing"
    unchecked = desk.post(REPORTS, json=asked(office, applicant_checked=False), headers=WHY)
    assert unchecked.status_code == 422
    assert office.city.as_citizen(office.lan).get("/api/v1/me/ledger").get_json()["items"] == []


def test_a_window_cannot_print_the_score_of_someone_who_never_opened_it(office, desk):
    refused = desk.post(REPORTS, json=asked(office, stationery="with_score"), headers=WHY)

    assert (refused.status_code, refused.get_json()["code"]) == (409, "not_activated")


@pytest.mark.parametrize("role", ["score_officer", "reviewer", "objection_officer", "data_officer", "auditor"])
def test_other_officers_neither_print_nor_open(office, desk, role):
    report = desk.post(REPORTS, json=asked(office), headers=WHY).get_json()
    other = office.city.as_officer(role)

    assert other.post(REPORTS, json=asked(office), headers=WHY).status_code == 403
    assert other.get(f"{REPORTS}/{report['number']}/file", headers=WHY).status_code == 403


def test_a_citizen_is_no_officer_and_nobody_is_neither(office):
    citizen = office.city.as_citizen(office.lan)

    assert citizen.post(REPORTS, json=asked(office), headers=WHY).status_code == 401
    assert office.city.http.post(REPORTS, json=asked(office), headers=WHY).status_code == 401


def test_an_unknown_number_is_told(office, desk):
    answer = desk.post(REPORTS, json=asked(office, identifier="990001200001010029"), headers=WHY)

    assert (answer.status_code, answer.get_json()["code"]) == (404, "subject_not_found")


def test_about_the_dead_only_a_close_relative_may_ask_and_the_paper_says_so(office, desk):
    with office.city.database.transaction() as session:
        session.get_one(Subject, office.lan).status = "deceased"

    refused = desk.post(REPORTS, json=asked(office), headers=WHY)
    report = desk.post(REPORTS, json=asked(office, applicant="close_relative"), headers=WHY).get_json()
    text = text_of(desk.get(f"{REPORTS}/{report['number']}/file", headers=WHY).data)

    assert (refused.status_code, refused.get_json()["code"]) == (422, "applicant_not_entitled")
    assert "近亲属" in refused.get_json()["detail"]
    assert "已故信息主体的近亲属申请出具" in text
    assert "登记状态已故" in text
    offered = desk.get("/api/v1/admin/applicants").get_json()["items"]
    assert "死亡证明" in next(one["papers"] for one in offered if one["code"] == "close_relative")
