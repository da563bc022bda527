"""What a counter without IT does: a phone, a one-time code, check, redeem, take back."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import func, select

from backend.benefits.models import BenefitCheck, Redemption
from backend.partners.service import find_partner, suspend_partner
from tests.miniprogram_api.counter.conftest import sign_in
from tests.miniprogram_api.partner.conftest import sign_contract

DISCOUNT = {
    "settlement": "discount",
    "tiers": [{"code": "half", "name": "半价", "terms": {"summary": "5 折", "percent_off": 50}}],
}


def count(city, table):
    with city.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_the_phone_learns_where_it_is_and_what_is_offered(phone_at):
    me = phone_at().get("/me").json
    assert (me["partner"], me["store"], me["nickname"], me["role"]) == ("桂城泳池", "东门店", "前台", "cashier")
    assert [scheme["code"] for scheme in me["schemes"]] == ["pool_ticket"]


def test_from_a_code_to_a_redemption_and_back(phone_at, city):
    phone = phone_at()
    customer = phone.counter.customer()
    check = phone.check(customer)
    assert (check.status_code, check.json["eligible"]) == (201, True)
    assert set(check.json) == {"check_id", "eligible", "scheme", "terms", "expires_at"}

    redeemed = phone.post("/redemptions", {"check_id": check.json["check_id"]})
    assert redeemed.status_code == 201
    [use] = phone.get("/redemptions").json["items"]
    assert (use["redemption_id"], use["nickname"]) == (redeemed.json["redemption_id"], "前台")

    taken_back = phone.post(f"/redemptions/{redeemed.json['redemption_id']}/cancellation")
    assert taken_back.json["cancelled_at"] is not None

    looked = city.as_citizen(customer.id).get("/api/v1/me/ledger").json["items"]
    assert [item["action"] for item in looked] == ["redemption_cancelled", "benefit_redeemed", "benefit_checked"]
    assert {item["who"] for item in looked} == {"桂城泳池（东门店）"}


def test_a_no_is_only_a_no(phone_at):
    phone = phone_at()
    check = phone.check(phone.counter.customer(total=100_00)).json
    assert (check["eligible"], check["terms"]) == (False, None)
    answer = phone.post("/redemptions", {"check_id": check["check_id"]})
    assert (answer.status_code, answer.json["code"]) == (422, "check_not_redeemable")


def test_the_same_key_acts_once(phone_at, city):
    phone = phone_at()
    body, key = {"code": phone.counter.code_of(phone.counter.customer()), "scheme": "pool_ticket"}, str(uuid4())
    first, again = (phone.post("/checks", body, key=key) for _ in range(2))
    assert first.json == again.json
    key = str(uuid4())
    for _ in range(2):
        assert phone.post("/redemptions", {"check_id": first.json["check_id"]}, key=key).status_code == 201
    assert count(city, BenefitCheck) == count(city, Redemption) == 1


def test_a_discount_needs_the_bill_and_says_what_is_settled(phone_at):
    phone = phone_at(**DISCOUNT)
    check_id = phone.check(phone.counter.customer()).json["check_id"]
    assert phone.post("/redemptions", {"check_id": check_id}).json["code"] == "amount_required"
    settled = phone.post("/redemptions", {"check_id": check_id, "amount_cents": 6801}).json
    assert settled["settled_cents"] == 3401


def test_what_another_store_did_is_neither_seen_nor_redeemed_nor_taken_back(phone_at):
    east, west = phone_at("东门店"), phone_at("西门店")
    check_id = east.check(east.counter.customer()).json["check_id"]
    answer = west.post("/redemptions", {"check_id": check_id})
    assert (answer.status_code, answer.json["code"]) == (404, "check_not_found")
    redemption_id = east.post("/redemptions", {"check_id": check_id}).json["redemption_id"]
    answer = west.post(f"/redemptions/{redemption_id}/cancellation")
    assert (answer.status_code, answer.json["code"]) == (404, "redemption_not_found")
    assert west.get("/redemptions").json["items"] == []


def test_a_colleague_may_finish_what_the_store_began(phone_at):
    first, second = phone_at(nickname="甲"), phone_at(nickname="乙")
    check_id = first.check(first.counter.customer()).json["check_id"]
    assert second.post("/redemptions", {"check_id": check_id}).status_code == 201
    assert [use["nickname"] for use in first.get("/redemptions").json["items"]] == ["乙"]


def test_yesterdays_redemptions_are_not_in_todays_list(phone_at, city):
    phone = phone_at()
    check_id = phone.check(phone.counter.customer()).json["check_id"]
    phone.post("/redemptions", {"check_id": check_id})
    # The clock shows 10:00 in the city.
    city.clock.advance(hours=13, minutes=59)
    assert len(phone.get("/redemptions").json["items"]) == 1
    city.clock.advance(minutes=1)
    assert phone.get("/redemptions").json["items"] == []


def test_a_manager_adds_staff_whose_phone_works_and_ends_it_again(phone_at, city):
    manager = phone_at(nickname="店长", role="manager")
    made = manager.post("/staff", {"nickname": "前台小林"}).json
    cashier = sign_in(city, made["sign_in_code"]).json["token"]
    headers = {"Authorization": f"Bearer {cashier}"}
    assert city.http.get("/api/v1/counter/me", headers=headers).json["nickname"] == "前台小林"

    assert manager.post(f"/staff/{made['id']}/suspension").json["state"] == "suspended"
    assert city.http.get("/api/v1/counter/me", headers=headers).json["code"] == "staff_not_signed_in"
    assert manager.post(f"/staff/{made['id']}/sign-in-code").json["code"] == "staff_suspended"
    assert manager.post(f"/staff/{made['id']}/suspension", method="DELETE").json["state"] == "active"
    again = manager.post(f"/staff/{made['id']}/sign-in-code").json["sign_in_code"]
    assert sign_in(city, again).status_code == 201
    assert [one["nickname"] for one in manager.get("/staff").json["items"]] == ["店长", "前台小林"]


def test_only_a_manager_looks_after_staff_and_only_after_their_own_stores(phone_at):
    cashier, manager = phone_at(nickname="前台"), phone_at(nickname="店长", role="manager")
    other = phone_at("西门店", nickname="店长", role="manager")
    staff = manager.get("/staff").json["items"][0]["id"]
    answers = [
        cashier.get("/staff"),
        cashier.post("/staff", {"nickname": "丙"}),
        cashier.post(f"/staff/{staff}/sign-in-code"),
        cashier.post(f"/staff/{staff}/suspension"),
    ]
    assert {(answer.status_code, answer.json["code"]) for answer in answers} == {(403, "manager_only")}
    answer = other.post(f"/staff/{staff}/suspension")
    assert (answer.status_code, answer.json["code"]) == (404, "staff_not_found")


def test_a_phone_hears_that_the_contract_is_over_and_works_again_once_it_is_renewed(phone_at, city):
    phone = phone_at()
    sign_contract(city, "guicheng-pool", number="GC-1", days=0)
    # The clock shows 10:00 in the city.
    city.clock.advance(hours=13, minutes=59)
    assert phone.check(phone.counter.customer()).status_code == 201
    city.clock.advance(minutes=1)
    answer = phone.get("/me")
    assert (answer.status_code, answer.json["code"]) == (403, "contract_ended")
    assert "续签" in answer.json["detail"]
    sign_contract(city, "guicheng-pool", number="GC-2", days=365)
    assert phone.get("/me").status_code == 200


def test_a_suspended_partners_phones_are_signed_out(phone_at, city):
    phone = phone_at()
    with city.database.transaction() as session:
        suspend_partner(session, find_partner(session, "guicheng-pool"), by="张敏", now=city.clock())
    answer = phone.get("/me")
    assert (answer.status_code, answer.json["code"]) == (401, "staff_not_signed_in")


def test_signing_out_ends_the_phone(phone_at):
    phone = phone_at()
    assert phone.post("/sign-in", method="DELETE").status_code == 204
    assert phone.get("/me").status_code == 401


def test_guessing_sign_in_codes_is_stopped(city):
    answers = [sign_in(city, f"AAAAA-{number:05d}") for number in range(21)]
    assert [answer.status_code for answer in answers] == [401] * 20 + [429]
    assert answers[0].json["code"] == "sign_in_code_not_valid"


@pytest.mark.parametrize("token", ["partner", "citizen"])
def test_a_token_of_another_kind_opens_nothing(phone_at, city, token):
    phone = phone_at()
    if token == "partner":
        headers = phone.counter.headers()
        assert city.http.get("/api/v1/counter/me", headers=headers).status_code == 401
    else:
        answer = city.as_citizen(phone.counter.customer().id).get("/api/v1/counter/me")
        assert answer.status_code == 401
    headers = {"Authorization": f"Bearer {phone.token}"}
    for path in ("/api/v1/partner/schemes", "/api/v1/me", "/api/v1/admin/me"):
        assert city.http.get(path, headers=headers).status_code == 401
