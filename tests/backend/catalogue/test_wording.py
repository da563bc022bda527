"""What an officer reads of a category's fields."""

from __future__ import annotations

import pytest

from backend.catalogue.document import Change, Level
from backend.catalogue.wording import change_sentence, said


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("retention_days", None, "长期"),
        ("retention_days", 365, "365"),
        ("legal_basis", None, "无"),
        ("contents", (), "无"),
        ("subject_kinds", ("person", "enterprise"), "自然人、企业"),
        ("levels", (Level("minor", "轻微", 90), Level("general", "一般")), "轻微（公示90天）、一般"),
        ("may_decline", True, "是"),
        ("may_decline", False, "否"),
    ],
)
def test_a_value_is_said_in_the_officers_words(field: str, value: object, words: str) -> None:
    assert said(field, value) == words


def test_a_difference_says_what_was_and_what_will_be() -> None:
    change = Change("late_return", "polarity", "negative", "neutral")
    assert change_sentence(change) == "late_return 的性质：负面 → 中性"
