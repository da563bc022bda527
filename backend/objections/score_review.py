"""A human looks at an automatic result (PIPL art. 24): the score is computed again from its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from backend.objections.errors import ScoreConfirmed, ScoreDiffers
from backend.objections.models import Objection
from backend.scores.explanation import ScoreExplanation, explain_current_score
from backend.scores.models import Score
from backend.scores.service import (
    compute_subject,
    current_score,
    recompute_subject,
    stored_contributions,
)
from backend.subjects.service import get_subject


@dataclass(frozen=True)
class ScoreReview:
    """Totals in hundredths.

    disputed    the score as it was when disputed; None after the subject has left
    current     the score that counts now
    recomputed  what the records as they are now give under the same policy and day
    """

    disputed: Score | None
    current: Score
    recomputed: int
    agrees: bool
    explanation: ScoreExplanation


def review_score(session: Session, objection: Objection) -> ScoreReview | None:
    """None when the subject has no score any more (they left, or are no longer scored)."""
    current = current_score(session, objection.subject_id)
    if current is None:
        return None
    subject = get_subject(session, objection.subject_id)
    result = compute_subject(session, subject, policy_hash=current.policy_hash, as_of=current.as_of)
    return ScoreReview(
        disputed=session.get(Score, objection.score_id) if objection.score_id else None,
        current=current,
        recomputed=result.total,
        agrees=stored_contributions(result) == current.contributions,
        explanation=explain_current_score(session, objection.subject_id),
    )


def check_score_confirmed(session: Session, objection: Objection) -> None:
    """Before the score is upheld against the citizen. Raises ScoreDiffers."""
    current = current_score(session, objection.subject_id)
    if current is not None and not _agrees(session, current):
        raise ScoreDiffers


def correct_score(session: Session, objection: Objection, *, now: datetime) -> datetime | None:
    """Compute the score again and put the result in place of the faulty one; since when that one was told.

    Raises ScoreConfirmed when the records give exactly what was disputed: then no fault has been found. That
    points fade with the days is none.
    """
    disputed = session.get(Score, objection.score_id) if objection.score_id else None
    if disputed is not None and _agrees(session, disputed):
        raise ScoreConfirmed
    recompute_subject(session, objection.subject_id, cause="objection_upheld", now=now)
    return disputed.computed_at if disputed else None


def _agrees(session: Session, score: Score) -> bool:
    """Whether the records as they are now give the score, part by part, on its own day under its own policy."""
    subject = get_subject(session, score.subject_id)
    result = compute_subject(session, subject, policy_hash=score.policy_hash, as_of=score.as_of)
    return stored_contributions(result) == score.contributions
