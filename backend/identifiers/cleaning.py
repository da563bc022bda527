"""Undoing what keyboards and spreadsheets do to numbers, before anything is judged."""

from __future__ import annotations

import re

from backend.identifiers.findings import IdentifierCheck, IdentifierKind, refused

# Full-width forms U+FF01–U+FF5E are what a Chinese input method types for ASCII. A general NFKC would also
# turn ① or ² into digits; a number containing those is a mistake to report, not to repair.
_HALF_WIDTH = {0xFF01 + offset: 0x21 + offset for offset in range(94)}
_SEPARATORS = dict.fromkeys(map(ord, " \t\r\n\u00a0\u3000\u200b\u200c\u200d\u2060\ufeff-‐‑‒–—－'\"‘’“”`"))
_TRANSLATION = {**_HALF_WIDTH, **_SEPARATORS, ord("－"): None, ord("＇"): None, ord("＂"): None}
_SCIENTIFIC = re.compile(r"[0-9](\.[0-9]+)?E\+?[0-9]{1,2}")


def clean(text: str) -> str:
    """Half-width, upper case, without spaces, hyphens, quotation marks and invisible characters."""
    if text.isascii() and text.isalnum():  # nearly all of a good delivery
        return text.upper()
    return text.translate(_TRANSLATION).upper()


def refuse_unreadable(text: str, kind: IdentifierKind | None, cleaned: str) -> IdentifierCheck | None:
    """Nothing there, or `3.70102E+17`: a spreadsheet took the number for a quantity and lost its last digits."""
    if not cleaned:
        return refused(text, kind, "empty", "号码为空")
    if _SCIENTIFIC.fullmatch(cleaned):
        return refused(
            text, kind, "scientific_notation", "号码被电子表格改成了科学计数法，末几位已丢失，请以文本格式重新导出"
        )
    return None
