"""What an institution reads on a citizen's consent, and the loan referrals sent to it."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.institutions.disclosure import (
    disclose_grade,
    disclose_report,
    disclose_score,
)
from backend.institutions.models import LoanReferral
from backend.institutions.service import answer_referral, read_referral, referrals_to
from backend.institutions.states import STATE_NAMES
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import limited
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from miniprogram_api.partner.access import current_partner, partner_token

blp = Blueprint(
    "institution",
    __name__,
    url_prefix=f"{API_PREFIX}/institution",
    description="机构依市民或企业的授权查询",
)
referrals = Blueprint(
    "institution referrals",
    __name__,
    url_prefix=f"{API_PREFIX}/institution/referrals",
    description="市民或企业转来的贷款申请",
)

_ENDED = "授权已结束、暂停或次数用完（consent_not_usable），或令牌没有这项权限（scope_missing）"
MOST_LISTED = 200


class DisclosedIdentity(Schema):
    kind = fields.String(required=True, metadata={"description": "person 自然人，enterprise 企业"})
    masked_name = fields.String(
        required=True, metadata={"description": "部分隐去的姓名，用于核对是否本单位的客户；企业为全称"}
    )
    masked_identifier = fields.String(
        required=True, metadata={"description": "部分隐去的证件号码；企业为统一社会信用代码"}
    )


class DisclosedGradeResponse(Schema):
    subject = fields.Nested(DisclosedIdentity, required=True)
    grade = fields.String(required=True, metadata={"description": "等级代码"})
    grade_name = fields.String(required=True, metadata={"description": "等级名称"})
    policy = fields.String(required=True, metadata={"description": "评分方案及版本"})
    as_of = fields.Date(required=True, metadata={"description": "计算日期"})


class DisclosedScoreResponse(Schema):
    subject = fields.Nested(DisclosedIdentity, required=True)
    total = fields.Integer(required=True, metadata={"description": "信用分，百分之一分"})
    minimum = fields.Integer(required=True, metadata={"description": "最低可能，百分之一分"})
    maximum = fields.Integer(required=True, metadata={"description": "最高可能，百分之一分"})
    policy = fields.String(required=True, metadata={"description": "评分方案及版本"})
    as_of = fields.Date(required=True, metadata={"description": "计算日期"})


class DisclosedRecord(Schema):
    title = fields.String(required=True, metadata={"description": "事项"})
    event_on = fields.String(required=True, metadata={"description": "发生日期"})
    ended_on = fields.String(required=True, metadata={"description": "终止日期；没有时为空"})
    performed_on = fields.String(required=True, metadata={"description": "履行日期；没有时为空"})
    level = fields.String(required=True, metadata={"description": "等次；没有时为空"})
    quantity = fields.String(required=True, metadata={"description": "数量及单位；没有时为空"})
    amount = fields.String(required=True, metadata={"description": "金额；没有时为空"})
    source = fields.String(required=True, metadata={"description": "数源单位"})
    disputed = fields.Boolean(required=True, metadata={"description": "本人有异议，正在核查"})
    statements = fields.List(fields.String(), required=True, metadata={"description": "本人的说明"})


class DisclosedSection(Schema):
    code = fields.String(required=True, metadata={"description": "类别代码"})
    name = fields.String(required=True, metadata={"description": "类别名称"})
    polarity_name = fields.String(required=True, metadata={"description": "守信、失信、登记"})
    legal_basis = fields.String(required=True, metadata={"description": "归集依据"})
    records = fields.List(fields.Nested(DisclosedRecord), required=True, metadata={"description": "新的在前"})


class DisclosedReportResponse(Schema):
    subject = fields.Nested(DisclosedIdentity, required=True)
    sections = fields.List(fields.Nested(DisclosedSection), required=True, metadata={"description": "按类别"})
    as_of = fields.Date(required=True, metadata={"description": "截至日期"})


class ReferralLine(Schema):
    number = fields.String(required=True, metadata={"description": "编号，市民会出示"})
    scheme_code = fields.String(required=True, metadata={"description": "方案代码"})
    scheme_name = fields.String(required=True, metadata={"description": "方案名称"})
    state = fields.String(
        required=True, metadata={"description": "sent 已转来，applied 已受理，granted 已批准，declined 未批准"}
    )
    state_name = fields.String(required=True, metadata={"description": "状态名称"})
    sent_at = Moment(required=True, metadata={"description": "转来时刻（UTC）"})


class ReferralLines(Schema):
    items = fields.List(
        fields.Nested(ReferralLine), required=True, metadata={"description": f"新的在前，最多 {MOST_LISTED} 件"}
    )


class ReferralResponse(ReferralLine):
    terms = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "转来时对应的优惠；金额单位为分"}
    )


class ReferralAnswerRequest(Schema):
    event = fields.String(
        required=True,
        validate=validate.OneOf(("apply", "grant", "decline")),
        metadata={"description": "apply 受理，grant 批准，decline 未批准"},
    )
    reason = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(2, 300),
        metadata={"description": "未批准的原因，市民会看到；decline 时必填"},
    )
    granted_cents = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 10**12),
        metadata={"description": "批准的金额（分），可不填"},
    )


@blp.route("/grade")
class Grade(MethodView):
    @partner_token("grade:read")
    @limited("institution_reads", most=600, window_seconds=60)
    @blp.response(200, DisclosedGradeResponse)
    @blp.alt_response(403, description=_ENDED)
    @blp.alt_response(404, description="还没有信用分（no_score_yet）")
    def get(self) -> object:
        """授权人的信用等级，或其所代表企业的综合评价等级；每次查询记入其台账"""
        with transaction() as session:
            return disclose_grade(session, services().keys, current_partner(), now())


@blp.route("/score")
class Score(MethodView):
    @partner_token("score:read")
    @limited("institution_reads", most=600, window_seconds=60)
    @blp.response(200, DisclosedScoreResponse)
    @blp.alt_response(403, description=_ENDED)
    @blp.alt_response(404, description="还没有信用分（no_score_yet）")
    def get(self) -> object:
        """授权人的信用分总分；每次查询记入其台账"""
        with transaction() as session:
            return disclose_score(session, services().keys, current_partner(), now())


@blp.route("/report")
class Report(MethodView):
    @partner_token("report:read")
    @limited("institution_reads", most=600, window_seconds=60)
    @blp.response(200, DisclosedReportResponse)
    @blp.alt_response(403, description=_ENDED)
    def get(self) -> object:
        """授权人或其所代表企业的信用报告（不含分数和等级）；每次查询记入其台账"""
        with transaction() as session:
            return disclose_report(session, services().keys, current_partner(), now())


@referrals.route("")
class Referrals(MethodView):
    @partner_token("referral:read")
    @referrals.response(200, ReferralLines)
    def get(self) -> dict[str, object]:
        """转给本单位的贷款申请：编号和状态，不含是谁；已撤回的不在内"""
        with reading() as session:
            found = referrals_to(session, current_partner().partner_id, most=MOST_LISTED)
            return {"items": [_line(referral) for referral in found]}


@referrals.route("/<string(maxlength=32):number>")
class Referral(MethodView):
    @partner_token("referral:read")
    @referrals.response(200, ReferralResponse)
    @referrals.alt_response(403, description="市民已撤回（consent_not_usable）")
    @referrals.alt_response(404, description="没有这件申请（referral_not_found）")
    def get(self, number: str) -> dict[str, object]:
        """一件贷款申请对应的优惠；每次查看记入市民的台账"""
        with transaction() as session:
            referral = read_referral(session, current_partner(), number, now())
            return {**_line(referral), "terms": referral.terms}


@referrals.route("/<string(maxlength=32):number>/answers")
class ReferralAnswers(MethodView):
    @partner_token("referral:report")
    @idempotent
    @referrals.arguments(ReferralAnswerRequest)
    @referrals.response(200, ReferralLine)
    @referrals.alt_response(403, description="市民已撤回（consent_not_usable）")
    @referrals.alt_response(404, description="没有这件申请（referral_not_found）")
    @referrals.alt_response(409, description="当前状态不能这样办理（referral_state_forbids）")
    @referrals.alt_response(422, description="没有写明原因（decline_reason_missing）")
    def post(self, body: dict[str, Any], number: str) -> dict[str, object]:
        """反馈办理情况：受理、批准或未批准；市民立即看到"""
        with transaction() as session:
            return _line(answer_referral(session, current_partner(), number, now=now(), **body))


def _line(referral: LoanReferral) -> dict[str, object]:
    return {
        "number": referral.number,
        "scheme_code": referral.scheme_code,
        "scheme_name": referral.scheme_name,
        "state": referral.state,
        "state_name": STATE_NAMES[referral.state],  # type: ignore[index]
        "sent_at": referral.sent_at,
    }
