"""Drop the moment of a record's last change"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import UtcDateTime

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nobody read it: a changed record's versions say when each change was.
    with op.batch_alter_table("credit_records", schema=None) as batch_op:
        batch_op.drop_column("updated_at")


def downgrade() -> None:
    with op.batch_alter_table("credit_records", schema=None) as batch_op:
        batch_op.add_column(sa.Column("updated_at", UtcDateTime(), nullable=True))
    op.execute(
        "UPDATE credit_records SET updated_at = coalesce((SELECT max(changed_at) FROM record_versions "
        "WHERE record_versions.record_id = credit_records.id), created_at)"
    )
    with op.batch_alter_table("credit_records", schema=None) as batch_op:
        batch_op.alter_column("updated_at", existing_type=UtcDateTime(), nullable=False)
