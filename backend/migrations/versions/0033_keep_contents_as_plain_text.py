"""Keep contents as plain text"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import JsonText

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The same characters as before: nobody but the service reads them, and the server need not look into them.
    with op.batch_alter_table("credit_records", schema=None) as batch_op:
        batch_op.alter_column(
            "content",
            existing_type=sa.JSON(),
            type_=JsonText(),
            existing_nullable=False,
            postgresql_using="content::text",
        )


def downgrade() -> None:
    with op.batch_alter_table("credit_records", schema=None) as batch_op:
        batch_op.alter_column(
            "content",
            existing_type=JsonText(),
            type_=sa.JSON(),
            existing_nullable=False,
            postgresql_using="content::json",
        )
