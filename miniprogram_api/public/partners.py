"""Becoming a partner, without an account: apply, follow it, start; and a demo city's sandbox."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.city_calendar import city_date
from backend.onboarding.errors import NotASandbox
from backend.onboarding.models import PartnerApplication
from backend.onboarding.service import (
    application_by_receipt,
    contracts_of,
    file_application,
    first_sign_in_code,
    open_sandbox,
    withdraw_application,
)
from backend.onboarding.states import STATE_NAMES
from backend.onboarding.terms import terms_on
from backend.partners.keys import read_public_key
from backend.partners.service import get_partner
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import limited, open_to_all
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint("public partners", __name__, url_prefix=f"{API_PREFIX}/public", description="合作商户入驻")

_filing = limited("partner_applications", most=20, window_seconds=3600)
_looking = limited("partner_receipts", most=60, window_seconds=900)


class Clause(Schema):
    text = fields.String(required=True)
    basis = fields.String(required=True)


class TermsResponse(Schema):
    title = fields.String(required=True)
    effective_from = fields.Date(required=True)
    clauses = fields.List(fields.Nested(Clause), required=True)
    digest = fields.String(required=True, metadata={"description": "提交申请时原样填入 terms_digest，表示接受"})


class ApplicationRequest(Schema):
    name = fields.String(required=True, validate=validate.Length(2, 60))
    public_code = fields.String(
        required=True, validate=validate.Length(18, 30), metadata={"description": "统一社会信用代码"}
    )
    kind = fields.String(load_default="merchant", validate=validate.OneOf(("merchant", "institution")))
    store_name = fields.String(
        required=True, validate=validate.Length(1, 40), metadata={"description": "首家门店"}
    )
    contact_name = fields.String(required=True, validate=validate.Length(1, 40))
    contact_phone = fields.String(required=True, validate=validate.Regexp(r"^[0-9+\- ]{7,20}$"))
    schemes = fields.List(
        fields.String(validate=validate.Length(1, 64)), required=True, validate=validate.Length(1, 50)
    )
    terms_digest = fields.String(required=True, validate=validate.Length(64, 64))
    public_key = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 4000),
        metadata={"description": "有自己的系统时填写公钥（PEM 或 JWK）；只用扫码核销页不必填"},
    )


class ReceiptRequest(Schema):
    receipt = fields.String(required=True, load_only=True, validate=validate.Length(1, 64))


class ContractResponse(Schema):
    number = fields.String(required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)


class ApplicationResponse(Schema):
    name = fields.String(required=True)
    state = fields.String(required=True)
    state_name = fields.String(required=True)
    filed_at = Moment(required=True)
    decided_at = Moment(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True, metadata={"description": "未通过的原因"})
    client_id = fields.String(required=True, allow_none=True, metadata={"description": "通过后：本单位代码"})
    contract = fields.Nested(ContractResponse, required=True, allow_none=True)


class FiledResponse(ApplicationResponse):
    receipt = fields.String(required=True, metadata={"description": "回执号，只显示这一次，凭它查询进度"})


class SignInCodeResponse(Schema):
    sign_in_code = fields.String(required=True)
    ends_at = Moment(required=True)


class SandboxRequest(Schema):
    name = fields.String(required=True, validate=validate.Length(2, 40))
    public_key = fields.String(required=True, validate=validate.Length(1, 4000))


class SandboxResponse(SignInCodeResponse):
    client_id = fields.String(required=True)
    schemes = fields.List(fields.String(), required=True)


@blp.route("/partner-terms")
class PartnerTerms(MethodView):
    @open_to_all
    @blp.response(200, TermsResponse)
    def get(self) -> object:
        """合作条款"""
        return terms_on(city_date(now()))


@blp.route("/partner-applications")
class PartnerApplications(MethodView):
    @open_to_all
    @_filing
    @idempotent
    @blp.arguments(ApplicationRequest)
    @blp.response(201, FiledResponse)
    @blp.alt_response(409, description="已是合作商户，或已有一份申请在审核")
    @blp.alt_response(422, description="代码、方案或公钥不正确，或合作条款已更新")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """申请成为合作商户；提交即接受合作条款"""
        key = body.pop("public_key")
        contact = {"name": body.pop("contact_name"), "phone": body.pop("contact_phone")}
        with transaction() as session:
            filed = file_application(
                session,
                services().keys,
                contact=contact,
                public_jwk=read_public_key(key) if key else None,
                now=now(),
                **body,
            )
            return {**_answer(session, filed.application), "receipt": filed.receipt}


@blp.route("/partner-applications/status")
class ApplicationStatus(MethodView):
    @open_to_all
    @_looking
    @blp.arguments(ReceiptRequest)
    @blp.response(200, ApplicationResponse)
    @blp.alt_response(404, description="没有找到（application_not_found）")
    def post(self, body: dict[str, str]) -> dict[str, object]:
        """凭回执号查询进度"""
        with reading() as session:
            return _answer(session, application_by_receipt(session, body["receipt"]))


@blp.route("/partner-applications/withdrawal")
class ApplicationWithdrawal(MethodView):
    @open_to_all
    @_looking
    @idempotent
    @blp.arguments(ReceiptRequest)
    @blp.response(200, ApplicationResponse)
    def post(self, body: dict[str, str]) -> dict[str, object]:
        """撤回申请"""
        with transaction() as session:
            return _answer(session, withdraw_application(session, receipt=body["receipt"], now=now()))


@blp.route("/partner-applications/sign-in-code")
class FirstSignInCode(MethodView):
    @open_to_all
    @_looking
    @idempotent
    @blp.arguments(ReceiptRequest)
    @blp.response(201, SignInCodeResponse)
    @blp.alt_response(409, description="还没有通过，或店长已经登录过")
    def post(self, body: dict[str, str]) -> dict[str, object]:
        """通过后领取店长的登录码，打开扫码核销页即可开始"""
        with transaction() as session:
            code = first_sign_in_code(session, receipt=body["receipt"], now=now())
            return {"sign_in_code": code.code, "ends_at": code.ends_at}


@blp.route("/sandbox-partners")
class SandboxPartners(MethodView):
    @open_to_all
    @_filing
    @idempotent
    @blp.arguments(SandboxRequest)
    @blp.response(201, SandboxResponse)
    @blp.alt_response(404, description="这不是演示城市")
    def post(self, body: dict[str, str]) -> dict[str, object]:
        """演示城市：用自己的公钥立即得到沙箱商户，参加全部方案"""
        if not services().config.is_demo:
            raise NotASandbox
        with transaction() as session:
            sandbox = open_sandbox(
                session, name=body["name"], public_jwk=read_public_key(body["public_key"]), now=now()
            )
            return {
                "client_id": sandbox.partner.code,
                "schemes": sandbox.schemes,
                "sign_in_code": sandbox.sign_in_code.code,
                "ends_at": sandbox.sign_in_code.ends_at,
            }


def _answer(session: Any, application: PartnerApplication) -> dict[str, object]:
    partner = get_partner(session, application.partner_id) if application.partner_id else None
    contracts = contracts_of(session, partner.id) if partner else ()
    return {
        "name": application.name,
        "state": application.state,
        "state_name": STATE_NAMES[application.state],  # type: ignore[index]
        "filed_at": application.filed_at,
        "decided_at": application.decided_at,
        "reason": application.reason,
        "client_id": partner.code if partner else None,
        "contract": contracts[0] if contracts else None,
    }
