from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from backend.authorizations.service import give_sharing
from backend.ledger.service import Actor, record_access
from backend.partners.models import Partner


@pytest.fixture
def bank(ready_city):
    with ready_city.database.transaction() as session:
        partner = Partner(
            code="bank", name="桂城银行", public_code=None, kind="institution", state="active",
            registered_at=ready_city.clock(),
        )  # fmt: skip
        session.add(partner)
        session.flush()
        return partner


@pytest.fixture
def sharing(scored, bank):
    with scored.city.database.transaction() as session:
        return give_sharing(
            session,
            scored.subject,
            recipient=bank,
            purpose="信易贷授信",
            data_categories=["grade"],
            scopes=["grade:read"],
            mode="until_expiry",
            expires_at=scored.city.clock() + timedelta(days=30),
            notice_version="1",
            evidence={},
            now=scored.city.clock(),
        )


def test_every_scheme_stands_in_exactly_one_list_with_each_unmet_condition(scored):
    benefits = scored.get("/me/benefits").get_json()

    codes = [benefit["code"] for list_ in benefits.values() for benefit in list_]
    assert benefits.keys() == {"eligible", "nearly", "not_eligible"}
    assert codes
    assert len(codes) == len(set(codes))
    for benefit in benefits["eligible"]:
        assert benefit["unmet"] == []
        assert benefit["tier"]["terms"]["summary"]
    for benefit in benefits["nearly"] + benefits["not_eligible"]:
        assert benefit["unmet"]
        assert all(unmet["reason"] and unmet["need"] and unmet["have"] for unmet in benefit["unmet"])


def test_a_citizen_who_has_not_activated_is_told_that_this_is_what_is_missing(citizen):
    benefits = citizen.get("/me/benefits").get_json()

    assert benefits["eligible"] == []
    for benefit in benefits["nearly"] + benefits["not_eligible"]:
        assert "consent.activated" in [unmet["fact"] for unmet in benefit["unmet"]]


def test_a_code_lives_for_a_minute_and_says_nothing_about_whom(scored):
    answer = scored.post("/me/codes", {})

    code = answer.get_json()
    assert answer.status_code == 201
    assert code["qr_svg"].startswith("data:image/svg+xml")
    assert code["renew_at"] < code["expires_at"]
    assert str(scored.id) not in code["code"] or len(code["code"]) >= 26
    assert scored.post("/me/codes", {}).get_json()["code"] != code["code"]


def test_a_code_for_a_scheme_that_is_not_in_force_is_refused(scored):
    assert scored.post("/me/codes", {"scheme": "no_such_scheme"}).status_code == 404


def test_my_consents_name_recipient_purpose_and_data_in_words(scored, sharing):
    items = scored.get("/me/authorizations").get_json()["items"]

    by_kind = {item["kind"]: item for item in items}
    assert by_kind.keys() == {"activation", "sharing"}
    assert by_kind["sharing"]["recipient"] == "桂城银行"
    assert by_kind["sharing"]["purpose"] == "信易贷授信"
    assert by_kind["sharing"]["data"] == ["信用等级"]
    assert all(item["state"] == "given" and item["can_withdraw"] for item in items)


def test_withdrawing_one_consent_ends_it_at_once_and_leaves_the_rest(scored, sharing):
    answer = scored.delete(f"/me/authorizations/{sharing.id}")

    assert (answer.status_code, answer.get_json()["state"]) == (200, "withdrawn")
    assert answer.get_json()["can_withdraw"] is False
    assert answer.get_json()["ended_at"]
    assert scored.get("/me/score").status_code == 200
    again = scored.delete(f"/me/authorizations/{sharing.id}")
    assert (again.status_code, again.get_json()["code"]) == (409, "consent_not_in_state")


def test_withdrawing_the_activation_here_deletes_the_score_as_leaving_does(scored, sharing):
    activation = next(
        item for item in scored.get("/me/authorizations").get_json()["items"] if item["kind"] == "activation"
    )

    assert scored.delete(f"/me/authorizations/{activation['id']}").status_code == 200

    assert scored.get("/me/score").get_json()["code"] == "not_activated"
    assert scored.get("/me/score/history").get_json() == {"items": []}
    states = {item["state"] for item in scored.get("/me/authorizations").get_json()["items"]}
    assert states == {"withdrawn"}


def test_another_citizens_consent_looks_as_if_it_did_not_exist(sharing, make_citizen):
    stranger = make_citizen()

    for consent_id in (sharing.id, uuid4()):
        answer = stranger.delete(f"/me/authorizations/{consent_id}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "consent_not_found")


def test_who_looked_comes_newest_first_in_plain_words_and_page_by_page(scored, make_citizen):
    stranger = make_citizen()
    with scored.city.database.transaction() as session:
        for number in range(3):
            record_access(
                session,
                subject_id=scored.id,
                actor=Actor(kind="partner", id=str(uuid4()), name=f"桂城图书馆{number}"),
                action="benefit_checked",
                basis="本人当场出示凭码",
                purpose="信易阅：免押金借书",
                detail={"scheme": "reading", "told": "符合"},
                channel="partner_api",
                now=scored.city.clock(),
            )

    first = scored.get("/me/ledger", limit=2).get_json()
    second = scored.get("/me/ledger", limit=2, cursor=first["next_cursor"]).get_json()

    assert [entry["who"] for entry in first["items"]] == ["桂城图书馆2", "桂城图书馆1"]
    assert [entry["who"] for entry in second["items"]] == ["桂城图书馆0"]
    assert second["next_cursor"] is None
    entry = first["items"][0]
    assert entry["action_name"] == "核验信易+权益资格"
    assert entry["what"] == "告知结果：符合"
    assert (entry["who_kind"], entry["basis"], entry["purpose"]) == (
        "partner",
        "本人当场出示凭码",
        "信易阅：免押金借书",
    )
    assert stranger.get("/me/ledger").get_json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/me/activation", {"notice_version": "2026-11", "agreed": True}),
        ("delete", "/me/activation", None),
        ("post", "/me/codes", {}),
        ("post", "/me/objections", {"record_id": 1, "grounds": "理由充分"}),
        ("delete", f"/me/authorizations/{uuid4()}", None),
        ("post", f"/me/objections/{uuid4()}/withdrawal", None),
        ("post", f"/me/objections/{uuid4()}/statement", {"statement": "我的声明"}),
        ("delete", "/sign-in", None),
    ],
)
def test_every_request_that_acts_needs_an_idempotency_key(citizen, method, path, body):
    call = getattr(citizen, method)
    arguments = (path, body) if method == "post" else (path,)

    answer = call(*arguments, headers={"Idempotency-Key": ""})

    assert (answer.status_code, answer.get_json()["code"]) == (400, "idempotency_key_missing")
