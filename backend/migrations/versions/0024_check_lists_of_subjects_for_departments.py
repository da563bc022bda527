"""Check lists of subjects for departments"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, Json, UtcDateTime

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_checks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("department_code", sa.String(), nullable=False),
        sa.Column("department_name", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("purpose_name", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("matter", sa.String(), nullable=False),
        sa.Column("subject_kinds", Json, nullable=False),
        sa.Column("categories", Json, nullable=False),
        sa.Column("review", sa.Boolean(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=False),
        sa.Column("rows_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("delete_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_checks")),
    )
    with op.batch_alter_table("credit_checks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credit_checks_delete_at"), ["delete_at"], unique=False)
        batch_op.create_index(
            "ix_credit_checks_department_code_asked_at", ["department_code", "asked_at"], unique=False
        )

    op.create_table(
        "checked_rows",
        sa.Column("id", BigId, nullable=False),
        sa.Column("check_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("identifier_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", BigId, nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("reasons", Json, nullable=False),
        sa.Column("review", sa.String(), nullable=True),
        sa.Column("review_reason", sa.String(), nullable=True),
        sa.Column("reviewed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["check_id"], ["credit_checks.id"], name=op.f("fk_checked_rows_check_id_credit_checks")
        ),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_checked_rows_subject_id_subjects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checked_rows")),
        sa.UniqueConstraint("check_id", "row_number", name=op.f("uq_checked_rows_check_id_row_number")),
    )


def downgrade() -> None:
    op.drop_table("checked_rows")
    with op.batch_alter_table("credit_checks", schema=None) as batch_op:
        batch_op.drop_index("ix_credit_checks_department_code_asked_at")
        batch_op.drop_index(batch_op.f("ix_credit_checks_delete_at"))

    op.drop_table("credit_checks")
