"""Note who reviewed a checked subject"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checked_rows", sa.Column("reviewed_by", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("checked_rows", schema=None) as batch_op:
        batch_op.drop_column("reviewed_by")
