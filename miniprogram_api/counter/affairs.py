"""What the manager of a partner's first store looks after on the scanner page: stores, usage, quota, contract."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.benefits.usage import usage_of
from backend.city_calendar import city_date
from backend.onboarding.service import ask_for_renewal, contracts_of, waiting_renewal
from backend.onboarding.terms import terms_on
from backend.partners.models import PartnerStore
from backend.partners.service import all_keys_of, get_partner
from backend.partners.staff import (
    add_staff,
    check_heads_partner,
    close_own_store,
    open_store,
    reopen_store,
    staff_at,
    stores_of,
)
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.counter.access import current_staff, signed_in_staff
from miniprogram_api.counter.staff import StaffMemberWithCode, with_code
from miniprogram_api.partner.checks import LIMIT
from miniprogram_api.partner.usage import UsageLineResponse

blp = Blueprint(
    "counter affairs",
    __name__,
    url_prefix=f"{API_PREFIX}/counter",
    description="门店、用量与合同（首家门店的店长）",
)

USAGE_DAYS = 30
FIRST_MANAGER = "店长"
_ONLY_HEAD = "只有首家门店的店长可以（head_manager_only）"


class OwnStore(Schema):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    state = fields.String(required=True, metadata={"description": "open 营业，closed 已关闭"})
    staff = fields.Integer(required=True, metadata={"description": "在用的店员人数"})
    own = fields.Boolean(required=True, metadata={"description": "您所在的门店"})


class OwnStores(Schema):
    items = fields.List(fields.Nested(OwnStore), required=True)


class NewStore(Schema):
    name = fields.String(required=True, validate=validate.Length(1, 40))


class StoreWithManager(OwnStore):
    manager = fields.Nested(StaffMemberWithCode, required=True, metadata={"description": "新门店的店长和登录码"})


class OwnContract(Schema):
    number = fields.String(required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True, metadata={"description": "最后一天，含"})


class OwnKey(Schema):
    kid = fields.String(required=True)
    state = fields.String(required=True, metadata={"description": "active 在用，revoked 已停用"})
    added_at = Moment(required=True)


class Affairs(Schema):
    contracts = fields.List(fields.Nested(OwnContract), required=True, metadata={"description": "后到期的在前"})
    renewal_asked_at = Moment(
        required=True, allow_none=True, metadata={"description": "已申请续签、信用办还没有办理；没有时为 null"}
    )
    terms_title = fields.String(required=True, metadata={"description": "续签时接受的现行合作条款"})
    terms_digest = fields.String(required=True)
    checks_per_minute = fields.Integer(required=True, metadata={"description": "接口每分钟核验的配额"})
    keys = fields.List(fields.Nested(OwnKey), required=True, metadata={"description": "本单位系统的公钥"})
    usage = fields.List(fields.Nested(UsageLineResponse), required=True, metadata={"description": "近 30 天"})


class RenewalAsked(Schema):
    terms_digest = fields.String(required=True, validate=validate.Length(64, 64))


@blp.route("/stores")
class StoresView(MethodView):
    @signed_in_staff
    @blp.response(200, OwnStores)
    @blp.alt_response(403, description=_ONLY_HEAD)
    def get(self) -> dict[str, object]:
        """本单位的门店"""
        with reading() as session:
            check_heads_partner(session, current_staff())
            found = stores_of(session, current_staff().partner_id)
            return {"items": [_store(session, store) for store in found]}

    @signed_in_staff
    @idempotent
    @blp.arguments(NewStore)
    @blp.response(201, StoreWithManager)
    @blp.alt_response(403, description=_ONLY_HEAD)
    @blp.alt_response(409, description="已有同名的门店（store_exists）")
    def post(self, body: dict[str, str]) -> dict[str, object]:
        """新开门店，得到其店长的登录码"""
        with transaction() as session:
            check_heads_partner(session, current_staff())
            partner = get_partner(session, current_staff().partner_id)
            store = open_store(session, partner, name=body["name"], now=now())
            made = add_staff(session, store, nickname=FIRST_MANAGER, role="manager", now=now())
            return {**_store(session, store), "manager": with_code(*made)}


@blp.route("/stores/<uuid:store_id>/closure")
class StoreClosure(MethodView):
    @signed_in_staff
    @idempotent
    @blp.response(200, OwnStore)
    @blp.alt_response(403, description=_ONLY_HEAD)
    @blp.alt_response(409, description="首家门店不能自己关闭（first_store_stays）")
    def post(self, store_id: UUID) -> dict[str, object]:
        """关闭门店，其店员的手机立即不能再用"""
        with transaction() as session:
            return _store(session, close_own_store(session, store_id, head=current_staff()))

    @signed_in_staff
    @idempotent
    @blp.response(200, OwnStore)
    @blp.alt_response(403, description=_ONLY_HEAD)
    def delete(self, store_id: UUID) -> dict[str, object]:
        """重新开放已关闭的门店"""
        with transaction() as session:
            check_heads_partner(session, current_staff())
            return _store(session, reopen_store(session, store_id, partner_id=current_staff().partner_id))


@blp.route("/affairs")
class AffairsView(MethodView):
    @signed_in_staff
    @blp.response(200, Affairs)
    @blp.alt_response(403, description=_ONLY_HEAD)
    def get(self) -> dict[str, Any]:
        """本单位的合同、配额、公钥和近 30 天用量，不含顾客身份"""
        with reading() as session:
            check_heads_partner(session, current_staff())
            return _affairs(session)


@blp.route("/affairs/renewal")
class RenewalView(MethodView):
    @signed_in_staff
    @idempotent
    @blp.arguments(RenewalAsked)
    @blp.response(200, Affairs)
    @blp.alt_response(403, description=_ONLY_HEAD)
    @blp.alt_response(422, description="合作条款已更新（terms_outdated）")
    def post(self, body: dict[str, str]) -> dict[str, Any]:
        """申请续签合同，并接受现行合作条款；信用办办理后生效"""
        staff = current_staff()
        with transaction() as session:
            check_heads_partner(session, staff)
            partner = get_partner(session, staff.partner_id)
            ask_for_renewal(session, partner, asked_by=f"{staff.store_name} {staff.nickname}", now=now(), **body)
            return _affairs(session)


def _store(session: Session, store: PartnerStore) -> dict[str, object]:
    return {
        "id": store.id,
        "name": store.name,
        "state": store.state,
        "staff": sum(one.state == "active" for one in staff_at(session, store.id)),
        "own": store.id == current_staff().store_id,
    }


def _affairs(session: Session) -> dict[str, Any]:
    partner = get_partner(session, current_staff().partner_id)
    today = city_date(now())
    asked, terms = waiting_renewal(session, partner.id), terms_on(today)
    return {
        "contracts": contracts_of(session, partner.id),
        "renewal_asked_at": asked.asked_at if asked else None,
        "terms_title": terms.title,
        "terms_digest": terms.digest,
        "checks_per_minute": partner.checks_per_minute or LIMIT.most,
        "keys": all_keys_of(session, partner.id),
        "usage": usage_of(
            session, partner_id=partner.id, first=today - timedelta(days=USAGE_DAYS - 1), last=today
        ),
    }
