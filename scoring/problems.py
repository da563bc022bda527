"""What is wrong with a policy, said so that the officer who wrote it can put it right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule.

    `line` is the 1-based line of the document (0 when the fault is in no one place), `path` the place in it
    (``dimensions[0].indicators[2].points``), `message` a Chinese sentence saying what and how to mend it,
    `rule` a stable code of the rule that was broken.
    """

    line: int
    path: str
    message: str
    rule: str

    def __str__(self) -> str:
        where = f"第 {self.line} 行" if self.line else "全文"
        return f"{where} {self.path or '(根)'}：{self.message} [{self.rule}]"


class PolicyInvalid(ValueError):
    """A policy document breaks at least one rule; `problems` names them all, in the order of the document."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line, problem.path))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A closing clause that offers the nearest known word, whatever its capitals, or nothing."""
    spelt = {each.casefold(): each for each in sorted(known)}
    close = [spelt[each] for each in get_close_matches(word.casefold(), spelt, n=1, cutoff=0.6)]
    return f"，是不是想写“{close[0]}”？" if close else ""
