"""The quarantine 待处理区: what could not be taken in, why, and how it gets in after all. Nothing is deleted."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import xlsxwriter
from sqlalchemy import ColumnElement, String, cast, func, literal_column, select, update
from sqlalchemy.orm import Session

from backend.catalogue.service import catalogue_in_force
from backend.catalogue.templates import Column, Template, load_templates
from backend.city_calendar import city_date
from backend.database import Database
from backend.identifiers.sealing import KeyRing
from backend.ledger.service import Actor, record_access
from backend.records.collection import (
    UNKEPT,
    DeliveryReport,
    Outcome,
    delivery_identity,
    judge,
    new_delivery,
    report_of,
    store,
)
from backend.records.departments import SourceDepartment
from backend.records.errors import (
    AlreadyResolved,
    NoConflict,
    NotAQuarantineExport,
    QuarantinedRowNotFound,
    ReasonMissing,
    UnknownColumns,
    UnknownQuarantineNumbers,
)
from backend.records.intake import Intake
from backend.records.models import CreditRecord, Delivery, QuarantinedRow
from backend.records.normalisation import parse_dates
from backend.records.preparation import KnownSubjects
from backend.records.sources import (
    COMPLAINT,
    ROW_NUMBER,
    Chunk,
    SourceFile,
    clean_name,
    inspect_file,
    read_chunks,
    with_header,
    with_tables,
)
from backend.records.storing import CONFLICT
from backend.records.validation import Reason
from backend.subjects.service import match_identifiers

NUMBER_HEADING = "待处理编号"
_LEADING_HEADINGS = (NUMBER_HEADING, "文件名", "报送单位", "模板", "行号", "问题")
_READ_AT_ONCE = 1_000
_RESUBMITTED_AT_ONCE = 5_000
_FORMULA_SIGNS = ("=", "+", "-", "@")
_DIGITS_A_SPREADSHEET_KEEPS = 11
_LONGEST_CELL = 32_767  # of an XLSX cell
_LEDGER_BASIS = "《征信业管理条例》第二十一条及归集数据质量管理职责"


@dataclass(frozen=True)
class ReasonCount:
    """How many cells (of rows still open) are wrong in this way; `message` is one of them."""

    code: str
    column: str
    message: str
    count: int


@dataclass(frozen=True)
class Resubmission:
    """`subject_id` is known when the row was taken in as a record. On `quarantined` nothing was changed."""

    outcome: Outcome
    reasons: list[Reason]
    subject_id: int | None = None


@dataclass(frozen=True)
class ResubmittedFile:
    """A report per department and template that the rows came from; rows dealt with earlier are left out."""

    reports: list[DeliveryReport]
    already_resolved: int


@dataclass(frozen=True)
class Opening:
    """An officer's stated reason to see identity numbers and names in full."""

    officer: Actor
    reason: str


def quarantined_rows(
    session: Session,
    *,
    state: str | None = "open",
    code: str | None = None,
    delivery_id: UUID | None = None,
    template: str | None = None,
    source_department: str | None = None,
    after_id: int = 0,
    limit: int = 50,
) -> Sequence[tuple[QuarantinedRow, Delivery]]:
    """Oldest first; `after_id` continues an earlier page. `code` is a reason's code."""
    query = (
        select(QuarantinedRow, Delivery)
        .join(Delivery, Delivery.id == QuarantinedRow.delivery_id)
        .where(QuarantinedRow.id > after_id, *_narrowed(state, code, delivery_id, template, source_department))
        .order_by(QuarantinedRow.id)
        .limit(limit)
    )
    return [(row, delivery) for row, delivery in session.execute(query)]


def in_template_order(template: str, row: dict[str, str]) -> dict[str, str]:
    """PostgreSQL keeps the keys of a document in an order of its own."""
    known = load_templates().get(template)
    headings = [column.header for column in known.columns if column.header in row] if known else []
    return {heading: row[heading] for heading in headings} | row


@dataclass(frozen=True)
class Conflict:
    """Two departments say different things about one matter; both versions are kept.

    cells  (heading, what the stored record says, what the row says, whether they say the same), masked
    """

    row: QuarantinedRow
    source_department: str
    record: CreditRecord
    cells: Sequence[tuple[str, str, str, bool]]


def conflict_of(session: Session, row_id: int) -> Conflict:
    """The row beside the record it contradicts. Raises QuarantinedRowNotFound or NoConflict."""
    row = session.get(QuarantinedRow, row_id)
    if row is None:
        raise QuarantinedRowNotFound
    number = next((reason.get("record") for reason in row.reasons if reason["code"] == CONFLICT), None)
    record = session.get(CreditRecord, int(number)) if number else None
    if record is None:
        raise NoConflict
    origin = session.get_one(Delivery, row.delivery_id)
    cells = []
    for column in load_templates()[origin.template].columns:
        stored = str(record.content.get(column.header) or "")
        delivered = row.masked_row.get(column.header, "").strip()
        if stored or delivered:
            # What is secret is not kept in records, so it cannot be compared.
            same = column.secret or _plain(column, stored) == _plain(column, delivered) or "*" in delivered
            cells.append((column.header, stored, delivered, same))
    return Conflict(row, origin.source_department, record, cells)


def _plain(column: Column, cell: str) -> str:
    """Without the ways of writing the same thing."""
    if column.kind == "D":
        return str(parse_dates(pl.Series([cell or None], dtype=pl.String))[0] or "")
    if column.kind == "N":
        return cell.rstrip("0").rstrip(".") if "." in cell else cell
    return column.value_aliases.get(cell, cell)


def summarise_reasons(
    session: Session,
    *,
    delivery_id: UUID | None = None,
    template: str | None = None,
    source_department: str | None = None,
) -> list[ReasonCount]:
    """What is wrong with the open rows, most frequent first."""
    if session.get_bind().dialect.name == "postgresql":
        each = func.jsonb_array_elements(QuarantinedRow.reasons).table_valued("value", name="reason")
        fields: list[Any] = [each.c.value.op("->>")(name) for name in ("code", "column", "message")]
    else:
        each = func.json_each(QuarantinedRow.reasons).table_valued("value", name="reason")
        fields = [func.json_extract(each.c.value, f"$.{name}") for name in ("code", "column", "message")]
    code, column, message = fields
    count = func.count().label("count")
    rows = session.execute(
        select(code, column, func.min(message), count)
        .select_from(QuarantinedRow)
        .join(each, literal_column("true"))
        .join(Delivery, Delivery.id == QuarantinedRow.delivery_id)
        .where(*_narrowed("open", None, delivery_id, template, source_department))
        .group_by(code, column)
        .order_by(count.desc(), code, column)
    )
    return [ReasonCount(*row) for row in rows]


def export_rows(
    session: Session,
    keys: KeyRing,
    *,
    code: str | None = None,
    delivery_id: UUID | None = None,
    template: str | None = None,
    source_department: str | None = None,
    opening: Opening | None = None,
    now: datetime,
) -> Iterator[str]:
    """The open rows as CSV, piece by piece: number, origin, reasons, and the cells to correct.

    Cells are masked; a masked cell that is left alone keeps its hidden content when the file is resubmitted. With
    an `opening` they are in full, and every subject whose row is shown finds it in the ledger.

    Raises ReasonMissing.
    """
    if opening is not None and not opening.reason.strip():
        raise ReasonMissing
    narrowed = _narrowed("open", code, delivery_id, template, source_department)
    used = session.scalars(
        select(Delivery.template)
        .join(QuarantinedRow, QuarantinedRow.delivery_id == Delivery.id)
        .where(*narrowed)
        .distinct()
    ).all()
    templates = load_templates()
    headings = list(dict.fromkeys(column.header for name in sorted(used) for column in templates[name].columns))
    yield "\ufeff" + _csv_line([*_LEADING_HEADINGS, *headings])
    after_id = 0
    while page := quarantined_rows(
        session,
        code=code,
        delivery_id=delivery_id,
        template=template,
        source_department=source_department,
        after_id=after_id,
        limit=_READ_AT_ONCE,
    ):
        if opening is not None:
            _tell_the_subjects(session, keys, page, opening, now)
        lines = []
        for row, delivery in page:
            cells = row.masked_row if opening is None else json.loads(keys.open(row.sealed_row))
            lead = [
                str(row.id),
                delivery.filename,
                delivery.source_department,
                templates[delivery.template].name,
                str(row.row_number),
                "；".join(_sentence(reason) for reason in row.reasons),
            ]
            lines.append(_csv_line([*lead, *(_exported_cell(cells.get(heading)) for heading in headings)]))
        yield "".join(lines)
        after_id = page[-1][0].id


def export_workbook(session: Session, keys: KeyRing, path: Path, **options: Any) -> None:
    """The same as `export_rows` (which takes the same options) as a workbook, every cell as text."""
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False}) as workbook:
        sheet = workbook.add_worksheet("待处理")
        as_text = workbook.add_format({"num_format": "@"})
        number = 0
        for piece in export_rows(session, keys, **options):
            for row in csv.reader(io.StringIO(piece.removeprefix("\ufeff"), newline="")):
                for place, cell in enumerate(row):
                    # A workbook knows text from numbers and formulas: the marks for CSV are not needed.
                    if text := _returned_cell(cell):
                        sheet.write_string(number, place, text[:_LONGEST_CELL], as_text)
                number += 1
        sheet.freeze_panes(1, 0)


def count_open(session: Session, *, source_department: str) -> int:
    """How many rows of a department wait to be corrected."""
    return session.scalars(
        select(func.count())
        .select_from(QuarantinedRow)
        .join(Delivery, Delivery.id == QuarantinedRow.delivery_id)
        .where(QuarantinedRow.state == "open", Delivery.source_department == source_department)
    ).one()


def resubmit_row(
    session: Session,
    intake: Intake,
    row_id: int,
    corrections: Mapping[str, str],
    *,
    now: datetime,
    by: str,
    owner: SourceDepartment | None = None,
) -> Resubmission:
    """Judge a row again with some cells corrected (by Chinese heading), and take it in when it is sound.

    A sound row becomes a delivery of its own from the same department, so that the counts of the first delivery
    stay what they were. A row that is still wrong stays as it is, and the outcome says what is left to correct;
    of one that may not be kept at all (`UNKEPT`) the content is destroyed, and it is dropped.

    Raises QuarantinedRowNotFound, AlreadyResolved or UnknownColumns.
    """
    keys = intake.keys
    row = _lock(session, row_id, of_department=owner.name if owner else None)
    origin = session.get_one(Delivery, row.delivery_id)
    template = load_templates()[origin.template]
    if unknown := sorted(set(corrections) - {column.header for column in template.columns}):
        raise UnknownColumns(unknown)
    original = json.loads(keys.open(row.sealed_row))
    corrected = original | {
        heading: text for heading, text in corrections.items() if text != row.masked_row.get(heading)
    }
    delivered = _frame(template, [(row.row_number, corrected)])
    catalogue = None if template.register else catalogue_in_force(session, city_date(now))
    known = KnownSubjects(city_date(now))
    judged = judge(session, keys, delivered, template, catalogue, origin.source_department, known, owner)
    if judged.reasons:
        _erase_unkept(keys, row, judged.reasons[0], now)
        return Resubmission("quarantined", judged.reasons[0])

    content = json.dumps(corrected, ensure_ascii=False, sort_keys=True)
    content_sha256 = sha256(content.encode()).hexdigest()
    with session.begin_nested() as attempt:
        delivery = new_delivery(
            session,
            source_department=origin.source_department,
            template=template,
            filename=f"{origin.filename} 第{row.row_number}行更正",
            identity=delivery_identity(f"{origin.source_department} {row.id}", content_sha256),
            content_sha256=content_sha256,
            now=now,
        )
        stored = store(session, intake, judged, template, delivery, now)
        if stored.conflicts:
            attempt.rollback()
            _erase_unkept(keys, row, stored.conflicts[0], now)
            return Resubmission("quarantined", stored.conflicts[0])
        delivery.state, delivery.finished_at = "done", now
        _resolve(row, "resubmitted", now=now, by=by, delivery_id=delivery.id)
        session.flush()
    outcome: Outcome = "accepted" if stored.accepted else "corrected" if stored.corrected else "duplicate"
    subjects = judged.sound["subject_id"].to_list() if "subject_id" in judged.sound.columns else []
    return Resubmission(outcome, [], subjects[0] if subjects else None)


def drop_row(session: Session, keys: KeyRing, row_id: int, *, reason: str, now: datetime, by: str) -> None:
    """Leave a row out for good, with who decided it and why. It stays readable, unless nothing of it may be kept.

    Raises QuarantinedRowNotFound, AlreadyResolved or ReasonMissing.
    """
    if not reason.strip():
        raise ReasonMissing
    row = _lock(session, row_id)
    _resolve(row, "dropped", now=now, by=by)
    row.resolution = reason.strip()
    if row.reasons and row.reasons[0]["code"] in UNKEPT:
        _erase(keys, row)
    session.flush()


def resubmit_file(
    database: Database,
    intake: Intake,
    path: Path,
    *,
    now: datetime,
    by: str,
    progress: Callable[[int, int], None] | None = None,
) -> ResubmittedFile:
    """Take a corrected export in again: each row under the department and template it came with.

    What is still wrong goes back into quarantine with its new reasons and its corrections so far. Rows dealt with
    before are left alone, so the same file twice changes nothing, and an interrupted one is simply run again.

    Raises FileUnreadable, NotAQuarantineExport or UnknownQuarantineNumbers.
    """
    source = _recognise_export(inspect_file(path))
    with database.reading() as session:
        _check_numbers(session, source)
    taken = _Taken()
    for chunk in read_chunks(source, rows_per_chunk=_RESUBMITTED_AT_ONCE):
        with database.transaction() as session:
            _resubmit_chunk(session, intake, source, chunk, taken, now=now, by=by)
        if progress:
            progress(chunk.bytes_done, source.size_bytes)
    return taken.report()


def resubmit_upload(session: Session, intake: Intake, path: Path, *, now: datetime, by: str) -> ResubmittedFile:
    """The same as `resubmit_file`, all of it in the caller's transaction: for files that a page sends."""
    source = _recognise_export(inspect_file(path))
    _check_numbers(session, source)
    taken = _Taken()
    for chunk in read_chunks(source, rows_per_chunk=_RESUBMITTED_AT_ONCE):
        _resubmit_chunk(session, intake, source, chunk, taken, now=now, by=by)
    return taken.report()


@dataclass
class _Taken:
    """What became of the chunks so far."""

    deliveries: dict[UUID, Delivery] = field(default_factory=dict)
    already_resolved: int = 0

    def report(self) -> ResubmittedFile:
        templates = load_templates()
        reports = [report_of(delivery, templates[delivery.template]) for delivery in self.deliveries.values()]
        return ResubmittedFile(reports, self.already_resolved)


def _resubmit_chunk(
    session: Session,
    intake: Intake,
    source: SourceFile,
    chunk: Chunk,
    taken: _Taken,
    *,
    now: datetime,
    by: str,
) -> None:
    keys = intake.keys
    known = KnownSubjects(city_date(now))
    lines = {int(_returned_cell(line[NUMBER_HEADING]) or 0): line for line in chunk.frame.iter_rows(named=True)}
    taken.already_resolved += chunk.frame.height - len(lines)
    found = _rows_by_origin(session, list(lines))
    taken.already_resolved += len(lines) - sum(len(rows) for rows in found.values())
    for (department, code), rows in found.items():
        template = load_templates()[code]
        delivery = _delivery_for(session, source, department, template, now)
        returned = [(lines[row.id][ROW_NUMBER], _returned_row(keys, template, row, lines[row.id])) for row in rows]
        catalogue = None if template.register else catalogue_in_force(session, city_date(now))
        judged = judge(session, keys, _frame(template, returned), template, catalogue, department, known)
        stored = store(session, intake, judged, template, delivery, now)
        refused = judged.reasons | stored.conflicts
        for place, row in enumerate(rows):
            _resolve(row, "resubmitted", now=now, by=by, delivery_id=delivery.id)
            if place in refused and refused[place][0]["code"] in UNKEPT:
                _erase(keys, row)
        delivery.state, delivery.finished_at = "done", now
        session.flush()
        taken.deliveries[delivery.id] = delivery


def _narrowed(
    state: str | None,
    code: str | None,
    delivery_id: UUID | None,
    template: str | None,
    source_department: str | None,
) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if state is not None:
        wanted.append(QuarantinedRow.state == state)
    if code is not None:
        # Both databases write the pair like this; a quotation mark inside a message would be escaped.
        wanted.append(cast(QuarantinedRow.reasons, String).contains(f'"code": "{code}"', autoescape=True))
    if delivery_id is not None:
        wanted.append(QuarantinedRow.delivery_id == delivery_id)
    if template is not None:
        wanted.append(Delivery.template == template)
    if source_department is not None:
        wanted.append(Delivery.source_department == source_department)
    return wanted


def _lock(session: Session, row_id: int, *, of_department: str | None = None) -> QuarantinedRow:
    row = session.scalar(
        select(QuarantinedRow)
        .where(QuarantinedRow.id == row_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise QuarantinedRowNotFound
    if of_department is not None:
        origin = session.get_one(Delivery, row.delivery_id)
        if origin.source_department != of_department:
            raise QuarantinedRowNotFound
    if row.state != "open":
        raise AlreadyResolved(row.state)
    return row


def _erase_unkept(keys: KeyRing, row: QuarantinedRow, reasons: Sequence[Reason], now: datetime) -> None:
    """What was learnt of the row only now, that nothing of it may be kept, ends it."""
    note = UNKEPT.get(reasons[0]["code"])
    if note is not None:
        _resolve(row, "dropped", now=now, by="系统")
        row.resolution, row.reasons = note, [reasons[0]]
        _erase(keys, row)


def _erase(keys: KeyRing, row: QuarantinedRow) -> None:
    """Destroy the content. Delivery, row number, reason, moment and who resolved it stay as the proof."""
    row.sealed_row, row.masked_row = keys.seal("{}"), {}


def _resolve(row: QuarantinedRow, state: str, *, now: datetime, by: str, delivery_id: UUID | None = None) -> None:
    row.state = state
    row.resolved_at = now
    row.resolved_by = by
    row.resolved_delivery_id = delivery_id


def _frame(template: Template, rows: Sequence[tuple[int, Mapping[str, str | None]]]) -> pl.DataFrame:
    """Rows by heading as a delivered chunk by column code."""
    data: dict[str, Any] = {
        ROW_NUMBER: pl.Series([number for number, _ in rows], dtype=pl.Int64),
        COMPLAINT: pl.Series([None] * len(rows), dtype=pl.String),
    }
    for column in template.columns:
        data[column.code] = pl.Series([row.get(column.header) or None for _, row in rows], dtype=pl.String)
    return pl.DataFrame(data)


def _sentence(reason: Reason) -> str:
    return f"【{reason['column']}】{reason['message']}" if reason["column"] else reason["message"]


def _tell_the_subjects(
    session: Session,
    keys: KeyRing,
    page: Sequence[tuple[QuarantinedRow, Delivery]],
    opening: Opening,
    now: datetime,
) -> None:
    templates = load_templates()
    numbers: dict[str, str] = {}
    for row, delivery in page:
        template = templates[delivery.template]
        cells = json.loads(keys.open(row.sealed_row))
        codes = (
            [code for codes in template.subject.identifiers.values() for code in codes] if template.subject else []
        )
        codes += [template.register.identifier] if template.register else []
        numbers |= {number: template.name for code in codes if (number := cells.get(template.column(code).header))}
    shown: dict[int, set[str]] = {}
    for number, subject_id in match_identifiers(session, keys, list(numbers)).items():
        shown.setdefault(subject_id, set()).add(numbers[number])
    for subject_id, names in sorted(shown.items()):
        record_access(
            session,
            subject_id=subject_id,
            actor=opening.officer,
            action="quarantine_opened",
            basis=_LEDGER_BASIS,
            purpose=opening.reason.strip(),
            detail={"templates": sorted(names)},
            channel="导出待处理数据",
            now=now,
        )


# --- the exported file and its return ----------------------------------------------------------------------------


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _exported_cell(cell: str | None) -> str:
    """As text for any spreadsheet: no formula is run, and no long number is rounded."""
    if not cell:
        return ""
    if cell.startswith(_FORMULA_SIGNS):
        return f"'{cell}"
    if cell.isdigit() and len(cell) > _DIGITS_A_SPREADSHEET_KEEPS:
        return f"\t{cell}"
    return cell


def _returned_cell(cell: str | None) -> str | None:
    if cell is None:
        return None
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA_SIGNS) else cell


def _returned_row(
    keys: KeyRing, template: Template, row: QuarantinedRow, line: Mapping[str, Any]
) -> dict[str, str | None]:
    """What the officer left masked means what was delivered; what the file does not have stays as it was."""
    original: dict[str, str] = json.loads(keys.open(row.sealed_row))
    returned: dict[str, str | None] = {}
    for column in template.columns:
        heading = column.header
        cell = _returned_cell(line[heading]) if heading in line else original.get(heading)
        untouched = cell is not None and cell == row.masked_row.get(heading, "").strip()
        returned[heading] = original.get(heading) if untouched else cell
    return returned


def _recognise_export(source: SourceFile) -> SourceFile:
    if source.format == "xlsx":
        tables = [
            (sheet, row)
            for sheet in source.sheets
            for row, heading in enumerate(sheet.head)
            if NUMBER_HEADING in map(clean_name, heading)
        ]
        if tables:
            return with_tables(source, tables)
    for row, heading in enumerate(source.head):
        if source.format != "xlsx" and NUMBER_HEADING in map(clean_name, heading):
            return with_header(source, row)
    raise NotAQuarantineExport(NUMBER_HEADING)


def _check_numbers(session: Session, source: SourceFile) -> None:
    """Before anything is changed: every line belongs to a row that is or was in quarantine."""
    wrong: list[int] = []
    for chunk in read_chunks(source, rows_per_chunk=_RESUBMITTED_AT_ONCE):
        numbers = _numbers(chunk)
        known = set(session.scalars(select(QuarantinedRow.id).where(QuarantinedRow.id.in_(filter(None, numbers)))))
        rows = chunk.frame[ROW_NUMBER].to_list()
        wrong += [row for row, number in zip(rows, numbers, strict=True) if number not in known]
    if wrong:
        raise UnknownQuarantineNumbers(wrong)


def _numbers(chunk: Chunk) -> list[int | None]:
    cells = (_returned_cell(cell) or "" for cell in chunk.frame[NUMBER_HEADING].to_list())
    return [int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 19 else None for cell in cells]


def _rows_by_origin(session: Session, numbers: list[int]) -> dict[tuple[str, str], list[QuarantinedRow]]:
    """The rows still open, locked, by department and template."""
    found: dict[tuple[str, str], list[QuarantinedRow]] = {}
    rows = session.execute(
        select(QuarantinedRow, Delivery.source_department, Delivery.template)
        .join(Delivery, Delivery.id == QuarantinedRow.delivery_id)
        .where(QuarantinedRow.id.in_(numbers), QuarantinedRow.state == "open")
        .order_by(QuarantinedRow.id)
        .with_for_update(of=QuarantinedRow)
    )
    for row, department, template in rows:
        found.setdefault((department, template), []).append(row)
    return found


def _delivery_for(
    session: Session, source: SourceFile, department: str, template: Template, now: datetime
) -> Delivery:
    identity = delivery_identity(f"{department} {template.code}", source.content_sha256)
    delivery = session.scalar(select(Delivery).where(Delivery.identity == identity).with_for_update())
    if delivery is None:
        return new_delivery(
            session,
            source_department=department,
            template=template,
            filename=source.path.name,
            identity=identity,
            content_sha256=source.content_sha256,
            now=now,
        )
    session.execute(update(Delivery).where(Delivery.id == delivery.id).values(state="receiving"))
    return delivery
