from __future__ import annotations

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from backend.append_only import triggers_in
from backend.database import Database
from backend.migrations import migrate
from backend.tables import all_tables
from tests.conftest import sqlalchemy_url


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


def test_migrating_twice_changes_nothing(empty_database):
    migrate(empty_database)
    migrate(empty_database)
