"""15-digit registration numbers of enterprises (工商注册号, GS 15).

Layout: region (6), order (8), check digit (1; ISO 7064 mod 11,10).

Replaced by the unified social credit code in 2015.
"""

from __future__ import annotations

import re
from typing import Final

from stdnum.iso7064 import mod_11_10

from backend.identifiers.cleaning import clean, refuse_unreadable
from backend.identifiers.findings import REGION_UNKNOWN, IdentifierCheck, refused
from backend.identifiers.regions import is_known_region

_KIND: Final = "registration_number"
_BODY = re.compile(r"[0-9]{14}")
_FORM = re.compile(r"[0-9]{15}")


def complete_registration_number(first14: str) -> str:
    """Append the check digit. Raises ValueError unless given 14 digits."""
    if not _BODY.fullmatch(first14):
        raise ValueError("the first 14 characters of a registration number are digits")
    return first14 + str(mod_11_10.calc_check_digit(first14))


def check_registration_number(text: str) -> IdentifierCheck:
    cleaned = clean(text)
    if (unreadable := refuse_unreadable(text, _KIND, cleaned)) is not None:
        return unreadable
    if len(cleaned) != 15:
        return refused(text, _KIND, "length", f"工商注册号应为 15 位，实际 {len(cleaned)} 位")
    if not _FORM.fullmatch(cleaned):
        place = next(place for place, character in enumerate(cleaned, start=1) if character not in "0123456789")
        return refused(text, _KIND, "character", f"工商注册号应全部为数字，第 {place} 位不是")
    if complete_registration_number(cleaned[:14]) != cleaned:
        return refused(text, _KIND, "check_digit", "第 15 位校验码与前 14 位不符，可能有数字录错或相邻数字颠倒")
    notes = () if is_known_region(cleaned[:6]) else (REGION_UNKNOWN,)
    return IdentifierCheck(text, _KIND, cleaned, None, notes)
