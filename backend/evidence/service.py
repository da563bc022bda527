"""Keeping evidence, attaching it to a case, reading it again, and forgetting what was never used."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.evidence.cleansing import cleanse, display_name
from backend.evidence.errors import EvidenceNotFound, EvidenceTooMany
from backend.evidence.models import EvidenceFile, EvidenceRemoval
from backend.identifiers.sealing import KeyRing

MOST_FILES = 9
BY_SUBJECT = "本人"
"""Who uploaded a file, when it was the subject; a department is named by its code."""
WAITS_FOR_ITS_CASE = timedelta(hours=24)
LOOKS_BACK = timedelta(days=7)
"""How far back files without a row are looked for, once a day."""


@dataclass(frozen=True)
class EvidenceStore:
    """Sealed files in a folder outside the web root, under random names."""

    folder: Path
    keys: KeyRing

    def put(self, content: bytes) -> str:
        name = secrets.token_hex(16)
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_bytes(self.keys.seal_bytes(content))
        unfinished.replace(path)
        return name

    def get(self, name: str) -> bytes:
        return self.keys.open_bytes(self._path(name).read_bytes())

    def remove(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / name


def keep_evidence(
    session: Session,
    store: EvidenceStore,
    *,
    subject_id: int,
    filename: str,
    content: bytes,
    uploaded_by: str,
    now: datetime,
) -> EvidenceFile:
    """Make the upload harmless, seal it and keep it until it is attached to a case, at most a day.

    Should the caller's transaction fail, a sealed file without a row stays behind: nobody can reach it, and
    `forget_unused_evidence` removes it.

    Raises EvidenceTooLarge, EvidenceKindRefused, EvidenceTooManyPages or EvidenceUnreadable.
    """
    clean = cleanse(content)
    file = EvidenceFile(
        subject_id=subject_id,
        filename=display_name(filename),
        media_type=clean.media_type,
        size=len(clean.content),
        pages=clean.pages,
        sha256=sha256(clean.content).hexdigest(),
        storage_name=store.put(clean.content),
        uploaded_by=uploaded_by,
        uploaded_at=now,
    )
    session.add(file)
    session.flush()
    return file


def attach_evidence(session: Session, *, subject_id: int, case: str, evidence_ids: Sequence[UUID]) -> None:
    """Make waiting files of this subject part of a case (`kind:id`).

    Raises EvidenceTooMany, or EvidenceNotFound for another subject's file and for one that is in a case already.
    """
    wanted = set(evidence_ids)
    if len(wanted) + len(evidence_of(session, case)) > MOST_FILES:
        raise EvidenceTooMany(MOST_FILES)
    attached = session.execute(
        update(EvidenceFile)
        .where(EvidenceFile.id.in_(wanted), EvidenceFile.subject_id == subject_id, EvidenceFile.case.is_(None))
        .values(case=case)
        .returning(EvidenceFile.id)
        .execution_options(synchronize_session=False)
    ).all()
    if len(attached) != len(wanted):
        raise EvidenceNotFound


def keep_in_case(
    session: Session,
    store: EvidenceStore,
    *,
    case: str,
    subject_id: int,
    filename: str,
    content: bytes,
    uploaded_by: str,
    now: datetime,
) -> EvidenceFile:
    """Keep an upload as part of a case from the start. Raises as `keep_evidence` and `attach_evidence`."""
    file = keep_evidence(
        session,
        store,
        subject_id=subject_id,
        filename=filename,
        content=content,
        uploaded_by=uploaded_by,
        now=now,
    )
    attach_evidence(session, subject_id=subject_id, case=case, evidence_ids=[file.id])
    session.refresh(file)
    return file


def evidence_of(session: Session, case: str) -> Sequence[EvidenceFile]:
    """In the order of uploading."""
    return session.scalars(
        select(EvidenceFile)
        .where(EvidenceFile.case == case)
        .order_by(EvidenceFile.uploaded_at, EvidenceFile.id)
        .execution_options(populate_existing=True)
    ).all()


def get_evidence(
    session: Session, evidence_id: UUID, *, subject_id: int | None = None, case: str | None = None
) -> EvidenceFile:
    """A file of that subject, or of that case. Anything else is reported as not found. Raises EvidenceNotFound."""
    file = session.get(EvidenceFile, evidence_id)
    if (
        file is None
        or (subject_id is not None and file.subject_id != subject_id)
        or (case is not None and file.case != case)
    ):
        raise EvidenceNotFound
    return file


def get_own_evidence(session: Session, evidence_id: UUID, *, subject_id: int) -> EvidenceFile:
    """A file that the subject uploaded. Raises EvidenceNotFound."""
    file = get_evidence(session, evidence_id, subject_id=subject_id)
    if file.uploaded_by != BY_SUBJECT:
        raise EvidenceNotFound
    return file


def forget_unused_evidence(session: Session, store: EvidenceStore, *, now: datetime) -> int:
    """Remove files that no case took up within a day, and sealed files that no row knows; how many rows went."""
    unused = session.scalars(
        select(EvidenceFile)
        .where(EvidenceFile.case.is_(None), EvidenceFile.uploaded_at < now - WAITS_FOR_ITS_CASE)
        .with_for_update(skip_locked=True)
    ).all()
    for file in unused:
        store.remove(file.storage_name)
        session.delete(file)
    session.flush()
    orphans = _sealed_between(store, now - WAITS_FOR_ITS_CASE - LOOKS_BACK, now - WAITS_FOR_ITS_CASE)
    for names in (orphans[i : i + 1_000] for i in range(0, len(orphans), 1_000)):
        known = session.scalars(select(EvidenceFile.storage_name).where(EvidenceFile.storage_name.in_(names)))
        for name in set(names).difference(known):
            store.remove(name)
    return len(unused)


def evidence_about(session: Session, subject_id: int) -> Sequence[EvidenceFile]:
    """Everything of this subject that belongs to a case, in the order of uploading."""
    return session.scalars(
        select(EvidenceFile)
        .where(EvidenceFile.subject_id == subject_id, EvidenceFile.case.is_not(None))
        .order_by(EvidenceFile.uploaded_at, EvidenceFile.id)
    ).all()


def forget_evidence(session: Session, files: Sequence[EvidenceFile], *, now: datetime) -> None:
    """Delete the rows now; `remove_forgotten` takes the sealed files away once this has been committed."""
    for file in files:
        session.add(EvidenceRemoval(storage_name=file.storage_name, asked_at=now))
        session.delete(file)
    session.flush()


def remove_forgotten(session: Session, store: EvidenceStore) -> int:
    """Take away the sealed files of deleted rows; how many. Run by the worker."""
    removals = session.scalars(select(EvidenceRemoval).with_for_update(skip_locked=True)).all()
    for removal in removals:
        store.remove(removal.storage_name)
        session.delete(removal)
    session.flush()
    return len(removals)


def _sealed_between(store: EvidenceStore, start: datetime, end: datetime) -> list[str]:
    """Names of files last written in that time; older ones were looked at on an earlier day."""
    first, last = start.timestamp(), end.timestamp()
    return [path.name for path in store.folder.glob("??/*") if first <= path.stat().st_mtime < last]
