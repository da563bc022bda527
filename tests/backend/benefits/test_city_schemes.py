"""The published rules of real cities, as data: what each score gives there."""

from __future__ import annotations

from datetime import date

import pytest

from backend.benefits.eligibility import decide
from backend.benefits.fact_catalogue import FACTS, FactSet
from backend.benefits.scheme_document import check_document, shipped_documents
from backend.benefits.schemes import import_scheme, put_into_effect, scheme_in_force

CITIES = shipped_documents("shipped/cities")
ON = date(2026, 3, 3)


def told(code: str, points: int, *, version: int = 1, **facts):
    """The terms that so many points give, or None."""
    document = next(one for one in CITIES if (one["code"], one["version"]) == (code, version))
    scheme = check_document(document)
    known = {"consent.activated": True, "score.total": points * 100, **facts}
    tier = decide(scheme, FactSet(on=ON, values=known)).tier
    return tier.terms["summary"] if tier else None


@pytest.mark.parametrize("document", CITIES, ids=lambda one: f"{one['code']}_{one['version']}")
def test_each_is_a_good_scheme(document):
    scheme = check_document(document)
    assert scheme.facts <= FACTS.keys()


@pytest.mark.parametrize(
    ("code", "points", "terms"),
    [
        ("wenzhou_reading", 649, "借阅 10 册，续借 2 次"),
        ("wenzhou_reading", 650, "借阅 15 册，续借 3 次"),
        ("wenzhou_reading", 700, "借阅 15 册，续借 3 次，免押借用电子阅读器"),
        ("suzhou_reading", 120, None),
        ("suzhou_reading", 121, "免押金办理诚信借阅卡"),
        ("wencheng_scenic", 699, None),
        ("wencheng_scenic", 749, "一处景区免票，另一处门票半价"),
        ("wencheng_scenic", 750, "两处景区门票全免"),
        ("weihai_scenic", 1049, None),
        ("weihai_scenic", 1050, "门票 7.5 折"),
        ("weihai_scenic", 1150, "门票 5 折"),
        ("wenzhou_parking", 649, None),
        ("wenzhou_parking", 650, "先离场后付费，停车费 8 折"),
        ("fuzhou_rental", 649, None),
        ("fuzhou_rental", 650, "充电宝、雨伞、电动滑板车 3 小时内免费"),
        ("weihai_medical", 1050, "免交住院押金，最高 5 万元；轮椅免押金"),
        ("wenzhou_home_loan", 699, None),
        ("wenzhou_home_loan", 700, "首套 LPR+55 基点，二套 LPR+70 基点"),
        ("wenzhou_home_loan", 750, "首套 LPR+50 基点，二套 LPR+65 基点"),
        ("wenzhou_reserve_line", 749, None),
        ("wenzhou_reserve_line", 750, "备用额度最高 30 万元，以银行核定为准"),
        ("huantai_heating", 1149, None),
        ("huantai_heating", 1150, "供暖费减免 300 元"),
    ],
)
def test_a_score_gives_what_the_city_says(code, points, terms):
    assert told(code, points) == terms


def test_fuzhous_fares_moved_from_686_to_697():
    assert [told("fuzhou_transit", points) for points in (685, 686)] == ["票价 9 折", "票价 8 折"]
    assert [told("fuzhou_transit", points, version=2) for points in (696, 697)] == ["票价 9 折", "票价 8 折"]


def test_an_office_is_rented_by_the_representatives_score():
    company = {"enterprise.active": True}
    assert told("weihai_office_rent", 1050, **company) == "租金减 10%"
    assert told("weihai_office_rent", 1150, **company) == "租金减 30%"
    assert told("weihai_office_rent", 1150, **{"enterprise.active": False}) is None
    assert told("weihai_office_rent", 1150) is None, "unknown is no"


def test_the_green_channel_asks_for_the_best_evaluation_and_a_commitment():
    best = {
        "enterprise.active": True,
        "enterprise.evaluation": "excellent",
        "enterprise.commitments.signed_24_months": 1,
    }
    assert told("weihai_approval", 0, **best) == "绿色通道、容缺受理"
    assert told("weihai_approval", 0, **{**best, "enterprise.evaluation": "good"}) is None
    assert told("weihai_approval", 0, **{**best, "enterprise.commitments.signed_24_months": 0}) is None


def test_fitness_coupons_come_more_often_with_a_higher_score():
    scheme = check_document(next(one for one in CITIES if one["code"] == "wenzhou_fitness"))
    periods = []
    for points in (699, 700):
        known = {"consent.activated": True, "score.total": points * 100}
        tier = decide(scheme, FactSet(on=ON, values=known)).tier
        periods.append(scheme.quota_of(tier).period)
    assert periods == ["two_months", "month"]


def test_the_version_of_the_day_decides(session, now):
    for document in CITIES:
        if document["code"] == "fuzhou_transit":
            scheme = import_scheme(session, document, drafted_by="甲", now=now)
            put_into_effect(session, scheme, submitted_by="甲", approved_by="乙", now=now)
    assert scheme_in_force(session, "fuzhou_transit", date(2019, 6, 1)).rules.version == 1
    assert scheme_in_force(session, "fuzhou_transit", ON).rules.version == 2


def test_what_is_exported_can_be_imported_as_it_is(session, now):
    for document in CITIES:
        scheme = import_scheme(session, document, drafted_by="甲", now=now)
        assert import_scheme(session, scheme.document, drafted_by="乙", now=now).id == scheme.id
