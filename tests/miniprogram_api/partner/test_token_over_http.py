from __future__ import annotations

import base64

import pytest

from backend.authorizations.assertions import ASSERTION_TYPE, sign_assertion
from backend.partners.keys import generate_private_jwk
from tests.miniprogram_api.partner.conftest import TOKEN_URL


def test_a_partner_trades_an_assertion_for_a_token(counter):
    answer = counter.ask_token()
    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert counter.get("/schemes", token=answer.json["access_token"]).status_code == 200


def test_a_refusal_is_written_as_oauth_clients_expect_it(counter, city):
    stranger = sign_assertion(generate_private_jwk(), client_id=counter.code, audience=TOKEN_URL, now=city.clock())
    answer = counter.ask_token(client_assertion=stranger)
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_client"
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_assertion_stays_used_even_when_the_request_was_refused_for_its_scope(counter, city):
    signed = sign_assertion(counter.private, client_id=counter.code, audience=TOKEN_URL, now=city.clock())
    assert counter.ask_token(client_assertion=signed, scope="report:read").json["error"] == "invalid_scope"
    assert counter.ask_token(client_assertion=signed).json["error"] == "invalid_client"


def test_the_audience_is_this_servers_address_whatever_the_request_says(counter, city):
    signed = sign_assertion(
        counter.private, client_id=counter.code, audience="https://evil.example/oauth/token", now=city.clock()
    )
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed,
    }
    answer = city.http.post("/oauth/token", data=form, headers={"Host": "evil.example"})
    assert answer.json["error"] == "invalid_client"


def test_a_client_secret_is_no_way_in(counter, city):
    basic = base64.b64encode(f"{counter.code}:secret".encode()).decode()
    answer = city.http.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
    )
    assert answer.json["error"] == "invalid_client"


@pytest.mark.parametrize("path", ["?grant_type=client_credentials", ""])
def test_parameters_count_only_in_the_body(counter, city, path):
    answer = city.http.post(f"/oauth/token{path}", json={"grant_type": "client_credentials"})
    assert answer.json["error"] == "unsupported_grant_type"


def test_a_token_is_asked_for_by_post_only(city):
    assert city.http.get("/oauth/token").status_code == 405


def test_a_token_ends_after_ten_minutes(counter, city):
    token = counter.token()
    city.clock.advance(minutes=9, seconds=59)
    assert counter.get("/schemes", token=token).status_code == 200
    city.clock.advance(seconds=1)
    answer = counter.get("/schemes", token=token)
    assert (answer.status_code, answer.json["code"]) == (401, "token_not_valid")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_metadata_says_where_and_how_to_ask_for_a_token(city):
    metadata = city.http.get("/.well-known/oauth-authorization-server").json
    assert (metadata["issuer"], metadata["token_endpoint"]) == ("https://credit.example", TOKEN_URL)
    assert metadata["grant_types_supported"] == ["client_credentials", "authorization_code", "refresh_token"]
    assert metadata["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert metadata["token_endpoint_auth_signing_alg_values_supported"] == ["ES256"]


def test_the_issuer_of_the_metadata_is_a_good_audience(counter, city):
    issuer = city.http.get("/.well-known/oauth-authorization-server").json["issuer"]
    signed = sign_assertion(counter.private, client_id=counter.code, audience=issuer, now=city.clock())
    assert counter.ask_token(client_assertion=signed).status_code == 200
