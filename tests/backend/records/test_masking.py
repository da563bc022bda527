"""Identity numbers and names do not show, wherever a department put them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalogue.templates import PartyKind, load_templates
from backend.identifiers import check_social_credit_code, complete_citizen_number
from backend.records.masking import mask_identity_numbers, mask_name, mask_number, mask_row
from tests.backend.records.conftest import BAKERY, LAN

FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
around = st.text(alphabet="甲乙，。 :abc（）", max_size=10)


@given(
    before=around,
    after=around,
    day=st.dates(date(1900, 1, 1), date(2025, 1, 1)),
    order=st.integers(0, 999),
    check=st.sampled_from("0123456789Xx"),
    form=st.sampled_from(["plain", "full_width", "spaced", "hyphens", "old"]),
)
def test_a_number_pasted_into_text_is_masked_whatever_its_check_character(
    before: str, after: str, day: date, order: int, check: str, form: str
) -> None:
    number = f"990001{day:%Y%m%d}{order:03}{check}"
    written = {
        "plain": number,
        "full_width": number.upper().translate(FULL_WIDTH),
        "spaced": f"{number[:6]} {number[6:14]} {number[14:]}",
        "hyphens": f"{number[:6]}-{number[6:14]}-{number[14:]}",
        "old": number[:6] + number[8:17],
    }[form]
    masked = mask_identity_numbers(f"{before}{written}{after}")
    assert written not in masked
    assert "***" in masked
    assert masked.startswith(before)
    assert masked.endswith(after)


def test_two_numbers_beside_each_other_are_both_masked() -> None:
    masked = mask_identity_numbers(f"{LAN} {LAN}，13800000000")
    assert LAN not in masked
    assert masked.endswith("，13800000000")


@pytest.mark.parametrize("text", ["99000120230101000012", "桂市监罚〔2026〕12号", "JY13701020012345", BAKERY])
def test_serial_numbers_and_codes_of_enterprises_stay_readable(text: str) -> None:
    assert mask_identity_numbers(text) == text


def test_what_remains_tells_neither_county_nor_birth() -> None:
    number = complete_citizen_number("99000119900101123")
    assert mask_number(number) == f"990***********{number[-4:]}"
    assert mask_number("12345") == "*****"
    assert (mask_name("王小兰"), mask_name("王兰"), mask_name("欧阳小兰")) == ("王*兰", "王*", "欧**兰")


def test_a_row_is_masked_by_whom_it_is_about() -> None:
    template = load_templates()["court_judgment"]
    row = {"主体类别": "自然人", "主体名称": "王小兰", "主体代码": LAN[:-1], "案由": f"王小兰（{LAN[:-1]}）欠款"}
    assert mask_row(template, row, "person") == {
        "主体类别": "自然人",
        "主体名称": "王*兰",
        "主体代码": mask_number(LAN[:-1]),
        "案由": f"王*兰（{mask_number(LAN[:-1])}）欠款",
    }
    enterprise = {"主体类别": "法人及非法人组织", "主体名称": "桂城面包有限公司", "主体代码": BAKERY}
    assert mask_row(template, enterprise, "organisation") == enterprise
    # A row that does not say whom it is about may be about a person.
    assert mask_row(template, {"主体名称": "王小兰", "主体代码": LAN}, None)["主体名称"] == "王*兰"


@pytest.mark.parametrize("party", ["person", None])
@pytest.mark.parametrize("template", ["court_judgment", "volunteering", "resident_register"])
def test_a_citizen_number_that_passes_the_check_of_enterprises_codes_is_masked_like_any_other(
    template: str, party: PartyKind | None
) -> None:
    both = [
        number
        for order in range(1000)
        if check_social_credit_code(number := complete_citizen_number(f"11990019900101{order:03d}")).valid
    ]
    assert len(both) > 10
    headings = {"court_judgment": "主体代码", "volunteering": "身份号码", "resident_register": "公民身份号码"}
    for number in both:
        row = {headings[template]: number}
        assert mask_row(load_templates()[template], row, party) == {headings[template]: mask_number(number)}


def test_a_long_serial_number_is_shown_only_where_it_tells_one_matter_from_another() -> None:
    """A department finds its row again by it; anywhere else it might be a number mistyped."""
    template = load_templates()["volunteering"]
    serial = "202603030000000017"
    row = {"服务记录编号": f"ZY{serial}", "备注": f"见{serial}", "服务项目": f"记在{LAN}名下"}
    assert mask_row(template, row, "person") == {
        "服务记录编号": f"ZY{serial}",
        "备注": f"见{mask_number(serial)}",
        "服务项目": f"记在{mask_number(LAN)}名下",
    }
    assert mask_row(template, {"服务记录编号": f"ZY{LAN}"}, "person") == {"服务记录编号": f"ZY{mask_number(LAN)}"}


def test_a_mistyped_citizen_number_is_masked_in_a_row_about_a_person_even_if_it_passes_as_a_code() -> None:
    template = load_templates()["volunteering"]
    mistyped = [f"11990019909901{order:04d}" for order in range(1000)]
    passing = [number for number in mistyped if check_social_credit_code(number).valid]
    assert passing
    for number in passing:
        assert mask_row(template, {"身份号码": number}, "person") == {"身份号码": mask_number(number)}
