"""What an officer is pointed to, with plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.portraits.warnings import warning_rule_on, warnings_about

CATEGORIES = parse_catalogue(shipped_catalogue()).categories
ON = date(2026, 3, 3)
BEST_FIRST = ["excellent", "good", "fair", "poor"]


@dataclass(frozen=True)
class Fact:
    category: str
    event_on: date = date(2026, 1, 1)
    ended_on: date | None = None
    performed_on: date | None = None
    level: int = 0
    state: str = "active"
    title: str = "事项"


def codes(*records, principals=(), grades=()):
    return [
        warning.code
        for warning in warnings_about(
            records,
            principals,
            categories=CATEGORIES,
            grades=list(grades),
            grade_order=BEST_FIRST,
            rule=warning_rule_on(ON),
            on=ON,
        )
    ]


PENALTY = Fact("admin_penalty")


@pytest.mark.parametrize(
    ("records", "warned"),
    [
        ([Fact("serious_list")], ["listed"]),
        ([Fact("serious_list", ended_on=ON)], []),
        ([Fact("serious_list", event_on=date(2026, 3, 4))], []),
        ([Fact("utility_arrears")], ["arrears"]),
        ([Fact("utility_arrears", performed_on=ON)], []),
        ([PENALTY, PENALTY], []),
        ([PENALTY, PENALTY, PENALTY], ["penalties_mount"]),
        ([PENALTY, PENALTY, Fact("admin_penalty", event_on=date(2025, 3, 3))], []),
        ([PENALTY, PENALTY, Fact("admin_penalty", event_on=date(2025, 3, 4))], ["penalties_mount"]),
        ([Fact("commitment", level=1)], []),
        ([Fact("commitment", level=3)], ["commitment_broken"]),
        ([Fact("admin_licence", ended_on=date(2026, 4, 2))], ["licence_ends"]),
        ([Fact("admin_licence", ended_on=date(2026, 4, 3))], []),
        ([Fact("admin_licence", ended_on=date(2026, 3, 2))], []),
    ],
)
def test_each_warning_begins_and_ends_on_its_day(records, warned):
    assert codes(*records) == warned


@pytest.mark.parametrize("state", ["disputed", "repaired", "revoked", "expired"])
def test_what_does_not_count_warns_of_nothing(state):
    assert codes(Fact("serious_list", state=state), principals=[Fact("dishonest_debtor", state=state)]) == []


def test_a_listed_representative_is_a_warning_about_the_enterprise():
    assert codes(principals=[Fact("dishonest_debtor")]) == ["principal_listed"]


@pytest.mark.parametrize(
    ("grades", "warned"),
    [
        ((), []),
        (("good",), []),
        (("good", "good"), []),
        (("good", "fair"), ["grade_fell"]),
        (("fair", "good"), []),
        (("poor", "excellent", "good"), ["grade_fell"]),
    ],
)
def test_a_grade_below_the_one_before_is_a_warning(grades, warned):
    assert codes(grades=grades) == warned
