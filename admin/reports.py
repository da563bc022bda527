"""Printing a credit report at a desk for whoever applies in person; every one with a reason, in the ledger."""

from __future__ import annotations

from typing import Any, get_args

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from admin.applicants import WindowRequest
from backend.city_calendar import city_date
from backend.reports.models import Stationery
from backend.reports.service import Reader, issue_report, open_report, view_of
from backend.subjects.applicants import check_may_apply
from backend.subjects.service import find_by_identifier, masked_identifier, masked_name
from backend.web import API_PREFIX
from backend.web.attachments import attachment
from backend.web.context import now, services, transaction
from backend.web.guards import (
    access_reason,
    current_officer,
    officer_as_actor,
    signed_in_officer,
    states_reason,
)
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint("officer reports", __name__, url_prefix=f"{API_PREFIX}/admin/reports", description="窗口打印")

_MAY_PRINT = ("window_officer",)


class DeskReportRequest(WindowRequest):
    stationery = fields.String(required=True, validate=validate.OneOf(get_args(Stationery)))
    masked = fields.Boolean(load_default=False, metadata={"description": "是否隐去部分姓名和号码，由本人选择"})


class DeskReport(Schema):
    number = fields.String(required=True)
    subject_kind = fields.String(required=True)
    subject_name = fields.String(required=True, metadata={"description": "企业名称，或脱敏的姓名"})
    subject_identifier = fields.String(required=True, metadata={"description": "代码，或脱敏的身份号码"})
    stationery = fields.String(required=True)
    state = fields.String(required=True)
    pages = fields.Integer(required=True)
    as_of = fields.Date(required=True)
    issued_at = Moment(required=True)
    valid_to = fields.Date(required=True)


@blp.route("")
class DeskReports(MethodView):
    @signed_in_officer(*_MAY_PRINT)
    @states_reason
    @idempotent
    @blp.arguments(DeskReportRequest)
    @blp.response(201, DeskReport)
    @blp.alt_response(404, description="登记册中没有这个号码（subject_not_found）")
    @blp.alt_response(409, description="没有信用分或综合评价，只能出具不含的报告（not_activated 等）")
    @blp.alt_response(422, description="申请人无权申请，例如已故的人须由近亲属申请（applicant_not_entitled）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """应申请人当面申请出具信用报告；记入台账并告知本人"""
        keys = services().keys
        with transaction() as session:
            subject = find_by_identifier(session, keys=keys, identifier=body["identifier"])
            applicant = check_may_apply(subject, body["applicant"], city_date(now()))
            report = issue_report(
                session,
                services().press,
                keys,
                subject_id=subject.id,
                stationery=body["stationery"],
                masked=body["masked"] and subject.kind == "person",
                issued_by=f"窗口（{current_officer().name}）",
                now=now(),
                reader=_reader(f"应{applicant.name}当面申请：{applicant.basis}"),
            )
            view = view_of(session, keys, report, today=city_date(now()))
            return {
                "number": report.number,
                "subject_kind": subject.kind,
                "subject_name": masked_name(keys, subject),
                "subject_identifier": masked_identifier(keys, subject),
                "stationery": report.stationery,
                "state": view.state,
                "pages": report.pages,
                "as_of": report.as_of,
                "issued_at": report.issued_at,
                "valid_to": report.valid_to,
            }


@blp.route("/<string:number>/file")
class DeskReportFile(MethodView):
    @signed_in_officer(*_MAY_PRINT)
    @states_reason
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
    @blp.alt_response(404, description="没有这份报告（report_not_found）")
    @blp.alt_response(409, description="文件已删除或不再提供（report_file_gone）")
    def get(self, number: str) -> Response:
        """打开报告原件以便打印；记入台账"""
        with transaction() as session:
            report, file = open_report(
                session, services().keys, number=number, readers=_reader("应申请人当面申请"), now=now()
            )
            return attachment(file, filename=f"{report.number}.pdf", media_type="application/pdf")


def _reader(basis: str) -> Reader:
    return Reader(actor=officer_as_actor(), basis=basis, purpose=access_reason(), channel="console")
