"""A citizen sends a loan application to the bank, and the bank tells how it stands."""

from __future__ import annotations

from uuid import uuid4

import pytest

from backend.authorizations.notices import SHARING_NOTICE
from backend.institutions.service import institutions_offering
from tests.backend.benefits.made_up import set_score
from tests.miniprogram_api.partner.bank import add_graded_person, open_bank
from tests.miniprogram_api.partner.conftest import sign_contract

SENT = {"scheme": "personal_credit_loan", "days": 90, "notice_version": SHARING_NOTICE.version}


@pytest.fixture
def person(city):
    with city.database.transaction() as session:
        return add_graded_person(session, city)


@pytest.fixture
def citizen(city, person):
    return city.as_citizen(person.id)


@pytest.fixture
def bank(city, person):
    bank = open_bank(city, enrolled="personal_credit_loan")
    token = bank.post_form("token_endpoint", grant_type="client_credentials").json()
    bank.client.token = {**token, "expires_at": None}
    return bank


def send(citizen, **changes):
    return citizen.post("/api/v1/me/loan-referrals", json={**SENT, "institution": "guicheng-bank", **changes})


def answer(bank, number, **body):
    return bank.client.post(
        f"/api/v1/institution/referrals/{number}/answers", json=body, headers={"Idempotency-Key": str(uuid4())}
    )


def test_no_application_goes_to_an_institution_after_the_last_day_of_its_contract(bank, city):
    def offering():
        with city.database.reading() as session:
            found = institutions_offering(session, "personal_credit_loan", now=city.clock())
            return [one.name for one in found]

    sign_contract(city, bank.code, number="GC-1", days=0)
    # The clock shows 10:00 in the city.
    city.clock.advance(hours=13, minutes=59)
    assert offering() == ["桂城银行"]
    city.clock.advance(minutes=1)
    assert offering() == []


def test_the_bank_reads_the_terms_and_the_citizen_each_answer(bank, citizen):
    offered = citizen.get("/api/v1/me/loan-referrals/institutions?scheme=personal_credit_loan").json
    assert [one["name"] for one in offered["items"]] == ["桂城银行"]
    sent = send(citizen)
    assert sent.status_code == 201, sent.json
    number = sent.json["number"]
    (line,) = bank.read("/referrals").json()["items"]
    assert (line["number"], line["state"]) == (number, "sent")
    assert set(line) == {"number", "scheme_code", "scheme_name", "state", "state_name", "sent_at"}
    assert "LPR+50" in bank.read(f"/referrals/{number}").json()["terms"]["summary"]
    assert answer(bank, number, event="apply").json()["state"] == "applied"
    assert answer(bank, number, event="grant", granted_cents=20_000_000).status_code == 200
    (mine,) = citizen.get("/api/v1/me/loan-referrals").json["items"]
    assert (mine["state"], mine["granted_cents"]) == ("granted", 20_000_000)
    assert [step["event"] for step in mine["steps"]] == ["send", "apply", "grant"]
    actions = [one["action"] for one in citizen.get("/api/v1/me/ledger").json["items"]]
    assert actions == ["referral_answered", "referral_answered", "referral_read"]
    titles = [one["title"] for one in citizen.get("/api/v1/me/notifications").json["items"]]
    assert titles[0] == "桂城银行：您的贷款申请已批准"


def test_a_bank_that_declines_says_why_and_the_citizen_reads_it(bank, citizen):
    number = send(citizen).json["number"]
    for reason in (None, "   "):
        assert answer(bank, number, event="decline", reason=reason).json()["code"] == "decline_reason_missing"
    assert answer(bank, number, event="decline", reason="收入证明不全").json()["state"] == "declined"
    (mine,) = citizen.get("/api/v1/me/loan-referrals").json["items"]
    assert mine["reason"] == "收入证明不全"
    assert answer(bank, number, event="apply").json()["code"] == "referral_state_forbids"


def test_a_withdrawn_referral_is_closed_to_the_bank_at_once_and_can_be_sent_anew(bank, citizen):
    sent = send(citizen).json
    assert send(citizen).json["code"] == "referral_already_open"
    citizen.delete(f"/api/v1/me/authorizations/{sent['consent_id']}")
    assert bank.read("/referrals").json() == {"items": []}
    assert bank.read(f"/referrals/{sent['number']}").json()["code"] == "consent_not_usable"
    assert answer(bank, sent["number"], event="apply").json()["code"] == "consent_not_usable"
    assert citizen.get("/api/v1/me/loan-referrals").json["items"][0]["state"] == "withdrawn"
    assert send(citizen).status_code == 201


def test_only_who_is_entitled_sends_and_only_to_a_bank_that_offers_it(bank, citizen, city, person):
    open_bank(city, code="other-bank")
    for changes, code in (
        ({"institution": "other-bank"}, "not_a_loan_scheme"),
        ({"scheme": "reading_deposit_free"}, "not_a_loan_scheme"),
        ({"institution": "nobody"}, "partner_not_found"),
        ({"days": 400}, "term_required"),
        ({"notice_version": "2020"}, "notice_outdated"),
    ):
        assert send(citizen, **changes).json["code"] == code, changes
    with city.database.transaction() as session:
        set_score(session, person, total=120_00, now=city.clock())
    assert send(citizen).json["code"] == "not_entitled_to_loan"


def test_another_banks_referral_is_not_found(bank, citizen, city):
    number = send(citizen).json["number"]
    other = open_bank(city, code="other-bank")
    token = other.post_form("token_endpoint", grant_type="client_credentials").json()
    other.client.token = {**token, "expires_at": None}
    assert other.read(f"/referrals/{number}").status_code == 404
    assert answer(other, number, event="apply").status_code == 404
    assert other.read("/referrals").json() == {"items": []}
