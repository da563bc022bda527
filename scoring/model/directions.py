"""Declared directions: which way each column may move the probability of the outcome.

The file is YAML, a mapping from column to direction:

    arrears_months: up        # more months never lower the probability that the target is 1
    volunteer_hours: down     # more hours never raise it
    district: none            # free

`up`/`increasing`/`+1` and `down`/`decreasing`/`-1` are the same words.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from scoring.model.errors import DirectionsRefused
from scoring.reading_yaml import read_yaml

UP, FREE, DOWN = 1, 0, -1

_WORDS = {
    "up": UP, "increasing": UP, "+1": UP, "1": UP, "+": UP, "上升": UP,
    "down": DOWN, "decreasing": DOWN, "-1": DOWN, "-": DOWN, "下降": DOWN,
    "none": FREE, "free": FREE, "0": FREE, "不限": FREE,
}  # fmt: skip


def read_directions(path: Path) -> dict[str, int]:
    """Read a directions file. Raises DirectionsRefused with the offending entry."""
    try:
        document = read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DirectionsRefused(f"无法读取方向文件 {path}：{error.strerror}。") from error
    except yaml.YAMLError as error:
        raise DirectionsRefused(f"方向文件 {path} 不是有效的 YAML：{error}") from error
    return parse_directions(document)


def parse_directions(document: Any) -> dict[str, int]:
    """Turn the parsed YAML into {column: +1, 0 or -1}."""
    if isinstance(document, Mapping) and isinstance(document.get("directions"), Mapping):
        document = document["directions"]
    if not isinstance(document, Mapping):
        raise DirectionsRefused("方向文件应是“列名: up|down|none”的对照表。")
    directions = {}
    for column, word in document.items():
        # YAML reads a bare `none` as text but `null` and `~` as nothing; both mean "free".
        key = "none" if word is None else str(word).strip().lower()
        if key not in _WORDS:
            raise DirectionsRefused(f"列 {column} 的方向 {word!r} 无法识别；可用 up、down 或 none。")
        directions[str(column)] = _WORDS[key]
    return directions


def insist_directions_fit(directions: Mapping[str, int], numeric: Sequence[str], others: Sequence[str]) -> None:
    """Raise DirectionsRefused for a column that is unknown or has no order.

    numeric: the columns that are learned as numbers; others: every other column of the table.
    """
    for column, direction in directions.items():
        if column in numeric or direction == FREE:
            continue
        if column in others:
            raise DirectionsRefused(f"列 {column} 不是数值列，没有大小之分，不能声明方向；请删去或改为 none。")
        close = get_close_matches(column, [*numeric, *others], n=1)
        hint = f"是否想写 {close[0]}？" if close else "请核对列名。"
        raise DirectionsRefused(f"方向文件提到的列 {column} 不在表中。{hint}")


def describe_direction(column: str, direction: int) -> str:
    """Say a direction as a sentence, so that nobody has to guess which way `up` points."""
    if direction == FREE:
        return f"{column}：不限方向"
    return f"{column} 越大，目标为 1 的概率{'不降低' if direction == UP else '不升高'}"
