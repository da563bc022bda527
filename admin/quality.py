"""How well the source departments deliver (数据质量): per department, by month, and the warnings about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.records.early_warning import acknowledge_warning, warnings
from backend.records.models import WARNING_STATES, SourceWarning
from backend.records.quality import quality_by_department, quality_by_month
from backend.records.quality_rules import quality_rules
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_officer, signed_in_officer
from backend.web.idempotency import idempotent
from backend.web.moments import Moment
from backend.web.pages import page_of, page_schema
from backend.web.quality import (
    CAUSES_SHOWN,
    DataWarningResponse,
    LastingQuery,
    MonthQualityResponse,
    QualityCause,
    QualityMeasures,
    QualityQuery,
    measures_of,
    month_answer,
    period_of,
    warning_answers,
)

blp = Blueprint("officer quality", __name__, url_prefix=f"{API_PREFIX}/admin/quality", description="数据质量")

_MAY_READ = ("data_officer", "auditor")


class TrendQuery(QualityQuery):
    department = fields.String(load_default=None, metadata={"description": "只看一个数源单位"})


class DepartmentQualityResponse(QualityMeasures):
    source_department = fields.String(required=True)
    last_received_at = Moment(required=True)
    causes = fields.List(fields.Nested(QualityCause), required=True, metadata={"description": "主要差错"})


class DepartmentQualities(Schema):
    timely_working_days = fields.Integer(required=True, metadata={"description": "几个工作日内报送算按时"})
    items = fields.List(fields.Nested(DepartmentQualityResponse), required=True)


class MonthQualities(Schema):
    items = fields.List(fields.Nested(MonthQualityResponse), required=True)


class WarningsQuery(LastingQuery):
    state = fields.String(load_default=None, validate=validate.OneOf(WARNING_STATES))


class SourceWarningResponse(DataWarningResponse):
    source_department = fields.String(required=True)
    acknowledged_by = fields.String(required=True, allow_none=True)


class AcknowledgementRequest(Schema):
    note = fields.String(
        required=True, validate=validate.Length(1, 500), metadata={"description": "怎样处理的；数源单位也能看到"}
    )


@blp.route("")
class Qualities(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(QualityQuery, location="query")
    @blp.response(200, DepartmentQualities)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """各数源单位的数据质量，报送多的在前"""
        with reading() as session:
            found = quality_by_department(session, **period_of(query))
        return {
            "timely_working_days": quality_rules(city_date(now())).timely_working_days,
            "items": [
                {
                    "source_department": each.source_department,
                    "last_received_at": each.quality.last_received_at,
                    "causes": each.quality.causes[:CAUSES_SHOWN],
                    **measures_of(each.quality),
                }
                for each in found
            ],
        }


@blp.route("/months")
class Months(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(TrendQuery, location="query")
    @blp.response(200, MonthQualities)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """逐月的数据质量，早的在前；没有报送的月份不列"""
        with reading() as session:
            found = quality_by_month(session, source_department=query["department"], **period_of(query))
        return {"items": [month_answer(each) for each in found]}


@blp.route("/warnings")
class Warnings(MethodView):
    @signed_in_officer(*_MAY_READ)
    @blp.arguments(WarningsQuery, location="query")
    @blp.response(200, page_schema(SourceWarningResponse))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """数据预警，新的在前"""
        with reading() as session:
            found = warnings(
                session,
                state=query["state"],
                lasting=query["lasting"],
                before_id=query["cursor"],
                limit=query["limit"] + 1,
            )
            page = page_of(found, query["limit"], key=lambda warning: warning.id)
            return page | {"items": _warnings(session, found[: query["limit"]])}


@blp.route("/warnings/<int:warning_id>/acknowledgement")
class Acknowledgement(MethodView):
    @signed_in_officer("data_officer")
    @idempotent
    @blp.arguments(AcknowledgementRequest)
    @blp.response(200, SourceWarningResponse)
    @blp.alt_response(404, description="没有这条预警（source_warning_not_found）")
    @blp.alt_response(409, description="已经处理过（source_warning_already_acknowledged）")
    def post(self, body: dict[str, str], warning_id: int) -> dict[str, object]:
        """确认一条预警，并写明怎样处理"""
        with transaction() as session:
            warning = acknowledge_warning(
                session, warning_id, note=body["note"], by=current_officer().name, now=now()
            )
            return _warnings(session, [warning])[0]


def _warnings(session: Session, found: Sequence[SourceWarning]) -> list[dict[str, object]]:
    return [
        {
            **answer,
            "source_department": warning.source_department,
            "acknowledged_by": warning.acknowledged_by,
        }
        for warning, answer in zip(found, warning_answers(session, found, "office"), strict=True)
    ]
