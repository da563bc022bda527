"""Fold the marks of a delivery into one row"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, UtcDateTime

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "folded_marks",
        sa.Column("id", BigId, nullable=False),
        sa.Column("subject_ids", sa.ARRAY(sa.BigInteger()).with_variant(sa.JSON(), "sqlite"), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("marked_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folded_marks")),
    )


def downgrade() -> None:
    # Whoever still waits for a new score goes on waiting.
    each = "unnest(subject_ids)" if op.get_bind().dialect.name == "postgresql" else "json_each.value"
    source = (
        "folded_marks" if op.get_bind().dialect.name == "postgresql" else "folded_marks, json_each(subject_ids)"
    )
    columns = "subject_id, cause, marked_at"
    op.execute(f"INSERT INTO rescore_marks ({columns}) SELECT {each}, cause, marked_at FROM {source}")  # noqa: S608
    op.drop_table("folded_marks")
