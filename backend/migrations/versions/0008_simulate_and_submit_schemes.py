"""Simulate and submit schemes before they are approved and count all their uses"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import Json, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("benefit_schemes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("simulation", Json, nullable=True))
        batch_op.add_column(sa.Column("simulated_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("submitted_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("submitted_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("returned_because", sa.String(), nullable=True))

    with op.batch_alter_table("budget_uses", schema=None) as batch_op:
        batch_op.add_column(sa.Column("uses", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.create_check_constraint(op.f("ck_budget_uses_uses_not_negative"), "uses >= 0")

    # Uses before this count as well, also of schemes that had no budget and so no row here.
    op.execute(
        "INSERT INTO budget_uses (scheme_code, spent_cents, uses) SELECT scheme_code, sum(amount_cents), 0 "
        "FROM redemptions WHERE id NOT IN (SELECT redemption_id FROM redemption_cancellations) "
        "AND scheme_code NOT IN (SELECT scheme_code FROM budget_uses) GROUP BY scheme_code"
    )
    op.execute(
        "UPDATE budget_uses SET uses = (SELECT count(*) FROM redemptions "
        "WHERE id NOT IN (SELECT redemption_id FROM redemption_cancellations) "
        "AND redemptions.scheme_code = budget_uses.scheme_code)"
    )


def downgrade() -> None:
    with op.batch_alter_table("budget_uses", schema=None) as batch_op:
        batch_op.drop_column("uses")

    with op.batch_alter_table("benefit_schemes", schema=None) as batch_op:
        batch_op.drop_column("returned_because")
        batch_op.drop_column("submitted_at")
        batch_op.drop_column("submitted_by")
        batch_op.drop_column("simulated_at")
        batch_op.drop_column("simulation")
