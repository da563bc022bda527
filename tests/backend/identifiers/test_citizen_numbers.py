from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_11_2

from backend.identifiers import (
    birth_date,
    check,
    check_citizen_number,
    check_person_number,
    complete_citizen_number,
    complete_permanent_residence_card,
    mask,
)

MADE_UP_REGION = "990001"
TODAY = date(2026, 11, 2)

births = st.dates(min_value=date(1880, 1, 1), max_value=TODAY)
orders = st.integers(min_value=0, max_value=999).map("{:03d}".format)


def number(region: str = MADE_UP_REGION, born: str = "19900307", order: str = "123") -> str:
    return complete_citizen_number(region + born + order)


def fault_of(text: str, today: date | None = TODAY) -> str | None:
    fault = check_citizen_number(text, today=today).fault
    return fault.code if fault else None


@given(births, orders)
def test_a_completed_number_is_valid_and_tells_its_birth_date(born, order):
    complete = number(born=born.strftime("%Y%m%d"), order=order)

    outcome = check_citizen_number(complete, today=TODAY)

    assert outcome.valid
    assert birth_date(complete) == born
    assert mod_11_2.is_valid(complete)  # an implementation that is not ours


@given(births, orders, st.integers(0, 16), st.integers(1, 9))
def test_no_single_wrong_digit_goes_unnoticed(born, order, place, shift):
    complete = number(born=born.strftime("%Y%m%d"), order=order)
    wrong = complete[:place] + str((int(complete[place]) + shift) % 10) + complete[place + 1 :]

    assert not check_citizen_number(wrong, today=TODAY).valid


@given(births, orders, st.integers(0, 15))
def test_no_swap_of_neighbours_goes_unnoticed(born, order, place):
    complete = number(born=born.strftime("%Y%m%d"), order=order)
    swapped = complete[:place] + complete[place + 1] + complete[place] + complete[place + 2 :]

    assert swapped == complete or not check_citizen_number(swapped, today=TODAY).valid


def test_a_made_up_region_is_the_only_warning():
    outcome = check(number(), today=TODAY)

    assert outcome.valid
    assert outcome.kind == "citizen_number"
    assert [note.code for note in outcome.notes] == ["region_unknown"]
    assert outcome.warnings == ("行政区划代码不在已知区划中，请留意是否录错",)


@pytest.mark.parametrize("region", ["810000", "820000", "830000"])
def test_a_residence_permit_of_hong_kong_macao_or_taiwan_is_a_citizen_number(region):
    outcome = check(number(region), today=TODAY)

    assert (outcome.kind, outcome.valid, outcome.warnings) == ("citizen_number", True, ())


def test_a_permanent_residence_card_of_a_foreigner_is_a_citizen_number():
    outcome = check(number("937156"), today=TODAY)

    assert (outcome.kind, outcome.valid, outcome.warnings) == ("citizen_number", True, ())


def test_a_county_that_was_abolished_before_the_birth_is_not_held_against_anyone():
    # 崇文区 (110103) ended in 2010; people kept being registered under it for a while.
    assert check_citizen_number(number("110103", born="20120101"), today=TODAY).warnings == ()


def test_an_old_number_is_upgraded_to_the_twentieth_century():
    outcome = check_citizen_number("990001900307123", today=TODAY)

    assert outcome.valid
    assert outcome.normalised == number()


@pytest.mark.parametrize("order", ["996", "997", "998", "999"])
def test_an_old_number_of_a_centenarian_is_not_guessed(order):
    assert fault_of(f"990001{'990307'}{order}") == "century_unknown"
    assert fault_of("990001990307995") is None


def test_nobody_born_before_1880_has_a_number():
    assert fault_of(number(born="18800101")) is None
    assert fault_of(number(born="18791231")) == "birth_date"


def test_what_keyboards_and_spreadsheets_add_is_taken_away():
    plain = next(candidate for order in range(1000) if (candidate := number(order=f"{order:03d}")).endswith("X"))
    full_width = "".join(chr(ord(character) + 0xFEE0) for character in plain)

    for dirty in [
        plain.lower(),
        full_width,
        full_width.lower(),
        f" {plain}\u3000",
        f"'{plain}",
        f"\ufeff{plain}\r\n",
        f"＇{plain}",
        f"{plain[:6]}–{plain[6:14]}-{plain[14:]}",
        f"{plain[:6]}\u200b{plain[6:]}",
    ]:
        assert check_citizen_number(dirty, today=TODAY).normalised == plain


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("　", "empty"),
        ("3.70102E+17", "scientific_notation"),
        ("99000119900307123", "length"),
        ("9900011990030712311", "length"),
        ("99000119900307X231", "character"),
        ("990001①9900307123X", "character"),
        ("9900019003O7123", "character"),
        ("99000119901332123X", "birth_date"),
        ("990001199002301231", "birth_date"),
        ("990001179902281231", "birth_date"),
        ("990001901332123", "birth_date"),
    ],
)
def test_each_mistake_is_named(text, code):
    outcome = check_citizen_number(text, today=TODAY)

    assert outcome.fault is not None
    assert outcome.fault.code == code
    assert outcome.normalised is None
    assert outcome.reason


def test_the_29th_of_february_exists_only_in_leap_years():
    assert fault_of(number(born="20000229")) is None
    assert fault_of(number(born="19000229")) == "birth_date"


def test_a_birth_tomorrow_is_refused_and_one_today_is_not():
    assert fault_of(number(born="20261102")) is None
    assert fault_of(number(born="20261103")) == "birth_in_future"
    assert fault_of(number(born="20261103"), today=None) is None


@given(st.text(max_size=25))
def test_any_text_at_all_gets_an_answer(text):
    outcome = check(text, today=TODAY)

    assert outcome.valid == (outcome.normalised is not None) == (outcome.reason is None)


@given(st.text(max_size=20).filter(lambda text: not (len(text) == 17 and text.isascii() and text.isdigit())))
def test_only_17_digits_can_be_completed(text):
    with pytest.raises(ValueError, match="17 characters"):
        complete_citizen_number(text)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("99000119900307O231", "第 15 位是“O”，应为数字，可能是 0 的误录"),
        ("99000119900307123A", "第 18 位是“A”，应为数字或 X"),
        ("9900019003O7123", "第 11 位是“O”"),
        ("99000119901332123X", "第 7–14 位的出生日期不存在"),
        ("990001901332123", "第 7–12 位的出生日期不存在"),
        ("990001199003071230", "第 18 位校验码"),
    ],
)
def test_a_mistake_is_told_with_its_place(text, where):
    assert where in (check_citizen_number(text, today=TODAY).reason or "")


@pytest.mark.parametrize(
    ("letter", "digit"), [("O", "0"), ("I", "1"), ("L", "1"), ("Z", "2"), ("S", "5"), ("B", "8")]
)
def test_a_letter_that_looks_like_a_digit_is_told_as_that_digit(letter, digit):
    reason = check_citizen_number(f"9900011990{letter}307123X").reason or ""

    assert reason == f"第 11 位是“{letter}”，应为数字，可能是 {digit} 的误录"


residence_cards = st.builds(
    lambda nationality, region, born, order: complete_permanent_residence_card(
        f"{nationality}{region}{born:%y%m%d}{order}"
    ),
    st.sampled_from(["KAZ", "CAN", "USA", "FRA"]),
    st.sampled_from(["1100", "3100", "3701"]),
    births,
    st.integers(0, 9),
)


def test_an_old_card_of_a_foreigner_is_recognised():
    # A published specimen; its check digit was not computed by us.
    outcome = check("kaz110090123105", today=TODAY)

    assert (outcome.kind, outcome.normalised, outcome.warnings) == (
        "permanent_residence_card",
        "KAZ110090123105",
        (),
    )
    assert check_person_number("KAZ110090123105") == check("KAZ110090123105")


@given(residence_cards)
def test_a_completed_old_card_is_valid(card):
    assert check(card, today=TODAY).normalised == card


@given(residence_cards, st.integers(3, 14), st.integers(1, 9))
def test_no_single_wrong_digit_of_an_old_card_goes_unnoticed(card, place, shift):
    wrong = card[:place] + str((int(card[place]) + shift) % 10) + card[place + 1 :]

    assert not check(wrong, today=TODAY).valid


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("KAZ110090123107", "check_digit"),
        ("KAZ110090133105", "birth_date"),
        ("KAZ1100901231O5", "character"),
        ("KAZ999990123102", "check_digit"),
    ],
)
def test_each_mistake_on_an_old_card_is_named(text, code):
    outcome = check(text, today=TODAY)

    assert (outcome.kind, outcome.fault and outcome.fault.code) == ("permanent_residence_card", code)


def test_an_old_card_from_an_unknown_place_is_a_warning():
    outcome = check(complete_permanent_residence_card("KAZ99999012310"), today=TODAY)

    assert outcome.valid
    assert [note.code for note in outcome.notes] == ["region_unknown"]


def test_the_century_that_an_old_card_does_not_tell_is_the_one_that_has_the_day():
    # 1900 had no 29 February, 2000 had one; 2026-12-01 is still to come, 1926-12-01 is not.
    for born in ("000229", "261201"):
        assert check(complete_permanent_residence_card(f"KAZ1100{born}1"), today=TODAY).valid


def test_an_old_card_is_masked_like_a_citizen_number():
    assert mask("permanent_residence_card", "KAZ110090123105") == "KAZ********3105"
