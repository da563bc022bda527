from __future__ import annotations

from datetime import date

REQUESTS = "/me/deletion-requests"
CONSOLE = "/api/v1/admin/deletion-requests"
WHY = {"X-Access-Reason": "%E5%8A%9E%E7%90%86%E6%9C%AC%E4%BB%B6"}


def asks(citizen, **asked):
    shown = citizen.get(f"{REQUESTS}/preview", **asked).get_json()
    return shown, citizen.post(REQUESTS, {**asked, "confirmed": shown["digest"]})


def test_the_citizen_sees_beforehand_what_goes_and_what_stays_and_until_when(scored):
    shown, answer = asks(scored, scope="all", ground="consent_withdrawn")
    by_fate = {item["disposition"]: item for item in shown["items"] if item["part"] == "records"}
    assert set(by_fate) == {"delete", "keep"}
    assert by_fate["keep"]["basis"]
    assert date.fromisoformat(by_fate["keep"]["until"]) > scored.city.clock().date()
    assert answer.status_code == 201
    assert (answer.get_json()["state"], answer.get_json()["items"]) == ("partly", shown["items"])
    assert {"score", "records"} <= {proof["part"] for proof in answer.get_json()["proofs"]}
    assert scored.get("/me/score").get_json()["code"] == "not_activated"


def test_what_needs_judgement_is_decided_in_the_console_and_read_on_the_phone(scored):
    [category] = [
        one["category"]
        for one in scored.get(REQUESTS).get_json()["categories"]
        if one["category"] == "court_judgment"
    ]
    _, filed = asks(scored, scope="category", category=category, ground="unlawful", reason="从未有过这起诉讼")
    officer = scored.city.as_officer("data_officer")
    [case] = officer.get(CONSOLE).get_json()["items"]
    unreasoned = officer.get(f"{CONSOLE}/{case['id']}")
    full = officer.get(f"{CONSOLE}/{case['id']}", headers=WHY).get_json()
    decided = officer.post(
        f"{CONSOLE}/{case['id']}/decision",
        json={"delete_record_ids": [full["records"][0]["id"]], "reply": "经核查没有依据，已删除。"},
    )
    mine = scored.get(f"{REQUESTS}/{filed.get_json()['id']}").get_json()
    looked = {entry["action"] for entry in scored.get("/me/ledger").get_json()["items"]}

    assert (filed.get_json()["state"], case["subject"]["name"][1]) == ("under_review", "*")
    assert (unreasoned.status_code, full["reason"]) == (400, "从未有过这起诉讼")
    assert (decided.status_code, decided.get_json()["records"]) == (200, [])
    assert (mine["state"], mine["reply"]) == ("deleted", "经核查没有依据，已删除。")
    assert {"deletion_request_viewed", "deletion_request_decided"} <= looked


def test_a_plan_that_was_not_shown_is_not_carried_out(scored):
    body = {"scope": "all", "ground": "other", "confirmed": "0" * 64}
    refused = scored.post(REQUESTS, body)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "deletion_plan_changed")
    assert scored.get("/me/score").status_code == 200


def test_a_request_is_its_applicants_and_can_be_withdrawn_once(scored, make_citizen):
    _, filed = asks(scored, scope="category", category="court_judgment", ground="other")
    path = f"{REQUESTS}/{filed.get_json()['id']}"
    other = make_citizen()
    assert (other.get(path).status_code, other.post(f"{path}/withdrawal").status_code) == (404, 404)
    assert scored.post(f"{path}/withdrawal").get_json()["state"] == "withdrawn"
    assert scored.post(f"{path}/withdrawal").get_json()["code"] == "deletion_state_forbids"


def test_only_data_officers_decide(scored):
    _, filed = asks(scored, scope="category", category="court_judgment", ground="other")
    path = f"{CONSOLE}/{filed.get_json()['id']}/decision"
    body = {"delete_record_ids": [], "reply": "依法应当保留。"}
    assert scored.city.as_officer("auditor").post(path, json=body).status_code == 403
    assert scored.city.as_officer("data_officer").post(path, json=body).get_json()["state"] == "refused"
