"""Organisation codes (组织机构代码, GB 11714): 8 digits or capitals and a check character, mod 11.

Replaced by the unified social credit code in 2015, whose places 9 to 17 they became.
"""

from __future__ import annotations

import re
from operator import mul
from typing import Final

from backend.identifiers.cleaning import clean, refuse_unreadable
from backend.identifiers.findings import IdentifierCheck, refused

_KIND: Final = "organisation_code"
_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_VALUES = {character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_CHECK_CHARACTERS = "0X987654321"  # by remainder
_BODY = re.compile(r"[0-9A-Z]{8}")
_FORM = re.compile(r"[0-9A-Z]{8}[0-9X]")


def complete_organisation_code(first8: str) -> str:
    """Append the check character. Raises ValueError unless given 8 digits or capitals."""
    if not _BODY.fullmatch(first8):
        raise ValueError("the first 8 characters of an organisation code are digits or capitals")
    total = sum(map(mul, map(_VALUES.__getitem__, first8), _WEIGHTS))
    return first8 + _CHECK_CHARACTERS[total % 11]


def check_organisation_code(text: str) -> IdentifierCheck:
    """Accepts the code with or without its hyphen before the check character."""
    cleaned = clean(text)
    if (unreadable := refuse_unreadable(text, _KIND, cleaned)) is not None:
        return unreadable
    if len(cleaned) != 9:
        return refused(text, _KIND, "length", f"组织机构代码应为 9 位（不计连字符），实际 {len(cleaned)} 位")
    if not _FORM.fullmatch(cleaned):
        return refused(text, _KIND, "character", _character_message(cleaned))
    if cleaned == "000000000":
        # Arithmetically right, and what clerks type when they have no code.
        return refused(text, _KIND, "placeholder", "全部为 0，是占位号码，不是组织机构代码")
    if complete_organisation_code(cleaned[:8]) != cleaned:
        return refused(text, _KIND, "check_digit", "第 9 位校验码与前 8 位不符，可能有字符录错或相邻字符颠倒")
    return IdentifierCheck(text, _KIND, cleaned)


def _character_message(cleaned: str) -> str:
    for place, character in enumerate(cleaned[:8], start=1):
        if character not in _VALUES:
            return f"第 {place} 位不是数字或大写字母"
    return "第 9 位校验码应为数字或 X"
