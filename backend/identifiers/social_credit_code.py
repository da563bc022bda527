"""Unified social credit codes (统一社会信用代码, GB 32100-2015 with its first amendment).

Layout: registration authority (1), type of organisation (1), region (6), organisation code (9), check
character (1; mod 31 over an alphabet without I, O, S, V, Z).

Not taken from python-stdnum: its check refuses the authorities A, N and Y and accepts eighteen zeros.
"""

from __future__ import annotations

import re
from operator import mul
from typing import Final

from backend.identifiers.cleaning import clean, refuse_unreadable
from backend.identifiers.findings import REGION_UNKNOWN, Finding, IdentifierCheck, refused
from backend.identifiers.organisation_code import complete_organisation_code
from backend.identifiers.regions import is_known_region

_KIND: Final = "social_credit_code"
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_FORM = re.compile(f"[{_ALPHABET}]{{18}}")
_REGION = re.compile(r"[0-9]{6}")
_MISREAD = {"I": "1", "O": "0", "Z": "2", "S": "5", "V": "U"}

AUTHORITIES: dict[str, tuple[str, dict[str, str]]] = {
    "1": ("机构编制", {"1": "机关", "2": "事业单位", "3": "编办直接管理机构编制的群众团体", "9": "其他"}),
    "2": ("外交", {"1": "外国常驻新闻机构", "9": "其他"}),
    "3": (
        "司法行政",
        {
            "1": "律师执业机构",
            "2": "公证处",
            "3": "基层法律服务所",
            "4": "司法鉴定机构",
            "5": "仲裁委员会",
            "9": "其他",
        },
    ),
    "4": ("文化", {"1": "外国在华文化中心", "9": "其他"}),
    "5": ("民政", {"1": "社会团体", "2": "民办非企业单位", "3": "基金会", "9": "其他"}),
    "6": (
        "旅游",
        {"1": "外国旅游部门常驻代表机构", "2": "港澳台地区旅游部门常驻内地（大陆）代表机构", "9": "其他"},
    ),
    "7": ("宗教", {"1": "宗教活动场所", "2": "宗教院校", "9": "其他"}),
    "8": ("工会", {"1": "基层工会", "9": "其他"}),
    "9": ("市场监管", {"1": "企业", "2": "个体工商户", "3": "农民专业合作社", "9": "其他"}),
    "A": ("中央军委改革和编制办公室", {"1": "军队事业单位", "9": "其他"}),
    "N": ("农业", {"1": "组级集体经济组织", "2": "村级集体经济组织", "3": "乡镇级集体经济组织", "9": "其他"}),
    "Y": ("其他", {"1": "不再划分类别"}),
}
"""Registration authorities by place 1, and the types of organisation that each registers by place 2."""

_INNER_CHECK_DIGIT = Finding(
    "inner_check_digit", "第 9–17 位的组织机构代码校验码不符；已登记的真实代码中确有此类，请留意是否录错"
)
_TYPE_UNKNOWN = Finding("type_unknown", "第 2 位机构类别不在国家标准的类别表中，请留意是否录错")


def complete_social_credit_code(first17: str) -> str:
    """Append the check character. Raises ValueError unless given 17 characters of the code's alphabet."""
    if len(first17) != 17 or not _VALUES.keys() >= set(first17):
        raise ValueError(
            "the first 17 characters of a social credit code are digits or capitals other than I O S V Z"
        )
    return first17 + _check_character(first17)


def organisation_code_within(normalised: str) -> str:
    """Places 9 to 17 of a valid code: the organisation code that was carried over into it."""
    return normalised[8:17]


def check_social_credit_code(text: str) -> IdentifierCheck:
    cleaned = clean(text)
    if (unreadable := refuse_unreadable(text, _KIND, cleaned)) is not None:
        return unreadable
    return judge_social_credit_code(text, cleaned)


def judge_social_credit_code(text: str, cleaned: str) -> IdentifierCheck:
    """The same for a text that has been cleaned and found readable already."""
    if len(cleaned) != 18:
        return refused(text, _KIND, "length", f"统一社会信用代码应为 18 位，实际 {len(cleaned)} 位")
    if not _FORM.fullmatch(cleaned):
        place, character = next(
            (place, character) for place, character in enumerate(cleaned, start=1) if character not in _VALUES
        )
        return refused(text, _KIND, "character", _character_message(place, character))
    if cleaned[0] not in AUTHORITIES:
        return refused(text, _KIND, "authority_unknown", "第 1 位不是国家标准规定的登记管理部门代码")
    if not _REGION.fullmatch(cleaned[2:8]):
        place = next(place for place, character in enumerate(cleaned[2:8], start=3) if not character.isdigit())
        return refused(text, _KIND, "character", f"第 3–8 位行政区划代码应为数字，第 {place} 位不是")
    if _check_character(cleaned[:17]) != cleaned[17]:
        return refused(text, _KIND, "check_digit", "第 18 位校验码与前 17 位不符，可能有字符录错或相邻字符颠倒")
    return IdentifierCheck(text, _KIND, cleaned, None, _notes(cleaned))


def _check_character(first17: str) -> str:
    return _ALPHABET[-sum(map(mul, map(_VALUES.__getitem__, first17), _WEIGHTS)) % 31]


def _character_message(place: int, character: str) -> str:
    if character in _MISREAD:
        return (
            f"第 {place} 位是字母 {character}，统一社会信用代码不使用 I、O、S、V、Z，"
            f"可能是 {_MISREAD[character]} 的误录"
        )
    return f"第 {place} 位不是数字或大写字母"


def _notes(cleaned: str) -> tuple[Finding, ...]:
    notes: list[Finding] = []
    if cleaned[1] not in AUTHORITIES[cleaned[0]][1]:
        notes.append(_TYPE_UNKNOWN)
    if not is_known_region(cleaned[2:8]):
        notes.append(REGION_UNKNOWN)
    if complete_organisation_code(cleaned[8:16]) != cleaned[8:17]:
        notes.append(_INNER_CHECK_DIGIT)
    return tuple(notes)
