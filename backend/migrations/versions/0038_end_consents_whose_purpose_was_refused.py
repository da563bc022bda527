"""End consents whose purpose was refused"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from backend.database import Json, UtcDateTime

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_consents = sa.table(
    "consents", sa.column("id", sa.Uuid()), sa.column("state"), sa.column("ended_at", UtcDateTime())
)
_events = sa.table(
    "consent_events",
    sa.column("consent_id", sa.Uuid()),
    sa.column("event"),
    sa.column("at", UtcDateTime()),
    sa.column("actor"),
    sa.column("detail", Json),
)
_supplements = sa.table("supplements", sa.column("consent_id", sa.Uuid()), sa.column("state"))


def upgrade() -> None:
    """A supplement that is refused has ended its written consent since; those refused before end theirs now."""
    now = datetime.now(UTC)
    connection = op.get_bind()
    refused = sa.select(_supplements.c.consent_id).where(_supplements.c.state == "refused")
    ended = connection.scalars(
        sa.select(_consents.c.id).where(_consents.c.id.in_(refused), _consents.c.state == "given")
    ).all()
    for consent_id in ended:
        connection.execute(
            sa.update(_consents).where(_consents.c.id == consent_id).values(state="expired", ended_at=now)
        )
        connection.execute(
            sa.insert(_events).values(
                consent_id=consent_id,
                event="expire",
                at=now,
                actor="system",
                detail={"because": "supplement_refused"},
            )
        )


def downgrade() -> None:
    """What has ended stays so, as if its giver had withdrawn it."""
