"""Track what recipients are to delete"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, UtcDateTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recipient_deletions",
        sa.Column("consent_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("statement", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["consents.id"], name=op.f("fk_recipient_deletions_consent_id_consents")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_recipient_deletions_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("fk_recipient_deletions_subject_id_subjects")
        ),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_recipient_deletions")),
    )
    with op.batch_alter_table("recipient_deletions", schema=None) as batch_op:
        batch_op.create_index("ix_recipient_deletions_due", ["due_on", "consent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_recipient_deletions_partner_id"), ["partner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_recipient_deletions_subject_id"), ["subject_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("recipient_deletions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recipient_deletions_subject_id"))
        batch_op.drop_index(batch_op.f("ix_recipient_deletions_partner_id"))
        batch_op.drop_index("ix_recipient_deletions_due")

    op.drop_table("recipient_deletions")
