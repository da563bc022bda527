"""Sealing entries into signed segments, publishing the heads, and proving that nobody changed anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.orm import Session

from backend.ledger.archive import ArchiveFolder, ArchiveUnreadable
from backend.ledger.models import ArchivedSegment, LedgerEntry, LedgerSegment
from backend.ledger.service import digest_of

GENESIS_HEAD = sha256(b"osmanthus ledger").digest()
SEALED_AT_ONCE = 10_000
_READ_AT_ONCE = 1_000
MOST_FAULTS = 1_000
"""A wrecked ledger is reported by its first faults; a list of millions would help nobody."""

_ENTRY_COLUMNS = LedgerEntry.__table__.columns


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
    archived_entries: int
    unsealed_entries: int
    head: bytes
    faults: Sequence[LedgerFault]


@dataclass(frozen=True)
class PublishedHead:
    """What an outside witness keeps of a segment: enough to notice any later change of it or before it."""

    number: int
    entry_count: int
    head: str
    signature: str
    sealed_at: datetime

    def as_line(self) -> str:
        """One line of a witness file (JSON)."""
        return json.dumps(
            {
                "number": self.number,
                "entry_count": self.entry_count,
                "head": self.head,
                "signature": self.signature,
                "sealed_at": self.sealed_at.isoformat(),
            }
        )


def seal_segment(session: Session, *, signing_key: bytes, now: datetime, most: int = SEALED_AT_ONCE) -> int:
    """Chain and sign the entries that are not in a segment yet, at most `most`; how many were sealed.

    Called again until it seals nothing, each time in a transaction of its own, it keeps up with any city.
    """
    # The last segment is the tip of the chain: locking it makes a second sealer wait for the first.
    last = session.scalars(
        select(LedgerSegment).order_by(LedgerSegment.number.desc()).limit(1).with_for_update()
    ).first()
    entries = session.execute(
        select(LedgerEntry.id, LedgerEntry.digest)
        .where(LedgerEntry.segment.is_(None))
        .order_by(LedgerEntry.id)
        .limit(most)
    ).all()
    if not entries:
        return 0
    number = last.number + 1 if last else 1
    previous_head = last.head if last else GENESIS_HEAD
    chain = sha256(previous_head)
    for entry_id, digest in entries:
        chain.update(_link(entry_id, digest))
    head = chain.digest()
    key = Ed25519PrivateKey.from_private_bytes(signing_key)
    session.execute(
        insert(LedgerSegment).values(
            number=number,
            entry_count=len(entries),
            previous_head=previous_head,
            head=head,
            signature=key.sign(_signed_content(number, len(entries), now) + head),
            sealed_at=now,
        )
    )
    # By their ids, not by a range: an entry between them whose transaction ends later is not in this head.
    session.execute(
        update(LedgerEntry)
        .where(LedgerEntry.id.in_([entry_id for entry_id, _ in entries]))
        .values(segment=number)
        .execution_options(synchronize_session=False)
    )
    return len(entries)


def public_key_of(signing_key: bytes) -> bytes:
    """Ed25519, raw: whoever has it can check every published head."""
    return Ed25519PrivateKey.from_private_bytes(signing_key).public_key().public_bytes_raw()


def heads(session: Session, *, before_number: int | None = None, limit: int) -> Sequence[PublishedHead]:
    """Newest first; `before_number` continues an earlier page."""
    query = select(LedgerSegment).order_by(LedgerSegment.number.desc()).limit(limit)
    if before_number is not None:
        query = query.where(LedgerSegment.number < before_number)
    return [_published(segment) for segment in session.scalars(query)]


def all_heads(session: Session, *, after: int = -1) -> Iterator[PublishedHead]:
    """Oldest first from the segment after that number, a thousand in memory at a time: for a witness file."""
    for segment in _segments(session, after):
        yield _published(segment)


def verify_ledger(
    session: Session,
    *,
    signing_key: bytes,
    archives: ArchiveFolder | None = None,
    witnessed: Iterable[Mapping[str, Any]] = (),
) -> LedgerVerdict:
    """Recompute every digest and every head: finds any change, deletion, insertion or reordering.

    Cutting whole segments off the end leaves a shorter valid chain, and whoever holds the signing key could write
    another one altogether: `witnessed`, the lines of a file that somebody outside kept, shows both.

    Memory stays bounded by one segment, however many there are. Entries whose transaction came in the last
    minute are not sealed yet: their own content is checked, that none is missing is not.
    """
    check = _Verification()
    public_key = Ed25519PrivateKey.from_private_bytes(signing_key).public_key()
    archived = {row.segment: row for row in session.scalars(select(ArchivedSegment))}
    expected_number, previous_head = 1, GENESIS_HEAD
    segments = sealed = kept_outside = 0
    keeper = iter(witnessed)
    seen_by_witness = next(keeper, None)

    for segment in _segments(session):
        segments += 1
        number = segment.number
        if number != expected_number:
            check.fault(number, None, "缺少此前的一段")
        if segment.previous_head != previous_head:
            check.fault(number, None, "与上一段的衔接被破坏")
        chain, count = sha256(segment.previous_head), 0
        for entry in _entries_of(session, number, archived.get(number), archives, check):
            chain.update(_link(entry.id, check.digest(entry, number)))
            count += 1
        if number in archived:
            kept_outside += count
        sealed += count
        if count != segment.entry_count:
            check.fault(number, None, f"封存时有 {segment.entry_count} 条，现有 {count} 条")
        if chain.digest() != segment.head:
            check.fault(number, None, "条目被改动、删除、插入或调换")
        if not _is_signed(segment, public_key):
            check.fault(number, None, "签名不符")
        while seen_by_witness is not None and int(seen_by_witness["number"]) <= number:
            if int(seen_by_witness["number"]) < number or not _agrees(segment, seen_by_witness):
                check.fault(int(seen_by_witness["number"]), None, "与留存的链头不符")
            seen_by_witness = next(keeper, None)
        expected_number, previous_head = number + 1, segment.head

    while seen_by_witness is not None:
        check.fault(int(seen_by_witness["number"]), None, "留存的一段已不存在")
        seen_by_witness = next(keeper, None)

    unsealed = 0
    for entry in session.execute(_entries(LedgerEntry.segment.is_(None))).yield_per(_READ_AT_ONCE):
        check.digest(entry, None)
        unsealed += 1
    return LedgerVerdict(
        segments=segments,
        sealed_entries=sealed,
        archived_entries=kept_outside,
        unsealed_entries=unsealed,
        head=previous_head,
        faults=check.faults,
    )


def _link(entry_id: int, digest: bytes) -> bytes:
    """With its row number, by which readers order entries: swapping the numbers of two is a change as well."""
    return entry_id.to_bytes(8, "big", signed=True) + digest


@dataclass
class _Verification:
    faults: list[LedgerFault] = field(default_factory=list)

    def fault(self, segment: int | None, entry_id: int | None, what: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(LedgerFault(segment, entry_id, what))

    def digest(self, entry: Any, segment: int | None) -> bytes:
        """The digest that the content has, which is what the head must be made of."""
        computed = digest_of(entry)
        if computed != entry.digest:
            self.fault(segment, entry.id, "内容与摘要不符")
        return computed


def _entries_of(
    session: Session,
    number: int,
    archived: ArchivedSegment | None,
    archives: ArchiveFolder | None,
    check: _Verification,
) -> Iterator[Any]:
    in_database = session.execute(_entries(LedgerEntry.segment == number).order_by(LedgerEntry.id))
    if archived is None:
        yield from in_database.yield_per(_READ_AT_ONCE)
        return
    if in_database.first() is not None:
        check.fault(number, None, "已归档的段仍有条目")
    if archives is None:
        check.fault(number, None, "这一段已归档，没有指明归档文件夹")
        return
    try:
        yield from archives.read(archived.file_name, archived.file_sha256)
    except ArchiveUnreadable as unreadable:
        check.fault(number, None, str(unreadable))


def _entries(condition: Any) -> Select[Any]:
    return select(*_ENTRY_COLUMNS).where(condition).execution_options(yield_per=_READ_AT_ONCE)


def _segments(session: Session, after: int = -1) -> Iterator[Row[Any]]:
    """In order, page by page: a cursor held open over everything would keep SQLite's log from being folded."""
    columns = LedgerSegment.__table__.columns
    while page := session.execute(
        select(*columns).where(columns.number > after).order_by(columns.number).limit(_READ_AT_ONCE)
    ).all():
        yield from page
        after = page[-1].number


def _published(segment: Any) -> PublishedHead:
    return PublishedHead(
        number=segment.number,
        entry_count=segment.entry_count,
        head=segment.head.hex(),
        signature=segment.signature.hex(),
        sealed_at=segment.sealed_at,
    )


def _agrees(segment: Any, kept: Mapping[str, Any]) -> bool:
    return (kept["entry_count"], kept["head"]) == (segment.entry_count, segment.head.hex())


def _signed_content(number: int, entry_count: int, sealed_at: datetime | None) -> bytes:
    """What is signed before the head itself; the moment is written as the public interface tells it."""
    moment = f"{sealed_at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z:" if sealed_at else ""
    return f"osmanthus-ledger:{number}:{entry_count}:{moment}".encode()


def _is_signed(segment: Any, public_key: Ed25519PublicKey) -> bool:
    # The earliest ledgers did not sign the moment of sealing; a segment that did never passes without it.
    for sealed_at in (segment.sealed_at, None):
        try:
            content = _signed_content(segment.number, segment.entry_count, sealed_at) + segment.head
            public_key.verify(segment.signature, content)
        except InvalidSignature:
            continue
        return True
    return False
