"""Keep what citizens agreed to from being changed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.append_only import trigger_statements
from backend.database import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ARTEFACT = [
    "id",
    "subject_id",
    "kind",
    "recipient_partner_id",
    "recipient_name",
    "purpose",
    "data_categories",
    "output",
    "scopes",
    "mode",
    "frequency_most",
    "frequency_days",
    "longest_days",
    "notice_version",
    "evidence",
    "requested_at",
]
_EVENT = ["id", "consent_id", "event", "at", "actor", "detail"]
_NEW = ("output", "frequency_most", "frequency_days", "longest_days", "reconfirmed_at")


def upgrade() -> None:
    op.add_column("consents", sa.Column("output", sa.String(), server_default="", nullable=False))
    op.add_column("consents", sa.Column("frequency_most", sa.Integer(), nullable=True))
    op.add_column("consents", sa.Column("frequency_days", sa.Integer(), nullable=True))
    op.add_column("consents", sa.Column("longest_days", sa.Integer(), nullable=True))
    op.add_column("consents", sa.Column("reconfirmed_at", UtcDateTime(), nullable=True))
    dialect = op.get_bind().dialect.name
    for statement in (
        *trigger_statements("consents", dialect, _ARTEFACT, ["given_at", "expires_at", "ended_at"]),
        *trigger_statements("consent_events", dialect, _EVENT),
    ):
        op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table in ("consents", "consent_events"):
        for trigger in (
            ("keep_rows", "keep_all") if dialect == "sqlite" else ("keep_rows", "keep_all", "keep_table")
        ):
            on_table = "" if dialect == "sqlite" else f" ON {table}"
            op.execute(f"DROP TRIGGER {table}_{trigger}{on_table}")
    for column in _NEW:
        op.drop_column("consents", column)
