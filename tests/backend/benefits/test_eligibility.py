from __future__ import annotations

from datetime import date

import pytest

from backend.benefits.eligibility import decide
from backend.benefits.fact_catalogue import FactSet
from backend.benefits.scheme_document import check_document, shipped_documents
from tests.backend.benefits.made_up import document

SHIPPED = {scheme.code: scheme for scheme in map(check_document, shipped_documents())}

CLEAN_CITIZEN = {
    "consent.activated": True,
    "person.age": 36,
    "records.volunteering.hours_12_months": 0,
    "records.dishonest_debtor.in_force": 0,
    "records.court_judgment.unperformed": 0,
    "records.contract_performance.broken_24_months": 0,
    "records.utility_arrears.unpaid": 0,
    "records.transport_fare_evasion.count_12_months": 0,
}
GOOD_ENTERPRISE = {
    "enterprise.active": True,
    "enterprise.evaluation": "excellent",
    "enterprise.registered_days": 2000,
    "enterprise.commitments.signed_24_months": 1,
    "enterprise.commitments.broken_24_months": 0,
    "enterprise.tax_rating": "b",
    "enterprise.dishonest_debtor.in_force": 0,
    "enterprise.serious_list.in_force": 0,
    "enterprise.abnormal_operation.in_force": 0,
}


def decision(code, **changes):
    values = {
        **CLEAN_CITIZEN,
        **GOOD_ENTERPRISE,
        **{name.replace("__", "."): value for name, value in changes.items()},
    }
    scheme = SHIPPED[code] if isinstance(code, str) else code
    return decide(scheme, FactSet(on=date(2026, 3, 3), values=values))


@pytest.mark.parametrize(
    ("code", "total", "terms"),
    [
        ("reading_deposit_free", 119_99, None),
        ("reading_deposit_free", 120_00, "免押借阅 15 册，续借 3 次"),
        ("reading_deposit_free", 140_00, "免押借阅 15 册，续借 3 次，另可免押借用电子阅读器 1 台"),
        ("scenic_spots", 124_99, None),
        ("scenic_spots", 125_00, "门票 5 折"),
        ("scenic_spots", 145_00, "门票全免"),
        ("treat_first_pay_later", 119_99, None),
        ("treat_first_pay_later", 120_00, "免交住院押金，最高 5 万元；轮椅等辅具免押金"),
        ("transit_fare", 109_99, None),
        ("transit_fare", 110_00, "票价 9 折"),
        ("transit_fare", 130_00, "票价 8 折"),
        ("parking_pay_later", 120_00, "先离场后付费，停车费 8 折"),
        ("rental_free_hours", 120_00, "免押金，3 小时内免费"),
        ("office_rent", 129_99, None),
        ("office_rent", 130_00, "首年租金减 10%"),
        ("office_rent", 150_00, "首年租金减 30%"),
        ("personal_credit_loan", 139_99, None),
        ("personal_credit_loan", 140_00, "住房贷款首套 LPR+55 基点、二套 LPR+70 基点"),
        (
            "personal_credit_loan",
            150_00,
            "住房贷款首套 LPR+50 基点、二套 LPR+65 基点；可申请最高 30 万元备用额度",
        ),
        ("fitness_coupon", 119_99, None),
        ("fitness_coupon", 120_00, "免费入场 1 次"),
    ],
)
def test_the_shipped_schemes_give_at_each_score_what_they_promise(code, total, terms):
    decided = decision(code, score__total=total)
    assert decided.eligible is (terms is not None)
    assert (decided.terms or {}).get("summary") == terms


@pytest.mark.parametrize(
    ("code", "obstacle"),
    [
        ("scenic_spots", "records.dishonest_debtor.in_force"),
        ("treat_first_pay_later", "records.court_judgment.unperformed"),
        ("transit_fare", "records.transport_fare_evasion.count_12_months"),
        ("parking_pay_later", "records.utility_arrears.unpaid"),
        ("rental_free_hours", "records.contract_performance.broken_24_months"),
        ("office_rent", "enterprise.serious_list.in_force"),
        ("enterprise_credit_loan", "enterprise.dishonest_debtor.in_force"),
        ("approval_green_channel", "enterprise.abnormal_operation.in_force"),
        ("approval_green_channel", "enterprise.commitments.broken_24_months"),
    ],
)
def test_one_standing_obstacle_is_named_and_nothing_else(code, obstacle):
    decided = decision(code, score__total=160_00, **{obstacle.replace(".", "__"): 1})
    assert [unmet.fact for unmet in decided.unmet] == [obstacle]
    assert not decided.eligible
    assert decided.terms is None


@pytest.mark.parametrize("code", SHIPPED)
def test_nothing_is_given_for_unknown_facts(code):
    decided = decide(SHIPPED[code], FactSet(on=date(2026, 3, 3), values={}))
    assert not decided.eligible
    assert not decided.nearly


@pytest.mark.parametrize("code", [code for code, scheme in SHIPPED.items() if scheme.audience == "person"])
def test_without_opting_in_the_best_score_opens_nothing(code):
    decided = decision(code, score__total=200_00, consent__activated=False)
    assert [unmet.fact for unmet in decided.unmet] == ["consent.activated"]


def test_volunteering_opens_the_sports_grounds_without_a_high_score():
    assert decision("fitness_coupon", score__total=100_00, records__volunteering__hours_12_months=50_00).eligible


def test_a_good_enterprise_gets_the_lower_credit_line_and_a_fair_one_none():
    assert decision("enterprise_credit_loan").tier.code == "excellent"
    assert decision("enterprise_credit_loan", enterprise__evaluation="good").tier.code == "good"
    assert not decision("enterprise_credit_loan", enterprise__evaluation="fair").eligible


def test_whoever_is_on_the_red_list_is_accepted_the_same_day_and_others_lose_nothing_by_not_being_on_it():
    assert decision("approval_green_channel", enterprise__red_listed=True).tier.code == "red_listed"
    for not_listed in (False, None):
        assert decision("approval_green_channel", enterprise__red_listed=not_listed).tier.code == "green"


def test_a_commitment_makes_up_for_a_tax_rating():
    assert decision("enterprise_credit_loan", enterprise__tax_rating="c").eligible
    without = decision(
        "enterprise_credit_loan", enterprise__tax_rating="c", enterprise__commitments__signed_24_months=0
    )
    assert len(without.unmet) == 1


def test_a_few_points_short_is_nearly_there():
    assert decision("reading_deposit_free", score__total=110_00).nearly
    assert not decision("reading_deposit_free", score__total=109_99).nearly


def test_a_small_arrear_is_within_reach_and_a_dishonest_debtor_is_not():
    assert decision("parking_pay_later", score__total=130_00, records__utility_arrears__unpaid=1).nearly
    assert not decision("scenic_spots", score__total=130_00, records__dishonest_debtor__in_force=1).nearly


def test_the_way_to_the_easiest_tier_is_told():
    leaf = {"fact": "score.total", "op": "ge", "reason": "信用分。"}
    scheme = check_document(
        document(
            conditions={"fact": "person.age", "op": "ge", "value": 18, "reason": "年满 18 周岁。"},
            tiers=[
                {
                    "code": "full",
                    "name": "高",
                    "conditions": {**leaf, "value": 150_00},
                    "terms": {"summary": "全免"},
                },
                {
                    "code": "half",
                    "name": "低",
                    "conditions": {**leaf, "value": 120_00},
                    "terms": {"summary": "半价"},
                },
            ],
        )
    )
    [unmet] = decision(scheme, score__total=100_00).unmet
    assert unmet.need == "信用分不低于 120.00 分"
