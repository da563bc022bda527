"""Take partners on and call them back"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.append_only import trigger_statements
from backend.database import Json, UtcDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_CONTRACT = [
    "id", "number", "partner_id", "terms_from", "terms_digest", "starts_on", "ends_on", "accepted_at",
    "countersigned_by", "countersigned_at",
]  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "partner_applications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receipt_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("public_code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("store_name", sa.String(), nullable=False),
        sa.Column("sealed_contact", sa.LargeBinary(), nullable=False),
        sa.Column("schemes", Json, nullable=False),
        sa.Column("public_jwk", Json, nullable=True),
        sa.Column("terms_from", sa.Date(), nullable=False),
        sa.Column("terms_digest", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("filed_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_applications_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_applications")),
        sa.UniqueConstraint("receipt_hash", name=op.f("uq_partner_applications_receipt_hash")),
    )
    with op.batch_alter_table("partner_applications", schema=None) as batch_op:
        batch_op.create_index(
            "one_filed_application_per_code",
            ["public_code"],
            unique=True,
            postgresql_where=sa.text("state = 'filed'"),
            sqlite_where=sa.text("state = 'filed'"),
        )

    op.create_table(
        "partner_contracts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("terms_from", sa.Date(), nullable=False),
        sa.Column("terms_digest", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("accepted_at", UtcDateTime(), nullable=False),
        sa.Column("countersigned_by", sa.String(), nullable=False),
        sa.Column("countersigned_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_contracts_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_contracts")),
        sa.UniqueConstraint("number", name=op.f("uq_partner_contracts_number")),
    )
    with op.batch_alter_table("partner_contracts", schema=None) as batch_op:
        batch_op.create_index("ix_partner_contracts_partner_id", ["partner_id"], unique=False)

    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("kinds", Json, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("old_secret_ends_at", UtcDateTime(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("relayed_until", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_webhook_endpoints_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
        sa.UniqueConstraint("partner_id", "url", name=op.f("uq_webhook_endpoints_partner_id_url")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("last_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name=op.f("fk_webhook_deliveries_endpoint_id_webhook_endpoints"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("endpoint_id", "event_id", name=op.f("uq_webhook_deliveries_endpoint_id_event_id")),
    )
    with op.batch_alter_table("webhook_deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_webhook_deliveries_due",
            ["next_attempt_at"],
            unique=False,
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        )

    with op.batch_alter_table("partners", schema=None) as batch_op:
        batch_op.add_column(sa.Column("checks_per_minute", sa.Integer(), nullable=True))

    for statement in trigger_statements("partner_contracts", op.get_bind().dialect.name, _CONTRACT):
        op.execute(statement)


def downgrade() -> None:
    with op.batch_alter_table("partners", schema=None) as batch_op:
        batch_op.drop_column("checks_per_minute")

    with op.batch_alter_table("webhook_deliveries", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_webhook_deliveries_due",
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        )

    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_endpoints")
    with op.batch_alter_table("partner_contracts", schema=None) as batch_op:
        batch_op.drop_index("ix_partner_contracts_partner_id")

    op.drop_table("partner_contracts")
    with op.batch_alter_table("partner_applications", schema=None) as batch_op:
        batch_op.drop_index(
            "one_filed_application_per_code",
            postgresql_where=sa.text("state = 'filed'"),
            sqlite_where=sa.text("state = 'filed'"),
        )

    op.drop_table("partner_applications")
