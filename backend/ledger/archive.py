"""Moving old segments out of the database into sealed files, from which the chain can still be verified."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from backend.city_calendar import city_date
from backend.identifiers.sealing import KeyRing, KeyUnknown
from backend.ledger.models import ArchivedSegment, LedgerEntry, LedgerSegment
from scoring.reading_yaml import read_yaml

_SHIPPED = Path(__file__).parent / "shipped" / "retention.yaml"
SHORTEST_YEARS = 3
"""《个人信息保护法》第五十六条."""


class ArchiveUnreadable(Exception):
    """An archive file is missing, was altered, or is sealed with a key that is not at hand."""


@dataclass(frozen=True)
class Retention:
    """How long entries stay in the database; see `shipped/retention.yaml`."""

    effective_from: date
    years: int
    basis: str

    def __post_init__(self) -> None:
        if self.years < SHORTEST_YEARS:
            raise ValueError(f"a ledger is kept at least {SHORTEST_YEARS} years (PIPL art. 56)")

    def keeps_since(self, today: date) -> date:
        """Entries of days before this one may be archived."""
        try:
            return today.replace(year=today.year - self.years)
        except ValueError:  # 29 February
            return date(today.year - self.years, 3, 1)


@dataclass(frozen=True)
class ArchiveFolder:
    """Sealed, compressed files of one segment each, outside the web root."""

    folder: Path
    keys: KeyRing

    def write(self, number: int, entries: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
        """The file's name and its SHA-256. Writing again after an interruption replaces the unfinished file."""
        lines = "\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
        content = self.keys.seal_bytes(gzip.compress(lines.encode()))
        name = f"ledger-{number:09d}.sealed"
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f"{name}.unfinished"
        unfinished.write_bytes(content)
        unfinished.replace(self.folder / name)
        return name, sha256(content).hexdigest()

    def read(self, name: str, expected_sha256: str) -> Iterator[Any]:
        """Entries in the order they were sealed. Raises ArchiveUnreadable."""
        try:
            content = (self.folder / name).read_bytes()
        except OSError:
            raise ArchiveUnreadable(f"归档文件 {name} 不在") from None
        if sha256(content).hexdigest() != expected_sha256:
            raise ArchiveUnreadable(f"归档文件 {name} 被改动")
        try:
            lines = gzip.decompress(self.keys.open_bytes(content)).decode().splitlines()
        except (KeyUnknown, InvalidTag):
            raise ArchiveUnreadable(f"归档文件 {name} 用现有的密钥打不开") from None
        for line in lines:
            entry = json.loads(line)
            entry["at"] = datetime.fromisoformat(entry["at"])
            entry["digest"] = bytes.fromhex(entry["digest"])
            yield SimpleNamespace(**entry)


def retention_in_force(jurisdiction: str, today: date) -> Retention:
    """The jurisdiction's own rule, else the one for the whole country."""
    shipped = _shipped()
    versions = shipped.get(jurisdiction, shipped["default"])
    in_force = [version for version in versions if version.effective_from <= today]
    return max(in_force or shipped["default"], key=lambda version: version.effective_from)


def archive_next_segment(
    session: Session, archives: ArchiveFolder, *, jurisdiction: str, now: datetime
) -> int | None:
    """Move the oldest segment out whose entries are all past retention; its number, or None when none is.

    The file is complete before the rows go, and the rows go in the caller's transaction: a crash in between
    leaves a file that the next attempt writes again.
    """
    rule = retention_in_force(jurisdiction, city_date(now))
    number = session.scalar(
        select(func.min(LedgerSegment.number)).where(LedgerSegment.number.not_in(select(ArchivedSegment.segment)))
    )
    if number is None:
        return None
    newest = session.scalar(select(func.max(LedgerEntry.at)).where(LedgerEntry.segment == number))
    if newest is None or city_date(newest) >= rule.keeps_since(city_date(now)):
        return None
    columns = [column for column in LedgerEntry.__table__.columns if column.name != "segment"]
    entries = session.execute(
        select(*columns).where(LedgerEntry.segment == number).order_by(LedgerEntry.id)
    ).mappings()
    name, digest = archives.write(
        number,
        [dict(entry) | {"at": entry["at"].isoformat(), "digest": entry["digest"].hex()} for entry in entries],
    )
    session.execute(
        insert(ArchivedSegment).values(
            segment=number,
            file_name=name,
            file_sha256=digest,
            newest_at=newest,
            basis=f"{rule.basis}，保存 {rule.years} 年",
            archived_at=now,
        )
    )
    session.execute(
        delete(LedgerEntry).where(LedgerEntry.segment == number).execution_options(synchronize_session=False)
    )
    return number


@cache
def _shipped() -> Mapping[str, Sequence[Retention]]:
    document = read_yaml(_SHIPPED.read_text(encoding="utf-8"))
    return {place["code"]: tuple(Retention(**version) for version in place["versions"]) for place in document}
