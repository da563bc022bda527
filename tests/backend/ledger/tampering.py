"""What somebody does who owns the database: first the triggers go."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from backend.append_only import triggers_in


def drop_triggers(session: Session) -> None:
    on_table = session.get_bind().dialect.name == "postgresql"
    for name in triggers_in(session.connection()):
        table = name.rsplit("_keep_", 1)[0]
        session.execute(text(f"DROP TRIGGER {name}" + (f" ON {table}" if on_table else "")))
