"""For auditors: whether recipients have deleted what they received, after the consent ended (对方删除)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.authorizations.models import Consent, RecipientDeletion
from backend.authorizations.notices import DATA_NAMES
from backend.authorizations.recipient_deletions import deletion_queue, state_of
from backend.city_calendar import city_date
from backend.web import API_PREFIX
from backend.web.context import now, reading
from backend.web.guards import signed_in_officer
from backend.web.moments import Moment
from backend.web.pages import PageQuery, PlaceField, page_of, page_schema, place

blp = Blueprint(
    "officer recipient deletions",
    __name__,
    url_prefix=f"{API_PREFIX}/admin/recipient-deletions",
    description="授权终止后对方的删除",
)
_STATES = ("overdue", "waiting", "confirmed")


class RecipientDeletionsQuery(PageQuery):
    cursor = PlaceField(date.fromisoformat)
    state = fields.String(
        load_default="overdue",
        validate=validate.OneOf(_STATES),
        metadata={"description": "overdue 逾期未确认，waiting 期限内，confirmed 已确认"},
    )


class RecipientDeletionCase(Schema):
    """The person is not named: what has to be watched is the recipient."""

    consent_id = fields.UUID(required=True, metadata={"description": "授权编号"})
    recipient = fields.String(required=True, metadata={"description": "对方"})
    purpose = fields.String(required=True)
    data = fields.List(fields.String(), required=True)
    ended_at = Moment(required=True, metadata={"description": "授权终止时刻"})
    due_on = fields.Date(required=True)
    state = fields.String(required=True, validate=validate.OneOf(_STATES))
    confirmed_at = Moment(required=True, allow_none=True)
    statement = fields.String(required=True, allow_none=True, metadata={"description": "对方的说明"})


@blp.route("")
class RecipientDeletions(MethodView):
    @signed_in_officer("auditor")
    @blp.arguments(RecipientDeletionsQuery, location="query")
    @blp.response(200, page_schema(RecipientDeletionCase))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """授权终止后，对方是否按期删除并确认；期限早的在前，不显示是谁的授权"""
        today = city_date(now())
        with reading() as session:
            found = deletion_queue(
                session, state=query["state"], today=today, after=query["cursor"], limit=query["limit"] + 1
            )
            page = page_of(found, query["limit"], key=lambda pair: place(pair[0].due_on, pair[0].consent_id))
            return page | {"items": [_case(asked, consent, today) for asked, consent in found[: query["limit"]]]}


def _case(asked: RecipientDeletion, consent: Consent, today: date) -> dict[str, object]:
    return {
        "consent_id": consent.id,
        "recipient": consent.recipient_name,
        "purpose": consent.purpose,
        "data": [DATA_NAMES.get(category, category) for category in consent.data_categories],
        "ended_at": asked.asked_at,
        "due_on": asked.due_on,
        "state": state_of(asked, today),
        "confirmed_at": asked.confirmed_at,
        "statement": asked.statement,
    }
