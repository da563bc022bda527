"""Checking, redeeming and taking back on the scanner page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.benefits.counter import cancel_at_counter, check_at_counter, redeem_at_counter, uses_at_counter
from backend.city_calendar import city_date, start_of_day
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import limited
from backend.web.idempotency import idempotent
from miniprogram_api.counter.access import current_staff, signed_in_staff
from miniprogram_api.partner.checks import CheckResponse, check_answer
from miniprogram_api.partner.redemptions import RedemptionRequest, RedemptionResponse, redemption_answer

blp = Blueprint("counter", __name__, url_prefix=f"{API_PREFIX}/counter", description="扫码核销页")

_limited = limited("counter", most=120, window_seconds=60)


class CounterCheckRequest(Schema):
    code = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "顾客的凭码"})
    scheme = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "方案代码"})


class CounterUseResponse(RedemptionResponse):
    nickname = fields.String(required=True, metadata={"description": "由哪位店员核销"})


class CounterUses(Schema):
    items = fields.List(fields.Nested(CounterUseResponse), required=True)


@blp.route("/checks")
class CounterChecks(MethodView):
    @signed_in_staff
    @_limited
    @idempotent
    @blp.arguments(CounterCheckRequest)
    @blp.response(201, CheckResponse)
    @blp.alt_response(404, description="本单位没有参加这个方案（scheme_not_offered）")
    @blp.alt_response(422, description="凭码无效、过期或用过（code_not_valid）")
    def post(self, body: dict[str, str]) -> dict[str, object]:
        """核验顾客出示的凭码：只有符合或不符合，符合时附待遇"""
        with transaction() as session:
            return check_answer(
                check_at_counter(
                    session,
                    services().store,
                    staff=current_staff(),
                    code=body["code"],
                    scheme_code=body["scheme"],
                    now=now(),
                )
            )


@blp.route("/redemptions")
class CounterRedemptions(MethodView):
    @signed_in_staff
    @_limited
    @idempotent
    @blp.arguments(RedemptionRequest)
    @blp.response(201, RedemptionResponse)
    @blp.alt_response(404, description="不是本门店的核验（check_not_found）")
    @blp.alt_response(409, description="核验已过期，或已按另一金额核销、已撤销")
    @blp.alt_response(422, description="不符合条件（check_not_redeemable）或缺少金额（amount_required）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """核销：确认顾客享受了这项权益"""
        with transaction() as session:
            return redemption_answer(
                redeem_at_counter(
                    session,
                    staff=current_staff(),
                    check_id=body["check_id"],
                    bill_cents=body["amount_cents"],
                    now=now(),
                )
            )

    @signed_in_staff
    @blp.response(200, CounterUses)
    def get(self) -> dict[str, object]:
        """本门店今天的核销，新的在前；不含顾客身份"""
        with reading() as session:
            found = uses_at_counter(session, staff=current_staff(), since=start_of_day(city_date(now())))
            return {"items": [{**redemption_answer(use.redemption), "nickname": use.nickname} for use in found]}


@blp.route("/redemptions/<uuid:redemption_id>/cancellation")
class CounterCancellation(MethodView):
    @signed_in_staff
    @_limited
    @idempotent
    @blp.response(200, RedemptionResponse)
    @blp.alt_response(404, description="不是本门店的核销（redemption_not_found）")
    def post(self, redemption_id: UUID) -> dict[str, object]:
        """撤销核销：次数和额度都退回"""
        with transaction() as session:
            return redemption_answer(
                cancel_at_counter(session, staff=current_staff(), redemption_id=redemption_id, now=now())
            )
