from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256

import pytest

from backend.background import build_worker
from backend.ledger.service import entries_about
from backend.reports.models import CreditReport
from tests.factories import add_enterprise, add_record, add_relation
from tests.reading_pdfs import text_of

PLAIN = {"stationery": "without_score"}
SCORED = {"stationery": "with_score"}


def printed(citizen, **choices):
    answer = citizen.post("/me/reports", {**PLAIN, **choices})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()


def download(citizen, report):
    return citizen.get(f"/me/reports/{report['number']}/file")


def verify(city, report, **query):
    answer = city.http.get(
        f"/api/v1/public/reports/{report['number']}", query_string={"code": report["check_code"], **query}
    )
    assert answer.status_code == 200, answer.get_json()
    return answer


@pytest.fixture
def company(scored):
    """An enterprise that the citizen represents, with one licence."""
    with scored.city.database.transaction() as session:
        enterprise = add_enterprise(session, scored.city.keys)
        add_relation(session, enterprise=enterprise, principal=scored.subject, role="legal_representative")
        add_record(session, enterprise, "admin_licence", title="食品经营许可", event_on=date(2025, 5, 6))
        return enterprise


def test_a_citizen_prints_lists_and_downloads_a_report(scored):
    report = printed(scored, **SCORED)
    shown = scored.get("/me/reports").get_json()
    file = download(scored, report)

    assert shown == {"items": [report], "valid_days": 30}
    assert date.fromisoformat(report["valid_to"]) - date.fromisoformat(report["as_of"]) == timedelta(days=30)
    assert (report["state"], report["downloadable"], report["issued_by"]) == ("valid", True, "本人")
    assert report["verification_url"] == (
        f"https://credit.example/m/#/pages/reports/verify?number={report['number']}&code={report['check_code']}"
    )
    assert file.status_code == 200
    assert file.headers["Content-Type"] == "application/pdf"
    assert file.headers["Content-Disposition"] == f"attachment; filename={report['number']}.pdf"
    assert file.headers["Cache-Control"] == "no-store"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert sha256(file.data).hexdigest() == report["file_sha256"]
    assert "王小兰" in text_of(file.data)


def test_a_second_tap_and_a_second_wish_on_the_same_day_print_nothing_new(citizen):
    first = citizen.post("/me/reports", PLAIN, headers={"Idempotency-Key": "one"})
    again = citizen.post("/me/reports", PLAIN, headers={"Idempotency-Key": "one"})
    later = printed(citizen)

    assert first.get_json() == again.get_json() == later
    assert len(citizen.get("/me/reports").get_json()["items"]) == 1


def test_without_consent_the_score_is_refused_and_the_report_without_it_is_not(citizen):
    refused = citizen.post("/me/reports", SCORED)

    assert (refused.status_code, refused.get_json()["code"]) == (409, "not_activated")
    assert printed(citizen)["stationery"] == "without_score"


def test_a_report_is_nobody_elses(make_citizen):
    owner, other = make_citizen(), make_citizen()
    report = printed(owner)

    assert download(other, report).get_json()["code"] == "report_not_found"
    assert other.get("/me/reports").get_json()["items"] == []
    assert owner.city.http.get(f"/api/v1/me/reports/{report['number']}/file").status_code == 401


def test_a_legal_representative_prints_for_the_enterprise_and_its_ledger_says_so(scored, company):
    report = printed(scored, enterprise=company.public_code, masked=True)
    file = download(scored, report)

    assert (report["subject_kind"], report["enterprise"]) == ("enterprise", company.public_code)
    assert report["issued_by"] == "法定代表人"
    assert "食品经营许可" in text_of(file.data)
    assert report in scored.get("/me/reports").get_json()["items"]
    with scored.city.database.reading() as session:
        rows = [(row.action, row.actor_name) for row in entries_about(session, company.id)]
    assert rows == [("report_read", "法定代表人 王*兰"), ("report_printed", "法定代表人 王*兰")]
    assert scored.get("/me/ledger").get_json()["items"] == []


def test_whoever_does_not_represent_an_enterprise_learns_nothing(citizen):
    with citizen.city.database.transaction() as session:
        stranger = add_enterprise(session, citizen.city.keys, name="与我无关有限公司")

    answers = [
        citizen.post("/me/reports", {**PLAIN, "enterprise": code}).get_json()
        for code in (stranger.public_code, "91990001MA00000000")
    ]

    assert [answer["code"] for answer in answers] == ["not_your_enterprise"] * 2
    assert answers[0]["detail"] == answers[1]["detail"]


def test_leaving_takes_the_file_with_the_score_away_at_once(scored):
    with_score, plain = printed(scored, **SCORED), printed(scored)
    scored.delete("/me/activation")

    gone = download(scored, with_score)

    assert (gone.status_code, gone.get_json()["code"]) == (409, "report_file_gone")
    assert download(scored, plain).status_code == 200
    listed = {item["stationery"]: item for item in scored.get("/me/reports").get_json()["items"]}
    assert (listed["with_score"]["state"], listed["with_score"]["downloadable"]) == ("superseded", False)
    assert verify(scored.city, with_score).get_json()["verdict"] == "superseded"


def test_anyone_verifies_signed_out_and_learns_only_the_verdict(scored):
    report = printed(scored, **SCORED)
    number = scored.city.keys.open(scored.subject.identifier_sealed)

    answer = verify(scored.city, report, sha256=report["file_sha256"])
    said = answer.get_json()

    assert said == {
        "verdict": "valid",
        "sentence": "这份报告由本机构出具，目前有效。",
        "issued_on": "2026-03-03",
        "valid_to": "2026-04-02",
        "file_compared": True,
    }
    assert answer.headers["Cache-Control"] == "no-store"
    total = scored.get("/me/score").get_json()["total"]
    for secret in ("王小兰", "王*兰", number, f"{total / 100:.2f}", "志愿", "judgment"):
        assert secret not in answer.get_data(as_text=True)


def test_a_changed_byte_and_a_wrong_code_are_forged(citizen):
    report = printed(citizen)
    forged = bytearray(download(citizen, report).data)
    forged[len(forged) // 2] ^= 1
    digest = sha256(forged).hexdigest()

    assert verify(citizen.city, report, sha256=digest).get_json()["verdict"] == "forged"
    assert verify(citizen.city, report, code="22222222").get_json() == {
        "verdict": "forged",
        "sentence": "本机构没有出具过这样一份报告：编号、校验码或文件与存档不符。请不要采信。",
        "issued_on": None,
        "valid_to": None,
        "file_compared": False,
    }
    by_file = citizen.city.http.get("/api/v1/public/report-files", query_string={"sha256": digest}).get_json()
    assert by_file["verdict"] == "forged"
    genuine = {"sha256": report["file_sha256"]}
    assert (
        citizen.city.http.get("/api/v1/public/report-files", query_string=genuine).get_json()["verdict"] == "valid"
    )


def test_a_new_record_supersedes_what_was_printed(citizen):
    report = printed(citizen)
    citizen.has_record("honour", level=3, title="道德模范")

    assert verify(citizen.city, report).get_json()["verdict"] == "superseded"
    assert citizen.get("/me/reports").get_json()["items"][0]["state"] == "superseded"
    assert printed(citizen)["number"] != report["number"]


def test_numbers_cannot_be_tried_one_after_the_other(citizen):
    statuses = [
        citizen.city.http.get(
            f"/api/v1/public/reports/XY20260303-{n:08d}", query_string={"code": "22222222"}
        ).status_code
        for n in range(61)
    ]

    assert statuses == [200] * 60 + [429]


def test_the_worker_notes_what_a_change_superseded(citizen):
    report = printed(citizen)
    citizen.has_record("honour", level=3, title="道德模范")
    city = citizen.city
    worker = build_worker(city.services.config, city.database, clock=city.clock)
    worker.run_due_tasks()

    with city.database.reading() as session:
        row = session.query(CreditReport).filter_by(number=report["number"]).one()
        assert (row.superseded_because, row.superseded_at) == ("content_changed", city.clock())
