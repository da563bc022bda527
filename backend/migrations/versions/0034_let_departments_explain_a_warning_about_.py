"""Let departments explain a warning about them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.append_only import trigger_statements
from backend.database import BigId, UtcDateTime

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_EXPLANATION = ["id", "warning_id", "text", "expected_on", "said_by", "said_at"]


def upgrade() -> None:
    op.create_table(
        "warning_explanations",
        sa.Column("id", BigId, nullable=False),
        sa.Column("warning_id", BigId, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("said_by", sa.String(), nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["warning_id"],
            ["source_warnings.id"],
            name=op.f("fk_warning_explanations_warning_id_source_warnings"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warning_explanations")),
    )
    op.create_index(op.f("ix_warning_explanations_warning_id"), "warning_explanations", ["warning_id"])
    for statement in trigger_statements("warning_explanations", op.get_bind().dialect.name, _EXPLANATION):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("warning_explanations")
