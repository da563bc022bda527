from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_10

from backend.identifiers import (
    check,
    check_citizen_number,
    check_organisation_code,
    check_registration_number,
    check_social_credit_code,
    complete_organisation_code,
    complete_registration_number,
    complete_social_credit_code,
    organisation_code_within,
)
from backend.identifiers.social_credit_code import AUTHORITIES

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
codes_of_every_authority = st.sampled_from(
    [authority + kind for authority, (_, kinds) in AUTHORITIES.items() for kind in kinds]
)
bodies = st.text(ALPHABET, min_size=8, max_size=8)


def credit_code(prefix: str = "91", region: str = "990001", body: str = "MA3XY123") -> str:
    return complete_social_credit_code(prefix + region + complete_organisation_code(body))


@given(codes_of_every_authority, bodies)
def test_every_authority_and_type_of_the_standard_is_accepted(prefix, body):
    outcome = check_social_credit_code(credit_code(prefix, "370102", body))

    assert outcome.valid
    assert outcome.warnings == ()
    assert outcome.normalised is not None
    assert organisation_code_within(outcome.normalised) == complete_organisation_code(body)


def test_the_authorities_are_those_of_the_standard_and_its_amendment():
    assert set(AUTHORITIES) == set("123456789ANY")
    assert {authority: "".join(kinds) for authority, (_, kinds) in AUTHORITIES.items()} == {
        "1": "1239", "2": "19", "3": "123459", "4": "19", "5": "1239", "6": "129",
        "7": "129", "8": "19", "9": "1239", "A": "19", "N": "1239", "Y": "1",
    }  # fmt: skip


@given(bodies)
def test_our_check_character_is_that_of_python_stdnum_where_stdnum_is_right(body):
    code = credit_code("91", "370102", body)

    assert uscc.calc_check_digit(code[:17]) == code[17]


@given(codes_of_every_authority, bodies, st.integers(0, 16), st.sampled_from(ALPHABET))
def test_no_single_wrong_character_goes_unnoticed(prefix, body, place, character):
    code = credit_code(prefix, body=body)
    wrong = code[:place] + character + code[place + 1 :]

    assert wrong == code or not check_social_credit_code(wrong).valid


def test_a_made_up_region_is_the_only_warning():
    outcome = check(credit_code())

    assert (outcome.kind, outcome.valid) == ("social_credit_code", True)
    assert [note.code for note in outcome.notes] == ["region_unknown"]


def test_a_wrong_inner_check_digit_is_a_warning_because_real_registers_hold_such_codes():
    right = complete_organisation_code("MA3XY123")
    wrong = right[:8] + ("0" if right[8] != "0" else "1")

    outcome = check_social_credit_code(complete_social_credit_code("91370102" + wrong))

    assert outcome.valid
    assert [note.code for note in outcome.notes] == ["inner_check_digit"]


def test_an_unlisted_type_of_a_listed_authority_is_a_warning():
    outcome = check_social_credit_code(credit_code("96", "370102"))

    assert outcome.valid
    assert [note.code for note in outcome.notes] == ["type_unknown"]


def test_a_code_of_a_central_register_has_a_known_region():
    assert check("91100000100003962T").warnings == ()


def test_full_width_lower_case_and_spaced_codes_are_normalised():
    code = credit_code()
    full_width = "".join(chr(ord(character) + 0xFEE0) for character in code)

    for dirty in [code.lower(), full_width, full_width.lower(), f"{code[:2]} {code[2:8]} {code[8:]}", f"{code}\t"]:
        assert check_social_credit_code(dirty).normalised == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("9.1370102E+17", "scientific_notation"),
        ("91370102MA3XY123", "length"),
        ("9137O102MA3XY12345", "character"),
        ("91370102MA3XY123中5", "character"),
        ("91A70102MA3XY12345", "character"),
        ("0" * 18, "authority_unknown"),
        ("X1370102MA3XY12345", "authority_unknown"),
    ],
)
def test_each_mistake_in_a_credit_code_is_named(text, code):
    outcome = check_social_credit_code(text)

    assert outcome.fault is not None
    assert outcome.fault.code == code
    assert outcome.normalised is None


def test_a_letter_that_the_code_never_uses_is_pointed_at():
    assert "第 5 位是字母 O" in (check("9137O102MA3XY12345").reason or "")


@given(st.integers(0, 10**14 - 1).map("{:014d}".format))
def test_a_completed_registration_number_is_valid(first14):
    number = complete_registration_number(first14)

    assert check_registration_number(number).valid
    assert mod_11_10.is_valid(number)
    others = {first14 + str(digit) for digit in range(10)} - {number}
    assert not any(check_registration_number(other).valid for other in others)


def test_a_registration_number_is_recognised_by_its_check_digit():
    outcome = check(complete_registration_number("37010020099999"))

    assert (outcome.kind, outcome.valid, outcome.warnings) == ("registration_number", True, ())


def test_a_registration_number_of_an_unknown_region_is_a_warning():
    outcome = check_registration_number(complete_registration_number("99000100000001"))

    assert outcome.valid
    assert [note.code for note in outcome.notes] == ["region_unknown"]


def test_fifteen_digits_that_fit_both_a_person_and_an_enterprise_are_said_to_do_so():
    both = next(
        number for order in range(1000) if check_registration_number(number := f"990001900307{order:03d}").valid
    )

    outcome = check(both)

    assert outcome.kind == "citizen_number"
    assert [note.code for note in outcome.notes] == ["region_unknown", "ambiguous"]


@given(
    st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=8, max_size=8).filter(lambda body: body != "0" * 8)
)
def test_a_completed_organisation_code_is_valid_with_and_without_its_hyphen(body):
    code = complete_organisation_code(body)

    assert check_organisation_code(code).normalised == code
    assert check(f"{code[:8]}-{code[8:]}").normalised == code
    others = {body + character for character in "0123456789X"} - {code}
    assert not any(check_organisation_code(other).valid for other in others)


def test_nine_zeros_are_a_placeholder_although_their_check_digit_is_right():
    outcome = check("00000000-0")

    assert outcome.fault is not None
    assert outcome.fault.code == "placeholder"


@given(codes_of_every_authority, bodies)
def test_a_credit_code_is_not_taken_for_a_citizen_number(prefix, body):
    code = credit_code(prefix, "370102", body)

    assert check(code).kind == "social_credit_code"


def test_eighteen_digits_that_fit_both_a_person_and_an_organisation_are_what_leaves_fewer_doubts():
    # As a citizen number the region 111101 is unknown; as a credit code everything about it is in order.
    both = next(
        code
        for day in range(1, 29)
        for order in range(1000)
        if (inner := complete_organisation_code(f"9003{day:02d}{order // 10:02d}"))[8] == str(order % 10)
        and check_citizen_number(code := complete_social_credit_code("11110119" + inner)).valid
    )

    outcome = check(both)

    assert (outcome.kind, outcome.warnings) == ("social_credit_code", ())


def test_eighteen_digits_that_leave_as_many_doubts_either_way_are_a_persons():
    # Neither the citizen number's region 919900 nor the credit code's 990019 is known.
    both = next(
        code
        for day in range(1, 29)
        for order in range(1000)
        if (inner := complete_organisation_code(f"9003{day:02d}{order // 10:02d}"))[8] == str(order % 10)
        and check_citizen_number(code := complete_social_credit_code("91990019" + inner)).valid
    )

    assert [note.code for note in check_social_credit_code(both).notes] == ["region_unknown"]
    assert (check(both).kind, len(check(both).notes)) == ("citizen_number", 1)


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("37010219901332123X", "citizen_number", "birth_date"),
        ("370102199003071230", "citizen_number", "check_digit"),
        ("913701020000000001", "social_credit_code", "check_digit"),
        ("91370102MA3XY12300", "social_credit_code", "check_digit"),
        ("990001199003071230", "citizen_number", "check_digit"),  # the birth says what it is
        ("000001199013071234", "citizen_number", "birth_date"),  # no authority begins with 0
        ("37010290033O123", "citizen_number", "character"),
        ("370102901332123", None, "fits_neither_kind"),
        ("12", None, "length"),
    ],
)
def test_a_wrong_number_is_explained_as_the_kind_it_was_probably_meant_to_be(text, kind, code):
    outcome = check(text)

    assert outcome.kind == kind
    assert outcome.fault is not None
    assert outcome.fault.code == code


@given(st.text(max_size=19))
def test_only_well_formed_beginnings_are_completed(text):
    for complete, length in [
        (complete_social_credit_code, 17),
        (complete_registration_number, 14),
        (complete_organisation_code, 8),
    ]:
        if len(text) != length:
            with pytest.raises(ValueError, match="the first"):
                complete(text)


@given(codes_of_every_authority, bodies, st.integers(0, 16))
def test_no_swap_of_neighbours_in_a_credit_code_goes_unnoticed(prefix, body, place):
    code = credit_code(prefix, body=body)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]

    assert swapped == code or not check_social_credit_code(swapped).valid


@given(st.integers(0, 10**14 - 1).map("{:014d}".format), st.integers(0, 14), st.integers(1, 9))
def test_no_single_wrong_digit_of_a_registration_number_goes_unnoticed(first14, place, shift):
    number = complete_registration_number(first14)
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]

    assert not check_registration_number(wrong).valid


digits_of_an_organisation_code = st.text("0123456789", min_size=8, max_size=8)


@given(digits_of_an_organisation_code, st.integers(0, 7), st.integers(1, 9))
def test_no_single_wrong_digit_of_an_organisation_code_goes_unnoticed(body, place, shift):
    code = complete_organisation_code(body)
    wrong = code[:place] + str((int(code[place]) + shift) % 10) + code[place + 1 :]

    assert not check_organisation_code(wrong).valid


@given(digits_of_an_organisation_code, st.integers(0, 6))
def test_no_swap_of_neighbouring_digits_in_an_organisation_code_goes_unnoticed(body, place):
    code = complete_organisation_code(body)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]

    assert swapped == code or not check_organisation_code(swapped).valid


@pytest.mark.parametrize("character", "IOZSV")
def test_each_letter_that_credit_codes_never_use_is_reported_with_its_place(character):
    code = credit_code()
    reason = check(code[:10] + character + code[11:]).reason or ""

    assert f"第 11 位是字母 {character}" in reason
    assert "的误录" in reason


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("91A70102MA3XY12345", "第 3 位"),
        ("37010019876543A", "第 15 位"),
        ("MA3XY1中3-4", "第 7 位"),
        ("12345678-Z", "第 9 位"),
    ],
)
def test_a_misplaced_character_is_pointed_at(text, where):
    assert where in (check(text).reason or "")
