"""From the application to the end of publishing, sharing and use: a repaired record is nowhere any more."""

from __future__ import annotations

from datetime import date

from backend.subjects.service import get_subject
from tests.factories import add_enterprise, add_record, add_relation
from tests.miniprogram_api.citizen.test_repairs_supplements_commitments import apply, photo
from tests.miniprogram_api.partner.conftest import new_counter
from tests.reading_pdfs import text_of

JUDGMENT = "（2025）桂01民初77号"
AT_MOST_ONE_UNPERFORMED = {
    "fact": "records.court_judgment.unperformed",
    "op": "le",
    "value": 1,
    "reason": "未履行的生效裁判不超过一件。",
}


def repair(citizen, record_id, **more):
    """Applied for with a proof, accepted, and approved by the department."""
    case = apply(citizen, record_id, evidence_ids=[photo(citizen)], **more)
    office = citizen.city.as_officer("objection_officer")
    path = f"/api/v1/admin/repairs/{case['id']}"
    assert office.post(f"{path}/acceptance").status_code == 200
    decided = office.post(f"{path}/decision", json={"outcome": "approved", "reply": "已全部履行，同意修复"})
    assert decided.get_json()["state"] == "done"
    citizen.city.recompute()


def report_text(citizen, stationery, **more):
    """What a report printed now says, and its number and check code."""
    report = citizen.post("/me/reports", {"stationery": stationery, **more}).get_json()
    return text_of(citizen.get(f"/me/reports/{report['number']}/file").data), report


def verdict(city, report):
    path = f"/api/v1/public/reports/{report['number']}"
    return city.http.get(path, query_string={"code": report["check_code"]}).get_json()["verdict"]


def test_a_repaired_record_is_in_no_score_in_no_partners_answer_and_in_no_report(scored, publish):
    without = scored.get("/me/score").get_json()
    record = scored.has_record("court_judgment", level=2, event_on=date(2025, 11, 1), title=JUDGMENT)
    scored.city.recompute()
    counter = new_counter(scored.city, conditions=AT_MOST_ONE_UNPERFORMED)
    with scored.city.database.reading() as session:
        customer = get_subject(session, scored.id)
    before, earlier = report_text(scored, "with_score")
    assert scored.get("/me/score").get_json()["total"] < without["total"]
    assert JUDGMENT in before
    assert counter.check(customer).get_json()["eligible"] is False

    repair(scored, record.id)

    assert counter.check(customer).get_json()["eligible"] is True
    for stationery in ("with_score", "without_score"):
        assert JUDGMENT not in report_text(scored, stationery)[0]
    assert verdict(scored.city, earlier) == "superseded"
    for _ in ("recomputed alone", "computed from scratch with the whole city"):
        score = scored.get("/me/score").get_json()
        assert parts_of(score) == parts_of(without)
        assert {"record_id": record.id, "why": "已修复，不再使用"} in score["not_counted"]
        publish()


def test_an_enterprises_repaired_penalty_is_on_no_public_page_and_in_no_report(citizen):
    with citizen.city.database.transaction() as session:
        enterprise = add_enterprise(session, citizen.city.keys)
        add_relation(session, enterprise=enterprise, principal=citizen.subject, role="legal_representative")
        facts = {"level": 2, "event_on": date(2025, 11, 1), "performed_on": date(2025, 12, 1)}
        penalty = add_record(session, enterprise, "admin_penalty", title="罚款五千元", **facts)
        add_record(session, enterprise, "admin_penalty", title="罚款九千元", **facts)
        code = enterprise.public_code
    before, earlier = report_text(citizen, "without_score", enterprise=code)
    assert "罚款五千元" in before

    repair(citizen, penalty.id, enterprise=code)

    said, _ = report_text(citizen, "without_score", enterprise=code)
    assert ("罚款五千元" in said, "罚款九千元" in said) == (False, True)
    page = citizen.city.http.get(f"/api/v1/public/enterprises/{code}").get_json()
    assert [one["title"] for one in page["penalties"]] == ["罚款九千元"]
    portrait = citizen.city.http.get(f"/api/v1/public/enterprises/{code}/portrait")
    assert portrait.status_code == 200
    assert "罚款五千元" not in portrait.get_data(as_text=True)
    assert verdict(citizen.city, earlier) == "superseded"


def parts_of(score):
    return score["total"], {part["indicator"]: part["points"] for part in score["contributions"]}
