"""The end of a record: out of use when its retention is over, then deleted with a proof that says nothing of it.

The sweep passes over the records once, in windows of their numbers, each window in a transaction of its own; a
sweep that is interrupted is simply started again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import case, delete, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.service import known_categories
from backend.city_calendar import city_date
from backend.database import Database
from backend.records.models import CreditRecord, RecordDeletion, RecordVersion
from backend.records.retention import RetentionRule, deleted_on, kept_until, last_end_over, retention_rule_on
from backend.records.service import expire_records, versions_of_records
from backend.records.storing import facts_of

SWEEP_JOB = "sweep_records"
GENESIS = sha256(b"osmanthus deletions").digest()
DELETED_TITLE = "（内容已按保留期限删除）"
EXPIRED_BECAUSE = "保留期限已满，不再展示、共享和使用"

_WINDOW = 2_000
"""Numbers of records per transaction: others wait for it on the embedded database, so it is kept short."""

HeldBack = Callable[[Session, Sequence[int]], Collection[int]]
"""Of these records, those that somebody still has to decide about: their content waits."""


@dataclass
class Swept:
    """How many records each step took up."""

    expired: int = 0
    deleted: int = 0
    held_back: int = 0


def sweep_records(
    database: Database,
    *,
    now: datetime,
    held_back: HeldBack,
    progress: Callable[[int, int], None] = lambda done, total: None,
    window: int = _WINDOW,
) -> Swept:
    """Expire what is over on the city's day of `now`, and delete what was to be deleted by then."""
    with database.reading() as session:
        last = session.scalar(select(func.max(CreditRecord.id))) or 0
        categories = known_categories(session, city_date(now))
    swept = Swept()
    for first in range(1, last + 1, window):
        with database.transaction() as session:
            numbers = range(first, first + window)
            _sweep_window(session, numbers, swept, categories=categories, now=now, held_back=held_back)
        progress(min(first + window - 1, last), last)
    return swept


def _sweep_window(
    session: Session,
    numbers: range,
    swept: Swept,
    *,
    categories: Mapping[str, Category],
    now: datetime,
    held_back: HeldBack,
) -> None:
    today = city_date(now)
    rule = retention_rule_on(today)
    over = _over(session, numbers, categories, rule, today)
    ending = [record for record in over if record.state in ("active", "disputed")]
    expire_records(session, ending, reason=EXPIRED_BECAUSE, now=now)
    swept.expired += len(ending)

    due = [
        record
        for record in over
        if (on := deleted_on(record, categories[record.category], rule)) is not None and on <= today
    ]
    waiting = held_back(session, [record.id for record in due]) if due else ()
    swept.held_back += len(waiting)
    ready = [record for record in due if record.id not in waiting]
    swept.deleted += delete_records(session, ready, categories=categories, rule=rule, now=now)


def _over(
    session: Session, numbers: range, categories: Mapping[str, Category], rule: RetentionRule, today: date
) -> Sequence[CreditRecord]:
    """Records whose retention has ended and whose content is still there, locked."""
    last_ends = {code: last_end_over(category, rule, today) for code, category in categories.items()}
    cutoffs = {code: day for code, day in last_ends.items() if day is not None}
    if not cutoffs:
        return []
    return session.scalars(
        select(CreditRecord)
        .where(
            CreditRecord.id.between(numbers.start, numbers.stop - 1),
            CreditRecord.title != DELETED_TITLE,
            func.coalesce(CreditRecord.ended_on, CreditRecord.event_on)
            <= case(cutoffs, value=CreditRecord.category, else_=date.min),
        )
        .order_by(CreditRecord.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def delete_records(
    session: Session,
    records: Sequence[CreditRecord],
    *,
    categories: Mapping[str, Category],
    rule: RetentionRule,
    now: datetime,
    basis: str | None = None,
) -> int:
    """Delete locked records with their versions, and leave the proof of it; how many were.

    basis  why they are deleted before their retention is over; None: because it is over, by the rule

    A record that some case file still refers to keeps an empty row, so that the file can be read; its content
    is deleted all the same.
    """
    if not records:
        return 0
    ids = [record.id for record in records]
    versions = versions_of_records(session, records)

    # The last proof is the tip of the chain: locking it makes a second sweep wait for the first.
    tip = session.scalars(
        select(RecordDeletion).order_by(RecordDeletion.number.desc()).limit(1).with_for_update()
    ).first()
    number, previous = (tip.number, tip.digest) if tip else (0, GENESIS)
    for record in records:
        number += 1
        until = kept_until(record, categories[record.category], rule) or city_date(now)
        proof = RecordDeletion(
            number=number,
            record_id=record.id,
            natural_key_digest=sha256(record.natural_key).digest(),
            category=record.category,
            delivered_at=record.created_at,
            kept_until=min(until, city_date(now)),
            deleted_at=now,
            state=record.state,
            versions=len(versions[record.id]),
            content_digest=content_digest(record, versions[record.id]),
            basis=basis or rule.basis,
            previous=previous,
        )
        proof.digest = previous = proof_digest(proof)
        session.add(proof)
    session.execute(
        delete(RecordVersion).where(RecordVersion.record_id.in_(ids)).execution_options(synchronize_session=False)
    )
    session.flush()
    if not _removed(session, ids):
        for record in records:
            if not _removed(session, [record.id]):
                _empty(record)
    session.flush()
    return len(records)


def _removed(session: Session, ids: Sequence[int]) -> bool:
    """False when some case file refers to one of them: then nothing was removed."""
    try:
        with session.begin_nested():
            session.execute(
                delete(CreditRecord).where(CreditRecord.id.in_(ids)).execution_options(synchronize_session=False)
            )
    except IntegrityError:
        return False
    return True


def _empty(record: CreditRecord) -> None:
    record.title, record.content = DELETED_TITLE, {}
    record.event_on = city_date(record.created_at)
    record.ended_on = record.performed_on = None
    record.quantity = record.amount = record.level = record.event_key = 0
    record.state = "expired"
    record.facts_digest = b""


def content_digest(record: CreditRecord, versions: Sequence[RecordVersion]) -> bytes:
    """SHA-256 over everything the record said, now and in every version, in one canonical form."""
    content = {
        "subject_id": record.subject_id,
        "category": record.category,
        "facts": facts_of(record),
        "versions": [
            [
                version.version,
                version.state,
                version.facts,
                version.changed_at.isoformat(),
                version.changed_by,
                version.reason,
            ]
            for version in versions
        ],
    }
    return digest_of_content(content)


def proof_digest(proof: RecordDeletion) -> bytes:
    """SHA-256 over all that a proof says, the digest of the one before included."""
    return digest_of_content(
        [
            proof.number,
            proof.record_id,
            proof.natural_key_digest.hex(),
            proof.category,
            proof.delivered_at.isoformat(),
            proof.kept_until.isoformat(),
            proof.deleted_at.isoformat(),
            proof.state,
            proof.versions,
            proof.content_digest.hex(),
            proof.basis,
            proof.previous.hex(),
        ]
    )


@dataclass(frozen=True)
class DeletionFault:
    number: int
    what: str


@dataclass(frozen=True)
class DeletionVerdict:
    """`head` is the digest of the last proof: compare it with the one noted elsewhere to see a cut-off end."""

    proofs: int
    head: bytes
    faults: Sequence[DeletionFault]


def verify_deletions(session: Session) -> DeletionVerdict:
    """Recompute the whole chain, and see that what it says was deleted is gone."""
    faults: list[DeletionFault] = []
    expected, previous = 1, GENESIS
    proofs = session.scalars(
        select(RecordDeletion).order_by(RecordDeletion.number).execution_options(yield_per=1_000)
    )
    for proof in proofs:
        if proof.number != expected:
            faults.append(DeletionFault(expected, "缺少凭证"))
        if proof.previous != previous:
            faults.append(DeletionFault(proof.number, "与前一份凭证的衔接不符"))
        if proof_digest(proof) != proof.digest:
            faults.append(DeletionFault(proof.number, "凭证内容被改动"))
        expected, previous = proof.number + 1, proof.digest
    still_there = session.scalars(
        select(RecordDeletion.number)
        .where(
            # The embedded database gives the number of a deleted record to a later one: only what is older counts.
            exists().where(
                RecordVersion.record_id == RecordDeletion.record_id,
                RecordVersion.changed_at < RecordDeletion.deleted_at,
            )
            | exists().where(
                CreditRecord.id == RecordDeletion.record_id,
                CreditRecord.created_at < RecordDeletion.deleted_at,
                CreditRecord.title != DELETED_TITLE,
            )
        )
        .order_by(RecordDeletion.number)
    )
    faults += [DeletionFault(number, "所称已删除的内容仍在库中") for number in still_there]
    return DeletionVerdict(expected - 1, previous, faults)


def recent_deletions(session: Session, *, limit: int = 20) -> Sequence[RecordDeletion]:
    """Newest first."""
    return session.scalars(select(RecordDeletion).order_by(RecordDeletion.number.desc()).limit(limit)).all()


def digest_of_content(content: Any) -> bytes:
    """SHA-256 of anything JSON can say, in one canonical form."""
    return sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).digest()
