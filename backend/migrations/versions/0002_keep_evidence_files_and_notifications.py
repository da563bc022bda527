"""Keep evidence files and notifications"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evidence_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("case", sa.String(), nullable=True),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("storage_name", sa.String(), nullable=False),
        sa.Column("uploaded_by", sa.String(), nullable=False),
        sa.Column("uploaded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("fk_evidence_files_subject_id_subjects")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_files")),
        sa.UniqueConstraint("storage_name", name=op.f("uq_evidence_files_storage_name")),
    )
    with op.batch_alter_table("evidence_files", schema=None) as batch_op:
        batch_op.create_index("ix_evidence_files_case", ["case"], unique=False)
        batch_op.create_index(batch_op.f("ix_evidence_files_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "notifications",
        sa.Column("id", BigId, nullable=False),
        sa.Column("subject_id", BigId, nullable=True),
        sa.Column("officer_role", sa.String(), nullable=True),
        sa.Column("partner_code", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=True),
        sa.Column("once_key", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(CASE WHEN subject_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN officer_role IS NULL THEN 0 ELSE 1 END) + (CASE WHEN partner_code IS NULL THEN 0 ELSE 1 END) = 1",
            name=op.f("ck_notifications_one_recipient"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("fk_notifications_subject_id_subjects")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("once_key", name=op.f("uq_notifications_once_key")),
    )
    with op.batch_alter_table("notifications", schema=None) as batch_op:
        batch_op.create_index("ix_notifications_officer_role_id", ["officer_role", "id"], unique=False)
        batch_op.create_index("ix_notifications_partner_code_id", ["partner_code", "id"], unique=False)
        batch_op.create_index("ix_notifications_subject_id_id", ["subject_id", "id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("notifications", schema=None) as batch_op:
        batch_op.drop_index("ix_notifications_subject_id_id")
        batch_op.drop_index("ix_notifications_partner_code_id")
        batch_op.drop_index("ix_notifications_officer_role_id")

    op.drop_table("notifications")
    with op.batch_alter_table("evidence_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evidence_files_subject_id"))
        batch_op.drop_index("ix_evidence_files_case")

    op.drop_table("evidence_files")
