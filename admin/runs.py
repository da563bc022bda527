"""Score runs (评分运行): starting one, watching it, and what it came to."""

from __future__ import annotations

from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.scores.models import PolicyVersion, ScoreRun
from backend.scores.runs import get_run, list_runs, request_run
from backend.web import API_PREFIX
from backend.web.context import now, reading, transaction
from backend.web.guards import current_officer, signed_in_officer
from backend.web.idempotency import idempotent
from backend.web.moments import Moment

blp = Blueprint("officer runs", __name__, url_prefix=f"{API_PREFIX}/admin/runs", description="评分运行")

RUN_STATES = ("running", "staged", "published", "superseded", "failed")
SCORED_KINDS = ("person", "enterprise")
_RUNS_SHOWN = 100


class ScoreRunResponse(Schema):
    """`summary` is there once everything is computed: scored, mean, median, distribution, grades."""

    id = fields.String(required=True)
    subject_kind = fields.String(required=True, validate=validate.OneOf(SCORED_KINDS))
    policy_name = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(RUN_STATES))
    as_of = fields.Date(required=True)
    started_at = Moment(required=True)
    started_by = fields.String(required=True)
    finished_at = Moment(required=True, allow_none=True)
    published_at = Moment(required=True, allow_none=True)
    subjects_total = fields.Integer(required=True)
    subjects_done = fields.Integer(required=True)
    error = fields.String(required=True, allow_none=True)
    summary = fields.Dict(keys=fields.String(), required=True, allow_none=True)


class ScoreRunListResponse(Schema):
    items = fields.List(fields.Nested(ScoreRunResponse), required=True)


class ScoreRunRequest(Schema):
    subject_kind = fields.String(required=True, validate=validate.OneOf(SCORED_KINDS))


@blp.route("")
class ScoreRuns(MethodView):
    @signed_in_officer()
    @blp.response(200, ScoreRunListResponse)
    def get(self) -> dict[str, object]:
        """最近的评分运行，新的在前"""
        with reading() as session:
            return {"items": [_answer(session, run) for run in list_runs(session, limit=_RUNS_SHOWN)]}

    @signed_in_officer("score_officer")
    @idempotent
    @blp.arguments(ScoreRunRequest)
    @blp.response(202, ScoreRunResponse)
    def post(self, body: dict[str, str]) -> dict[str, object]:
        """启动评分运行；同类主体已有未完成的运行时，返回那一次"""
        with transaction() as session:
            run = request_run(
                session,
                subject_kind=body["subject_kind"],
                as_of=city_date(now()),
                started_by=current_officer().name,
                now=now(),
            )
            return _answer(session, run)


@blp.route("/<uuid:run_id>")
class OneScoreRun(MethodView):
    @signed_in_officer()
    @blp.response(200, ScoreRunResponse)
    def get(self, run_id: UUID) -> dict[str, object]:
        """一次评分运行的进度和结果"""
        with reading() as session:
            return _answer(session, get_run(session, run_id))


def _answer(session: Session, run: ScoreRun) -> dict[str, object]:
    return {
        "id": run.id,
        "subject_kind": run.subject_kind,
        "policy_name": session.get_one(PolicyVersion, run.policy_hash).name,
        "state": run.state,
        "as_of": run.as_of,
        "started_at": run.started_at,
        "started_by": run.started_by,
        "finished_at": run.finished_at,
        "published_at": run.published_at,
        "subjects_total": run.subjects_total,
        "subjects_done": run.subjects_done,
        "error": run.error,
        "summary": run.summary,
    }
