from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.catalogue.errors import AdjustmentRefused, HeaderAmbiguous, TemplateUnknown
from backend.catalogue.forbidden import NEVER, find_forbidden
from backend.catalogue.templates import (
    Template,
    adjust_templates,
    derive_level,
    detect_template,
    level_expression,
    load_templates,
    use_city_adjustments,
)

TEMPLATES = load_templates()


@pytest.fixture(params=TEMPLATES)
def template(request: pytest.FixtureRequest) -> Template:
    return TEMPLATES[request.param]


def cells(template: Template, **filled: str) -> dict[str, list[str]]:
    return {code: text.split(template.column(code).separator or "\n") for code, text in filled.items()}


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("admin_licence", 28),
        ("admin_penalty", 30),
        ("admin_licence_2016", 18),
        ("admin_penalty_2016", 20),
        ("commitment", 20),
    ],
)
def test_the_national_templates_are_complete(code: str, fields: int) -> None:
    assert len(TEMPLATES[code].columns) == fields


def test_every_category_of_the_catalogue_can_be_delivered() -> None:
    catalogue = parse_catalogue(shipped_catalogue())
    assert all(category.templates for category in catalogue.categories.values())


def test_a_template_only_speaks_of_columns_it_has(template: Template) -> None:
    named = [*template.natural_key, *(code for pair in template.date_order for code in pair)]
    named += [rule.column for rule in template.withdrawn]
    named += [column.required_when.column for column in template.columns if column.required_when]
    if template.subject:
        named += [template.subject.name, *(c for codes in template.subject.identifiers.values() for c in codes)]
    if template.facts:
        facts = template.facts
        named += [facts.event_on, *facts.event_key, *(facts.amount.columns if facts.amount else ())]
        named += [code for code in (facts.ended_on, facts.performed_on, facts.quantity) if code]
        named += facts.timed_from
    if template.register:
        named += [template.register.identifier, template.register.name, template.register.status.column]
        named += template.register.old_codes.values()
    known = {column.code for column in template.columns}
    assert set(named) <= known
    assert len(known) == len(template.columns)


def test_no_template_asks_for_what_is_never_collected(template: Template) -> None:
    for column in template.columns:
        assert find_forbidden(column.header, NEVER) is None, column.header


def test_every_column_that_holds_a_persons_number_is_secret(template: Template) -> None:
    persons = {
        column.code
        for column in template.columns
        if any(word in column.header for word in ("身份", "证件号码", "承诺人代码", "主体代码"))
    }
    assert persons <= {column.code for column in template.columns if column.secret}


def test_a_file_is_recognised_by_its_codes_or_its_chinese_headings(template: Template) -> None:
    assert detect_template([column.code for column in template.columns]) == template
    assert detect_template([column.header for column in template.columns]) == template
    disguised = ["\ufeff" + template.columns[0].code.lower(), *(f" {c.header} " for c in template.columns[1:])]
    assert detect_template(disguised) == template


def test_a_file_may_leave_out_what_is_not_always_required_and_add_columns_of_its_own() -> None:
    template = TEMPLATES["admin_licence"]
    header = [column.code for column in template.columns if column.organisation == column.person == "R"]
    assert detect_template([*header, "内部流水号"]) == template


def test_a_file_without_a_column_that_is_always_required_is_not_recognised() -> None:
    header = [column.code for column in TEMPLATES["admin_penalty"].columns if column.code != "CF_JDRQ"]
    assert detect_template(header) is None
    assert detect_template(["甲", "乙"]) is None


def test_the_status_codes_of_2016_are_not_read_as_those_of_2018() -> None:
    """1 meant revoked then and means valid now: a file of the old standard must not pass for a new one."""
    header = [column.code for column in TEMPLATES["admin_licence"].columns]
    old = [{"XK_XDR_MC": "XK_XDR", "XK_XKWS": "XK_XMMC", "XK_XKLB": "XK_SPLB"}.get(code, code) for code in header]
    assert detect_template(old) is None


def test_of_two_templates_that_fit_the_one_that_explains_more_headings_is_taken() -> None:
    full = TEMPLATES["admin_licence"]
    short = replace(
        full, code="short", columns=tuple(c for c in full.columns if c.organisation == c.person == "R")
    )
    header = [column.code for column in full.columns]
    assert detect_template(header, {"short": short, "full": full}) == full
    assert detect_template(header, {"full": full, "short": short}) == full


def test_two_templates_that_explain_equally_many_headings_are_no_answer() -> None:
    one = TEMPLATES["admin_licence"]
    assert (
        detect_template([column.code for column in one.columns], {"a": one, "b": replace(one, code="b")}) is None
    )


def test_two_headings_for_one_field_are_refused() -> None:
    template = TEMPLATES["admin_licence"]
    assert template.resolve_header(["XK_WSH", "别的", "许可内容"]) == ("XK_WSH", None, "XK_NR")
    with pytest.raises(HeaderAmbiguous):
        template.resolve_header(["XK_FRDB", "法定代表人"])


def test_another_identifier_makes_up_for_a_missing_social_credit_code() -> None:
    template = TEMPLATES["admin_penalty"]
    assert template.stand_ins("CF_XDR_SHXYM", "organisation") == ("CF_XDR_GSZC", "CF_XDR_ZZJG")
    assert template.stand_ins("CF_XDR_ZJHM", "person") == ()
    assert template.stand_ins("CF_WSH", "organisation") == ()


PENALTIES = [
    ("警告", 0, "minor"),
    ("警告;罚款", 100_000, "minor"),
    ("罚款", 100_001, "general"),
    ("罚款", 9_999_999, "general"),
    ("罚款", 10_000_000, "serious"),
    ("没收违法所得", 500, "general"),
    ("吊销许可证;罚款", 1, "serious"),
    ("行政拘留", 0, "serious"),
    ("其他", 0, "general"),
    ("责令改正通知", 0, "general"),
    ("不予罚款的责令改正", 0, "general"),
]


@pytest.mark.parametrize(("kinds", "amount", "level"), PENALTIES)
def test_severity_follows_from_the_kind_of_penalty_and_the_amount(kinds: str, amount: int, level: str) -> None:
    template = TEMPLATES["admin_penalty"]
    assert template.facts is not None
    assert template.facts.level is not None
    assert derive_level(template.facts.level, cells(template, CF_CFLB=kinds), amount) == level


def test_levels_over_a_whole_frame_are_those_of_each_row() -> None:
    frame = pl.DataFrame(PENALTIES, schema=["CF_CFLB", "amount", "level"], orient="row")
    derived = frame.select(level_expression(TEMPLATES["admin_penalty"], pl.col("amount"))).to_series()
    assert derived.to_list() == frame["level"].to_list()


@pytest.mark.parametrize(
    "code", [code for code, t in TEMPLATES.items() if t.facts and t.facts.level and t.category]
)
def test_every_level_a_template_can_derive_is_one_of_its_category(code: str) -> None:
    template = TEMPLATES[code]
    catalogue = parse_catalogue(shipped_catalogue())
    assert template.facts is not None
    assert template.facts.level is not None
    for case in template.facts.level.cases:
        assert catalogue.categories[str(template.category)].level_ordinal(case.level)
        if case.column:
            assert set(case.values) <= set(template.column(case.column).values)


def test_wan_yuan_with_six_decimals_is_exact_to_the_cent() -> None:
    facts = TEMPLATES["admin_penalty"].facts
    assert facts is not None
    assert facts.amount is not None
    assert facts.amount.cents_per_unit == 1_000_000
    assert TEMPLATES["admin_penalty"].column("CF_NR_FK").decimals == 6


def adjusted(text: str) -> Mapping[str, Template]:
    return adjust_templates(TEMPLATES, text)


def test_a_city_may_settle_what_the_standard_leaves_open() -> None:
    templates = adjusted("admin_licence: {XK_ZT: {values: ['0', '1', '2', '3'], value_aliases: {正常: '0'}}}")
    column = templates["admin_licence"].column("XK_ZT")
    assert column.values == ("0", "1", "2", "3")
    assert column.value_aliases == {"正常": "0"}


@pytest.mark.parametrize(
    "text",
    [
        "admin_penalty: {CF_WSH: {length: 500}}",
        "admin_licence: {XK_WSH: {kind: D}}",
        "admin_licence: {XK_ZT: {kind: D}}",
        "admin_licence: {NO_SUCH: {length: 1}}",
    ],
)
def test_a_city_may_not_change_what_the_standard_settles(text: str) -> None:
    with pytest.raises(AdjustmentRefused):
        adjusted(text)


def test_an_installation_adjusts_its_own_copy_without_touching_the_program(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text("admin_licence: {XK_XKWS: {length: 333}, XK_FRDB: {organisation: O}}", encoding="utf-8")
    use_city_adjustments(path)
    try:
        licence = load_templates()["admin_licence"]
        assert licence.column("XK_XKWS").length == 333
        assert licence.column("XK_FRDB").organisation == "O"
        assert licence.column("XK_WSH").length == 128, "what is shipped still holds for the others"
    finally:
        use_city_adjustments(None)
    assert load_templates()["admin_licence"].column("XK_XKWS").length == 128


def test_a_wrong_file_of_adjustments_is_told_before_anything_is_collected(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text("admin_licence: {XK_FRDB: {organisation: X}}", encoding="utf-8")
    try:
        with pytest.raises(AdjustmentRefused):
            use_city_adjustments(path)
    finally:
        use_city_adjustments(None)


def test_the_two_forms_of_a_standard_are_told_apart_by_their_headings() -> None:
    for code in ("admin_licence", "admin_penalty"):
        for form in (TEMPLATES[code], TEMPLATES[f"{code}_2016"]):
            assert detect_template([column.code for column in form.columns]) == form
            assert detect_template([column.header for column in form.columns]) == form


def test_the_same_status_means_other_things_in_the_two_forms() -> None:
    assert TEMPLATES["admin_licence"].withdrawn[0].values == ("2",)
    assert TEMPLATES["admin_licence_2016"].withdrawn[0].values == ("1",)
    assert TEMPLATES["admin_licence"].column("XK_ZT").value_aliases["有效"] == "1"
    assert TEMPLATES["admin_licence_2016"].column("XK_ZT").value_aliases["撤销"] == "1"


def test_adjusting_an_unknown_template_is_refused() -> None:
    with pytest.raises(TemplateUnknown):
        adjusted("no_such_template: {X: {length: 1}}")
