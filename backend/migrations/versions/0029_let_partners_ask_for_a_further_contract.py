"""Let partners ask for a further contract"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import UtcDateTime

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "partner_renewal_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("terms_from", sa.Date(), nullable=False),
        sa.Column("terms_digest", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contract_id"],
            ["partner_contracts.id"],
            name=op.f("fk_partner_renewal_requests_contract_id_partner_contracts"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_renewal_requests_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_renewal_requests")),
    )
    with op.batch_alter_table("partner_renewal_requests", schema=None) as batch_op:
        batch_op.create_index(
            "one_waiting_renewal_per_partner",
            ["partner_id"],
            unique=True,
            postgresql_where=sa.text("contract_id IS NULL"),
            sqlite_where=sa.text("contract_id IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("partner_renewal_requests", schema=None) as batch_op:
        batch_op.drop_index(
            "one_waiting_renewal_per_partner",
            postgresql_where=sa.text("contract_id IS NULL"),
            sqlite_where=sa.text("contract_id IS NULL"),
        )

    op.drop_table("partner_renewal_requests")
