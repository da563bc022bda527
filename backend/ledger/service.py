"""Writing the ledger, reading it as its subject, sealing it and proving that nobody changed it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from backend.ledger.models import LedgerEntry, LedgerSegment

ActorKind = Literal["citizen", "partner", "officer", "department", "system"]
GENESIS_HEAD = sha256(b"osmanthus ledger").digest()

ACTION_NAMES = {
    "benefit_checked": "核验信易+权益资格",
    "benefit_redeemed": "核销信易+权益",
    "redemption_cancelled": "撤销核销",
    "objection_viewed": "查看异议及相关记录",
    "objection_decided": "办理异议",
    "quarantine_opened": "查看或更正待处理数据",
    "record_viewed": "查看信用记录",
    "score_viewed": "查看信用分",
    "report_read": "查询信用报告",
    "grade_read": "查询信用等级",
}


@dataclass(frozen=True)
class Actor:
    """Who looked. `name` is what the citizen reads: a partner's or officer's own name, never a code alone."""

    kind: ActorKind
    id: str
    name: str


def record_access(
    session: Session,
    *,
    subject_id: int,
    actor: Actor,
    action: str,
    basis: str,
    purpose: str,
    detail: Mapping[str, object],
    channel: str,
    now: datetime,
) -> LedgerEntry:
    """Add the row in the caller's transaction, so that no answer leaves without its row.

    `action` is one of ACTION_NAMES; `basis` is the authorization or legal basis in words the citizen
    understands; `detail` says what was seen (categories, scheme), never the data itself.
    """
    if action not in ACTION_NAMES:
        raise ValueError(f"no Chinese name is given for the ledger action {action!r}")
    entry = LedgerEntry(
        subject_id=subject_id,
        at=now,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        action=action,
        basis=basis,
        purpose=purpose,
        detail=dict(detail),
        channel=channel,
    )
    entry.digest = digest_of(entry)
    session.add(entry)
    return entry


def entries_about(
    session: Session, subject_id: int, *, before_id: int | None = None, limit: int = 20
) -> Sequence[LedgerEntry]:
    """Newest first; `before_id` continues an earlier page."""
    query = select(LedgerEntry).where(LedgerEntry.subject_id == subject_id)
    if before_id is not None:
        query = query.where(LedgerEntry.id < before_id)
    return session.scalars(query.order_by(LedgerEntry.id.desc()).limit(limit)).all()


def digest_of(entry: LedgerEntry) -> bytes:
    """SHA-256 over everything the entry says; not over its row number, which the database gives later."""
    content = [
        entry.subject_id,
        entry.at.isoformat(),
        entry.actor_kind,
        entry.actor_id,
        entry.actor_name,
        entry.action,
        entry.basis,
        entry.purpose,
        entry.detail,
        entry.channel,
    ]
    return sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).digest()


def seal_segment(session: Session, *, signing_key: bytes, now: datetime, most: int = 10_000) -> int:
    """Chain and sign the entries that are not in a segment yet; how many were sealed."""
    # The last segment is the tip of the chain: locking it makes a second sealer wait for the first.
    last = session.scalars(
        select(LedgerSegment).order_by(LedgerSegment.number.desc()).limit(1).with_for_update()
    ).first()
    entries = session.scalars(
        select(LedgerEntry).where(LedgerEntry.segment.is_(None)).order_by(LedgerEntry.id).limit(most)
    ).all()
    if not entries:
        return 0
    number = last.number + 1 if last else 1
    previous_head = last.head if last else GENESIS_HEAD
    head = _head(previous_head, (entry.digest for entry in entries))
    session.add(
        LedgerSegment(
            number=number,
            entry_count=len(entries),
            previous_head=previous_head,
            head=head,
            signature=Ed25519PrivateKey.from_private_bytes(signing_key).sign(
                _signed_content(number, len(entries), head)
            ),
            sealed_at=now,
        )
    )
    session.flush()
    session.execute(
        update(LedgerEntry).where(LedgerEntry.id.in_([entry.id for entry in entries])).values(segment=number)
    )
    return len(entries)


@dataclass(frozen=True)
class LedgerFault:
    """Something in the ledger is not as it was written. `segment` is None for entries not sealed yet."""

    segment: int | None
    entry_id: int | None
    what: str


@dataclass(frozen=True)
class LedgerVerdict:
    segments: int
    sealed_entries: int
    unsealed_entries: int
    head: bytes
    faults: Sequence[LedgerFault]


def verify_ledger(session: Session, *, signing_key: bytes) -> LedgerVerdict:
    """Recompute every digest and every head: finds any change, deletion, insertion or reordering.

    Cutting whole segments off the end leaves a shorter valid chain: compare `head` with the one noted
    elsewhere (the auditor's copy) to see that too.
    """
    public_key = Ed25519PrivateKey.from_private_bytes(signing_key).public_key()
    faults: list[LedgerFault] = []
    expected_number, previous_head, sealed = 1, GENESIS_HEAD, 0

    for segment in session.scalars(select(LedgerSegment).order_by(LedgerSegment.number)):
        entries = session.scalars(
            select(LedgerEntry).where(LedgerEntry.segment == segment.number).order_by(LedgerEntry.id)
        ).all()
        sealed += len(entries)
        if segment.number != expected_number:
            faults.append(LedgerFault(segment.number, None, "an earlier segment is missing"))
        if segment.previous_head != previous_head:
            faults.append(LedgerFault(segment.number, None, "the link to the previous segment is broken"))
        faults.extend(_altered(entries, segment.number))
        if len(entries) != segment.entry_count:
            faults.append(
                LedgerFault(
                    segment.number, None, f"{segment.entry_count} entries were sealed, {len(entries)} are left"
                )
            )
        if _head(segment.previous_head, (entry.digest for entry in entries)) != segment.head:
            faults.append(LedgerFault(segment.number, None, "entries were changed, removed, added or reordered"))
        try:
            public_key.verify(
                segment.signature, _signed_content(segment.number, segment.entry_count, segment.head)
            )
        except InvalidSignature:
            faults.append(LedgerFault(segment.number, None, "the signature does not match"))
        expected_number, previous_head = segment.number + 1, segment.head
        session.expire_all()

    unsealed = session.scalars(select(LedgerEntry).where(LedgerEntry.segment.is_(None))).all()
    faults.extend(_altered(unsealed, None))
    return LedgerVerdict(
        segments=session.scalar(select(func.count()).select_from(LedgerSegment)) or 0,
        sealed_entries=sealed,
        unsealed_entries=len(unsealed),
        head=previous_head,
        faults=faults,
    )


def _altered(entries: Iterable[LedgerEntry], segment: int | None) -> list[LedgerFault]:
    return [
        LedgerFault(segment, entry.id, "the entry does not match its digest")
        for entry in entries
        if digest_of(entry) != entry.digest
    ]


def _head(previous_head: bytes, digests: Iterable[bytes]) -> bytes:
    chain = sha256(previous_head)
    for digest in digests:
        chain.update(digest)
    return chain.digest()


def _signed_content(number: int, entry_count: int, head: bytes) -> bytes:
    return f"osmanthus-ledger:{number}:{entry_count}:".encode() + head
