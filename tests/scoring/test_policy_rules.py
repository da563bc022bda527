"""A policy that breaks a rule is refused, with its line, the rule's name and what to do about it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from copy import deepcopy
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.document import read_document
from scoring.policy import (
    CategoryFacts,
    catalogue_of,
    check_against_catalogue,
    load_policy,
    load_policy_for,
    shipped_catalogue,
    shipped_policy,
    shipped_policy_names,
)
from scoring.problems import PolicyInvalid, Problem
from scoring.reading_yaml import read_yaml
from tests.scoring.builders import document, indicator, policy, text

UP: dict[str, Any] = {
    "code": "hours", "name": "志愿服务", "direction": "up", "basis": "依据", "categories": ["volunteering"],
    "measure": "sum", "points": {"tiers": [{"at_least": 10, "points": 2}]},
}  # fmt: skip
VALIDITY = {"deduction_validity": [{"valid_for": {"years": 1}}]}
FADING = {
    "fading": {"slow": {"version": "1", "basis": "附表", "steps": [{"until": {"years": 1}, "ppm": 1000000}]}}
}


def problems(source: str) -> list[Problem]:
    with pytest.raises(PolicyInvalid) as refusal:
        load_policy(source)
    return refusal.value.problems


def rules(*indicators: dict[str, Any], **changes: Any) -> set[str]:
    """The rules that such a policy breaks."""
    try:
        load_policy(text(document(*indicators, **changes)))
    except PolicyInvalid as refusal:
        return {problem.rule for problem in refusal.problems}
    return set()


def tiers(*rows: tuple[float, float]) -> dict[str, Any]:
    return {"tiers": [{"at_least": at_least, "points": points} for at_least, points in rows]}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"direction": "down"}, "only_upward"),
        ({"categories": ["blood_donation"], "direction": "both", "measure": "each"}, "only_upward"),
        ({"points": tiers((10, -2))}, "direction_sign"),
        ({"points": tiers((10, 5), (20, 2))}, "not_monotone"),
        ({"points": tiers((20, 2), (10, 5))}, "thresholds_order"),
        ({"points": {"per_unit": {"every": 1, "points": 1}}}, "missing_cap"),
        ({"points": {"flat": 3}}, "points_kind"),
        ({"points": {"tiers": [{"at_least": 1, "points": 1}], "flat": 1}}, "points_kind"),
        ({"points": tiers((10, 2.125))}, "too_many_decimals"),
        ({"window": "by_size"}, "missing_field"),
        ({"fading": "slow"}, "unknown_fading"),
        ({"repeat": {"factor": 2}}, "repeat_measure"),
        ({"yearly_cap": 40}, "yearly_cap_measure"),
        ({"measure": "months_since", "points": tiers((3, 2))}, "months_from_zero"),
        ({"measure": "months_since", "points": tiers((0, 2), (6, 4))}, "not_monotone"),
        ({"measure": "latest", "points": {"each": {"points": 1}}}, "latest_direction"),
        ({"measure": "each", "points": {"each": {"points": 1}}, "yearly_cap": 4}, "yearly_cap_window"),
        ({"measure": "exists", "points": {"flat": 1}, "per_event": "highest"}, "per_event_measure"),
        ({"of": "other"}, "value_of"),
        ({"categories": ["religion"]}, "forbidden_attribute"),
        ({"categories": ["citizen_marital_status"]}, "forbidden_attribute"),
        ({"name": "信访次数"}, "forbidden_attribute"),
        ({"categories": ["volunteering", "volunteering"]}, "duplicate_code"),
        (
            {"points": [{"from": "2026-01-01", **tiers((1, 1))}, {"from": "2025-01-01", **tiers((1, 1))}]},
            "dates_order",
        ),
        ({"points": [tiers((1, 1))]}, "missing_field"),
        ({"measure": "summe"}, "not_a_choice"),
        ({"cap": -3}, "out_of_range"),
        ({"name": ""}, "too_few"),
        ({"unit": 3}, "wrong_type"),
    ],
)
def test_an_upward_indicator_must_keep_every_rule(change: dict[str, Any], rule: str) -> None:
    assert rule in rules(UP | change)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"points": {"each": {"points": 10}}}, "direction_sign"),
        ({"points": {"each": {"points": -10, "performed_points": -20}}}, "performed_points"),
        ({"points": {"each": {"points": -10, "performed_points": 1}}}, "performed_points"),
        ({"points": {"by_level": [{"level": 1, "points": -1}, {"level": 1, "points": -2}]}}, "duplicate_code"),
        ({"measure": "count", "points": tiers((1, -5), (2, -2))}, "not_monotone"),
        ({"measure": "count", "window": "by_size", "points": tiers((1, -5))}, "by_size"),
        ({"direction": "both"}, "direction_both"),
        ({"advice": "再做 {quantity} 次"}, "advice_measure"),
        (
            {
                "points": {
                    "by_amount": [
                        {"at_least": 0, "points": -5, "valid_for": {"years": 2}},
                        {"at_least": 9, "points": -6, "valid_for": {"years": 1}},
                    ]
                }
            },
            "not_monotone",
        ),
    ],
)
def test_a_deduction_must_keep_every_rule(change: dict[str, Any], rule: str) -> None:
    assert rule in rules(indicator(**change), **VALIDITY)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"range": [200, 0]}, "range_order"),
        ({"base": 300}, "base_outside_range"),
        ({"effective_until": "2019-01-01"}, "dates_order"),
        ({"effective_from": "下个月"}, "bad_date"),
        ({"version": 2026}, "wrong_type"),
        ({"code": "桂花"}, "bad_format"),
        ({"grades": [{"code": "a", "name": "甲", "minimum": 50}]}, "grades_cover_range"),
        (
            {"grades": [{"code": "a", "name": "甲", "minimum": 0}, {"code": "a", "name": "乙", "minimum": 0}]},
            "grades_order",
        ),
        ({"deduction_validity": [{"up_to": 40, "valid_for": {"years": 1}}]}, "validity_order"),
        (
            {
                "deduction_validity": [
                    {"up_to": 40, "valid_for": {"years": 2}},
                    {"valid_for": {"years": 1}},
                ]
            },
            "validity_order",
        ),
        (
            {
                "fading": {
                    "x": {
                        "version": "1",
                        "basis": "附表",
                        "steps": [{"until": {"years": 1}, "ppm": 5}, {"until": {"years": 2}, "ppm": 6}],
                    }
                }
            },
            "fading_order",
        ),
        (
            {
                "direct_grades": [
                    {"code": "x", "name": "名单", "grade": "worst", "categories": ["serious"], "basis": "依据"}
                ]
            },
            "unknown_grade",
        ),
    ],
)
def test_the_whole_policy_must_keep_every_rule(change: dict[str, Any], rule: str) -> None:
    assert rule in rules(indicator(), **change)


def test_a_person_is_scored_on_their_own_records_and_never_graded_by_a_list() -> None:
    listing = {"code": "x", "name": "名单", "grade": "poor", "categories": ["serious"], "basis": "依据"}
    broken = rules(indicator(relations=["legal_representative"]), subject_kind="person", direct_grades=[listing])
    assert broken == {"person_own_records", "direct_grade_person"}


def test_one_act_once_is_refused_together_with_limits_under_which_removing_a_breach_could_lower_a_score() -> None:
    assert rules(indicator(cap=20), one_act="highest") == {"one_act_with_limit"}
    assert rules(indicator(fading="slow"), one_act="highest", **FADING) == {"one_act_with_limit"}
    assert "one_act_measure" in rules(indicator(measure="exists", points={"flat": -3}), one_act="highest")
    second = {
        "code": "second", "name": "再计", "direction": "down", "basis": "依据", "measure": "value_of",
        "of": "indicator", "points": tiers((-10_000_000_000, -2), (-5, -1)),
    }  # fmt: skip
    assert rules(indicator(), second, one_act="highest") == {"one_act_measure"}
    assert rules(indicator(), second) == set()


@pytest.mark.parametrize("bounds", [[-60, 60], [0, 60], [-60, 0]])
def test_one_act_once_leaves_no_bound_to_a_dimension_with_deductions(bounds: list[int]) -> None:
    """Fines end at the bound, so that without the fine the lighter judgment would lower the score further."""
    bounded = {"code": "bounded", "name": "有界", "range": bounds, "indicators": [indicator()]}
    assert rules(dimensions=[bounded], one_act="highest") == {"one_act_with_limit"}
    assert rules(dimensions=[bounded]) == set()
    assert rules(dimensions=[bounded | {"indicators": [UP]}], one_act="highest") == set()


def test_a_second_price_must_follow_the_direction_of_what_it_prices() -> None:
    second = {
        "code": "second", "name": "模型", "direction": "down", "basis": "模型卡", "measure": "value_of",
        "of": "hours", "points": tiers((0, -1)),
    }  # fmt: skip
    assert "value_of" in rules(UP, second)
    assert "value_of" in rules(UP, second | {"of": "huors"})
    priced = second | {"of": "indicator"}
    assert "points_from_lowest" in rules(indicator(), priced)


def test_every_field_that_the_guide_explains_is_one_of_the_policys() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
    rows = guide.partition("| 写法 | 作用 |\n")[2].partition("\n\n")[0].splitlines()[1:]
    named = {word.partition(":")[0] for row in rows for word in re.findall("`(.+?)`", row.split("|")[1])}
    schema = files("scoring").joinpath("policy.schema.json").read_text(encoding="utf-8")
    assert named
    assert {name for name in named if f'"{name}": {{' not in schema} == set()


def test_what_is_wrong_is_named_with_its_line_and_the_nearest_right_word() -> None:
    source = text(document(indicator())).replace("direction: down", "directon: down")
    line = next(n for n, each in enumerate(source.splitlines(), 1) if "directon" in each)
    unknown = next(p for p in problems(source) if p.rule == "unknown_field")
    assert (unknown.line, unknown.path) == (line, "dimensions[0].indicators[0].directon")
    assert "是不是想写“direction”" in unknown.message


def test_one_reading_names_every_broken_rule_of_whatever_kind() -> None:
    """Shape, meaning, what is forbidden and what the catalogue lacks: nobody mends one to learn of the next."""
    source = text(
        document(
            indicator(code="a", windw={"years": 1}, categories=["religion"]),
            indicator(code="b", categories=["volunteering"]),
            indicator(code="c", categories=["breech"], points={"each": {"points": 10}}),
            indicator(code="d", name="信访次数", measure="each of them"),
            range=[200, 0],
        )
    ).replace("base: 100", "base: '100'")
    with pytest.raises(PolicyInvalid) as refusal:
        load_policy_for(source, {"breach": FACTS, **shipped_catalogue()})
    told = {(problem.rule, problem.path.rpartition("indicators")[2]) for problem in refusal.value.problems}
    assert told == {
        ("unknown_field", "[0].windw"),
        ("forbidden_attribute", "[0].categories[0]"),
        ("unknown_category", "[0].categories[0]"),
        ("only_upward", "[1].categories[0]"),
        ("polarity_direction", "[1].categories[0]"),
        ("wrong_subject_kind", "[1].categories[0]"),
        ("direction_sign", "[2].points.each.points"),
        ("unknown_category", "[2].categories[0]"),
        ("not_a_choice", "[3].measure"),
        ("forbidden_attribute", "[3]"),
        ("wrong_type", "base"),
        ("range_order", "range"),
        ("grades_cover_range", "grades[1].minimum"),
        ("grades_cover_range", "grades[0].minimum"),
    }
    assert all(problem.line for problem in refusal.value.problems)


def brief(name: str) -> dict[str, Any]:
    """A shipped policy with two indicators of each dimension."""
    document: dict[str, Any] = read_document(shipped_policy(name).source_text).data
    for dimension in document["dimensions"]:
        del dimension["indicators"][2:]
    return document


SOURCES = {name: brief(name) for name in shipped_policy_names()}
CATALOGUE = shipped_catalogue()
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "字", 0, -1, 10**12, [], {}, [None], [{}], {"x": 1}, True, date(2026, 1, 1)]
)


@given(st.data())
@settings(max_examples=40)
def test_whatever_is_written_a_policy_is_read_or_refused_by_its_rules(data: st.DataObject) -> None:
    document = deepcopy(SOURCES[data.draw(st.sampled_from(sorted(SOURCES)))])
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = data.draw(st.sampled_from(keys))
            inner = place[key]
            if isinstance(inner, dict | list) and inner and data.draw(st.booleans()):
                place = inner
                continue
            if isinstance(place, dict) and data.draw(st.booleans()):
                del place[key]
            else:
                place[key] = deepcopy(data.draw(JUNK))
            break
        if not document:
            break
    with suppress(PolicyInvalid):
        load_policy_for(json.dumps(document, ensure_ascii=False, default=str), CATALOGUE)


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("", "empty"),
        ("a: [1", "not_yaml"),
        ("a: 1\na: 2", "duplicate_key"),
        ("a: &x {b: 1}\nc: *x", "alias"),
        ("base: .inf", "bad_value"),
        ("- 1", "wrong_type"),
        ("[" * 500 + "]" * 500, "alias"),
        ("a: 1\n" * 300_000, "too_large"),
        ("a: !!python/object:os.system x", "bad_value"),
    ],
)
def test_what_is_no_plain_document_is_refused(source: str, rule: str) -> None:
    assert rule in {problem.rule for problem in problems(source)}


def test_numbers_are_read_exactly() -> None:
    exact = policy(indicator(points={"each": {"points": -0.29}}))
    assert exact.indicators[0].points_versions[0].rows[0].points == -29


FACTS = CategoryFacts(
    "breach", "失约", "negative", "《条例》第一条", ("minor", "serious"), frozenset({"enterprise"})
)


def catalogue_rules(facts: CategoryFacts | None, *indicators: dict[str, Any], **changes: Any) -> set[str]:
    found = check_against_catalogue(policy(*indicators, **changes), {facts.code: facts} if facts else {})
    assert all(problem.line > 0 for problem in found)
    return {problem.rule for problem in found}


def test_only_what_the_catalogue_holds_with_a_legal_basis_may_be_scored() -> None:
    assert catalogue_rules(FACTS, indicator()) == set()
    assert catalogue_rules(None, indicator()) == {"unknown_category"}
    assert catalogue_rules(CategoryFacts("breach", "失约", "negative", " "), indicator()) == {"no_legal_basis"}


def test_a_category_counts_only_in_the_direction_of_its_polarity() -> None:
    praise = CategoryFacts("breach", "表彰", "positive", "《条例》")
    assert catalogue_rules(praise, indicator()) == {"polarity_direction"}
    raised = indicator(direction="up", points={"each": {"points": 1}})
    assert catalogue_rules(FACTS, raised) == {"polarity_direction"}
    listing = {"code": "x", "name": "名单", "grade": "poor", "categories": ["breach"], "basis": "依据"}
    assert catalogue_rules(praise, raised, direct_grades=[listing]) == {"polarity_direction"}


def test_a_forbidden_category_is_recognised_by_its_catalogue_name_too() -> None:
    assert catalogue_rules(CategoryFacts("breach", "婚姻登记", "negative", "《条例》"), indicator()) == {
        "forbidden_attribute"
    }


def test_a_level_that_the_category_does_not_have_is_named() -> None:
    levels = {"by_level": [{"level": 3, "points": -1}]}
    assert catalogue_rules(FACTS, indicator(points=levels)) == {"unknown_level"}


def test_a_category_that_never_holds_records_of_this_kind_of_subject_is_named() -> None:
    assert catalogue_rules(FACTS, indicator(), subject_kind="person") == {"wrong_subject_kind"}


def test_the_shipped_categories_are_those_of_the_shipped_catalogue() -> None:
    document = (files("backend.catalogue") / "shipped" / "catalogue.yaml").read_text(encoding="utf-8")
    theirs = catalogue_of(read_yaml(document))
    for code, facts in shipped_catalogue().items():
        assert code in theirs
        assert (facts.polarity, facts.levels, facts.subject_kinds) == (
            theirs[code].polarity,
            theirs[code].levels,
            theirs[code].subject_kinds,
        )


@pytest.mark.parametrize("name", shipped_policy_names())
def test_shipped_policies_fit_the_shipped_catalogue(name: str) -> None:
    assert check_against_catalogue(shipped_policy(name), shipped_catalogue()) == []


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([{"code": "volunteering"}], "第 1 个类别没有写明 name"),
        (["volunteering"], "第 1 个类别没有写明 code"),
        ("volunteering", "应当是类别的列表"),
        ({"category": []}, "应当是类别的列表"),
        (
            [{"code": "volunteering", "name": "志愿服务", "polarity": "positve", "legal_basis": "《条例》"}],
            "“volunteering”的 polarity 应为 positive、negative、neutral 之一，是不是想写“positive”",
        ),
    ],
)
def test_what_is_not_a_catalogue_is_no_catalogue(document: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        catalogue_of(document)


@pytest.mark.parametrize("name", shipped_policy_names())
def test_shipped_policies_are_valid_and_every_number_has_its_basis(name: str) -> None:
    shipped = shipped_policy(name)
    assert shipped.basis
    assert all(i.basis and i.source and i.points_versions[0].effective_from for i in shipped.indicators)


def test_the_enterprise_evaluation_has_five_first_level_and_fifteen_second_level_indicators() -> None:
    enterprise = shipped_policy("enterprise")
    assert [len(enterprise.dimensions), len(enterprise.indicators)] == [5, 15]
    assert [grade.name for grade in enterprise.grades] == ["优", "良", "中", "差"]


def test_the_layout_of_a_document_does_not_change_its_identity() -> None:
    data = document(indicator())
    reordered = {key: data[key] for key in reversed(list(data))}
    assert load_policy(text(reordered)).hash == load_policy(text(data)).hash
    assert load_policy(yaml.safe_dump(data, default_flow_style=True)).hash == load_policy(text(data)).hash
