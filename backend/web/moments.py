"""Moments as the API promises them: ISO 8601 in UTC, ending in `Z`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import marshmallow as ma


class Moment(ma.fields.AwareDateTime):
    """`2026-03-03T02:00:00Z`; fractions of a second only where there are some."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", default_timezone=UTC, **kwargs)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        if value is None:
            return None
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
