"""A joint incentive over HTTP: by departments' systems, by officers, and as the enterprise reads it."""

from __future__ import annotations

from datetime import date

import pytest

from backend.subjects.service import find_by_identifier
from tests.backend.records.conftest import BAKERY, LAN
from tests.factories import add_record, add_relation
from tests.miniprogram_api.department.conftest import CIVILITY, CIVILITY_CODE, MARKET_REGULATION_CODE
from tests.miniprogram_api.department.test_credit_checks import officer_of

ADMIN = "/api/v1/admin"
DEPARTMENT = "/api/v1/department"
REASON = {"headers": {"X-Access-Reason": "%E5%8A%9E%E7%90%86"}}
FORM = {
    "ground": "honoured",
    "matter": "2026年诚信示范企业激励",
    "measures": ["green_channel", "recommendation"],
    "departments": [CIVILITY_CODE],
    "subjects": [BAKERY],
}


@pytest.fixture
def people(city, department):
    """Lan represents the bakery; both have been honoured."""
    department()
    with city.database.transaction() as session:
        found = [find_by_identifier(session, keys=city.keys, identifier=one) for one in (BAKERY, LAN)]
        for one in found:
            add_record(session, one, "honour", level=3, event_on=date(2026, 1, 5), title="诚信示范")
        bakery, lan = found
        add_relation(session, enterprise=bakery, principal=lan, role="legal_representative")
    return bakery, lan


def by_office(city, department):
    return city.as_officer("data_officer"), ADMIN


def by_department_officer(city, department):
    return officer_of(city, MARKET_REGULATION_CODE), ADMIN


@pytest.mark.parametrize("way", [by_office, by_department_officer])
def test_from_initiating_in_the_console_to_the_enterprises_own_page(city, department, people, way):
    lan = people[1]
    initiator, base = way(city, department)
    offers = initiator.get(f"{base}/joint-incentives/offers").json
    assert {"honoured", "tax_a"} == {ground["code"] for ground in offers["grounds"]}
    made = initiator.post(f"{base}/joint-incentives", json=FORM)
    assert made.status_code == 201, made.json
    assert (made.json["state"], made.json["requests"][0]["state_name"]) == ("open", "待响应")

    asked = city._signed_in(department(CIVILITY).token())
    [waiting] = asked.get(f"{DEPARTMENT}/incentive-requests").json["items"]
    one = f"{DEPARTMENT}/incentive-requests/{waiting['id']}"
    shown = asked.get(one).json
    [row] = shown["subjects"]
    assert (row["identifier"], row["listed"], shown["basis"]) == (BAKERY, True, made.json["basis"])
    accepted = asked.post(f"{one}/response", json={"outcome": "accepted", "measures": ["green_channel"]})
    assert (accepted.status_code, accepted.json["state"]) == (200, "accepted"), accepted.json
    deed = {"row": row["row"], "measure": "green_channel", "text": "优先办理，容缺受理", "done_on": "2026-03-03"}
    done = asked.post(f"{one}/deeds", json=deed)
    assert done.status_code == 201, done.json
    assert asked.post(f"{one}/deeds", json=deed).json["code"] == "incentive_already_fed_back"
    assert asked.post(f"{one}/finish", json={}).json["state"] == "done"

    [mine] = city.as_citizen(lan.id).get(f"/api/v1/me/joint-incentives?enterprise={BAKERY}").json["items"]
    assert [one["text"] for one in mine["deeds"]] == ["优先办理，容缺受理"]
    looks = city.as_citizen(lan.id).get(f"/api/v1/me/ledger?enterprise={BAKERY}").json["items"]
    assert {"反馈为您采取的激励措施", "查看联合激励", "发起联合激励"} <= {look["action_name"] for look in looks}
    seen = initiator.get(f"{base}/joint-incentives/{made.json['id']}", **REASON).json
    assert (seen["state"], seen["deeds"], seen["own"]) == ("closed", 1, True)
    assert initiator.get(f"{base}/joint-incentives", query_string={"state": "open"}).json["items"] == []
    assert len(initiator.get(f"{base}/joint-incentives", query_string={"state": "closed"}).json["items"]) == 1


def test_a_person_is_shown_to_no_department_before_agreeing_and_masked_before_it_accepted(
    city, department, people
):
    lan = people[1]
    office = city.as_officer("data_officer")
    made = office.post(
        f"{ADMIN}/joint-incentives", json=FORM | {"subjects": [LAN], "measures": ["green_channel"]}
    ).json
    assert LAN not in str(made)
    asked = officer_of(city, CIVILITY_CODE)
    one = f"{ADMIN}/incentive-requests/{made['requests'][0]['id']}"
    assert asked.get(one, **REASON).json["subjects"] == []

    phone = city.as_citizen(lan.id)
    [mine] = phone.get("/api/v1/me/joint-incentives").json["items"]
    assert mine["consent"] == "waiting"
    agreed = phone.post(
        f"/api/v1/me/authorizations/{mine['consent_id']}/decision", json={"agreed": True, "days": 30}
    )
    assert (agreed.status_code, agreed.json["recipient"]) == (200, "桂城市文明办公室"), agreed.json
    [row] = asked.get(one, **REASON).json["subjects"]
    assert (row["name"], LAN in str(row)) == ("王*兰", False)
    accepted = asked.post(f"{one}/response", json={"outcome": "accepted", "measures": ["green_channel"]}).json
    assert (accepted["subjects"][0]["name"], accepted["subjects"][0]["identifier"]) == ("王小兰", LAN)
    exported = phone.get("/api/v1/me/export").json["joint_incentives"]
    assert [one["matter"] for one in exported] == [FORM["matter"]]

    phone.delete(f"/api/v1/me/authorizations/{mine['consent_id']}")
    assert asked.get(one, **REASON).json["subjects"] == []


def test_reading_subjects_in_the_console_needs_a_reason_and_only_the_initiator_acts(city, department, people):
    office, reviewer = city.as_officer("data_officer"), city.as_officer("reviewer")
    made = office.post(f"{ADMIN}/joint-incentives", json=FORM).json
    path = f"{ADMIN}/joint-incentives/{made['id']}"
    request = made["requests"][0]["id"]
    assert office.get(path).json["code"] == "access_reason_missing"
    assert reviewer.get(path, **REASON).status_code == 200
    words = {"reason": "企业已经另行办理"}
    assert reviewer.post(f"{path}/requests/{request}/withdrawal", json=words).status_code == 403
    assert office.post(f"{path}/requests/{request}/asking-again", json=words).json["code"] == (
        "incentive_state_forbids"
    )
    asked = officer_of(city, CIVILITY_CODE)
    declined = asked.post(
        f"{ADMIN}/incentive-requests/{request}/response",
        json={"outcome": "declined", "reply": "没有可以办理的事项"},
    )
    assert declined.json["state"] == "declined"
    again = office.post(f"{path}/requests/{request}/asking-again", json=words).json
    assert again["requests"][0]["state"] == "asked"
    ended = office.post(f"{path}/requests/{request}/withdrawal", json=words).json
    assert (ended["state"], ended["requests"][0]["state_name"]) == ("closed", "已撤回")


def test_another_departments_requests_and_unlisted_subjects_are_refused(city, department, people):
    stranger = officer_of(city, MARKET_REGULATION_CODE)
    office = city.as_officer("data_officer")
    made = office.post(f"{ADMIN}/joint-incentives", json=FORM).json
    for path in (f"incentive-requests/{made['requests'][0]['id']}", f"joint-incentives/{made['id']}"):
        assert stranger.get(f"{ADMIN}/{path}", **REASON).json["code"] == "incentive_not_found"
    refused = office.post(f"{ADMIN}/joint-incentives", json=FORM | {"ground": "tax_a"})
    assert (refused.status_code, refused.json["code"]) == (422, "incentive_subjects_not_eligible")
    system = city._signed_in(department(CIVILITY).token(scope="records:deliver"))
    assert system.get(f"{DEPARTMENT}/incentive-requests").status_code == 403
