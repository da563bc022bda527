"""The department's own rows that could not be taken in: why, cell by cell, and handing them in corrected."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from backend.records.models import QUARANTINE_STATES, Delivery, QuarantinedRow
from backend.records.quarantine import in_template_order, quarantined_rows, resubmit_row
from backend.web import API_PREFIX
from backend.web.context import now, reading, services, transaction
from backend.web.guards import limited
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import PageQuery, page_of, page_schema
from miniprogram_api.department.access import current_department, department_token

blp = Blueprint(
    "department quarantine",
    __name__,
    url_prefix=f"{API_PREFIX}/department/quarantine",
    description="数源单位待处理的行",
)

MOST_ROWS_AT_ONCE = 200


class DepartmentQuarantineQuery(PageQuery):
    delivery = fields.UUID(load_default=None, metadata={"description": "只看某一批次"})
    reason = fields.String(load_default=None, metadata={"description": "只看某种原因（code）"})
    state = fields.String(
        load_default="open",
        validate=validate.OneOf(QUARANTINE_STATES),
        metadata={"description": "open 待处理，resubmitted 已更正入库，dropped 不再处理"},
    )


class CellReason(Schema):
    column = fields.String(required=True, metadata={"description": "出错的列；整行的问题为空"})
    code = fields.String(required=True, metadata={"description": "原因代码"})
    message = fields.String(required=True, metadata={"description": "哪里不对，怎么办"})


class DepartmentQuarantinedRow(Schema):
    id = fields.Integer(required=True, metadata={"description": "待处理编号，更正时填写"})
    delivery_id = fields.UUID(required=True, metadata={"description": "所属批次"})
    row_number = fields.Integer(required=True, metadata={"description": "在批次或文件中的行号"})
    template = fields.String(required=True, metadata={"description": "模板代码"})
    row = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "报送的内容，号码和姓名已遮盖"},
    )
    reasons = fields.List(fields.Nested(CellReason), required=True)
    state = fields.String(required=True, validate=validate.OneOf(QUARANTINE_STATES))
    created_at = Moment(required=True, metadata={"description": "进入待处理区的时刻（UTC）"})


class Correction(Schema):
    id = fields.Integer(required=True, strict=True, metadata={"description": "待处理编号"})
    cells = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 64)),
        values=fields.String(validate=validate.Length(max=5_000)),
        required=True,
        validate=validate.Length(1, 64),
        metadata={"description": "中文列名到更正后的内容；只写要改的列，其余按原值"},
    )


class CorrectionRequest(Schema):
    rows = fields.List(fields.Nested(Correction), required=True, validate=validate.Length(1, MOST_ROWS_AT_ONCE))


class CorrectionOutcome(Schema):
    id = fields.Integer(required=True, metadata={"description": "待处理编号"})
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(("accepted", "corrected", "duplicate", "quarantined")),
        metadata={"description": "quarantined 表示仍有问题，没有改变"},
    )
    reasons = fields.List(fields.Nested(CellReason), required=True, metadata={"description": "仍然存在的问题"})


class CorrectionResponse(Schema):
    items = fields.List(fields.Nested(CorrectionOutcome), required=True)


@blp.route("")
class Rows(MethodView):
    @department_token("records:deliver")
    @blp.arguments(DepartmentQuarantineQuery, location="query")
    @blp.response(200, page_schema(DepartmentQuarantinedRow))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本单位待处理的行，先到的在前；每一格的原因都列出"""
        with reading() as session:
            found = quarantined_rows(
                session,
                state=query["state"],
                code=query["reason"],
                delivery_id=query["delivery"],
                source_department=current_department().name,
                after_id=query["cursor"] or 0,
                limit=query["limit"] + 1,
            )
            page = page_of(found, query["limit"], key=lambda pair: pair[0].id)
            return page | {"items": [_answer(row, delivery) for row, delivery in found[: query["limit"]]]}


@blp.route("/corrections")
class Corrections(MethodView):
    @department_token("records:deliver")
    @limited("department_corrections", most=600, window_seconds=60)
    @idempotent
    @blp.arguments(CorrectionRequest)
    @blp.response(200, CorrectionResponse)
    @blp.alt_response(404, description="没有这一行，或者不是本单位的（quarantined_row_not_found）")
    @blp.alt_response(409, description="这一行已经处理过（quarantined_row_already_resolved）")
    def post(self, body: dict[str, Any]) -> dict[str, object]:
        """更正若干行并重新提交

        改对的行立即入库；仍有问题的原样留在待处理区，并说明还有什么问题。有一个编号不对时，整个请求都不生效。
        """
        department = current_department()
        with transaction() as session:
            items = []
            for row in body["rows"]:
                resubmission = resubmit_row(
                    session,
                    services().intake,
                    row["id"],
                    row["cells"],
                    now=now(),
                    by=department.name,
                    owner=department,
                )
                items.append({"id": row["id"], "outcome": resubmission.outcome, "reasons": resubmission.reasons})
            return {"items": items}


def _answer(row: QuarantinedRow, delivery: Delivery) -> dict[str, object]:
    return {
        "id": row.id,
        "delivery_id": row.delivery_id,
        "row_number": row.row_number,
        "template": delivery.template,
        "row": in_template_order(delivery.template, row.masked_row),
        "reasons": row.reasons,
        "state": row.state,
        "created_at": row.created_at,
    }
