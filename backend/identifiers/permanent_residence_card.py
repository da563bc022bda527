"""Numbers of foreigners' permanent residence cards (外国人永久居留身份证) as issued before December 2023.

Layout: nationality (3 letters, ISO 3166 alpha-3), province and prefecture that first issued it (4), date of
birth without the century (6), order (1), check digit (1; the weights 7-3-1 of ICAO Doc 9303, mod 10).

Cards issued since then carry 18 characters in the form of a citizen number that begins with 9; the old number
cannot be turned into the new one by arithmetic, because the new one tells the century of birth.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import cycle
from typing import Final

from backend.identifiers.cleaning import clean, refuse_unreadable
from backend.identifiers.findings import REGION_UNKNOWN, Finding, IdentifierCheck, refused
from backend.identifiers.regions import is_known_region

_KIND: Final = "permanent_residence_card"
_WEIGHTS = (7, 3, 1)
_BODY = re.compile(r"[A-Z]{3}[0-9]{11}")
_FORM = re.compile(r"[A-Z]{3}[0-9]{12}")


def complete_permanent_residence_card(first14: str) -> str:
    """Append the check digit. Raises ValueError unless given 3 capitals and 11 digits."""
    if not _BODY.fullmatch(first14):
        raise ValueError("the first 14 characters of an old permanent residence card are 3 capitals and 11 digits")
    total = sum(int(character, 36) * weight for character, weight in zip(first14, cycle(_WEIGHTS), strict=False))
    return first14 + str(total % 10)


def looks_like_permanent_residence_card(cleaned: str) -> bool:
    """15 characters that begin with three letters: no other number here does."""
    return len(cleaned) == 15 and cleaned[:3].isascii() and cleaned[:3].isalpha()


def check_permanent_residence_card(text: str, *, today: date | None = None) -> IdentifierCheck:
    """`today` as in `check_citizen_number`: a birth after it, in either century, is refused."""
    cleaned = clean(text)
    if (unreadable := refuse_unreadable(text, _KIND, cleaned)) is not None:
        return unreadable
    if len(cleaned) != 15:
        return refused(text, _KIND, "length", f"外国人永久居留身份证旧号应为 15 位，实际 {len(cleaned)} 位")
    if not _FORM.fullmatch(cleaned):
        return refused(text, _KIND, "character", _character_message(cleaned))
    if (fault := _birth_fault(cleaned[7:13], today)) is not None:
        return IdentifierCheck(text, _KIND, None, fault)
    if complete_permanent_residence_card(cleaned[:14]) != cleaned:
        return refused(text, _KIND, "check_digit", "第 15 位校验码与前 14 位不符，可能有字符录错或相邻字符颠倒")
    notes = () if is_known_region(f"{cleaned[3:7]}00") else (REGION_UNKNOWN,)
    return IdentifierCheck(text, _KIND, cleaned, None, notes)


def _character_message(cleaned: str) -> str:
    for place, character in enumerate(cleaned, start=1):
        if place <= 3 and not (character.isascii() and character.isalpha()):
            return f"第 {place} 位应为国籍代码的字母"
        if place > 3 and character not in "0123456789":
            return f"第 {place} 位应为数字"
    raise ValueError("every character stands where it may")


def _birth_fault(digits: str, today: date | None) -> Finding | None:
    births = [born for century in (19, 20) if (born := _date(century, digits)) is not None]
    if not births:
        return Finding("birth_date", "第 8–13 位的出生日期不存在")
    if today is not None and min(births) > today:
        return Finding("birth_in_future", "第 8–13 位的出生日期晚于今天")
    return None


def _date(century: int, digits: str) -> date | None:
    try:
        return date(century * 100 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
    except ValueError:
        return None
