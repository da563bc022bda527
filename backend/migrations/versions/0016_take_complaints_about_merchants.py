"""Take complaints about merchants"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "merchant_complaints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("check_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", BigId, nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("filed_at", UtcDateTime(), nullable=False),
        sa.Column("handled_by", sa.String(), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["check_id"], ["benefit_checks.id"], name=op.f("fk_merchant_complaints_check_id_benefit_checks")
        ),
        sa.ForeignKeyConstraint(
            ["holder_id"], ["subjects.id"], name=op.f("fk_merchant_complaints_holder_id_subjects")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_merchant_complaints_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchant_complaints")),
    )
    with op.batch_alter_table("merchant_complaints", schema=None) as batch_op:
        batch_op.create_index("ix_merchant_complaints_holder_id", ["holder_id"], unique=False)
        batch_op.create_index(
            "one_open_complaint_per_check",
            ["check_id"],
            unique=True,
            postgresql_where=sa.text("closed_at IS NULL"),
            sqlite_where=sa.text("closed_at IS NULL"),
        )

    with op.batch_alter_table("benefit_checks", schema=None) as batch_op:
        batch_op.create_index("ix_benefit_checks_holder_id_checked_at", ["holder_id", "checked_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("benefit_checks", schema=None) as batch_op:
        batch_op.drop_index("ix_benefit_checks_holder_id_checked_at")

    with op.batch_alter_table("merchant_complaints", schema=None) as batch_op:
        batch_op.drop_index(
            "one_open_complaint_per_check",
            postgresql_where=sa.text("closed_at IS NULL"),
            sqlite_where=sa.text("closed_at IS NULL"),
        )
        batch_op.drop_index("ix_merchant_complaints_holder_id")

    op.drop_table("merchant_complaints")
