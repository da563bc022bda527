"""The published numbers of real cities, one by one, as the shipped policies give them.

海贝分 and the deductions are those of 威海文登; the enterprise evaluation is in the manner of 广州 and of
GB/T 45255-2025.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scoring.policy import (
    Policy,
    load_policy_for,
    shipped_catalogue,
    shipped_policy,
    shipped_policy_names,
)
from scoring.problems import PolicyInvalid
from tests.scoring.builders import document, indicator, score, text
from tests.scoring.oracle import Rec

HAIBEI, ENTERPRISE, OUJIANG = (shipped_policy(name) for name in ("haibei", "enterprise", "oujiang"))
LATELY = date(2026, 6, 1)


def change(of: Policy, *records: Rec, as_of: date = date(2026, 7, 1)) -> float:
    """Points above or below the base."""
    return (score(of, *records, as_of=as_of).total - of.base) / 100


@pytest.mark.parametrize(
    ("of", "cuts"),
    [
        (HAIBEI, {"AAA": 1150, "AA": 1050, "A": 1000, "B": 950, "C": 800.01, "D": 0}),
        (OUJIANG, {"excellent": 750, "very_good": 700, "good": 600, "fair": 550, "low": 0}),
    ],
)
def test_grades_begin_at_the_citys_published_scores(of: Policy, cuts: dict[str, float]) -> None:
    assert {grade.code: grade.minimum / 100 for grade in of.grades} == cuts


def test_guihua_begins_at_a_hundred_and_ends_at_two_hundred() -> None:
    guihua = shipped_policy("guihua")
    assert (guihua.base, guihua.minimum, guihua.maximum) == (10000, 0, 20000)
    assert {100, 120} <= {grade.minimum // 100 for grade in guihua.grades}


@pytest.mark.parametrize(
    ("hours", "points"),
    [
        *[(9, 0), (10, 2), (20, 5), (50, 10), (80, 15), (100, 20)],
        *[(150, 25), (200, 30), (250, 40), (300, 50), (900, 50)],
    ],
)
def test_volunteer_hours_earn_the_nine_published_tiers(hours: int, points: float) -> None:
    assert change(HAIBEI, Rec(1, "volunteering", LATELY, quantity=hours * 100)) == points


@pytest.mark.parametrize(("times", "points"), [(1, 10), (4, 40), (5, 40)])
def test_each_blood_donation_earns_ten_and_a_year_at_most_forty(times: int, points: float) -> None:
    given = [Rec(n, "blood_donation", date(2026, 1, n), level=1) for n in range(1, times + 1)]
    assert change(HAIBEI, *given) == points


def test_a_marrow_donation_earns_fifty() -> None:
    assert change(HAIBEI, Rec(1, "blood_donation", LATELY, level=3)) == 50


@pytest.mark.parametrize(("level", "years"), [(1, 5), (2, 3), (3, 2), (4, 1)])
def test_an_award_counts_as_many_years_as_its_level_says(level: int, years: int) -> None:
    award = Rec(1, "honour", date(2026, 6, 1), level=level)
    assert change(HAIBEI, award, as_of=date(2026 + years, 5, 31)) > 0
    assert change(HAIBEI, award, as_of=date(2026 + years, 6, 1)) == 0


@pytest.mark.parametrize(
    ("yuan", "level", "points"),
    [(0, 1, -5), (500, 1, -10), (5_000, 2, -20), (50_000, 2, -40), (0, 3, -100)],
    ids=["warning", "low fine", "heavier fine", "top fine", "licence suspended"],
)
def test_an_administrative_penalty_costs_what_its_kind_costs(yuan: int, level: int, points: float) -> None:
    assert change(HAIBEI, Rec(1, "admin_penalty", LATELY, amount=yuan * 100, level=level)) == points


@pytest.mark.parametrize(("level", "points", "performed"), [(1, -40, -10), (2, -80, -20), (3, -100, -30)])
def test_a_judgment_not_performed_costs_until_it_is_performed(level: int, points: float, performed: float) -> None:
    assert change(HAIBEI, Rec(1, "court_judgment", LATELY, level=level)) == points
    assert change(HAIBEI, Rec(1, "court_judgment", LATELY, level=level, performed=date(2026, 6, 20))) == performed


@pytest.mark.parametrize(("yuan", "level", "years"), [(50_000, 2, 1), (0, 3, 2)], ids=["forty", "a hundred"])
def test_a_deduction_of_up_to_forty_lasts_one_year_and_a_larger_one_two(yuan: int, level: int, years: int) -> None:
    penalty = Rec(1, "admin_penalty", date(2026, 6, 1), amount=yuan * 100, level=level)
    assert change(HAIBEI, penalty, as_of=date(2026 + years, 5, 31)) < 0
    assert change(HAIBEI, penalty, as_of=date(2026 + years, 6, 1)) == 0


def test_one_act_under_several_items_counts_once_at_the_highest() -> None:
    fine = Rec(1, "admin_penalty", LATELY, amount=500_00, level=1, act=7)
    suspended = Rec(2, "admin_penalty", LATELY, level=3, act=7)
    assert change(HAIBEI, fine, suspended) == -100


def test_the_same_kind_again_within_its_validity_counts_double() -> None:
    first, again = (Rec(n, "admin_penalty", date(2026, n, 1), amount=500_00, level=1) for n in (1, 5))
    assert change(HAIBEI, first, again) == -10 - 20


def test_a_continuing_act_counts_from_its_end() -> None:
    ended = Rec(1, "utility_arrears", date(2024, 1, 1), end=date(2026, 5, 1), quantity=12_00)
    assert change(HAIBEI, ended, as_of=date(2027, 4, 30)) == -20
    assert change(HAIBEI, ended, as_of=date(2027, 5, 1)) == 0


# --- enterprises ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", ["wage_arrears", "social_insurance_arrears", "housing_fund_arrears"])
@pytest.mark.parametrize(("months", "points"), [(1, -10), (2, -10), (3, -30), (6, -30), (7, -50)])
def test_arrears_of_wages_and_dues_cost_by_how_long_they_lasted(category: str, months: int, points: float) -> None:
    assert change(ENTERPRISE, Rec(1, category, LATELY, quantity=months * 100)) == points


@pytest.mark.parametrize(("level", "points"), [(1, -20), (2, -50), (3, -100)])
def test_tax_evasion_costs_by_its_gravity(level: int, points: float) -> None:
    assert change(ENTERPRISE, Rec(1, "tax_evasion", LATELY, level=level)) == points


def test_a_general_accident_costs_thirty() -> None:
    assert change(ENTERPRISE, Rec(1, "safety_accident", LATELY, level=1)) == -30


def test_a_listed_legal_representative_means_the_lowest_grade() -> None:
    listed = score(ENTERPRISE, Rec(1, "dishonest_debtor", LATELY, relation=1))
    assert ENTERPRISE.grades[listed.grade].code == "poor"
    assert [direct.code for direct in listed.direct] == ["representative_is_dishonest_debtor"]
    shareholder = score(ENTERPRISE, Rec(1, "dishonest_debtor", LATELY, relation=2))
    assert ENTERPRISE.grades[shareholder.grade].code == "good"


def test_the_enterprise_table_of_wendeng_can_be_written_down_as_it_is() -> None:
    """Its flat deductions for infringement and bidding, where the shipped evaluation goes by gravity."""
    flat = {"ip_infringement": -40, "bid_violation": -50, "abnormal_operation": -100}
    wendeng = load_policy_for(
        text(
            document(
                *[
                    indicator(code=code, categories=[code], points={"each": {"points": points}})
                    for code, points in flat.items()
                ],
                base=1000,
                range=[0, 1000],
                grades=[
                    {"code": "good", "name": "良", "minimum": 800},
                    {"code": "poor", "name": "差", "minimum": 0},
                ],
            )
        ),
        shipped_catalogue(),
    )
    for code, points in flat.items():
        assert change(wendeng, Rec(1, code, LATELY, level=1)) == points


# --- what every shipped policy keeps ----------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped_policy_names())
def test_every_number_has_its_basis_and_its_date_of_effect(name: str) -> None:
    of = shipped_policy(name)
    assert of.basis
    for each in of.indicators:
        assert each.source, each.code
        for points in each.points_versions:
            assert points.basis, each.code
            assert points.effective_from >= of.effective_from
    for direct in of.direct_grades:
        assert direct.basis


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"name": "信访次数"}, "forbidden_attribute"),
        ({"name": "计划生育"}, "forbidden_attribute"),
        ({"name": "政治信仰"}, "forbidden_attribute"),
        ({"name": "网络言论"}, "forbidden_attribute"),
        ({"name": "民族"}, "forbidden_attribute"),
        ({"name": "性别"}, "forbidden_attribute"),
        ({"name": "婚姻状况"}, "forbidden_attribute"),
        ({"name": "宗教信仰"}, "forbidden_attribute"),
        ({"name": "基因"}, "forbidden_attribute"),
        ({"name": "指纹"}, "forbidden_attribute"),
        ({"name": "血型"}, "forbidden_attribute"),
        ({"name": "病史"}, "forbidden_attribute"),
        ({"name": "存款余额"}, "forbidden_attribute"),
        ({"name": "商业保险"}, "forbidden_attribute"),
        ({"name": "不动产"}, "forbidden_attribute"),
        ({"name": "纳税数额"}, "forbidden_attribute"),
        ({"code": "family_income"}, "forbidden_attribute"),
        ({"categories": ["shopping_habits"]}, "unknown_category"),
        ({"categories": ["volunteering"]}, "only_upward"),
        ({"categories": ["blood_donation"]}, "only_upward"),
        ({"basis": ""}, "too_few"),
    ],
)
def test_what_no_city_may_score_is_refused_and_the_rule_named(changes: dict[str, Any], rule: str) -> None:
    person = {"subject_kind": "person", "direct_grades": []}
    with pytest.raises(PolicyInvalid) as refusal:
        load_policy_for(text(document(indicator(**{"categories": ["court_judgment"]} | changes), **person)),
                        shipped_catalogue())  # fmt: skip
    assert rule in {problem.rule for problem in refusal.value.problems}
    assert all(problem.line for problem in refusal.value.problems)
