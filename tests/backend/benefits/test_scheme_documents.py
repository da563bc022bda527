from __future__ import annotations

from copy import deepcopy
from datetime import date

import pytest

from backend.benefits.eligibility import decide
from backend.benefits.errors import SchemeInvalid
from backend.benefits.fact_catalogue import FACTS, FactSet
from backend.benefits.scheme_document import ACTIVATED, check_document, digest_of, shipped_documents

SCENES = {"信易贷", "信易游", "信易医", "信易行", "信易阅", "信易租", "信易批"}


def a_document(**changes):
    document = {
        "code": "pool_ticket",
        "version": 1,
        "scene": {"code": "swimming", "name": "信易泳"},
        "name": "泳池优惠",
        "summary": "泳池门票优惠。",
        "audience": "person",
        "basis": "合作协议",
        "effective_from": "2026-01-01",
        "conditions": {"fact": "score.total", "op": "ge", "value": 12000, "reason": "信用分达到 120 分。"},
        "tiers": [{"code": "half", "name": "半价", "terms": {"summary": "门票 5 折", "percent_off": 50}}],
        "settlement": "none",
    }
    return {**document, **changes}


@pytest.mark.parametrize("document", shipped_documents(), ids=lambda document: document["code"])
def test_a_shipped_scheme_is_a_good_scheme(document):
    scheme = check_document(document)
    assert scheme.facts <= FACTS.keys()
    assert scheme.basis


def test_the_seven_scenes_are_shipped():
    assert {document["scene"]["name"] for document in shipped_documents()} >= SCENES


def test_no_shipped_code_is_used_twice():
    codes = [document["code"] for document in shipped_documents()]
    assert len(set(codes)) == len(codes)


def test_a_new_scene_is_data_only():
    assert check_document(a_document()).scene_name == "信易泳"


def test_no_document_can_leave_out_that_the_citizen_has_opted_in():
    assert ACTIVATED in check_document(a_document()).condition.parts
    age = {"fact": "person.age", "op": "ge", "value": 60, "reason": "年满 60 周岁。"}
    assert ACTIVATED in check_document(a_document(conditions=age)).condition.parts


def test_the_representatives_score_counts_for_an_enterprise_only_once_opted_in():
    active = {"fact": "enterprise.active", "op": "eq", "value": True, "reason": "登记状态正常。"}
    for_enterprises = a_document(audience="enterprise", conditions=active)
    assert check_document(for_enterprises).facts == {"enterprise.active"}
    by_score = {"fact": "score.total", "op": "ge", "value": 1, "reason": "有信用分。"}
    for_enterprises["tiers"][0]["conditions"] = by_score
    assert "consent.activated" in check_document(for_enterprises).facts


def test_a_benefit_for_enterprises_is_for_nobody_without_one():
    by_score = {"fact": "score.total", "op": "ge", "value": 1, "reason": "有信用分。"}
    scheme = check_document(a_document(audience="enterprise", conditions=by_score))
    citizen = FactSet(on=date(2026, 3, 3), values={"score.total": 200_00, "consent.activated": True})
    assert not decide(scheme, citizen).eligible
    with_enterprise = FactSet(on=citizen.on, values={**citizen.values, "enterprise.active": True})
    assert decide(scheme, with_enterprise).eligible


def with_terms(**terms):
    document = deepcopy(a_document())
    document["tiers"][0]["terms"].update(terms)
    return document


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (with_terms(percent_off=-20), "percent_off"),
        (with_terms(percent_off=0), "percent_off"),
        (with_terms(percent_off=101), "percent_off"),
        (with_terms(amount_cents=-100), "amount_cents"),
        (with_terms(surcharge_cents=100), "terms"),
        (with_terms(score=12000), "terms"),
    ],
)
def test_a_scheme_cannot_raise_a_price_or_tell_a_score(document, place):
    with pytest.raises(SchemeInvalid) as refusal:
        check_document(document)
    assert any(place in problem for problem in refusal.value.problems)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"version": 0}, "$.version"),
        ({"audience": "minor"}, "$.audience"),
        ({"code": "Pool Ticket"}, "$.code"),
        ({"tiers": []}, "$.tiers"),
        ({"effective_from": "2026-13-01"}, "$.effective_from"),
        ({"effective_to": "2025-12-31"}, "$.effective_to"),
        ({"quota": {"limit": 0, "period": "month"}}, "$.quota.limit"),
        ({"quota": {"limit": 1, "period": "fortnight"}}, "$.quota.period"),
        ({"settlement": "per_use"}, "$.tiers[0].terms"),
        ({"budget_cents": 100}, "$.budget_cents"),
        (
            {"conditions": {"fact": "person.religion", "op": "eq", "value": True, "reason": "…"}},
            "$.conditions.fact",
        ),
        (
            {"conditions": {"fact": "enterprise.active", "op": "eq", "value": True, "reason": "正常。"}},
            "$.conditions",
        ),
        ({"blacklist": True}, "$"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(changes, place):
    with pytest.raises(SchemeInvalid) as refusal:
        check_document(a_document(**changes))
    assert any(problem.startswith(place) for problem in refusal.value.problems)


HOURS = {"fact": "records.volunteering.hours_12_months", "reason": "志愿服务时长。"}
DONATED = {"fact": "records.blood_donation.latest_on", "op": "within_days", "value": 365, "reason": "献血。"}


@pytest.mark.parametrize(
    "condition",
    [
        {**HOURS, "op": "le", "value": 1000},
        {**HOURS, "op": "between", "value": [0, 1000]},
        {"not": {**HOURS, "op": "ge", "value": 1000}},
        {"not": DONATED},
        {"any": [{**HOURS, "op": "ge", "value": 1000}, {"not": {"all": [DONATED]}}]},
    ],
)
def test_volunteering_and_donating_blood_lose_nobody_a_benefit(condition):
    in_a_tier = a_document()
    in_a_tier["tiers"][0]["conditions"] = condition
    for document in (a_document(conditions=condition), in_a_tier):
        with pytest.raises(SchemeInvalid) as refusal:
            check_document(document)
        assert "只能用于放宽" in refusal.value.problems[0]
    upward = {"any": [{**HOURS, "op": "ge", "value": 1000}, DONATED]}
    assert check_document(a_document(conditions=upward))


def test_the_digest_does_not_depend_on_order():
    document = a_document()
    assert digest_of(document) == digest_of(dict(reversed(document.items())))
    assert digest_of(document) != digest_of(a_document(version=2))
