"""A credit check as whoever asks sees it, the same in a department's own system and in the console."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from flask import Response, request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.credit_checks.models import CheckedRow, CreditCheck
from backend.credit_checks.purposes import check_rules_on
from backend.credit_checks.service import (
    LONGEST_MATTER,
    OUTCOME_NAMES,
    REVIEW_NAMES,
    Asker,
    ask_credit_check,
    counts_of,
    credit_check_of,
    credit_checks_of,
    results_of,
    review_row,
)
from backend.identifiers import check as check_identifier
from backend.identifiers import mask
from backend.web.attachments import attachment
from backend.web.context import now, reading, services, transaction
from backend.web.guards import View, limited
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

MOST_LISTED = 100
_FILE = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
MOST_ROWS = 1_000_000


class PurposeResponse(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "核查目的"})
    basis = fields.String(required=True, metadata={"description": "法律依据"})
    subject_kinds = fields.List(fields.String(), required=True, metadata={"description": "可以核查哪些主体"})
    categories = fields.List(fields.String(), required=True, metadata={"description": "可以得知哪些类别"})
    review = fields.Boolean(required=True, metadata={"description": "须对有相关信息的主体作出审查结论"})


class PurposesResponse(Schema):
    items = fields.List(fields.Nested(PurposeResponse), required=True)
    most_rows = fields.Integer(required=True, metadata={"description": "一个文件最多多少行"})
    kept_days = fields.Integer(required=True, metadata={"description": "结果保存多少天"})


class CreditCheckForm(Schema):
    purpose = fields.String(
        required=True, validate=validate.Length(1, 64), metadata={"description": "核查目的代码"}
    )
    matter = fields.String(
        required=True,
        validate=validate.Length(2, LONGEST_MATTER),
        metadata={"description": "具体事项，被核查的主体会看到"},
    )
    filename = fields.String(
        load_default="核查名单.csv", validate=validate.Length(1, 200), metadata={"description": "文件名，含扩展名"}
    )


class CreditCheckResponse(Schema):
    id = fields.UUID(required=True)
    purpose = fields.String(required=True)
    purpose_name = fields.String(required=True)
    basis = fields.String(required=True)
    matter = fields.String(required=True)
    review = fields.Boolean(required=True)
    filename = fields.String(required=True)
    asked_by = fields.String(required=True)
    asked_at = Moment(required=True)
    state = fields.String(required=True, metadata={"description": "running 核查中，done 已完成"})
    rows_total = fields.Integer(required=True, metadata={"description": "名单行数"})
    rows_done = fields.Integer(required=True, metadata={"description": "已核查行数"})
    counts = fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True, metadata={"description": "各种结果的行数"}
    )
    finished_at = Moment(required=True, allow_none=True)
    delete_at = Moment(required=True, metadata={"description": "结果到这一刻删除"})


class CreditChecksResponse(Schema):
    items = fields.List(fields.Nested(CreditCheckResponse), required=True, metadata={"description": "新的在前"})


class CheckReason(Schema):
    category = fields.String(required=True)
    category_name = fields.String(required=True)
    title = fields.String(required=True)
    event_on = fields.String(required=True, metadata={"format": "date"})
    used_until = fields.String(
        required=True, allow_none=True, metadata={"format": "date", "description": "使用到这一天；无期限时为 null"}
    )
    level = fields.String(required=True)
    source = fields.String(required=True)
    legal_basis = fields.String(required=True)
    disputed = fields.Boolean(required=True, metadata={"description": "本人有异议，正在核查，不作为依据"})


class CheckedRowResponse(Schema):
    row_number = fields.Integer(required=True, metadata={"description": "名单中的行号"})
    identifier = fields.String(required=True, metadata={"description": "证件号码；自然人的部分隐去"})
    outcome = fields.String(required=True, validate=validate.OneOf(tuple(OUTCOME_NAMES)))
    outcome_name = fields.String(required=True)
    reasons = fields.List(fields.Nested(CheckReason), required=True)
    review = fields.String(required=True, allow_none=True, metadata={"description": "granted 或 withheld"})
    review_name = fields.String(required=True, allow_none=True)
    review_reason = fields.String(required=True, allow_none=True)
    reviewed_by = fields.String(required=True, allow_none=True, metadata={"description": "由谁作出结论"})


class RowsQuery(Schema):
    after = fields.Integer(
        load_default=0, validate=validate.Range(0, MOST_ROWS), metadata={"description": "上一页最后的行号"}
    )
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))


class CheckedRowsResponse(Schema):
    items = fields.List(fields.Nested(CheckedRowResponse), required=True)


class ReviewRequest(Schema):
    row_number = fields.Integer(required=True, strict=True, validate=validate.Range(1, MOST_ROWS))
    review = fields.String(required=True, validate=validate.OneOf(tuple(REVIEW_NAMES)))
    reason = fields.String(
        required=True, validate=validate.Length(2, 300), metadata={"description": "理由，被审查的主体会看到"}
    )


def add_credit_check_routes(
    blp: Blueprint,
    guard: Callable[[View], View],
    *,
    code: Callable[[], str],
    name: Callable[[Session], str],
    by: Callable[[], str],
) -> None:
    """The routes of one surface: `guard` says who may call them; `code`, `name` and `by` for whom they then act
    (`Asker`)."""

    @blp.route("/purposes")
    class CheckPurposes(MethodView):
        @guard
        @blp.response(200, PurposesResponse)
        def get(self) -> dict[str, object]:
            """可以为哪些目的核查，各自的法律依据"""
            rules = check_rules_on(city_date(now()))
            return {
                "items": list(rules.purposes.values()),
                "most_rows": rules.most_rows,
                "kept_days": rules.kept_days,
            }

    @blp.route("")
    class CreditChecks(MethodView):
        @guard
        @blp.response(200, CreditChecksResponse)
        def get(self) -> dict[str, object]:
            """本单位的核查，新的在前"""
            with reading() as session:
                found = credit_checks_of(session, code(), most=MOST_LISTED)
                return {"items": [_check(session, asked) for asked in found]}

        @guard
        @limited("credit_checks", most=60, window_seconds=3600)
        @idempotent
        @blp.arguments(CreditCheckForm, location="query")
        @blp.doc(requestBody=_FILE)
        @blp.response(202, CreditCheckResponse)
        @blp.alt_response(422, description="目的不在列（purpose_unknown）；名单不能用（check_file_unusable）")
        def post(self, query: dict[str, Any]) -> dict[str, object]:
            """交一个名单（CSV 或 XLSX，请求体即文件），后台逐个核查；每个主体都会在“谁查了我”中看到"""
            with transaction() as session:
                asked = ask_credit_check(
                    session,
                    services().keys,
                    asker=Asker(code(), name(session), by()),
                    purpose_code=query["purpose"],
                    matter=query["matter"],
                    content=request.get_data(),
                    filename=query["filename"],
                    now=now(),
                )
                return _check(session, asked)

    @blp.route("/<uuid:check_id>")
    class CreditCheckProgress(MethodView):
        @guard
        @blp.response(200, CreditCheckResponse)
        @blp.alt_response(404, description="没有这批核查（credit_check_not_found）")
        def get(self, check_id: UUID) -> dict[str, object]:
            """进度和各种结果的行数"""
            with reading() as session:
                return _check(session, credit_check_of(session, code(), check_id))

    @blp.route("/<uuid:check_id>/results")
    class CreditCheckResults(MethodView):
        @guard
        @blp.arguments(RowsQuery, location="query")
        @blp.response(200, CheckedRowsResponse)
        @blp.alt_response(409, description="还没有完成（credit_check_not_done）")
        def get(self, query: dict[str, Any], check_id: UUID) -> dict[str, object]:
            """逐行的结果和理由"""
            with reading() as session:
                asked = credit_check_of(session, code(), check_id)
                rows = results_of(session, asked, after_row=query["after"], limit=query["limit"])
                return {"items": [_row(row) for row in rows]}

    @blp.route("/<uuid:check_id>/file")
    class CreditCheckFile(MethodView):
        @guard
        @blp.response(200, {"type": "string", "format": "binary"}, content_type="text/csv")
        @blp.alt_response(409, description="还没有完成（credit_check_not_done）")
        def get(self, check_id: UUID) -> Response:
            """全部结果（CSV，一条理由一行）"""
            with reading() as session:
                return _file(session, credit_check_of(session, code(), check_id))

    @blp.route("/<uuid:check_id>/reviews")
    class CreditCheckReviews(MethodView):
        @guard
        @idempotent
        @blp.arguments(ReviewRequest)
        @blp.response(200, CheckedRowResponse)
        @blp.alt_response(409, description="不需要审查结论或已经有了（nothing_to_review）")
        def post(self, body: dict[str, Any], check_id: UUID) -> dict[str, object]:
            """对一个有相关信息的主体作出审查结论；主体立即被告知结论和理由"""
            with transaction() as session:
                asked = credit_check_of(session, code(), check_id)
                return _row(review_row(session, asked, **body, by=by(), now=now()))


def _check(session: Session, asked: CreditCheck) -> dict[str, object]:
    shown = (
        "id", "purpose", "purpose_name", "basis", "matter", "review", "filename", "asked_by", "asked_at",
        "rows_total", "rows_done", "finished_at", "delete_at",
    )  # fmt: skip
    return {
        **{name: getattr(asked, name) for name in shown},
        "state": "done" if asked.finished_at else "running",
        "counts": counts_of(session, asked.id),
    }


def _row(row: CheckedRow) -> dict[str, object]:
    given = services().keys.open(row.identifier_sealed)
    number = check_identifier(given)
    shown = mask(number.kind, number.normalised) if number.kind and number.normalised else given[:4] + "…"
    return {
        "row_number": row.row_number,
        "identifier": shown,
        "outcome": row.outcome,
        "outcome_name": OUTCOME_NAMES[row.outcome],  # type: ignore[index]
        "reasons": row.reasons,
        "review": row.review,
        "review_name": REVIEW_NAMES[row.review] if row.review else None,  # type: ignore[index]
        "review_reason": row.review_reason,
        "reviewed_by": row.reviewed_by,
    }


def _file(session: Session, asked: CreditCheck) -> Response:
    """The results as a spreadsheet reads them: one line for each reason, so that it can be filtered."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        [
            "行号", "证件号码", "结果", "类别", "事项", "发生日期", "使用到", "数源单位", "依据", "有异议",
            "审查结论", "审查理由", "审查人",
        ]
    )  # fmt: skip
    for row in results_of(session, asked, after_row=0, limit=MOST_ROWS):
        answer = _row(row)
        start = [answer["row_number"], _as_text(answer["identifier"]), answer["outcome_name"]]
        review = [_as_text(answer[name] or "") for name in ("review_name", "review_reason", "reviewed_by")]
        for reason in row.reasons or [{}]:
            writer.writerow([*start, *_cells(reason), *review])
    name = f"credit-check-{city_date(asked.asked_at)}.csv"
    return attachment(out.getvalue().encode("utf-8-sig"), filename=name, media_type="text/csv; charset=utf-8")


def _cells(reason: dict[str, object]) -> Sequence[str]:
    names = ("category_name", "title", "event_on", "used_until", "source", "legal_basis")
    return [*(_as_text(reason.get(name) or "") for name in names), "是" if reason.get("disputed") else ""]


def _as_text(cell: object) -> str:
    """A cell that begins like a formula would be run by the spreadsheet that opens it."""
    text = str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
