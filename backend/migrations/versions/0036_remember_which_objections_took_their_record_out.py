"""Remember which objections took their record out"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

# One that was upheld with corrections left a version of that moment, in force or of a record already revoked.
_UPHELD_WITHOUT_CORRECTIONS = """
    UPDATE objections SET removed = TRUE
    WHERE state = 'upheld' AND record_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM record_versions AS became
        LEFT JOIN record_versions AS was
            ON was.record_id = became.record_id AND was.version = became.version - 1
        WHERE became.record_id = objections.record_id AND became.changed_at = objections.decided_at
            AND (became.state <> 'revoked' OR was.state = 'revoked')
    )
"""


def upgrade() -> None:
    op.add_column("objections", sa.Column("removed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(_UPHELD_WITHOUT_CORRECTIONS)


def downgrade() -> None:
    with op.batch_alter_table("objections") as batch:
        batch.drop_column("removed")
