"""Keep credit reports that were issued"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_reports",
        sa.Column("id", BigId, nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("check_code", sa.String(), nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("stationery", sa.String(), nullable=False),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("file_sha256", sa.String(), nullable=False),
        sa.Column("sealed_file", sa.LargeBinary(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("superseded_at", UtcDateTime(), nullable=True),
        sa.Column("superseded_because", sa.String(), nullable=True),
        sa.Column("superseded_by", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("fk_credit_reports_subject_id_subjects")
        ),
        sa.ForeignKeyConstraint(
            ["superseded_by"], ["credit_reports.id"], name=op.f("fk_credit_reports_superseded_by_credit_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_reports")),
        sa.UniqueConstraint("file_sha256", name=op.f("uq_credit_reports_file_sha256")),
        sa.UniqueConstraint("number", name=op.f("uq_credit_reports_number")),
    )
    with op.batch_alter_table("credit_reports", schema=None) as batch_op:
        batch_op.create_index("ix_credit_reports_subject_id_id", ["subject_id", "id"], unique=False)
        batch_op.create_index(
            "ix_credit_reports_with_file",
            ["valid_to"],
            unique=False,
            postgresql_where=sa.text("sealed_file IS NOT NULL"),
            sqlite_where=sa.text("sealed_file IS NOT NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("credit_reports", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_credit_reports_with_file",
            postgresql_where=sa.text("sealed_file IS NOT NULL"),
            sqlite_where=sa.text("sealed_file IS NOT NULL"),
        )
        batch_op.drop_index("ix_credit_reports_subject_id_id")

    op.drop_table("credit_reports")
