from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import func, select

from backend.benefits.models import BenefitCheck, QuotaUse, Redemption
from backend.ledger.models import LedgerEntry
from backend.partners.service import find_partner, suspend_partner
from tests.backend.benefits.made_up import add_scheme
from tests.factories import add_person

NOBODYS = "00000000-0000-4000-8000-000000000000"

DISCOUNT = {
    "settlement": "discount",
    "tiers": [{"code": "half", "name": "半价", "terms": {"summary": "5 折", "percent_off": 50}}],
}


def count(city, table):
    with city.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_from_a_code_to_a_redemption_and_back(counter, city):
    customer = counter.customer()
    check = counter.check(customer)
    assert check.status_code == 201
    assert set(check.json) == {"check_id", "eligible", "scheme", "terms", "expires_at"}
    assert check.json["eligible"] is True
    assert check.json["scheme"] == {"code": "pool_ticket", "name": "泳池优惠"}
    assert check.json["terms"] == {"summary": "门票 5 折", "percent_off": 50}

    redemption = counter.post("/redemptions", {"check_id": check.json["check_id"]})
    assert redemption.status_code == 201
    assert redemption.json["terms"] == check.json["terms"]
    assert redemption.json["cancelled_at"] is None

    cancelled = counter.post(f"/redemptions/{redemption.json['redemption_id']}/cancellation")
    assert cancelled.status_code == 200
    assert cancelled.json["cancelled_at"] is not None

    looked = city.as_citizen(customer.id).get("/api/v1/me/ledger")
    assert [item["action"] for item in looked.json["items"]] == [
        "redemption_cancelled",
        "benefit_redeemed",
        "benefit_checked",
    ]
    assert {item["who"] for item in looked.json["items"]} == {"桂城泳池"}


def test_a_no_carries_nothing_but_no(counter, city):
    low = counter.check(counter.customer(total=100_00))
    with city.database.transaction() as session:
        not_activated = add_person(session, city.keys)
    unknown = counter.check(not_activated)
    assert low.status_code == unknown.status_code == 201
    assert {**low.json, "check_id": ""} == {**unknown.json, "check_id": ""}
    assert (low.json["eligible"], low.json["terms"]) == (False, None)
    answer = counter.post("/redemptions", {"check_id": low.json["check_id"]})
    assert (answer.status_code, answer.json["code"]) == (422, "check_not_redeemable")


def test_the_same_key_gives_the_same_answer_and_one_check(counter, city):
    body = {"code": counter.code_of(counter.customer()), "scheme": "pool_ticket"}
    token, key = counter.token(), str(uuid4())
    first = counter.post("/checks", body, token=token, key=key)
    again = counter.post("/checks", body, token=token, key=key)
    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert count(city, BenefitCheck) == count(city, LedgerEntry) == 1


def test_a_code_is_answered_once(counter):
    body = {"code": counter.code_of(counter.customer()), "scheme": "pool_ticket"}
    assert counter.post("/checks", body).status_code == 201
    for code in (body["code"], "A" * 26):
        answer = counter.post("/checks", {**body, "code": code})
        assert (answer.status_code, answer.json["code"]) == (422, "code_not_valid")


def test_a_code_ends_after_a_minute(counter, city):
    code = counter.code_of(counter.customer())
    city.clock.advance(seconds=60)
    answer = counter.post("/checks", {"code": code, "scheme": "pool_ticket"})
    assert answer.json["code"] == "code_not_valid"


def test_a_scheme_of_another_merchant_is_as_little_offered_as_one_that_does_not_exist(counter, city):
    with city.database.transaction() as session:
        add_scheme(session, city.clock(), code="gym_ticket")
    customer = counter.customer()
    for scheme in ("gym_ticket", "nothing_such"):
        answer = counter.check(customer, scheme=scheme)
        assert (answer.status_code, answer.json["code"]) == (404, "scheme_not_offered")


def test_another_merchants_check_and_redemption_do_not_exist(counter, open_counter):
    other = open_counter("guicheng-gym", scheme="pool_ticket")
    check_id = counter.check(counter.customer()).json["check_id"]
    answer = other.post("/redemptions", {"check_id": check_id})
    assert (answer.status_code, answer.json["code"]) == (404, "check_not_found")
    redemption_id = counter.post("/redemptions", {"check_id": check_id}).json["redemption_id"]
    answer = other.post(f"/redemptions/{redemption_id}/cancellation")
    assert (answer.status_code, answer.json["code"]) == (404, "redemption_not_found")
    assert other.get("/redemptions").json["items"] == []


def test_retrying_with_a_new_key_is_still_one_redemption(open_counter, city):
    counter = open_counter(quota={"limit": 3, "period": "month"})
    check_id = counter.check(counter.customer()).json["check_id"]
    answers = [counter.post("/redemptions", {"check_id": check_id}) for _ in range(3)]
    assert len({answer.json["redemption_id"] for answer in answers}) == 1
    assert count(city, Redemption) == 1
    with city.database.reading() as session:
        assert session.scalar(select(QuotaUse.used)) == 1


def test_a_discount_needs_the_amount(open_counter):
    counter = open_counter(**DISCOUNT)
    check_id = counter.check(counter.customer()).json["check_id"]
    answer = counter.post("/redemptions", {"check_id": check_id})
    assert (answer.status_code, answer.json["code"]) == (422, "amount_required")
    answer = counter.post("/redemptions", {"check_id": check_id, "amount_cents": 4001})
    assert (answer.json["amount_cents"], answer.json["settled_cents"]) == (4001, 2001)


@pytest.mark.parametrize("amount", [-1, 1.5, "100", 10**13, True])
def test_an_amount_is_a_whole_number_of_cents(open_counter, amount):
    counter = open_counter(**DISCOUNT)
    check_id = counter.check(counter.customer()).json["check_id"]
    answer = counter.post("/redemptions", {"check_id": check_id, "amount_cents": amount})
    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")


def test_a_check_is_good_for_ten_minutes(counter, city):
    check_id = counter.check(counter.customer()).json["check_id"]
    city.clock.advance(minutes=10)
    answer = counter.post("/redemptions", {"check_id": check_id})
    assert (answer.status_code, answer.json["code"]) == (409, "check_expired")


def test_too_many_checks_of_one_customer_are_refused_with_when_to_come_back(counter):
    customer = counter.customer()
    answers = [counter.check(customer) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [201] * 6 + [429]
    assert answers[-1].json["code"] == "too_many_checks"
    assert answers[-1].headers["Retry-After"] == "3600"


@pytest.mark.parametrize(
    ("scope", "path", "method"),
    [
        ("benefit:read", "/checks", "post"),
        ("benefit:check", "/redemptions", "post"),
        ("benefit:check", "/redemptions", "get"),
        ("benefit:redeem", "/schemes", "get"),
    ],
)
def test_a_token_does_only_what_its_scope_says(counter, scope, path, method):
    answer = getattr(counter, method)(path, token=counter.token(scope=scope))
    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("path", ["/schemes", "/redemptions"])
def test_nothing_is_told_without_a_token(city, path):
    for headers in ({}, {"Authorization": "Bearer made-up"}, {"Authorization": "Basic eDp5"}):
        answer = city.http.get(f"/api/v1/partner{path}", headers=headers)
        assert (answer.status_code, answer.json["code"]) == (401, "token_not_valid")


def test_a_citizens_token_is_not_a_partners_nor_the_other_way_round(counter, city):
    citizen = city.as_citizen(counter.customer().id)
    assert citizen.get("/api/v1/partner/schemes").status_code == 401
    answer = city.http.get("/api/v1/me", headers=counter.headers())
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/checks", "/redemptions", f"/redemptions/{NOBODYS}/cancellation"])
def test_whatever_acts_needs_an_idempotency_key(counter, city, path):
    headers = {"Authorization": f"Bearer {counter.token()}"}
    answer = city.http.post(f"/api/v1/partner{path}", json={}, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_missing")


def test_a_partner_sees_its_schemes(open_counter):
    counter = open_counter(**DISCOUNT)
    [scheme] = counter.get("/schemes").json["items"]
    assert (scheme["code"], scheme["needs_amount"]) == ("pool_ticket", True)
    assert scheme["terms"] == [{"summary": "5 折", "percent_off": 50}]
    assert "conditions" not in scheme


def test_a_partner_pages_through_its_redemptions_and_sees_no_customer(counter, city):
    made = []
    for _ in range(3):
        check_id = counter.check(counter.customer()).json["check_id"]
        made.append(counter.post("/redemptions", {"check_id": check_id}).json["redemption_id"])
        city.clock.advance(seconds=1)
    first = counter.get("/redemptions?limit=2").json
    rest = counter.get(f"/redemptions?limit=2&cursor={first['next_cursor']}").json
    assert [item["redemption_id"] for item in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None
    assert not any("subject" in name or "holder" in name for name in first["items"][0])


@pytest.mark.parametrize("cursor", ["x", "eA", "MjAyNi0wMy0wM3w", "_" * 50])
def test_an_invented_cursor_is_a_validation_error(counter, cursor):
    answer = counter.get(f"/redemptions?cursor={cursor}")
    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")


def test_a_suspended_partner_is_out_at_once(counter, city):
    token = counter.token()
    with city.database.transaction() as session:
        suspend_partner(session, find_partner(session, counter.code), by="张敏", now=city.clock())
    assert counter.get("/schemes", token=token).status_code == 401
    assert counter.ask_token().json["error"] == "invalid_client"
