"""Let people ask for deletion"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.append_only import trigger_statements
from backend.database import BigId, Json, UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_PROOF = [
    "number",
    "request_id",
    "part",
    "things",
    "content_digest",
    "deleted_at",
    "basis",
    "previous",
    "digest",
]


def upgrade() -> None:
    op.create_table(
        "evidence_removals",
        sa.Column("storage_name", sa.String(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("storage_name", name=op.f("pk_evidence_removals")),
    )
    op.create_table(
        "deletion_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("record_id", BigId, nullable=True),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("plan", Json, nullable=False),
        sa.Column("stopped", Json, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("filed_at", UtcDateTime(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("fk_deletion_requests_subject_id_subjects")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletion_requests")),
    )
    with op.batch_alter_table("deletion_requests", schema=None) as batch_op:
        batch_op.create_index("ix_deletion_requests_state_due_on", ["state", "due_on"], unique=False)
        batch_op.create_index(batch_op.f("ix_deletion_requests_subject_id"), ["subject_id"], unique=False)
        batch_op.create_index(
            "one_open_deletion_request",
            ["subject_id"],
            unique=True,
            postgresql_where=sa.text("state = 'under_review'"),
            sqlite_where=sa.text("state = 'under_review'"),
        )

    op.create_table(
        "deletion_proofs",
        sa.Column("number", BigId, autoincrement=False, nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("things", sa.Integer(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["deletion_requests.id"], name=op.f("fk_deletion_proofs_request_id_deletion_requests")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_deletion_proofs")),
    )
    with op.batch_alter_table("deletion_proofs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deletion_proofs_request_id"), ["request_id"], unique=False)

    op.create_table(
        "deletion_request_events",
        sa.Column("id", BigId, nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["deletion_requests.id"],
            name=op.f("fk_deletion_request_events_request_id_deletion_requests"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletion_request_events")),
    )
    with op.batch_alter_table("deletion_request_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deletion_request_events_request_id"), ["request_id"], unique=False)

    for statement in trigger_statements("deletion_proofs", op.get_bind().dialect.name, _PROOF):
        op.execute(statement)


def downgrade() -> None:
    with op.batch_alter_table("deletion_request_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deletion_request_events_request_id"))

    op.drop_table("deletion_request_events")
    with op.batch_alter_table("deletion_proofs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deletion_proofs_request_id"))

    op.drop_table("deletion_proofs")
    with op.batch_alter_table("deletion_requests", schema=None) as batch_op:
        batch_op.drop_index(
            "one_open_deletion_request",
            postgresql_where=sa.text("state = 'under_review'"),
            sqlite_where=sa.text("state = 'under_review'"),
        )
        batch_op.drop_index(batch_op.f("ix_deletion_requests_subject_id"))
        batch_op.drop_index("ix_deletion_requests_state_due_on")

    op.drop_table("deletion_requests")
    op.drop_table("evidence_removals")
