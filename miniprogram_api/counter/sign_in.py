"""Opening the scanner page on a phone, and closing it."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.benefits.schemes import schemes_offered_by
from backend.city_calendar import city_date
from backend.partners.staff import StaffIdentity, heads_partner, sign_in_staff, sign_out_staff
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import limited, open_to_all
from backend.web.idempotency import idempotent
from miniprogram_api.counter.access import current_staff, signed_in_staff, staff_token
from miniprogram_api.partner.schemes import OfferedScheme, offered_scheme

blp = Blueprint("counter sign-in", __name__, url_prefix=f"{API_PREFIX}/counter", description="扫码核销页")


class StaffSignInRequest(Schema):
    code = fields.String(
        required=True,
        validate=validate.Length(1, 32),
        load_only=True,
        metadata={"description": "店长或信用办给的登录码，只能用一次，不分大小写"},
    )


class StaffResponse(Schema):
    nickname = fields.String(required=True)
    role = fields.String(required=True, metadata={"description": "manager 店长，cashier 店员"})
    store = fields.String(required=True)
    partner = fields.String(required=True)
    city_name = fields.String(required=True)


class StaffSignInResponse(Schema):
    token = fields.String(required=True, metadata={"description": "放入 Authorization: Bearer，30 天有效"})
    staff = fields.Nested(StaffResponse, required=True)


class CounterResponse(StaffResponse):
    heads_partner = fields.Boolean(
        required=True, metadata={"description": "首家门店的店长：可以管理门店，查看用量和合同"}
    )
    schemes = fields.List(fields.Nested(OfferedScheme), required=True)


@blp.route("/sign-in")
class StaffSignInView(MethodView):
    @open_to_all
    @limited("staff_sign_in", most=20, window_seconds=900)
    @blp.arguments(StaffSignInRequest)
    @blp.response(201, StaffSignInResponse)
    @blp.alt_response(401, description="登录码不正确、已用过或已过期（sign_in_code_not_valid）")
    @blp.alt_response(403, description="本单位的合同已经期满（contract_ended），登录码没有用掉")
    def post(self, body: dict[str, str]) -> dict[str, object]:
        """用登录码在这台手机上登录"""
        with transaction() as session:
            token, staff = sign_in_staff(session, code=body["code"], now=now())
            return {"token": token, "staff": _answer(staff)}

    @signed_in_staff
    @idempotent
    @blp.response(204)
    def delete(self) -> None:
        """退出登录，这台手机立即失效"""
        with transaction() as session:
            sign_out_staff(session, staff_token(), now=now())


@blp.route("/me")
class CounterView(MethodView):
    @signed_in_staff
    @blp.response(200, CounterResponse)
    def get(self) -> dict[str, Any]:
        """当前登录的店员、门店，以及本单位参加的方案"""
        staff = current_staff()
        with reading() as session:
            offered = schemes_offered_by(session, staff.partner_id, city_date(now()))
            return {
                **_answer(staff),
                "heads_partner": heads_partner(session, staff),
                "schemes": [offered_scheme(one.rules) for one in offered],
            }


def _answer(staff: StaffIdentity) -> dict[str, object]:
    return {
        "nickname": staff.nickname,
        "role": staff.role,
        "store": staff.store_name,
        "partner": staff.partner_name,
        "city_name": services().config.city_name,
    }
