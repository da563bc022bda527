"""Reading a policy's YAML: exact numbers, plain dates, and the line of every value.

Numbers with a decimal point become `Decimal`, never a float, so that 0.1 point is a tenth of a point. A key
that stands twice is an error here (YAML would silently keep the last).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

from scoring.problems import PolicyInvalid, Problem
from scoring.reading_yaml import LOADER

Path = tuple[str | int, ...]

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data (dict, list, str, int, Decimal, bool, date, None) and the 1-based line of each path."""

    data: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Line of the value at `path`, or of the nearest thing around it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 0)


def path_text(path: Sequence[str | int]) -> str:
    """`dimensions[0].indicators[2].points` from its parts."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_document(text: str) -> Document:
    """Parse YAML text. Raises PolicyInvalid for what is not YAML, for duplicate keys and for anchors."""
    if len(text) > MAX_CHARACTERS:
        raise PolicyInvalid([Problem(0, "", f"文件超过 {MAX_CHARACTERS} 个字符", "too_large")])
    try:
        node = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "内容无法解析"
        line = mark.line + 1 if mark else 0
        raise PolicyInvalid([Problem(line, "", f"不是合法的 YAML：{reason}", "not_yaml")]) from error
    except RecursionError as error:
        raise PolicyInvalid([Problem(0, "", "嵌套太深", "not_yaml")]) from error
    if node is None:
        raise PolicyInvalid([Problem(0, "", "文件是空的", "empty")])
    lines: dict[Path, int] = {}
    problems: list[Problem] = []
    data = _construct(node, (), lines, problems, set())
    if problems:
        raise PolicyInvalid(problems)
    return Document(data, lines)


def _construct(
    node: yaml.Node, path: Path, lines: dict[Path, int], problems: list[Problem], seen: set[int]
) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if id(node) in seen or len(path) > MAX_DEPTH:
        # An alias repeats a node; expanding them is how a small file becomes a huge one.
        problems.append(Problem(line, path_text(path), "不支持 YAML 锚点与引用，也不能嵌套过深", "alias"))
        return None
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            key_line = key_node.start_mark.line + 1
            if key in result:
                problems.append(Problem(key_line, path_text((*path, key)), f"“{key}”写了两次", "duplicate_key"))
            lines[(*path, key)] = key_line
            result[key] = _construct(value_node, (*path, key), lines, problems, seen)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*path, index), lines, problems, seen) for index, item in enumerate(node.value)]
    return _scalar(node, line, path, problems)


def _scalar(node: yaml.Node, line: int, path: Path, problems: list[Problem]) -> Any:
    tag, value = node.tag, str(node.value)
    try:
        match tag:
            case "tag:yaml.org,2002:int":
                return int(value.replace("_", ""))
            case "tag:yaml.org,2002:float":
                number = Decimal(value.replace("_", ""))
                if not number.is_finite():
                    raise ValueError
                return int(number) if number == number.to_integral_value() else number
            case "tag:yaml.org,2002:timestamp":
                return date.fromisoformat(value)
            case "tag:yaml.org,2002:bool":
                return value.lower() in ("yes", "true", "on")
            case "tag:yaml.org,2002:null":
                return None
            case "tag:yaml.org,2002:str":
                return value
    except (ValueError, InvalidOperation):
        pass
    problems.append(Problem(line, path_text(path), f"看不懂的值“{value}”", "bad_value"))
    return None


def canonical_json(data: Any) -> str:
    """One text for one meaning: keys sorted, no spaces, numbers in shortest decimal form, dates as ISO."""
    return json.dumps(_plain(data), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(value) for value in data]
    if isinstance(data, date):
        return data.isoformat()
    if isinstance(data, Decimal):
        return format(data.normalize(), "f")
    return data
