"""Write the next migration from the difference between the tables as migrated and as declared.

Usage: `.venv/bin/python scripts/new_migration.py "What it does"`; then read what it wrote.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from backend.database import Database
from backend.migrations import alembic_config, migrate

with tempfile.TemporaryDirectory() as folder:
    database = Database(f"sqlite:///{Path(folder) / 'tables.db'}")
    migrate(database)
    with database.engine.connect() as connection:
        config = alembic_config(connection)
        count = len(list(ScriptDirectory.from_config(config).walk_revisions()))
        command.revision(config, message=sys.argv[1], autogenerate=True, rev_id=f"{count + 1:04d}")
    database.dispose()
