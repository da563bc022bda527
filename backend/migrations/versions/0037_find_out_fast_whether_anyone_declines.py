"""Find out fast whether anyone declines a category"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_IN_FORCE = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_declined_categories_category_in_force",
        "declined_categories",
        ["category"],
        postgresql_where=_IN_FORCE,
        sqlite_where=_IN_FORCE,
    )


def downgrade() -> None:
    op.drop_index("ix_declined_categories_category_in_force", "declined_categories")
