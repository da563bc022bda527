"""The scopes that only a citizen can give, one consent for each, and what each lets an institution learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ConsentScope:
    """`data_categories` are keys of `notices.DATA_NAMES`; `output` is what the recipient learns, in words."""

    name: str
    data_categories: Sequence[str]
    output: str
    needs_score: bool


CONSENT_SCOPES: Mapping[str, ConsentScope] = {
    "score:read": ConsentScope(
        "信用分",
        ("score",),
        "您的信用分总分，以及隐去部分的姓名和证件号码用于核对；不含构成、等级和记录",
        needs_score=True,
    ),
    "grade:read": ConsentScope(
        "信用等级",
        ("grade",),
        "您的信用等级，以及隐去部分的姓名和证件号码用于核对；不含分数和记录",
        needs_score=True,
    ),
    "report:read": ConsentScope(
        "信用报告",
        ("report",),
        "您的信用报告：可以展示的本人记录，以及隐去部分的姓名和证件号码；不含分数和等级",
        needs_score=False,
    ),
}
