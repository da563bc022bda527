"""Which number is this, and is it right? For texts of which only the column is known, not the kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from backend.identifiers.citizen_number import check_citizen_number, judge_citizen_number
from backend.identifiers.cleaning import clean, refuse_unreadable
from backend.identifiers.findings import (
    KIND_NAMES,
    PERSONAL_KINDS,
    Finding,
    IdentifierCheck,
    IdentifierKind,
    refused,
)
from backend.identifiers.organisation_code import check_organisation_code
from backend.identifiers.permanent_residence_card import (
    check_permanent_residence_card,
    looks_like_permanent_residence_card,
)
from backend.identifiers.regions import is_known_region
from backend.identifiers.registration_number import check_registration_number
from backend.identifiers.social_credit_code import judge_social_credit_code


def check(text: str, *, today: date | None = None) -> IdentifierCheck:
    """Judge one number of any kind.

    Where the length fits two kinds, the one that is valid with fewer warnings wins. `today` as in
    `check_citizen_number`.
    """
    cleaned = clean(text)
    if (unreadable := refuse_unreadable(text, None, cleaned)) is not None:
        return unreadable
    match len(cleaned):
        case 18:
            return _of_18(text, cleaned, today)
        case 15 if looks_like_permanent_residence_card(cleaned):
            return check_permanent_residence_card(text, today=today)
        case 15:
            return _of_15(text, judge_citizen_number(text, cleaned, today), cleaned)
        case 9:
            return check_organisation_code(text)
        case length:
            return refused(
                text,
                None,
                "length",
                f"共 {length} 位：公民身份号码和统一社会信用代码为 18 位，"
                "旧公民身份号码、工商注册号和外国人永久居留身份证旧号为 15 位，组织机构代码为 9 位",
            )


def check_person_number(text: str, *, today: date | None = None) -> IdentifierCheck:
    """A number that can only be a natural person's: a citizen number, or a foreigner's old residence card."""
    if looks_like_permanent_residence_card(clean(text)):
        return check_permanent_residence_card(text, today=today)
    return check_citizen_number(text, today=today)


def mask(kind: IdentifierKind, normalised: str) -> str:
    """As shown on screens and papers. Codes of enterprises and organisations are public and stay whole.

    Of a citizen number three characters at the front and four at the end remain: neither the county nor the
    date of birth can be read from it.
    """
    if kind not in PERSONAL_KINDS:
        return normalised
    return normalised[:3] + "*" * (len(normalised) - 7) + normalised[-4:]


def _of_18(text: str, cleaned: str, today: date | None) -> IdentifierCheck:
    if not cleaned[:17].isdigit():
        return judge_social_credit_code(text, cleaned)
    citizen = judge_citizen_number(text, cleaned, today)
    if citizen.valid and not citizen.notes:
        return citizen
    credit = judge_social_credit_code(text, cleaned)
    if citizen.valid and credit.valid:
        return credit if len(credit.notes) < len(citizen.notes) else citizen
    if citizen.valid or credit.valid:
        return citizen if citizen.valid else credit
    # Neither holds: explain the mistake in terms of the number it was probably meant to be.
    birth_is_plausible = citizen.fault is not None and citizen.fault.code in ("check_digit", "birth_in_future")
    credit_is_plausible = credit.fault is not None and credit.fault.code == "check_digit"
    if birth_is_plausible or is_known_region(cleaned[:6]) or not credit_is_plausible:
        return citizen
    return credit


def _of_15(text: str, citizen: IdentifierCheck, cleaned: str) -> IdentifierCheck:
    registration = check_registration_number(text)
    if citizen.valid and registration.valid:
        note = Finding(
            "ambiguous", f"也符合{KIND_NAMES['registration_number']}的编码规则，请核对它是个人还是企业的号码"
        )
        return replace(citizen, notes=(*citizen.notes, note))
    if citizen.valid or registration.valid or not cleaned.isdigit():
        return registration if registration.valid else citizen
    # Nothing tells which of the two it was meant to be.
    faults = "；".join(
        f"作为{name}，{each.fault.message}"
        for name, each in (("旧公民身份号码", citizen), (KIND_NAMES["registration_number"], registration))
        if each.fault is not None
    )
    return refused(text, None, "fits_neither_kind", faults)
