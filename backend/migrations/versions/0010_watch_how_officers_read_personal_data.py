"""Watch how officers read personal data"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, Json, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notification_settings",
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("fk_notification_settings_subject_id_subjects")
        ),
        sa.PrimaryKeyConstraint("subject_id", "kind", name=op.f("pk_notification_settings")),
    )
    op.create_table(
        "access_alerts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("once_key", sa.String(), nullable=False),
        sa.Column("figures", Json, nullable=False),
        sa.Column("rules_from", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("explain_due_on", sa.Date(), nullable=False),
        sa.Column("explanation", sa.String(), nullable=True),
        sa.Column("explained_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decision", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["officers.id"], name=op.f("fk_access_alerts_decided_by_officers")
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.id"], name=op.f("fk_access_alerts_officer_id_officers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_alerts")),
        sa.UniqueConstraint("once_key", name=op.f("uq_access_alerts_once_key")),
    )
    with op.batch_alter_table("access_alerts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_access_alerts_officer_id"), ["officer_id"], unique=False)
        batch_op.create_index("ix_access_alerts_state_id", ["state", "id"], unique=False)

    op.create_table(
        "access_complaints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("entry_id", BigId, nullable=False),
        sa.Column("what", Json, nullable=False),
        sa.Column("grounds", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("filed_at", UtcDateTime(), nullable=False),
        sa.Column("answer_due_on", sa.Date(), nullable=False),
        sa.Column("proper", sa.Boolean(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answered_by"], ["officers.id"], name=op.f("fk_access_complaints_answered_by_officers")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("fk_access_complaints_subject_id_subjects")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_complaints")),
    )
    with op.batch_alter_table("access_complaints", schema=None) as batch_op:
        batch_op.create_index("ix_access_complaints_state_answer_due_on", ["state", "answer_due_on"], unique=False)
        batch_op.create_index(batch_op.f("ix_access_complaints_subject_id"), ["subject_id"], unique=False)
        batch_op.create_index(
            "one_open_complaint_per_entry",
            ["subject_id", "entry_id"],
            unique=True,
            postgresql_where=sa.text("state = 'filed'"),
            sqlite_where=sa.text("state = 'filed'"),
        )

    op.create_table(
        "alerted_entries",
        sa.Column("alert_id", BigId, nullable=False),
        sa.Column("entry_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["access_alerts.id"], name=op.f("fk_alerted_entries_alert_id_access_alerts")
        ),
        sa.PrimaryKeyConstraint("alert_id", "entry_id", name=op.f("pk_alerted_entries")),
    )
    with op.batch_alter_table("alerted_entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alerted_entries_entry_id"), ["entry_id"], unique=False)

    with op.batch_alter_table("officers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("subject_id", BigId, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_officers_subject_id_subjects"), "subjects", ["subject_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("officers", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_officers_subject_id_subjects"), type_="foreignkey")
        batch_op.drop_column("subject_id")

    with op.batch_alter_table("alerted_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alerted_entries_entry_id"))

    op.drop_table("alerted_entries")
    with op.batch_alter_table("access_complaints", schema=None) as batch_op:
        batch_op.drop_index(
            "one_open_complaint_per_entry",
            postgresql_where=sa.text("state = 'filed'"),
            sqlite_where=sa.text("state = 'filed'"),
        )
        batch_op.drop_index(batch_op.f("ix_access_complaints_subject_id"))
        batch_op.drop_index("ix_access_complaints_state_answer_due_on")

    op.drop_table("access_complaints")
    with op.batch_alter_table("access_alerts", schema=None) as batch_op:
        batch_op.drop_index("ix_access_alerts_state_id")
        batch_op.drop_index(batch_op.f("ix_access_alerts_officer_id"))

    op.drop_table("access_alerts")
    op.drop_table("notification_settings")
