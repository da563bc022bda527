"""A policy whose indicators weigh more or less, as an officer tries it out."""

from __future__ import annotations

import pytest

from scoring.policy import shipped_policy
from scoring.weights import with_weights

GUIHUA = shipped_policy("guihua")


def test_a_weight_scales_points_and_caps_of_its_indicator_alone() -> None:
    doubled = with_weights(GUIHUA, {"volunteer_hours": 200})
    for before, after in zip(GUIHUA.indicators, doubled.indicators, strict=True):
        if before.code != "volunteer_hours":
            assert after == before
    was, now = GUIHUA.indicator("volunteer_hours"), doubled.indicator("volunteer_hours")
    assert [row.points for row in now.points_versions[0].rows] == [
        2 * row.points for row in was.points_versions[0].rows
    ]


def test_a_hundred_percent_is_the_same_policy_and_zero_switches_an_indicator_off() -> None:
    assert with_weights(GUIHUA, {"blood_donations": 100}) == GUIHUA
    off = with_weights(GUIHUA, {"blood_donations": 0}).indicator("blood_donations")
    assert all(row.points == 0 for row in off.points_versions[0].rows)
    assert off.yearly_cap == 0


def test_points_that_lower_stay_lowering_and_are_rounded_away_from_zero_at_a_half() -> None:
    third = with_weights(GUIHUA, {"fare_evasion": 33}).indicator("fare_evasion")
    was = GUIHUA.indicator("fare_evasion")
    for before, after in zip(was.points_versions[0].rows, third.points_versions[0].rows, strict=True):
        assert abs(after.points * 100 - before.points * 33) <= 50
        assert after.points <= 0


@pytest.mark.parametrize("percents", [{"volunteer_hours": -1}, {"no_such": 50}])
def test_a_negative_weight_and_an_unknown_indicator_are_refused(percents: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"below zero|no_such"):
        with_weights(GUIHUA, percents)
