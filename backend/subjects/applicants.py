"""Who may apply at a window in whose matters (a report, an objection), and on what basis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from backend.subjects.errors import ApplicantNotEntitled
from backend.subjects.models import Subject
from backend.subjects.service import AGE_OF_MAJORITY, AGE_OF_ONES_OWN_CONSENT, age_on
from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "applicants.yaml"

_WHOM = {
    "adult": "成年人",
    "minor": "未成年人",
    "child": "未满 14 周岁的未成年人",
    "deceased": "已故的人",
    "enterprise": "企业",
}


@dataclass(frozen=True)
class Applicant:
    """See `shipped/applicants.yaml`."""

    code: str
    name: str
    about: Sequence[str]
    basis: str
    papers: str


def check_may_apply(subject: Subject, applicant: str, today: date) -> Applicant:
    """The applicant of this code. Raises ApplicantNotEntitled; KeyError for a code that is not shipped."""
    found, about = applicants()[applicant], _kind_of(subject, today)
    if about not in found.about:
        entitled = [f"{one.name}（{one.papers}）" for one in applicants().values() if about in one.about]
        raise ApplicantNotEntitled(found.name, _WHOM[about], entitled)
    return found


def _kind_of(subject: Subject, today: date) -> str:
    if subject.kind != "person":
        return "enterprise"
    if subject.status == "deceased":
        return "deceased"
    age = age_on(subject, today)
    if age is None or age >= AGE_OF_MAJORITY:
        return "adult"
    return "minor" if age >= AGE_OF_ONES_OWN_CONSENT else "child"


@cache
def applicants() -> Mapping[str, Applicant]:
    lines = read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    return {line["code"]: Applicant(**line) for line in lines}
