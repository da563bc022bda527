"""Who may use the department API, and as which department."""

from __future__ import annotations

import json

import pytest

from backend.partners.keys import generate_private_jwk, public_part, read_public_key
from backend.partners.service import find_partner, register_partner, suspend_partner
from tests.miniprogram_api.department.conftest import (
    CIVILITY,
    CIVILITY_CODE,
    MARKET_REGULATION,
    DepartmentSystem,
)


def register(city, kind, public_code):
    private = generate_private_jwk()
    with city.database.transaction() as session:
        register_partner(
            session,
            code="newcomer",
            name="新来的单位",
            kind=kind,
            public_code=public_code,
            public_jwk=read_public_key(json.dumps(public_part(private))),
            now=city.clock(),
        )
    return DepartmentSystem(city, "newcomer", private)


def test_a_department_learns_what_it_answers_for_and_with_which_columns(department):
    profile = department(MARKET_REGULATION).get().json
    assert profile["name"] == "桂城市市场监督管理局"
    assert {category["code"] for category in profile["categories"]} == {
        "admin_penalty",
        "abnormal_operation",
        "ip_infringement",
        "serious_list",
    }
    assert [template["code"] for template in profile["templates"]] == [
        "admin_penalty",
        "admin_penalty_2016",
        "city_catalogue",
    ]
    assert len(profile["templates"][0]["columns"]) == 30


def test_two_departments_see_different_things(department):
    assert [category["code"] for category in department(CIVILITY).get().json["categories"]] == ["volunteering"]


def test_a_merchant_is_never_given_the_scope_even_with_a_departments_code(city, department):
    merchant = register(city, "merchant", CIVILITY_CODE)
    assert merchant.ask_token(scope="records:deliver").json["error"] == "invalid_scope"
    answer = merchant.get(token=merchant.token())
    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("code", [None, "11990001MB9999998X"])
def test_a_department_that_the_catalogue_does_not_name_delivers_nothing(city, department, code):
    answer = register(city, "department", code).get()
    assert (answer.status_code, answer.json["code"]) == (403, "department_not_in_catalogue")


def test_a_token_without_the_scope_is_refused(department):
    system = department()
    answer = system.get(token=system.token(scope="benefit:read"))
    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")


def test_a_suspended_department_is_shut_out_at_once(city, department):
    system = department()
    token = system.token()
    with city.database.transaction() as session:
        suspend_partner(session, find_partner(session, CIVILITY), by="张敏", now=city.clock())
    assert system.get(token=token).status_code == 401
