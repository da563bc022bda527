"""The figures of data quality as officers and departments read them: schemas and answers that both use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.catalogue.templates import load_templates
from backend.city_calendar import CITY_ZONE
from backend.records.early_warning import Reader, explanations_of, next_step
from backend.records.models import WARNING_KINDS, WARNING_STATES, SourceWarning, WarningExplanation
from backend.records.quality import MonthQuality, Quality
from backend.web.moments import Moment
from backend.web.pages import PageQuery

CAUSES_SHOWN = 5


class QualityQuery(Schema):
    """Days by the city's date of receipt; both are taken in."""

    since = fields.Date(load_default=None, metadata={"description": "从哪天起收到的；不填为全部"})
    until = fields.Date(load_default=None, metadata={"description": "到哪天为止；不填为今天"})


class QualityCause(Schema):
    code = fields.String(required=True)
    column = fields.String(required=True, metadata={"description": "出错的列；整行的问题为空"})
    count = fields.Integer(required=True, metadata={"description": "多少处"})


class QualityMeasures(Schema):
    """Shares are null where there is nothing to measure."""

    deliveries = fields.Integer(required=True, metadata={"description": "批次数"})
    delivered = fields.Integer(required=True, metadata={"description": "报送行数"})
    accepted = fields.Integer(required=True)
    duplicate = fields.Integer(required=True)
    corrected = fields.Integer(required=True)
    quarantined = fields.Integer(required=True)
    timeliness = fields.Float(required=True, allow_none=True, metadata={"description": "及时率：按时的新记录占比"})
    accuracy = fields.Float(required=True, allow_none=True, metadata={"description": "准确率：通过检查的行占比"})
    completeness = fields.Float(required=True, allow_none=True, metadata={"description": "完整率：选填格的填写率"})


class MonthQualityResponse(QualityMeasures):
    month = fields.String(required=True, metadata={"description": "年-月"})


class LastingQuery(PageQuery):
    lasting = fields.Boolean(load_default=None, metadata={"description": "true 只看还没有结束的"})


class WarningExplanationRequest(Schema):
    text = fields.String(
        required=True,
        validate=validate.Length(1, 500),
        metadata={"description": "发生了什么、怎样处理，例如：系统升级，停报一周"},
    )
    expected_on = fields.Date(
        load_default=None, metadata={"description": "预计哪天恢复正常报送；还不能确定的不填"}
    )


class WarningExplanationResponse(Schema):
    text = fields.String(required=True)
    expected_on = fields.Date(required=True, allow_none=True, metadata={"description": "预计恢复的日期"})
    said_by = fields.String(required=True, metadata={"description": "由谁说明"})
    said_at = Moment(required=True, metadata={"description": "说明的时刻（UTC）"})


class DataWarningResponse(Schema):
    """A warning as the credit office and the department itself read it."""

    id = fields.Integer(required=True)
    template = fields.String(required=True)
    template_name = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(WARNING_KINDS))
    message = fields.String(required=True, metadata={"description": "哪里与平常不同"})
    next_step = fields.String(required=True, metadata={"description": "接下来怎么办"})
    raised_at = Moment(required=True)
    ended_at = Moment(required=True, allow_none=True, metadata={"description": "情况恢复正常的时刻"})
    state = fields.String(
        required=True,
        validate=validate.OneOf(WARNING_STATES),
        metadata={"description": "open 信用办待确认，acknowledged 信用办已确认"},
    )
    acknowledged_at = Moment(required=True, allow_none=True)
    note = fields.String(
        required=True, allow_none=True, metadata={"description": "信用办怎样处理的；数源单位也能看到"}
    )
    explanations = fields.List(
        fields.Nested(WarningExplanationResponse),
        required=True,
        metadata={"description": "数源单位自己的说明，新的在前；最新的一条为准，以前的保留"},
    )


def warning_answers(
    session: Session, warnings: Sequence[SourceWarning], reader: Reader
) -> list[dict[str, object]]:
    said = explanations_of(session, warnings)
    return [_warning_answer(warning, reader, said[warning.id]) for warning in warnings]


def _warning_answer(
    warning: SourceWarning, reader: Reader, explanations: Sequence[WarningExplanation]
) -> dict[str, object]:
    template = load_templates().get(warning.template)
    return {
        "id": warning.id,
        "template": warning.template,
        "template_name": template.name if template else warning.template,
        "kind": warning.kind,
        "message": warning.message,
        "next_step": next_step(warning.kind, reader),
        "raised_at": warning.raised_at,
        "ended_at": warning.ended_at,
        "state": warning.state,
        "acknowledged_at": warning.acknowledged_at,
        "note": warning.note,
        "explanations": explanations,
    }


def period_of(query: dict[str, Any]) -> dict[str, datetime | None]:
    def midnight(day: date | None) -> datetime | None:
        return datetime.combine(day, time(), CITY_ZONE) if day else None

    until = query["until"]
    return {
        "received_from": midnight(query["since"]),
        "received_before": midnight(until + timedelta(days=1)) if until else None,
    }


def measures_of(quality: Quality) -> dict[str, object]:
    return {
        "deliveries": quality.deliveries,
        "delivered": quality.delivered,
        "accepted": quality.accepted,
        "duplicate": quality.duplicate,
        "corrected": quality.corrected,
        "quarantined": quality.quarantined,
        "timeliness": quality.timeliness,
        "accuracy": quality.accuracy,
        "completeness": quality.completeness,
    }


def month_answer(each: MonthQuality) -> dict[str, object]:
    return {"month": each.month, **measures_of(each.quality)}
