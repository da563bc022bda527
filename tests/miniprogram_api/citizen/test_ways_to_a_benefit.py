"""What is told to someone without a benefit keeps its promise: done as told, the condition is met."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from backend.city_calendar import city_date
from backend.records.models import CreditRecord
from backend.subjects.rescoring import mark_for_rescoring


def benefits(citizen):
    answer = citizen.get("/me/benefits")
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


def missing(citizen, fact):
    """By scheme, the unmet condition on this fact."""
    shown = benefits(citizen)
    return {
        benefit["code"]: unmet
        for benefit in shown["nearly"] + shown["not_eligible"]
        for unmet in benefit["unmet"]
        if unmet["fact"] == fact
    }


def wait(citizen, on):
    """Until that day; nobody stays signed in for so long."""
    citizen.city.clock.advance(days=(on - city_date(citizen.city.clock())).days)
    citizen.phone = citizen.city.as_citizen(citizen.id)


def follow(citizen, step):
    """Do what the sentence says, as the departments would then deliver it."""
    today = city_date(citizen.city.clock())
    if hours := re.fullmatch(r"再参加 ([\d.]+) 小时志愿服务：.*", step):
        citizen.has_record("volunteering", quantity=round(float(hours[1]) * 100), event_on=today)
    elif certificates := re.fullmatch(r"再取得 (\d+) 项职业资格：.*", step):
        for _ in range(int(certificates[1])):
            citizen.has_record("supplement_education", event_on=today)
    else:
        assert re.fullmatch(r"履行“未履行生效裁判”所涉的义务：.*", step), step
        with citizen.city.database.transaction() as session:
            judgment = (
                session.query(CreditRecord).filter_by(subject_id=citizen.id, category="court_judgment").one()
            )
            judgment.performed_on = today
            mark_for_rescoring(session, [citizen.id], "record_changed", citizen.city.clock())


def test_following_the_steps_gives_the_score_that_was_told_and_meets_the_condition(scored):
    unmet = missing(scored, "score.total")
    assert unmet
    told = {code: one["ways"][0] for code, one in unmet.items() if one["ways"] and one["ways"][0]["on"] is None}
    assert told, unmet
    code, way = max(told.items(), key=lambda item: len(item[1]["steps"]))
    for step in way["steps"]:
        follow(scored, step)
    scored.city.recompute()
    total = scored.get("/me/score").get_json()["total"]
    assert way["result"].startswith(f"做到后为 {total / 100:.2f} 分")
    assert code not in missing(scored, "score.total")


def test_waiting_until_the_day_that_was_told_meets_the_condition(citizen, publish):
    citizen.has_record("volunteering", quantity=15_000, event_on=date(2026, 2, 20))
    citizen.has_record("admin_penalty", level=3, event_on=date(2025, 6, 1))
    citizen.activates()
    publish()
    waits = {
        code: way
        for code, one in missing(citizen, "score.total").items()
        for way in one["ways"]
        if way["on"] is not None
    }
    assert waits
    code, way = min(waits.items(), key=lambda item: item[1]["on"])
    on = date.fromisoformat(way["on"])
    assert "行政处罚" in way["steps"][0]
    wait(citizen, on - timedelta(days=1))
    publish()
    assert code in missing(citizen, "score.total"), "not a day earlier"
    wait(citizen, on)
    publish()
    assert code not in missing(citizen, "score.total")
    assert f"届时为 {citizen.get('/me/score').get_json()['total'] / 100:.2f} 分" in way["result"]


FARES = "records.transport_fare_evasion.count_12_months"


def test_a_record_free_year_is_told_with_the_day_from_which_it_is_over(scored):
    scored.has_record("transport_fare_evasion", event_on=date(2025, 12, 1))
    scored.has_record("transport_fare_evasion", event_on=date(2026, 1, 15))
    found = missing(scored, FARES)
    assert found
    for one in found.values():
        [way] = one["ways"]
        assert way["on"] == "2027-01-15"
    wait(scored, date(2027, 1, 14))
    assert missing(scored, FARES)
    wait(scored, date(2027, 1, 15))
    assert missing(scored, FARES) == {}


def test_what_ends_only_by_doing_something_promises_no_day(scored):
    scored.has_record("utility_arrears", event_on=date(2026, 2, 1))
    found = missing(scored, "records.utility_arrears.unpaid")
    assert found
    assert all(one["ways"] == [] and "缴清" in one["how"] for one in found.values())


def test_every_benefit_says_what_to_bring(scored):
    shown = benefits(scored)
    documents = {one["code"]: one["documents"] for group in shown.values() for one in group}
    assert any(documents.values())


def test_while_the_score_is_computed_anew_nothing_is_promised_by_it(scored):
    scored.has_record("volunteering", quantity=1_000, event_on=city_date(scored.city.clock()) - timedelta(days=1))
    assert all(one["ways"] == [] for one in missing(scored, "score.total").values())


@pytest.mark.parametrize("word", ["献血", "捐献"])
def test_nobody_is_told_to_donate_blood_for_a_benefit(scored, word):
    ways = [way for one in missing(scored, "score.total").values() for way in one["ways"]]
    assert ways
    assert all(word not in step for way in ways for step in way["steps"])
