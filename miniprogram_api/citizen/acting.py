"""For whom the signed-in citizen acts in this request: themselves, or an enterprise they legally represent."""

from __future__ import annotations

from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.subjects.acting import ActingFor, acting_for
from backend.web.context import now
from backend.web.guards import current_subject_id


class ActingQuery(Schema):
    enterprise = fields.String(
        load_default=None,
        validate=validate.Length(1, 32),
        metadata={"description": "代所法定代表的企业办理时，填该企业的统一社会信用代码；不填为本人"},
    )


def acting(session: Session, enterprise: str | None) -> ActingFor:
    """Raises EnterpriseNotRepresented."""
    return acting_for(session, person_id=current_subject_id(), enterprise_code=enterprise, on=city_date(now()))
