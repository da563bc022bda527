"""One's own score: what it is, where every point comes from, and how it went."""

from __future__ import annotations

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from backend.scores.explanation import explain_current_score
from backend.scores.not_counted import records_not_counted
from backend.scores.service import score_history
from backend.web import API_PREFIX
from backend.web.context import reading
from backend.web.guards import current_subject_id, signed_in_citizen
from backend.web.moments import Moment

blp = Blueprint("citizen score", __name__, url_prefix=f"{API_PREFIX}/me/score", description="本人信用分")

_POINTS = {"description": "百分之一分"}


class GradeResponse(Schema):
    code = fields.String(required=True, metadata={"description": "等级代码"})
    name = fields.String(required=True, metadata={"description": "等级名称"})


class GradeStep(GradeResponse):
    minimum = fields.Integer(required=True, metadata={"description": "达到该等级的最低分，百分之一分"})


class PolicyResponse(Schema):
    code = fields.String(required=True, metadata={"description": "评分方案代码"})
    name = fields.String(required=True, metadata={"description": "评分方案名称"})
    version = fields.String(required=True, metadata={"description": "评分方案版本"})
    hash = fields.String(required=True, metadata={"description": "评分方案内容的 SHA-256，凭此可以复算"})


class RecordShareResponse(Schema):
    id = fields.Integer(required=True, metadata={"description": "信用记录编号"})
    points = fields.Integer(required=True, metadata={"description": "该记录带来的分值，百分之一分"})
    counts_until = fields.Date(
        required=True, allow_none=True, metadata={"description": "计分的最后一天；没有期限时为 null"}
    )


class ContributionResponse(Schema):
    indicator = fields.String(required=True, metadata={"description": "指标代码；clamp 为分值上下限调整"})
    name = fields.String(required=True, metadata={"description": "指标名称"})
    dimension = fields.String(required=True, metadata={"description": "维度代码"})
    dimension_name = fields.String(required=True, metadata={"description": "维度名称"})
    points = fields.Integer(required=True, metadata=_POINTS)
    reason = fields.String(required=True, metadata={"description": "为什么是这个分值"})
    records = fields.List(fields.Nested(RecordShareResponse), required=True)
    fades_on = fields.Date(
        required=True, allow_none=True, metadata={"description": "开始减弱的日期；不会减弱时为 null"}
    )


class AdviceResponse(Schema):
    sentence = fields.String(required=True, metadata={"description": "怎样做可以提高分数"})
    gain = fields.Integer(required=True, metadata={"description": "可提高的分值，百分之一分"})


class NotCountedResponse(Schema):
    record_id = fields.Integer(required=True, metadata={"description": "信用记录编号"})
    why = fields.String(required=True, metadata={"description": "为什么没有计分"})


class ScoreResponse(Schema):
    """base 加上 contributions 各项 points 之和等于 total，分毫不差。"""

    total = fields.Integer(required=True, metadata=_POINTS)
    grade = fields.Nested(GradeResponse, required=True)
    base = fields.Integer(required=True, metadata={"description": "基础分，百分之一分"})
    minimum = fields.Integer(required=True, metadata={"description": "最低分，百分之一分"})
    maximum = fields.Integer(required=True, metadata={"description": "最高分，百分之一分"})
    as_of = fields.Date(required=True, metadata={"description": "计分日"})
    computed_at = Moment(required=True, metadata={"description": "计算时刻（UTC）"})
    policy = fields.Nested(PolicyResponse, required=True)
    grades = fields.List(fields.Nested(GradeStep), required=True, metadata={"description": "由高到低"})
    contributions = fields.List(fields.Nested(ContributionResponse), required=True)
    key_factors = fields.List(
        fields.String(), required=True, metadata={"description": "影响最大的指标代码，至多四个"}
    )
    advice = fields.List(fields.Nested(AdviceResponse), required=True)
    pending = fields.Boolean(required=True, metadata={"description": "数据有变化，正在重新计算"})
    not_counted = fields.List(fields.Nested(NotCountedResponse), required=True)


class HistoryPoint(Schema):
    as_of = fields.Date(required=True, metadata={"description": "计分日"})
    computed_at = Moment(required=True, metadata={"description": "计算时刻（UTC）"})
    total = fields.Integer(required=True, metadata=_POINTS)
    grade = fields.String(required=True, metadata={"description": "等级代码"})
    cause = fields.String(required=True, metadata={"description": "为什么重新计算"})


class HistoryResponse(Schema):
    items = fields.List(fields.Nested(HistoryPoint), required=True, metadata={"description": "由早到晚"})


@blp.route("")
class MyScore(MethodView):
    @signed_in_citizen
    @blp.response(200, ScoreResponse)
    @blp.alt_response(404, description="分数正在计算（no_score_yet）")
    @blp.alt_response(409, description="还没有开通（not_activated）")
    def get(self) -> dict[str, object]:
        """本人信用分：总分、每一分的来源、怎样提高"""
        with reading() as session:
            explanation = explain_current_score(session, current_subject_id())
            score, policy = explanation.score, explanation.policy
            return {
                "total": score.total,
                "grade": explanation.grade,
                "base": policy.base,
                "minimum": policy.minimum,
                "maximum": policy.maximum,
                "as_of": score.as_of,
                "computed_at": score.computed_at,
                "policy": policy,
                "grades": policy.grades,
                "contributions": explanation.contributions,
                "key_factors": explanation.key_factors,
                "advice": explanation.advice,
                "pending": explanation.pending,
                "not_counted": records_not_counted(session, explanation),
            }


@blp.route("/history")
class MyScoreHistory(MethodView):
    @signed_in_citizen
    @blp.response(200, HistoryResponse)
    def get(self) -> dict[str, object]:
        """本人信用分的历次变化"""
        with reading() as session:
            return {"items": score_history(session, current_subject_id())}
