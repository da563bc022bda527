"""The authorization code flow, driven by an independent client (Authlib's) that read the metadata; and each way in
which the library's defaults, or an attacker, would get more than the citizen gave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from authlib.integrations.base_client.errors import OAuthError
from sqlalchemy import func, select

from backend.authorizations.clients import add_redirect_uri, approve_scope, end_scope
from backend.authorizations.errors import OnlyInstitutionsAsk, RedirectUriNotAcceptable, ScopeUnknown, TermRequired
from backend.authorizations.models import AuthorizationRequest, Consent, OAuthToken
from backend.authorizations.notices import SHARING_NOTICE
from backend.authorizations.tokens import hash_of, purge_expired
from backend.ledger.models import LedgerEntry
from backend.partners.service import find_partner, suspend_partner
from tests.factories import add_partner, add_person
from tests.miniprogram_api.partner.bank import BASE, CALLBACK, add_graded_person, open_bank, query_of
from tests.miniprogram_api.partner.conftest import sign_contract


@pytest.fixture
def bank(city):
    return open_bank(city)


@pytest.fixture
def person(city):
    with city.database.transaction() as session:
        return add_graded_person(session, city)


@pytest.fixture
def citizen(city, person):
    return city.as_citizen(person.id)


def test_a_bank_reads_exactly_what_the_citizen_gave_until_the_term_ends(bank, city, citizen):
    answer, verifier, state = bank.send()
    handle = bank.handle_of(answer)
    screen = citizen.get(f"/api/v1/me/authorization-requests/{handle}").json
    assert screen["institution"] == "桂城银行"
    assert [line["scope"] for line in screen["asked"]] == ["grade:read", "report:read"]
    assert screen["asked"][0]["purpose"] == "审批信用贷款"
    location = bank.back(citizen, handle, grade=30)
    token = bank.fetch(location, verifier, state)
    assert token["scope"] == "grade:read"
    assert token["expires_in"] == 600
    grade = bank.read("/grade")
    assert grade.status_code == 200
    assert grade.json()["grade_name"]
    refused = bank.read("/report")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    for _ in range(3):
        city.clock.advance(days=7)
        bank.client.refresh_token(bank.metadata["token_endpoint"])
        assert bank.read("/grade").status_code == 200
    city.clock.advance(days=9)
    with pytest.raises(OAuthError, match="invalid_grant"):
        bank.client.refresh_token(bank.metadata["token_endpoint"])


def test_each_scope_is_a_consent_of_its_own_and_a_refusal_is_remembered(bank, city, citizen, person):
    bank.authorized(citizen, grade=10)
    with city.database.reading() as session:
        consents = session.scalars(select(Consent).where(Consent.kind == "sharing")).all()
    assert {(tuple(one.scopes), one.state) for one in consents} == {
        (("grade:read",), "given"),
        (("report:read",), "refused"),
    }
    assert {one.notice_version for one in consents} == {SHARING_NOTICE.version}


def test_every_answer_is_in_the_citizens_ledger(bank, citizen):
    bank.authorized(citizen)
    bank.read("/grade")
    bank.read("/report")
    items = citizen.get("/api/v1/me/ledger").json["items"]
    assert [item["action"] for item in items] == ["report_read", "grade_read"]
    assert {item["who"] for item in items} == {"桂城银行"}
    assert {item["purpose"] for item in items} == {"审批信用贷款"}
    assert "信用等级" in items[1]["what"]


def test_withdrawing_ends_the_access_at_once_and_leaves_the_other_scope(bank, city, citizen):
    token = bank.authorized(citizen)
    given = {
        tuple(one["data"]): one["id"]
        for one in citizen.get("/api/v1/me/authorizations").json["items"]
        if one["kind"] == "sharing"
    }
    citizen.delete(f"/api/v1/me/authorizations/{given['信用等级',]}")
    refused = bank.read("/grade")
    assert (refused.status_code, refused.json()["code"]) == (403, "consent_not_usable")
    assert bank.read("/report").status_code == 200
    introspected = bank.client.introspect_token(bank.metadata["introspection_endpoint"], token["access_token"])
    assert introspected.json()["scope"] == "report:read"
    citizen.delete(f"/api/v1/me/authorizations/{given['信用报告',]}")
    assert bank.read("/report").status_code == 403
    for one in (token["access_token"], token["refresh_token"]):
        answer = bank.client.introspect_token(bank.metadata["introspection_endpoint"], one)
        assert answer.json() == {"active": False}
    with pytest.raises(OAuthError, match="invalid_grant"):
        bank.client.refresh_token(bank.metadata["token_endpoint"], token["refresh_token"])
    with city.database.reading() as session:
        reads = session.scalar(select(func.count()).select_from(LedgerEntry))
    assert reads == 1


def test_a_paused_consent_gives_nothing_and_the_bank_need_not_ask_again_when_it_is_resumed(bank, citizen):
    bank.authorized(citizen, grade=30)
    (consent,) = [
        one
        for one in citizen.get("/api/v1/me/authorizations").json["items"]
        if one["kind"] == "sharing" and one["state"] == "given"
    ]
    citizen.post(f"/api/v1/me/authorizations/{consent['id']}/pause")
    assert bank.read("/grade").status_code == 403
    bank.client.refresh_token(bank.metadata["token_endpoint"])
    assert bank.read("/grade").status_code == 403
    citizen.post(f"/api/v1/me/authorizations/{consent['id']}/resumption")
    assert bank.read("/grade").status_code == 200


def test_refusing_everything_sends_the_browser_back_with_access_denied(bank, citizen):
    answer, _, state = bank.send()
    told = query_of(bank.back(citizen, bank.handle_of(answer)))
    assert told == {"error": "access_denied", "state": state, "iss": BASE}


def test_the_answer_names_its_issuer_and_gives_the_state_back(bank, citizen):
    answer, _, state = bank.send()
    told = query_of(bank.back(citizen, bank.handle_of(answer), grade=5))
    assert (told["iss"], told["state"]) == (BASE, state)
    assert bank.metadata["authorization_response_iss_parameter_supported"] is True
    answer, _, _ = bank.send(scope="no:such")
    assert query_of(answer.headers["Location"])["iss"] == BASE


# What the authorization endpoint refuses


ALMOST_THE_CALLBACK = [
    CALLBACK + "/",
    CALLBACK + "?more=1",
    CALLBACK.upper(),
    CALLBACK + "/../other",
    "https://bank.example:443/callback",
    "https://evil.example/callback",
    None,
]


def test_a_redirect_address_must_be_exactly_a_registered_one(bank):
    for uri in ALMOST_THE_CALLBACK:
        answer, _, _ = bank.send(redirect_uri=uri)
        assert (answer.status_code, answer.json()["code"]) == (422, "authorization_request_invalid"), uri
        assert "Location" not in answer.headers


def test_nobody_is_sent_anywhere_for_a_client_that_is_no_institution(bank, city):
    with city.database.transaction() as session:
        add_partner(session, code="guicheng-pool", name="桂城泳池", kind="merchant")
    for client_id in ("nobody", "guicheng-pool", "", None):
        answer, _, _ = bank.send(client_id=client_id)
        assert answer.status_code == 422, client_id
        assert "Location" not in answer.headers


def test_a_suspended_institution_asks_nobody(bank, city, citizen):
    handle = bank.handle_of(bank.send()[0])
    with city.database.transaction() as session:
        suspend_partner(session, find_partner(session, bank.code), by="张敏", now=city.clock())
    assert bank.send()[0].status_code == 422
    assert citizen.get(f"/api/v1/me/authorization-requests/{handle}").status_code == 404


def test_an_institution_asks_nobody_after_the_last_day_of_its_contract(bank, city, person):
    sign_contract(city, bank.code, number="GC-1", days=0)
    # The clock shows 10:00 in the city.
    city.clock.advance(hours=13, minutes=59)
    handle, citizen = bank.handle_of(bank.send()[0]), city.as_citizen(person.id)
    assert citizen.get(f"/api/v1/me/authorization-requests/{handle}").status_code == 200
    city.clock.advance(minutes=1)
    assert bank.send()[0].status_code == 422
    assert citizen.get(f"/api/v1/me/authorization-requests/{handle}").status_code == 404


NO_PROPER_PKCE = [
    {"code_challenge": None, "code_challenge_method": None},
    {"code_challenge": None},
    {"code_challenge_method": None},
    {"code_challenge_method": "plain"},
    {"code_challenge_method": "s256"},
    {"code_challenge": "short"},
    {"code_challenge": "x" * 44},
    {"code_challenge": "!" * 43},
]


def test_pkce_by_s256_is_required_though_the_client_authenticates(bank):
    for changes in NO_PROPER_PKCE:
        answer, _, state = bank.send(**changes)
        told = query_of(answer.headers["Location"])
        assert answer.headers["Location"].startswith(CALLBACK + "?")
        assert (told["error"], told["state"]) == ("invalid_request", state), changes


def test_only_scopes_that_were_approved_for_the_partner_can_be_asked_for(bank):
    for scope in ("score:read", "grade:read score:read", "benefit:check", "no:such", None):
        answer, _, _ = bank.send(scope=scope)
        assert query_of(answer.headers["Location"])["error"] == "invalid_scope", scope


def test_no_token_is_given_at_the_authorization_endpoint(bank):
    for response_type in ("token", "id_token", "code token", None):
        answer, _, _ = bank.send(response_type=response_type)
        assert query_of(answer.headers["Location"])["error"] == "unsupported_response_type", response_type


def test_what_no_answer_could_repeat_is_refused_without_going_anywhere(bank):
    for response_type in ("кode", 'co"de', "co\nde"):
        answer, _, _ = bank.send(response_type=response_type)
        assert (answer.status_code, answer.json()["code"]) == (422, "authorization_request_invalid")
    answer, _, _ = bank.send(state='{"page": "申请"}')
    assert answer.status_code == 302


def test_a_parameter_given_twice_is_refused_without_going_anywhere(bank):
    answer = bank.as_nobody(
        "GET",
        f"{bank.metadata['authorization_endpoint']}?client_id={bank.code}&redirect_uri={CALLBACK}"
        "&redirect_uri=https://evil.example&response_type=code",
    )
    assert answer.status_code == 422


def test_an_overlong_state_is_refused(bank):
    answer, _, _ = bank.send(state="s" * 513)
    assert query_of(answer.headers["Location"])["error"] == "invalid_request"


# What the screen refuses


def decide(citizen, handle, agreed, notice=SHARING_NOTICE.version):
    return citizen.post(
        f"/api/v1/me/authorization-requests/{handle}/decision",
        json={"agreed": [{"scope": scope, "days": days} for scope, days in agreed], "notice_version": notice},
    )


def test_the_citizen_decides_once_and_within_ten_minutes(bank, city, citizen):
    first = bank.handle_of(bank.send()[0])
    assert decide(citizen, first, [("grade:read", 5)]).status_code == 200
    assert decide(citizen, first, [("grade:read", 5)]).json["code"] == "authorization_request_not_found"
    late = bank.handle_of(bank.send()[0])
    city.clock.advance(minutes=10)
    assert citizen.get(f"/api/v1/me/authorization-requests/{late}").status_code == 404
    assert decide(citizen, late, []).status_code == 404
    assert decide(citizen, "x" * 43, []).status_code == 404


def test_nobody_agrees_to_more_than_was_asked(bank, citizen):
    handle = bank.handle_of(bank.send()[0])
    for agreed, code in (
        ([("score:read", 5)], "scope_not_asked"),
        ([("grade:read", 181)], "term_required"),
        ([("grade:read", 5), ("grade:read", 6)], "validation_failed"),
    ):
        answer = decide(citizen, handle, agreed)
        assert (answer.status_code, answer.json["code"]) == (422, code)


def test_an_outdated_notice_is_read_again(bank, citizen):
    answer = decide(citizen, bank.handle_of(bank.send()[0]), [("grade:read", 5)], notice="2020-01")
    assert answer.json["code"] == "notice_outdated"


def test_who_has_no_score_cannot_share_one_and_may_still_share_records(bank, city):
    with city.database.transaction() as session:
        newcomer = add_person(session, city.keys)
    visitor = city.as_citizen(newcomer.id)
    handle = bank.handle_of(bank.send()[0])
    lines = visitor.get(f"/api/v1/me/authorization-requests/{handle}").json["asked"]
    assert {line["scope"]: line["needs_activation"] for line in lines} == {
        "grade:read": True,
        "report:read": False,
    }
    assert decide(visitor, handle, [("grade:read", 5)]).json["code"] == "scope_not_asked"
    assert decide(visitor, handle, [("report:read", 5)]).status_code == 200


def test_agreeing_again_replaces_the_earlier_consent_without_telling_the_bank_to_delete(bank, city, citizen):
    bank.authorized(citizen, grade=5)
    screen = citizen.get(f"/api/v1/me/authorization-requests/{bank.handle_of(bank.send()[0])}").json
    assert screen["asked"][0]["held_until"] is not None
    bank.authorized(citizen, grade=60)
    states = [
        one["state"]
        for one in citizen.get("/api/v1/me/authorizations").json["items"]
        if one["data"] == ["信用等级"]
    ]
    assert sorted(states) == ["given", "withdrawn"]
    token = bank.post_form("token_endpoint", grant_type="client_credentials").json()["access_token"]
    told = city.http.get("/api/v1/partner/notifications", headers={"Authorization": f"Bearer {token}"}).json
    assert "consent_ended" not in {one["kind"] for one in told["items"]}
    assert bank.read("/grade").status_code == 200


# What the token endpoint refuses


def code_of(bank, citizen, **days):
    answer, verifier, _ = bank.send()
    location = bank.back(citizen, bank.handle_of(answer), **(days or {"grade": 30}))
    return {
        "grant_type": "authorization_code",
        "code": query_of(location)["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": verifier,
    }


def test_a_code_is_redeemed_only_with_its_verifier_at_its_address(bank, city, citizen):
    form = code_of(bank, citizen)
    with city.database.reading() as session:
        challenge = session.scalars(select(AuthorizationRequest.code_challenge)).one()
    for changes, error in (
        ({"code_verifier": "v" * 48}, "invalid_grant"),
        ({"code_verifier": challenge}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"redirect_uri": "https://bank.example/other"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"code": "made-up"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
    ):
        given = {name: value for name, value in {**form, **changes}.items() if value is not None}
        answer = bank.post_form("token_endpoint", **given)
        assert (answer.status_code, answer.json()["error"]) == (400, error), changes


def test_a_code_lives_for_a_minute(bank, city, citizen):
    form = code_of(bank, citizen)
    city.clock.advance(seconds=60)
    assert bank.post_form("token_endpoint", **form).json()["error"] == "invalid_grant"


def test_another_institution_cannot_redeem_a_code_nor_spoil_it(bank, city, citizen):
    other = open_bank(city, code="other-bank")
    form = code_of(bank, citizen)
    assert other.post_form("token_endpoint", **form).json()["error"] == "invalid_grant"
    token = bank.post_form("token_endpoint", **form)
    assert token.status_code == 200
    # Nor can it have the rightful one's tokens revoked by showing the code once more.
    assert other.post_form("token_endpoint", **form).json()["error"] == "invalid_grant"
    bank.client.token = {**token.json(), "expires_at": None}
    assert bank.read("/grade").status_code == 200


def test_a_code_used_twice_ends_everything_that_came_of_it(bank, city, citizen):
    form = code_of(bank, citizen)
    token = bank.post_form("token_endpoint", **form).json()
    bank.client.token = {**token, "expires_at": None}
    assert bank.read("/grade").status_code == 200
    assert bank.post_form("token_endpoint", **form).json()["error"] == "invalid_grant"
    assert bank.read("/grade").status_code == 401
    again = bank.post_form("token_endpoint", grant_type="refresh_token", refresh_token=token["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


def test_of_two_uses_of_a_code_at_the_same_instant_at_most_one_gives_a_token_and_both_are_dead(
    bank, city, citizen
):
    form = code_of(bank, citizen)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: bank.post_form("token_endpoint", **form), range(4)))
    assert [answer.status_code for answer in answers].count(200) == 1
    with city.database.reading() as session:
        alive = session.scalar(select(func.count()).select_from(OAuthToken).where(OAuthToken.revoked_at.is_(None)))
    assert alive == 0


def test_a_refresh_token_used_twice_ends_everything_that_came_of_it(bank, citizen):
    first = bank.authorized(citizen)
    refresh = partial(bank.post_form, "token_endpoint", grant_type="refresh_token")
    second = refresh(refresh_token=first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    bank.client.token = {**second, "expires_at": None}
    assert bank.read("/grade").status_code == 200
    assert refresh(refresh_token=first["refresh_token"]).json()["error"] == "invalid_grant"
    assert bank.read("/grade").status_code == 401
    assert refresh(refresh_token=second["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_gives_no_more_than_was_granted_and_may_give_less(bank, citizen):
    token = bank.authorized(citizen)
    refresh = partial(bank.post_form, "token_endpoint", grant_type="refresh_token")
    wider = refresh(refresh_token=token["refresh_token"], scope="grade:read score:read")
    assert wider.json()["error"] == "invalid_scope"
    less = refresh(refresh_token=token["refresh_token"], scope="grade:read").json()
    assert less["scope"] == "grade:read"
    again = refresh(refresh_token=less["refresh_token"]).json()
    assert again["scope"] == "grade:read report:read"


def test_another_institution_cannot_use_a_refresh_token_nor_revoke_by_it(bank, city, citizen):
    other = open_bank(city, code="other-bank")
    token = bank.authorized(citizen)
    stolen = other.post_form("token_endpoint", grant_type="refresh_token", refresh_token=token["refresh_token"])
    assert stolen.json()["error"] == "invalid_grant"
    assert other.post_form("revocation_endpoint", token=token["refresh_token"]).status_code == 200
    asked = other.post_form("introspection_endpoint", token=token["access_token"])
    assert asked.json() == {"active": False}
    assert bank.client.refresh_token(bank.metadata["token_endpoint"])["access_token"]


def test_a_refresh_token_opens_no_door_by_itself(bank, citizen):
    token = bank.authorized(citizen)
    bank.client.token = {"access_token": token["refresh_token"], "token_type": "Bearer"}
    assert bank.read("/grade").status_code == 401


def test_client_credentials_give_no_citizens_data(bank, citizen):
    for scope in ("grade:read", "report:read", "score:read"):
        answer = bank.post_form("token_endpoint", grant_type="client_credentials", scope=scope)
        assert answer.json()["error"] == "invalid_scope"
    own = bank.post_form("token_endpoint", grant_type="client_credentials").json()
    assert "refresh_token" not in own
    bank.client.token = {**own, "expires_at": None}
    assert bank.read("/grade").json()["code"] == "scope_missing"


def test_no_endpoint_serves_a_client_that_does_not_sign(bank, citizen):
    token = bank.authorized(citizen)
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"], "token": token["access_token"]}
    for endpoint in ("token_endpoint", "revocation_endpoint", "introspection_endpoint"):
        for extra in ({}, {"client_secret": "secret"}):
            answer = bank.as_nobody(
                "POST", bank.metadata[endpoint], data={**form, "client_id": bank.code, **extra}
            )
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")
    assert bank.client.introspect_token(bank.metadata["introspection_endpoint"], token["access_token"]).json()[
        "active"
    ]


def test_revoking_an_access_token_ends_it_and_a_refresh_token_the_whole_family(bank, citizen):
    token = bank.authorized(citizen)
    bank.client.revoke_token(bank.metadata["revocation_endpoint"], token["access_token"])
    assert bank.read("/grade").status_code == 401
    newer = bank.client.refresh_token(bank.metadata["token_endpoint"], token["refresh_token"])
    assert bank.read("/grade").status_code == 200
    bank.client.revoke_token(
        bank.metadata["revocation_endpoint"], newer["refresh_token"], token_type_hint="refresh_token"
    )
    assert bank.read("/grade").status_code == 401
    unknown = bank.post_form("revocation_endpoint", token="never issued")
    assert unknown.status_code == 200


def test_introspection_tells_a_partner_about_its_own_token(bank, citizen):
    token = bank.authorized(citizen)
    told = bank.client.introspect_token(bank.metadata["introspection_endpoint"], token["access_token"]).json()
    assert told["active"] is True
    assert (told["client_id"], told["scope"]) == (bank.code, "grade:read report:read")
    assert told["exp"] - told["iat"] == 600
    assert "sub" not in told
    assert "username" not in told


def test_codes_handles_and_tokens_are_kept_by_their_hash_alone(bank, city, citizen):
    answer, verifier, state = bank.send()
    handle = bank.handle_of(answer)
    location = bank.back(citizen, handle, grade=5)
    token = bank.fetch(location, verifier, state)
    code = query_of(location)["code"]
    with city.database.reading() as session:
        request = session.scalars(select(AuthorizationRequest)).one()
        kept = {row.token_hash for row in session.scalars(select(OAuthToken))}
        stored = repr([vars(request), *[vars(row) for row in session.scalars(select(OAuthToken))]])
    assert (request.handle_hash, request.code_hash) == (hash_of(handle), hash_of(code))
    assert {hash_of(token["access_token"]), hash_of(token["refresh_token"])} <= kept
    assert not [
        secret for secret in (handle, code, *map(str, token.values())) if len(secret) > 30 and secret in stored
    ]


def test_requests_long_over_are_swept_away(bank, city, citizen):
    bank.authorized(citizen)
    city.clock.advance(days=8)
    with city.database.transaction() as session:
        purge_expired(session, now=city.clock())
        assert session.scalar(select(func.count()).select_from(AuthorizationRequest)) == 0


# What the office approves


def test_taking_an_approval_back_ends_what_citizens_gave_for_it(bank, city, citizen):
    bank.authorized(citizen)
    with city.database.transaction() as session:
        assert end_scope(session, find_partner(session, bank.code), scope="grade:read", now=city.clock()) == 1
    assert bank.read("/grade").json()["code"] == "consent_not_usable"
    assert bank.read("/report").status_code == 200
    answer, _, _ = bank.send(scope="grade:read")
    assert query_of(answer.headers["Location"])["error"] == "invalid_scope"


def test_an_agreed_frequency_is_held(bank, city, citizen):
    bank.authorized(citizen)
    for _ in range(5):
        assert bank.read("/grade").status_code == 200
    refused = bank.read("/grade")
    assert (refused.status_code, refused.json()["code"]) == (403, "consent_not_usable")
    assert bank.read("/report").status_code == 200


@pytest.mark.parametrize(
    "uri",
    [
        "http://bank.example/callback",
        "https://bank.example/#part",
        "https://user@bank.example/",
        "javascript:alert(1)",
        "https:///callback",
        "bank.example/callback",
        "https://bank.example/ callback",
        "https://[bank/",
    ],
)
def test_only_whole_https_addresses_are_registered(session, now, uri):
    bank = add_partner(session, code="a-bank", name="桂城银行", kind="institution")
    with pytest.raises(RedirectUriNotAcceptable):
        add_redirect_uri(session, bank, uri, now=now)


def test_this_machine_may_be_reached_without_https(session, now):
    bank = add_partner(session, code="a-bank", name="桂城银行", kind="institution")
    add_redirect_uri(session, bank, "http://127.0.0.1:9000/callback", now=now)


def test_only_institutions_ask_and_only_for_what_there_is_within_the_longest_term(session, now):
    pool = add_partner(session, code="a-pool", name="桂城泳池", kind="merchant")
    bank = add_partner(session, code="a-bank", name="桂城银行", kind="institution")
    terms = {"purpose": "审批贷款", "longest_days": 30, "approved_by": "信用办", "now": now}
    with pytest.raises(OnlyInstitutionsAsk):
        approve_scope(session, pool, scope="grade:read", **terms)
    with pytest.raises(OnlyInstitutionsAsk):
        add_redirect_uri(session, pool, CALLBACK, now=now)
    with pytest.raises(ScopeUnknown):
        approve_scope(session, bank, scope="no:such", **terms)
    with pytest.raises(TermRequired):
        approve_scope(session, bank, scope="grade:read", **{**terms, "longest_days": 400})
