"""Citizen identity numbers (公民身份号码, GB 11643) and the permits that share their form.

Layout: region (6), date of birth (8), order (3), check character (1; ISO 7064 mod 11-2). The same form is used
by residence permits of people from Hong Kong, Macao and Taiwan (regions 810000, 820000, 830000) and by
permanent residence cards of foreigners (9, province, nationality). Numbers issued before October 1999 have 15
digits: two for the year and no check character.

Not taken from python-stdnum: its check refuses residence permits, regions that were renamed before the birth,
and the 15-digit form, and accepts births that have not happened yet.

Nothing here derives a person's sex: the product has no use for it.
"""

from __future__ import annotations

import re
from datetime import date
from operator import mul
from typing import Final

from backend.identifiers.cleaning import clean, refuse_unreadable
from backend.identifiers.findings import REGION_UNKNOWN, Finding, IdentifierCheck, refused
from backend.identifiers.regions import is_known_province, is_known_region

_KIND: Final = "citizen_number"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ASCII_EXCESS = ord("0") * sum(WEIGHTS)
CHECK_CHARACTERS = "10X98765432"
_FORM_18 = re.compile(r"[0-9]{17}[0-9X]")
_FORM_15 = re.compile(r"[0-9]{15}")
_MISREAD = {"O": "0", "I": "1", "L": "1", "Z": "2", "S": "5", "B": "8"}

# Nobody born earlier lived to be given an 18-digit number.
EARLIEST_BIRTH = date(1880, 1, 1)
# In 15-digit numbers these orders were kept for people over a hundred, whose century the number does not tell.
_CENTENARIAN_ORDERS = frozenset({"996", "997", "998", "999"})


def complete_citizen_number(first17: str) -> str:
    """Append the check character. Raises ValueError unless given 17 digits."""
    if len(first17) != 17 or not (first17.isascii() and first17.isdigit()):
        raise ValueError("the first 17 characters of a citizen number are digits")
    return first17 + CHECK_CHARACTERS[(sum(map(mul, first17.encode(), WEIGHTS)) - _ASCII_EXCESS) % 11]


def birth_date(normalised: str) -> date:
    """Of a valid 18-character number."""
    return date(int(normalised[6:10]), int(normalised[10:12]), int(normalised[12:14]))


def check_citizen_number(text: str, *, today: date | None = None) -> IdentifierCheck:
    """Accepts 18 characters, or 15 digits, which are upgraded.

    `today` is the city's date: a birth after it is refused. Without it that one rule is not applied.
    """
    cleaned = clean(text)
    if (unreadable := refuse_unreadable(text, _KIND, cleaned)) is not None:
        return unreadable
    return judge_citizen_number(text, cleaned, today)


def judge_citizen_number(text: str, cleaned: str, today: date | None) -> IdentifierCheck:
    """The same for a text that has been cleaned and found readable already."""
    if len(cleaned) == 15:
        return _check_old_number(text, cleaned, today)
    if len(cleaned) != 18:
        return refused(text, _KIND, "length", f"公民身份号码应为 18 位（旧号 15 位），实际 {len(cleaned)} 位")
    if not _FORM_18.fullmatch(cleaned):
        return refused(text, _KIND, "character", _character_message(cleaned))
    if (fault := _birth_fault(cleaned[6:14], "第 7–14 位", today)) is not None:
        return IdentifierCheck(text, _KIND, None, fault)
    if complete_citizen_number(cleaned[:17]) != cleaned:
        return refused(text, _KIND, "check_digit", "第 18 位校验码与前 17 位不符，可能有数字录错或相邻数字颠倒")
    return IdentifierCheck(text, _KIND, cleaned, None, _notes(cleaned))


def _check_old_number(text: str, cleaned: str, today: date | None) -> IdentifierCheck:
    if not _FORM_15.fullmatch(cleaned):
        return refused(text, _KIND, "character", _character_message(cleaned))
    if cleaned[12:] in _CENTENARIAN_ORDERS:
        return refused(
            text,
            _KIND,
            "century_unknown",
            "15 位旧号第 13–15 位的顺序码属于百岁以上老人专用，出生世纪不明，请提供 18 位号码",
        )
    # Every other 15-digit number was given to someone born in the twentieth century.
    upgraded = f"{cleaned[:6]}19{cleaned[6:]}"
    if (fault := _birth_fault(upgraded[6:14], "第 7–12 位", today)) is not None:
        return IdentifierCheck(text, _KIND, None, fault)
    normalised = complete_citizen_number(upgraded)
    return IdentifierCheck(text, _KIND, normalised, None, _notes(normalised))


def _character_message(cleaned: str) -> str:
    """Names the first place that holds something it cannot."""
    place, character = next(
        (place, character)
        for place, character in enumerate(cleaned, start=1)
        if character not in ("0123456789X" if place == 18 else "0123456789")
    )
    allowed = "数字或 X" if place == 18 else "数字"
    misread = f"，可能是 {_MISREAD[character]} 的误录" if character in _MISREAD else ""
    return f"第 {place} 位是“{character}”，应为{allowed}{misread}"


def _birth_fault(digits: str, where: str, today: date | None) -> Finding | None:
    try:
        born_on = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return Finding("birth_date", f"{where}的出生日期不存在")
    if born_on < EARLIEST_BIRTH:
        return Finding("birth_date", f"{where}的出生日期过早，不可能是在世时编制的号码")
    if today is not None and born_on > today:
        return Finding("birth_in_future", f"{where}的出生日期晚于今天")
    return None


def _notes(normalised: str) -> tuple[Finding, ...]:
    of_a_foreigner = normalised[0] == "9" and is_known_province(normalised[1:3])
    if of_a_foreigner or is_known_region(normalised[:6]):
        return ()
    return (REGION_UNKNOWN,)
