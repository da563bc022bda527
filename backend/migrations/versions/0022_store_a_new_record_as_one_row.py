"""Store a new record as one row"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# What `storing.first_version` reads off the record itself. The words are those of the day of this migration.
_FIRST_VERSION = """
    SELECT {columns} FROM credit_records AS record
    WHERE record.version = 1 AND record.facts_digest <> {nothing}
"""
_REASON = "CASE WHEN record.withdrawn THEN '数源单位撤销' ELSE '数源单位报送' END"


def upgrade() -> None:
    # A first version goes when the record alone tells all that it says.
    told = (
        _FIRST_VERSION.format(columns="1", nothing=_nothing())
        + f"""
        AND record.id = record_versions.record_id AND record.state = record_versions.state
        AND record.created_at = record_versions.changed_at
        AND record.source_department = record_versions.changed_by AND record_versions.reason = {_REASON}
    """
    )
    op.execute(f"DELETE FROM record_versions WHERE version = 1 AND EXISTS ({told})")  # noqa: S608 - no value from outside
    with op.batch_alter_table("credit_records", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_credit_records_delivery_id"))
        batch_op.drop_constraint(batch_op.f("fk_credit_records_subject_id_subjects"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_credit_records_delivery_id_deliveries"), type_="foreignkey")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("credit_records", "content", type_=sa.JSON(), postgresql_using="content::json")
    with op.batch_alter_table("rescore_marks", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_rescore_marks_subject_id_subjects"), type_="foreignkey")


def downgrade() -> None:
    with op.batch_alter_table("rescore_marks", schema=None) as batch_op:
        batch_op.create_foreign_key(
            batch_op.f("fk_rescore_marks_subject_id_subjects"), "subjects", ["subject_id"], ["id"]
        )
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("credit_records", "content", type_=JSONB(), postgresql_using="content::jsonb")
    with op.batch_alter_table("credit_records", schema=None) as batch_op:
        batch_op.create_foreign_key(
            batch_op.f("fk_credit_records_delivery_id_deliveries"), "deliveries", ["delivery_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_credit_records_subject_id_subjects"), "subjects", ["subject_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_credit_records_delivery_id"), ["delivery_id"], unique=False)
    empty = "'{}'::jsonb" if op.get_bind().dialect.name == "postgresql" else "'{}'"
    columns = f"record.id, 1, record.state, {empty}, record.created_at, record.source_department, {_REASON}"
    missing = _FIRST_VERSION.format(columns=columns, nothing=_nothing())
    op.execute(
        "INSERT INTO record_versions (record_id, version, state, facts, changed_at, changed_by, reason) "  # noqa: S608
        f"{missing} AND NOT EXISTS (SELECT 1 FROM record_versions WHERE record_id = record.id)"
    )


def _nothing() -> str:
    """The digest of a record whose content has been deleted."""
    return "'\\x'::bytea" if op.get_bind().dialect.name == "postgresql" else "x''"
