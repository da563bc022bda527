"""Joint incentives for the citizen or an enterprise they represent: what was done for them, on what basis."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.joint_incentives.service import OwnIncentive, incentives_for
from backend.web import API_PREFIX
from backend.web.context import now, reading
from backend.web.guards import signed_in_citizen
from backend.web.joint_incentives import DeedResponse
from backend.web.moments import Moment
from miniprogram_api.citizen.acting import ActingQuery, acting

blp = Blueprint(
    "citizen joint incentives", __name__, url_prefix=f"{API_PREFIX}/me/joint-incentives", description="联合激励"
)


class OwnIncentiveResponse(Schema):
    id = fields.UUID(required=True)
    matter = fields.String(required=True, metadata={"description": "事项"})
    ground_name = fields.String(required=True)
    basis = fields.String(required=True, metadata={"description": "法律依据"})
    initiator = fields.String(required=True, metadata={"description": "发起单位"})
    initiated_at = Moment(required=True)
    consent = fields.String(
        required=True,
        validate=validate.OneOf(("not_needed", "waiting", "given", "not_given")),
        metadata={"description": "waiting 等您在“授权管理”中决定，not_given 没有或不再同意，单位看不到您"},
    )
    consent_id = fields.UUID(required=True, allow_none=True, metadata={"description": "授权管理中的编号"})
    deeds = fields.List(fields.Nested(DeedResponse), required=True, metadata={"description": "已采取的措施"})


class OwnIncentives(Schema):
    items = fields.List(fields.Nested(OwnIncentiveResponse), required=True, metadata={"description": "新的在前"})


@blp.route("")
class MyIncentives(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, OwnIncentives)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """各部门为本人或所代表的企业采取了哪些激励措施、依据什么"""
        with reading() as session:
            subject = acting(session, query["enterprise"]).subject
            return {"items": [_own(one) for one in incentives_for(session, subject.id, now=now())]}


def _own(one: OwnIncentive) -> dict[str, object]:
    incentive = one.incentive
    return {
        "id": incentive.id,
        "matter": incentive.matter,
        "ground_name": incentive.ground_name,
        "basis": incentive.basis,
        "initiator": incentive.initiator,
        "initiated_at": incentive.initiated_at,
        "consent": one.consent,
        "consent_id": one.consent_id,
        "deeds": [
            {
                "department": request.department,
                "measure_name": deed.measure_name,
                "basis": deed.basis,
                "text": deed.text,
                "done_on": deed.done_on,
            }
            for request, deed in one.deeds
        ],
    }
