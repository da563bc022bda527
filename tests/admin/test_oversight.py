"""Alerts, complaints and the ledger search over HTTP."""

from __future__ import annotations

import csv
import io
from urllib.parse import quote

import pytest

from backend.ledger.service import entries_about
from backend.oversight.alerts import watch_readings

API = "/api/v1/admin"
WHY = {"X-Access-Reason": quote("定期审计")}


@pytest.fixture
def objection(office):
    return office.file_objection(office.lan)


def looks(office, clerk, objection):
    answer = clerk.get(f"{API}/objections/{objection}", headers={"X-Access-Reason": quote("核对材料")})
    assert answer.status_code == 200


def watch(office):
    with office.city.database.transaction() as session:
        return watch_readings(
            session, keys=office.city.keys, working_days=office.city.services.working_days, now=office.city.clock()
        )


def ledger_of(office, subject_id):
    with office.city.database.reading() as session:
        return [(entry.action, entry.purpose) for entry in entries_about(session, subject_id)]


def test_from_a_look_at_night_to_the_auditors_decision(office, objection):
    office.city.clock.advance(hours=12)
    clerk = office.city.as_officer("objection_officer")
    auditor = office.city.as_officer("auditor")
    looks(office, clerk, objection)
    assert watch(office) == 1

    [listed] = auditor.get(f"{API}/access-alerts").get_json()["items"]
    [own] = clerk.get(f"{API}/own-access-alerts").get_json()["items"]
    assert (listed["rule_name"], listed["figures"]) == ("非工作时间查看", ["1 次", "当天是工作日"])
    assert "subject" not in listed
    assert (own["id"], own["is_own"], listed["is_own"]) == (listed["id"], True, False)

    path = f"{API}/access-alerts/{listed['id']}"
    assert auditor.get(path).status_code == 400
    shown = auditor.get(path, headers=WHY).get_json()
    assert (len(shown["timeline"]), shown["timeline"][-1]["late"]) == (30, 1)
    assert shown["entries"][0]["subject"]["name"] == "王*兰"
    assert ledger_of(office, office.lan)[0] == ("access_audited", "定期审计")

    explained = clerk.post(
        f"{API}/own-access-alerts/{listed['id']}/explanation", json={"explanation": "值班处理急件"}
    )
    decided = auditor.post(f"{path}/decision", json={"outcome": "accept", "decision": "有值班记录"})
    again = auditor.post(f"{path}/decision", json={"outcome": "escalate", "decision": "再想想看"})
    assert (explained.status_code, decided.get_json()["state"]) == (200, "accepted")
    assert (again.status_code, again.get_json()["code"]) == (409, "alert_not_in_state")


def test_an_auditor_who_is_watched_neither_reads_nor_decides_their_own_alert(office, objection):
    office.city.clock.advance(hours=12)
    both = office.city.as_officer("objection_officer", "auditor")
    looks(office, both, objection)
    watch(office)
    [alert] = both.get(f"{API}/access-alerts").get_json()["items"]
    read = both.get(f"{API}/access-alerts/{alert['id']}", headers=WHY)
    decided = both.post(
        f"{API}/access-alerts/{alert['id']}/decision", json={"outcome": "escalate", "decision": "自己审自己"}
    )
    assert [(answer.status_code, answer.get_json()["code"]) for answer in (read, decided)] == [
        (403, "self_review")
    ] * 2


def test_only_auditors_see_alerts_complaints_and_the_ledger(office):
    clerk = office.city.as_officer("objection_officer", "data_officer", "score_officer", "reviewer")
    for path in ("access-alerts", "access-alerts/1", "access-complaints", "ledger/search", "ledger/export"):
        ask = clerk.post if path.startswith("ledger") else clerk.get
        answer = ask(f"{API}/{path}", headers=WHY)
        assert (path, answer.status_code, answer.get_json()["code"]) == (path, 403, "role_missing")


def test_the_ledger_is_searched_by_person_with_a_reason_and_the_search_is_in_it(office, objection):
    looks(office, office.city.as_officer("objection_officer"), objection)
    auditor = office.city.as_officer("auditor")
    question = {"identifier": office.lan_number}
    assert auditor.post(f"{API}/ledger/search", json=question).status_code == 400

    first = auditor.post(f"{API}/ledger/search", json=question, headers=WHY).get_json()
    second = auditor.post(f"{API}/ledger/search", json=question, headers=WHY).get_json()

    assert [item["action_name"] for item in first["items"]] == ["查看异议及相关记录"]
    assert [item["action_name"] for item in second["items"]] == ["审计查询台账", "查看异议及相关记录"]
    assert second["items"][0]["subject"]["name"] == "王*兰"
    assert office.lan_number not in str(second)
    assert ledger_of(office, office.lan)[0] == ("ledger_searched", "定期审计")


def test_asking_about_someone_nobody_looked_at_is_in_their_ledger_too(office):
    auditor = office.city.as_officer("auditor")
    page = auditor.post(f"{API}/ledger/search", json={"identifier": office.lan_number}, headers=WHY).get_json()
    assert page["items"] == []
    assert ledger_of(office, office.lan) == [("ledger_searched", "定期审计")]


def test_a_search_of_everything_is_refused(office):
    answer = office.city.as_officer("auditor").post(f"{API}/ledger/search", json={}, headers=WHY)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "search_too_wide")


def test_the_export_says_what_the_page_says_and_runs_no_formula(office, objection):
    looks(office, office.city.as_officer("objection_officer"), objection)
    auditor = office.city.as_officer("auditor")
    today = office.city.clock().date().isoformat()
    period = {"since": today, "until": today}
    auditor.post(f"{API}/ledger/search", json=period, headers={"X-Access-Reason": quote("=HYPERLINK(1)")})

    answer = auditor.post(f"{API}/ledger/export", json=period, headers=WHY).get_json()

    rows = list(csv.DictReader(io.StringIO(answer["csv"].removeprefix("\ufeff"))))
    assert (answer["rows"], answer["filename"]) == (2, "ledger-20260303.csv")
    assert [row["做了什么"] for row in rows] == ["审计查询台账", "查看异议及相关记录"]
    assert rows[0]["目的"] == "'=HYPERLINK(1)"
    assert office.lan_number not in answer["csv"]


def test_a_complaint_is_answered_in_the_console_and_read_by_the_citizen(office, objection):
    looks(office, office.city.as_officer("objection_officer"), objection)
    phone, auditor = office.city.as_citizen(office.lan), office.city.as_officer("auditor")
    [entry] = phone.get("/api/v1/me/ledger", query_string={"who_kind": "officer"}).get_json()["items"]
    assert (entry["unusual"], entry["complaint"]) == (False, None)
    assert phone.get("/api/v1/me/ledger", query_string={"who_kind": "partner"}).get_json()["items"] == []

    path = f"/api/v1/me/ledger/{entry['id']}/complaints"
    filed = phone.post(path, json={"grounds": "我没有提过这件异议"})
    again = phone.post(path, json={"grounds": "我没有提过这件异议"})
    [case] = auditor.get(f"{API}/access-complaints").get_json()["items"]
    answered = auditor.post(
        f"{API}/access-complaints/{case['id']}/answer",
        json={"proper": True, "reply": "经核查，为办理您提出的异议。"},
    )

    assert (filed.status_code, again.get_json()["code"]) == (201, "already_complained")
    assert "王" not in str(case["grounds"]) + case["who"]
    assert answered.get_json()["state"] == "answered"
    [mine] = phone.get("/api/v1/me/access-complaints").get_json()["items"]
    assert (mine["state"], mine["proper"]) == ("answered", True)
    assert phone.get("/api/v1/me/ledger").get_json()["items"][-1]["complaint"] == "answered"
