"""How a subject gets to a score that is wanted: what to do, or until when to wait, each computed anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from backend.authorizations.service import has_activated
from backend.scores.inputs import columns_of_subject, day_number, day_of
from backend.scores.policies import policy_of
from backend.scores.service import current_score
from backend.subjects.models import Subject
from backend.subjects.rescoring import is_marked
from scoring.engine import SubjectResult, score_one
from scoring.explain import Plan, format_number, plan_by_acting, plan_by_waiting
from scoring.policy import Policy


@dataclass(frozen=True)
class ScoreThen:
    """A score as it would be: `total` in hundredths, `grade` the grade's code."""

    total: int
    grade: str


@dataclass(frozen=True)
class ScoreWay:
    """`steps` in words; `on` is the day from which it is so, None: as soon as the steps are done and recorded."""

    steps: Sequence[str]
    result: str
    on: date | None
    then: ScoreThen


def ways_to_score(
    session: Session, subject: Subject, wanted: Callable[[ScoreThen], bool], *, today: date
) -> Sequence[ScoreWay]:
    """By the policy in force: what to do first, then waiting. Empty without a score, while it is being computed
    anew, and where neither leads there."""
    score = current_score(session, subject.id)
    if score is None or is_marked(session, subject.id):
        return []
    if subject.kind == "person" and not has_activated(session, subject.id):
        return []
    policy, compiled = policy_of(session, score.policy_hash)
    as_of = day_number(score.as_of)
    columns = columns_of_subject(
        session, subject.id, subject_kind=subject.kind, compiled=compiled, as_of=score.as_of
    )
    if score_one(compiled, columns, as_of).total != score.total:
        return []

    def reached(result: SubjectResult) -> bool:
        return wanted(_then(policy, result))

    plans = (
        plan_by_acting(policy, compiled, columns, as_of, reached),
        plan_by_waiting(policy, compiled, columns, as_of, reached),
    )
    return [_way(policy, plan, score.as_of) for plan in plans if plan is not None and _is_ahead(plan, today)]


def _is_ahead(plan: Plan, today: date) -> bool:
    """A day that has come already is told by the next run, not promised."""
    return bool(plan.steps) or day_of(plan.day) > today


def _then(policy: Policy, result: SubjectResult) -> ScoreThen:
    return ScoreThen(total=result.total, grade=policy.grades[result.grade].code)


def _way(policy: Policy, plan: Plan, as_of: date) -> ScoreWay:
    then = _then(policy, plan.result)
    reached = f"{format_number(plan.result.total, 2)} 分（{policy.grades[plan.result.grade].name}）"
    if plan.steps:
        return ScoreWay([step.sentence for step in plan.steps], f"做到后为 {reached}", None, then)
    day = day_of(plan.day)
    what = "、".join(f"“{name}”" for name in plan.rising)
    return ScoreWay(
        [f"不需要做什么：{day:%Y-%m-%d} 起，{what}的影响减弱或不再计入"], f"届时为 {reached}", day, then
    )
