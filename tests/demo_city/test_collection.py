"""From the departments' files into the records: what the generator promised is what collection finds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.catalogue.document import shipped_catalogue
from backend.catalogue.service import import_catalogue
from backend.database import Database
from backend.identifiers.sealing import KeyRing
from backend.records.collection import collect_file
from tests.demo_city.conftest import DeliveredCity

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture
def city_database(sqlite_database: Database) -> Database:
    with sqlite_database.transaction() as session:
        import_catalogue(session, shipped_catalogue(), NOW)
    return sqlite_database


def test_collection_finds_exactly_the_dirt_that_was_put_in(
    city_database: Database, keys: KeyRing, delivered: DeliveredCity
) -> None:
    for file in delivered.files:
        report = collect_file(city_database, keys, delivered.folder / file.stated["file"], now=NOW)
        assert report.template == file.template.code
        found = {outcome: getattr(report, outcome) for outcome in file.stated["expected"]}
        assert found == file.stated["expected"], file.stated["file"]
