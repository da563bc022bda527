"""How well the caller's own department delivers (数据质量): what the credit office sees, for it alone."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.city_calendar import city_date
from backend.records.early_warning import warnings
from backend.records.quality import quality_by_department, quality_by_month
from backend.records.quality_rules import quality_rules
from backend.web import API_PREFIX
from backend.web.context import now, reading
from backend.web.pages import page_of, page_schema
from backend.web.quality import (
    CAUSES_SHOWN,
    LastingQuery,
    MonthQualityResponse,
    OwnWarningResponse,
    QualityCause,
    QualityMeasures,
    QualityQuery,
    measures_of,
    month_answer,
    own_warning,
    period_of,
)
from miniprogram_api.department.access import current_department, department_token

blp = Blueprint(
    "department quality", __name__, url_prefix=f"{API_PREFIX}/department/quality", description="本单位的数据质量"
)


class OwnQualityResponse(Schema):
    timely_working_days = fields.Integer(required=True, metadata={"description": "几个工作日内报送算按时"})
    whole_period = fields.Nested(
        QualityMeasures,
        required=True,
        allow_none=True,
        metadata={"description": "整个时段合计；没有报送过则为空"},
    )
    causes = fields.List(
        fields.Nested(QualityCause), required=True, metadata={"description": "主要差错，多的在前"}
    )
    months = fields.List(
        fields.Nested(MonthQualityResponse), required=True, metadata={"description": "逐月，早的在前"}
    )


@blp.route("")
class OwnQuality(MethodView):
    @department_token("records:deliver")
    @blp.arguments(QualityQuery, location="query")
    @blp.response(200, OwnQualityResponse)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本单位报送数据的及时率、准确率、完整率和主要差错，合计和逐月"""
        only_own = {"source_department": current_department().name, **period_of(query)}
        with reading() as session:
            whole = quality_by_department(session, **only_own)
            months = quality_by_month(session, **only_own)
        return {
            "timely_working_days": quality_rules(city_date(now())).timely_working_days,
            "whole_period": measures_of(whole[0].quality) if whole else None,
            "causes": whole[0].quality.causes[:CAUSES_SHOWN] if whole else [],
            "months": [month_answer(each) for each in months],
        }


@blp.route("/warnings")
class OwnWarnings(MethodView):
    @department_token("records:deliver")
    @blp.arguments(LastingQuery, location="query")
    @blp.response(200, page_schema(OwnWarningResponse))
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """本单位的数据预警（久未报送、报送内容明显变化），新的在前"""
        with reading() as session:
            found = warnings(
                session,
                lasting=query["lasting"],
                source_department=current_department().name,
                before_id=query["cursor"],
                limit=query["limit"] + 1,
            )
            page = page_of(found, query["limit"], key=lambda warning: warning.id)
            return page | {"items": [own_warning(warning) for warning in found[: query["limit"]]]}
