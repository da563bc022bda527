"""Share the cells that contents have in common"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_OF_DELIVERIES = {
    "delivery_id": "fk_quarantined_rows_delivery_id_deliveries",
    "resolved_delivery_id": "fk_quarantined_rows_resolved_delivery_id_deliveries",
}


def upgrade() -> None:
    with op.batch_alter_table("content_forms", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fixed", sa.JSON(), server_default="{}", nullable=False))

    with op.batch_alter_table("quarantined_rows", schema=None) as batch_op:
        for name in _OF_DELIVERIES.values():
            batch_op.drop_constraint(batch_op.f(name), type_="foreignkey")

    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE folded_marks ALTER COLUMN subject_ids SET STORAGE EXTERNAL")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE folded_marks ALTER COLUMN subject_ids SET STORAGE EXTENDED")

    with op.batch_alter_table("quarantined_rows", schema=None) as batch_op:
        for column, name in _OF_DELIVERIES.items():
            batch_op.create_foreign_key(batch_op.f(name), "deliveries", [column], ["id"])

    _list_all_cells()
    with op.batch_alter_table("content_forms", schema=None) as batch_op:
        batch_op.drop_column("fixed")


def _list_all_cells() -> None:
    """Each content with all its cells again. The form keeps a digest that nobody asks for: no harm in that."""
    connection = op.get_bind()
    forms = sa.table("content_forms", sa.column("id"), sa.column("headings", sa.JSON), sa.column("fixed", sa.JSON))
    records = sa.table("credit_records", sa.column("form_id"), sa.column("content", sa.Text))
    on_postgresql = connection.dialect.name == "postgresql"
    array = sa.func.json_build_array if on_postgresql else sa.func.json_array
    own = sa.cast(records.c.content, sa.JSON) if on_postgresql else sa.type_coerce(records.c.content, sa.JSON)
    for form in connection.execute(sa.select(forms)).all():
        if form.fixed:
            places = {name: place for place, name in enumerate(h for h in form.headings if h not in form.fixed)}
            cells = [
                own[places[name]].as_string() if name in places else sa.cast(sa.literal(form.fixed[name]), sa.Text)
                for name in form.headings
            ]
            listed = sa.cast(array(*cells), sa.Text)
            connection.execute(records.update().where(records.c.form_id == form.id).values(content=listed))
