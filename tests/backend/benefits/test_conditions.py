from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.benefits.conditions import (
    OPS,
    All,
    Any,
    ConditionInvalid,
    Leaf,
    Not,
    evaluate,
    facts_in,
    parse_condition,
    unmet_conditions,
)
from backend.benefits.fact_catalogue import FACTS, FactSet

ON = date(2026, 3, 3)
SCORE = {"fact": "score.total", "op": "ge", "value": 12000, "reason": "信用分达到 120 分。"}
ADULT = {"fact": "person.age", "op": "ge", "value": 18, "reason": "年满 18 周岁。"}
NO_ARREARS = {"fact": "records.utility_arrears.unpaid", "op": "le", "value": 0, "reason": "没有欠费。"}
GOOD = {"fact": "enterprise.evaluation", "op": "in", "value": ["excellent", "good"], "reason": "评价为优或良。"}
ACTIVE = {"fact": "enterprise.active", "op": "eq", "value": True, "reason": "登记状态正常。"}
DONATED = {
    "fact": "records.blood_donation.latest_on",
    "op": "within_days",
    "value": 365,
    "reason": "近一年献过血。",
}


def facts(**values):
    return FactSet(on=ON, values={name.replace("__", "."): value for name, value in values.items()})


def truth(document, **values):
    return evaluate(parse_condition(document), facts(**values))


@pytest.mark.parametrize(
    ("document", "values", "expected"),
    [
        (SCORE, {"score__total": 12000}, True),
        (SCORE, {"score__total": 11999}, False),
        (SCORE, {}, None),
        (SCORE, {"score__total": None}, None),
        (NO_ARREARS, {"records__utility_arrears__unpaid": 0}, True),
        (NO_ARREARS, {"records__utility_arrears__unpaid": 1}, False),
        (GOOD, {"enterprise__evaluation": "good"}, True),
        (GOOD, {"enterprise__evaluation": "fair"}, False),
        (ACTIVE, {"enterprise__active": True}, True),
        (ACTIVE, {"enterprise__active": False}, False),
        (DONATED, {"records__blood_donation__latest_on": ON - timedelta(days=365)}, True),
        (DONATED, {"records__blood_donation__latest_on": ON - timedelta(days=366)}, False),
        (DONATED, {"records__blood_donation__latest_on": ON}, True),
        (DONATED, {"records__blood_donation__latest_on": ON + timedelta(days=1)}, False),
        ({**SCORE, "op": "between", "value": [11000, 12000]}, {"score__total": 12000}, True),
        ({**SCORE, "op": "between", "value": [11000, 12000]}, {"score__total": 10999}, False),
        ({**ADULT, "op": "eq"}, {"person__age": 18}, True),
    ],
)
def test_a_leaf_compares_one_fact(document, values, expected):
    assert truth(document, **values) is expected


def test_unknown_never_passes():
    assert truth({"all": [SCORE, ADULT]}, person__age=40) is None
    assert truth({"not": SCORE}) is None
    assert truth({"any": [SCORE, ADULT]}, person__age=17) is None


def test_what_is_known_may_settle_it_whatever_the_unknown_is():
    assert truth({"all": [SCORE, ADULT]}, person__age=17) is False
    assert truth({"any": [SCORE, ADULT]}, person__age=18) is True


def test_each_unmet_condition_is_named_with_need_and_have():
    condition = parse_condition({"all": [SCORE, ADULT, NO_ARREARS]})
    [score, arrears] = unmet_conditions(
        condition, facts(score__total=11550, person__age=30, records__utility_arrears__unpaid=2)
    )
    assert (score.need, score.have, score.shortfall) == ("信用分不低于 120.00 分", "115.50 分", 450)
    assert (arrears.need, arrears.have) == ("没有未缴清的公用事业欠费", "2 笔")
    assert score.reason == SCORE["reason"]
    assert all(unmet.how for unmet in (score, arrears))


def test_a_missing_fact_is_shown_as_missing():
    [unmet] = unmet_conditions(parse_condition(SCORE), facts())
    assert (unmet.have, unmet.known, unmet.shortfall) == ("暂无数据", False, None)


def test_of_several_ways_the_shortest_is_told():
    condition = parse_condition({"any": [{"all": [SCORE, ADULT]}, NO_ARREARS]})
    unmet = unmet_conditions(condition, facts(score__total=0, person__age=3, records__utility_arrears__unpaid=1))
    assert [one.fact for one in unmet] == ["records.utility_arrears.unpaid"]


def test_of_equally_short_ways_the_one_within_reach_is_told():
    either = parse_condition({"any": [SCORE, NO_ARREARS]})
    [unmet] = unmet_conditions(either, facts(score__total=0, records__utility_arrears__unpaid=1))
    assert unmet.fact == "records.utility_arrears.unpaid"
    [unmet] = unmet_conditions(either, facts(score__total=0, records__utility_arrears__unpaid=9))
    assert unmet.fact == "score.total"


def test_what_must_not_be_is_told_as_such():
    listed = {"fact": "enterprise.serious_list.in_force", "op": "ge", "value": 1, "reason": "不在名单。"}
    irregular = {"fact": "enterprise.abnormal_operation.in_force", "op": "ge", "value": 1, "reason": "不在名录。"}
    condition = parse_condition({"not": {"any": [listed, irregular]}})
    values = {"enterprise__serious_list__in_force": 1, "enterprise__abnormal_operation__in_force": 2}
    assert [unmet.need for unmet in unmet_conditions(condition, facts(**values))] == [
        "没有严重失信主体名单记录",
        "没有经营异常名录记录",
    ]
    # "Not both" is met by clearing either one.
    condition = parse_condition({"not": {"all": [listed, irregular]}})
    assert len(unmet_conditions(condition, facts(**values))) == 1


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "conditions"),
        ({}, "conditions"),
        ({"all": []}, "conditions.all"),
        ({"all": [SCORE], "any": [SCORE]}, "conditions"),
        ({"none": [SCORE]}, "conditions"),
        ({"all": [SCORE, {"any": [{"not": {"all": [SCORE]}}]}]}, "conditions.all[1].any[0].not"),
        ({**SCORE, "fact": "person.ethnicity"}, "conditions.fact"),
        ({**SCORE, "op": "eq"}, "conditions.op"),
        ({**SCORE, "op": "lt"}, "conditions.op"),
        ({**SCORE, "value": 120.5}, "conditions.value"),
        ({**SCORE, "value": "12000"}, "conditions.value"),
        ({**SCORE, "value": True}, "conditions.value"),
        ({**SCORE, "value": None}, "conditions.value"),
        ({**SCORE, "op": "between", "value": [2, 1]}, "conditions.value"),
        ({**SCORE, "op": "between", "value": [1]}, "conditions.value"),
        ({**SCORE, "reason": " "}, "conditions.reason"),
        ({"fact": "score.total", "op": "ge", "value": 1}, "conditions"),
        ({**SCORE, "weight": 2}, "conditions"),
        ({**GOOD, "value": ["best"]}, "conditions.value"),
        ({**GOOD, "value": []}, "conditions.value"),
        ({**ACTIVE, "value": 1}, "conditions.value"),
        ({**DONATED, "value": -1}, "conditions.value"),
    ],
)
def test_a_condition_outside_the_closed_table_is_refused_with_its_place(document, path):
    with pytest.raises(ConditionInvalid) as refusal:
        parse_condition(document)
    assert refusal.value.path == path


def test_three_levels_above_a_leaf_are_enough():
    assert facts_in(parse_condition({"all": [{"any": [{"not": SCORE}, ADULT]}]})) == {"score.total", "person.age"}


# --- properties ----------------------------------------------------------------------------------------------

_DAYS = st.integers(-400, 400).map(lambda days: ON + timedelta(days=days))


@cache
def _values_of(code):
    definition = FACTS[code]
    match definition.kind:
        case "flag":
            return st.booleans()
        case "choice":
            return st.sampled_from(list(definition.choices))
        case "day":
            return _DAYS
        case _:
            return st.integers(-3, 3)


@st.composite
def leaves(draw):
    definition = draw(st.sampled_from(list(FACTS.values())))
    op = draw(st.sampled_from(sorted(OPS[definition.kind])))
    if op == "between":
        value = tuple(sorted(draw(st.tuples(st.integers(-3, 3), st.integers(-3, 3)))))
    elif op == "in":
        value = tuple(draw(st.lists(_values_of(definition.code), min_size=1, max_size=3)))
    elif op == "within_days":
        value = draw(st.integers(0, 400))
    else:
        value = draw(_values_of(definition.code))
    return Leaf(fact=definition.code, op=op, value=value, reason="理由")


@cache
def trees(levels=3):
    if levels == 0:
        return leaves()
    inner = trees(levels - 1)
    groups = st.lists(inner, min_size=1, max_size=2).map(tuple)
    return st.one_of(leaves(), groups.map(All), groups.map(Any), inner.map(Not))


@st.composite
def cases(draw):
    """A condition, and facts of which some are unknown."""
    condition = draw(trees())
    known = {code: draw(_values_of(code)) for code in sorted(facts_in(condition)) if draw(st.booleans())}
    return condition, FactSet(on=ON, values=known)


def two_valued(condition, complete):
    """The slow, obvious reading, for facts that are all known."""
    match condition:
        case All(parts=parts):
            return all(two_valued(part, complete) for part in parts)
        case Any(parts=parts):
            return any(two_valued(part, complete) for part in parts)
        case Not(part=part):
            return not two_valued(part, complete)
    have = complete.values[condition.fact]
    return {
        "ge": lambda: have >= condition.value,
        "le": lambda: have <= condition.value,
        "eq": lambda: have == condition.value,
        "between": lambda: condition.value[0] <= have <= condition.value[1],
        "in": lambda: have in condition.value,
        "within_days": lambda: timedelta(0) <= complete.on - have <= timedelta(days=condition.value),
    }[condition.op]()


@given(cases(), st.data())
@settings(max_examples=200)
def test_an_answer_despite_unknowns_is_the_answer_for_whatever_they_turn_out_to_be(case, data):
    condition, known = case
    missing = sorted(facts_in(condition) - known.values.keys())
    complete = FactSet(on=ON, values={**known.values, **{code: data.draw(_values_of(code)) for code in missing}})
    answer = evaluate(condition, known)
    if missing and answer is None:
        return
    assert answer is two_valued(condition, complete)


@given(cases())
@settings(max_examples=200)
def test_something_is_unmet_exactly_when_the_condition_is_not_true(case):
    condition, known = case
    assert (evaluate(condition, known) is True) == (unmet_conditions(condition, known) == ())


@given(cases())
@settings(max_examples=200)
def test_every_unmet_condition_can_be_read(case):
    for unmet in unmet_conditions(*case):
        assert all([unmet.need, unmet.have, unmet.how])
        assert (unmet.have == "暂无数据") == (not unmet.known)
