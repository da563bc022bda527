"""Deliveries by a department's own system: rows in one piece or in parts, or a file that a worker takes in.

They go the way of every delivered file (`collection`), with one rule more: a department delivers its own alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import orjson
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.catalogue.service import catalogue_in_force
from backend.catalogue.templates import Template, detect_template, load_templates
from backend.city_calendar import city_date
from backend.database import Database
from backend.identifiers.sealing import KeyRing
from backend.jobs.service import enqueue_job
from backend.records.collection import (
    collect_file,
    delivery_identity,
    frame_of_rows,
    judge,
    left_out_sheets,
    missing_columns,
    new_delivery,
    recognise,
    store,
)
from backend.records.departments import SourceDepartment, department_by_code
from backend.records.errors import (
    BatchComplete,
    BatchOfAnotherTemplate,
    CategoryOfAnotherDepartment,
    DeliveryNotFound,
    PartDiffers,
    PartOutOfTurn,
    TemplateUnknown,
)
from backend.records.intake import Intake
from backend.records.models import DeliveredFile, Delivery, DeliveryPart
from backend.records.preparation import KnownSubjects
from backend.records.sources import inspect_file

COLLECT_FILE_JOB = "collect_delivered_file"

MOST_ROWS_AT_ONCE = 10_000
"""Rows in one request: they are judged and stored while the caller waits."""


@dataclass(frozen=True)
class Batch:
    """A delivery in parts, under the department's own number for it; parts come in order, counted from 1."""

    number: str
    part: int
    last: bool


@dataclass(frozen=True)
class Received:
    """What was not read: `unknown_headings` stand in no column of the template, `left_out_sheets` of a workbook
    have no header of a template."""

    delivery: Delivery
    unknown_headings: Sequence[str] = ()
    left_out_sheets: Sequence[str] = ()


def deliver_rows(
    session: Session,
    intake: Intake,
    *,
    department: SourceDepartment,
    template_code: str,
    rows: Sequence[Mapping[str, object]],
    batch: Batch | None,
    now: datetime,
) -> Received:
    """Take rows in: each is stored, recognised as a duplicate, or put into quarantine with its reasons.

    Rows are objects by Chinese heading or by column code. The same rows again (or the same part of the same batch)
    answer the same delivery and change nothing. The caller owns the transaction.

    Raises TemplateUnknown, CategoryOfAnotherDepartment, HeaderAmbiguous, ColumnsMissing, PartDiffers,
    PartOutOfTurn, BatchComplete or BatchOfAnotherTemplate.
    """
    template = _own_template(department, template_code)
    headings = list(dict.fromkeys(name for row in rows for name in row))
    codes = template.resolve_header(headings)
    if detect_template(headings, {template.code: template}) is None:
        raise missing_columns(template, headings)
    unknown = [name for name, code in zip(headings, codes, strict=True) if code is None]
    content_sha256 = sha256(orjson.dumps([template.code, rows], option=orjson.OPT_SORT_KEYS)).hexdigest()

    identity = delivery_identity(department.name, f"batch {batch.number}" if batch else content_sha256)
    delivery = session.scalar(select(Delivery).where(Delivery.identity == identity).with_for_update())
    if delivery is None:
        if batch is not None and batch.part != 1:
            raise PartOutOfTurn(1)
        delivery = new_delivery(
            session,
            source_department=department.name,
            template=template,
            filename=f"批次 {batch.number}" if batch else "接口报送",
            identity=identity,
            content_sha256=content_sha256,
            now=now,
        )
    elif batch is None:
        return Received(delivery, unknown)
    elif delivery.template != template.code:
        raise BatchOfAnotherTemplate(load_templates()[delivery.template].name)
    if batch is not None and not _is_next(session, delivery, batch, content_sha256, now):
        return Received(delivery, unknown)

    frame = frame_of_rows(rows, template, first_row=delivery.delivered + 1)
    catalogue = catalogue_in_force(session, city_date(now))
    known = KnownSubjects(city_date(now))
    judged = judge(session, intake.keys, frame, template, catalogue, department.name, known, department)
    store(session, intake, judged, template, delivery, now)
    if batch is None or batch.last:
        delivery.state, delivery.finished_at = "done", now
    session.flush()
    return Received(delivery, unknown)


def receive_file(
    session: Session,
    keys: KeyRing,
    *,
    department: SourceDepartment,
    content: bytes,
    filename: str,
    template_code: str | None,
    now: datetime,
) -> Received:
    """Look at a file, keep it sealed and queue its collection; the same content again answers the same delivery.

    Raises FileUnreadable, TemplateUnknown, SheetsOfSeveralTemplates, HeaderAmbiguous, ColumnsMissing or
    CategoryOfAnotherDepartment.
    """
    if template_code is not None:
        _own_template(department, template_code)
    with _readable(content, filename) as path:
        source, template = recognise(inspect_file(path), template_code)
    _own_template(department, template.code)
    unread = left_out_sheets(source)
    identity = delivery_identity(department.name, source.content_sha256)
    delivery = session.scalar(select(Delivery).where(Delivery.identity == identity).with_for_update())
    if delivery is not None and delivery.state == "done":
        return Received(delivery, left_out_sheets=unread)
    if delivery is None:
        delivery = new_delivery(
            session,
            source_department=department.name,
            template=template,
            filename=filename,
            identity=identity,
            content_sha256=source.content_sha256,
            now=now,
        )
    delivery.state, delivery.problem = "receiving", None
    if session.get(DeliveredFile, delivery.id) is None:
        session.add(DeliveredFile(delivery_id=delivery.id, sealed=keys.seal_bytes(content)))
    enqueue_job(
        session,
        kind=COLLECT_FILE_JOB,
        arguments={"delivery_id": str(delivery.id), "department": department.code},
        key=f"{COLLECT_FILE_JOB}:{delivery.id}",
        now=now,
    )
    session.flush()
    return Received(delivery, left_out_sheets=unread)


def collect_received_file(
    database: Database,
    intake: Intake,
    delivery_id: UUID,
    *,
    department_code: str,
    now: datetime,
) -> None:
    """The worker's part. Interrupted, it is simply run again: collection goes on behind the last whole chunk.

    Whatever makes the file itself unfit is kept with the delivery, for the department to read, and raised.
    """
    with database.reading() as session:
        delivery = session.get_one(Delivery, delivery_id)
        kept = session.get(DeliveredFile, delivery_id)
        department = department_by_code(session, department_code, city_date(now))
    if kept is None:
        return
    with _readable(intake.keys.open_bytes(kept.sealed), delivery.filename) as path:
        collect_file(database, intake, path, template=delivery.template, owner=department, now=now)
    with database.transaction() as session:
        session.execute(delete(DeliveredFile).where(DeliveredFile.delivery_id == delivery_id))


def get_own_delivery(session: Session, department: SourceDepartment, delivery_id: UUID) -> Delivery:
    """Raises DeliveryNotFound."""
    delivery = session.get(Delivery, delivery_id)
    if delivery is None or delivery.source_department != department.name:
        raise DeliveryNotFound
    return delivery


def _own_template(department: SourceDepartment, code: str) -> Template:
    template = load_templates().get(code)
    if template is None:
        raise TemplateUnknown([code])
    if template not in department.templates():
        raise CategoryOfAnotherDepartment(template.name)
    return template


def _is_next(session: Session, delivery: Delivery, batch: Batch, content_sha256: str, now: datetime) -> bool:
    """Whether the part is new; False for one that was taken in before."""
    earlier = session.get(DeliveryPart, (delivery.id, batch.part))
    if earlier is not None:
        if earlier.content_sha256 != content_sha256:
            raise PartDiffers(batch.part)
        return False
    if delivery.state == "done":
        raise BatchComplete
    parts = session.scalars(select(DeliveryPart.part).where(DeliveryPart.delivery_id == delivery.id)).all()
    if batch.part != len(parts) + 1:
        raise PartOutOfTurn(len(parts) + 1)
    session.add(
        DeliveryPart(delivery_id=delivery.id, part=batch.part, content_sha256=content_sha256, taken_in_at=now)
    )
    return True


@contextmanager
def _readable(content: bytes, filename: str) -> Iterator[Path]:
    """As a file that only this process can read, for as long as it is needed."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / (Path(filename).name or "delivery")
        path.write_bytes(content)
        yield path
