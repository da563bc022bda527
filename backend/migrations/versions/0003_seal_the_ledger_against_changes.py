"""Seal the ledger against changes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.append_only import trigger_statements
from backend.database import BigId, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SEGMENT = ["number", "entry_count", "previous_head", "head", "signature", "sealed_at"]
_ARCHIVED = ["segment", "file_name", "file_sha256", "newest_at", "basis", "archived_at"]
_ENTRY = [
    "id",
    "subject_id",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "action",
    "basis",
    "purpose",
    "detail",
    "channel",
    "digest",
]
_ENTRY_IN_ARCHIVE = "EXISTS (SELECT 1 FROM archived_ledger_segments AS kept WHERE kept.segment = OLD.segment)"


def upgrade() -> None:
    op.create_table(
        "archived_ledger_segments",
        sa.Column("segment", BigId, autoincrement=False, nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("file_sha256", sa.String(), nullable=False),
        sa.Column("newest_at", UtcDateTime(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment"],
            ["ledger_segments.number"],
            name=op.f("fk_archived_ledger_segments_segment_ledger_segments"),
        ),
        sa.PrimaryKeyConstraint("segment", name=op.f("pk_archived_ledger_segments")),
        sa.UniqueConstraint("file_name", name=op.f("uq_archived_ledger_segments_file_name")),
    )
    op.create_index("ix_ledger_entries_actor_kind_actor_id_at", "ledger_entries", ["actor_kind", "actor_id", "at"])
    op.create_index(
        "ix_ledger_entries_of_officers",
        "ledger_entries",
        ["at"],
        postgresql_where=sa.text("actor_kind = 'officer'"),
        sqlite_where=sa.text("actor_kind = 'officer'"),
    )
    dialect = op.get_bind().dialect.name
    for statement in (
        *trigger_statements("ledger_segments", dialect, _SEGMENT),
        *trigger_statements("archived_ledger_segments", dialect, _ARCHIVED),
        *trigger_statements("ledger_entries", dialect, _ENTRY, ["segment"], _ENTRY_IN_ARCHIVE),
    ):
        op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table in ("ledger_segments", "archived_ledger_segments", "ledger_entries"):
        for trigger in (
            ("keep_rows", "keep_all") if dialect == "sqlite" else ("keep_rows", "keep_all", "keep_table")
        ):
            on_table = "" if dialect == "sqlite" else f" ON {table}"
            op.execute(f"DROP TRIGGER {table}_{trigger}{on_table}")
    op.drop_index("ix_ledger_entries_of_officers", "ledger_entries")
    op.drop_index("ix_ledger_entries_actor_kind_actor_id_at", "ledger_entries")
    op.drop_table("archived_ledger_segments")
