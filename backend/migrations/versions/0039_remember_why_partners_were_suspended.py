"""Remember why partners were suspended"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.append_only import trigger_statements
from backend.database import BigId, UtcDateTime

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "partner_events",
        sa.Column("id", BigId, nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_events_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_events")),
    )
    op.create_index("ix_partner_events_partner_id", "partner_events", ["partner_id"])
    columns = ["id", "partner_id", "event", "cause", "at", "actor"]
    for statement in trigger_statements("partner_events", op.get_bind().dialect.name, columns):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("partner_events")
