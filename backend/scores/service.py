"""The score of one subject: the one that counts now, its history, and its recomputation after a change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from backend.authorizations.service import has_activated, hold_activation
from backend.city_calendar import city_date
from backend.database import Database, note_change
from backend.scores.departures import end_use_of
from backend.scores.inputs import RELATION_CODES, columns_of_subject, day_number
from backend.scores.models import PublishedRun, Score, ScoreRun
from backend.scores.policies import policy_in_force, policy_of
from backend.subjects.models import Subject, SubjectRelation
from backend.subjects.rescoring import close_marks, is_anybody_marked, open_marks, unfold_marks
from backend.subjects.service import is_adult
from scoring.engine import SubjectResult, score_one

_MARKS_AT_ONCE = 50


def published_run_ids(session: Session) -> dict[str, UUID]:
    """The published run by kind of subject."""
    return dict(session.execute(select(PublishedRun.subject_kind, PublishedRun.run_id)).all())


def current_score(session: Session, subject_id: int) -> Score | None:
    """The newest revision in the published run; None when the subject has no score, or is no more."""
    return session.scalars(
        select(Score)
        .join(PublishedRun, PublishedRun.run_id == Score.run_id)
        .join(Subject, Subject.id == Score.subject_id)
        .where(Score.subject_id == subject_id, Subject.status == "active")
        .order_by(Score.revision.desc())
        .limit(1)
    ).first()


def score_history(session: Session, subject_id: int) -> Sequence[Score]:
    """Every score that was ever shown, oldest first; recomputations that changed nothing left none."""
    return session.scalars(
        select(Score)
        .join(ScoreRun, ScoreRun.id == Score.run_id)
        .where(Score.subject_id == subject_id, ScoreRun.state.in_(["published", "superseded"]))
        .order_by(Score.computed_at, Score.id)
    ).all()


def recompute_marked(database: Database, *, now: datetime) -> Sequence[int]:
    """Recompute the subjects whose data changed, and tell which they were. Run every second by a worker."""
    with database.reading() as session:
        if not is_anybody_marked(session):
            return []
    with database.transaction() as session:
        marks = open_marks(session, limit=_MARKS_AT_ONCE)
        if len(marks) < _MARKS_AT_ONCE:
            # Whom a delivery concerned comes after whoever changed something by hand.
            unfold_marks(session)
            marks = open_marks(session, limit=_MARKS_AT_ONCE)
        causes = {subject_id: of_subject[-1].cause for subject_id, of_subject in marks.items()}
        for subject_id, cause in list(causes.items()):
            # A principal's change reaches through to the enterprise.
            for enterprise_id in enterprises_behind(session, subject_id, on=city_date(now)):
                causes.setdefault(enterprise_id, cause)
        # Always in the same order, so that two workers wait for each other instead of dead-locking.
        for subject_id in sorted(causes):
            recompute_subject(session, subject_id, cause=causes[subject_id], now=now)
        close_marks(session, [mark.id for of_subject in marks.values() for mark in of_subject], now)
    return sorted(causes)


def enterprises_behind(session: Session, principal_id: int, *, on: date) -> Sequence[int]:
    """The enterprises that a principal's records reach through to on the day (穿透)."""
    return session.scalars(
        select(SubjectRelation.enterprise_id)
        .join(Subject, Subject.id == SubjectRelation.enterprise_id)
        .where(
            Subject.kind == "enterprise",
            SubjectRelation.principal_id == principal_id,
            SubjectRelation.role.in_(RELATION_CODES),
            SubjectRelation.valid_from <= on,
            or_(SubjectRelation.valid_to.is_(None), SubjectRelation.valid_to >= on),
        )
        .distinct()
    ).all()


def recompute_subject(session: Session, subject_id: int, *, cause: str, now: datetime) -> Score | None:
    """Write the subject's score as of today into the published run, if it is scored at all and has changed."""
    # The lock keeps two workers from writing the same revision; what the first wrote, the second then reads.
    subject = session.get_one(Subject, subject_id, with_for_update=True)
    if subject.kind == "person" and subject.status != "active":
        end_use_of(session, subject_id, now=now)
        return None
    run_id = published_run_ids(session).get(subject.kind)
    as_of = city_date(now)
    # Held, so that the score is written before its owner leaves, and then deleted, or not at all.
    if subject.kind == "person" and hold_activation(session, subject_id) is None:
        forget_scores(session, subject_id)
        return None
    if run_id is None or not is_scored(session, subject, on=as_of):
        return None
    version = policy_in_force(session, subject.kind, as_of)
    policy, _ = policy_of(session, version.hash)
    result = compute_subject(session, subject, policy_hash=version.hash, as_of=as_of)
    contributions = stored_contributions(result)
    last = current_score(session, subject_id)
    if last is not None and (last.contributions, last.policy_hash) == (contributions, version.hash):
        return last
    revision = session.scalar(
        select(func.coalesce(func.max(Score.revision) + 1, 0)).where(
            Score.run_id == run_id, Score.subject_id == subject_id
        )
    )
    score = Score(
        run_id=run_id,
        subject_id=subject_id,
        revision=revision,
        total=result.total,
        grade=policy.grades[result.grade].code,
        contributions=contributions,
        as_of=as_of,
        policy_hash=version.hash,
        computed_at=now,
        cause=cause,
    )
    session.add(score)
    session.flush()
    note_change(session, f"subject:{subject_id}")
    return score


def compute_subject(session: Session, subject: Subject, *, policy_hash: str, as_of: date) -> SubjectResult:
    """The kernel over the subject's records as they are now; nothing is stored."""
    _, compiled = policy_of(session, policy_hash)
    columns = columns_of_subject(session, subject.id, subject_kind=subject.kind, compiled=compiled, as_of=as_of)
    return score_one(compiled, columns, day_number(as_of))


def stored_contributions(result: SubjectResult) -> dict[str, int]:
    """As `Score.contributions` keeps them: without zeros, the clamp under its own name."""
    contributions = {part.indicator: part.points for part in result.contributions if part.points}
    if result.clamp:
        contributions["clamp"] = result.clamp
    return contributions


def is_scored(session: Session, subject: Subject, *, on: date) -> bool:
    """Adults who opted in, and enterprises in operation. Nobody else has a score."""
    if subject.status != "active":
        return False
    if subject.kind == "person":
        return is_adult(subject, on=on) and has_activated(session, subject.id)
    return subject.kind == "enterprise"


def forget_scores(session: Session, subject_id: int) -> None:
    """Delete every score of the subject, of every run (withdrawal of the activation, PIPL art. 47)."""
    session.execute(delete(Score).where(Score.subject_id == subject_id))
    note_change(session, f"subject:{subject_id}")
