"""Which subjects wait for a new score: marked in the transaction of the change, taken up by a worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import exists, func, insert, literal, select, update
from sqlalchemy.orm import Session

from backend.database import array_of, note_change
from backend.subjects.models import RescoreMark, Subject

_CLOSED_AT_ONCE = 5_000


def mark_for_rescoring(session: Session, subject_ids: Iterable[int], cause: str, now: datetime) -> None:
    """`cause` is a stable word that the score keeps (`objection_filed`, `record_corrected`)."""
    wanted = list(dict.fromkeys(subject_ids))
    if not wanted:
        return
    if session.get_bind().dialect.name == "postgresql":
        # One statement for a whole delivery's subjects: a statement each took a tenth of a large collection.
        each = func.unnest(array_of(wanted))
        columns = ["subject_id", "cause", "marked_at"]
        session.execute(insert(RescoreMark).from_select(columns, select(each, literal(cause), literal(now))))
    else:
        marks = [{"subject_id": subject_id, "cause": cause, "marked_at": now} for subject_id in wanted]
        session.execute(insert(RescoreMark), marks)
    note_change(session, *(f"subject:{subject_id}" for subject_id in wanted))


def is_marked(session: Session, subject_id: int) -> bool:
    """Whether a recomputation of this subject is still to come."""
    return bool(
        session.scalar(select(exists().where(RescoreMark.subject_id == subject_id, RescoreMark.done_at.is_(None))))
    )


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
