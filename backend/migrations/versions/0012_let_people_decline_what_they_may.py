"""Let people decline what they may"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "declined_categories",
        sa.Column("id", BigId, nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("declined_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("fk_declined_categories_subject_id_subjects")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declined_categories")),
    )
    with op.batch_alter_table("declined_categories", schema=None) as batch_op:
        batch_op.create_index(
            "one_choice_in_force_per_category",
            ["subject_id", "category"],
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("declined_categories", schema=None) as batch_op:
        batch_op.drop_index(
            "one_choice_in_force_per_category",
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("declined_categories")
