from __future__ import annotations


def choice_of(answer, category):
    return next(item for item in answer.get_json()["items"] if item["category"] == category)


def test_declining_a_category_takes_its_points_away_at_once_and_taking_it_back_returns_them(scored):
    before = scored.get("/me/score").get_json()
    assert choice_of(scored.get("/me/data-choices"), "volunteering")["records"] == 1

    declined = scored.post("/me/data-choices", {"category": "volunteering", "declined": True})
    scored.city.recompute()
    without = scored.get("/me/score").get_json()
    scored.post("/me/data-choices", {"category": "volunteering", "declined": False})
    scored.city.recompute()

    assert choice_of(declined, "volunteering")["declined"] is True
    assert without["total"] < before["total"]
    assert "volunteering" not in str(
        [part["indicator"] for part in without["contributions"] if part["points"] > 0]
    )
    [why] = [item["why"] for item in without["not_counted"] if "不记录" in item["why"]]
    assert why == "您选择不记录这类信息，可在“数据选择”中恢复"
    assert scored.get("/me/score").get_json()["total"] == before["total"]


def test_what_is_collected_by_law_is_not_for_the_citizen_to_decline(scored):
    answer = scored.post("/me/data-choices", {"category": "court_judgment", "declined": True})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "not_declinable")


def test_one_citizens_choice_is_not_anothers(scored, make_citizen):
    scored.post("/me/data-choices", {"category": "honour", "declined": True})
    assert choice_of(make_citizen().get("/me/data-choices"), "honour")["declined"] is False


def test_messages_that_may_be_switched_off_are_listed_and_switched(citizen):
    [setting] = citizen.get("/me/notifications/settings").get_json()["items"]
    off = citizen.post("/me/notifications/settings", {"kind": "officer_looked", "on": False}).get_json()["items"]
    unknown = citizen.post("/me/notifications/settings", {"kind": "objection_answered", "on": False})
    assert (setting["kind"], setting["on"], off[0]["on"]) == ("officer_looked", True, False)
    assert unknown.status_code == 422
