"""What a partner does for itself over the API: keys, webhooks, usage."""

from __future__ import annotations

import json

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from backend.partners.keys import generate_private_jwk, public_part
from backend.partners.service import find_partner, set_quota
from backend.webhooks.sending import Outcome, send_due

HOOK = {"url": "https://shop.example/hook", "kinds": ["redemption.created", "redemption.cancelled"]}


def rotation(counter, new, *, signer=None, sub=None, kid=None, minutes=4):
    signer = signer or counter.private
    claims = {
        "sub": sub or counter.code,
        "new_kid": kid or new["kid"],
        "exp": int(counter.city.clock().timestamp()) + minutes * 60,
    }
    proof = jwt.encode({"alg": "ES256", "kid": signer["kid"]}, claims, ECKey.import_key(signer))
    return {"public_key": json.dumps(public_part(new)), "proof": proof}


def test_a_partner_rotates_its_key_without_a_gap(counter):
    old, new = counter.private, generate_private_jwk()
    assert counter.post("/keys", rotation(counter, new)).status_code == 201
    counter.private = new
    token = counter.token()
    gone = counter.city.http.delete(f"/api/v1/partner/keys/{old['kid']}", headers=counter.headers(token))
    assert gone.status_code == 204
    assert counter.get("/keys", token=token).status_code == 401
    assert {(key["kid"], key["state"]) for key in counter.get("/keys").json["items"]} == {
        (old["kid"], "revoked"),
        (new["kid"], "active"),
    }
    counter.private = old
    assert counter.ask_token().json["error"] == "invalid_client"


@pytest.mark.parametrize("wrong", ["signer", "sub", "kid", "late", "long", "garbage"])
def test_a_token_alone_registers_no_key(counter, wrong):
    new = generate_private_jwk()
    body = {
        "signer": lambda: rotation(counter, new, signer=new),
        "sub": lambda: rotation(counter, new, sub="somebody-else"),
        "kid": lambda: rotation(counter, new, kid="another"),
        "late": lambda: rotation(counter, new, minutes=-1),
        "long": lambda: rotation(counter, new, minutes=6),
        "garbage": lambda: {**rotation(counter, new), "proof": "a.b.c"},
    }[wrong]()
    answer = counter.post("/keys", body)
    assert (answer.status_code, answer.json["code"]) == (422, "key_not_proven")


def test_the_last_key_stays_and_there_are_at_most_three(counter):
    path = f"/api/v1/partner/keys/{counter.private['kid']}"
    answer = counter.city.http.delete(path, headers=counter.headers())
    assert (answer.status_code, answer.json["code"]) == (409, "last_key")
    answers = [counter.post("/keys", rotation(counter, generate_private_jwk())) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 409]
    assert answers[-1].json["code"] == "too_many_keys"


def redeem(counter):
    check_id = counter.check(counter.customer()).json["check_id"]
    return counter.post("/redemptions", {"check_id": check_id}).json["redemption_id"]


def test_what_happens_at_the_counter_is_sent_on_and_says_nothing_about_the_customer(counter, city):
    assert counter.post("/webhooks", HOOK).json["secret"].startswith("whsec_")
    redemption_id = redeem(counter)
    counter.post(f"/redemptions/{redemption_id}/cancellation")
    came = []

    def receive(attempt, at):
        came.append(json.loads(attempt.body))
        return Outcome(200, None)

    assert send_due(city.database, city.keys, post=receive, now=city.clock()) == 2
    assert {one["type"] for one in came} == {"redemption.created", "redemption.cancelled"}
    for one in came:
        assert set(one["data"]) == {"redemption_id", "check_id", "scheme", "amount_cents", "settled_cents"}
        assert one["data"]["redemption_id"] == redemption_id
    seen = counter.get("/webhooks/deliveries").json["items"]
    assert [one["state"] for one in seen] == ["delivered", "delivered"]


def test_a_delivery_can_be_seen_and_resent(counter, city):
    webhook = counter.post("/webhooks", HOOK).json
    sent = counter.post(f"/webhooks/{webhook['id']}/test").json
    send_due(city.database, city.keys, post=lambda *_: Outcome(500, "HTTP 500"), now=city.clock())
    [seen] = counter.get("/webhooks/deliveries?state=waiting").json["items"]
    assert (seen["attempts"], seen["last_status"], seen["event_id"]) == (1, 500, sent["event_id"])
    assert counter.post(f"/webhooks/deliveries/{sent['id']}/resending").json["attempts"] == 0
    assert send_due(city.database, city.keys, post=lambda *_: Outcome(200, None), now=city.clock()) == 1


def test_webhooks_are_refused_rotated_and_removed(counter):
    answer = counter.post("/webhooks", {**HOOK, "url": "http://127.0.0.1/hook"})
    assert (answer.status_code, answer.json["code"]) == (422, "webhook_address_not_allowed")
    answer = counter.post("/webhooks", {**HOOK, "kinds": ["webhook.test"]})
    assert answer.json["code"] == "validation_failed"
    webhook = counter.post("/webhooks", HOOK).json
    assert counter.post(f"/webhooks/{webhook['id']}/secret").json["secret"] != webhook["secret"]
    assert "secret" not in counter.get("/webhooks").json["items"][0]
    path = f"/api/v1/partner/webhooks/{webhook['id']}"
    assert counter.city.http.delete(path, headers=counter.headers()).status_code == 204
    assert counter.get("/webhooks").json["items"] == []


def test_usage_adds_up_to_what_was_done(counter):
    kept, taken_back = redeem(counter), redeem(counter)
    counter.post(f"/redemptions/{taken_back}/cancellation")
    counter.check(counter.customer(total=100_00))
    usage = counter.get("/usage?first=2026-03-01&last=2026-03-03").json
    assert kept != taken_back
    assert usage["items"] == [
        {
            "day": "2026-03-03", "scheme_code": "pool_ticket", "store": "接口",
            "checks": 3, "eligible": 2, "redemptions": 2, "cancellations": 1,
        }
    ]  # fmt: skip
    assert counter.get("/usage?first=2026-03-04&last=2026-03-01").json["code"] == "period_invalid"
    assert counter.get("/usage?first=2026-03-02&last=2026-03-02").json["items"] == []


def test_a_partners_own_quota_counts(counter, city):
    with city.database.transaction() as session:
        set_quota(find_partner(session, counter.code), checks_per_minute=2)
    answers = [counter.check(counter.customer()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert counter.get("/usage?first=2026-03-03&last=2026-03-03").json["checks_per_minute"] == 2


@pytest.mark.parametrize(
    "path", ["/keys", "/webhooks", "/webhooks/deliveries", "/usage?first=2026-03-03&last=2026-03-03"]
)
def test_each_needs_its_own_scope(counter, path):
    answer = counter.get(path, token=counter.token(scope="benefit:check"))
    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")
