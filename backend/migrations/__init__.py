"""The history of the tables, applied by `osmanthus server migrate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from backend.database import Database


class ReferencesBroken(Exception):
    """A migration lost rows that others point to; the message names some."""


def migrate(database: Database) -> None:
    """Bring the tables to the newest version; safe to run twice."""
    with database.engine.connect() as connection, _tables_may_be_copied(database, connection):
        command.upgrade(alembic_config(connection), "head")
        connection.commit()


@contextmanager
def _tables_may_be_copied(database: Database, connection: Connection) -> Iterator[None]:
    """SQLite changes a table by copying it and dropping the old one, which rows that point to it would not allow:
    what they point to is looked at when all is done instead.

    Raises ReferencesBroken; what the migrations did stays, for someone to look into.
    """
    if not database.is_sqlite:
        yield
        return
    # On the driver's own connection: inside a transaction the setting would be ignored.
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - it was connected a moment ago
    driver.execute("PRAGMA foreign_keys=OFF")
    before = _version(connection)
    try:
        yield
        if _version(connection) != before and (broken := driver.execute("PRAGMA foreign_key_check").fetchall()):
            raise ReferencesBroken(f"after migrating, rows point to nothing: {broken[:10]}")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _version(connection: Connection) -> str | None:
    version = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    return version


def alembic_config(connection: Connection) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
