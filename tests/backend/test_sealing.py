from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from backend.identifiers.sealing import KeyRing, KeyUnknown, generate_key, parse_keys

OLD, NEW = b"o" * 32, b"n" * 32
RING = KeyRing(keys={"2025": OLD, "2026": NEW}, current="2026", index_key=b"i" * 32)


@given(st.text())
def test_what_was_sealed_opens_to_the_same_text(text):
    assert RING.open(RING.seal(text)) == text


def test_a_sealed_number_does_not_show_and_never_looks_the_same_twice():
    number = "990001199001010015"
    assert number.encode() not in RING.seal(number)
    assert RING.seal(number) != RING.seal(number)


def test_rows_sealed_before_a_key_rotation_stay_readable():
    before = KeyRing(keys={"2025": OLD}, current="2025", index_key=b"i" * 32)
    assert RING.open(before.seal("王小兰")) == "王小兰"


def test_a_row_whose_key_is_gone_says_which_key_is_missing():
    later = KeyRing(keys={"2027": b"l" * 32}, current="2027", index_key=b"i" * 32)
    with pytest.raises(KeyUnknown, match="2026"):
        later.open(RING.seal("x"))


@given(st.data())
def test_any_altered_byte_of_a_sealed_value_is_noticed(data):
    sealed = bytearray(RING.seal("990001199001010015"))
    position = data.draw(st.integers(5, len(sealed) - 1))
    sealed[position] ^= 1
    with pytest.raises(InvalidTag):
        RING.open(bytes(sealed))


def test_the_blind_index_meets_equal_numbers_and_needs_its_key():
    other = KeyRing(keys={"2026": NEW}, current="2026", index_key=b"j" * 32)
    assert RING.blind_index("990001199001010015") == RING.blind_index("990001199001010015")
    assert RING.blind_index("990001199001010015") != other.blind_index("990001199001010015")


def test_a_key_ring_never_prints_its_keys():
    assert "n" * 32 not in repr(RING)
    assert str(NEW) not in repr(RING)


def test_keys_from_the_environment_are_read_and_short_ones_refused():
    text = f"2025:{generate_key()},2026:{generate_key()}"
    assert list(parse_keys(text)) == ["2025", "2026"]
    with pytest.raises(ValueError, match="32 bytes"):
        KeyRing(keys={"short": b"k" * 16}, current="short", index_key=b"i" * 32)
