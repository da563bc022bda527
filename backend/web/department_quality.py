"""How well a source department delivers (数据质量), as it reads that itself: in its own system, in the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.records.early_warning import explain_warning, warnings
from backend.records.quality import quality_by_department, quality_by_month
from backend.records.quality_rules import quality_rules
from backend.web.context import now, reading, transaction
from backend.web.guards import View
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
    WarningExplanationRequest,
    measures_of,
    month_answer,
    period_of,
    warning_answers,
)


class OwnQualityResponse(Schema):
    timely_working_days = fields.Integer(required=True, metadata={"description": "几个工作日内报送算按时"})
    whole_period = fields.Nested(
        QualityMeasures,
        required=True,
        allow_none=True,
        metadata={"description": "整个时段合计；没有报送过则为空"},
    )
    last_received_at = Moment(
        required=True, allow_none=True, metadata={"description": "这个时段最近一次报送的时刻（UTC）"}
    )
    causes = fields.List(
        fields.Nested(QualityCause), required=True, metadata={"description": "主要差错，多的在前"}
    )
    months = fields.List(
        fields.Nested(MonthQualityResponse), required=True, metadata={"description": "逐月，早的在前"}
    )


_WarningPage = page_schema(DataWarningResponse)


def add_quality_routes(
    blp: Blueprint,
    *,
    guard: Callable[[View], View],
    department_name: Callable[[Session], str],
    speaker: Callable[[Session], str],
) -> None:
    """`department_name` is the caller's own: figures and warnings of any other are never answered. `speaker` is
    whom an explanation is kept as from."""

    @blp.route("/quality")
    class OwnQuality(MethodView):
        @guard
        @blp.arguments(QualityQuery, location="query")
        @blp.response(200, OwnQualityResponse)
        def get(self, query: dict[str, Any]) -> dict[str, object]:
            """本单位报送数据的及时率、准确率、完整率和主要差错，合计和逐月"""
            with reading() as session:
                own: dict[str, Any] = {"source_department": department_name(session), **period_of(query)}
                whole = quality_by_department(session, **own)
                months = quality_by_month(session, **own)
            return {
                "timely_working_days": quality_rules(city_date(now())).timely_working_days,
                "whole_period": measures_of(whole[0].quality) if whole else None,
                "last_received_at": whole[0].quality.last_received_at if whole else None,
                "causes": whole[0].quality.causes[:CAUSES_SHOWN] if whole else [],
                "months": [month_answer(each) for each in months],
            }

    @blp.route("/quality/warnings")
    class OwnWarnings(MethodView):
        @guard
        @blp.arguments(LastingQuery, location="query")
        @blp.response(200, _WarningPage)
        def get(self, query: dict[str, Any]) -> dict[str, object]:
            """本单位的数据预警（久未报送、报送内容明显变化），新的在前"""
            with reading() as session:
                found = warnings(
                    session,
                    lasting=query["lasting"],
                    source_department=department_name(session),
                    before_id=query["cursor"],
                    limit=query["limit"] + 1,
                )
                page = page_of(found, query["limit"], key=lambda warning: warning.id)
                return page | {"items": warning_answers(session, found[: query["limit"]], "department")}

    @blp.route("/quality/warnings/<int:warning_id>/explanations")
    class OwnExplanations(MethodView):
        @guard
        @idempotent
        @blp.arguments(WarningExplanationRequest)
        @blp.response(201, DataWarningResponse)
        @blp.alt_response(404, description="没有这条预警，或者不是本单位的（source_warning_not_found）")
        @blp.alt_response(409, description="预警已经结束（source_warning_over）")
        def post(self, body: dict[str, Any], warning_id: int) -> dict[str, object]:
            """向信用办说明一条预警的原因、预计何时恢复；可以再说明，以最新的为准"""
            with transaction() as session:
                warning = explain_warning(
                    session,
                    warning_id,
                    source_department=department_name(session),
                    text=body["text"],
                    expected_on=body["expected_on"],
                    by=speaker(session),
                    now=now(),
                )
                return warning_answers(session, [warning], "department")[0]
