from __future__ import annotations

import hmac

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from backend.identifiers import mask
from backend.identifiers.sealing import KeyRing, KeyUnknown, generate_key, parse_keys

RING = KeyRing(keys={"k1": b"1" * 32}, current="k1", index_key=b"i" * 32)


def test_a_masked_citizen_number_tells_neither_county_nor_birth():
    assert mask("citizen_number", "990001199003071231") == "990***********1231"


def test_codes_of_enterprises_are_public_and_stay_whole():
    assert mask("social_credit_code", "91110000600037341L") == "91110000600037341L"


@given(st.text(max_size=40))
def test_what_is_sealed_opens_again_and_never_looks_the_same_twice(text):
    sealed = RING.seal(text)

    assert RING.open(sealed) == text
    assert RING.seal(text) != sealed


def test_an_altered_row_does_not_open():
    sealed = RING.seal("990001199003071231")

    with pytest.raises(InvalidTag):
        RING.open(sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_rows_sealed_before_a_rotation_stay_readable_and_found():
    rotated = KeyRing(keys={**RING.keys, "k2": b"2" * 32}, current="k2", index_key=RING.index_key)

    assert rotated.open(RING.seal("990001199003071231")) == "990001199003071231"
    assert rotated.blind_index("990001199003071231") == RING.blind_index("990001199003071231")
    with pytest.raises(KeyUnknown):
        RING.open(rotated.seal("990001199003071231"))


def test_the_last_key_written_in_the_environment_is_current():
    keys = parse_keys(f"old:{generate_key()},new:{generate_key()}")

    assert list(keys) == ["old", "new"]
    assert all(len(key) == 32 for key in keys.values())


@given(st.text(max_size=80))
def test_the_blind_index_is_hmac_sha256_under_the_index_key(text):
    assert RING.blind_index(text) == hmac.digest(RING.index_key, text.encode(), "sha256")
