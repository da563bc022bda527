"""What a catalogue must never hold, whatever a department would like to deliver.

Each rule names the words by which it is recognised in the names of categories, of their data items and of
template columns. The words are matched after full-width forms, case and spaces are evened out.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_CREDIT_REPORTING = "《征信业管理条例》第十四条"
_LIMITS_OF_CREDIT_MEASURES = (
    "《国务院办公厅关于进一步完善失信约束制度构建诚信建设长效机制的指导意见》（国办发〔2020〕49号）"
)
_PERSONAL_INFORMATION = "《中华人民共和国个人信息保护法》第六条、第二十八条"


@dataclass(frozen=True)
class ForbiddenContent:
    """One kind of content, the words that betray it, and the rule that forbids it."""

    subject: str
    words: tuple[str, ...]
    basis: str


NEVER = (
    ForbiddenContent("宗教信仰", ("宗教", "信仰", "religion", "religious", "faith", "belief"), _CREDIT_REPORTING),
    ForbiddenContent("基因", ("基因", "遗传", "gene", "genetic", "genome", "dna"), _CREDIT_REPORTING),
    ForbiddenContent("指纹", ("指纹", "fingerprint"), _CREDIT_REPORTING),
    ForbiddenContent("血型", ("血型", "blood_type", "blood_group"), _CREDIT_REPORTING),
    ForbiddenContent(
        "疾病和病史",
        (
            *("疾病", "病史", "病历", "患病", "诊断", "病情", "病种", "健康状况", "就诊", "用药"),
            *("illness", "disease", "medical_history", "diagnosis"),
        ),
        _CREDIT_REPORTING,
    ),
    ForbiddenContent("信访", ("信访", "上访", "petition", "petitioning"), _LIMITS_OF_CREDIT_MEASURES),
    ForbiddenContent(
        "生育",
        ("计划生育", "计生", "生育", "节育", "family_planning", "birth_control", "childbirth"),
        _LIMITS_OF_CREDIT_MEASURES,
    ),
    ForbiddenContent(
        "政治见解",
        ("政治", "政见", "党派", "political", "politics"),
        _PERSONAL_INFORMATION,
    ),
    ForbiddenContent(
        "网络言论",
        ("言论", "发帖", "跟帖", "微博", "朋友圈", "online_speech", "speech", "opinion", "social_media"),
        _PERSONAL_INFORMATION,
    ),
    ForbiddenContent(
        "民族", ("民族", "族别", "种族", "ethnic", "ethnicity", "race", "nationality"), _PERSONAL_INFORMATION
    ),
    ForbiddenContent("性别", ("性别", "gender", "sex"), _PERSONAL_INFORMATION),
    ForbiddenContent(
        "婚姻状况",
        ("婚姻", "婚否", "离婚", "结婚", "配偶", "marital", "marriage", "married", "divorce"),
        _PERSONAL_INFORMATION,
    ),
)

ONLY_WITH_WRITTEN_CONSENT = (
    ForbiddenContent("收入", ("收入", "工资额", "薪酬", "income", "salary"), _CREDIT_REPORTING),
    ForbiddenContent("存款", ("存款", "储蓄", "deposit"), _CREDIT_REPORTING),
    ForbiddenContent("有价证券", ("证券", "股票", "基金份额", "securities"), _CREDIT_REPORTING),
    ForbiddenContent("商业保险", ("商业保险", "人寿保险", "投保", "insurance_policy"), _CREDIT_REPORTING),
    ForbiddenContent("不动产", ("不动产", "房产", "房屋产权", "real_estate"), _CREDIT_REPORTING),
    ForbiddenContent(
        "纳税数额", ("纳税数额", "纳税额", "缴税金额", "纳税金额", "应纳税", "tax_amount"), _CREDIT_REPORTING
    ),
)

ONLY_UPWARD_WORDS = ("献血", "志愿服务", "志愿者", "blood_donation", "volunteer", "volunteering")
"""Donating and volunteering may count, but having none never lowers a score."""


def find_forbidden(text: str, rules: tuple[ForbiddenContent, ...]) -> ForbiddenContent | None:
    """The first of `rules` that the text falls under."""
    for rule in rules:
        if _mentions(text, rule.words):
            return rule
    return None


def counts_only_upward(code: str, name: str) -> bool:
    return _mentions(f"{code} {name}", ONLY_UPWARD_WORDS)


def _mentions(text: str, words: tuple[str, ...]) -> bool:
    """Chinese words anywhere; English ones only whole, so that `competition` is no `petition`."""
    plain = "_".join(unicodedata.normalize("NFKC", text).lower().replace("-", " ").split())
    without_gaps = plain.replace("_", "")
    return any(
        re.search(rf"(?<![a-z]){word}s?(?![a-z])", plain) if word.isascii() else word in without_gaps
        for word in words
    )
