"""Using a benefit after a check, taking that back, and the partner's own list of uses."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.benefits.errors import CheckNotFound
from backend.benefits.models import Redemption
from backend.benefits.redemptions import cancel_redemption, redeem, redemptions_of_partner
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import limited
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import PageQuery, PlaceField, moment_of, page_of, page_schema, place
from miniprogram_api.partner.access import current_partner, partner_token

blp = Blueprint(
    "partner redemptions", __name__, url_prefix=f"{API_PREFIX}/partner/redemptions", description="核销"
)

LARGEST_BILL_CENTS = 10**12


class RedemptionRequest(Schema):
    check_id = fields.UUID(required=True, metadata={"description": "核验时得到的编号"})
    amount_cents = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(0, LARGEST_BILL_CENTS),
        metadata={"description": "优惠前的消费金额（分）；按折扣优惠的方案必填"},
    )


class RedemptionResponse(Schema):
    redemption_id = fields.UUID(required=True, metadata={"description": "核销编号"})
    check_id = fields.UUID(required=True, metadata={"description": "对应的核验"})
    scheme = fields.String(required=True, metadata={"description": "方案代码"})
    terms = fields.Dict(keys=fields.String(), required=True, metadata={"description": "给予的待遇"})
    amount_cents = fields.Integer(
        required=True, allow_none=True, metadata={"description": "优惠前的消费金额（分）"}
    )
    settled_cents = fields.Integer(required=True, metadata={"description": "市里与本单位结算的金额（分）"})
    redeemed_at = Moment(required=True, metadata={"description": "核销时刻（UTC）"})
    cancelled_at = Moment(
        required=True, allow_none=True, metadata={"description": "撤销时刻（UTC）；没有撤销时为 null"}
    )


class RedemptionQuery(PageQuery):
    cursor = PlaceField(moment_of)


@blp.route("")
class Redemptions(MethodView):
    @partner_token("benefit:redeem")
    @limited("partner_redemptions", most=3000, window_seconds=60)
    @idempotent
    @blp.arguments(RedemptionRequest)
    @blp.response(201, RedemptionResponse)
    @blp.alt_response(404, description="没有这次核验（check_not_found）")
    @blp.alt_response(
        409, description="核验已过期（check_expired）、已按另一金额核销或已撤销（redeemed_differently 等）"
    )
    @blp.alt_response(422, description="不符合条件（check_not_redeemable）或缺少金额（amount_required）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """核销：确认顾客享受了这项权益

        会重新核对同意、条件和剩余次数。同一次核验只会核销一次，重复提交得到同一笔核销。
        """
        with transaction() as session:
            use = partial(
                redeem,
                session,
                partner=current_partner(),
                check_id=body["check_id"],
                bill_cents=body["amount_cents"],
                now=now(),
            )
            try:
                return redemption_answer(use())
            except CheckNotFound:
                if (stream := services().check_stream) is None:
                    raise
                # The check was answered a moment ago and may still be on its way into the database.
                stream.drain()
                return redemption_answer(use())

    @partner_token("benefit:read")
    @blp.arguments(RedemptionQuery, location="query")
    @blp.response(200, page_schema(RedemptionResponse))
    def get(self, page: dict[str, Any]) -> dict[str, object]:
        """本单位的核销记录，新的在前；不含顾客身份"""
        with reading() as session:
            found = redemptions_of_partner(
                session, current_partner().partner_id, before=page["cursor"], limit=page["limit"] + 1
            )
            shaped = page_of(found, page["limit"], lambda one: place(one.redeemed_at, one.id))
            return {**shaped, "items": [redemption_answer(one) for one in found[: page["limit"]]]}


@blp.route("/<uuid:redemption_id>/cancellation")
class Cancellation(MethodView):
    @partner_token("benefit:redeem")
    @limited("partner_redemptions", most=3000, window_seconds=60)
    @idempotent
    @blp.response(200, RedemptionResponse)
    @blp.alt_response(404, description="没有这笔核销（redemption_not_found）")
    def post(self, redemption_id: UUID) -> dict[str, object]:
        """撤销核销：次数退回原来的周期，金额退回总额度"""
        with transaction() as session:
            return redemption_answer(
                cancel_redemption(session, partner=current_partner(), redemption_id=redemption_id, now=now())
            )


def redemption_answer(redemption: Redemption) -> dict[str, object]:
    return {
        "redemption_id": redemption.id,
        "check_id": redemption.check_id,
        "scheme": redemption.scheme_code,
        "terms": redemption.terms,
        "amount_cents": redemption.bill_cents,
        "settled_cents": redemption.amount_cents,
        "redeemed_at": redemption.redeemed_at,
        "cancelled_at": redemption.cancelled_at,
    }
