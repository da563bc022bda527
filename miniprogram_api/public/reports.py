"""Verifying a printed report: valid, superseded or forged, and nothing of what it says."""

from __future__ import annotations

from typing import Any, get_args

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.reports.verification import Verdict, Verification, verify_file, verify_number
from backend.web import API_PREFIX
from backend.web.context import now, reading, services
from backend.web.guards import limited, open_to_all

blp = Blueprint("public reports", __name__, url_prefix=f"{API_PREFIX}/public", description="信用报告核验")

_SHA256 = validate.Regexp(r"^[0-9a-fA-F]{64}$", error="应为 64 位十六进制的 SHA-256。")


class NumberQuery(Schema):
    code = fields.String(
        required=True, validate=validate.Length(1, 16), metadata={"description": "报告上的校验码"}
    )
    sha256 = fields.String(
        load_default=None,
        validate=_SHA256,
        metadata={"description": "手中文件的 SHA-256（在本机计算，不必上传文件）；给出时一并比对"},
    )


class FileQuery(Schema):
    sha256 = fields.String(
        required=True, validate=_SHA256, metadata={"description": "手中文件的 SHA-256，在本机计算"}
    )


class VerificationResponse(Schema):
    verdict = fields.String(
        required=True,
        validate=validate.OneOf(get_args(Verdict)),
        metadata={"description": "valid 有效，superseded 已被取代或过期，forged 不是本机构出具或被改动"},
    )
    sentence = fields.String(required=True, metadata={"description": "结论，可直接显示"})
    issued_on = fields.Date(required=True, allow_none=True, metadata={"description": "出具日期；报告上印有"})
    valid_to = fields.Date(required=True, allow_none=True, metadata={"description": "有效期最后一天"})
    file_compared = fields.Boolean(required=True, metadata={"description": "是否比对了文件"})


@blp.route("/reports/<string:number>")
class ReportByNumber(MethodView):
    @open_to_all
    @limited("report_verification", most=60, window_seconds=60)
    @blp.arguments(NumberQuery, location="query")
    @blp.response(200, VerificationResponse)
    def get(self, query: dict[str, Any], number: str) -> Verification:
        """按编号和校验码核验；编号不存在与校验码不符的回答相同"""
        with reading() as session:
            return verify_number(
                session,
                services().keys,
                number=number,
                code=query["code"],
                file_sha256=query["sha256"],
                now=now(),
            )


@blp.route("/report-files")
class ReportByFile(MethodView):
    @open_to_all
    @limited("report_verification", most=60, window_seconds=60)
    @blp.arguments(FileQuery, location="query")
    @blp.response(200, VerificationResponse)
    def get(self, query: dict[str, Any]) -> Verification:
        """按文件的 SHA-256 核验：改动一个字节就不是同一份文件"""
        with reading() as session:
            return verify_file(session, services().keys, file_sha256=query["sha256"], now=now())
