"""A store's manager looks after the store's staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.partners.models import PartnerStaff
from backend.partners.staff import (
    SignInCode,
    add_staff,
    get_staff,
    get_store,
    issue_sign_in_code,
    reinstate_staff,
    staff_at,
    suspend_staff,
)
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.counter.access import current_staff, signed_in_staff

blp = Blueprint("counter staff", __name__, url_prefix=f"{API_PREFIX}/counter/staff", description="门店店员")


class NewStaff(Schema):
    nickname = fields.String(
        required=True,
        validate=validate.Length(1, 20),
        metadata={"description": "店里怎么称呼，如“前台小林”；不要填姓名全称或证件号"},
    )
    role = fields.String(load_default="cashier", validate=validate.OneOf(("manager", "cashier")))


class StaffMember(Schema):
    id = fields.UUID(required=True)
    nickname = fields.String(required=True)
    role = fields.String(required=True)
    state = fields.String(required=True, metadata={"description": "active 在用，suspended 停用"})
    added_at = Moment(required=True)


class StaffMembers(Schema):
    items = fields.List(fields.Nested(StaffMember), required=True)


class StaffMemberWithCode(StaffMember):
    sign_in_code = fields.String(required=True, metadata={"description": "只显示这一次；24 小时内用一次"})
    sign_in_code_ends_at = Moment(required=True)


@blp.route("")
class StaffView(MethodView):
    @signed_in_staff
    @blp.response(200, StaffMembers)
    def get(self) -> dict[str, object]:
        """本门店的店员（店长）"""
        staff = current_staff()
        staff.check_is_manager()
        with reading() as session:
            return {"items": [staff_member(one) for one in staff_at(session, staff.store_id)]}

    @signed_in_staff
    @idempotent
    @blp.arguments(NewStaff)
    @blp.response(201, StaffMemberWithCode)
    @blp.alt_response(409, description="已有同样称呼的店员（staff_exists）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """增加店员，得到其手机的登录码（店长）"""
        staff = current_staff()
        staff.check_is_manager()
        with transaction() as session:
            store = get_store(session, staff.store_id, partner_id=staff.partner_id)
            return with_code(*add_staff(session, store, now=now(), **body))


@blp.route("/<uuid:staff_id>/sign-in-code")
class NewSignInCode(MethodView):
    @signed_in_staff
    @idempotent
    @blp.response(201, StaffMemberWithCode)
    def post(self, staff_id: UUID) -> dict[str, object]:
        """换了手机：重新发一个登录码（店长）"""
        with transaction() as session:
            one = _of_own_store(session, staff_id)
            return with_code(one, issue_sign_in_code(session, one, now=now()))


@blp.route("/<uuid:staff_id>/suspension")
class StaffSuspension(MethodView):
    @signed_in_staff
    @idempotent
    @blp.response(200, StaffMember)
    def post(self, staff_id: UUID) -> dict[str, object]:
        """停用店员，其手机立即退出（店长）"""
        with transaction() as session:
            one = _of_own_store(session, staff_id)
            suspend_staff(session, one, now=now())
            return staff_member(one)

    @signed_in_staff
    @idempotent
    @blp.response(200, StaffMember)
    def delete(self, staff_id: UUID) -> dict[str, object]:
        """恢复店员；再发登录码后可以使用（店长）"""
        with transaction() as session:
            one = _of_own_store(session, staff_id)
            reinstate_staff(one)
            return staff_member(one)


def staff_member(one: PartnerStaff) -> dict[str, object]:
    return {
        "id": one.id,
        "nickname": one.nickname,
        "role": one.role,
        "state": one.state,
        "added_at": one.added_at,
    }


def with_code(one: PartnerStaff, code: SignInCode) -> dict[str, object]:
    return {**staff_member(one), "sign_in_code": code.code, "sign_in_code_ends_at": code.ends_at}


def _of_own_store(session: Any, staff_id: UUID) -> PartnerStaff:
    staff = current_staff()
    staff.check_is_manager()
    return get_staff(session, staff_id, partner_id=staff.partner_id, store_id=staff.store_id)
