"""Alembic's entrance; the connection is handed in by `backend.migrations.migrate`."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from backend.database import UtcDateTime
from backend.tables import all_tables


def name_our_types(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write the column types of `backend.database` by name into new migrations."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "UtcDateTime()"
    if isinstance(item, sa.JSON) and "postgresql" in item._variant_mapping:
        return "Json"
    if isinstance(item, sa.BigInteger) and "sqlite" in item._variant_mapping:
        return "BigId"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=all_tables(),
    # SQLite changes a column by copying the table.
    render_as_batch=True,
    compare_type=True,
    render_item=name_our_types,
)
with context.begin_transaction():
    context.run_migrations()
