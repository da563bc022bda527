"""A changed policy over a stored matrix gives what a run with the changed policy gives."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.compiled import CompiledPolicy, compile_policy
from scoring.days import to_day
from scoring.engine import BatchResult, score_batch
from scoring.policy import load_policy
from scoring.reading_yaml import read_yaml
from scoring.simulation import (
    HISTOGRAM_BINS,
    NeedsRecords,
    _distribution,
    affected,
    at_least,
    group_by,
    simulate,
)
from scoring.weights import with_weights
from tests.scoring.builders import TODAY, document, indicator, text
from tests.scoring.oracle import Rec
from tests.scoring.strategies import AS_OF, columns_of, policies, record_lists

HOURS: dict[str, Any] = {
    "code": "hours", "name": "志愿服务", "direction": "up", "basis": "依据", "categories": ["volunteering"],
    "measure": "sum", "points": {"tiers": [{"at_least": 10, "points": 2}, {"at_least": 20, "points": 5}]},
}  # fmt: skip


def compiled(*indicators: dict[str, Any], **changes: Any) -> CompiledPolicy:
    return compile_policy(load_policy(text(document(*indicators, **changes))))


def run(policy: CompiledPolicy, subjects: dict[int, list[Rec]]) -> BatchResult:
    return score_batch(policy, columns_of(subjects, policy), to_day(TODAY), sorted(subjects))


CITY = {
    1: [Rec(1, "volunteering", date(2026, 5, 1), quantity=2500)],
    2: [Rec(2, "volunteering", date(2026, 5, 1), quantity=1200), Rec(3, "breach", date(2026, 5, 1))],
    3: [],
}


def with_new_prices(data: st.DataObject, policy_text: str) -> str:
    """The same policy with other prices, limits and grades: nothing measured differently."""
    changed = read_yaml(policy_text)
    changed["base"] = data.draw(st.integers(0, 300))
    changed["grades"][1]["minimum"] = data.draw(st.integers(1, 249))
    for dimension in changed["dimensions"]:
        if "range" in dimension:
            dimension["range"] = [dimension["range"][0], data.draw(st.integers(1, 90))]
        for changed_indicator in dimension["indicators"]:
            if "cap" in changed_indicator and data.draw(st.booleans()):
                changed_indicator["cap"] = data.draw(st.integers(1, 50))
            points = changed_indicator["points"]
            if isinstance(points, dict) and "tiers" in points and data.draw(st.booleans()):
                for tier in points["tiers"]:
                    tier["points"] = round(tier["points"] * 2, 2)
    changed["dimensions"].reverse()
    if any(i["measure"] == "value_of" for d in changed["dimensions"] for i in d["indicators"]):
        changed["dimensions"].reverse()  # what is referred to must stand before what refers
    return yaml.safe_dump(changed, allow_unicode=True, sort_keys=False)


@settings(max_examples=60)
@given(st.data())
def test_new_prices_over_the_matrix_equal_a_run_with_the_new_policy(data: st.DataObject) -> None:
    policy_text = data.draw(policies())
    before = compile_policy(load_policy(policy_text))
    after = compile_policy(load_policy(with_new_prices(data, policy_text)))
    as_of = data.draw(AS_OF)
    subjects = {number: data.draw(record_lists(as_of)) for number in (3, 5, 8)}
    columns = columns_of(subjects, before)
    scores = score_batch(before, columns, to_day(as_of), sorted(subjects))
    simulated = simulate(before, after, scores, to_day(as_of), threads=2).after
    expected = score_batch(after, columns_of(subjects, after), to_day(as_of), sorted(subjects))
    for name in ("values", "points", "dimension_limits", "clamp", "total", "grade", "listed"):
        assert np.array_equal(getattr(simulated, name), getattr(expected, name)), name


@settings(max_examples=60)
@given(st.data())
def test_a_weight_over_the_matrix_equals_a_run_with_the_weighed_policy(data: st.DataObject) -> None:
    """Prices of each record included, unless fading or one act under several items stands in between."""
    policy = load_policy(data.draw(policies()))
    percent = st.sampled_from([0, 10, 50, 100, 110, 150, 300])
    weighed = with_weights(policy, {each.code: data.draw(percent) for each in policy.indicators})
    before, after = compile_policy(policy), compile_policy(weighed)
    as_of = data.draw(AS_OF)
    day = to_day(as_of)
    again = affected(before.on(day), after.on(day))
    for one in policy.indicators:
        if one.code in again:
            source = policy.indicator(one.of or one.code)
            inexact = (
                any(
                    row.points * 10 % 100 or (row.performed_points or 0) * 10 % 100
                    for points in source.points_versions
                    for row in points.rows
                )
                or (source.yearly_cap or 0) * 10 % 100
            )
            assert inexact or source.fading is not None or policy.one_act_counts_once
    if again:
        return
    subjects = {number: data.draw(record_lists(as_of)) for number in (3, 5, 8)}
    scores = score_batch(before, columns_of(subjects, before), day, sorted(subjects))
    simulated = simulate(before, after, scores, day, threads=2).after
    expected = score_batch(after, columns_of(subjects, after), day, sorted(subjects))
    for name in ("values", "points", "dimension_limits", "clamp", "total", "grade", "listed"):
        assert np.array_equal(getattr(simulated, name), getattr(expected, name)), name


def test_a_change_of_what_is_measured_needs_the_records_and_names_the_indicator() -> None:
    before, after = compiled(HOURS, indicator()), compiled(HOURS | {"window": {"days": 30}}, indicator())
    scores = run(before, CITY)
    with pytest.raises(NeedsRecords) as refusal:
        simulate(before, after, scores, to_day(TODAY))
    assert refusal.value.indicators == ("hours",)
    told = simulate(before, after, scores, to_day(TODAY), columns=columns_of(CITY, before))
    assert told.after.total.tolist() == [10000, 9000, 10000]
    assert told.read_again == ("hours",)


def test_new_points_by_level_are_read_from_the_records_new_tiers_are_not() -> None:
    def levels(light: int, grave: int) -> dict[str, Any]:
        return indicator(points={"by_level": [{"level": 1, "points": light}, {"level": 2, "points": grave}]})

    before = compiled(HOURS, levels(-10, -20)).policy
    tiers = compiled(HOURS | {"points": {"tiers": [{"at_least": 1, "points": 1}]}}, levels(-10, -20)).policy
    assert affected(before, compiled(HOURS, levels(-10, -30)).policy) == ("indicator",)
    assert affected(before, compiled(HOURS, levels(-15, -30)).policy) == ()
    assert affected(before, tiers) == ()


def test_a_new_price_on_a_measured_value_needs_no_records() -> None:
    learned = {
        "code": "learned", "name": "模型", "direction": "up", "basis": "模型卡", "measure": "value_of",
        "of": "hours", "points": {"tiers": [{"at_least": 12, "points": 1.5}]},
    }  # fmt: skip
    before, after = compiled(HOURS, indicator()), compiled(HOURS, indicator(), learned)
    assert simulate(before, after, run(before, CITY), to_day(TODAY)).after.total.tolist() == [10650, 9350, 10000]


def test_officers_see_who_moves_where_and_which_benefits_are_gained_and_lost() -> None:
    before = compiled(HOURS, indicator())
    after = compiled(HOURS | {"points": {"tiers": [{"at_least": 10, "points": 12}]}}, indicator())
    told = simulate(
        before,
        after,
        run(before, CITY),
        to_day(TODAY),
        groups={"district": group_by(["东区", "西区", "西区"])},
        benefits={"免押金": at_least(10100)},
    )
    assert told.after.total.tolist() == [11200, 10200, 10000]
    assert told.migration == ((2, 0), (1, 0))
    assert (told.raised, told.lowered) == (2, 0)
    assert [(m.subject, m.before, m.after, m.indicator) for m in told.most_raised] == [
        (2, 9200, 10200, "hours"),
        (1, 10500, 11200, "hours"),
    ]
    assert [(g.label, g.subjects, g.mean_before, g.mean_after, g.raised) for g in told.groups] == [
        ("东区", 1, 10500, 11200, 1),
        ("西区", 2, 9600, 10100, 1),
    ]
    benefit = told.benefits[0]
    assert (benefit.eligible_before, benefit.eligible_after, benefit.gained, benefit.lost) == (1, 2, 1, 0)
    assert sum(told.distribution_after.counts) == 3
    assert told.distribution_after.deciles[4] == 10200
    assert told.distribution_before.mean == 9900


@given(st.lists(st.integers(0, 20000), min_size=1, max_size=60))
def test_bins_and_deciles_are_those_of_the_sorted_scores(scores: list[int]) -> None:
    total = np.array(scores, np.int64)
    edges = np.unique(np.linspace(0, 20000, HISTOGRAM_BINS + 1).round().astype(np.int64))
    told = _distribution(total, edges)
    assert told.counts == tuple(np.histogram(total, bins=edges)[0].tolist())
    for tenth, decile in enumerate(told.deciles, start=1):
        assert decile == sorted(scores)[-(-len(scores) * tenth // 10) - 1]
