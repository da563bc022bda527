"""Find and recognise records by one index

The natural key keeps its first 16 bytes: with the subject before it, that is more than enough to tell matters
apart, and half the index. What goes cannot be brought back: undone, the keys stay as short, and what was delivered
before is not recognised any more when it comes again.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, Digest16

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_SAID_BY_ALMOST_ALL: dict[str, tuple[Any, Any]] = {
    "quantity": (sa.BigInteger(), "0"),
    "amount": (sa.BigInteger(), "0"),
    "level": (sa.Integer(), "0"),
    "event_key": (sa.BigInteger(), "0"),
    "state": (sa.String(), "active"),
    "withdrawn": (sa.Boolean(), sa.false()),
    "version": (sa.Integer(), "1"),
}


def upgrade() -> None:
    op.create_table(
        "content_forms",
        sa.Column("id", BigId, nullable=False),
        sa.Column("headings", sa.JSON(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_forms")),
        sa.UniqueConstraint("digest", name=op.f("uq_content_forms_digest")),
    )
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if not on_postgresql:
        op.execute("UPDATE credit_records SET natural_key = substr(natural_key, 1, 16)")
    with op.batch_alter_table("credit_records", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_credit_records_natural_key_category"), type_="unique")
        batch_op.drop_index("ix_credit_records_subject_id_category")
        batch_op.add_column(sa.Column("form_id", BigId, nullable=True))
        for name, (kind, default) in _SAID_BY_ALMOST_ALL.items():
            batch_op.alter_column(name, existing_type=kind, existing_nullable=False, server_default=default)
        batch_op.alter_column(
            "natural_key",
            existing_type=sa.LargeBinary(32),
            type_=Digest16(),
            existing_nullable=False,
            postgresql_using="encode(substr(natural_key, 1, 16), 'hex')::uuid",
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_credit_records_subject_id_natural_key"), ["subject_id", "natural_key"]
        )


def downgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    _write_contents_out(on_postgresql=on_postgresql)
    with op.batch_alter_table("credit_records", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_credit_records_subject_id_natural_key"), type_="unique")
        batch_op.alter_column(
            "natural_key",
            existing_type=Digest16(),
            type_=sa.LargeBinary(32),
            existing_nullable=False,
            postgresql_using="decode(replace(natural_key::text, '-', ''), 'hex')",
        )
        for name, (kind, _) in _SAID_BY_ALMOST_ALL.items():
            batch_op.alter_column(name, existing_type=kind, existing_nullable=False, server_default=None)
        batch_op.drop_column("form_id")
        batch_op.create_index("ix_credit_records_subject_id_category", ["subject_id", "category"], unique=False)
        batch_op.create_unique_constraint(
            batch_op.f("uq_credit_records_natural_key_category"), ["natural_key", "category"]
        )
    op.drop_table("content_forms")


def _write_contents_out(*, on_postgresql: bool) -> None:
    """Each content by its own headings again."""
    if on_postgresql:
        op.execute(
            "UPDATE credit_records SET content = ("
            "SELECT coalesce(json_object_agg(heading.value, cell.value) FILTER (WHERE cell.value IS NOT NULL), '{}')"
            " FROM json_array_elements_text(content_forms.headings) WITH ORDINALITY AS heading (value, place)"
            " JOIN json_array_elements_text(credit_records.content) WITH ORDINALITY AS cell (value, place)"
            " USING (place)) FROM content_forms WHERE content_forms.id = credit_records.form_id"
        )
    else:
        op.execute(
            "UPDATE credit_records SET content = ("
            "SELECT json_group_object(heading.value, cell.value) FILTER (WHERE cell.value IS NOT NULL)"
            " FROM content_forms JOIN json_each(content_forms.headings) AS heading"
            " JOIN json_each(credit_records.content) AS cell ON cell.key = heading.key"
            " WHERE content_forms.id = credit_records.form_id) WHERE form_id IS NOT NULL"
        )
