"""What an eye may see of a delivered row: identity numbers and persons' names masked wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from backend.catalogue.templates import Column, PartyKind, Template
from backend.identifiers import check_social_credit_code

_HALF_WIDTH = {0xFF10 + digit: 0x30 + digit for digit in range(10)} | {ord("Ｘ"): ord("X"), ord("ｘ"): ord("X")}

MAY_HOLD_A_NUMBER = r"(?:[0-9０-９][ \-]?){15}"
"""Cheap test (of a whole column at once) before the careful look below."""

_SHORTEST_NUMBER = 15
# 18 or 15 places, one space or hyphen between any two; a longer run of digits is a serial number.
_LONG_ENOUGH = re.compile(
    r"(?<![0-9])(?:[0-9](?:[ \-]?[0-9]){16}[ \-]?[0-9X]|[0-9](?:[ \-]?[0-9]){14})(?![0-9])", re.IGNORECASE
)
_VERY_LONG = re.compile(r"[0-9]{15,}X?", re.IGNORECASE)
# Region, date of birth, order and check character; the check character need not be right.
_LIKE_A_CITIZEN_NUMBER = re.compile(
    r"[1-9][0-9]{5}(?:(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]"
    r"|[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3})",
    re.IGNORECASE,
)
_LEGAL_REPRESENTATIVE = ("法定代表人", "法定代表人姓名")


def mask_identity_numbers(text: str, *, strictly: bool = False) -> str:
    """Mask numbers of 15 or 18 places that are built like a citizen number, whatever their check character.

    `strictly` masks every run of 15 digits and more: for eyes only, where a masked serial number costs little.
    """

    if len(text) < _SHORTEST_NUMBER:
        return text
    plain = text.translate(_HALF_WIDTH)
    spans = [
        found.span()
        for found in _LONG_ENOUGH.finditer(plain)
        if _LIKE_A_CITIZEN_NUMBER.fullmatch(re.sub(r"[ \-]", "", found.group()))
    ]
    if strictly:
        spans += [found.span() for found in _VERY_LONG.finditer(plain)]
    for start, end in spans:
        text = text[:start] + mask_number(text[start:end]) + text[end:]
    return text


def mask_number(number: str) -> str:
    """Three characters at the front and four at the end remain; of short ones nothing."""
    if len(number) < 12:
        return "*" * len(number)
    return number[:3] + "*" * (len(number) - 7) + number[-4:]


def mask_name(name: str) -> str:
    """王小兰 → 王*兰, 王兰 → 王*."""
    if len(name) <= 2:
        return name[:1] + "*"
    return name[0] + "*" * (len(name) - 2) + name[-1]


def mask_row(template: Template, row: Mapping[str, str], party: PartyKind | None) -> dict[str, str]:
    """Of a delivered row `{header: cell}`; `party` is None when the row does not say whom it is about.

    A name or number that a secret cell holds is masked in the other cells too: free text repeats them.
    """
    masked: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for column in template.columns:
        cell = row.get(column.header)
        if cell is None:
            continue
        if column.secret or holds_a_persons_name(template, column, party):
            shown = _mask_secret(cell.strip(), party)
            masked[column.header] = shown
            if shown != cell.strip() and len(cell.strip()) > 1:
                secrets[cell.strip()] = shown
        else:
            strictly = column.code not in template.natural_key
            masked[column.header] = mask_identity_numbers(cell, strictly=strictly)
    for header, cell in masked.items():
        for secret, shown in secrets.items():
            if secret in cell:
                masked[header] = cell = cell.replace(secret, shown)
    return masked


def holds_a_persons_name(template: Template, column: Column, party: PartyKind | None) -> bool:
    """Whether the cell names a person, in a row about `party`; None when the row may be about a person."""
    if column.header in _LEGAL_REPRESENTATIVE:
        return True
    return template.subject is not None and column.code == template.subject.name and party != "organisation"


def _mask_secret(cell: str, party: PartyKind | None) -> str:
    """Codes of enterprises stay readable. One citizen number in 31 passes their check by chance and does not."""
    may_be_a_code = party != "person" and not _LIKE_A_CITIZEN_NUMBER.fullmatch(cell.translate(_HALF_WIDTH))
    if not cell or (may_be_a_code and check_social_credit_code(cell).valid):
        return cell
    digits = sum(map(str.isdigit, cell))
    return mask_number(cell) if digits >= 4 else mask_name(cell)


def mask_in_text(texts: pl.Series) -> pl.Series:
    """The same for a column: only the few cells that may hold a number are looked at closely."""
    is_suspect = texts.str.contains(MAY_HOLD_A_NUMBER)
    if not is_suspect.any():
        return texts
    suspects = is_suspect.fill_null(False).arg_true()
    return texts.scatter(suspects, [mask_identity_numbers(text) for text in texts.gather(suspects)])


def mask_values(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: mask_identity_numbers(cell) if isinstance(cell, str) else cell for name, cell in content.items()}
