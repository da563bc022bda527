"""Rows that could not be taken in (待处理区): seeing why, correcting the faulty cells, handing them back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from flask import Response, request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from admin.deliveries import template_name
from backend.city_calendar import city_date
from backend.ledger.service import Actor, record_access
from backend.objections.service import statements_beside
from backend.records.departments import SourceDepartment
from backend.records.models import QUARANTINE_STATES, Delivery, QuarantinedRow
from backend.records.quarantine import (
    Opening,
    conflict_of,
    drop_row,
    export_rows,
    export_workbook,
    in_template_order,
    quarantined_rows,
    resubmit_row,
    resubmit_upload,
    summarise_reasons,
)
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import (
    access_reason,
    current_officer,
    officer_as_actor,
    signed_in_officer,
    states_reason,
)
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.objections import WithStatements
from backend.web.pages import PageQuery, page_of, page_schema

blp = Blueprint(
    "officer quarantine", __name__, url_prefix=f"{API_PREFIX}/admin/quarantine", description="待处理区"
)

_BASIS = "归集数据质量管理职责"
_CSV_TEXT = {"type": "string"}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BINARY = {"type": "string", "format": "binary"}
_FILE_BODY = {"required": True, "content": {kind: {"schema": _BINARY} for kind in ("text/csv", _XLSX)}}
_MAY_READ = ("data_officer", "auditor")
_MAY_CORRECT = ("data_officer",)


class QuarantineFilter(Schema):
    reason = fields.String(load_default=None, metadata={"description": "原因的 code"})
    delivery = fields.UUID(load_default=None, metadata={"description": "交付的 id"})


class QuarantineQuery(QuarantineFilter, PageQuery):
    pass


class RowReason(Schema):
    column = fields.String(required=True, metadata={"description": "出错的列；整行问题时为空"})
    code = fields.String(required=True)
    message = fields.String(required=True)


class QuarantinedRowResponse(Schema):
    """One row as it was delivered, with identity numbers and names masked; cells in the template's order."""

    id = fields.String(required=True)
    delivery_id = fields.String(required=True)
    filename = fields.String(required=True)
    template = fields.String(required=True)
    template_name = fields.String(required=True)
    row_number = fields.Integer(required=True)
    row = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    reasons = fields.List(fields.Nested(RowReason), required=True)
    state = fields.String(required=True, validate=validate.OneOf(QUARANTINE_STATES))
    created_at = Moment(required=True)


QuarantinedRowPage = page_schema(QuarantinedRowResponse)


class ReasonCountResponse(Schema):
    """How many cells of open rows are wrong in this way; `message` is one example."""

    code = fields.String(required=True)
    column = fields.String(required=True)
    message = fields.String(required=True)
    count = fields.Integer(required=True)


class QuarantineSummaryResponse(Schema):
    items = fields.List(fields.Nested(ReasonCountResponse), required=True)


class ResubmissionRequest(Schema):
    corrections = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=64)),
        values=fields.String(validate=validate.Length(max=2_000)),
        required=True,
        validate=validate.Length(min=1, max=64),
        metadata={"description": "列名到更正后的值；只写要更正的列"},
    )


class ResubmissionResponse(Schema):
    """On `quarantined` nothing was changed, and `reasons` says what is still wrong."""

    outcome = fields.String(
        required=True, validate=validate.OneOf(("accepted", "corrected", "duplicate", "quarantined"))
    )
    reasons = fields.List(fields.Nested(RowReason), required=True)


@blp.route("")
class QuarantinedRows(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(QuarantineQuery, location="query")
    @blp.response(200, QuarantinedRowPage)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """待处理的行，先到的在前；证件号码和姓名已脱敏"""
        with reading() as session:
            return page_of_rows(session, query)


@blp.route("/summary")
class QuarantineSummary(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.response(200, QuarantineSummaryResponse)
    def get(self) -> dict[str, object]:
        """各种原因有多少处，多的在前"""
        with reading() as session:
            return {"items": summarise_reasons(session)}


@blp.route("/<int:row_id>/resubmission")
class Resubmission(MethodView):
    @signed_in_officer(*_MAY_CORRECT)
    @idempotent
    @blp.arguments(ResubmissionRequest)
    @blp.response(200, ResubmissionResponse)
    def post(self, body: dict[str, dict[str, str]], row_id: int) -> dict[str, object]:
        """更正一行并重新提交；仍有问题时原样保留并说明"""
        with transaction() as session:
            return resubmit(
                session, row_id, body["corrections"], by=current_officer().name, actor=officer_as_actor()
            )


def resubmit(
    session: Session,
    row_id: int,
    corrections: dict[str, str],
    *,
    by: str,
    actor: Actor,
    owner: SourceDepartment | None = None,
) -> dict[str, object]:
    """Hand a row in again and note in its subject's ledger who did. With an `owner`, only a row of its own."""
    resubmission = resubmit_row(
        session,
        services().intake,
        row_id,
        corrections,
        now=now(),
        by=by,
        owner=owner,
    )
    if resubmission.subject_id is not None:
        record_access(
            session,
            subject_id=resubmission.subject_id,
            actor=actor,
            action="quarantine_opened",
            basis=_BASIS,
            purpose="更正未能入库的数据并重新提交",
            detail={"row": row_id, "columns": sorted(corrections)},
            channel="console",
            now=now(),
        )
    return {"outcome": resubmission.outcome, "reasons": resubmission.reasons}


class DropRequest(Schema):
    reason = fields.String(required=True, validate=validate.Length(1, 500), metadata={"description": "理由"})


@blp.route("/<int:row_id>/drop")
class Drop(MethodView):
    @signed_in_officer(*_MAY_CORRECT)
    @idempotent
    @blp.arguments(DropRequest)
    @blp.response(204)
    def post(self, body: dict[str, str], row_id: int) -> None:
        """不再处理一行，并记录理由；内容仍然保留"""
        with transaction() as session:
            drop_row(
                session,
                services().keys,
                row_id,
                reason=body["reason"],
                now=now(),
                by=current_officer().name,
            )


class ConflictCell(Schema):
    column = fields.String(required=True)
    stored = fields.String(required=True, metadata={"description": "已入库的内容；为空表示没有"})
    delivered = fields.String(required=True, metadata={"description": "这一行的内容"})
    same = fields.Boolean(required=True, metadata={"description": "两者一致，或不能比较（证件号码和姓名不入库）"})


class ConflictResponse(WithStatements):
    """Two departments about one matter; the one stored first counts until one of them corrects its own."""

    stored_department = fields.String(required=True, metadata={"description": "已入库的一份由谁报送"})
    stored_at = Moment(required=True, metadata={"description": "何时入库"})
    stored_version = fields.Integer(required=True)
    delivered_department = fields.String(required=True, metadata={"description": "这一行由谁报送"})
    delivered_at = Moment(required=True)
    cells = fields.List(fields.Nested(ConflictCell), required=True)


@blp.route("/<int:row_id>/conflict")
class ConflictView(MethodView):
    @signed_in_officer(*_MAY_READ)
    @states_reason
    @blp.response(200, ConflictResponse)
    @blp.alt_response(404, description="没有这一行，或者没有冲突（no_conflict）")
    def get(self, row_id: int) -> dict[str, object]:
        """与另一单位的记录冲突的一行：两个版本并列；当事人的台账会记下"""
        with transaction() as session:
            conflict = conflict_of(session, row_id)
            record_access(
                session,
                subject_id=conflict.record.subject_id,
                actor=officer_as_actor(),
                action="quarantine_opened",
                basis=_BASIS,
                purpose=access_reason(),
                detail={"row": row_id, "record": conflict.record.id},
                channel="console",
                now=now(),
            )
            return {
                "stored_department": conflict.record.source_department,
                "stored_at": conflict.record.created_at,
                "stored_version": conflict.record.version,
                "statements": statements_beside(session, [conflict.record.id]).get(conflict.record.id, []),
                "delivered_department": conflict.source_department,
                "delivered_at": conflict.row.created_at,
                "cells": [
                    {"column": column, "stored": stored, "delivered": delivered, "same": same}
                    for column, stored, delivered, same in conflict.cells
                ],
            }


class ResubmittedCounts(Schema):
    source_department = fields.String(required=True)
    template_name = fields.String(required=True)
    delivered = fields.Integer(required=True)
    accepted = fields.Integer(required=True)
    duplicate = fields.Integer(required=True)
    corrected = fields.Integer(required=True)
    quarantined = fields.Integer(required=True, metadata={"description": "仍有问题，回到待处理区"})


class ResubmittedFileResponse(Schema):
    already_resolved = fields.Integer(required=True, metadata={"description": "以前已处理过、本次没有改变的行"})
    items = fields.List(fields.Nested(ResubmittedCounts), required=True)


@blp.route("/files")
class CorrectedFiles(MethodView):
    @signed_in_officer(*_MAY_CORRECT)
    @idempotent
    @blp.doc(requestBody=_FILE_BODY)
    @blp.response(200, ResubmittedFileResponse)
    @blp.alt_response(422, description="不是从待处理区导出的文件（not_a_quarantine_export 等），整个文件未作处理")
    def post(self) -> dict[str, object]:
        """重新提交更正后的导出文件（CSV 或 XLSX，请求体就是文件本身）

        改对的行入库，仍有问题的回到待处理区；处理过的行不会再变。
        """
        with TemporaryDirectory() as folder, transaction() as session:
            path = Path(folder) / "更正后的待处理行"
            path.write_bytes(request.get_data())
            result = resubmit_upload(
                session,
                services().intake,
                path,
                now=now(),
                by=current_officer().name,
            )
        return {"already_resolved": result.already_resolved, "items": result.reports}


@blp.route("/export.csv")
class QuarantineExport(MethodView):
    @signed_in_officer(*_MAY_CORRECT)
    @states_reason
    @blp.arguments(QuarantineFilter, location="query")
    @blp.response(200, _CSV_TEXT, content_type="text/csv")
    def get(self, query: dict[str, Any]) -> Response:
        """完整导出待处理的行，供退回数源单位更正；每个当事人的台账都会记下"""
        return _csv(query, Opening(officer_as_actor(), access_reason()))


@blp.route("/masked-export.csv")
class MaskedQuarantineExport(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(QuarantineFilter, location="query")
    @blp.response(200, _CSV_TEXT, content_type="text/csv")
    def get(self, query: dict[str, Any]) -> Response:
        """脱敏导出待处理的行；未改动的脱敏单元格重新提交时保留原值"""
        return _csv(query, None)


@blp.route("/export.xlsx")
class QuarantineWorkbook(MethodView):
    @signed_in_officer(*_MAY_CORRECT)
    @states_reason
    @blp.arguments(QuarantineFilter, location="query")
    @blp.response(200, _BINARY, content_type=_XLSX)
    def get(self, query: dict[str, Any]) -> Response:
        """同完整导出，为 Excel 工作簿"""
        return _workbook(query, Opening(officer_as_actor(), access_reason()))


@blp.route("/masked-export.xlsx")
class MaskedQuarantineWorkbook(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(QuarantineFilter, location="query")
    @blp.response(200, _BINARY, content_type=_XLSX)
    def get(self, query: dict[str, Any]) -> Response:
        """同脱敏导出，为 Excel 工作簿"""
        return _workbook(query, None)


def _workbook(query: dict[str, Any], opening: Opening | None) -> Response:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "export.xlsx"
        with transaction() as session:
            export_workbook(
                session,
                services().keys,
                path,
                code=query["reason"],
                delivery_id=query["delivery"],
                opening=opening,
                now=now(),
            )
        content = path.read_bytes()
    return _download(content, _XLSX, "xlsx")


def _csv(query: dict[str, Any], opening: Opening | None) -> Response:
    # The ledger rows are committed before the first byte leaves.
    with transaction() as session:
        content = "".join(
            export_rows(
                session,
                services().keys,
                code=query["reason"],
                delivery_id=query["delivery"],
                opening=opening,
                now=now(),
            )
        )
    return _download(content.encode(), "text/csv; charset=utf-8", "csv")


def _download(content: bytes, content_type: str, ending: str) -> Response:
    filename = quote(f"待处理行_{city_date(now())}.{ending}")
    return Response(
        content,
        content_type=content_type,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{filename}",
            # Not JSON and not text, and somebody's data all the same.
            "Cache-Control": "no-store",
        },
    )


def page_of_rows(
    session: Session, query: Mapping[str, Any], *, source_department: str | None = None
) -> dict[str, object]:
    """What a QuarantineQuery asks for, of one department or of all."""
    found = quarantined_rows(
        session,
        code=query["reason"],
        delivery_id=query["delivery"],
        source_department=source_department,
        after_id=query["cursor"] or 0,
        limit=query["limit"] + 1,
    )
    page = page_of(found, query["limit"], key=lambda pair: pair[0].id)
    return page | {"items": [_row_answer(row, delivery) for row, delivery in found[: query["limit"]]]}


def _row_answer(row: QuarantinedRow, delivery: Delivery) -> dict[str, object]:
    return {
        "id": row.id,
        "delivery_id": row.delivery_id,
        "filename": delivery.filename,
        "template": delivery.template,
        "template_name": template_name(delivery.template),
        "row_number": row.row_number,
        "row": in_template_order(delivery.template, row.masked_row),
        "reasons": row.reasons,
        "state": row.state,
        "created_at": row.created_at,
    }
