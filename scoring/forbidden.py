"""What may never be scored, and what may count only upward, with the rule that says so."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ForbiddenAttribute:
    """An attribute no indicator may use: whole English words of a code, or Chinese words of a name."""

    name: str
    words: frozenset[str]
    chinese: tuple[str, ...]
    basis: str


_REGULATION = "《征信业管理条例》第十四条"
_NEVER_AN_INDICATOR = "信访、计划生育、政治信仰、网络言论、民族、性别、婚姻等不得作为评分指标"

FORBIDDEN_ATTRIBUTES: tuple[ForbiddenAttribute, ...] = (
    ForbiddenAttribute("宗教信仰", frozenset({"religion", "religious", "faith"}), ("宗教",), _REGULATION),
    ForbiddenAttribute("基因", frozenset({"gene", "genes", "genetic", "dna"}), ("基因",), _REGULATION),
    ForbiddenAttribute("指纹", frozenset({"fingerprint", "fingerprints"}), ("指纹",), _REGULATION),
    ForbiddenAttribute("血型", frozenset({"blood_type", "blood_group"}), ("血型",), _REGULATION),
    ForbiddenAttribute(
        "疾病和病史",
        frozenset({"illness", "disease", "diseases", "medical_history", "diagnosis", "disability"}),
        ("疾病", "病史", "病历", "残疾"),
        _REGULATION,
    ),
    ForbiddenAttribute(
        "收入、存款、有价证券、商业保险、不动产和纳税数额（须另有书面同意，不进入公共信用评分）",
        frozenset({"income", "salary", "deposits", "securities", "property", "real_estate", "tax_amount"}),
        ("收入", "存款", "有价证券", "商业保险", "不动产", "纳税数额", "纳税额"),
        _REGULATION,
    ),
    ForbiddenAttribute(
        "信访", frozenset({"petition", "petitions", "petitioning"}), ("信访", "上访"), _NEVER_AN_INDICATOR
    ),
    ForbiddenAttribute(
        "计划生育",
        frozenset({"family_planning", "birth_control"}),
        ("计划生育", "计生", "生育"),
        _NEVER_AN_INDICATOR,
    ),
    ForbiddenAttribute(
        "政治信仰", frozenset({"political", "politics", "belief", "beliefs"}), ("政治",), _NEVER_AN_INDICATOR
    ),
    ForbiddenAttribute(
        "网络言论", frozenset({"speech", "online_speech", "opinions"}), ("言论", "发帖"), _NEVER_AN_INDICATOR
    ),
    ForbiddenAttribute(
        "民族",
        frozenset({"ethnicity", "ethnic", "race", "nationality"}),
        ("民族", "种族"),
        _NEVER_AN_INDICATOR,
    ),
    ForbiddenAttribute("性别", frozenset({"sex", "gender"}), ("性别",), _NEVER_AN_INDICATOR),
    ForbiddenAttribute(
        "婚姻状况",
        frozenset({"marital", "marriage", "divorce", "married"}),
        ("婚姻", "离婚"),
        _NEVER_AN_INDICATOR,
    ),
)

ONLY_UPWARD: frozenset[str] = frozenset({"volunteering", "blood_donation"})
"""Categories that may raise a score and never lower it, whatever a catalogue says of their polarity."""


def forbidden_attribute(code: str, name: str) -> ForbiddenAttribute | None:
    """The forbidden attribute that a code or a name speaks of, if any."""
    padded = f"_{re.sub(r'[^a-z0-9]+', '_', code.lower())}_"
    for attribute in FORBIDDEN_ATTRIBUTES:
        if any(f"_{word}_" in padded for word in attribute.words):
            return attribute
        if any(word in name for word in attribute.chinese):
            return attribute
    return None
