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
from scoring.engine import SubjectResult
from scoring.explain import format_number
from scoring.outlook import Outlook, Plan
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


class ScoreOutlook:
    """Of one subject, by the policy in force. It knows no way without a score, or while that is computed anew."""

    def __init__(self, session: Session, subject: Subject, *, today: date) -> None:
        self._today = today
        self._ahead: Outlook | None = None
        score = current_score(session, subject.id)
        if score is None or is_marked(session, subject.id):
            return
        if subject.kind == "person" and not has_activated(session, subject.id):
            return
        self._as_of = score.as_of
        self._policy, compiled = policy_of(session, score.policy_hash)
        columns = columns_of_subject(
            session, subject.id, subject_kind=subject.kind, compiled=compiled, as_of=score.as_of
        )
        ahead = Outlook(self._policy, compiled, columns, day_number(score.as_of))
        if ahead.now.total == score.total:
            self._ahead = ahead

    def ways_to(self, wanted: Callable[[ScoreThen], bool]) -> Sequence[ScoreWay]:
        """What to do first, then waiting; empty where neither leads there."""
        if self._ahead is None:
            return []

        def reached(result: SubjectResult) -> bool:
            return wanted(_then(self._policy, result))

        plans = (self._ahead.by_acting(reached), self._ahead.by_waiting(reached))
        return [
            _way(self._policy, plan, self._as_of)
            for plan in plans
            if plan is not None and _is_ahead(plan, self._today)
        ]


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
