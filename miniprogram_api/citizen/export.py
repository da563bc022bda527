"""The citizen takes all their data along: as JSON with a documented schema, or as a PDF to read."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from backend.exports.service import export_of, readable_export
from backend.web import API_PREFIX
from backend.web.attachments import attachment
from backend.web.context import now, reading, services
from backend.web.guards import current_subject_id, limited, signed_in_citizen
from backend.web.joint_incentives import DeedResponse
from backend.web.moments import Moment

blp = Blueprint("citizen export", __name__, url_prefix=API_PREFIX, description="导出我的数据")


class ExportedCode(Schema):
    scheme = fields.String(required=True, metadata={"description": "旧号码的种类，如 citizen_15"})
    valid_from = fields.Date(required=True, allow_none=True)
    valid_to = fields.Date(required=True, allow_none=True)


class ExportedEnterprise(Schema):
    code = fields.String(required=True, metadata={"description": "统一社会信用代码"})
    name = fields.String(required=True)


class ExportedChange(Schema):
    changed_at = Moment(required=True)
    before = fields.Dict(required=True, metadata={"description": "登记册此前的内容，按栏目"})


class ExportedIdentity(Schema):
    name = fields.String(required=True, metadata={"description": "姓名（完整）"})
    identifier = fields.String(required=True, metadata={"description": "公民身份号码（完整）"})
    born_on = fields.Date(required=True, allow_none=True)
    district = fields.String(required=True, metadata={"description": "区划"})
    status = fields.String(required=True)
    registered_on = fields.Date(required=True, allow_none=True)
    other_codes = fields.List(fields.Nested(ExportedCode), required=True)
    changes = fields.List(fields.Nested(ExportedChange), required=True)
    enterprises_represented = fields.List(fields.Nested(ExportedEnterprise), required=True)


class ExportedVersion(Schema):
    version = fields.Integer(required=True)
    state = fields.String(required=True)
    changed_at = Moment(required=True)
    changed_by = fields.String(required=True)
    reason = fields.String(required=True)
    facts = fields.Dict(required=True, metadata={"description": "这一版的内容"})


class ExportedRecord(Schema):
    id = fields.Integer(required=True)
    category = fields.String(required=True)
    category_name = fields.String(required=True)
    legal_basis = fields.String(required=True)
    title = fields.String(required=True)
    event_on = fields.Date(required=True)
    ended_on = fields.Date(required=True, allow_none=True)
    performed_on = fields.Date(required=True, allow_none=True)
    level_name = fields.String(required=True, allow_none=True)
    quantity = fields.Integer(required=True, metadata={"description": "unit 的百分之一"})
    unit = fields.String(required=True)
    amount = fields.Integer(required=True, metadata={"description": "分"})
    state = fields.String(required=True)
    source_department = fields.String(required=True)
    content = fields.Dict(required=True)
    versions = fields.List(fields.Nested(ExportedVersion), required=True, metadata={"description": "由早到晚"})


class ExportedContribution(Schema):
    indicator = fields.String(required=True)
    name = fields.String(required=True)
    points = fields.Integer(required=True, metadata={"description": "百分之一分"})


class ExportedScore(Schema):
    total = fields.Integer(required=True, metadata={"description": "百分之一分；等于 base 与各项 points 之和"})
    base = fields.Integer(required=True)
    grade = fields.String(required=True)
    policy = fields.String(required=True)
    policy_version = fields.String(required=True)
    as_of = fields.Date(required=True)
    computed_at = Moment(required=True)
    cause = fields.String(required=True)
    contributions = fields.List(fields.Nested(ExportedContribution), required=True)


class ExportedEvent(Schema):
    event = fields.String(required=True)
    at = Moment(required=True)
    actor = fields.String(required=True)
    detail = fields.Dict(required=True, metadata={"description": "这一步说明了什么"})


class ExportedEvidence(Schema):
    id = fields.UUID(
        required=True,
        metadata={
            "description": "文件用它从 /me/evidence/… 下载；数源单位附的从 /me/objections/…/evidence/… 下载"
        },
    )
    case = fields.String(required=True, allow_none=True)
    filename = fields.String(required=True)
    media_type = fields.String(required=True)
    size = fields.Integer(required=True)
    uploaded_at = Moment(required=True)


class ExportedObjection(Schema):
    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    record_id = fields.Integer(required=True, allow_none=True)
    grounds = fields.String(required=True)
    state = fields.String(required=True)
    filed_at = Moment(required=True)
    scheme = fields.String(required=True, allow_none=True, metadata={"description": "未获准的权益方案"})
    answer_due_on = fields.Date(required=True)
    department = fields.String(required=True, allow_none=True, metadata={"description": "核查的数源单位"})
    decided_at = Moment(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    reply = fields.String(required=True, allow_none=True)
    redirected_to = fields.String(required=True, allow_none=True, metadata={"description": "移送的机构"})
    statement = fields.String(required=True, allow_none=True)
    department_evidence = fields.List(
        fields.Nested(ExportedEvidence), required=True, metadata={"description": "数源单位答复时附的材料"}
    )
    events = fields.List(fields.Nested(ExportedEvent), required=True)


class ExportedRepair(Schema):
    id = fields.UUID(required=True)
    records = fields.List(fields.Integer(), required=True, metadata={"description": "记录编号"})
    department = fields.String(required=True)
    rule = fields.String(required=True, metadata={"description": "适用的修复规则版本"})
    explanation = fields.String(required=True)
    state = fields.String(required=True)
    drafted_at = Moment(required=True)
    filed_at = Moment(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    reply = fields.String(required=True, allow_none=True)
    events = fields.List(fields.Nested(ExportedEvent), required=True)


class ExportedSupplement(Schema):
    id = fields.UUID(required=True)
    category = fields.String(required=True)
    cells = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    department = fields.String(required=True)
    state = fields.String(required=True)
    filed_at = Moment(required=True)
    decided_at = Moment(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    reply = fields.String(required=True, allow_none=True)
    record_id = fields.Integer(required=True, allow_none=True)
    events = fields.List(fields.Nested(ExportedEvent), required=True)


class ExportedCommitment(Schema):
    code = fields.String(required=True)
    type = fields.String(required=True)
    matter = fields.String(required=True)
    text = fields.String(required=True)
    liability = fields.String(required=True, metadata={"description": "违诺责任"})
    accepted_by = fields.String(required=True)
    signed_by = fields.String(required=True)
    signed_at = Moment(required=True)
    due_on = fields.Date(required=True, allow_none=True)
    state = fields.String(required=True)
    decided_at = Moment(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    finding = fields.String(required=True, allow_none=True)
    record_id = fields.Integer(required=True, allow_none=True)


class ExportedComplaint(Schema):
    about = fields.String(
        required=True, metadata={"description": "ledger:编号（谁查了我）或 check:编号（商户核验）"}
    )
    what = fields.String(required=True)
    state = fields.String(required=True)
    filed_at = Moment(required=True)
    reply = fields.String(required=True, allow_none=True)
    closed_at = Moment(required=True, allow_none=True)


class ExportedDeletionRequest(Schema):
    id = fields.UUID(required=True)
    scope = fields.String(required=True)
    category = fields.String(required=True, allow_none=True)
    record_id = fields.Integer(required=True, allow_none=True)
    ground = fields.String(required=True)
    reason = fields.String(required=True)
    state = fields.String(required=True)
    filed_at = Moment(required=True)
    decided_at = Moment(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    reply = fields.String(required=True, allow_none=True)


class ExportedChoice(Schema):
    choice = fields.String(
        required=True,
        metadata={"description": "category_declined 不提供某类信息，notification_off 不接收某类通知"},
    )
    about = fields.String(required=True)
    since = Moment(required=True, allow_none=True)
    until = Moment(required=True, allow_none=True)


class ExportedGrant(Schema):
    scheme = fields.String(required=True)
    tier = fields.String(required=True)
    valid_from = fields.Date(required=True)
    valid_until = fields.Date(required=True)
    reason = fields.String(required=True)
    granted_at = Moment(required=True)
    granted_by = fields.String(required=True)


class ExportedRecipientDeletion(Schema):
    due_on = fields.Date(required=True, metadata={"description": "对方最迟删除并确认的日期"})
    confirmed_at = Moment(required=True, allow_none=True)
    statement = fields.String(required=True, allow_none=True)


class ExportedConsent(Schema):
    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    recipient = fields.String(required=True)
    purpose = fields.String(required=True)
    data = fields.List(fields.String(), required=True)
    output = fields.String(required=True, metadata={"description": "对方得知什么"})
    mode = fields.String(required=True)
    notice_version = fields.String(required=True)
    evidence = fields.Dict(required=True)
    state = fields.String(required=True)
    requested_at = Moment(required=True)
    given_at = Moment(required=True, allow_none=True)
    expires_at = Moment(required=True, allow_none=True)
    ended_at = Moment(required=True, allow_none=True)
    end_reason = fields.String(required=True, allow_none=True)
    recipient_deletion = fields.Nested(ExportedRecipientDeletion, required=True, allow_none=True)
    events = fields.List(fields.Nested(ExportedEvent), required=True)


class ExportedLedgerEntry(Schema):
    id = fields.Integer(required=True)
    at = Moment(required=True)
    who = fields.String(required=True)
    who_kind = fields.String(required=True)
    action = fields.String(required=True)
    action_name = fields.String(required=True)
    basis = fields.String(required=True)
    purpose = fields.String(required=True)
    detail = fields.Dict(required=True)
    channel = fields.String(required=True)


class ExportedBenefitUse(Schema):
    scheme = fields.String(required=True)
    scheme_name = fields.String(required=True)
    partner = fields.String(required=True)
    terms = fields.Dict(required=True)
    bill_cents = fields.Integer(required=True, allow_none=True)
    amount_cents = fields.Integer(required=True)
    redeemed_at = Moment(required=True)
    cancelled_at = Moment(required=True, allow_none=True)


class ExportedReferralEvent(Schema):
    event = fields.String(required=True)
    at = Moment(required=True)
    detail = fields.Dict(required=True, metadata={"description": "这一步说明了什么"})


class ExportedLoanReferral(Schema):
    number = fields.String(required=True)
    scheme_name = fields.String(required=True)
    recipient = fields.String(required=True, metadata={"description": "转给哪家银行"})
    terms = fields.Dict(required=True)
    state = fields.String(required=True)
    sent_at = Moment(required=True)
    reason = fields.String(required=True, allow_none=True, metadata={"description": "未批准的理由"})
    granted_cents = fields.Integer(required=True, allow_none=True)
    events = fields.List(fields.Nested(ExportedReferralEvent), required=True)


class ExportedCreditCheck(Schema):
    department = fields.String(required=True)
    purpose = fields.String(required=True)
    basis = fields.String(required=True)
    matter = fields.String(required=True, metadata={"description": "核查的具体事项"})
    asked_at = Moment(required=True)
    outcome = fields.String(required=True, allow_none=True, metadata={"description": "核查中为空"})
    reasons = fields.List(fields.Dict(), required=True, metadata={"description": "查到的记录"})
    review = fields.String(required=True, allow_none=True, metadata={"description": "拨付前审查的决定"})
    review_reason = fields.String(required=True, allow_none=True)


class ExportedReport(Schema):
    number = fields.String(required=True)
    stationery = fields.String(required=True)
    masked = fields.Boolean(required=True)
    as_of = fields.Date(required=True)
    issued_at = Moment(required=True)
    issued_by = fields.String(required=True)
    valid_to = fields.Date(required=True)
    superseded_at = Moment(required=True, allow_none=True)


class ExportedNotification(Schema):
    title = fields.String(required=True)
    body = fields.String(required=True)
    created_at = Moment(required=True)


class ExportedIncentive(Schema):
    matter = fields.String(required=True)
    ground_name = fields.String(required=True)
    basis = fields.String(required=True)
    initiator = fields.String(required=True)
    initiated_at = Moment(required=True)
    consent_id = fields.UUID(required=True, allow_none=True)
    deeds = fields.List(fields.Nested(DeedResponse), required=True, metadata={"description": "已采取的措施"})


class ExportResponse(Schema):
    format = fields.String(required=True, metadata={"description": "osmanthus-export/1；不兼容的变化会改这个值"})
    city = fields.String(required=True)
    made_at = Moment(required=True, metadata={"description": "导出时刻（UTC）"})
    identity = fields.Nested(ExportedIdentity, required=True)
    records = fields.List(fields.Nested(ExportedRecord), required=True, metadata={"description": "全部状态"})
    scores = fields.List(fields.Nested(ExportedScore), required=True, metadata={"description": "新的在前"})
    objections = fields.List(fields.Nested(ExportedObjection), required=True)
    repairs = fields.List(fields.Nested(ExportedRepair), required=True)
    supplements = fields.List(fields.Nested(ExportedSupplement), required=True)
    commitments = fields.List(fields.Nested(ExportedCommitment), required=True)
    complaints = fields.List(fields.Nested(ExportedComplaint), required=True)
    deletion_requests = fields.List(fields.Nested(ExportedDeletionRequest), required=True)
    evidence = fields.List(fields.Nested(ExportedEvidence), required=True)
    consents = fields.List(fields.Nested(ExportedConsent), required=True)
    choices = fields.List(fields.Nested(ExportedChoice), required=True)
    ledger = fields.List(fields.Nested(ExportedLedgerEntry), required=True, metadata={"description": "谁查了我"})
    benefits_used = fields.List(fields.Nested(ExportedBenefitUse), required=True)
    benefits_granted = fields.List(
        fields.Nested(ExportedGrant), required=True, metadata={"description": "人工复核准予的权益"}
    )
    loan_referrals = fields.List(
        fields.Nested(ExportedLoanReferral), required=True, metadata={"description": "转给银行的贷款申请"}
    )
    credit_checks = fields.List(
        fields.Nested(ExportedCreditCheck), required=True, metadata={"description": "单位批量信用核查的结果"}
    )
    joint_incentives = fields.List(fields.Nested(ExportedIncentive), required=True)
    reports = fields.List(fields.Nested(ExportedReport), required=True)
    notifications = fields.List(fields.Nested(ExportedNotification), required=True)


@blp.route("/me/export")
class Export(MethodView):
    @signed_in_citizen
    @limited("export", most=20, window_seconds=3600)
    @blp.response(200, ExportResponse)
    def get(self) -> tuple[dict[str, Any], int, dict[str, str]]:
        """平台保存的与本人有关的全部数据（JSON）；号码和姓名不隐去"""
        with reading() as session:
            data = _data(session)
        return data, 200, {"Content-Disposition": f"attachment; filename={_filename('json')}"}


@blp.route("/me/export.pdf")
class ReadableExport(MethodView):
    @signed_in_citizen
    @limited("export", most=20, window_seconds=3600)
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
    def get(self) -> Response:
        """同样的数据，排成便于阅读的 PDF；不是信用报告，不带签名"""
        with reading() as session:
            file = readable_export(services().press, _data(session), now=now())
        return make_response(attachment(file, filename=_filename("pdf"), media_type="application/pdf"))


def _data(session: Session) -> dict[str, Any]:
    return export_of(
        session,
        services().keys,
        subject_id=current_subject_id(),
        city_name=services().config.city_name,
        now=now(),
    )


def _filename(ending: str) -> str:
    return f"my-data-{now():%Y%m%d}.{ending}"
