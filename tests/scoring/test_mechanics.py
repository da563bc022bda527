"""Each mechanic of the cities' scores, stated once with plain numbers. Points in hundredths."""

from __future__ import annotations

from datetime import date

import pytest

from scoring.policy import shipped_policy
from tests.scoring.builders import TODAY, indicator, policy, score
from tests.scoring.oracle import Rec

VOLUNTEERING = {
    "code": "hours",
    "name": "志愿服务",
    "direction": "up",
    "basis": "依据",
    "categories": ["volunteering"],
}


def breach(number: int = 1, event: date = date(2026, 5, 1), **changes: object) -> Rec:
    return Rec(number, "breach", event, **changes)  # type: ignore[arg-type]


def test_only_the_highest_tier_reached_counts() -> None:
    tiers = {"tiers": [{"at_least": 10, "points": 2}, {"at_least": 20, "points": 5}]}
    hours = policy(VOLUNTEERING | {"measure": "sum", "points": tiers})
    for quantity, total in [(999, 10000), (1000, 10200), (1999, 10200), (2000, 10500), (90000, 10500)]:
        assert score(hours, Rec(1, "volunteering", TODAY, quantity=quantity)).total == total


def test_points_per_unit_are_rounded_once_halves_up_and_stop_at_the_cap() -> None:
    per_unit = {"per_unit": {"every": 10, "points": 0.5}}
    hours = policy(VOLUNTEERING | {"measure": "sum", "points": per_unit, "cap": 3})
    for quantity, points in [(10, 1), (9, 0), (1000, 50), (1010, 51), (5999, 300), (99999, 300)]:
        assert score(hours, Rec(1, "volunteering", TODAY, quantity=quantity)).total == 10000 + points


def test_whole_units_count_only_when_complete() -> None:
    per_unit = {"per_unit": {"every": 10, "points": 0.5, "whole_units": True}}
    hours = policy(VOLUNTEERING | {"measure": "sum", "points": per_unit, "cap": 3})
    assert score(hours, Rec(1, "volunteering", TODAY, quantity=1999)).total == 10050


def test_a_window_of_one_year_ends_on_the_same_date_of_the_next_year() -> None:
    year = policy(indicator(window={"years": 1}))
    assert score(year, breach(event=date(2025, 7, 2))).total == 9000
    assert score(year, breach(event=date(2025, 7, 1))).total == 10000


def test_a_year_from_29_february_ends_on_28_february() -> None:
    year = policy(indicator(window={"years": 1}))
    record = breach(event=date(2024, 2, 29))
    assert score(year, record, as_of=date(2025, 2, 27)).total == 9000
    assert score(year, record, as_of=date(2025, 2, 28)).total == 10000


def test_a_record_of_the_future_does_not_count_yet() -> None:
    assert score(policy(), breach(event=date(2026, 7, 2))).total == 10000
    assert score(policy(), breach(event=TODAY)).total == 9000


def test_weights_fade_by_age_and_the_sum_is_divided_once() -> None:
    fading = {
        "halving": {
            "version": "1",
            "basis": "附表",
            "steps": [{"until": {"years": 1}, "ppm": 1000000}, {"until": {"years": 2}, "ppm": 333333}],
        }
    }
    hours = policy(
        VOLUNTEERING
        | {"measure": "sum", "fading": "halving", "points": {"per_unit": {"every": 1, "points": 1}}, "cap": 90},
        fading=fading,
    )
    old = [Rec(n, "volunteering", date(2025, 3, 1), quantity=100) for n in (1, 2, 3)]
    result = score(hours, *old, Rec(4, "volunteering", date(2026, 3, 1), quantity=100))
    assert result.contributions[0].value == 200  # 100 + 3 × 33.3333 = 199.9999: one rounding, not four
    assert score(hours, Rec(1, "volunteering", date(2024, 7, 1), quantity=100)).total == 10000


def test_severity_is_priced_by_level_and_an_unpriced_level_counts_nothing() -> None:
    levels = policy(indicator(points={"by_level": [{"level": 1, "points": -5}, {"level": 3, "points": -40}]}))
    assert score(levels, breach(level=1)).total == 9500
    assert score(levels, breach(level=2)).total == 10000
    assert score(levels, breach(level=3)).total == 6000


def test_of_one_event_only_the_highest_counts() -> None:
    levels = {"by_level": [{"level": 1, "points": -5}, {"level": 3, "points": -40}]}
    once = policy(indicator(points=levels, per_event="highest"))
    result = score(once, breach(1, level=1, act=77), breach(2, level=3, act=77), breach(3, level=1))
    assert result.total == 10000 - 4000 - 500
    assert [part.record for part in result.contributions[0].records] == [2, 3]


def test_one_act_under_several_items_counts_once_at_the_highest() -> None:
    both = policy(
        indicator(code="fines", points={"each": {"points": -10}}),
        indicator(code="courts", categories=["court"], points={"each": {"points": -25}}),
        one_act="highest",
    )
    result = score(both, breach(1, act=5), Rec(2, "court", date(2026, 5, 1), act=5))
    assert [(c.indicator, c.points) for c in result.contributions] == [("courts", -2500)]


def test_the_same_kind_again_counts_double_while_the_first_is_valid() -> None:
    doubled = policy(indicator(window={"years": 1}, repeat={"factor": 2}))
    first, second = breach(1, date(2025, 9, 1)), breach(2, date(2026, 5, 1))
    assert score(doubled, first, second).total == 10000 - 1000 - 2000
    assert score(doubled, first, second, as_of=date(2026, 9, 1)).total == 10000 - 1000
    assert score(doubled, first, Rec(2, "breach", date(2026, 5, 1), state=2)).total == 9000


def test_two_reports_of_one_act_are_no_repeat() -> None:
    doubled = policy(indicator(repeat={"factor": 2}))
    assert score(doubled, breach(1, act=9), breach(2, act=9)).total == 10000 - 1000 - 1000


def test_how_long_a_deduction_lasts_goes_by_its_size() -> None:
    validity = [{"up_to": 40, "valid_for": {"years": 1}}, {"valid_for": {"years": 2}}]
    levels = {"by_level": [{"level": 1, "points": -40}, {"level": 2, "points": -40.01}]}
    by_size = policy(indicator(points=levels, window="by_size"), deduction_validity=validity)
    old = date(2025, 5, 1)
    assert score(by_size, breach(event=old, level=1)).total == 10000
    assert score(by_size, breach(event=old, level=2)).total == 10000 - 4001


def test_a_continuing_act_counts_from_its_end() -> None:
    continuing = policy(indicator(count_from="end", window={"years": 1}))
    begun = date(2020, 1, 1)
    assert score(continuing, breach(event=begun)).total == 9000  # still going on
    assert score(continuing, breach(event=begun, end=date(2025, 8, 1))).total == 9000
    assert score(continuing, breach(event=begun, end=date(2025, 7, 1))).total == 10000
    assert score(continuing, breach(event=begun, end=date(2026, 8, 1))).total == 9000  # will end, has not yet


def test_awards_are_capped_each_year_and_their_years_add_up() -> None:
    gifts = policy(
        VOLUNTEERING
        | {"measure": "each", "window": {"years": 3}, "points": {"each": {"points": 10}}, "yearly_cap": 25}
    )
    records = [Rec(n, "volunteering", date(2025, n, 1)) for n in (1, 2, 3)]
    assert score(gifts, *records).total == 10000 + 2500
    result = score(gifts, *records, Rec(4, "volunteering", date(2026, 1, 1)))
    assert result.total == 10000 + 2500 + 1000
    assert [part.points for part in result.contributions[0].records] == [834, 833, 833, 1000]


def test_a_performed_obligation_is_replaced_by_its_lighter_deduction() -> None:
    replaced = policy(indicator(points={"each": {"points": -40, "performed_points": -10}}))
    assert score(replaced, breach(performed=date(2026, 6, 1))).total == 9000
    assert score(replaced, breach(performed=date(2026, 7, 2))).total == 6000


def test_a_listing_sets_the_grade_directly_and_says_so() -> None:
    listing = {
        "code": "listed", "name": "严重失信主体名单", "grade": "poor", "categories": ["serious"], "basis": "依据",
    }  # fmt: skip
    listed = policy(direct_grades=[listing])
    result = score(listed, Rec(4, "serious", date(2026, 1, 1)))
    assert (result.total, result.clamp) == (9999, -1)
    assert listed.grades[result.grade].code == "poor"
    assert [(d.code, d.records) for d in result.direct] == [("listed", (4,))]
    assert score(listed, Rec(4, "serious", date(2026, 1, 1), state=1)).total == 10000


def test_an_enterprise_indicator_may_look_at_its_principals_records_only() -> None:
    penetrating = policy(indicator(relations=["legal_representative"]))
    assert score(penetrating, breach(relation=0)).total == 10000
    assert score(penetrating, breach(relation=1)).total == 9000
    assert score(policy(), breach(relation=1)).total == 10000


@pytest.mark.parametrize(("state", "total"), [(0, 9000), (1, 10000), (2, 10000), (3, 10000), (4, 10000)])
def test_disputed_repaired_revoked_and_expired_records_lower_nothing(state: int, total: int) -> None:
    assert score(policy(), breach(state=state)).total == total


@pytest.mark.parametrize(("state", "total"), [(0, 11000), (1, 11000), (2, 10000), (3, 10000), (4, 10000)])
def test_a_disputed_good_deed_keeps_its_effect(state: int, total: int) -> None:
    deeds = policy(VOLUNTEERING | {"measure": "each", "points": {"each": {"points": 10}}})
    assert score(deeds, Rec(1, "volunteering", TODAY, state=state)).total == total


def test_adverse_information_stops_counting_five_years_after_it_ended_whatever_the_policy_says() -> None:
    forever = policy()
    assert score(forever, breach(event=date(2021, 7, 2))).total == 9000
    assert score(forever, breach(event=date(2021, 7, 1))).total == 10000
    assert score(forever, breach(event=date(2015, 1, 1), end=date(2021, 7, 2))).total == 9000


def rating(number: int, month: int, level: int, state: int = 0) -> Rec:
    return Rec(number, "rating", date(2026, month, 1), level=level, state=state)


def test_the_latest_rating_decides_and_a_dispute_never_makes_it_worse() -> None:
    levels = [
        {"level": 1, "points": 20},
        {"level": 2, "points": 5},
        {"level": 3, "points": -5},
        {"level": 4, "points": -50},
    ]
    latest = policy(
        indicator(direction="both", measure="latest", categories=["rating"], points={"by_level": levels})
    )
    assert score(latest, rating(1, 1, 1), rating(2, 2, 4)).total == 5000
    assert score(latest, rating(1, 1, 1), rating(2, 2, 4, state=1)).total == 12000
    assert score(latest, rating(1, 1, 4), rating(2, 2, 3, state=1)).total == 9500
    assert score(latest, rating(1, 1, 1), rating(2, 2, 2, state=1)).total == 12000
    # The good disputed rating of January is older than the settled one of February: it stays superseded.
    three = [rating(1, 1, 1, state=1), rating(2, 2, 3), rating(3, 3, 2, state=1)]
    assert score(latest, *three).total == 10500


def test_the_range_is_kept_and_the_clamp_is_a_contribution_of_its_own() -> None:
    result = score(policy(), *[breach(n) for n in range(1, 13)])
    assert (result.total, result.clamp) == (0, 2000)
    assert sum(c.points for c in result.contributions) == -12000


def test_a_dimension_keeps_within_its_own_limits() -> None:
    dimension = {"code": "law", "name": "守法", "range": [-15, 5], "indicators": [indicator()]}
    limited = policy(dimensions=[dimension])
    result = score(limited, breach(1), breach(2))
    assert (result.total, result.clamp, result.dimension_limits) == (8500, 500, {"law": 500})


def test_a_changed_number_takes_effect_on_its_date() -> None:
    versions = [
        {"from": date(2025, 1, 1), "each": {"points": -10}},
        {"from": date(2026, 8, 1), "basis": "新标准", "each": {"points": -4}},
    ]
    dated = policy(indicator(points=versions))
    assert score(dated, breach()).total == 9000
    assert score(dated, breach(), as_of=date(2026, 8, 1)).total == 9600


def test_months_since_the_last_breach_fade_its_deduction() -> None:
    tiers = [{"at_least": 0, "points": -10}, {"at_least": 6, "points": -4}, {"at_least": 12, "points": 0}]
    since = policy(indicator(measure="months_since", points={"tiers": tiers}))
    assert score(since).total == 10000
    assert score(since, breach(1, date(2026, 1, 2)), breach(2, date(2024, 1, 1))).total == 9000
    assert score(since, breach(1, date(2026, 1, 1))).total == 9600


def test_a_second_price_on_the_same_value_is_its_own_contribution() -> None:
    learned = {
        "code": "learned", "name": "模型", "direction": "up", "basis": "模型卡",
        "measure": "value_of", "of": "hours",
        "points": {"tiers": [{"at_least": 5, "points": 1.25}]},
    }  # fmt: skip
    tiers = {"tiers": [{"at_least": 10, "points": 2}]}
    twice = policy(VOLUNTEERING | {"measure": "sum", "points": tiers}, learned)
    result = score(twice, Rec(1, "volunteering", TODAY, quantity=1000))
    assert [(c.indicator, c.points) for c in result.contributions] == [("hours", 200), ("learned", 125)]


def test_a_person_without_records_has_the_base() -> None:
    assert score(shipped_policy("guihua")).total == 10000


def test_absurd_quantities_are_capped_and_never_wrap_around() -> None:
    hours = policy(VOLUNTEERING | {"measure": "sum", "points": {"per_unit": {"every": 1, "points": 1}}, "cap": 90})
    records = [Rec(n, "volunteering", TODAY, quantity=2**63 - 1) for n in range(1, 30)]
    assert score(hours, *records).total == 10000 + 9000
