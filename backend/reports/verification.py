"""What anyone may learn about a report in their hands: valid, superseded or forged; nothing of what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from hmac import compare_digest
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.identifiers.sealing import KeyRing
from backend.reports.models import CreditReport
from backend.reports.service import is_superseded

Verdict = Literal["valid", "superseded", "forged"]

SENTENCES: dict[Verdict, str] = {
    "valid": "这份报告由本机构出具，目前有效。",
    "superseded": "这份报告由本机构出具，但已被新的情况取代或超过有效期，请向出示人索取新的报告。",
    "forged": "本机构没有出具过这样一份报告：编号、校验码或文件与存档不符。请不要采信。",
}


@dataclass(frozen=True)
class Verification:
    """The dates are printed on the report itself; they are None when it is forged.

    `file_compared` says whether the file was compared as well; without it only number and code were.
    """

    verdict: Verdict
    issued_on: date | None
    valid_to: date | None
    file_compared: bool

    @property
    def sentence(self) -> str:
        return SENTENCES[self.verdict]


def verify_number(
    session: Session, keys: KeyRing, *, number: str, code: str, file_sha256: str | None, now: datetime
) -> Verification:
    """By what is printed. A wrong code looks like a number that was never given, so numbers cannot be probed."""
    report = session.scalars(select(CreditReport).where(CreditReport.number == _as_printed(number))).first()
    given = _as_printed(code).replace("-", "")
    known_code = report.check_code if report else "-" * 8
    if report is None or not compare_digest(given.encode(), known_code.encode()):
        return Verification("forged", None, None, file_sha256 is not None)
    if file_sha256 is not None and file_sha256.lower() != report.file_sha256:
        return Verification("forged", None, None, True)
    return _verdict(session, keys, report, file_compared=file_sha256 is not None, now=now)


def verify_file(session: Session, keys: KeyRing, *, file_sha256: str, now: datetime) -> Verification:
    """By the SHA-256 of the whole file (hex), which nobody can guess who does not have it."""
    report = session.scalars(select(CreditReport).where(CreditReport.file_sha256 == file_sha256.lower())).first()
    if report is None:
        return Verification("forged", None, None, True)
    return _verdict(session, keys, report, file_compared=True, now=now)


def _verdict(
    session: Session, keys: KeyRing, report: CreditReport, *, file_compared: bool, now: datetime
) -> Verification:
    today = city_date(now)
    lapsed = report.valid_to < today
    verdict: Verdict = "superseded" if lapsed or is_superseded(session, keys, report, today=today) else "valid"
    return Verification(verdict, report.as_of, report.valid_to, file_compared)


def _as_printed(text: str) -> str:
    return text.strip().upper().replace(" ", "")
