"""A declared direction is understood, or refused with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.model.directions import describe_direction, insist_directions_fit, parse_directions, read_directions
from scoring.model.errors import DirectionsRefused


def test_the_words_for_a_direction_mean_the_same_as_the_signs() -> None:
    said = {"a": "up", "b": "increasing", "c": "+1", "d": 1, "e": "down", "f": -1, "g": "none", "h": None}
    assert parse_directions(said) == {"a": 1, "b": 1, "c": 1, "d": 1, "e": -1, "f": -1, "g": 0, "h": 0}


def test_up_is_said_as_a_sentence_about_the_outcome() -> None:
    assert describe_direction("arrears", 1) == "arrears 越大，目标为 1 的概率不降低"
    assert describe_direction("hours", -1) == "hours 越大，目标为 1 的概率不升高"


def test_an_unknown_word_is_refused_with_its_column() -> None:
    with pytest.raises(DirectionsRefused, match="列 hours 的方向 'upwards'"):
        parse_directions({"hours": "upwards"})


def test_a_misspelt_column_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(DirectionsRefused, match="是否想写 arrears"):
        insist_directions_fit({"arears": 1}, ["arrears", "hours"], ["trade"])


def test_a_category_has_no_direction_but_may_be_listed_as_free() -> None:
    with pytest.raises(DirectionsRefused, match="没有大小之分"):
        insist_directions_fit({"trade": 1}, ["arrears"], ["trade"])
    insist_directions_fit({"trade": 0}, ["arrears"], ["trade"])


def test_a_file_that_is_not_a_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text("- hours\n", encoding="utf-8")
    with pytest.raises(DirectionsRefused, match="对照表"):
        read_directions(path)
    with pytest.raises(DirectionsRefused, match="无法读取"):
        read_directions(tmp_path / "absent.yaml")
