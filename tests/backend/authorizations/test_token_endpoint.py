from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from itertools import count
from types import SimpleNamespace

import pytest
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from sqlalchemy import func, select

from backend.authorizations.assertions import ASSERTION_TYPE, sign_assertion
from backend.authorizations.errors import ConsentNotUsable, ScopeMissing, TokenNotValid
from backend.authorizations.models import OAuthToken, UsedAssertion
from backend.authorizations.service import pause_consent, resume_consent, withdraw_consent
from backend.authorizations.token_endpoint import answer_token_request
from backend.authorizations.tokens import (
    PARTNER_SCOPES,
    authenticate_partner,
    purge_expired,
    revoke_tokens_of_partner,
)
from backend.partners.keys import generate_private_jwk, public_part, read_public_key
from backend.partners.service import (
    add_key,
    find_partner,
    keys_of,
    register_partner,
    reinstate_partner,
    revoke_key,
    suspend_partner,
)
from tests.factories import add_person, share_grade, token_on

ISSUER = "https://credit.example"
TOKEN_URL = f"{ISSUER}/oauth/token"
LIBRARY = "guicheng-library"
PRIVATE = generate_private_jwk()


@pytest.fixture
def partner(session, now):
    return add_partner(session, now)


def add_partner(session, now, *, code=LIBRARY, kind="merchant", private=PRIVATE):
    public = read_public_key(json.dumps(public_part(private)))
    return register_partner(session, code=code, name="桂城图书馆", kind=kind, public_jwk=public, now=now)


def assertion(now, *, key=PRIVATE, alg="ES256", header=None, **changes):
    """A good assertion, with single claims changed or (None) left out."""
    moment = int(now.timestamp())
    claims = {
        "iss": LIBRARY,
        "sub": LIBRARY,
        "aud": TOKEN_URL,
        "iat": moment,
        "exp": moment + 60,
        "jti": "a-1",
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    imported = ECKey.import_key(key) if isinstance(key, dict) else key
    return jwt.encode({"alg": alg, **(header or {})}, claims, imported, algorithms=[alg])


def ask(session, now, signed, *, scope=None, **changes):
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed,
        "scope": scope,
        **changes,
    }
    return answer_token_request(
        session,
        form=[(name, value) for name, value in form.items() if value is not None],
        token_url=TOKEN_URL,
        issuer=ISSUER,
        now=now,
    )


def check_refused(answer, error="invalid_client"):
    assert answer.status == 400
    assert answer.body["error"] == error
    assert "access_token" not in answer.body


def token_of(session, now, **changes):
    answer = ask(session, now, assertion(now, **changes))
    assert answer.status == 200, answer.body
    return answer.body["access_token"]


def test_a_partner_that_signs_with_its_key_gets_a_token_for_ten_minutes(session, now, partner):
    answer = ask(session, now, assertion(now))
    assert answer.status == 200
    assert answer.body["token_type"] == "Bearer"
    assert answer.body["expires_in"] == 600
    assert answer.body["scope"] == " ".join(sorted(PARTNER_SCOPES))
    assert "refresh_token" not in answer.body
    assert ("Cache-Control", "no-store") in answer.headers
    identity = authenticate_partner(session, answer.body["access_token"], now)
    assert (identity.partner_id, identity.code, identity.name) == (partner.id, LIBRARY, "桂城图书馆")


def test_an_independent_client_library_is_understood(session, now, partner):
    key = ECKey.import_key(PRIVATE)
    signed = PrivateKeyJWT(TOKEN_URL, alg="ES256").sign(
        SimpleNamespace(client_id=LIBRARY, client_secret=key), TOKEN_URL
    )
    claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
    signed_at = now.fromtimestamp(claims["iat"], now.tzinfo)
    # That library lets an assertion live for an hour; here five minutes is the most.
    check_refused(ask(session, signed_at, signed))
    shorter = PrivateKeyJWT(TOKEN_URL, alg="ES256", claims={"exp": claims["iat"] + 300}).sign(
        SimpleNamespace(client_id=LIBRARY, client_secret=key), TOKEN_URL
    )
    assert ask(session, signed_at, shorter).status == 200


def test_our_own_signer_is_understood_for_either_audience(session, now, partner):
    for audience in (TOKEN_URL, ISSUER):
        signed = sign_assertion(PRIVATE, client_id=LIBRARY, audience=audience, now=now)
        assert ask(session, now, signed).status == 200


def test_only_the_hash_of_a_token_is_kept(session, now, partner):
    token = token_of(session, now)
    row = session.scalars(select(OAuthToken)).one()
    assert row.token_hash == sha256(token.encode()).digest()
    stored = json.dumps([str(value) for value in vars(row).values()])
    assert token not in stored


def test_an_assertion_is_accepted_once(session, now, partner):
    signed = assertion(now)
    assert ask(session, now, signed).status == 200
    check_refused(ask(session, now, signed))
    check_refused(ask(session, now + timedelta(seconds=85), signed))


def test_a_used_assertion_is_remembered_for_as_long_as_it_could_be_accepted(session, now, partner):
    signed = assertion(now, exp=int(now.timestamp()) + 300)
    assert ask(session, now, signed).status == 200
    later = now + timedelta(seconds=325)
    purge_expired(session, now=later)
    check_refused(ask(session, later, signed))


def test_another_partner_may_use_the_same_jti(session, now, partner):
    other = generate_private_jwk()
    add_partner(session, now, code="guihu-park", private=other)
    assert ask(session, now, assertion(now)).status == 200
    assert ask(session, now, assertion(now, key=other, iss="guihu-park", sub="guihu-park")).status == 200


def test_of_many_uses_of_one_assertion_at_once_exactly_one_gets_a_token(postgresql_database, now):
    with postgresql_database.transaction() as session:
        add_partner(session, now)
    signed = assertion(now)

    def use(_):
        with postgresql_database.transaction() as session:
            return ask(session, now, signed).status

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(use, range(24))) == [200] + [400] * 23
    with postgresql_database.reading() as session:
        assert session.scalar(select(func.count()).select_from(OAuthToken)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example/oauth/token"},
        {"aud": TOKEN_URL + "/"},
        {"aud": [TOKEN_URL, "https://elsewhere.example"]},
        {"aud": [TOKEN_URL, ISSUER]},
        {"aud": None},
        {"aud": 7},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": 10**400},
        {"iss": None},
        {"iss": "guihu-park"},
        {"sub": None},
        {"sub": 7},
        {"sub": ["guicheng-library"]},
        {"sub": "nobody"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "j" * 257},
    ],
    ids=str,
)
def test_an_assertion_with_a_wrong_claim_is_refused(session, now, partner, changes):
    check_refused(ask(session, now, assertion(now, **changes)))
    assert session.scalar(select(func.count()).select_from(UsedAssertion)) == 0


@pytest.mark.parametrize("seconds", [-31, 331, 3600])
def test_an_assertion_lives_at_most_five_minutes(session, now, partner, seconds):
    check_refused(ask(session, now, assertion(now, exp=int(now.timestamp()) + seconds)))


def test_clocks_may_differ_by_half_a_minute(session, now, partner):
    assert ask(session, now, assertion(now, exp=int(now.timestamp()) - 29)).status == 200
    assert ask(session, now, assertion(now, iat=int(now.timestamp()) + 29, jti="a-2")).status == 200
    check_refused(ask(session, now, assertion(now, iat=int(now.timestamp()) + 31, jti="a-3")))
    check_refused(ask(session, now, assertion(now, nbf=int(now.timestamp()) + 31, jti="a-4")))


def test_a_key_that_is_not_registered_is_refused(session, now, partner):
    check_refused(ask(session, now, assertion(now, key=generate_private_jwk())))


def test_the_public_key_is_not_a_shared_secret(session, now, partner):
    public_text = json.dumps(public_part(PRIVATE))
    check_refused(ask(session, now, assertion(now, key=OctKey.import_key(public_text), alg="HS256")))


def test_no_other_algorithm_is_accepted(session, now, partner):
    check_refused(ask(session, now, assertion(now, key=RSAKey.generate_key(2048), alg="RS256")))
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    check_refused(ask(session, now, f"{head}.{assertion(now).split('.')[1]}."))


@pytest.mark.parametrize(
    "kid",
    ["unknown", 'with "quotes"', "桂花", "\\"],
)
def test_a_strange_key_id_is_a_refusal_not_a_crash(session, now, partner, kid):
    add_key(session, partner, public_jwk=public_part(generate_private_jwk()), now=now)
    check_refused(ask(session, now, assertion(now, header={"kid": kid})))


@pytest.mark.parametrize(
    "signed", ["", "x", "a.b", "a.b.c", "..", "ey.ey.ey", "桂.花.分", "e30.W10.AA", "." * 5000]
)
def test_what_is_not_an_assertion_is_a_refusal_not_a_crash(session, now, partner, signed):
    check_refused(ask(session, now, signed))


def test_an_altered_assertion_is_refused(session, now, partner):
    head, _, signature = assertion(now).split(".")
    forged = assertion(now, jti="other").split(".")[1]
    check_refused(ask(session, now, f"{head}.{forged}.{signature}"))


def test_unknown_suspended_and_wrongly_signed_look_alike(session, now, partner):
    wrong_key = ask(session, now, assertion(now, key=generate_private_jwk()))
    unknown = ask(session, now, assertion(now, iss="nobody", sub="nobody"))
    suspend_partner(session, partner, by="张敏", now=now)
    suspended = ask(session, now, assertion(now))
    assert wrong_key == unknown == suspended


@pytest.mark.parametrize("names_its_key", [True, False])
def test_during_a_key_rotation_both_keys_work_and_then_only_the_new_one(session, now, partner, names_its_key):
    new = generate_private_jwk()
    old_kid = keys_of(session, partner.id)[0].kid
    add_key(session, partner, public_jwk=read_public_key(json.dumps(public_part(new))), now=now)
    uses = count()

    def answer_to(key):
        header = {"kid": key["kid"]} if names_its_key else {}
        return ask(session, now, assertion(now, key=key, header=header, jti=f"use-{next(uses)}"))

    for key in (PRIVATE, new):
        assert answer_to(key).status == 200
    revoke_key(session, partner, kid=old_kid, now=now)
    check_refused(answer_to(PRIVATE))
    assert answer_to(new).status == 200


def test_an_assertion_that_names_one_key_and_is_signed_with_another_is_refused(session, now, partner):
    new = generate_private_jwk()
    add_key(session, partner, public_jwk=read_public_key(json.dumps(public_part(new))), now=now)
    check_refused(ask(session, now, assertion(now, key=PRIVATE, header={"kid": new["kid"]})))


@pytest.mark.parametrize(
    "form",
    [
        {"client_assertion_type": None, "client_assertion": None},
        {"client_assertion_type": None, "client_assertion": None, "client_id": LIBRARY},
        {"client_assertion_type": None, "client_assertion": None, "client_id": LIBRARY, "client_secret": "secret"},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_id": "guihu-park"},
    ],
    ids=str,
)
def test_private_key_jwt_is_the_only_way_to_authenticate(session, now, partner, form):
    check_refused(ask(session, now, assertion(now), **form))


@pytest.mark.parametrize("grant", ["password", "urn:ietf:params:oauth:grant-type:jwt-bearer", "", None])
def test_grants_that_nobody_needs_are_unknown(session, now, partner, grant):
    check_refused(ask(session, now, assertion(now), grant_type=grant), "unsupported_grant_type")


@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token"])
def test_a_merchant_cannot_act_on_a_citizens_behalf(session, now, partner, grant):
    check_refused(ask(session, now, assertion(now), grant_type=grant), "unauthorized_client")


def test_a_parameter_given_twice_is_refused(session, now, partner):
    form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion(now)),
        ("scope", "benefit:check"),
        ("scope", "benefit:redeem"),
    ]
    check_refused(
        answer_token_request(session, form=form, token_url=TOKEN_URL, issuer=ISSUER, now=now), "invalid_request"
    )


def test_over_plain_http_no_token_leaves_the_machine(session, now, partner):
    url = "http://credit.example/oauth/token"
    form = [("grant_type", "client_credentials"), ("client_assertion", assertion(now, aud=url))]
    answer = answer_token_request(session, form=form, token_url=url, issuer="http://credit.example", now=now)
    check_refused(answer, "insecure_transport")


def test_a_token_has_only_the_scopes_that_were_asked_for(session, now, partner):
    answer = ask(session, now, assertion(now), scope="benefit:check")
    assert answer.body["scope"] == "benefit:check"
    identity = authenticate_partner(session, answer.body["access_token"], now)
    identity.check_has_scope("benefit:check")
    with pytest.raises(ScopeMissing):
        identity.check_has_scope("benefit:redeem")


@pytest.mark.parametrize("scope", ["report:read", "benefit:check report:read", "grade:read", " ", "*"])
def test_a_scope_that_needs_a_citizens_consent_is_not_given_for_the_asking(session, now, partner, scope):
    check_refused(ask(session, now, assertion(now), scope=scope), "invalid_scope")


def test_a_token_ends_after_ten_minutes(session, now, partner):
    token = token_of(session, now)
    authenticate_partner(session, token, now + timedelta(minutes=10) - timedelta(seconds=1))
    with pytest.raises(TokenNotValid):
        authenticate_partner(session, token, now + timedelta(minutes=10))


def test_a_made_up_token_is_refused(session, now, partner):
    with pytest.raises(TokenNotValid):
        authenticate_partner(session, "made-up", now)


def test_suspending_a_partner_ends_its_tokens_at_once(session, now, partner):
    token = token_of(session, now)
    suspend_partner(session, partner, by="张敏", now=now)
    session.flush()
    with pytest.raises(TokenNotValid):
        authenticate_partner(session, token, now)
    reinstate_partner(session, partner, by="张敏", now=now)
    session.flush()
    assert authenticate_partner(session, token, now).partner_id == partner.id


def test_revoking_a_partners_tokens_ends_them_at_once(session, now, partner):
    token = token_of(session, now)
    revoke_tokens_of_partner(session, partner.id, now=now)
    with pytest.raises(TokenNotValid):
        authenticate_partner(session, token, now)


def test_a_token_is_good_only_while_its_consent_is(session, keys, now, partner):
    consent = share_grade(session, add_person(session, keys), partner, now, days=1)
    token = token_on(session, partner, consent, consent.expires_at - timedelta(minutes=5))
    identity = authenticate_partner(session, token, consent.expires_at - timedelta(seconds=1))
    assert identity.consents == {"grade:read": consent.id}
    identity.check_has_scope("grade:read")
    with pytest.raises(ConsentNotUsable):
        authenticate_partner(session, token, consent.expires_at).check_has_scope("grade:read")


@pytest.mark.parametrize("ending", [withdraw_consent, pause_consent])
def test_ending_or_pausing_a_consent_stops_its_tokens_at_once(session, keys, now, partner, ending):
    person = add_person(session, keys)
    consent = share_grade(session, person, partner, now)
    token = token_on(session, partner, consent, now)
    ending(session, subject_id=person.id, consent_id=consent.id, now=now)
    with pytest.raises(ConsentNotUsable):
        authenticate_partner(session, token, now).check_has_scope("grade:read")
    if consent.state == "paused":
        resume_consent(session, subject_id=person.id, consent_id=consent.id, now=now)
        authenticate_partner(session, token, now).check_has_scope("grade:read")


def test_a_token_stops_with_the_person_it_is_about(session, keys, now, partner):
    person = add_person(session, keys)
    token = token_on(session, partner, share_grade(session, person, partner, now), now)
    person.status = "deceased"
    session.flush()
    with pytest.raises(ConsentNotUsable):
        authenticate_partner(session, token, now).check_has_scope("grade:read")


def test_what_has_expired_is_swept_away(session, now, partner):
    token_of(session, now)
    purge_expired(session, now=now + timedelta(days=2))
    assert session.scalar(select(func.count()).select_from(OAuthToken)) == 0
    assert session.scalar(select(func.count()).select_from(UsedAssertion)) == 0
    assert find_partner(session, LIBRARY) is partner
