"""A declared direction is understood, or refused with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.model.directions import describe_direction, insist_directions_fit, read_directions
from scoring.model.errors import DirectionsRefused


def read(tmp_path: Path, source: str | bytes, **aside: set[str]) -> dict[str, int]:
    path = tmp_path / "d.yaml"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return read_directions(path, columns=["arrears", "hours", "年龄", "y", *"abcdefgh"], **aside)


def test_the_words_for_a_direction_mean_the_same_as_the_signs(tmp_path: Path) -> None:
    said = "a: up\nb: increasing\nc: '+1'\nd: 1\ne: down\nf: -1\ng: none\nh: null\n"
    assert read(tmp_path, said) == {"a": 1, "b": 1, "c": 1, "d": 1, "e": -1, "f": -1, "g": 0, "h": 0}
    assert read(tmp_path, "directions: {a: down}\n") == {"a": -1}


def test_a_file_saved_by_a_chinese_spreadsheet_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, "年龄: 上升\n".encode("gb18030")) == {"年龄": 1}


def test_up_is_said_as_a_sentence_about_the_outcome() -> None:
    assert describe_direction("arrears", 1) == "arrears 越大，目标为 1 的概率不降低"
    assert describe_direction("hours", -1) == "hours 越大，目标为 1 的概率不升高"


def test_every_entry_that_cannot_be_used_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DirectionsRefused) as refusal:
        read(tmp_path, "arears: up\n\nhours: upwards\ny: up\nweather: down\n", aside={"y"})
    told = str(refusal.value)
    assert "第 1 行的列 arears 不在表中，是不是想写“arrears”" in told
    assert "第 3 行列 hours 的方向“upwards”无法识别，可用 up、down 或 none" in told
    assert "第 4 行的列 y 不作输入" in told
    assert "第 5 行的列 weather 不在表中" in told


def test_a_column_with_two_directions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DirectionsRefused, match="第 2 行“hours”写了两次"):
        read(tmp_path, "hours: up\nhours: down\n")


def test_a_misspelt_column_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(DirectionsRefused, match="是不是想写“arrears”"):
        insist_directions_fit({"arears": 1}, ["arrears", "hours"], ["trade"])


def test_a_category_has_no_direction_but_may_be_listed_as_free() -> None:
    with pytest.raises(DirectionsRefused, match="没有大小之分"):
        insist_directions_fit({"trade": 1}, ["arrears"], ["trade"])
    insist_directions_fit({"trade": 0}, ["arrears"], ["trade"])


def test_a_file_that_is_not_a_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DirectionsRefused, match="对照表"):
        read(tmp_path, "- hours\n")
    with pytest.raises(DirectionsRefused, match="第 2 行不是合法的 YAML"):
        read(tmp_path, "hours: [up\n")
    with pytest.raises(DirectionsRefused, match="找不到文件"):
        read_directions(tmp_path / "absent.yaml", columns=["hours"])
    with pytest.raises(DirectionsRefused, match="是一个文件夹"):
        read_directions(tmp_path, columns=["hours"])
