"""What a check of one number found, in the words a clerk can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

IdentifierKind = Literal[
    "citizen_number",
    "permanent_residence_card",
    "social_credit_code",
    "registration_number",
    "organisation_code",
]

KIND_NAMES: dict[IdentifierKind, str] = {
    "citizen_number": "公民身份号码",
    "permanent_residence_card": "外国人永久居留身份证旧号",
    "social_credit_code": "统一社会信用代码",
    "registration_number": "工商注册号",
    "organisation_code": "组织机构代码",
}


PERSONAL_KINDS: frozenset[IdentifierKind] = frozenset({"citizen_number", "permanent_residence_card"})
"""Numbers of natural persons: masked wherever they are shown to others."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is stable, for programs; `message` is a Chinese sentence that repeats no digit of the number."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class IdentifierCheck:
    """The outcome for one number.

    input       as it was delivered
    kind        which number it is, or most resembles; None when it resembles none
    normalised  half-width, upper case, without separators, an old 15-digit citizen number upgraded to
                18 digits; None when the number is not valid
    fault       why it is not valid, None when it is
    notes       oddities that real registers contain and that do not make the number invalid
    """

    input: str
    kind: IdentifierKind | None
    normalised: str | None
    fault: Finding | None = None
    notes: tuple[Finding, ...] = ()

    @property
    def valid(self) -> bool:
        return self.fault is None

    @property
    def reason(self) -> str | None:
        return self.fault.message if self.fault else None

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(note.message for note in self.notes)

    def as_json(self) -> dict[str, object]:
        return {
            "input": self.input,
            "kind": self.kind,
            "valid": self.valid,
            "normalised": self.normalised,
            "reason": self.reason,
            "warnings": list(self.warnings),
        }


def refused(text: str, kind: IdentifierKind | None, code: str, message: str) -> IdentifierCheck:
    return IdentifierCheck(input=text, kind=kind, normalised=None, fault=Finding(code, message))


REGION_UNKNOWN = Finding("region_unknown", "行政区划代码不在已知区划中，请留意是否录错")
"""A warning only: 2.3 % of good codes in real registers carry a region that the published lists lack."""
