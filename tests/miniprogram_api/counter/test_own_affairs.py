"""The manager of a partner's first store looks after stores, usage and contract from the phone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from backend.ledger.service import entries_about
from backend.onboarding.service import contracts_of
from backend.partners.service import find_partner
from tests.miniprogram_api.counter.conftest import StorePhone, sign_in

CONTRACT = {"contract_number": "GC-2", "starts_on": "2026-03-03", "ends_on": "2027-03-02"}


@pytest.fixture
def head(phone_at):
    return phone_at("总店", nickname="店长", role="manager")


def test_a_store_is_opened_closed_and_opened_again_from_the_phone(head, city):
    made = head.post("/stores", {"name": "西门店"}).json
    phone = StorePhone(head.counter, sign_in(city, made["manager"]["sign_in_code"]).json["token"])
    assert phone.get("/me").json["store"] == "西门店"
    assert head.post("/stores", {"name": "西门店"}).json["code"] == "store_exists"
    assert head.post(f"/stores/{made['id']}/closure").json["state"] == "closed"
    assert phone.get("/me").status_code == 401
    assert head.post(f"/stores/{made['id']}/closure", method="DELETE").json["state"] == "open"
    assert phone.get("/me").status_code == 200
    shown = {one["name"]: (one["state"], one["own"]) for one in head.get("/stores").json["items"]}
    assert shown == {"总店": ("open", True), "西门店": ("open", False)}


def test_the_first_store_cannot_lock_itself_out(head):
    (own,) = head.get("/stores").json["items"]
    assert head.post(f"/stores/{own['id']}/closure").json["code"] == "first_store_stays"


@pytest.mark.parametrize("place", [("总店", "cashier"), ("东门店", "manager")])
def test_nobody_else_looks_after_the_partner(head, phone_at, city, place):
    store, role = place
    city.clock.advance(minutes=1)
    other = phone_at(store, nickname="别人", role=role)
    assert other.get("/me").json["heads_partner"] is False
    for method, path, body in (
        ("GET", "/stores", None),
        ("POST", "/stores", {"name": "西门店"}),
        ("GET", "/affairs", None),
        ("POST", "/affairs/renewal", {"terms_digest": "0" * 64}),
    ):
        answer = other.post(path, body, method=method)
        assert (answer.status_code, answer.json["code"]) == (403, "head_manager_only"), path


def test_another_partners_store_does_not_exist(head, phone_at):
    stranger = phone_at("总店", nickname="店长", role="manager", partner="guihu-park", scheme="pool_ticket")
    (theirs,) = stranger.get("/stores").json["items"]
    for method in ("POST", "DELETE"):
        answer = head.post(f"/stores/{theirs['id']}/closure", method=method)
        assert (answer.status_code, answer.json["code"]) == (404, "store_not_found")


def test_usage_and_quota_are_seen_on_the_phone(head):
    head.check(head.counter.customer())
    affairs = head.get("/affairs").json
    assert [(line["store"], line["checks"], line["eligible"]) for line in affairs["usage"]] == [("总店", 1, 1)]
    assert affairs["checks_per_minute"] == 3000
    assert [key["state"] for key in affairs["keys"]] == ["active"]


def test_a_contract_is_renewed_as_asked_for_on_the_phone_under_the_terms_accepted_there(head, city):
    digest = head.get("/affairs").json["terms_digest"]
    assert head.post("/affairs/renewal", {"terms_digest": "0" * 64}).json["code"] == "terms_outdated"
    asked_at = city.clock()
    asked = head.post("/affairs/renewal", {"terms_digest": digest}).json
    assert asked["renewal_asked_at"] is not None
    assert head.post("/affairs/renewal", {"terms_digest": digest}).json == asked
    city.clock.advance(days=1)
    officer = city.as_officer("score_officer")
    base = f"/api/v1/admin/partners/{head.counter.code}"
    assert officer.get("/api/v1/admin/notifications").json["items"][0]["title"] == "合作商户申请续签合同"
    assert officer.get(base).json["renewal"]["asked_by"] == "总店 店长"
    done = officer.post(f"{base}/contracts", json=CONTRACT).json
    assert (done["renewal"], done["contract_ends_on"]) == (None, "2027-03-02")
    with city.database.reading() as session:
        (contract,) = contracts_of(session, find_partner(session, head.counter.code).id)
        assert contract.accepted_at == asked_at
    affairs = head.get("/affairs").json
    assert affairs["renewal_asked_at"] is None
    assert [one["number"] for one in affairs["contracts"]] == ["GC-2"]


def test_the_console_closes_and_opens_stores_and_suspends_one_member_of_staff_alone(head, phone_at, city):
    officer = city.as_officer("score_officer")
    base = f"/api/v1/admin/partners/{head.counter.code}"
    clerk = phone_at("总店", nickname="前台")
    (store,) = officer.get(base).json["stores"]
    by_name = {one["nickname"]: one["id"] for one in store["staff"]}
    officer.delete(f"{base}/staff/{by_name['前台']}")
    assert (clerk.get("/me").status_code, head.get("/me").status_code) == (401, 200)
    restored = officer.post(f"{base}/staff/{by_name['前台']}/reinstatement").json["stores"][0]["staff"]
    assert {one["state"] for one in restored} == {"active"}
    officer.delete(f"{base}/stores/{store['id']}")
    assert head.get("/me").status_code == 401
    assert officer.post(f"{base}/stores/{store['id']}/opening").json["stores"][0]["state"] == "open"
    assert head.get("/me").status_code == 200


def test_the_ledger_says_that_it_was_done_at_a_counter(head, city):
    customer = head.counter.customer()
    check = head.check(customer).json
    head.post("/redemptions", {"check_id": check["check_id"]})
    other = head.counter.customer()
    head.counter.check(other)
    with city.database.reading() as session:
        assert [entry.channel for entry in entries_about(session, customer.id)] == ["counter", "counter"]
        assert [entry.channel for entry in entries_about(session, other.id)] == ["partner_api"]


def test_a_contract_that_was_not_asked_for_is_accepted_on_the_day_it_is_signed(head, city):
    officer = city.as_officer("score_officer")
    last = date(2026, 3, 3) + timedelta(days=30)
    body = {**CONTRACT, "ends_on": last.isoformat()}
    assert officer.post(f"/api/v1/admin/partners/{head.counter.code}/contracts", json=body).status_code == 201
    with city.database.reading() as session:
        (contract,) = contracts_of(session, find_partner(session, head.counter.code).id)
        assert contract.accepted_at == contract.countersigned_at
