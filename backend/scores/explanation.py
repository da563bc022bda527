"""Why the score is what it is: the parts that add up to it, the records behind each, and what would raise it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

import scoring.explain
from backend.authorizations.service import has_activated
from backend.scores.errors import NoScoreYet, NotActivated
from backend.scores.inputs import columns_of_subject, day_number, day_of
from backend.scores.models import Score
from backend.scores.policies import policy_of
from backend.scores.service import compute_subject, current_score, stored_contributions
from backend.subjects.rescoring import is_marked
from backend.subjects.service import get_subject
from scoring.engine import RecordPart
from scoring.explain import Advice, advise, explain
from scoring.policy import Grade, Policy

MOST_ADVICE = 5
CLAMP_PLACE = ("分值上下限调整", "clamp", "分值上下限")


@dataclass(frozen=True)
class RecordShare:
    """How many hundredths of a point one record brings, and until when."""

    id: int
    points: int
    counts_until: date | None


@dataclass(frozen=True)
class ExplainedContribution:
    indicator: str
    name: str
    dimension: str
    dimension_name: str
    points: int
    reason: str
    records: Sequence[RecordShare]
    fades_on: date | None


@dataclass(frozen=True)
class ScoreExplanation:
    """`policy.base` plus the points of `contributions` is `score.total`, to the hundredth.

    `pending` says that the subject's data has changed since: the stored score is still shown, its records are
    named again once the recomputation is through.
    """

    score: Score
    policy: Policy
    grade: Grade
    contributions: Sequence[ExplainedContribution]
    key_factors: Sequence[str]
    advice: Sequence[Advice]
    pending: bool


def explain_current_score(session: Session, subject_id: int) -> ScoreExplanation:
    """Raises NotActivated for a person without consent, NoScoreYet while there is none."""
    subject = get_subject(session, subject_id)
    if subject.kind == "person" and not has_activated(session, subject_id):
        raise NotActivated
    score = current_score(session, subject_id)
    if score is None:
        raise NoScoreYet
    policy, compiled = policy_of(session, score.policy_hash)
    result = compute_subject(session, subject, policy_hash=score.policy_hash, as_of=score.as_of)
    is_current = stored_contributions(result) == score.contributions and not is_marked(session, subject_id)
    grade = next(grade for grade in policy.grades if grade.code == score.grade)
    if not is_current:
        return ScoreExplanation(
            score=score,
            policy=policy,
            grade=grade,
            contributions=_stored_contributions(policy, score),
            key_factors=[],
            advice=[],
            pending=True,
        )
    told = explain(policy, result)
    columns = columns_of_subject(
        session, subject_id, subject_kind=subject.kind, compiled=compiled, as_of=score.as_of
    )
    return ScoreExplanation(
        score=score,
        policy=policy,
        grade=grade,
        contributions=[
            *(
                _in_full(item, parts.records)
                for item, parts in zip(told.contributions, result.contributions, strict=True)
            ),
            *_clamp(told),
        ],
        key_factors=[factor.indicator for factor in told.key_factors],
        advice=advise(policy, compiled, columns, day_number(score.as_of), limit=MOST_ADVICE),
        pending=False,
    )


def _in_full(item: scoring.explain.ExplainedContribution, parts: Sequence[RecordPart]) -> ExplainedContribution:
    return ExplainedContribution(
        indicator=item.indicator,
        name=item.name,
        dimension=item.dimension,
        dimension_name=item.dimension_name,
        points=item.points,
        reason=item.reason,
        records=[
            RecordShare(
                id=part.record,
                points=part.points,
                counts_until=None if part.counts_until_day is None else day_of(part.counts_until_day),
            )
            for part in parts
        ],
        fades_on=min((day_of(fade.day) for fade in item.fades), default=None),
    )


def _clamp(told: scoring.explain.Explanation) -> list[ExplainedContribution]:
    """What limits added or took away: a contribution of its own, so that the sum stays exact."""
    if not told.clamp:
        return []
    name, dimension, dimension_name = CLAMP_PLACE
    return [
        ExplainedContribution(
            indicator="clamp",
            name=name,
            dimension=dimension,
            dimension_name=dimension_name,
            points=told.clamp,
            reason="；".join(told.limits),
            records=[],
            fades_on=None,
        )
    ]


def _stored_contributions(policy: Policy, score: Score) -> list[ExplainedContribution]:
    """The parts of a score whose records have changed since: still its exact sum, without naming records."""
    places = {
        indicator.code: (indicator.name, dimension.code, dimension.name)
        for dimension in policy.dimensions
        for indicator in dimension.indicators
    }
    contributions = []
    for code, points in score.contributions.items():
        name, dimension, dimension_name = places.get(code, CLAMP_PLACE)
        contributions.append(
            ExplainedContribution(
                indicator=code,
                name=name,
                dimension=dimension,
                dimension_name=dimension_name,
                points=points,
                reason="相关记录有变化，正在重新计算",
                records=[],
                fades_on=None,
            )
        )
    return contributions
