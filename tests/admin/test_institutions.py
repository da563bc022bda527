"""What an institution may ask citizens for, where it is answered and with which keys: one officer proposes,
another decides; taking away needs nobody else and works at once."""

from __future__ import annotations

import json

import pytest

from backend.partners.keys import generate_private_jwk, public_part
from tests.miniprogram_api.partner.bank import CALLBACK, add_graded_person, open_bank, query_of
from tests.miniprogram_api.partner.conftest import new_counter

ADMIN = "/api/v1/admin"
ACCESS = f"{ADMIN}/partners/guicheng-bank/access"
GROUNDS = "桂城银行 2026-03-02 来函（桂银函〔2026〕7号）"
SCOPE = {
    "scope": "score:read",
    "purpose": "审批您申请的信易贷",
    "longest_days": 90,
    "frequency_most": 3,
    "frequency_days": 30,
    "grounds": GROUNDS,
}


@pytest.fixture
def bank(city):
    return open_bank(city)


@pytest.fixture
def proposer(city):
    return city.as_officer("score_officer")


@pytest.fixture
def reviewer(city):
    return city.as_officer("reviewer")


def proposal_in(answer):
    assert answer.status_code == 201, answer.json
    return answer.json["proposals"][0]


def decide(officer, proposal, decision="approved", reason="与来函一致"):
    return officer.post(
        f"{ADMIN}/access-proposals/{proposal['id']}/decision", json={"decision": decision, "reason": reason}
    )


def test_a_scope_can_be_asked_for_once_a_second_person_has_approved_it(city, bank, proposer, reviewer):
    proposal = proposal_in(proposer.post(f"{ACCESS}/scopes", json=SCOPE))
    assert (proposal["state"], proposal["own"], proposal["grounds"]) == ("proposed", True, GROUNDS)
    assert query_of(bank.send(scope="score:read")[0].headers["Location"])["error"] == "invalid_scope"
    told = reviewer.get(f"{ADMIN}/notifications").json["items"][0]
    assert told["title"] == "请复核：桂城银行"
    [waiting] = reviewer.get(f"{ADMIN}/access-proposals").json["items"]
    assert (waiting["what"], waiting["own"]) == ("可以请市民授权 score:read，最长 90 天", False)
    assert decide(reviewer, waiting).json["state"] == "approved"
    bank.handle_of(bank.send(scope="score:read")[0])
    terms = {one["scope"]: one for one in reviewer.get(ACCESS).json["scopes"]}["score:read"]
    assert (terms["frequency"], terms["longest_days"]) == ("每 30 天最多 3 次", 90)
    assert terms["approved_by"] == "张敏提出，张敏复核"
    assert reviewer.get(f"{ADMIN}/access-proposals").json["items"] == []


def test_nobody_reviews_what_they_proposed_themselves(city, bank):
    both = city.as_officer("score_officer", "reviewer")
    proposal = proposal_in(both.post(f"{ACCESS}/scopes", json=SCOPE))
    answer = decide(both, proposal)
    assert (answer.status_code, answer.json["code"]) == (422, "proposer_may_not_decide")
    assert both.get(ACCESS).json["proposals"][0]["state"] == "proposed"


def test_an_address_is_changed_by_a_reviewed_new_one_and_the_removal_of_the_old(city, bank, proposer, reviewer):
    with city.database.transaction() as session:
        person = add_graded_person(session, city)
    citizen = city.as_citizen(person.id)
    new = "https://bank.example/new-callback"
    proposal = proposal_in(proposer.post(f"{ACCESS}/redirect-uris", json={"uri": new, "grounds": GROUNDS}))
    assert bank.send(redirect_uri=new)[0].status_code == 422
    decide(reviewer, proposal)
    assert bank.send(redirect_uri=new)[0].status_code == 302
    on_screen = bank.handle_of(bank.send()[0])
    left = proposer.delete(f"{ACCESS}/redirect-uris", query_string={"uri": CALLBACK})
    assert left.json["redirect_uris"] == [new]
    assert bank.send()[0].status_code == 422
    # Whoever has the question on the screen is not sent there either.
    assert citizen.get(f"/api/v1/me/authorization-requests/{on_screen}").status_code == 404
    again = proposer.delete(f"{ACCESS}/redirect-uris", query_string={"uri": CALLBACK})
    assert again.json["code"] == "redirect_uri_unknown"


def test_an_institutions_key_needs_a_second_person_and_then_signs(city, bank, proposer, reviewer):
    private = generate_private_jwk()
    public = json.dumps(public_part(private))
    alone = proposer.post(f"{ADMIN}/partners/guicheng-bank/keys", json={"public_key": public})
    assert (alone.status_code, alone.json["code"]) == (409, "key_needs_second_person")
    proposal = proposal_in(proposer.post(f"{ACCESS}/keys", json={"public_key": public, "grounds": GROUNDS}))
    assert public_part(private)["kid"] in proposal["what"]
    decide(reviewer, proposal)
    old, bank.private = bank.private, private
    bank.__post_init__()
    assert bank.post_form("token_endpoint", grant_type="client_credentials").status_code == 200
    proposer.delete(f"{ADMIN}/partners/guicheng-bank/keys/{old['kid']}")
    assert bank.post_form("token_endpoint", grant_type="client_credentials").status_code == 200
    bank.private = old
    bank.__post_init__()
    assert bank.post_form("token_endpoint", grant_type="client_credentials").json()["error"] == "invalid_client"


def test_a_returned_proposal_changes_nothing_and_says_why(city, bank, proposer, reviewer):
    proposal = proposal_in(proposer.post(f"{ACCESS}/scopes", json=SCOPE))
    returned = decide(reviewer, proposal, "returned", "来函没有写明用途").json
    assert (returned["state"], returned["decision_reason"]) == ("returned", "来函没有写明用途")
    assert decide(reviewer, proposal).json["code"] == "access_proposal_decided"
    assert "score:read" not in {one["scope"] for one in reviewer.get(ACCESS).json["scopes"]}


def test_a_proposal_is_withdrawn_by_its_proposer_alone(city, bank, proposer, reviewer):
    proposal = proposal_in(proposer.post(f"{ACCESS}/scopes", json=SCOPE))
    path = f"{ADMIN}/access-proposals/{proposal['id']}/withdrawal"
    assert city.as_officer("score_officer").post(path).json["code"] == "only_proposer_withdraws"
    assert proposer.post(path).json["state"] == "withdrawn"
    assert decide(reviewer, proposal).json["code"] == "access_proposal_decided"


def test_ending_a_scope_works_at_once_and_ends_what_citizens_gave_for_it(city, bank, proposer):
    with city.database.transaction() as session:
        person = add_graded_person(session, city)
    bank.authorized(city.as_citizen(person.id))
    assert bank.read("/grade").status_code == 200
    left = proposer.delete(f"{ACCESS}/scopes/grade:read").json["scopes"]
    assert [one["scope"] for one in left] == ["report:read"]
    assert bank.read("/grade").json()["code"] == "consent_not_usable"
    assert bank.read("/report").status_code == 200
    assert proposer.delete(f"{ACCESS}/scopes/grade:read").json["code"] == "scope_unknown"


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("scopes", {**SCOPE, "longest_days": 367}, "term_required"),
        ("scopes", {**SCOPE, "frequency_days": None}, "validation_failed"),
        ("scopes", {**SCOPE, "scope": "benefit:check"}, "validation_failed"),
        ("scopes", {**SCOPE, "grounds": "无"}, "validation_failed"),
        (
            "redirect-uris",
            {"uri": "http://bank.example/callback", "grounds": GROUNDS},
            "redirect_uri_not_acceptable",
        ),
        ("keys", {"public_key": json.dumps(generate_private_jwk()), "grounds": GROUNDS}, "key_not_acceptable"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_could_not_be_carried_out_cannot_be_proposed(city, bank, proposer, path, body, code):
    answer = proposer.post(f"{ACCESS}/{path}", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, code)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_merchant_can_be_given_none_of_it(city, proposer):
    counter = new_counter(city)
    base = f"{ADMIN}/partners/{counter.code}/access"
    assert proposer.post(f"{base}/scopes", json=SCOPE).json["code"] == "only_institutions_ask"
    key = json.dumps(public_part(generate_private_jwk()))
    answer = proposer.post(f"{base}/keys", json={"public_key": key, "grounds": GROUNDS})
    assert answer.json["code"] == "only_institutions_ask"
