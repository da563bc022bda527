from datetime import date
from io import BytesIO
from urllib.parse import quote
from uuid import UUID

import pytest
from PIL import Image

from backend.objections.models import Objection
from backend.subjects.models import Subject
from tests.factories import add_record

OBJECTIONS = "/api/v1/admin/objections"
KNOWN = "/api/v1/admin/records/known"
REPLY = "经核实，该笔费用已按期缴清，记录予以撤销。"
BECAUSE = {"X-Access-Reason": quote("办理本件异议")}


@pytest.fixture
def officer(office):
    return office.city.as_officer("objection_officer")


def queue(officer, **query):
    return officer.get(OBJECTIONS, query_string=query).get_json()["items"]


def decide(officer, objection_id, outcome="upheld", reply=REPLY, **options):
    path = f"{OBJECTIONS}/{objection_id}/decision"
    return officer.post(path, json={"outcome": outcome, "reply": reply}, **options)


def ledger_of(office):
    return office.city.as_citizen(office.lan).get("/api/v1/me/ledger").get_json()["items"]


def test_the_queue_is_masked_most_urgent_first_and_tells_working_days(office, officer):
    later = office.file_objection(office.lan)
    with office.city.database.transaction() as session:
        session.get_one(Objection, UUID(later)).answer_due_on = date(2026, 3, 9)
    urgent = office.file_objection(office.qiang)

    answer = officer.get(OBJECTIONS)
    items = answer.get_json()["items"]
    assert [item["id"] for item in items] == [urgent, later]
    # Filed on Tuesday 3 March: due on Friday 6 March; and Monday 9 March is one working day after that.
    assert [(item["answer_due_on"], item["working_days_left"], item["overdue"]) for item in items] == [
        ("2026-03-06", 3, False),
        ("2026-03-09", 4, False),
    ]
    assert "王小兰" not in answer.text
    assert office.lan_number not in answer.text


def test_the_queue_is_walked_page_by_page(office, officer):
    filed = {office.file_objection(subject) for subject in (office.lan, office.qiang, office.lan)}
    first = officer.get(OBJECTIONS, query_string={"limit": 2}).get_json()
    second = officer.get(OBJECTIONS, query_string={"limit": 2, "cursor": first["next_cursor"]}).get_json()
    assert {item["id"] for item in first["items"] + second["items"]} == filed
    assert second["next_cursor"] is None


def test_a_late_case_is_overdue_by_the_working_days_since(office):
    office.file_objection(office.lan)
    # From the due Friday 6 March to Tuesday 10 March: two working days, not four days.
    office.city.clock.advance(days=7)
    [item] = queue(office.city.as_officer("objection_officer"))
    assert (item["overdue"], item["working_days_left"]) == (True, -2)


def test_opening_a_case_needs_a_reason_and_its_subject_reads_it(office, officer):
    objection_id = office.file_objection(office.lan)
    refused = officer.get(f"{OBJECTIONS}/{objection_id}")
    assert (refused.status_code, refused.get_json()["code"]) == (400, "access_reason_missing")
    assert ledger_of(office) == []

    case = officer.get(f"{OBJECTIONS}/{objection_id}", headers=BECAUSE).get_json()
    assert case["record"]["state"] == "disputed"
    assert case["record"]["legal_basis"]
    assert [event["event"] for event in case["events"]] == ["file"]
    [entry] = ledger_of(office)
    assert (entry["action"], entry["purpose"]) == ("objection_viewed", "办理本件异议")
    assert "张敏" in entry["who"]


def test_upholding_revokes_the_record_and_answers_the_citizen(office, officer):
    objection_id = office.file_objection(office.lan)
    case = decide(officer, objection_id).get_json()
    assert (case["state"], case["record"]["state"]) == ("upheld", "revoked")
    assert (case["reply"], case["decided_by"], case["working_days_left"]) == (REPLY, "张敏", None)

    [mine] = office.city.as_citizen(office.lan).get("/api/v1/me/objections").get_json()["items"]
    assert (mine["state"], mine["reply"]) == ("upheld", REPLY)
    assert queue(officer) == []
    assert [item["id"] for item in queue(officer, state="upheld")] == [objection_id]


def test_rejecting_lets_the_record_count_again(office, officer):
    objection_id = office.file_objection(office.lan)
    case = decide(officer, objection_id, outcome="rejected").get_json()
    assert (case["state"], case["record"]["state"]) == ("rejected", "active")
    assert [version["state"] for version in case["record"]["versions"]][-1] == "active"


def test_a_decision_sent_twice_is_made_once_and_answered_alike(office, officer):
    objection_id = office.file_objection(office.lan)
    key = {"Idempotency-Key": "one-decision"}
    first = decide(officer, objection_id, headers=key)
    second = decide(officer, objection_id, headers=key)
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.get_json() == first.get_json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(ledger_of(office)) == 1


def test_two_officers_cannot_both_decide(office, officer):
    objection_id = office.file_objection(office.lan)
    decide(officer, objection_id)
    late = decide(office.city.as_officer("objection_officer"), objection_id, outcome="rejected")
    assert (late.status_code, late.get_json()["code"]) == (409, "objection_state_forbids")


def test_a_reply_of_a_few_words_is_no_reply(office, officer):
    answer = decide(officer, office.file_objection(office.lan), reply="已处理")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "validation_failed")


def test_asking_the_source_department_gives_the_longer_clock(office, officer):
    objection_id = office.file_objection(office.lan)
    case = officer.post(f"{OBJECTIONS}/{objection_id}/forwarding").get_json()
    assert (case["state"], case["answer_due_on"]) == ("forwarded", "2026-03-12")
    assert [event["event_name"] for event in case["events"]] == ["提交异议", "转数源单位核查"]
    assert [item["id"] for item in queue(officer)] == [objection_id]


def test_an_auditor_reads_and_a_score_officer_does_not_even_that(office):
    objection_id = office.file_objection(office.lan)
    auditor, other = office.city.as_officer("auditor"), office.city.as_officer("score_officer")
    assert auditor.get(f"{OBJECTIONS}/{objection_id}", headers=BECAUSE).status_code == 200
    assert decide(auditor, objection_id).status_code == 403
    assert other.get(OBJECTIONS).status_code == 403
    assert other.get(f"{OBJECTIONS}/{objection_id}", headers=BECAUSE).status_code == 403


def test_an_unknown_case_is_not_found_and_leaves_no_trace(office, officer):
    answer = officer.get(f"{OBJECTIONS}/{UUID(int=5)}", headers=BECAUSE)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "objection_not_found")


@pytest.fixture
def arrears(office):
    """The ids of one record of each person."""
    with office.city.database.transaction() as session:
        people = [session.get_one(Subject, subject) for subject in (office.lan, office.qiang)]
        return [add_record(session, person, "utility_arrears", title="水费欠缴").id for person in people]


def take_down(office, desk, record, **changes):
    asked = {
        "identifier": office.lan_number, "record_id": record, "applicant": "self", "applicant_checked": True,
        "grounds": "这笔费用不是我的", **changes,
    }  # fmt: skip
    return desk.post(OBJECTIONS, json=asked, headers={"X-Access-Reason": quote("应申请人当面申请代录异议")})


def test_a_window_takes_an_objection_down_and_its_subject_reads_who_did(office, officer, arrears):
    desk = office.city.as_officer("window_officer")
    filed = take_down(office, desk, arrears[0])
    case = officer.get(f"{OBJECTIONS}/{filed.get_json()['id']}", headers=BECAUSE).get_json()

    assert (filed.status_code, filed.get_json()["answer_due_on"]) == (201, case["answer_due_on"])
    assert (case["grounds"], case["record"]["state"]) == ("这笔费用不是我的", "disputed")
    assert case["events"][0]["actor"] == "本人（窗口 张敏 代录）"
    assert "在窗口代录异议" in [row["action_name"] for row in ledger_of(office)]
    assert take_down(office, desk, arrears[0]).get_json()["code"] == "already_under_objection"


def test_for_the_dead_a_close_relative_objects_and_the_case_says_that_they_are_dead(office, officer, arrears):
    desk = office.city.as_officer("window_officer")
    with office.city.database.transaction() as session:
        session.get_one(Subject, office.lan).status = "deceased"

    refused = take_down(office, desk, arrears[0])
    filed = take_down(office, desk, arrears[0], applicant="close_relative")
    case = officer.get(f"{OBJECTIONS}/{filed.get_json()['id']}", headers=BECAUSE).get_json()

    assert (refused.status_code, refused.get_json()["code"]) == (422, "applicant_not_entitled")
    assert (case["subject"]["deceased"], case["events"][0]["actor"]) == (True, "近亲属（窗口 张敏 代录）")


def hand_in(desk, objection_id):
    paper = BytesIO()
    Image.new("RGB", (40, 30), "navy").save(paper, "PNG")
    paper.seek(0)
    return desk.post(
        f"{OBJECTIONS}/{objection_id}/evidence",
        data={"file": (paper, "缴费收据.png")},
        headers={"X-Access-Reason": quote("代收申请人当面递交的材料")},
    )


def test_a_paper_handed_in_at_the_window_stands_in_the_case_as_the_subjects_own(office, officer, arrears):
    desk = office.city.as_officer("window_officer")
    objection_id = take_down(office, desk, arrears[0]).get_json()["id"]
    known = desk.post(
        KNOWN,
        json={"identifier": office.lan_number, "on": office.city.clock().date().isoformat()},
        headers=BECAUSE,
    ).get_json()["items"]
    assert objection_id in [record["open_objection_id"] for record in known]

    paper = hand_in(desk, objection_id)
    assert paper.status_code == 201
    case = officer.get(f"{OBJECTIONS}/{objection_id}", headers=BECAUSE).get_json()
    assert [item["id"] for item in case["evidence"]] == [paper.get_json()["id"]]
    last = case["events"][-1]
    assert (last["event_name"], last["actor"], last["note"]) == ("补交材料", "窗口 张敏 代收", "1 份")
    citizen = office.city.as_citizen(office.lan)
    assert citizen.get(f"/api/v1/me/evidence/{paper.get_json()['id']}").status_code == 200
    assert "在窗口代收异议的证明材料" in [row["action_name"] for row in ledger_of(office)]

    assert hand_in(officer, objection_id).status_code == 403
    assert citizen.post(f"/api/v1/me/objections/{objection_id}/withdrawal").status_code == 200
    assert hand_in(desk, objection_id).get_json()["code"] == "objection_state_forbids"


@pytest.mark.parametrize("role", ["objection_officer", "reviewer", "auditor", "data_officer", "score_officer"])
def test_only_a_window_takes_objections_down(office, role, arrears):
    assert take_down(office, office.city.as_officer(role), arrears[0]).status_code == 403


def test_a_window_does_not_object_to_another_persons_record(office, arrears):
    refused = take_down(office, office.city.as_officer("window_officer"), arrears[1])

    assert (refused.status_code, refused.get_json()["code"]) == (404, "record_not_found")
