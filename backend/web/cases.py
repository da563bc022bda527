"""What every surface says of a case: what happened to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields

from backend.cases.models import CaseStep
from backend.web.moments import Moment


class CaseEvent(Schema):
    at = Moment(required=True)
    event = fields.String(required=True)
    event_name = fields.String(required=True)
    actor = fields.String(required=True)
    text = fields.String(required=True, allow_none=True)


def steps_in(steps: Sequence[CaseStep], names: Mapping[Any, str]) -> list[dict[str, object]]:
    """What happened to a case, with the words that went with a step."""
    return [
        {
            "at": step.at,
            "event": step.event,
            "event_name": names[step.event],
            "actor": step.actor,
            "text": step.detail.get("text"),
        }
        for step in steps
    ]
