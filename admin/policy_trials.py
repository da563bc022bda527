"""政策试算: dragging the weights of a policy's indicators and seeing what the city would look like."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from backend.benefits.policy_effects import benefits_under
from backend.city_calendar import city_date
from backend.scores.simulation import PolicySimulation, published_policy, simulate_policy, tried_policy
from backend.web import API_PREFIX
from backend.web.context import now, reading, services
from backend.web.guards import signed_in_officer
from scoring.weights import parts_of, weight_needs_records

blp = Blueprint(
    "officer policy trials", __name__, url_prefix=f"{API_PREFIX}/admin/policy-trials", description="政策试算"
)

_OFFICE = ("score_officer", "reviewer", "auditor")
_PRICE = r"^[a-z0-9_]{1,64}:[a-z0-9-]{1,20}:-?[0-9]{1,7}$"
_WEIGHT = r"^[a-z0-9_]{1,64}:([12]?[0-9]{1,2}|300)$"


class TrialPart(Schema):
    """A tier's points, the points per unit, or the cap. All in hundredths; `at_least` is null for a cap."""

    code = fields.String(required=True)
    points = fields.Integer(required=True)
    at_least = fields.Integer(required=True, allow_none=True)


class TrialIndicator(Schema):
    """`reads_records`: a changed weight needs the records again, which takes longer. `parts` never do."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    dimension = fields.String(required=True)
    direction = fields.String(required=True, validate=validate.OneOf(("up", "down", "both")))
    unit = fields.String(required=True)
    reads_records = fields.Boolean(required=True)
    parts = fields.List(fields.Nested(TrialPart), required=True)


class TrialPolicyResponse(Schema):
    """The policy that the published scores were computed by."""

    name = fields.String(required=True)
    version = fields.String(required=True)
    as_of = fields.Date(required=True)
    indicators = fields.List(fields.Nested(TrialIndicator), required=True)


class TrialPolicyQuery(Schema):
    subject_kind = fields.String(required=True, validate=validate.OneOf(("person", "enterprise")))


class TrialQuery(TrialPolicyQuery):
    """Each may stand several times. `weight`: an indicator's code, a colon, and percent (0 to 300; 100: as it is).
    `price`: an indicator's code, the code of one of its parts, and its points in hundredths.
    """

    weight = fields.List(fields.String(validate=validate.Regexp(_WEIGHT)), load_default=list)
    price = fields.List(fields.String(validate=validate.Regexp(_PRICE)), load_default=list)


class TrialDistribution(Schema):
    mean = fields.Integer(required=True)
    deciles = fields.List(fields.Integer(), required=True)
    counts = fields.List(fields.Integer(), required=True)


class TrialGroup(Schema):
    group = fields.String(required=True)
    label = fields.String(required=True)
    subjects = fields.Integer(required=True)
    mean_before = fields.Integer(required=True)
    mean_after = fields.Integer(required=True)
    raised = fields.Integer(required=True)
    lowered = fields.Integer(required=True)


class TrialBenefit(Schema):
    scheme = fields.String(required=True)
    name = fields.String(required=True)
    before = fields.Integer(required=True)
    after = fields.Integer(required=True)
    gained = fields.Integer(required=True)
    lost = fields.Integer(required=True)


class TrialResponse(Schema):
    """Points in hundredths. `migration[i][j]`: from grade i to grade j of `grades`."""

    subjects = fields.Integer(required=True)
    raised = fields.Integer(required=True)
    lowered = fields.Integer(required=True)
    edges = fields.List(fields.Integer(), required=True)
    before = fields.Nested(TrialDistribution, required=True)
    after = fields.Nested(TrialDistribution, required=True)
    grades = fields.List(fields.String(), required=True)
    migration = fields.List(fields.List(fields.Integer()), required=True)
    groups = fields.List(fields.Nested(TrialGroup), required=True)
    read_again = fields.List(fields.String(), required=True)


class TrialBenefitsResponse(Schema):
    benefits = fields.List(fields.Nested(TrialBenefit), required=True)


@blp.route("/policy")
class TrialPolicy(MethodView):
    @signed_in_officer(*_OFFICE)
    @blp.arguments(TrialPolicyQuery, location="query")
    @blp.response(200, TrialPolicyResponse)
    def get(self, query: dict[str, str]) -> dict[str, object]:
        """现行方案有哪些指标可以试着调整"""
        with reading() as session:
            run, published = published_policy(session, query["subject_kind"])
            policy = published.on(run.as_of)
            return {
                "name": policy.name,
                "version": policy.version,
                "as_of": run.as_of,
                "indicators": [
                    {
                        "code": indicator.code,
                        "name": indicator.name,
                        "dimension": policy.dimension(indicator.dimension).name,
                        "direction": indicator.direction,
                        "unit": indicator.unit,
                        "reads_records": weight_needs_records(policy, indicator),
                        "parts": [asdict(part) for part in parts_of(policy, indicator)],
                    }
                    for indicator in policy.indicators
                ],
            }


@blp.route("/result")
class TrialResult(MethodView):
    @signed_in_officer(*_OFFICE)
    @blp.arguments(TrialQuery, location="query")
    @blp.response(200, TrialResponse)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """按调整后的权重和分值试算全市：分布、等级、分组；不改变任何人的分数"""
        with reading() as session:
            simulated = _simulated(session, query)
        told = simulated.told
        names = {indicator.code: indicator.name for indicator in simulated.after.indicators}
        return {
            "subjects": len(told.after.subject),
            "raised": told.raised,
            "lowered": told.lowered,
            "edges": told.edges,
            "before": asdict(told.distribution_before),
            "after": asdict(told.distribution_after),
            "grades": [grade.name for grade in simulated.after.grades],
            "migration": told.migration,
            "groups": [asdict(effect) for effect in told.groups],
            "read_again": [names.get(code, code) for code in told.read_again],
        }


@blp.route("/benefits")
class TrialBenefits(MethodView):
    @signed_in_officer(*_OFFICE)
    @blp.arguments(TrialQuery, location="query")
    @blp.response(200, TrialBenefitsResponse)
    def get(self, query: dict[str, Any]) -> dict[str, object]:
        """同样的试算之下，在施行的各项权益谁得到、谁失去；另问，因为比分布费时"""
        with reading() as session:
            changes = benefits_under(session, _simulated(session, query), on=city_date(now()))
        return {"benefits": [asdict(change) for change in changes]}


def _simulated(session: Session, query: dict[str, Any]) -> PolicySimulation:
    return simulate_policy(
        session,
        tried_policy(session, query["subject_kind"], _percents(query["weight"]), _prices(query["price"])),
        data_dir=services().config.data_dir,
        on=city_date(now()),
        threads=os.cpu_count() or 1,
    )


def _prices(prices: list[str]) -> dict[tuple[str, str], int]:
    return {(code, part): int(points) for code, part, points in (price.split(":") for price in prices)}


def _percents(weights: list[str]) -> dict[str, int]:
    return {code: int(percent) for code, _, percent in (weight.partition(":") for weight in weights)}
