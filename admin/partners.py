"""Officers look after partners: applications, contracts, keys, stores, schemes, quotas, usage and webhooks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.authorizations.proposals import ByOfficer, check_key_alone
from backend.authorizations.tokens import revoke_tokens_of_partner
from backend.benefits.schemes import enrol_provider, schemes_offered_by, withdraw_provider
from backend.benefits.usage import usage_of
from backend.city_calendar import city_date
from backend.onboarding.models import PartnerApplication
from backend.onboarding.service import (
    application_queue,
    approve_application,
    contact_of,
    contracts_of,
    get_application,
    reject_application,
    renew_contract,
    waiting_renewal,
)
from backend.onboarding.states import STATE_NAMES
from backend.partners.keys import read_public_key
from backend.partners.models import Partner, PartnerEventCause, PartnerEventName, PartnerStaff, PartnerStore
from backend.partners.service import (
    add_key,
    all_keys_of,
    all_partners,
    events_of,
    find_partner,
    reinstate_partner,
    revoke_key,
    set_quota,
    suspend_partner,
)
from backend.partners.staff import (
    SignInCode,
    add_staff,
    close_store,
    get_staff,
    get_store,
    issue_sign_in_code,
    open_store,
    reinstate_staff,
    reopen_store,
    staff_at,
    stores_of,
    suspend_staff,
)
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import current_officer, signed_in_officer
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import PageQuery, PlaceField, moment_of, page_of, page_schema, place
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.service import deliveries_of, endpoints_of, resend

blp = Blueprint("officer partners", __name__, url_prefix=f"{API_PREFIX}/admin", description="合作商户")

_MAY_READ = ("score_officer", "reviewer", "auditor")
_MAY_ACT = ("score_officer",)
_USAGE_DAYS = 30
_NAME = validate.Length(1, 40)


class PartnerApplicationQuery(PageQuery):
    cursor = PlaceField(moment_of)
    state = fields.String(load_default="open", validate=validate.OneOf(("open", "all")))


class ApplicationLine(Schema):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    state_name = fields.String(required=True)
    filed_at = Moment(required=True)


class ApplicationInFull(ApplicationLine):
    public_code = fields.String(required=True)
    store_name = fields.String(required=True)
    contact_name = fields.String(required=True)
    contact_phone = fields.String(required=True)
    schemes = fields.List(fields.String(), required=True)
    has_key = fields.Boolean(required=True, metadata={"description": "交了公钥，要用接口"})
    terms_from = fields.Date(required=True, metadata={"description": "接受的合作条款的施行日期"})
    terms_digest = fields.String(required=True)
    decided_by = fields.String(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    partner = fields.String(required=True, allow_none=True)


class ContractRequest(Schema):
    contract_number = fields.String(required=True, validate=_NAME)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True, metadata={"description": "最后一天，含"})


class Approval(ContractRequest):
    code = fields.String(required=True, validate=_NAME, metadata={"description": "商户代码，即 client_id"})
    schemes = fields.List(fields.String(validate=validate.Length(1, 64)), required=True)


class Rejection(Schema):
    reason = fields.String(required=True, validate=validate.Length(5, 500))


class PartnerLine(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    registered_at = Moment(required=True)
    contract_ends_on = fields.Date(required=True, allow_none=True)
    schemes = fields.Integer(required=True)


class PartnerLines(Schema):
    items = fields.List(fields.Nested(PartnerLine), required=True)


class StaffLine(Schema):
    id = fields.UUID(required=True)
    nickname = fields.String(required=True)
    role = fields.String(required=True)
    state = fields.String(required=True)


class StoreLine(Schema):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    state = fields.String(required=True)
    staff = fields.List(fields.Nested(StaffLine), required=True)


class KeyLine(Schema):
    kid = fields.String(required=True)
    state = fields.String(required=True)
    added_at = Moment(required=True)
    revoked_at = Moment(required=True, allow_none=True)


class ContractLine(Schema):
    number = fields.String(required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)
    terms_from = fields.Date(required=True)
    terms_digest = fields.String(required=True)
    countersigned_by = fields.String(required=True)
    countersigned_at = Moment(required=True)


class UsageLine(Schema):
    day = fields.Date(required=True)
    scheme_code = fields.String(required=True)
    store = fields.String(required=True)
    checks = fields.Integer(required=True)
    eligible = fields.Integer(required=True)
    redemptions = fields.Integer(required=True)
    cancellations = fields.Integer(required=True)


class OfferedLine(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)


class RenewalLine(Schema):
    asked_by = fields.String(required=True, metadata={"description": "店里的称呼"})
    asked_at = Moment(required=True)
    terms_from = fields.Date(required=True, metadata={"description": "接受的合作条款的施行日期"})


class PartnerEventLine(Schema):
    event = fields.String(required=True, validate=validate.OneOf(get_args(PartnerEventName)))
    cause = fields.String(
        required=True,
        validate=validate.OneOf(get_args(PartnerEventCause)),
        metadata={"description": "decided 工作人员决定，contract_ended 合同期满，contract_renewed 合同续签"},
    )
    at = Moment(required=True)
    actor = fields.String(required=True, metadata={"description": "工作人员姓名；system 为系统自动"})


class PartnerInFull(PartnerLine):
    events = fields.List(
        fields.Nested(PartnerEventLine), required=True, metadata={"description": "停用和恢复的经过，新的在前"}
    )
    renewal = fields.Nested(
        RenewalLine, required=True, allow_none=True, metadata={"description": "等待办理的续签申请"}
    )
    schemes = fields.List(fields.Nested(OfferedLine), required=True)
    public_code = fields.String(required=True, allow_none=True)
    checks_per_minute = fields.Integer(required=True, allow_none=True)
    contracts = fields.List(fields.Nested(ContractLine), required=True)
    keys = fields.List(fields.Nested(KeyLine), required=True)
    stores = fields.List(fields.Nested(StoreLine), required=True)
    webhooks = fields.List(fields.String(), required=True, metadata={"description": "回调地址"})
    usage = fields.List(fields.Nested(UsageLine), required=True, metadata={"description": "近 30 天"})


class KeyRequest(Schema):
    public_key = fields.String(required=True, validate=validate.Length(1, 4000))


class StoreRequest(Schema):
    name = fields.String(required=True, validate=_NAME)


class StaffRequest(Schema):
    nickname = fields.String(required=True, validate=validate.Length(1, 20))
    role = fields.String(load_default="manager", validate=validate.OneOf(("manager", "cashier")))


class StaffWithCode(StaffLine):
    sign_in_code = fields.String(required=True, metadata={"description": "只显示这一次；24 小时内用一次"})
    sign_in_code_ends_at = Moment(required=True)


class SchemeRequest(Schema):
    scheme = fields.String(required=True, validate=validate.Length(1, 64))


class QuotaRequest(Schema):
    checks_per_minute = fields.Integer(
        required=True, allow_none=True, strict=True, validate=validate.Range(1, 100_000)
    )


class PartnerDeliveryQuery(PageQuery):
    cursor = PlaceField(moment_of)
    state = fields.String(load_default=None, validate=validate.OneOf(("waiting", "delivered", "failed")))


class WebhookDeliveryLine(Schema):
    id = fields.UUID(required=True)
    event_id = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    attempts = fields.Integer(required=True)
    created_at = Moment(required=True)
    last_status = fields.Integer(required=True, allow_none=True)
    last_error = fields.String(required=True, allow_none=True)
    delivered_at = Moment(required=True, allow_none=True)


@blp.route("/partner-applications")
class Applications(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(PartnerApplicationQuery, location="query")
    @blp.response(200, page_schema(ApplicationLine))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """入驻申请，先提交的在前"""
        with reading() as session:
            found = application_queue(
                session, only_open=query["state"] == "open", after=query["cursor"], limit=query["limit"] + 1
            )
            page = page_of(found, query["limit"], lambda one: place(one.filed_at, one.id))
            return {**page, "items": [_line(one) for one in found[: query["limit"]]]}


@blp.route("/partner-applications/<uuid:application_id>")
class OneApplication(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.response(200, ApplicationInFull)
    def get(self, application_id: UUID) -> dict[str, object]:
        """一份入驻申请，含联系人"""
        with reading() as session:
            return _application(session, get_application(session, application_id))


@blp.route("/partner-applications/<uuid:application_id>/approval")
class ApplicationApproval(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(Approval)
    @blp.response(200, ApplicationInFull)
    def post(self, body: dict[str, Any], application_id: UUID) -> dict[str, object]:
        """通过并签署合同：商户、合同、方案、首家门店和店长一并建立；机构所附公钥待另一位工作人员复核"""
        with transaction() as session:
            return _application(
                session,
                approve_application(session, application_id=application_id, by=_me(), now=now(), **body),
            )


@blp.route("/partner-applications/<uuid:application_id>/rejection")
class ApplicationRejection(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(Rejection)
    @blp.response(200, ApplicationInFull)
    def post(self, body: dict[str, str], application_id: UUID) -> dict[str, object]:
        """不通过，写明原因；申请人凭回执号看到"""
        with transaction() as session:
            return _application(
                session,
                reject_application(
                    session, application_id=application_id, officer=current_officer().name, now=now(), **body
                ),
            )


@blp.route("/partners")
class Partners(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.response(200, PartnerLines)
    def get(self) -> dict[str, object]:
        """全部合作商户"""
        with reading() as session:
            return {"items": [_partner_line(session, one) for one in all_partners(session)]}


@blp.route("/partners/<string:code>")
class OnePartner(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.response(200, PartnerInFull)
    def get(self, code: str) -> dict[str, object]:
        """一个合作商户：合同、方案、公钥、门店店员、回调和近 30 天用量"""
        with reading() as session:
            return _partner(session, find_partner(session, code))


@blp.route("/partners/<string:code>/suspension")
class PartnerSuspension(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(200, PartnerInFull)
    def post(self, code: str) -> dict[str, object]:
        """停用，令牌和店员手机立即失效"""
        with transaction() as session:
            partner = find_partner(session, code)
            suspend_partner(session, partner, by=current_officer().name, now=now())
            return _partner(session, partner)

    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(200, PartnerInFull)
    def delete(self, code: str) -> dict[str, object]:
        """恢复"""
        with transaction() as session:
            partner = find_partner(session, code)
            reinstate_partner(session, partner, by=current_officer().name, now=now())
            return _partner(session, partner)


@blp.route("/partners/<string:code>/contracts")
class PartnerContracts(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(ContractRequest)
    @blp.response(201, PartnerInFull)
    def post(self, body: dict[str, Any], code: str) -> dict[str, object]:
        """续签合同（按现行合作条款）；因合同期满停用的，从新合同第一天起恢复"""
        with transaction() as session:
            partner = find_partner(session, code)
            renew_contract(
                session,
                partner,
                number=body["contract_number"],
                starts_on=body["starts_on"],
                ends_on=body["ends_on"],
                officer=current_officer().name,
                now=now(),
            )
            return _partner(session, partner)


@blp.route("/partners/<string:code>/schemes")
class PartnerSchemes(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(SchemeRequest)
    @blp.response(201, PartnerInFull)
    def post(self, body: dict[str, str], code: str) -> dict[str, object]:
        """让商户参加一个方案"""
        with transaction() as session:
            partner = find_partner(session, code)
            enrol_provider(session, scheme_code=body["scheme"], partner=partner, now=now())
            return _partner(session, partner)


@blp.route("/partners/<string:code>/schemes/<string:scheme>")
class PartnerScheme(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(200, PartnerInFull)
    def delete(self, code: str, scheme: str) -> dict[str, object]:
        """退出一个方案，立即生效"""
        with transaction() as session:
            partner = find_partner(session, code)
            withdraw_provider(session, scheme_code=scheme, partner=partner)
            return _partner(session, partner)


@blp.route("/partners/<string:code>/quota")
class PartnerQuota(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(QuotaRequest)
    @blp.response(200, PartnerInFull)
    def post(self, body: dict[str, int | None], code: str) -> dict[str, object]:
        """每分钟核验的配额；null 为通常的 3000 次"""
        with transaction() as session:
            partner = find_partner(session, code)
            set_quota(partner, checks_per_minute=body["checks_per_minute"])
            return _partner(session, partner)


@blp.route("/partners/<string:code>/keys")
class PartnerKeys(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(KeyRequest)
    @blp.response(201, PartnerInFull)
    @blp.alt_response(409, description="机构的公钥须由另一位工作人员复核（key_needs_second_person）")
    def post(self, body: dict[str, str], code: str) -> dict[str, object]:
        """登记公钥（PEM 或 JWK），与旧的并存；机构的在 access/keys 提出"""
        with transaction() as session:
            partner = find_partner(session, code)
            check_key_alone(partner)
            add_key(session, partner, public_jwk=read_public_key(body["public_key"]), now=now())
            return _partner(session, partner)


@blp.route("/partners/<string:code>/keys/<string:kid>")
class OnePartnerKey(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(200, PartnerInFull)
    def delete(self, code: str, kid: str) -> dict[str, object]:
        """停用公钥，已发出的令牌全部作废"""
        with transaction() as session:
            partner = find_partner(session, code)
            revoke_key(session, partner, kid=kid, now=now())
            revoke_tokens_of_partner(session, partner.id, now=now())
            return _partner(session, partner)


@blp.route("/partners/<string:code>/stores")
class PartnerStores(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(StoreRequest)
    @blp.response(201, PartnerInFull)
    def post(self, body: dict[str, str], code: str) -> dict[str, object]:
        """新开门店"""
        with transaction() as session:
            partner = find_partner(session, code)
            open_store(session, partner, name=body["name"], now=now())
            return _partner(session, partner)


@blp.route("/partners/<string:code>/stores/<uuid:store_id>")
class OneStore(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(200, PartnerInFull)
    def delete(self, code: str, store_id: UUID) -> dict[str, object]:
        """关闭门店，店员手机立即退出"""
        with transaction() as session:
            partner = find_partner(session, code)
            close_store(session, store_id, partner_id=partner.id)
            return _partner(session, partner)


@blp.route("/partners/<string:code>/stores/<uuid:store_id>/opening")
class StoreOpening(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(200, PartnerInFull)
    def post(self, code: str, store_id: UUID) -> dict[str, object]:
        """重新开放已关闭的门店"""
        with transaction() as session:
            partner = find_partner(session, code)
            reopen_store(session, store_id, partner_id=partner.id)
            return _partner(session, partner)


@blp.route("/partners/<string:code>/stores/<uuid:store_id>/staff")
class StoreStaff(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.arguments(StaffRequest)
    @blp.response(201, StaffWithCode)
    def post(self, body: dict[str, Any], code: str, store_id: UUID) -> dict[str, object]:
        """增加店长或店员，得到其手机的登录码"""
        with transaction() as session:
            partner = find_partner(session, code)
            store = get_store(session, store_id, partner_id=partner.id)
            return _with_code(*add_staff(session, store, now=now(), **body))


@blp.route("/partners/<string:code>/staff/<uuid:staff_id>/sign-in-code")
class StaffSignInCode(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(201, StaffWithCode)
    def post(self, code: str, staff_id: UUID) -> dict[str, object]:
        """重新发登录码"""
        with transaction() as session:
            staff = get_staff(session, staff_id, partner_id=find_partner(session, code).id)
            return _with_code(staff, issue_sign_in_code(session, staff, now=now()))


@blp.route("/partners/<string:code>/staff/<uuid:staff_id>")
class OneStaff(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(200, PartnerInFull)
    def delete(self, code: str, staff_id: UUID) -> dict[str, object]:
        """停用店员，其手机立即退出"""
        with transaction() as session:
            partner = find_partner(session, code)
            suspend_staff(session, get_staff(session, staff_id, partner_id=partner.id), now=now())
            return _partner(session, partner)


@blp.route("/partners/<string:code>/staff/<uuid:staff_id>/reinstatement")
class StaffReinstatement(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(200, PartnerInFull)
    def post(self, code: str, staff_id: UUID) -> dict[str, object]:
        """恢复店员；再发登录码后可以使用"""
        with transaction() as session:
            partner = find_partner(session, code)
            reinstate_staff(get_staff(session, staff_id, partner_id=partner.id))
            return _partner(session, partner)


@blp.route("/partners/<string:code>/webhook-deliveries")
class PartnerDeliveries(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(PartnerDeliveryQuery, location="query")
    @blp.response(200, page_schema(WebhookDeliveryLine))
    def get(self, query: dict[str, Any], code: str) -> dict[str, object]:
        """发给商户的回调，新的在前"""
        with reading() as session:
            partner = find_partner(session, code)
            found = deliveries_of(
                session, partner.id, state=query["state"], before=query["cursor"], limit=query["limit"] + 1
            )
            page = page_of(found, query["limit"], lambda one: place(one.created_at, one.id))
            return {**page, "items": found[: query["limit"]]}


@blp.route("/partners/<string:code>/webhook-deliveries/<uuid:delivery_id>/resending")
class PartnerResending(MethodView):
    @signed_in_officer(*_MAY_ACT)
    @idempotent
    @blp.response(200, WebhookDeliveryLine)
    def post(self, code: str, delivery_id: UUID) -> WebhookDelivery:
        """重新发送一次回调"""
        with transaction() as session:
            return resend(session, delivery_id, partner_id=find_partner(session, code).id, now=now())


def _me() -> ByOfficer:
    officer = current_officer()
    return ByOfficer(str(officer.officer_id), officer.name)


def _line(one: PartnerApplication) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "state": one.state,
        "state_name": STATE_NAMES[one.state],  # type: ignore[index]
        "filed_at": one.filed_at,
    }


def _application(session: Session, one: PartnerApplication) -> dict[str, object]:
    contact = contact_of(one, services().keys)
    partner = session.get(Partner, one.partner_id) if one.partner_id else None
    return {
        **_line(one),
        "public_code": one.public_code,
        "store_name": one.store_name,
        "contact_name": contact["name"],
        "contact_phone": contact["phone"],
        "schemes": one.schemes,
        "has_key": one.public_jwk is not None,
        "terms_from": one.terms_from,
        "terms_digest": one.terms_digest,
        "decided_by": one.decided_by,
        "decided_at": one.decided_at,
        "reason": one.reason,
        "partner": partner.code if partner else None,
    }


def _partner_line(session: Session, one: Partner) -> dict[str, Any]:
    contracts = contracts_of(session, one.id)
    return {
        "code": one.code,
        "name": one.name,
        "kind": one.kind,
        "state": one.state,
        "registered_at": one.registered_at,
        "contract_ends_on": contracts[0].ends_on if contracts else None,
        "schemes": len(schemes_offered_by(session, one.id, city_date(now()))),
    }


def _partner(session: Session, one: Partner) -> dict[str, object]:
    today = city_date(now())
    offered = schemes_offered_by(session, one.id, today)
    return {
        **_partner_line(session, one),
        "schemes": [{"code": scheme.rules.code, "name": scheme.rules.name} for scheme in offered],
        "public_code": one.public_code,
        "checks_per_minute": one.checks_per_minute,
        "contracts": contracts_of(session, one.id),
        "events": events_of(session, one.id),
        "renewal": waiting_renewal(session, one.id),
        "keys": all_keys_of(session, one.id),
        "stores": [_store(session, store) for store in stores_of(session, one.id)],
        "webhooks": [endpoint.url for endpoint in endpoints_of(session, one.id)],
        "usage": usage_of(session, partner_id=one.id, first=today - timedelta(days=_USAGE_DAYS - 1), last=today),
    }


def _store(session: Session, store: PartnerStore) -> dict[str, object]:
    return {
        "id": store.id,
        "name": store.name,
        "state": store.state,
        "staff": staff_at(session, store.id),
    }


def _with_code(staff: PartnerStaff, code: SignInCode) -> dict[str, object]:
    return {
        "id": staff.id,
        "nickname": staff.nickname,
        "role": staff.role,
        "state": staff.state,
        "sign_in_code": code.code,
        "sign_in_code_ends_at": code.ends_at,
    }
