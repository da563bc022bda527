from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from backend.objections.service import decide_objection
from backend.subjects.rescoring import mark_for_rescoring

GROUNDS = "已经履行完毕，法院有结案通知书"


@pytest.fixture
def judgment(scored):
    return scored.get("/me/records", category="court_judgment").get_json()["items"][0]


def decide(citizen, objection_id, outcome):
    with citizen.city.database.transaction() as session:
        decide_objection(
            session,
            objection_id=UUID(objection_id),
            outcome=outcome,
            reply="经法院核实",
            officer="李专员",
            now=citizen.city.clock(),
        )


def points_of(citizen):
    citizen.city.recompute()
    score = citizen.get("/me/score").get_json()
    assert score["base"] + sum(part["points"] for part in score["contributions"]) == score["total"]
    return score["total"]


def test_my_records_say_where_they_come_from_and_on_what_basis(scored, judgment):
    assert judgment["category_name"]
    assert judgment["polarity"] == "negative"
    assert judgment["level_name"] == "轻微"
    assert judgment["legal_basis"]
    assert judgment["source_department"] == "桂城市测试局"
    assert (judgment["state"], judgment["may_object"], judgment["objection_id"]) == ("active", True, None)
    assert judgment["amount"] is None
    assert (judgment["quantity"], judgment["unit"]) == (100, "件")


def test_my_records_come_page_by_page_and_by_state(scored):
    for day in (2, 3, 1):
        scored.has_record("blood_donation", level=1, event_on=date(2026, 1, day))
    revoked = scored.has_record("blood_donation", level=1, state="revoked")

    first = scored.get("/me/records", limit=4).get_json()
    second = scored.get("/me/records", limit=4, cursor=first["next_cursor"]).get_json()

    seen = [(item["event_on"], item["id"]) for item in first["items"] + second["items"]]
    assert (len(first["items"]), second["next_cursor"]) == (4, None)
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 6
    assert [item["id"] for item in scored.get("/me/records", state="revoked").get_json()["items"]] == [revoked.id]
    assert scored.get("/me/records", state="odd").status_code == 422
    assert scored.get("/me/records", cursor="###").status_code == 422


def test_a_record_in_full_tells_its_content_and_whole_life(scored):
    record = scored.has_record("court_judgment", content={"案号": "（2025）桂01民初1号"})
    objection = scored.post("/me/objections", {"record_id": record.id, "grounds": GROUNDS}).get_json()

    answer = scored.get(f"/me/records/{record.id}").get_json()

    assert answer["content"] == {"案号": "（2025）桂01民初1号"}
    assert answer["versions"][-1]["state"] == "disputed"
    assert answer["versions"][-1]["changed_by"] == "本人"
    assert (answer["versions"][-1]["event"], answer["versions"][-1]["event_name"]) == ("disputed", "标注异议")
    assert "不会降低信用分" in answer["versions"][-1]["sentence"]
    assert (answer["objection_id"], answer["may_object"]) == (objection["id"], False)


def test_adverse_information_says_until_when_it_is_shown_and_nothing_else_does(scored, judgment):
    penalty = scored.has_record("admin_penalty", level=2, event_on=date(2026, 2, 3))
    repaired = scored.has_record("admin_penalty", level=2, event_on=date(2026, 2, 3), state="repaired")
    good = scored.has_record("blood_donation", level=1, event_on=date(2026, 2, 3))
    kept, broken = (scored.has_record("commitment", level=n, event_on=date(2026, 2, 3)) for n in (1, 3))

    shown_until = [
        scored.get(f"/me/records/{record.id}").get_json()["shown_until"]
        for record in (penalty, repaired, good, kept, broken)
    ]

    # Order 58, which still holds on this day, has one longest period of three years.
    assert shown_until == ["2027-02-03", None, None, None, "2029-02-02"]


def test_someone_elses_record_and_objection_look_as_if_they_did_not_exist(scored, judgment, make_citizen):
    stranger = make_citizen()
    objection = scored.post("/me/objections", {"record_id": judgment["id"], "grounds": GROUNDS}).get_json()

    for answer, code in [
        (stranger.get(f"/me/records/{judgment['id']}"), "record_not_found"),
        (scored.get("/me/records/999999"), "record_not_found"),
        (stranger.post("/me/objections", {"record_id": judgment["id"], "grounds": GROUNDS}), "record_not_found"),
        (stranger.post(f"/me/objections/{objection['id']}/withdrawal"), "objection_not_found"),
        (stranger.post(f"/me/objections/{uuid4()}/withdrawal"), "objection_not_found"),
        (
            stranger.post(f"/me/objections/{objection['id']}/statement", {"statement": "我不同意"}),
            "objection_not_found",
        ),
    ]:
        assert (answer.status_code, answer.get_json()["code"]) == (404, code)
    assert stranger.get("/me/records").get_json() == {"items": [], "next_cursor": None}


def test_an_objection_stops_the_record_at_once_and_the_score_follows(scored, judgment):
    before = points_of(scored)

    filed = scored.post("/me/objections", {"record_id": judgment["id"], "grounds": GROUNDS})
    pending = scored.get("/me/score").get_json()
    during = points_of(scored)

    objection = filed.get_json()
    assert filed.status_code == 201
    assert (objection["state"], objection["answer_due_on"]) == ("filed", "2026-03-06")
    assert objection["record_title"] == judgment["title"]
    assert (objection["decided_at"], objection["reply"], objection["statement"]) == (None, None, None)
    assert pending["pending"] is True
    assert {"record_id": judgment["id"], "why": "异议核查期间，不降低信用分"} in pending["not_counted"]
    assert during > before
    assert scored.get(f"/me/records/{judgment['id']}").get_json()["state"] == "disputed"
    assert [step["event_name"] for step in objection.pop("steps")] == ["提交异议"]
    assert objection.pop("evidence") == objection.pop("department_evidence") == []
    assert scored.get("/me/objections").get_json()["items"] == [objection]


def test_withdrawing_an_objection_lets_the_record_count_again(scored, judgment):
    before = points_of(scored)
    objection = scored.post("/me/objections", {"record_id": judgment["id"], "grounds": GROUNDS}).get_json()
    points_of(scored)

    answer = scored.post(f"/me/objections/{objection['id']}/withdrawal")

    assert (answer.status_code, answer.get_json()["state"]) == (200, "withdrawn")
    assert points_of(scored) == before
    again = scored.post(f"/me/objections/{objection['id']}/withdrawal")
    assert (again.status_code, again.get_json()["code"]) == (409, "objection_state_forbids")


def test_upheld_removes_the_record_from_the_score_for_good(scored, judgment):
    before = points_of(scored)
    objection = scored.post("/me/objections", {"record_id": judgment["id"], "grounds": GROUNDS}).get_json()
    decide(scored, objection["id"], "upheld")

    assert points_of(scored) > before
    assert scored.get("/me/objections").get_json()["items"][0]["reply"] == "经法院核实"
    record = scored.get(f"/me/records/{judgment['id']}").get_json()
    assert (record["state"], record["may_object"]) == ("revoked", False)
    refused = scored.post("/me/objections", {"record_id": judgment["id"], "grounds": GROUNDS})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "record_revoked")


def test_after_a_rejection_my_own_words_stand_beside_the_record(scored, judgment):
    before = points_of(scored)
    objection = scored.post("/me/objections", {"record_id": judgment["id"], "grounds": GROUNDS}).get_json()
    path = f"/me/objections/{objection['id']}/statement"
    early = scored.post(path, {"statement": "我正在补办证明"})
    decide(scored, objection["id"], "rejected")

    answer = scored.post(path, {"statement": "我正在补办证明"})

    assert (early.status_code, early.get_json()["code"]) == (409, "objection_state_forbids")
    assert answer.get_json()["statement"] == "我正在补办证明"
    assert scored.get(f"/me/records/{judgment['id']}").get_json()["statements"] == ["我正在补办证明"]
    assert points_of(scored) == before


def test_a_second_objection_is_told_when_the_first_will_be_answered(scored, judgment):
    scored.post("/me/objections", {"record_id": judgment["id"], "grounds": GROUNDS})

    answer = scored.post("/me/objections", {"record_id": judgment["id"], "grounds": "再说一遍"})

    assert (answer.status_code, answer.get_json()["code"]) == (409, "already_under_objection")
    assert answer.get_json()["answer_due_on"] == "2026-03-06"


def test_a_second_tap_with_the_same_key_gets_the_first_answer_again(scored, judgment):
    body = {"record_id": judgment["id"], "grounds": GROUNDS}
    key = {"Idempotency-Key": "one-tap"}

    first = scored.post("/me/objections", body, headers=key)
    second = scored.post("/me/objections", body, headers=key)

    assert (second.status_code, second.get_json()) == (201, first.get_json())
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(scored.get("/me/objections").get_json()["items"]) == 1


@pytest.mark.parametrize("grounds", ["", "   ", "嗯", "长" * 2_001])
def test_grounds_must_say_something_and_not_a_novel(scored, judgment, grounds):
    answer = scored.post("/me/objections", {"record_id": judgment["id"], "grounds": grounds})

    assert answer.status_code == 422
    assert "grounds" in answer.get_json()["errors"]["json"]


@pytest.mark.parametrize("record_id", ["1", 1.5, -1, 2**63, None])
def test_a_record_number_that_is_none_is_a_validation_error(scored, record_id):
    answer = scored.post("/me/objections", {"record_id": record_id, "grounds": GROUNDS})

    assert answer.status_code == 422


def test_without_a_known_calendar_nothing_is_filed_and_nothing_is_guessed(scored, judgment):
    scored.city.clock.advance(days=365 * 60)
    phone = scored.city.as_citizen(scored.id)

    answer = phone.post("/api/v1/me/objections", json={"record_id": judgment["id"], "grounds": GROUNDS})

    assert (answer.status_code, answer.get_json()["code"]) == (503, "calendar_missing")
    assert phone.get(f"/api/v1/me/records/{judgment['id']}").get_json()["state"] == "active"


def test_a_change_to_the_record_of_another_day_is_pending_until_recomputed(scored):
    with scored.city.database.transaction() as session:
        mark_for_rescoring(session, [scored.id], "record_corrected", scored.city.clock() + timedelta(seconds=1))

    assert scored.get("/me/score").get_json()["pending"] is True
    scored.city.recompute()
    assert scored.get("/me/score").get_json()["pending"] is False
