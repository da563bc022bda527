"""The scopes that only a citizen can give, for themselves or for the enterprise they legally represent: one
consent for each, and what each lets an institution learn."""

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

ENTERPRISE_SCOPES: Mapping[str, ConsentScope] = {
    "grade:read": ConsentScope(
        "综合评价等级",
        ("evaluation",),
        "企业公共信用综合评价的等级（优、良、中、差），以及企业名称和统一社会信用代码；不含分数和记录，也不含您个人的任何信息",
        needs_score=False,
    ),
    "report:read": ConsentScope(
        "企业信用报告",
        ("enterprise_report",),
        "企业的信用报告：可以展示的企业记录，以及企业名称和统一社会信用代码；不含评价等级，也不含您个人的任何信息",
        needs_score=False,
    ),
}
"""What a legal representative can give for the enterprise. There is no score of an enterprise to hand out."""
