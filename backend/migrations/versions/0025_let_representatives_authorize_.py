"""Let representatives authorize institutions for enterprises"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.append_only import trigger_statements

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_BEFORE = [
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
_ARTEFACT = [*_BEFORE[:2], "given_by_id", "on_behalf_of", *_BEFORE[2:]]
_ONCE = ["given_at", "expires_at", "ended_at"]


def upgrade() -> None:
    op.add_column("authorization_requests", sa.Column("enterprise_code", sa.String(), nullable=True))
    op.add_column("consents", sa.Column("on_behalf_of", sa.String(), nullable=True))
    # Said in SQL: SQLite takes a reference with the column, while Alembic would copy the whole table for it.
    whole = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE consents ADD COLUMN given_by_id {whole} "
        "CONSTRAINT fk_consents_given_by_id_subjects REFERENCES subjects (id)"
    )
    op.create_index("ix_consents_given_by_id", "consents", ["given_by_id"])
    _keep_rows(_ARTEFACT)


def downgrade() -> None:
    _keep_rows(_BEFORE)
    op.drop_index("ix_consents_given_by_id", "consents")
    with op.batch_alter_table("consents", schema=None) as batch_op:
        if op.get_bind().dialect.name != "sqlite":
            batch_op.drop_constraint("fk_consents_given_by_id_subjects", type_="foreignkey")
        batch_op.drop_column("given_by_id")
        batch_op.drop_column("on_behalf_of")
    op.drop_column("authorization_requests", "enterprise_code")


def _keep_rows(fixed: list[str]) -> None:
    """What the trigger keeps from being changed."""
    dialect = op.get_bind().dialect.name
    op.execute("DROP TRIGGER consents_keep_rows" + ("" if dialect == "sqlite" else " ON consents"))
    for statement in trigger_statements("consents", dialect, fixed, _ONCE):
        if statement.startswith("CREATE TRIGGER consents_keep_rows"):
            op.execute(statement)
