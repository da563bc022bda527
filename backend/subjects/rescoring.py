"""Which subjects wait for a new score: marked in the transaction of the change, taken up by a worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import any_, delete, exists, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from backend.database import EVERYTHING, array_of, note_change
from backend.subjects.models import FoldedMarks, RescoreMark, Subject

_CLOSED_AT_ONCE = 5_000
_FOLDED_FROM = 1_000
"""So many subjects at once are marked by one row; see FoldedMarks."""


def mark_for_rescoring(session: Session, subject_ids: Iterable[int], cause: str, now: datetime) -> None:
    """`cause` is a stable word that the score keeps (`objection_filed`, `record_corrected`)."""
    wanted = list(dict.fromkeys(subject_ids))
    if not wanted:
        return
    if len(wanted) < _FOLDED_FROM:
        marks = [{"subject_id": subject_id, "cause": cause, "marked_at": now} for subject_id in wanted]
        session.execute(insert(RescoreMark), marks)
        note_change(session, *(f"subject:{subject_id}" for subject_id in wanted))
    else:
        on_postgresql = session.get_bind().dialect.name == "postgresql"
        folded = array_of(wanted) if on_postgresql else wanted
        session.execute(insert(FoldedMarks).values(subject_ids=folded, cause=cause, marked_at=now))
        note_change(session, EVERYTHING)


def unfold_marks(session: Session) -> None:
    """Give each subject in folded marks one mark of its own, for the latest cause, however often it was marked."""
    # Whoever marks later than this reading adds a row that is left for the next time.
    taken = session.execute(
        delete(FoldedMarks)
        .where(FoldedMarks.id.in_(select(FoldedMarks.id).with_for_update(skip_locked=True)))
        .returning(FoldedMarks.id, FoldedMarks.subject_ids, FoldedMarks.cause, FoldedMarks.marked_at)
    ).all()
    latest = {
        subject_id: {"subject_id": subject_id, "cause": folded.cause, "marked_at": folded.marked_at}
        for folded in sorted(taken)
        for subject_id in folded.subject_ids
    }
    if latest:
        session.execute(insert(RescoreMark), list(latest.values()))


def is_marked(session: Session, subject_id: int) -> bool:
    """Whether a recomputation of this subject is still to come."""
    folded = select(FoldedMarks.id)
    if session.get_bind().dialect.name == "postgresql":
        folded = folded.where(literal(subject_id) == any_(FoldedMarks.subject_ids))
    else:
        each = func.json_each(FoldedMarks.subject_ids).table_valued("value")
        folded = folded.join(each, each.c.value == subject_id)
    own = exists().where(RescoreMark.subject_id == subject_id, RescoreMark.done_at.is_(None))
    return bool(session.scalar(select(or_(own, exists(folded)))))


def is_anybody_marked(session: Session) -> bool:
    """Whether there is anything to recompute."""
    own = exists().where(RescoreMark.done_at.is_(None))
    return bool(session.scalar(select(or_(own, exists(select(FoldedMarks.id))))))


def open_marks(session: Session, limit: int) -> Mapping[int, Sequence[RescoreMark]]:
    """Open marks by subject, each subject's oldest first: at most `limit` of the oldest and as many of the newest.

    The newest, because somebody may be looking at the phone: who activates or objects does not wait until the
    thousands whom a delivery or the end of a retention marked are done. The oldest, so that nobody waits for ever.
    """
    still_open = select(RescoreMark).where(RescoreMark.done_at.is_(None)).limit(limit)
    found = {
        mark.id: mark
        for place in (RescoreMark.id, RescoreMark.id.desc())
        for mark in session.scalars(still_open.order_by(place))
    }
    marks: dict[int, list[RescoreMark]] = defaultdict(list)
    for mark_id in sorted(found):
        marks[found[mark_id].subject_id].append(found[mark_id])
    return marks


def close_marks(session: Session, mark_ids: Sequence[int], now: datetime) -> None:
    """Of the marks that were read before the records were: a later mark stays open."""
    for first in range(0, len(mark_ids), _CLOSED_AT_ONCE):
        session.execute(
            update(RescoreMark)
            .where(RescoreMark.id.in_(mark_ids[first : first + _CLOSED_AT_ONCE]))
            .values(done_at=now)
            .execution_options(synchronize_session=False)
        )


def open_mark_ids(session: Session, *, subject_kind: str) -> Sequence[int]:
    """Every open mark of a kind of subject: what a snapshot taken in this transaction already takes in."""
    return session.scalars(
        select(RescoreMark.id)
        .join(Subject, Subject.id == RescoreMark.subject_id)
        .where(Subject.kind == subject_kind, RescoreMark.done_at.is_(None))
    ).all()


def reopen_marks(session: Session, *, subject_kind: str, done_since: datetime) -> None:
    """Open the marks again that were closed since a moment: what they stood for, a new run may have missed."""
    of_kind = select(Subject.id).where(Subject.kind == subject_kind)
    session.execute(
        update(RescoreMark)
        .where(RescoreMark.done_at >= done_since, RescoreMark.subject_id.in_(of_kind))
        .values(done_at=None)
        .execution_options(synchronize_session=False)
    )
