"""Open stores and sign their staff in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "partner_stores",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_stores_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_stores")),
        sa.UniqueConstraint("partner_id", "name", name=op.f("uq_partner_stores_partner_id_name")),
    )
    op.create_table(
        "partner_staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("nickname", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("sign_in_code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("sign_in_code_ends_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["store_id"], ["partner_stores.id"], name=op.f("fk_partner_staff_store_id_partner_stores")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_staff")),
        sa.UniqueConstraint("sign_in_code_hash", name=op.f("uq_partner_staff_sign_in_code_hash")),
        sa.UniqueConstraint("store_id", "nickname", name=op.f("uq_partner_staff_store_id_nickname")),
    )
    op.create_table(
        "counter_actions",
        sa.Column("check_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["check_id"], ["benefit_checks.id"], name=op.f("fk_counter_actions_check_id_benefit_checks")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["partner_staff.id"], name=op.f("fk_counter_actions_staff_id_partner_staff")
        ),
        sa.PrimaryKeyConstraint("check_id", "action", name=op.f("pk_counter_actions")),
    )
    op.create_table(
        "partner_staff_sign_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("signed_in_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["partner_staff.id"], name=op.f("fk_partner_staff_sign_ins_staff_id_partner_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_staff_sign_ins")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_partner_staff_sign_ins_token_hash")),
    )
    with op.batch_alter_table("partner_staff_sign_ins", schema=None) as batch_op:
        batch_op.create_index("ix_partner_staff_sign_ins_staff_id", ["staff_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("partner_staff_sign_ins", schema=None) as batch_op:
        batch_op.drop_index("ix_partner_staff_sign_ins_staff_id")

    op.drop_table("partner_staff_sign_ins")
    op.drop_table("counter_actions")
    op.drop_table("partner_staff")
    op.drop_table("partner_stores")
