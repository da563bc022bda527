"""The console's first page: how many subjects, how their scores lie, and what waits for an officer.

It only reads, across features, and only figures: nothing here tells of one person.
"""

from __future__ import annotations

from datetime import date

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.deliveries import DeliveryResponse, delivery_answer
from admin.runs import SCORED_KINDS
from backend.authorizations.models import Consent
from backend.catalogue.templates import load_templates
from backend.city_calendar import city_date
from backend.commitments.service import count_due
from backend.deletion_requests.service import count_open as count_deletion_requests
from backend.objections.service import count_open as count_objections
from backend.records.models import Delivery, QuarantinedRow
from backend.records.service import deliveries
from backend.repairs.service import count_open as count_repairs
from backend.scores.models import PolicyVersion, ScoreRun
from backend.scores.service import published_run_ids
from backend.subjects.models import Subject
from backend.supplements.service import count_open as count_supplements
from backend.web import API_PREFIX
from backend.web.context import now, reading, services
from backend.web.guards import signed_in_officer
from backend.web.moments import Moment

blp = Blueprint("officer overview", __name__, url_prefix=f"{API_PREFIX}/admin", description="工作台总览")

_DELIVERIES_SHOWN = 6


class SubjectCounts(Schema):
    """Subjects in each of the three registers (三库) that are in being: not cancelled, merged or deceased."""

    person = fields.Integer(required=True)
    enterprise = fields.Integer(required=True)
    organisation = fields.Integer(required=True)


class ScoreCoverage(Schema):
    scored = fields.Integer(required=True)
    eligible = fields.Integer(required=True, metadata={"description": "在册的该类主体数"})


class ScoreDistribution(Schema):
    """A histogram: `counts[i]` subjects have a total in `[edges[i], edges[i + 1])`; the last bin is closed."""

    edges = fields.List(fields.Integer(), required=True, metadata={"description": "百分之一分"})
    counts = fields.List(fields.Integer(), required=True)


class GradeShare(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)
    minimum = fields.Integer(required=True, metadata={"description": "百分之一分，达到即属本等级"})
    count = fields.Integer(required=True)


class PublishedRunResponse(Schema):
    subject_kind = fields.String(required=True, validate=validate.OneOf(SCORED_KINDS))
    policy_name = fields.String(required=True)
    run_id = fields.String(required=True)
    as_of = fields.Date(required=True)
    published_at = Moment(required=True)
    coverage = fields.Nested(ScoreCoverage, required=True)
    distribution = fields.Nested(ScoreDistribution, required=True)
    grades = fields.List(fields.Nested(GradeShare), required=True)
    mean = fields.Integer(required=True, allow_none=True, metadata={"description": "百分之一分"})
    median = fields.Integer(required=True, allow_none=True, metadata={"description": "百分之一分"})


class OverviewResponse(Schema):
    city_name = fields.String(required=True)
    subjects = fields.Nested(SubjectCounts, required=True)
    activated = fields.Integer(required=True)
    records = fields.Integer(required=True)
    quarantined_open = fields.Integer(required=True)
    objections_open = fields.Integer(required=True)
    objections_overdue = fields.Integer(required=True)
    repairs_open = fields.Integer(required=True)
    repairs_overdue = fields.Integer(required=True)
    supplements_open = fields.Integer(required=True)
    supplements_overdue = fields.Integer(required=True)
    deletion_requests_open = fields.Integer(required=True)
    deletion_requests_overdue = fields.Integer(required=True)
    commitments_due = fields.Integer(required=True, metadata={"description": "到期待核实履行情况的信用承诺"})
    published = fields.List(fields.Nested(PublishedRunResponse), required=True)
    deliveries_recent = fields.List(fields.Nested(DeliveryResponse), required=True)


@blp.route("/overview")
class Overview(MethodView):
    @signed_in_officer()
    @blp.response(200, OverviewResponse)
    def get(self) -> dict[str, object]:
        """三库、得分分布和待办事项"""
        with reading() as session:
            subjects = _subjects_in_being(session)
            return {
                "city_name": services().config.city_name,
                "subjects": subjects,
                "activated": _activated(session),
                "records": _records(session),
                "quarantined_open": _quarantined(session),
                **_waiting(session, city_date(now())),
                "published": [
                    _published(session, run_id, subjects) for run_id in published_run_ids(session).values()
                ],
                "deliveries_recent": [
                    delivery_answer(delivery) for delivery in deliveries(session, limit=_DELIVERIES_SHOWN)
                ],
            }


def _subjects_in_being(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(Subject.kind, func.count()).where(Subject.status == "active").group_by(Subject.kind)
    )
    counted = dict(iter(rows))
    return {kind: counted.get(kind, 0) for kind in ("person", "enterprise", "organisation")}


def _activated(session: Session) -> int:
    return session.scalars(
        select(func.count()).where(Consent.kind == "activation", Consent.state == "given")
    ).one()


def _records(session: Session) -> int:
    """Every accepted row of a record template is one record; counting records themselves would take minutes."""
    of_records = [code for code, template in load_templates().items() if template.register is None]
    return session.scalars(
        select(func.coalesce(func.sum(Delivery.accepted), 0)).where(Delivery.template.in_(of_records))
    ).one()


def _quarantined(session: Session) -> int:
    return session.scalars(select(func.count()).where(QuarantinedRow.state == "open")).one()


def _waiting(session: Session, today: date) -> dict[str, int]:
    """What is on the city's clock, and how much of it is late."""
    figures = {"commitments_due": count_due(session, today)}
    for kind, count in (
        ("objections", count_objections),
        ("repairs", count_repairs),
        ("supplements", count_supplements),
        ("deletion_requests", count_deletion_requests),
    ):
        figures[f"{kind}_open"], figures[f"{kind}_overdue"] = count(session, today)
    return figures


def _published(session: Session, run_id: object, subjects: dict[str, int]) -> dict[str, object]:
    run = session.get_one(ScoreRun, run_id)
    summary = run.summary or {}
    return {
        "subject_kind": run.subject_kind,
        "policy_name": session.get_one(PolicyVersion, run.policy_hash).name,
        "run_id": run.id,
        "as_of": run.as_of,
        "published_at": run.published_at,
        "coverage": {"scored": summary["scored"], "eligible": subjects[run.subject_kind]},
        "distribution": summary["distribution"],
        "grades": summary["grades"],
        "mean": summary["mean"],
        "median": summary["median"],
    }
