"""Keep repairs, supplements and commitments"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, Json, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "repairs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("applicant_id", BigId, nullable=False),
        sa.Column("applied_by", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("department_code", sa.String(), nullable=False),
        sa.Column("explanation", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("drafted_at", UtcDateTime(), nullable=False),
        sa.Column("filed_at", UtcDateTime(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("result_due_on", sa.Date(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["applicant_id"], ["subjects.id"], name=op.f("fk_repairs_applicant_id_subjects")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_repairs_subject_id_subjects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repairs")),
    )
    with op.batch_alter_table("repairs", schema=None) as batch_op:
        batch_op.create_index("ix_repairs_department_code_state", ["department_code", "state"], unique=False)
        batch_op.create_index(
            "ix_repairs_queue",
            ["due_on", "id"],
            unique=False,
            postgresql_where=sa.text("state IN ('filed', 'accepted', 'with_department', 'approved')"),
            sqlite_where=sa.text("state IN ('filed', 'accepted', 'with_department', 'approved')"),
        )
        batch_op.create_index(batch_op.f("ix_repairs_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "commitments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("matter", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("liability", sa.String(), nullable=False),
        sa.Column("text_sha256", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("signed_by", sa.String(), nullable=False),
        sa.Column("signer_id", BigId, nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=False),
        sa.Column("accepted_by", sa.String(), nullable=False),
        sa.Column("accepted_by_code", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("finding", sa.String(), nullable=True),
        sa.Column("record_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id"], ["credit_records.id"], name=op.f("fk_commitments_record_id_credit_records")
        ),
        sa.ForeignKeyConstraint(["signer_id"], ["subjects.id"], name=op.f("fk_commitments_signer_id_subjects")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_commitments_subject_id_subjects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commitments")),
        sa.UniqueConstraint("code", name=op.f("uq_commitments_code")),
    )
    with op.batch_alter_table("commitments", schema=None) as batch_op:
        batch_op.create_index("ix_commitments_about", ["about"], unique=False)
        batch_op.create_index(
            "ix_commitments_due",
            ["due_on"],
            unique=False,
            postgresql_where=sa.text("state = 'signed'"),
            sqlite_where=sa.text("state = 'signed'"),
        )
        batch_op.create_index(batch_op.f("ix_commitments_record_id"), ["record_id"], unique=False)
        batch_op.create_index("ix_commitments_subject_id_id", ["subject_id", "id"], unique=False)

    op.create_table(
        "publication_ends",
        sa.Column("record_id", BigId, autoincrement=False, nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("noted_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"], ["credit_records.id"], name=op.f("fk_publication_ends_record_id_credit_records")
        ),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_publication_ends")),
    )
    op.create_table(
        "repair_events",
        sa.Column("id", BigId, nullable=False),
        sa.Column("repair_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.ForeignKeyConstraint(["repair_id"], ["repairs.id"], name=op.f("fk_repair_events_repair_id_repairs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair_events")),
    )
    with op.batch_alter_table("repair_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_repair_events_repair_id"), ["repair_id"], unique=False)

    op.create_table(
        "repair_items",
        sa.Column("id", BigId, nullable=False),
        sa.Column("repair_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", BigId, nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"], ["credit_records.id"], name=op.f("fk_repair_items_record_id_credit_records")
        ),
        sa.ForeignKeyConstraint(["repair_id"], ["repairs.id"], name=op.f("fk_repair_items_repair_id_repairs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair_items")),
    )
    with op.batch_alter_table("repair_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_repair_items_record_id"), ["record_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_repair_items_repair_id"), ["repair_id"], unique=False)
        batch_op.create_index(
            "one_open_repair_per_record",
            ["record_id"],
            unique=True,
            postgresql_where=sa.text("open"),
            sqlite_where=sa.text("open"),
        )

    op.create_table(
        "supplements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("applicant_id", BigId, nullable=False),
        sa.Column("applied_by", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("cells_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("department_code", sa.String(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("filed_at", UtcDateTime(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.Column("record_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["subjects.id"], name=op.f("fk_supplements_applicant_id_subjects")
        ),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name=op.f("fk_supplements_consent_id_consents")),
        sa.ForeignKeyConstraint(
            ["record_id"], ["credit_records.id"], name=op.f("fk_supplements_record_id_credit_records")
        ),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_supplements_subject_id_subjects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplements")),
    )
    with op.batch_alter_table("supplements", schema=None) as batch_op:
        batch_op.create_index("ix_supplements_department_code_state", ["department_code", "state"], unique=False)
        batch_op.create_index(
            "ix_supplements_queue",
            ["due_on", "id"],
            unique=False,
            postgresql_where=sa.text("state = 'filed'"),
            sqlite_where=sa.text("state = 'filed'"),
        )
        batch_op.create_index(batch_op.f("ix_supplements_record_id"), ["record_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_supplements_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "commitment_events",
        sa.Column("id", BigId, nullable=False),
        sa.Column("commitment_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["commitment_id"], ["commitments.id"], name=op.f("fk_commitment_events_commitment_id_commitments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commitment_events")),
    )
    with op.batch_alter_table("commitment_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_commitment_events_commitment_id"), ["commitment_id"], unique=False)

    op.create_table(
        "supplement_events",
        sa.Column("id", BigId, nullable=False),
        sa.Column("supplement_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["supplement_id"], ["supplements.id"], name=op.f("fk_supplement_events_supplement_id_supplements")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplement_events")),
    )
    with op.batch_alter_table("supplement_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_supplement_events_supplement_id"), ["supplement_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("supplement_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_supplement_events_supplement_id"))

    op.drop_table("supplement_events")
    with op.batch_alter_table("commitment_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_commitment_events_commitment_id"))

    op.drop_table("commitment_events")
    with op.batch_alter_table("supplements", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_supplements_subject_id"))
        batch_op.drop_index(batch_op.f("ix_supplements_record_id"))
        batch_op.drop_index(
            "ix_supplements_queue",
            postgresql_where=sa.text("state = 'filed'"),
            sqlite_where=sa.text("state = 'filed'"),
        )
        batch_op.drop_index("ix_supplements_department_code_state")

    op.drop_table("supplements")
    with op.batch_alter_table("repair_items", schema=None) as batch_op:
        batch_op.drop_index(
            "one_open_repair_per_record", postgresql_where=sa.text("open"), sqlite_where=sa.text("open")
        )
        batch_op.drop_index(batch_op.f("ix_repair_items_repair_id"))
        batch_op.drop_index(batch_op.f("ix_repair_items_record_id"))

    op.drop_table("repair_items")
    with op.batch_alter_table("repair_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_repair_events_repair_id"))

    op.drop_table("repair_events")
    op.drop_table("publication_ends")
    with op.batch_alter_table("commitments", schema=None) as batch_op:
        batch_op.drop_index("ix_commitments_subject_id_id")
        batch_op.drop_index(batch_op.f("ix_commitments_record_id"))
        batch_op.drop_index(
            "ix_commitments_due",
            postgresql_where=sa.text("state = 'signed'"),
            sqlite_where=sa.text("state = 'signed'"),
        )
        batch_op.drop_index("ix_commitments_about")

    op.drop_table("commitments")
    with op.batch_alter_table("repairs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_repairs_subject_id"))
        batch_op.drop_index(
            "ix_repairs_queue",
            postgresql_where=sa.text("state IN ('filed', 'accepted', 'with_department', 'approved')"),
            sqlite_where=sa.text("state IN ('filed', 'accepted', 'with_department', 'approved')"),
        )
        batch_op.drop_index("ix_repairs_department_code_state")

    op.drop_table("repairs")
