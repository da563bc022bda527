"""The citizen's loan referrals (信易贷): sending one to a bank, and how it stands."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.authorizations.notices import SHARING_NOTICE
from backend.institutions.service import (
    OUTPUTS,
    ReferralView,
    institutions_offering,
    loan_scheme,
    referrals_of,
    send_referral,
    view_of,
)
from backend.institutions.states import STATE_NAMES
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.citizen.acting import ActingQuery, acting

blp = Blueprint(
    "citizen loan referrals", __name__, url_prefix=f"{API_PREFIX}/me/loan-referrals", description="信易贷申请"
)


class LoanReferralRequest(ActingQuery):
    scheme = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "方案代码"})
    institution = fields.String(
        required=True, validate=validate.Length(1, 64), metadata={"description": "机构代码，取自 institutions"}
    )
    days = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 3_660),
        metadata={"description": "允许对方查看多少天"},
    )
    notice_version = fields.String(required=True, validate=validate.Length(1, 64))


class LoanReferralStep(Schema):
    event = fields.String(required=True, metadata={"description": "send、apply、grant、decline"})
    at = Moment(required=True)


class LoanReferralResponse(Schema):
    id = fields.UUID(required=True)
    number = fields.String(required=True, metadata={"description": "编号，去银行时出示"})
    institution = fields.String(required=True, metadata={"description": "哪家机构"})
    scheme_code = fields.String(required=True)
    scheme_name = fields.String(required=True, metadata={"description": "方案名称"})
    summary = fields.String(required=True, metadata={"description": "对应的优惠"})
    state = fields.String(
        required=True,
        metadata={
            "description": "sent 已转给银行，applied 银行已受理，granted 已批准，declined 未批准，withdrawn 已撤回"
        },
    )
    state_name = fields.String(required=True, metadata={"description": "状态名称"})
    reason = fields.String(required=True, allow_none=True, metadata={"description": "未批准的原因，由银行填写"})
    granted_cents = fields.Integer(
        required=True, allow_none=True, metadata={"description": "批准的金额（分）；银行没有填写时为 null"}
    )
    consent_id = fields.UUID(required=True, metadata={"description": "所依据的授权，可在授权管理中撤回"})
    sent_at = Moment(required=True)
    steps = fields.List(fields.Nested(LoanReferralStep), required=True, metadata={"description": "由早到晚"})


class LoanReferralsResponse(Schema):
    items = fields.List(fields.Nested(LoanReferralResponse), required=True, metadata={"description": "新的在前"})


class LoanInstitution(Schema):
    code = fields.String(required=True, metadata={"description": "机构代码"})
    name = fields.String(required=True, metadata={"description": "机构名称"})


class LoanInstitutionsQuery(ActingQuery):
    scheme = fields.String(required=True, validate=validate.Length(1, 64))


class LoanInstitutionsResponse(Schema):
    items = fields.List(
        fields.Nested(LoanInstitution), required=True, metadata={"description": "可以转给哪些机构"}
    )
    output = fields.String(required=True, metadata={"description": "对方得知什么"})
    notice_version = fields.String(required=True, metadata={"description": "转交时填写"})
    notice = fields.List(fields.String(), required=True, metadata={"description": "告知书各段"})


@blp.route("")
class MyLoanReferrals(MethodView):
    @signed_in_citizen
    @blp.arguments(ActingQuery, location="query")
    @blp.response(200, LoanReferralsResponse)
    @blp.alt_response(403, description="不是该企业的现任法定代表人（not_legal_representative）")
    def get(self, query: dict[str, str | None]) -> dict[str, object]:
        """我或我所代表的企业转给银行的贷款申请和办理情况"""
        with reading() as session:
            mine = acting(session, query["enterprise"]).subject
            return {"items": [_answer(view) for view in referrals_of(session, mine.id)]}

    @signed_in_citizen
    @idempotent
    @blp.arguments(LoanReferralRequest)
    @blp.response(201, LoanReferralResponse)
    @blp.alt_response(403, description="不是该企业的现任法定代表人（not_legal_representative）")
    @blp.alt_response(404, description="没有这个方案或机构")
    @blp.alt_response(
        409, description="已有一件正在办理（referral_already_open）；告知书已更新（notice_outdated）"
    )
    @blp.alt_response(422, description="不符合条件（not_entitled_to_loan）等")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """把贷款申请转给银行，并授权其得知对应的优惠；可随时撤回"""
        with transaction() as session:
            referral = send_referral(
                session,
                acting=acting(session, body["enterprise"]),
                scheme_code=body["scheme"],
                partner_code=body["institution"],
                days=body["days"],
                notice_version=body["notice_version"],
                evidence={"screen": "loan", "client": request.headers.get("User-Agent", "")[:200]},
                now=now(),
            )
            return _answer(view_of(session, referral))


@blp.route("/institutions")
class LoanInstitutions(MethodView):
    @signed_in_citizen
    @blp.arguments(LoanInstitutionsQuery, location="query")
    @blp.response(200, LoanInstitutionsResponse)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """一个信易贷方案可以转给哪些机构，对方会得知什么；不是信易贷，或不面向本人（或所填企业）时为空"""
        with reading() as session:
            scheme = loan_scheme(session, query["scheme"], now=now())
            fits = scheme is not None and (scheme.audience == "enterprise") == (query["enterprise"] is not None)
            return {
                "items": institutions_offering(session, query["scheme"], now=now()) if fits else [],
                "output": OUTPUTS["person" if query["enterprise"] is None else "enterprise"],
                "notice_version": SHARING_NOTICE.version,
                "notice": SHARING_NOTICE.paragraphs,
            }


def _answer(view: ReferralView) -> dict[str, object]:
    referral = view.referral
    return {
        "id": referral.id,
        "number": referral.number,
        "institution": view.institution,
        "scheme_code": referral.scheme_code,
        "scheme_name": referral.scheme_name,
        "summary": referral.terms["summary"],
        "state": view.state,
        "state_name": STATE_NAMES[view.state],
        "reason": referral.reason,
        "granted_cents": referral.granted_cents,
        "consent_id": referral.consent_id,
        "sent_at": referral.sent_at,
        "steps": [{"event": event.event, "at": event.at} for event in view.events],
    }
