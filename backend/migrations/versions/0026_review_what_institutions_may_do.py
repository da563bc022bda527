"""Review what institutions may do"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import Json, UtcDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("content", Json, nullable=False),
        sa.Column("grounds", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposer_name", sa.String(), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decider_name", sa.String(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_access_proposals_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_proposals")),
    )
    with op.batch_alter_table("access_proposals", schema=None) as batch_op:
        batch_op.create_index(
            "ix_access_proposals_partner_id_proposed_at", ["partner_id", "proposed_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_access_proposals_state"), ["state"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("access_proposals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_access_proposals_state"))
        batch_op.drop_index("ix_access_proposals_partner_id_proposed_at")

    op.drop_table("access_proposals")
