"""The traps of an OAuth 2.0 server (RFC 9700, RFC 6819, and the defaults of the library used), each with the test
that closes it; those that had none elsewhere are closed here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from backend.authorizations.assertions import ASSERTION_TYPE
from backend.partners.keys import generate_private_jwk, public_part
from tests.miniprogram_api.partner.bank import BASE, CALLBACK, add_graded_person, open_bank, query_of

TESTS = Path(__file__).parents[2]
on_one_database = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

CODE = "miniprogram_api/partner/test_authorization_code.py"
TOKEN = "backend/authorizations/test_token_endpoint.py"
HTTP = "miniprogram_api/partner/test_token_over_http.py"
HERE = "miniprogram_api/partner/test_oauth_traps.py"

CLOSED_BY = {
    # The authorization endpoint
    "redirect address compared loosely": (CODE, "test_a_redirect_address_must_be_exactly_a_registered_one"),
    "redirect address that is no https address": (CODE, "test_only_whole_https_addresses_are_registered"),
    "redirect address removed while on the screen": (
        "admin/test_institutions.py",
        "test_an_address_is_changed_by_a_reviewed_new_one_and_the_removal_of_the_old",
    ),
    "open redirect at an error": (CODE, "test_nobody_is_sent_anywhere_for_a_client_that_is_no_institution"),
    "open redirect by the message of an error": (
        CODE,
        "test_what_no_answer_could_repeat_is_refused_without_going_anywhere",
    ),
    "a parameter given twice": (CODE, "test_a_parameter_given_twice_is_refused_without_going_anywhere"),
    "PKCE optional, or by plain": (CODE, "test_pkce_by_s256_is_required_though_the_client_authenticates"),
    "tokens in the answer of the browser": (CODE, "test_no_token_is_given_at_the_authorization_endpoint"),
    "another server's answer mixed up with ours": (
        CODE,
        "test_the_answer_names_its_issuer_and_gives_the_state_back",
    ),
    "state lost, so that answers can be forged": (
        CODE,
        "test_the_answer_names_its_issuer_and_gives_the_state_back",
    ),
    "scopes that nobody approved": (CODE, "test_only_scopes_that_were_approved_for_the_partner_can_be_asked_for"),
    "more agreed to than was asked": (CODE, "test_nobody_agrees_to_more_than_was_asked"),
    "a decision made twice": (CODE, "test_the_citizen_decides_once_and_within_ten_minutes"),
    "an enterprise answered for by a stranger": (
        "miniprogram_api/partner/test_for_an_enterprise.py",
        "test_somebody_who_does_not_represent_it_can_only_go_back",
    ),
    "clickjacking": (HERE, "test_the_consent_screen_cannot_be_framed_and_sends_no_referrer"),
    "other origins reading the answer": (HERE, "test_no_other_origin_may_read_an_oauth_endpoint"),
    "a redirect that repeats the post": (HERE, "test_the_browser_is_sent_on_by_get_and_nothing_is_kept"),
    "the answer decided without signing in": (HERE, "test_the_screen_is_decided_only_by_who_is_signed_in"),
    # Codes
    "a code without its verifier or address": (
        CODE,
        "test_a_code_is_redeemed_only_with_its_verifier_at_its_address",
    ),
    "a code that lives on": (CODE, "test_a_code_lives_for_a_minute"),
    "a stolen code used by another client": (CODE, "test_another_institution_cannot_redeem_a_code_nor_spoil_it"),
    "a replayed code that leaves its tokens alive": (
        CODE,
        "test_a_code_used_twice_ends_everything_that_came_of_it",
    ),
    "two uses of a code at the same instant": (
        CODE,
        "test_of_two_uses_of_a_code_at_the_same_instant_at_most_one_gives_a_token_and_both_are_dead",
    ),
    # Tokens
    "a refresh token used again": (CODE, "test_a_refresh_token_used_twice_ends_everything_that_came_of_it"),
    "more scopes by refreshing": (CODE, "test_a_refresh_token_gives_no_more_than_was_granted_and_may_give_less"),
    "a refresh token of another client": (
        CODE,
        "test_another_institution_cannot_use_a_refresh_token_nor_revoke_by_it",
    ),
    "a refresh token used as an access token": (CODE, "test_a_refresh_token_opens_no_door_by_itself"),
    "scopes of a citizen by client credentials": (CODE, "test_client_credentials_give_no_citizens_data"),
    "a token that outlives its consent": (TOKEN, "test_ending_or_pausing_a_consent_stops_its_tokens_at_once"),
    "tokens that live for days": (TOKEN, "test_a_token_ends_after_ten_minutes"),
    "tokens and codes in plain text": (CODE, "test_codes_handles_and_tokens_are_kept_by_their_hash_alone"),
    # Nothing secret is ever compared letter by letter: all are found by their SHA-256.
    "secrets told by timing": (CODE, "test_codes_handles_and_tokens_are_kept_by_their_hash_alone"),
    "a token in an address or a form": (HERE, "test_a_token_counts_in_its_header_alone"),
    "a token of another kind": (HERE, "test_a_token_of_one_audience_opens_nothing_of_another"),
    "revocation that leaves the family alive": (
        CODE,
        "test_revoking_an_access_token_ends_it_and_a_refresh_token_the_whole_family",
    ),
    "introspection of others' tokens": (CODE, "test_introspection_tells_a_partner_about_its_own_token"),
    # Clients
    "other ways to authenticate": (TOKEN, "test_private_key_jwt_is_the_only_way_to_authenticate"),
    "other ways at revocation and introspection": (CODE, "test_no_endpoint_serves_a_client_that_does_not_sign"),
    "a client secret": (HTTP, "test_a_client_secret_is_no_way_in"),
    "alg none and other algorithms": (TOKEN, "test_no_other_algorithm_is_accepted"),
    "the public key taken for a shared secret": (TOKEN, "test_the_public_key_is_not_a_shared_secret"),
    "a key that the assertion brings along": (HERE, "test_an_assertion_is_not_verified_by_what_it_says_itself"),
    "one key named, another used": (
        TOKEN,
        "test_an_assertion_that_names_one_key_and_is_signed_with_another_is_refused",
    ),
    "an assertion for another server": (TOKEN, "test_an_assertion_with_a_wrong_claim_is_refused"),
    "audience taken from the request": (
        HTTP,
        "test_the_audience_is_this_servers_address_whatever_the_request_says",
    ),
    "an assertion used again": (TOKEN, "test_an_assertion_is_accepted_once"),
    "an assertion that lives on": (TOKEN, "test_an_assertion_lives_at_most_five_minutes"),
    "telling which clients there are": (TOKEN, "test_unknown_suspended_and_wrongly_signed_look_alike"),
    "grants that nobody needs": (TOKEN, "test_grants_that_nobody_needs_are_unknown"),
    "plain http": (TOKEN, "test_over_plain_http_no_token_leaves_the_machine"),
    "parameters in the address": (HTTP, "test_parameters_count_only_in_the_body"),
}


def test_every_trap_is_closed_by_a_test_that_is_there():
    for trap, (file, name) in CLOSED_BY.items():
        source = (TESTS / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {name}\(", source, re.MULTILINE), trap


@pytest.fixture
def bank(city):
    return open_bank(city)


@pytest.fixture
def citizen(city):
    with city.database.transaction() as session:
        person = add_graded_person(session, city)
    return city.as_citizen(person.id)


@on_one_database
def test_the_consent_screen_cannot_be_framed_and_sends_no_referrer(bank, citizen):
    """Neither the page nor what it asks for, nor the redirect to it: the handle and the code are in addresses."""
    sent, _, _ = bank.send()
    handle = bank.handle_of(sent)
    page = bank.as_nobody("GET", sent.headers["Location"].split("#")[0])
    for headers in (
        sent.headers,
        page.headers,
        citizen.get(f"/api/v1/me/authorization-requests/{handle}").headers,
    ):
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert (headers["X-Frame-Options"], headers["Referrer-Policy"]) == ("DENY", "no-referrer")


@on_one_database
def test_no_other_origin_may_read_an_oauth_endpoint(bank):
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = bank.as_nobody(method, bank.metadata[name], headers={"Origin": "https://evil.example"})
            assert not [header for header in answer.headers if header.startswith("access-control-")], (
                name,
                method,
            )


@on_one_database
def test_the_browser_is_sent_on_by_get_and_nothing_is_kept(bank, citizen):
    answer, verifier, _ = bank.send()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "no-store")
    location = bank.back(citizen, bank.handle_of(answer), grade=5)
    assert location.startswith(f"{CALLBACK}?code=")
    form = {
        "grant_type": "authorization_code",
        "code": query_of(location)["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": verifier,
    }
    token = bank.post_form("token_endpoint", **form)
    assert (token.status_code, token.headers["Cache-Control"]) == (200, "no-store")


@on_one_database
def test_the_screen_is_decided_only_by_who_is_signed_in(bank, citizen, city):
    """Somebody else's page can only send the browser, which has no cookie of ours: only the header counts."""
    handle = bank.handle_of(bank.send()[0])
    path = f"/api/v1/me/authorization-requests/{handle}"
    for request in (
        bank.as_nobody("GET", path),
        bank.as_nobody("POST", f"{path}/decision", data={"agreed": "grade:read"}),
    ):
        assert (request.status_code, request.json()["code"]) == (401, "not_signed_in")
    assert citizen.get(path).status_code == 200
    assert "Set-Cookie" not in citizen.get(path).headers


@on_one_database
def test_a_token_counts_in_its_header_alone(bank, citizen):
    token = bank.authorized(citizen)["access_token"]
    for request in (
        bank.as_nobody("GET", "/api/v1/institution/grade", params={"access_token": token}),
        bank.as_nobody("GET", "/api/v1/institution/grade", headers={"Cookie": f"access_token={token}"}),
        bank.as_nobody("GET", "/api/v1/institution/grade", headers={"Authorization": f"Basic {token}"}),
    ):
        assert request.status_code == 401
        assert request.headers["WWW-Authenticate"].startswith("Bearer")
    assert bank.read("/grade").status_code == 200


@on_one_database
def test_a_token_of_one_audience_opens_nothing_of_another(bank, citizen, city):
    token = bank.authorized(citizen)["access_token"]
    for path in ("/api/v1/me", "/api/v1/me/ledger", "/api/v1/admin/overview", "/api/v1/counter/me"):
        answer = city.http.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, path
    for path in ("/api/v1/institution/grade", "/api/v1/partner/schemes", "/api/v1/department"):
        for other in (citizen, city.as_officer("score_officer")):
            assert other.get(path).status_code == 401, path


@on_one_database
def test_an_assertion_is_not_verified_by_what_it_says_itself(bank, city):
    """Not by a key in its header, nor by one that its header points to, nor with a rule that is not understood."""
    mine = generate_private_jwk()
    moment = int(city.clock().timestamp())
    claims = {"iss": bank.code, "sub": bank.code, "aud": f"{BASE}/oauth/token", "exp": moment + 60}
    real = ECKey.import_key(bank.private)
    tries = (
        (ECKey.import_key(mine), {"jwk": public_part(mine)}),
        (ECKey.import_key(mine), {"jku": "https://evil.example/keys.json", "kid": mine["kid"]}),
        (ECKey.import_key(mine), {"kid": bank.private["kid"]}),
        (real, {"crit": ["b64"], "b64": False}),
    )
    for place, (key, header) in enumerate(tries):
        signed = jwt.encode({"alg": "ES256", **header}, {**claims, "jti": f"a-{place}"}, key)
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed,
        }
        answer = city.http.post("/oauth/token", data=form)
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_client"), header
