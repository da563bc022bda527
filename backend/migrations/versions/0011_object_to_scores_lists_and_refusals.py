"""Object to scores, lists and refusals, through the source departments' inboxes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, Json, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_OPEN_BEFORE = sa.text("state IN ('filed', 'forwarded')")
_OPEN_SINCE = sa.text("state IN ('filed', 'forwarded', 'disclaimed', 'replied')")


def upgrade() -> None:
    op.create_table(
        "eligibility_overrides",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scheme_code", sa.String(), nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("case", sa.String(), nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("fk_eligibility_overrides_subject_id_subjects")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eligibility_overrides")),
    )
    op.create_index(
        "ix_eligibility_overrides_subject_id_scheme_code", "eligibility_overrides", ["subject_id", "scheme_code"]
    )

    # Partial indexes name the open states, of which there are more now: made again below.
    op.drop_index("one_open_objection_per_record", "objections")
    op.drop_index("ix_objections_queue", "objections")
    with op.batch_alter_table("objections") as batch_op:
        batch_op.add_column(sa.Column("filed_by_id", BigId, nullable=True))
        batch_op.add_column(sa.Column("about", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("score_id", BigId, nullable=True))
        batch_op.add_column(sa.Column("scheme_code", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("department_code", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("department_name", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("forwarded_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("provider_due_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("extended", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("department_reply", Json, nullable=True))
        batch_op.add_column(sa.Column("redirected_to", sa.String(), nullable=True))
        batch_op.alter_column("record_id", existing_type=BigId, nullable=True)
        batch_op.alter_column("record_version", existing_type=sa.Integer(), nullable=True)
    # Until now every objection was a citizen's own, to a record.
    op.execute(
        "UPDATE objections SET filed_by_id = subject_id, extended = false, "
        "about = 'record:' || CAST(record_id AS VARCHAR)"
    )
    with op.batch_alter_table("objections") as batch_op:
        batch_op.alter_column("filed_by_id", existing_type=BigId, nullable=False)
        batch_op.alter_column("about", existing_type=sa.String(), nullable=False)
        batch_op.alter_column("extended", existing_type=sa.Boolean(), nullable=False)
        batch_op.create_foreign_key(
            op.f("fk_objections_filed_by_id_subjects"), "subjects", ["filed_by_id"], ["id"]
        )
    op.create_index(op.f("ix_objections_filed_by_id"), "objections", ["filed_by_id"])
    op.create_index(op.f("ix_objections_record_id"), "objections", ["record_id"])
    op.create_index("ix_objections_inbox", "objections", ["department_code", "answer_due_on"])
    _open_indexes("one_open_objection_per_matter", ["subject_id", "about"], _OPEN_SINCE)

    op.add_column("officers", sa.Column("department_code", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("officers") as batch_op:
        batch_op.drop_column("department_code")
    for index in (
        "one_open_objection_per_matter",
        "ix_objections_queue",
        "ix_objections_inbox",
        "ix_objections_record_id",
        "ix_objections_filed_by_id",
    ):
        op.drop_index(index, "objections")
    with op.batch_alter_table("objections") as batch_op:
        batch_op.drop_constraint("fk_objections_filed_by_id_subjects", type_="foreignkey")
        # Refused by the database while there are objections to anything but a record: nothing is deleted.
        batch_op.alter_column("record_version", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column("record_id", existing_type=BigId, nullable=False)
        for column in (
            "redirected_to",
            "department_reply",
            "extended",
            "provider_due_on",
            "forwarded_at",
            "department_name",
            "department_code",
            "scheme_code",
            "score_id",
            "about",
            "filed_by_id",
        ):
            batch_op.drop_column(column)
    _open_indexes("one_open_objection_per_record", ["record_id"], _OPEN_BEFORE)
    op.drop_index("ix_eligibility_overrides_subject_id_scheme_code", "eligibility_overrides")
    op.drop_table("eligibility_overrides")


def _open_indexes(unique: str, columns: list[str], still_open: sa.TextClause) -> None:
    op.create_index(
        unique, "objections", columns, unique=True, postgresql_where=still_open, sqlite_where=still_open
    )
    op.create_index(
        "ix_objections_queue",
        "objections",
        ["answer_due_on"],
        postgresql_where=still_open,
        sqlite_where=still_open,
    )
