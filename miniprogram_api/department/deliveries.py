"""Delivering: rows as JSON, in one piece or in parts, or a whole file; and what became of each delivery."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from backend.catalogue.templates import load_templates
from backend.records.department_deliveries import (
    MOST_ROWS_AT_ONCE,
    Batch,
    deliver_rows,
    get_own_delivery,
    receive_file,
)
from backend.records.models import DELIVERY_STATES, Delivery
from backend.records.service import deliveries
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import limited
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import PageQuery, PlaceField, moment_of, page_of, page_schema, place
from miniprogram_api.department.access import current_department, department_token

blp = Blueprint(
    "department deliveries", __name__, url_prefix=f"{API_PREFIX}/department/deliveries", description="数源单位报送"
)

LONGEST_CELL = 10_000


class DepartmentBatch(Schema):
    number = fields.String(
        required=True,
        validate=validate.Length(1, 64),
        metadata={"description": "本单位自己的批次号，在本单位内唯一"},
    )
    part = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 1_000_000),
        metadata={"description": "第几部分，从 1 起"},
    )
    last = fields.Boolean(required=True, metadata={"description": "是不是最后一部分"})


class DeliveryRequest(Schema):
    template = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "模板代码"})
    rows = fields.List(
        fields.Dict(keys=fields.String(validate=validate.Length(1, 200))),
        required=True,
        validate=validate.Length(1, MOST_ROWS_AT_ONCE),
        metadata={"description": f"最多 {MOST_ROWS_AT_ONCE} 行；键用中文名称或字段代码，值用文字或数字"},
    )
    batch = fields.Nested(
        DepartmentBatch,
        load_default=None,
        allow_none=True,
        metadata={"description": "分成几次报送时填写；一次报完的不填"},
    )

    @validates_schema
    def _cells_are_plain(self, data: dict[str, Any], **_: object) -> None:
        for number, row in enumerate(data["rows"], start=1):
            for name, cell in row.items():
                if not isinstance(cell, str | int | float | type(None)) or isinstance(cell, bool):
                    raise ValidationError(f"第 {number} 行“{name}”应是文字或数字", "rows")
                if isinstance(cell, str) and len(cell) > LONGEST_CELL:
                    raise ValidationError(f"第 {number} 行“{name}”超过 {LONGEST_CELL} 个字符", "rows")


class FileQuery(Schema):
    filename = fields.String(
        load_default="接口报送的文件",
        validate=validate.Length(1, 200),
        metadata={"description": "文件名，供人辨认"},
    )
    template = fields.String(
        load_default=None, validate=validate.Length(1, 64), metadata={"description": "模板代码；不填则按表头识别"}
    )


class DepartmentDelivery(Schema):
    """Always `delivered = accepted + duplicate + corrected + quarantined`."""

    id = fields.UUID(required=True, metadata={"description": "批次编号"})
    template = fields.String(required=True, metadata={"description": "模板代码"})
    template_name = fields.String(required=True, metadata={"description": "模板名称"})
    filename = fields.String(required=True, metadata={"description": "文件名或批次号"})
    state = fields.String(
        required=True,
        validate=validate.OneOf(DELIVERY_STATES),
        metadata={"description": "receiving 正在归集或还有部分未到，done 完成，failed 中断"},
    )
    problem = fields.String(required=True, allow_none=True, metadata={"description": "中断的原因和办法"})
    received_at = Moment(required=True, metadata={"description": "收到的时刻（UTC）"})
    finished_at = Moment(required=True, allow_none=True, metadata={"description": "完成的时刻（UTC）"})
    delivered = fields.Integer(required=True, metadata={"description": "已处理的行数"})
    accepted = fields.Integer(required=True, metadata={"description": "入库：新记录"})
    duplicate = fields.Integer(required=True, metadata={"description": "重复：与已有记录完全相同"})
    corrected = fields.Integer(required=True, metadata={"description": "更正：原记录产生新版本"})
    quarantined = fields.Integer(required=True, metadata={"description": "待处理：有差错，没有入库"})


class DeliveryReceipt(DepartmentDelivery):
    unknown_headings = fields.List(
        fields.String(), required=True, metadata={"description": "模板没有的列名，其内容没有读取；请检查是否写错"}
    )


class FileReceipt(DepartmentDelivery):
    left_out_sheets = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "没有模板表头的工作表，没有读取；请检查是否漏了表头"},
    )


class DeliveriesQuery(PageQuery):
    cursor = PlaceField(moment_of)


_FILE_BODY = {
    "required": True,
    "content": {
        kind: {"schema": {"type": "string", "format": "binary"}}
        for kind in (
            "text/csv",
            "application/json",
            "application/x-ndjson",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/octet-stream",
        )
    },
}


@blp.route("")
class Deliveries(MethodView):
    @department_token("records:deliver")
    @limited("department_deliveries", most=600, window_seconds=60)
    @idempotent
    @blp.arguments(DeliveryRequest)
    @blp.response(200, DeliveryReceipt)
    @blp.alt_response(409, description="批次的这一部分不能收（part_differs、part_out_of_turn、batch_complete 等）")
    @blp.alt_response(422, description="模板不存在（template_unknown）或缺少必填的列（columns_missing）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """报送若干行，立即归集

        每一行或者入库，或者判为重复、更正，或者进入待处理区并逐格写明原因。相同的内容再报一次，得到同一个批次，不改变任何数据。
        """
        batch = Batch(**body["batch"]) if body["batch"] else None
        with transaction() as session:
            received = deliver_rows(
                session,
                services().intake,
                department=current_department(),
                template_code=body["template"],
                rows=body["rows"],
                batch=batch,
                now=now(),
            )
            return _answer(received.delivery) | {"unknown_headings": received.unknown_headings}

    @department_token("records:deliver")
    @blp.arguments(DeliveriesQuery, location="query")
    @blp.response(200, page_schema(DepartmentDelivery))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本单位的批次，新的在前"""
        with reading() as session:
            found = deliveries(
                session,
                source_department=current_department().name,
                before=query["cursor"],
                limit=query["limit"] + 1,
            )
            page = page_of(found, query["limit"], key=lambda delivery: place(delivery.received_at, delivery.id))
            return page | {"items": [_answer(delivery) for delivery in found[: query["limit"]]]}


@blp.route("/files")
class DeliveredFiles(MethodView):
    @department_token("records:deliver")
    @limited("department_files", most=60, window_seconds=60)
    @idempotent
    @blp.arguments(FileQuery, location="query")
    @blp.doc(requestBody=_FILE_BODY)
    @blp.response(202, FileReceipt)
    @blp.alt_response(413, description="文件超过 64 MB，请分批报送（too_large）")
    @blp.alt_response(422, description="文件不能识别（file_unreadable、template_unknown、columns_missing）")
    def post(self, query: dict[str, Any]) -> dict[str, object]:
        """报送一个文件（CSV、XLSX 或 JSON，不超过 64 MB），由后台归集

        请求体就是文件本身。收下后按批次编号查询进度；相同的文件再报一次，得到同一个批次。
        """
        with transaction() as session:
            received = receive_file(
                session,
                services().keys,
                department=current_department(),
                content=request.get_data(),
                filename=query["filename"],
                template_code=query["template"],
                now=now(),
            )
            return _answer(received.delivery) | {"left_out_sheets": received.left_out_sheets}


@blp.route("/<uuid:delivery_id>")
class OneDelivery(MethodView):
    @department_token("records:deliver")
    @blp.response(200, DepartmentDelivery)
    @blp.alt_response(404, description="没有这个批次，或者不是本单位的（delivery_not_found）")
    def get(self, delivery_id: UUID) -> dict[str, object]:
        """一个批次的进度和结果"""
        with reading() as session:
            return _answer(get_own_delivery(session, current_department(), delivery_id))


def _answer(delivery: Delivery) -> dict[str, object]:
    template = load_templates().get(delivery.template)
    return {
        "id": delivery.id,
        "template": delivery.template,
        "template_name": template.name if template else delivery.template,
        "filename": delivery.filename,
        "state": delivery.state,
        "problem": delivery.problem,
        "received_at": delivery.received_at,
        "finished_at": delivery.finished_at,
        "delivered": delivery.delivered,
        "accepted": delivery.accepted,
        "duplicate": delivery.duplicate,
        "corrected": delivery.corrected,
        "quarantined": delivery.quarantined,
    }
