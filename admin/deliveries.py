"""What the source departments delivered (归集批次), and what became of each row."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.catalogue.templates import load_templates
from backend.records.models import DELIVERY_STATES, Delivery
from backend.records.service import deliveries
from backend.web import API_PREFIX
from backend.web.context import reading
from backend.web.guards import signed_in_officer
from backend.web.moments import Moment
from backend.web.pages import PageQuery, PlaceField, moment_of, page_of, page_schema, place

blp = Blueprint(
    "officer deliveries", __name__, url_prefix=f"{API_PREFIX}/admin/deliveries", description="归集批次"
)


class DeliveriesQuery(PageQuery):
    cursor = PlaceField(moment_of)


class DeliveryResponse(Schema):
    """Always `delivered = accepted + duplicate + corrected + quarantined`."""

    id = fields.String(required=True)
    source_department = fields.String(required=True)
    template = fields.String(required=True)
    template_name = fields.String(required=True)
    filename = fields.String(required=True)
    received_at = Moment(required=True)
    finished_at = Moment(required=True, allow_none=True)
    state = fields.String(required=True, validate=validate.OneOf(DELIVERY_STATES))
    delivered = fields.Integer(required=True)
    accepted = fields.Integer(required=True)
    duplicate = fields.Integer(required=True)
    corrected = fields.Integer(required=True)
    quarantined = fields.Integer(required=True)


@blp.route("")
class Deliveries(MethodView):
    @signed_in_officer()
    @blp.arguments(DeliveriesQuery, location="query")
    @blp.response(200, page_schema(DeliveryResponse))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """归集批次，新的在前"""
        with reading() as session:
            found = deliveries(session, before=query["cursor"], limit=query["limit"] + 1)
            page = page_of(found, query["limit"], key=lambda delivery: place(delivery.received_at, delivery.id))
            return page | {"items": [delivery_answer(delivery) for delivery in found[: query["limit"]]]}


def template_name(code: str) -> str:
    """A template that is no longer shipped is called by its code."""
    template = load_templates().get(code)
    return template.name if template else code


def delivery_answer(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "source_department": delivery.source_department,
        "template": delivery.template,
        "template_name": template_name(delivery.template),
        "filename": delivery.filename,
        "received_at": delivery.received_at,
        "finished_at": delivery.finished_at,
        "state": delivery.state,
        "delivered": delivery.delivered,
        "accepted": delivery.accepted,
        "duplicate": delivery.duplicate,
        "corrected": delivery.corrected,
        "quarantined": delivery.quarantined,
    }
