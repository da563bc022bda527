from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from backend.catalogue.document import (
    LONGEST_RETENTION_DAYS,
    Category,
    check_may_be_collected,
    compare_catalogues,
    parse_catalogue,
    shipped_catalogue,
)
from backend.catalogue.errors import (
    CatalogueInvalid,
    ContentForbidden,
    LegalBasisMissing,
    OnlyUpward,
    RetentionTooLong,
    WrittenConsentMissing,
)
from backend.catalogue.forbidden import NEVER, ONLY_WITH_WRITTEN_CONSENT, find_forbidden
from backend.catalogue.templates import load_templates
from backend.identifiers import check_social_credit_code
from scoring.forbidden import FORBIDDEN_ATTRIBUTES, ForbiddenAttribute
from scoring.reading_yaml import read_yaml

CODES = {
    "volunteering",
    "blood_donation",
    "honour",
    "contract_performance",
    "court_judgment",
    "dishonest_debtor",
    "utility_arrears",
    "social_insurance_arrears",
    "wage_arrears",
    "housing_fund_arrears",
    "tax_evasion",
    "ip_infringement",
    "bid_violation",
    "admin_penalty",
    "admin_licence",
    "commitment",
    "tax_rating",
    "abnormal_operation",
    "safety_accident",
    "serious_list",
    "public_service",
    "supplement_education",
    "transport_fare_evasion",
}


@pytest.fixture
def category() -> Category:
    return Category(
        code="library_returns",
        name="图书归还",
        subject_kinds=("person",),
        source_department="桂城市图书馆",
        source_department_code="129900010000000000",
        legal_basis="《中华人民共和国公共图书馆法》第四十四条",
        polarity="neutral",
        unit="次",
        contents=("借阅日期", "归还日期"),
        levels=(),
        retention_days=365,
        disclosure="on_authorization",
        may_decline=False,
        written_consent=False,
        templates=("city_catalogue",),
    )


def rewritten(**changes: Any) -> str:
    """The shipped catalogue with its first category changed."""
    document = read_yaml(shipped_catalogue())
    document["categories"][0] |= changes
    return yaml.safe_dump(document, allow_unicode=True)


def test_the_shipped_catalogue_lists_every_category_of_the_city() -> None:
    assert set(parse_catalogue(shipped_catalogue()).categories) == CODES


def test_every_shipped_category_is_fed_by_a_template_that_exists() -> None:
    templates = load_templates()
    for category in parse_catalogue(shipped_catalogue()).categories.values():
        for code in category.templates:
            assert templates[code].category in (category.code, None)


def test_departments_are_made_up_in_a_region_that_was_never_assigned() -> None:
    for category in parse_catalogue(shipped_catalogue()).categories.values():
        assert check_social_credit_code(category.source_department_code).valid
        assert category.source_department_code[2:8] == "990001"


def test_a_level_is_found_by_code_or_name_and_counts_from_one() -> None:
    rating = parse_catalogue(shipped_catalogue()).categories["tax_rating"]
    assert [rating.level_ordinal(level) for level in ("a", "B级", "d", "e")] == [1, 2, 5, None]
    assert [rating.level_name(ordinal) for ordinal in (0, 1, 5, 6)] == [None, "A级", "D级", None]


@pytest.mark.parametrize("basis", ["", "  ", None])
def test_a_category_without_a_legal_basis_is_refused(basis: str | None) -> None:
    with pytest.raises(LegalBasisMissing) as refusal:
        parse_catalogue(rewritten(legal_basis=basis))
    assert refusal.value.data["category"] == "志愿服务"


@pytest.mark.parametrize(
    "item",
    [
        "宗教信仰",
        "基因检测结果",
        "指纹",
        "血型",
        "既往病史",
        "健康状况",
        "诊断结论",
        "信访次数",
        "计划生育情况",
        "政治面貌",
        "网络言论",
        "民族",
        "性别",
        "婚姻状况",
        "婚 姻 状 况",
        "marital status",
        "ｍａｒｉｔａｌ",
        "血\u3000型",
        "Sex",
        "blood-type",
        "petitions",
    ],
)
def test_what_is_never_collected_is_refused_wherever_it_hides(category: Category, item: str) -> None:
    for hiding in (replace(category, name=item), replace(category, contents=("日期", item))):
        with pytest.raises(ContentForbidden):
            check_may_be_collected(hiding)


@pytest.mark.parametrize("attribute", FORBIDDEN_ATTRIBUTES, ids=lambda attribute: attribute.name)
def test_what_may_not_be_scored_is_not_collected_either_or_only_with_consent(
    attribute: ForbiddenAttribute,
) -> None:
    # Enterprises own intellectual property, and pay dues for not employing the disabled.
    about_enterprises = {"property", "disability", "残疾"}
    for word in {*attribute.words, *attribute.chinese} - about_enterprises:
        assert find_forbidden(word, (*NEVER, *ONLY_WITH_WRITTEN_CONSENT)) is not None, word


def test_a_code_in_english_cannot_smuggle_forbidden_content_in(category: Category) -> None:
    with pytest.raises(ContentForbidden):
        check_may_be_collected(replace(category, code="marital_status"))


@pytest.mark.parametrize("item", ["competition", "技能竞赛 competition", "献血证号", "essex", "病虫害防治资格"])
def test_a_word_that_only_looks_forbidden_is_allowed(category: Category, item: str) -> None:
    check_may_be_collected(replace(category, contents=(item,)))


@pytest.mark.parametrize("item", ["年收入", "存款余额", "有价证券", "商业保险", "不动产登记", "纳税数额"])
def test_a_persons_means_need_a_written_consent_of_their_own(category: Category, item: str) -> None:
    means = replace(category, contents=(item,))
    with pytest.raises(WrittenConsentMissing):
        check_may_be_collected(means)
    check_may_be_collected(replace(means, written_consent=True))
    check_may_be_collected(replace(means, subject_kinds=("enterprise",)))
    with pytest.raises(WrittenConsentMissing):
        check_may_be_collected(replace(means, subject_kinds=("enterprise", "person")))


@pytest.mark.parametrize("polarity", ["negative", "neutral"])
@pytest.mark.parametrize(
    ("code", "name"), [("blood_donation", "献血"), ("volunteering", "志愿服务"), ("x", "志愿者活动缺席")]
)
def test_donating_blood_and_volunteering_count_only_upward(
    category: Category, polarity: str, code: str, name: str
) -> None:
    with pytest.raises(OnlyUpward):
        check_may_be_collected(replace(category, code=code, name=name, polarity=polarity))  # type: ignore[arg-type]


@pytest.mark.parametrize("days", [None, 0, LONGEST_RETENTION_DAYS + 1])
def test_adverse_information_names_its_end_within_five_years(category: Category, days: int | None) -> None:
    with pytest.raises(RetentionTooLong):
        check_may_be_collected(replace(category, polarity="negative", retention_days=days))


def test_adverse_information_may_be_kept_for_five_years(category: Category) -> None:
    check_may_be_collected(replace(category, polarity="negative", retention_days=LONGEST_RETENTION_DAYS))


def test_every_slip_of_the_pen_is_told_at_once() -> None:
    document = read_yaml(shipped_catalogue())
    document["categories"][0]["disclosure"] = "everyone"
    document["categories"][1]["unit"] = ""
    document["categories"].append(document["categories"][2])
    with pytest.raises(CatalogueInvalid) as refusal:
        parse_catalogue(yaml.safe_dump(document))
    assert len(refusal.value.data["problems"]) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "a: [", "[]", "categories: []"])
def test_a_file_that_is_no_catalogue_is_refused(text: str) -> None:
    with pytest.raises(CatalogueInvalid):
        parse_catalogue(text)


_ODD = (
    5,
    0,
    -5,
    1.5,
    True,
    "x",
    "否",
    [1],
    [[1]],
    [None],
    {"a": 1},
    [{"a": 1}],
    [{"code": "a"}],
    [{"code": 1, "name": 2}],
)


@pytest.mark.parametrize("key", sorted(read_yaml(shipped_catalogue())["categories"][0]))
def test_a_value_of_another_kind_is_told_as_a_slip_and_stops_nothing(key: str) -> None:
    document = read_yaml(shipped_catalogue())
    document["categories"][0]["retention_days"] = 365
    fine = document["categories"][0][key]
    told = []
    for odd in (*_ODD, [{"code": "a", "name": "甲", "published_days": "x"}]):
        if type(odd) is not type(fine) or isinstance(odd, list) or odd in (0, -5):
            document["categories"][0][key] = odd
            with pytest.raises(CatalogueInvalid) as refusal:
                parse_catalogue(yaml.safe_dump(document))
            told += refusal.value.data["problems"]  # type: ignore[misc]
    assert all("第1个类别" in problem for problem in told)


@pytest.mark.parametrize(
    ("key", "unknown"),
    [("polarity", "bad"), ("disclosure", "everyone"), ("subject_kinds", ["citizen"]), ("subject_kinds", [])],
)
def test_a_word_that_the_catalogue_does_not_know_is_told_with_those_it_knows(key: str, unknown: object) -> None:
    with pytest.raises(CatalogueInvalid, match=f"的 {key} 只能是 "):
        parse_catalogue(rewritten(**{key: unknown}))


def test_the_word_no_is_not_read_as_a_written_consent() -> None:
    with pytest.raises(CatalogueInvalid, match="只能是 true 或 false"):
        parse_catalogue(rewritten(contents=["年收入"], written_consent="否"))


@pytest.mark.parametrize("key", ["version", "name", "effective_from"])
def test_a_version_says_its_number_its_name_and_its_first_day(key: str) -> None:
    document = read_yaml(shipped_catalogue())
    del document[key]
    with pytest.raises(CatalogueInvalid) as refusal:
        parse_catalogue(yaml.safe_dump(document))
    assert refusal.value.data["problems"] == [f"缺少 {key} 或类型不对"]


def test_a_version_begins_with_a_day() -> None:
    document = read_yaml(shipped_catalogue()) | {"effective_from": datetime(2026, 1, 1, 8, tzinfo=UTC)}
    with pytest.raises(CatalogueInvalid, match="effective_from"):
        parse_catalogue(yaml.safe_dump(document))


@pytest.mark.parametrize("polarity", ["negative", "neutral"])
def test_only_a_positive_category_can_be_declined(polarity: str) -> None:
    returns = {"name": "图书归还", "code": "library_returns", "polarity": polarity, "retention_days": 365}
    parse_catalogue(rewritten(**returns, may_decline=False))
    with pytest.raises(CatalogueInvalid) as refusal:
        parse_catalogue(rewritten(**returns, may_decline=True))
    assert refusal.value.data["problems"] == [
        "第1个类别（library_returns）不是正面信息，本人不能拒绝记录（may_decline）"
    ]


def test_a_comparison_names_what_is_added_dropped_and_changed() -> None:
    before = parse_catalogue(shipped_catalogue())
    document = read_yaml(shipped_catalogue())
    document["categories"][0]["unit"] = "分钟"
    dropped = document["categories"].pop(1)
    document["categories"].append(dropped | {"code": "platelet_donation"})
    changes = compare_catalogues(before, parse_catalogue(yaml.safe_dump(document, allow_unicode=True)))
    assert [(change.category, change.field) for change in changes] == [
        ("volunteering", "unit"),
        ("blood_donation", None),
        ("platelet_donation", None),
    ]
    assert (changes[0].before, changes[0].after) == ("小时", "分钟")
    assert changes[1].after is None
    assert changes[2].before is None
