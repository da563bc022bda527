from __future__ import annotations

import json

import pytest
from joserfc.jwk import ECKey, RSAKey

from backend.partners.errors import KeyNotAcceptable, KeyNotFound, PartnerCodeInvalid, PartnerExists
from backend.partners.keys import generate_private_jwk, public_part, read_public_key
from backend.partners.service import add_key, find_partner, keys_of, register_partner, revoke_key


def register(session, now, *, code="guicheng-library", jwk=None):
    jwk = jwk or read_public_key(json.dumps(public_part(generate_private_jwk())))
    return register_partner(session, code=code, name="桂城图书馆", kind="merchant", public_jwk=jwk, now=now)


def test_a_registered_partner_is_found_by_its_code_and_has_its_key(session, now):
    partner = register(session, now)
    assert find_partner(session, "guicheng-library") is partner
    assert [key.kid for key in keys_of(session, partner.id)] == [keys_of(session, partner.id)[0].public_jwk["kid"]]


def test_a_code_belongs_to_one_partner(session, now):
    register(session, now)
    with pytest.raises(PartnerExists):
        register(session, now)


@pytest.mark.parametrize("code", ["ab", "Library", "1library", "li brary", "图书馆", "a" * 41])
def test_a_partner_code_is_plain_and_short(session, now, code):
    with pytest.raises(PartnerCodeInvalid):
        register(session, now, code=code)


def test_a_private_key_is_refused_not_stripped():
    with pytest.raises(KeyNotAcceptable, match="私钥"):
        read_public_key(json.dumps(generate_private_jwk()))


def test_only_p256_keys_are_taken():
    with pytest.raises(KeyNotAcceptable, match="P-384"):
        read_public_key(json.dumps(ECKey.generate_key("P-384").as_dict(private=False)))
    with pytest.raises(KeyNotAcceptable):
        read_public_key(json.dumps(RSAKey.generate_key(2048).as_dict(private=False)))
    with pytest.raises(KeyNotAcceptable):
        read_public_key("not a key")
    with pytest.raises(KeyNotAcceptable):
        read_public_key('{"kty": "EC"')
    with pytest.raises(KeyNotAcceptable):
        read_public_key('{"kty": "EC", "crv": "P-256", "x": "AA"}')


def test_the_same_key_as_jwk_and_as_pem_is_the_same_key():
    key = ECKey.generate_key("P-256")
    as_jwk = read_public_key(json.dumps(key.as_dict(private=False)))
    as_pem = read_public_key(key.as_pem(private=False).decode())
    assert as_jwk == as_pem
    assert set(as_jwk) == {"kty", "crv", "x", "y", "kid"}


def test_a_second_key_lives_beside_the_first_until_the_first_is_revoked(session, now):
    partner = register(session, now)
    [first] = keys_of(session, partner.id)
    second = add_key(session, partner, public_jwk=public_part(generate_private_jwk()), now=now)
    assert len(keys_of(session, partner.id)) == 2
    revoke_key(session, partner, kid=first.kid, now=now)
    assert keys_of(session, partner.id) == [second]


def test_a_revoked_key_cannot_be_brought_back(session, now):
    partner = register(session, now)
    [key] = keys_of(session, partner.id)
    revoke_key(session, partner, kid=key.kid, now=now)
    session.flush()
    with pytest.raises(KeyNotFound):
        add_key(session, partner, public_jwk=key.public_jwk, now=now)
    with pytest.raises(KeyNotFound):
        revoke_key(session, partner, kid=key.kid, now=now)
