from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from backend.choices.service import decline
from backend.records.models import CreditRecord
from backend.records.storing import version_of
from backend.scores.training import training_table
from scoring.model.errors import FrameRefused
from tests.factories import add_person, add_record

ARRIVED = datetime(2026, 2, 1, tzinfo=UTC)
TAKEN_ON = date(2026, 3, 3)
AS_OF = date(2025, 1, 31)


@pytest.fixture
def people(database, keys, adopt, activate):
    """One who opted in and later broke a duty, one who opted in and did not, one who never opted in."""
    with database.transaction() as session:
        adopt(session)
        broke, kept, outside = (add_person(session, keys) for _ in range(3))
        records = [
            add_record(session, person, "volunteering", quantity=20_00, event_on=date(2024, 12, 1))
            for person in (broke, kept, outside)
        ]
        records += [
            add_record(session, person, "court_judgment", level=2, event_on=date(2025, 6, 1))
            for person in (broke, outside)
        ]
        session.add_all(version_of(each, now=ARRIVED, changed_by="部门", reason="报送") for each in records)
        activate(session, broke)
        activate(session, kept)


def table_of(database, **options):
    with database.reading() as session:
        return training_table(
            session, subject_kind="person", as_of_days=[AS_OF], taken_on=TAKEN_ON, known_within_days=14, **options
        )


def test_the_table_holds_those_who_opted_in_with_what_was_known_and_what_followed(database, people):
    table = table_of(database)
    assert table["y"].to_list() == [1, 0]
    assert table["volunteer_hours"].to_list() == [20_00, 20_00]
    assert table["judgments_unperformed"].to_list() == [0, 0]
    assert table["subject"].to_list() == [1, 2]
    assert set(table.columns) >= {"district", "age_band", "as_of"}
    assert "born_on" not in table.columns
    assert "commitments_kept" not in table.columns  # it counts both ways, so no direction could be promised


def test_only_the_chosen_categories_are_an_outcome(database, people):
    assert table_of(database, categories=["utility_arrears"])["y"].to_list() == [0, 0]
    assert table_of(database, categories=["court_judgment"], minimum_level=3)["y"].to_list() == [0, 0]


def test_what_arrived_later_was_not_known(database, people):
    with database.reading() as session:
        table = training_table(session, subject_kind="person", as_of_days=[AS_OF], taken_on=TAKEN_ON)
    assert table["volunteer_hours"].to_list() == [0, 0]


@pytest.mark.parametrize("state", ["repaired", "revoked"])
def test_nothing_is_learnt_from_what_was_repaired_or_revoked(database, people, state):
    with database.transaction() as session:
        for record in session.scalars(select(CreditRecord).where(CreditRecord.category == "court_judgment")):
            record.state = state
    assert table_of(database)["y"].to_list() == [0, 0]


def test_nothing_is_learnt_from_what_its_owner_declines(database, people, now):
    with database.transaction() as session:
        decline(session, subject_id=1, category="volunteering", now=now)
    assert table_of(database)["volunteer_hours"].to_list() == [0, 20_00]


def test_a_day_whose_year_has_not_passed_is_refused(database, people):
    with database.reading() as session, pytest.raises(FrameRefused, match="尚未揭晓"):
        training_table(session, subject_kind="person", as_of_days=[date(2025, 9, 1)], taken_on=TAKEN_ON)
