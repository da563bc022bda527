from __future__ import annotations

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from backend.append_only import triggers_in
from backend.database import Database
from backend.migrations import alembic_config, migrate
from backend.records.models import Delivery, QuarantinedRow
from backend.tables import all_tables
from tests.conftest import sqlalchemy_url

OLD_DELIVERY = """
    INSERT INTO deliveries (id, source_department, template, filename, identity, content_sha256, received_at,
                            state, delivered, accepted, duplicate, corrected, quarantined)
    VALUES ('6f1c2f4e5a5b4c5d8e8f0a1b2c3d4e5f', '桂城市测试局', 'court_judgment', '一月.csv', 'one', 'ab',
            '2026-01-10 02:00:00', 'done', 1, 0, 0, 0, 1)
"""
OLD_QUARANTINED_ROW = """
    INSERT INTO quarantined_rows (id, delivery_id, row_number, sealed_row, masked_row, reasons, state, created_at)
    VALUES (1, '6f1c2f4e5a5b4c5d8e8f0a1b2c3d4e5f', 1, 'x', '{}', '[]', 'open', '2026-01-10 02:00:00')
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request, tmp_path):
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
        yield database
        database.dispose()
        return
    server = request.getfixturevalue("postgresql_url")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE osmanthus_migrations")
        database = Database(sqlalchemy_url(server, "osmanthus_migrations"))
        yield database
        database.dispose()
        connection.execute("DROP DATABASE osmanthus_migrations WITH (FORCE)")


def test_migrating_from_nothing_gives_exactly_the_declared_tables(empty_database):
    migrate(empty_database)
    with empty_database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), all_tables())
    assert differences == [], "write the missing migration with scripts/new_migration.py"


def test_migrating_makes_the_triggers_that_keep_rows_from_being_changed(empty_database):
    migrate(empty_database)
    with empty_database.engine.connect() as connection:
        migrated = triggers_in(connection)
    with empty_database.engine.begin() as connection:
        all_tables().drop_all(connection)
        all_tables().create_all(connection)
        declared = triggers_in(connection)
    assert {"ledger_entries_keep_rows", "ledger_entries_keep_all"} <= migrated.keys()
    assert migrated == declared


def test_rows_that_others_point_to_outlive_the_change_of_their_table(empty_database):
    """As when a city that has been at work for a while is brought up to date."""
    with empty_database.engine.connect() as connection:
        command.upgrade(alembic_config(connection), "0014")
        connection.commit()
    with empty_database.engine.begin() as connection:
        connection.execute(text(OLD_DELIVERY))
        connection.execute(text(OLD_QUARANTINED_ROW))

    migrate(empty_database)

    with empty_database.engine.connect() as connection:
        pointed_to = select(Delivery.filename).join(QuarantinedRow, QuarantinedRow.delivery_id == Delivery.id)
        assert connection.scalars(pointed_to).all() == ["一月.csv"]


def test_migrating_twice_changes_nothing(empty_database):
    migrate(empty_database)
    migrate(empty_database)
