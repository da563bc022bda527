"""Who may apply at a window in whose matters."""

from __future__ import annotations

from datetime import date

import pytest

from backend.subjects.applicants import applicants, check_may_apply
from backend.subjects.errors import ApplicantNotEntitled
from backend.subjects.models import Subject

TODAY = date(2026, 3, 3)
PEOPLE = {
    "adult": {"born_on": date(2008, 3, 3)},
    "minor": {"born_on": date(2008, 3, 4)},
    "just fourteen": {"born_on": date(2012, 3, 3)},
    "child": {"born_on": date(2012, 3, 4)},
    "of unknown age": {"born_on": None},
    "deceased": {"born_on": date(1940, 1, 1), "status": "deceased"},
    "child that died": {"born_on": date(2020, 1, 1), "status": "deceased"},
    "enterprise": {"kind": "enterprise"},
}


@pytest.mark.parametrize(
    ("about", "entitled"),
    [
        ("adult", {"self", "guardian", "agent"}),
        ("minor", {"self", "guardian"}),
        ("just fourteen", {"self", "guardian"}),
        ("child", {"guardian"}),
        ("of unknown age", {"self", "guardian", "agent"}),
        ("deceased", {"close_relative"}),
        ("child that died", {"close_relative"}),
        ("enterprise", {"agent", "legal_representative"}),
    ],
)
def test_whoever_may_not_apply_learns_who_may_and_which_papers_to_bring(about, entitled):
    subject = Subject(**{"kind": "person", "status": "active", **PEOPLE[about]})
    told = {}
    for code in applicants():
        try:
            assert check_may_apply(subject, code, TODAY).code == code
        except ApplicantNotEntitled as refusal:
            told[code] = refusal.detail

    assert set(applicants()) - set(told) == entitled
    for sentence in told.values():
        assert all(applicants()[code].papers in sentence for code in entitled)
