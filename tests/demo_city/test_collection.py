"""From the departments' files into the records: what the generator promised is what collection finds."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from backend.city_calendar import CITY_ZONE
from backend.database import Database
from backend.identifiers.sealing import KeyRing
from backend.records.collection import collect_file
from demo_city.rhythm import FORMER_PLATFORM
from tests.demo_city.conftest import DeliveredCity
from tests.factories import intake_of
from tests.rules_in_force import put_rules_in_force


def morning(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(10), CITY_ZONE)


@pytest.fixture
def city_database(sqlite_database: Database) -> Database:
    with sqlite_database.transaction() as session:
        put_rules_in_force(session, morning("2026-01-05"))
    return sqlite_database


def test_collection_finds_exactly_the_dirt_that_was_put_in(
    city_database: Database, keys: KeyRing, delivered: DeliveredCity
) -> None:
    """Of the registers, of the stock, and of a source that tells later what has become of what it told before."""
    continued = 0
    for file in delivered.files:
        of_stock = file.stated["source_department"] == FORMER_PLATFORM
        if file.template.subject and not of_stock and file.stated["category"] != "utility_arrears":
            continue
        report = collect_file(
            city_database,
            intake_of(keys),
            delivered.folder / file.stated["file"],
            source_department=file.stated["source_department"],
            now=morning(file.stated["delivered_on"]),
        )
        assert report.template == file.template.code
        found = {outcome: getattr(report, outcome) for outcome in file.stated["expected"]}
        assert found == file.stated["expected"], file.stated["file"]
        continued += file.stated["kinds"].get("continued", 0)
    assert continued > 50
