"""Printing one's own credit report, or that of the enterprise one represents, and downloading it."""

from __future__ import annotations

from typing import Any, get_args

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.city_calendar import city_date
from backend.ledger.service import Actor
from backend.reports.models import Stationery
from backend.reports.service import (
    Reader,
    ReportView,
    issue_report,
    open_report,
    reports_about,
    view_of,
    whom_may_print,
)
from backend.reports.terms import report_term_on
from backend.subjects.models import Subject
from backend.subjects.service import enterprises_represented_by, get_subject, masked_name
from backend.web import API_PREFIX
from backend.web.attachments import attachment
from backend.web.context import now, reading, services, transaction
from backend.web.guards import current_subject_id, limited, signed_in_citizen
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint("citizen reports", __name__, url_prefix=f"{API_PREFIX}/me/reports", description="信用报告")


class ReportRequest(Schema):
    stationery = fields.String(
        required=True,
        validate=validate.OneOf(get_args(Stationery)),
        metadata={"description": "with_score 含信用分（须已开通）或综合评价，without_score 不含"},
    )
    masked = fields.Boolean(
        load_default=False, metadata={"description": "姓名和身份号码是否隐去一部分；企业报告不受影响"}
    )
    enterprise = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(18, 18),
        metadata={"description": "为企业出具时，其统一社会信用代码；须为现任法定代表人"},
    )


class ReportResponse(Schema):
    number = fields.String(required=True, metadata={"description": "报告编号"})
    check_code = fields.String(required=True, metadata={"description": "校验码，核验时与编号一起填写"})
    subject_kind = fields.String(required=True, metadata={"description": "person 自然人，enterprise 企业"})
    subject_name = fields.String(required=True, metadata={"description": "企业名称，或脱敏的姓名"})
    enterprise = fields.String(
        required=True, allow_none=True, metadata={"description": "企业的统一社会信用代码；本人的报告为 null"}
    )
    stationery = fields.String(required=True, metadata={"description": "with_score 或 without_score"})
    masked = fields.Boolean(required=True, metadata={"description": "报告上的姓名和号码是否隐去一部分"})
    state = fields.String(
        required=True, metadata={"description": "valid 有效，superseded 已被取代，lapsed 已过有效期"}
    )
    pages = fields.Integer(required=True, metadata={"description": "页数"})
    as_of = fields.Date(required=True, metadata={"description": "信息截止日"})
    issued_at = Moment(required=True, metadata={"description": "出具时刻（UTC）"})
    issued_by = fields.String(required=True, metadata={"description": "由谁出具"})
    valid_to = fields.Date(required=True, metadata={"description": "有效期的最后一天"})
    downloadable = fields.Boolean(required=True, metadata={"description": "文件现在可以下载"})
    file_sha256 = fields.String(required=True, metadata={"description": "签名后文件的 SHA-256（十六进制）"})
    verification_url = fields.String(required=True, metadata={"description": "报告上二维码打开的核验页"})


class ReportsResponse(Schema):
    items = fields.List(fields.Nested(ReportResponse), required=True, metadata={"description": "新的在前"})
    valid_days = fields.Integer(required=True, metadata={"description": "今天出具的报告有效几天"})


@blp.route("")
class MyReports(MethodView):
    @signed_in_citizen
    @blp.response(200, ReportsResponse)
    def get(self) -> dict[str, object]:
        """本人和本人所代表企业的信用报告，新的在前"""
        with reading() as session:
            today = city_date(now())
            citizen_id = current_subject_id()
            mine = [citizen_id, *(item.id for item in enterprises_represented_by(session, citizen_id, today))]
            return {
                "items": [
                    report_answer(view_of(session, services().keys, report, today=today))
                    for report in reports_about(session, mine)
                ],
                "valid_days": report_term_on(today).valid_days,
            }

    @signed_in_citizen
    @limited("reports", most=30, window_seconds=3600)
    @idempotent
    @blp.arguments(ReportRequest)
    @blp.response(201, ReportResponse)
    @blp.alt_response(404, description="不是该企业的现任法定代表人（not_your_enterprise）")
    @blp.alt_response(409, description="尚未开通信用分（not_activated），或正在重新计算（score_being_recomputed）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """出具一份带电子签名的信用报告；当天内容没有变化时返回已出具的那一份"""
        with transaction() as session:
            today = city_date(now())
            citizen_id = current_subject_id()
            subject = whom_may_print(session, citizen_id=citizen_id, enterprise=body["enterprise"], today=today)
            report = issue_report(
                session,
                services().press,
                services().keys,
                subject_id=subject.id,
                stationery=body["stationery"],
                masked=body["masked"] and subject.kind == "person",
                issued_by="本人" if subject.id == citizen_id else "法定代表人",
                now=now(),
                reader=_reader(get_subject(session, citizen_id), subject, purpose="出具企业信用报告"),
            )
            return report_answer(view_of(session, services().keys, report, today=today))


@blp.route("/<string:number>/file")
class MyReportFile(MethodView):
    @signed_in_citizen
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
    @blp.alt_response(404, description="没有这份报告，或者它不属于您（report_not_found）")
    @blp.alt_response(409, description="文件已删除或不再提供（report_file_gone）")
    def get(self, number: str) -> Response:
        """下载签名后的 PDF 原件"""
        with transaction() as session:
            today = city_date(now())
            citizen = get_subject(session, current_subject_id())
            enterprises = enterprises_represented_by(session, citizen.id, today)
            readers = {
                subject.id: _reader(citizen, subject, purpose="下载企业信用报告")
                for subject in [citizen, *enterprises]
            }
            report, file = open_report(session, services().keys, number=number, readers=readers, now=now())
            return attachment(file, filename=f"{report.number}.pdf", media_type="application/pdf")


def report_answer(view: ReportView) -> dict[str, object]:
    report, keys = view.report, services().keys
    return {
        "number": report.number,
        "check_code": report.check_code,
        "subject_kind": view.subject.kind,
        "subject_name": masked_name(keys, view.subject),
        "enterprise": view.subject.public_code,
        "stationery": report.stationery,
        "masked": report.masked,
        "state": view.state,
        "pages": report.pages,
        "as_of": report.as_of,
        "issued_at": report.issued_at,
        "issued_by": report.issued_by,
        "valid_to": report.valid_to,
        "downloadable": view.downloadable,
        "file_sha256": report.file_sha256,
        "verification_url": services().press.verification_url(report.number, report.check_code),
    }


def _reader(citizen: Subject, subject: Subject, *, purpose: str) -> Reader | None:
    """None for oneself; whoever acts for an enterprise leaves a row in its ledger."""
    if subject.id == citizen.id:
        return None
    return Reader(
        actor=Actor(
            kind="citizen", id=str(citizen.id), name=f"法定代表人 {masked_name(services().keys, citizen)}"
        ),
        basis="法定代表人代表企业",
        purpose=purpose,
        channel="miniprogram",
    )
