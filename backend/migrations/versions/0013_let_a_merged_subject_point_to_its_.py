"""Let a merged subject point to its successor"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # Making the table anew, as a batch would, is refused while other tables refer to its rows.
        op.execute(
            "ALTER TABLE subjects ADD COLUMN successor_id INTEGER "
            "CONSTRAINT fk_subjects_successor_id_subjects REFERENCES subjects (id)"
        )
    else:
        op.add_column("subjects", sa.Column("successor_id", BigId, nullable=True))
        op.create_foreign_key(
            op.f("fk_subjects_successor_id_subjects"), "subjects", "subjects", ["successor_id"], ["id"]
        )
    op.create_index(op.f("ix_subjects_successor_id"), "subjects", ["successor_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("subjects", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_subjects_successor_id_subjects"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_subjects_successor_id"))
        batch_op.drop_column("successor_id")
