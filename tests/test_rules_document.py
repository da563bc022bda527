"""docs/rules.md names what enforces and what holds each rule; here nothing that it names is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
RULES = [rule for section in SECTIONS for rule in re.split(r"\n\n(?=\*\*)", section)[1:]]


def part(rule: str, label: str) -> list[str]:
    """What stands in backticks after `- label:`, up to the next item."""
    [text] = re.findall(rf"^- {label}: (.*?)(?=^- |\Z)", rule, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`]+)`", text)


def names_in(path: str) -> set[str]:
    return set(re.findall(r"^def (test_\w+)", (ROOT / path).read_text(encoding="utf-8"), flags=re.MULTILINE))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.split("**")[1].replace("\n", " ")[:60])
def test_a_rule_names_files_and_tests_that_exist(rule: str) -> None:
    enforced, held = part(rule, "Enforced"), part(rule, "Held")
    files = [name for name in enforced if "/" in name]
    assert files
    for name in files:
        path = ROOT / name
        assert path.is_file(), name
        for function in [word for word in enforced if "/" not in word]:
            assert any(function in (ROOT / one).read_text(encoding="utf-8") for one in files), function
    assert held
    path, named = "", 0
    for word in held:
        if word.endswith(".py"):
            path = word
            assert (ROOT / path).is_file(), path
        else:
            assert word in names_in(path), f"{path} has no {word}"
            named += 1
    assert named


def test_every_section_names_the_law_it_comes_from() -> None:
    assert len(SECTIONS) == 8
    for section in SECTIONS:
        basis = section.split("\n")[1]
        assert re.search("《.+》|〔.+〕", basis), section.split("\n")[0]
