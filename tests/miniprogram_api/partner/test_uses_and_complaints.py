"""The citizen's history of uses, a complaint about the merchant, and its answer by an officer."""

from __future__ import annotations

import pytest

from backend.benefits.complaints import TRANSITIONS

ME = "/api/v1/me/benefits"
CASES = "/api/v1/admin/merchant-complaints"
WHAT = "店员说系统坏了，不肯给予优惠。"


@pytest.fixture
def used(counter):
    """A customer, and the check and redemption they had."""
    customer, token = counter.customer(), counter.token()
    check = counter.check(customer, token=token).json
    counter.post("/redemptions", {"check_id": check["check_id"]}, token=token)
    return customer, check["check_id"]


def file(city, customer, check_id):
    return city.as_citizen(customer.id).post(f"{ME}/complaints", json={"check_id": check_id, "what": WHAT})


def test_the_history_shows_own_uses_only(city, counter, used):
    customer, check_id = used
    [item] = city.as_citizen(customer.id).get(f"{ME}/uses").json["items"]
    assert (item["check_id"], item["partner"], item["eligible"]) == (check_id, "桂城泳池", True)
    assert item["redeemed_at"] is not None
    assert city.as_citizen(counter.customer().id).get(f"{ME}/uses").json["items"] == []


def test_a_complaint_is_answered_and_the_citizen_told(city, used):
    customer, check_id = used
    filed = file(city, customer, check_id)
    assert (filed.status_code, filed.json["state"]) == (201, "filed")
    officer = city.as_officer("score_officer")
    [case] = officer.get(CASES).json["items"]
    assert "what" not in case
    assert officer.get(f"{CASES}/{case['id']}").status_code == 400
    read = officer.get(f"{CASES}/{case['id']}", headers={"X-Access-Reason": "case"})
    assert read.json["what"] == WHAT
    officer.post(f"{CASES}/{case['id']}/taking-up")
    answer = {"outcome": "upheld", "answer": "已责成商户按方案给予优惠并致歉。"}
    assert officer.post(f"{CASES}/{case['id']}/answer", json=answer).json["state"] == "upheld"
    me = city.as_citizen(customer.id)
    [mine] = me.get(f"{ME}/complaints").json["items"]
    assert (mine["state_name"], mine["answer"]) == ("投诉成立", answer["answer"])
    assert any("投诉" in one["title"] for one in me.get("/api/v1/me/notifications").json["items"])
    looked = [one["action"] for one in me.get("/api/v1/me/ledger").json["items"]]
    assert looked.count("merchant_complaint_viewed") == 1


def test_one_complaint_at_a_time_about_ones_own_checks(city, counter, used):
    customer, check_id = used
    assert file(city, counter.customer(), check_id).json["code"] == "check_not_found"
    first = file(city, customer, check_id).json
    assert file(city, customer, check_id).json["code"] == "complaint_already_open"
    me = city.as_citizen(customer.id)
    withdrawal = f"{ME}/complaints/{first['id']}/withdrawal"
    assert city.as_citizen(counter.customer().id).post(withdrawal).json["code"] == "complaint_not_found"
    assert me.post(withdrawal).json["state"] == "withdrawn"
    assert file(city, customer, check_id).status_code == 201


EVENTS = {
    "take_up": lambda officer, _me, case: officer.post(f"{CASES}/{case}/taking-up"),
    "uphold": lambda officer, _me, case: officer.post(
        f"{CASES}/{case}/answer", json={"outcome": "upheld", "answer": "投诉成立，已责成商户改正。"}
    ),
    "reject": lambda officer, _me, case: officer.post(
        f"{CASES}/{case}/answer", json={"outcome": "rejected", "answer": "经核实，商户按方案办理。"}
    ),
    "withdraw": lambda _officer, me, case: me.post(f"{ME}/complaints/{case}/withdrawal"),
}


@pytest.mark.parametrize("reach", [[], ["take_up"], ["uphold"], ["reject"], ["withdraw"]])
def test_a_complaint_moves_only_by_the_ways_of_the_table(city, used, reach):
    customer, check_id = used
    officer, me = city.as_officer("score_officer"), city.as_citizen(customer.id)
    for event, act in EVENTS.items():
        filed = file(city, customer, check_id).json
        for before in reach:
            EVENTS[before](officer, me, filed["id"])
        state = me.get(f"{ME}/complaints").json["items"][0]["state"]
        answer = act(officer, me, filed["id"])
        after = TRANSITIONS.get((state, event))
        if after is None:
            assert (answer.status_code, answer.json["code"]) == (409, "complaint_state_forbids")
        else:
            assert answer.json["state"] == after
        EVENTS["withdraw"](officer, me, filed["id"])
        city.clock.advance(seconds=1)
