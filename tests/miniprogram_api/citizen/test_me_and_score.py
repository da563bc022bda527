from __future__ import annotations

from datetime import date

from backend.authorizations.notices import ACTIVATION_NOTICE
from tests.factories import add_enterprise, add_relation

AGREED = {"notice_version": ACTIVATION_NOTICE.version, "agreed": True}


def test_me_is_masked_and_names_the_enterprises_i_act_for(citizen):
    with citizen.city.database.transaction() as session:
        company = add_enterprise(session, citizen.city.keys, name="桂城丹桂食品有限公司")
        other = add_enterprise(session, citizen.city.keys)
        add_relation(session, enterprise=company, principal=citizen.subject, role="legal_representative")
        add_relation(session, enterprise=other, principal=citizen.subject, role="shareholder")

    answer = citizen.get("/me")

    me = answer.get_json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert me["name"] == "王*兰"
    assert set(me["identifier"][3:-4]) == {"*"}
    assert (me["adult"], me["activated"], me["activated_at"], me["city_name"]) == (True, False, None, "桂城市")
    assert me["enterprises"] == [
        {
            "public_code": company.public_code,
            "name": "桂城丹桂食品有限公司",
            "kind": "enterprise",
            "role": "legal_representative",
        }
    ]


def test_no_score_is_shown_before_the_citizen_activates_it(citizen, publish):
    citizen.has_record("volunteering", quantity=6_000)
    publish()

    answer = citizen.get("/me/score")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "not_activated")


def test_right_after_activation_the_score_is_on_its_way(citizen, publish):
    publish()
    citizen.activates()

    waiting = citizen.get("/me/score")
    citizen.city.recompute()

    assert (waiting.status_code, waiting.get_json()["code"]) == (404, "no_score_yet")
    assert citizen.get("/me/score").status_code == 200


def test_activation_needs_the_present_notice_and_a_ticked_box(citizen):
    notice = citizen.get("/activation-notice").get_json()
    assert notice["version"] == AGREED["notice_version"]
    assert notice["title"]
    assert notice["paragraphs"]

    unticked = citizen.post("/me/activation", {**AGREED, "agreed": False})
    as_text = citizen.post("/me/activation", {**AGREED, "agreed": "yes"})
    outdated = citizen.post("/me/activation", {**AGREED, "notice_version": "2020-01"})
    given = citizen.post("/me/activation", AGREED)
    again = citizen.post("/me/activation", AGREED)

    assert (unticked.status_code, as_text.status_code) == (422, 422)
    assert (outdated.status_code, outdated.get_json()["code"]) == (409, "notice_outdated")
    assert given.status_code == 201
    assert given.get_json().keys() == {"consent_id", "activated_at"}
    assert (again.status_code, again.get_json()["code"]) == (409, "already_activated")
    assert citizen.get("/me").get_json()["activated"]


def test_a_minor_has_no_score(make_citizen):
    minor = make_citizen(born_on=date(2008, 3, 4))

    answer = minor.post("/me/activation", AGREED)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "minor_may_not_activate")
    assert minor.get("/me").get_json()["adult"] is False


def test_the_score_is_the_exact_sum_of_its_parts_and_names_its_records(scored):
    score = scored.get("/me/score").get_json()

    assert score["base"] + sum(part["points"] for part in score["contributions"]) == score["total"]
    assert score["minimum"] <= score["total"] <= score["maximum"]
    assert score["pending"] is False
    assert score["grade"]["code"] in [grade["code"] for grade in score["grades"]]
    assert score["policy"].keys() == {"code", "name", "version", "hash"}
    parts = {part["indicator"]: part for part in score["contributions"]}
    assert set(score["key_factors"]) <= parts.keys()
    assert len(score["key_factors"]) <= 4
    named = {share["id"] for part in score["contributions"] for share in part["records"]}
    mine = {record["id"] for record in scored.get("/me/records").get_json()["items"]}
    assert named
    assert named <= mine
    for part in score["contributions"]:
        assert part["reason"]
        assert not part["records"] or sum(share["points"] for share in part["records"]) == part["points"]
    assert all(advice["gain"] > 0 and advice["sentence"] for advice in score["advice"])


def test_a_record_that_brings_nothing_is_named_with_the_reason(scored):
    unused = scored.has_record("contract_performance", level=1, event_on=date(2026, 1, 5))
    revoked = scored.has_record("honour", level=1, state="revoked")
    short = scored.has_record("utility_arrears", quantity=200, event_on=date(2026, 1, 5))
    long_ago = scored.has_record("volunteering", quantity=1_000, event_on=date(2015, 1, 5))
    scored.city.recompute()

    score = scored.get("/me/score").get_json()

    counted = {share["id"] for part in score["contributions"] for share in part["records"]}
    why = {item["record_id"]: item["why"] for item in score["not_counted"]}
    assert why == {
        unused.id: "现行评分方案不使用这类信息",
        revoked.id: "已撤销，不再使用",
        short.id: "没有达到计分的起点（三个月以上）",
        long_ago.id: "不在计分期限内，或同类、同一事项已按其他记录计分",
    }
    assert counted
    assert not counted & why.keys()


def test_leaving_deletes_the_score_at_once(scored):
    assert scored.delete("/me/activation").status_code == 204

    assert scored.get("/me/score").get_json()["code"] == "not_activated"
    assert scored.get("/me/score/history").get_json() == {"items": []}
    assert scored.get("/me").get_json()["activated"] is False
    assert scored.get("/me/records").get_json()["items"]  # the records are the city's by law


def test_the_history_runs_from_the_oldest_score_to_the_newest(scored):
    scored.has_record("blood_donation", level=1, event_on=date(2026, 2, 1))
    citizen_objects(scored)
    scored.city.clock.advance(seconds=2)
    scored.city.recompute()

    history = scored.get("/me/score/history").get_json()["items"]

    assert len(history) == 2
    assert [point["cause"] for point in history] == ["run", "objection_filed"]
    assert history[0]["computed_at"] == "2026-03-03T02:00:00Z"
    assert history[-1]["total"] == scored.get("/me/score").get_json()["total"]
    assert history[0]["computed_at"] < history[1]["computed_at"]


def citizen_objects(citizen):
    judgment = citizen.get("/me/records", category="court_judgment").get_json()["items"][0]
    answer = citizen.post("/me/objections", {"record_id": judgment["id"], "grounds": "已经履行完毕"})
    assert answer.status_code == 201, answer.get_json()
