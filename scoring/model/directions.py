"""Declared directions: which way each column may move the probability of the outcome.

The file is YAML, a mapping from column to direction:

    arrears_months: up        # more months never lower the probability that the target is 1
    volunteer_hours: down     # more hours never raise it
    district: none            # free

`up`/`increasing`/`+1` and `down`/`decreasing`/`-1` are the same words.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from scoring.document import read_document
from scoring.model.errors import DirectionsRefused
from scoring.problems import PolicyInvalid, did_you_mean
from scoring.reading_files import FileRefused, read_text

UP, FREE, DOWN = 1, 0, -1

_WORDS = {
    "up": UP, "increasing": UP, "+1": UP, "1": UP, "+": UP, "上升": UP,
    "down": DOWN, "decreasing": DOWN, "-1": DOWN, "-": DOWN, "下降": DOWN,
    "none": FREE, "free": FREE, "0": FREE, "不限": FREE,
}  # fmt: skip


def read_directions(path: Path, *, columns: Sequence[str], aside: Collection[str] = ()) -> dict[str, int]:
    """Read a directions file for a table with these columns; `aside` are those that are no inputs (the target …).

    Raises DirectionsRefused, which names every entry that cannot be used, with its line.
    """
    try:
        document = read_document(read_text(path))
    except FileRefused as refusal:
        raise DirectionsRefused(f"读不了方向文件：{refusal}") from refusal
    except PolicyInvalid as invalid:
        told = "；".join(f"第 {problem.line} 行{problem.message}" for problem in invalid.problems)
        raise DirectionsRefused(f"方向文件 {path}：{told}。") from invalid
    entries, place = document.data, tuple[str, ...]()
    if isinstance(entries, dict) and isinstance(entries.get("directions"), dict):
        entries, place = entries["directions"], ("directions",)
    if not isinstance(entries, dict):
        raise DirectionsRefused(f"方向文件 {path} 应是“列名: up|down|none”的对照表。")
    refused = [
        f"第 {document.line((*place, column))} 行{fault}"
        for column, word in entries.items()
        if (fault := _fault(column, word, columns, aside))
    ]
    if refused:
        raise DirectionsRefused(f"方向文件 {path}：{'；'.join(refused)}。")
    return {column: _WORDS[_key(word)] for column, word in entries.items()}


def _fault(column: str, word: Any, columns: Sequence[str], aside: Collection[str]) -> str:
    if _key(word) not in _WORDS:
        return f"列 {column} 的方向“{word}”无法识别，可用 up、down 或 none"
    if column in aside:
        return f"的列 {column} 不作输入（目标列、分组或时间列、--audit 或 --leave-out 的列），不能声明方向"
    if column not in columns:
        # The hint closes with a question mark of its own.
        return f"的列 {column} 不在表中{did_you_mean(column, columns)}".removesuffix("？")
    return ""


def _key(word: Any) -> str:
    # YAML reads a bare `none` as text but `null` and `~` as nothing; both mean "free".
    return "none" if word is None else str(word).strip().lower()


def insist_directions_fit(directions: Mapping[str, int], numeric: Sequence[str], others: Sequence[str]) -> None:
    """Raise DirectionsRefused for a column that is unknown or has no order.

    numeric: the columns that are learned as numbers; others: every other column of the table.
    """
    for column, direction in directions.items():
        if column in numeric or direction == FREE:
            continue
        if column in others:
            raise DirectionsRefused(f"列 {column} 不是数值列，没有大小之分，不能声明方向；请删去或改为 none。")
        hint = did_you_mean(column, [*numeric, *others]) or "，请核对列名。"
        raise DirectionsRefused(f"声明了方向的列 {column} 不是表中的输入列{hint}")


def describe_direction(column: str, direction: int) -> str:
    """Say a direction as a sentence, so that nobody has to guess which way `up` points."""
    if direction == FREE:
        return f"{column}：不限方向"
    return f"{column} 越大，目标为 1 的概率{'不降低' if direction == UP else '不升高'}"
