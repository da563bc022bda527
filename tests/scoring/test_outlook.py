"""How somebody gets to a score: every step is needed, and every promise is kept to the day."""

from __future__ import annotations

from datetime import date
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.compiled import compile_policy
from scoring.days import to_date, to_day
from scoring.engine import SubjectResult, score_one
from scoring.explain import apply_advice
from scoring.outlook import MOST_STEPS, Outlook
from scoring.policy import shipped_policy
from tests.scoring.builders import TODAY
from tests.scoring.oracle import Rec
from tests.scoring.strategies import columns_of, drawn_records

GUIHUA = shipped_policy("guihua")


@pytest.mark.parametrize("name", ["guihua", "haibei", "oujiang", "enterprise"])
@settings(max_examples=25)
@given(data=st.data())
def test_a_plan_of_things_to_do_leads_to_the_score_that_was_wanted(name: str, data: st.DataObject) -> None:
    of = shipped_policy(name)
    compiled, columns, as_of = drawn_records(data, of)
    day = to_day(as_of)
    target = score_one(compiled, columns, day).total + data.draw(st.integers(1, 40_00))
    plan = Outlook(of, compiled, columns, day).by_acting(lambda then: then.total >= target)
    if plan is None:
        return
    assert 1 <= len(plan.steps) <= MOST_STEPS
    for step in plan.steps:
        assert score_one(compiled, columns, day).total < target, "no step is asked for that is not needed"
        columns = apply_advice(step, compiled.on(day), compiled, columns, day)
    assert score_one(compiled, columns, day) == plan.result
    assert plan.result.total >= target


@pytest.mark.parametrize("name", ["guihua", "haibei"])
@settings(max_examples=20)
@given(data=st.data())
def test_waiting_leads_there_on_the_very_day_that_is_told_and_not_before(name: str, data: st.DataObject) -> None:
    of = shipped_policy(name)
    compiled, columns, as_of = drawn_records(data, of)
    day = to_day(as_of)
    target = score_one(compiled, columns, day).total + data.draw(st.integers(1, 20_00))
    plan = Outlook(of, compiled, columns, day).by_waiting(lambda then: then.total >= target, longest_days=1_100)
    last = day + 1_100 if plan is None else plan.day - 1
    for earlier in range(day, last + 1, 37):
        assert score_one(compiled, columns, earlier).total < target
    if plan is not None:
        assert score_one(compiled, columns, last).total < target
        assert score_one(compiled, columns, plan.day) == plan.result
        assert plan.result.total >= target


def test_a_plan_names_the_steps_their_gain_and_what_the_score_is_then() -> None:
    compiled = compile_policy(GUIHUA)
    columns = columns_of({1: [Rec(1, "admin_penalty", date(2026, 4, 15), level=2)]}, compiled)
    outlook = Outlook(GUIHUA, compiled, columns, to_day(TODAY))
    plan = outlook.by_acting(lambda then: then.total >= 103_00)
    assert plan is not None
    assert [step.sentence for step in plan.steps] == [
        "再取得 1 项职业资格：+3.00",
        "再参加 10 小时志愿服务：+2.50",
        "再参加 10 小时志愿服务：+3.50",
    ]
    assert plan.result.total == 104_00
    waiting = outlook.by_waiting(lambda then: then.total >= 100_00)
    assert waiting is not None
    assert (to_date(waiting.day), waiting.result.total, waiting.rising) == (
        date(2027, 4, 15),
        100_00,
        ("行政处罚",),
    )
    assert outlook.by_waiting(lambda then: then.total >= 100_01) is None


@pytest.mark.parametrize("name", ["guihua", "haibei"])
@settings(max_examples=15)
@given(data=st.data())
def test_what_was_asked_before_changes_no_answer(name: str, data: st.DataObject) -> None:
    of = shipped_policy(name)
    compiled, columns, as_of = drawn_records(data, of)
    day = to_day(as_of)
    asked = Outlook(of, compiled, columns, day)
    for more in data.draw(st.lists(st.integers(1, 30_00), min_size=2, max_size=4)):
        reached = partial(_at_least, asked.now.total + more)
        fresh = Outlook(of, compiled, columns, day)
        assert asked.by_acting(reached) == fresh.by_acting(reached)
        assert asked.by_waiting(reached) == fresh.by_waiting(reached)


def _at_least(target: int, then: SubjectResult) -> bool:
    return then.total >= target
