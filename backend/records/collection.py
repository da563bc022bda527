"""Collection 归集: the one entrance for delivered files, of records and of registers alike."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID, uuid4

import orjson
import polars as pl
from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from backend.authorizations.service import written_consents
from backend.catalogue.document import Catalogue
from backend.catalogue.service import catalogue_in_force
from backend.catalogue.templates import PartyKind, Template, detect_template, load_templates
from backend.choices.service import anyone_declines, declined_pairs
from backend.city_calendar import city_date
from backend.database import Database
from backend.errors import DomainError
from backend.identifiers.sealing import KeyRing
from backend.records.contents import Layout, form_of
from backend.records.copying import write_rows
from backend.records.departments import SourceDepartment
from backend.records.errors import (
    ColumnsMissing,
    DeliveryInProgress,
    SheetsOfSeveralTemplates,
    SourceDepartmentUnknown,
    TemplateUnknown,
)
from backend.records.intake import Intake
from backend.records.masking import mask_row
from backend.records.measures import Shape, measure, together
from backend.records.models import Delivery, QuarantinedRow
from backend.records.preparation import UNDER_FOURTEEN, KnownSubjects, prepare_records
from backend.records.quality_rules import quality_rules
from backend.records.register_files import judge_register_rows, store_register_rows
from backend.records.sources import (
    COMPLAINT,
    RAW_LINE,
    ROW_NUMBER,
    SourceFile,
    clean_name,
    inspect_file,
    json_cell,
    read_chunks,
    with_header,
    with_tables,
)
from backend.records.storing import (
    Arrival,
    Stored,
    WrittenAhead,
    known_matters,
    serialise_collection,
    store_records,
    write_ahead,
)
from backend.records.validation import MALFORMED_LINE, Reason, department_columns
from backend.subjects.rescoring import mark_for_rescoring

ROWS_PER_CHUNK = 50_000
_LOOKED_UP_FIRST = 500

Outcome = Literal["accepted", "duplicate", "corrected", "quarantined"]

# Who keeps the registers by law, for files that do not say who delivers them.
_REGISTRARS = {
    "person": "公安机关",
    "enterprise": "市场监督管理部门",
    "organisation": "机构编制和民政部门",
    "relation": "市场监督管理部门",
}
_OUR_OWN_COLUMNS = 3  # number, complaint and raw line stand before the workbook's
DECLINED = "declined_by_subject"
WITHOUT_CONSENT = "written_consent_missing"
_DECLINED_MESSAGE = "本人选择不记录这类信息，本行未入库，内容也未保存，无需更正"
_WITHOUT_CONSENT_MESSAGE = "这类信息须有本人单独书面同意，本人没有同意或已经撤回，本行未入库，内容也未保存"
UNKEPT = {
    DECLINED: _DECLINED_MESSAGE,
    WITHOUT_CONSENT: _WITHOUT_CONSENT_MESSAGE,
    UNDER_FOURTEEN: "事项发生时主体未满 14 周岁，本行未入库，内容已销毁",
}
"""Rows of whose content nothing may be kept, by the code of their reason, and what is noted instead."""
_REFUSED = {
    "row_number": pl.Int64,
    "sealed_row": pl.Binary,
    "masked_row": pl.String,
    "reasons": pl.String,
    "resolution": pl.String,
}
_RAW_HEADING = "整行原文"
_UNSPLIT_LINE = "（整行无法拆分，原文已加密保存）"


@dataclass(frozen=True)
class DeliveryReport:
    """What became of a delivery.

    already_taken_in  the same content came from the same department before, and nothing was changed now
    resumed_after     rows that an interrupted earlier attempt had already taken in
    """

    delivery_id: UUID
    filename: str
    template: str
    template_name: str
    source_department: str
    delivered: int
    accepted: int
    duplicate: int
    corrected: int
    quarantined: int
    already_taken_in: bool
    resumed_after: int
    left_out_sheets: Sequence[str] = ()


@dataclass(frozen=True)
class _Judged:
    """A chunk, judged and not yet stored.

    sound    for `store_records` (its contents in `layout`) or `store_register_rows`
    """

    delivered: pl.DataFrame
    sound: pl.DataFrame
    reasons: dict[int, list[Reason]]
    layout: Layout


_Chunk = tuple[_Judged, WrittenAhead | None, int]


def collect_file(
    database: Database,
    intake: Intake,
    path: Path,
    *,
    template: str | None = None,
    source_department: str | None = None,
    owner: SourceDepartment | None = None,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
    rows_per_chunk: int = ROWS_PER_CHUNK,
) -> DeliveryReport:
    """Take a file in: every row is stored, recognised as a duplicate, or put into quarantine with its reasons.

    template           code of a template; None detects it by the header
    source_department  who delivers; None takes the department that the first row names
    owner              the department under whose own credentials the file came; it may only deliver its own
    progress           called with (bytes read, bytes in all) after each chunk

    The delivery's row comes first, then each chunk commits together with the counts it changes. An interrupted
    import is run again with the same file and goes on behind the last committed chunk; a finished one is
    recognised and changes nothing.

    Raises FileUnreadable, TemplateUnknown, HeaderAmbiguous, ColumnsMissing, SourceDepartmentUnknown,
    NoCatalogueInForce or DeliveryInProgress.
    """
    source, recognised = recognise(inspect_file(path), template)
    catalogue = _catalogue(database, recognised, now)
    department = owner.name if owner else source_department or _department(source, recognised, catalogue)
    delivery, already_done = _begin(database, source, recognised, department, now)
    if already_done:
        return report_of(delivery, recognised, already_taken_in=True, left_out=left_out_sheets(source))
    resumed_after = delivery.delivered
    known = KnownSubjects(city_date(now))
    try:
        rows = _rows_left(source, recognised, delivery.delivered, rows_per_chunk)
        # A file whose first rows are all new seldom has known ones further down, and the reverse.
        expects_new: bool | None = None
        forms: dict[bytes, int] = {}
        writes_ahead = not database.is_sqlite and recognised.register is None

        def arrival_of(layout: Layout) -> Arrival:
            if layout.digest not in forms:
                with database.transaction() as session:
                    forms[layout.digest] = form_of(session, layout).id
            return Arrival(forms[layout.digest], delivery.id, now, intake.states_in_force)

        def judge_next() -> _Chunk | None:
            nonlocal expects_new
            for frame, bytes_done in rows:
                with database.reading() as session:
                    judged = judge(session, intake.keys, frame, recognised, catalogue, department, known, owner)
                    if writes_ahead and expects_new is None:
                        expects_new = not known_matters(session, judged.sound.head(_LOOKED_UP_FIRST))
                if not (writes_ahead and expects_new):
                    return judged, None, bytes_done
                return judged, write_ahead(judged.sound, arrival_of(judged.layout)), bytes_done
            return None

        with _old_objects_left_alone(), _ahead(judge_next) as judged_chunks:
            for judged, ahead, bytes_done in judged_chunks:
                with database.transaction() as session:
                    stored = store(session, intake, judged, recognised, delivery, now, ahead=ahead)
                expects_new = not stored.met_known
                if progress:
                    progress(bytes_done, source.size_bytes)
    except DeliveryInProgress:
        raise
    except BaseException as error:
        _finish(database, delivery, "failed", None, error.detail if isinstance(error, DomainError) else None)
        raise
    _finish(database, delivery, "done", now)
    if progress:
        progress(source.size_bytes, source.size_bytes)
    return report_of(delivery, recognised, resumed_after=resumed_after, left_out=left_out_sheets(source))


@contextmanager
def _old_objects_left_alone() -> Iterator[None]:
    """What lives already is not gone over by the collector of garbage until the delivery is in: that took a
    twentieth of a delivery, with every thread waiting for it."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _ahead(judge_next: Callable[[], _Chunk | None]) -> Iterator[Iterator[_Chunk]]:
    """The chunks, each judged while the one before it is stored: judging waits for no database, and storing for
    little else, so the two halve the time. Never more than one chunk is judged ahead."""
    with ThreadPoolExecutor(1, thread_name_prefix="osmanthus-judge") as executor:

        def chunks() -> Iterator[_Chunk]:
            waiting = executor.submit(judge_next)
            while (judged := waiting.result()) is not None:
                waiting = executor.submit(judge_next)
                yield judged

        yield chunks()


def judge(
    session: Session,
    keys: KeyRing,
    delivered: pl.DataFrame,
    template: Template,
    catalogue: Catalogue | None,
    source_department: str,
    known: KnownSubjects,
    owner: SourceDepartment | None = None,
) -> _Judged:
    """Everything that can be known without writing. `delivered` has the template's columns by code; `known` lasts
    as long as the file."""
    if catalogue is None:
        sound, reasons = judge_register_rows(delivered, template, known.numbers, today=known.today)
    else:
        prepared = prepare_records(
            session, keys, delivered, template, catalogue, known, source_department=source_department, owner=owner
        )
        return _Judged(delivered, prepared.records, prepared.reasons, prepared.layout)
    return _Judged(delivered, sound, reasons, Layout(()))


def store(
    session: Session,
    intake: Intake,
    judged: _Judged,
    template: Template,
    delivery: Delivery,
    now: datetime,
    *,
    ahead: WrittenAhead | None = None,
) -> Stored:
    """Store a judged chunk with its quarantined rows, its counts and its measures, in the caller's transaction.

    ahead  as in `store_records`

    Raises DeliveryInProgress when another process has moved the delivery on meanwhile.
    """
    serialise_collection(session)
    if template.register is not None:
        stored = store_register_rows(session, intake.keys, judged.sound, template, now)
    else:
        # Whoever is not entitled to a row's content keeps nothing of it.
        declined = _declined_rows(session, judged.sound) | _unconsented_rows(session, judged.sound, now)
        sound = judged.sound.filter(~pl.col("row").is_in(list(declined))) if declined else judged.sound
        stored = store_records(
            session,
            sound,
            layout=judged.layout,
            delivery_id=delivery.id,
            now=now,
            states_in_force=intake.states_in_force,
            ahead=ahead,
        )
        stored.conflicts |= declined
    reasons = judged.reasons | stored.conflicts
    _quarantine(session, _refused_rows(intake.keys, judged.delivered, reasons, template), delivery, now)
    mark_for_rescoring(session, sorted(stored.concerned), "record_collected", now)
    today = city_date(now)
    shape = measure(
        judged.delivered,
        template,
        sound=judged.sound,
        reasons=reasons,
        new_by_day=stored.new_by_day,
        received_on=today,
        timely_working_days=quality_rules(today).timely_working_days,
        calendar=intake.calendar,
    )
    _count(session, delivery, judged.delivered.height, stored, len(reasons), shape)
    return stored


def _declined_rows(session: Session, sound: pl.DataFrame) -> dict[int, list[Reason]]:
    """Rows that their subjects have chosen not to have recorded. They count as quarantined, and nothing of them is
    kept: the reason alone says what became of them."""
    declined = [code for code in sound["category"].unique() if anyone_declines(session, code)]
    if not declined:
        return {}
    rows = sound.filter(pl.col("category").is_in(declined))
    pairs = declined_pairs(session, rows["subject_id"].unique().to_list())
    reason: Reason = {"column": "", "code": DECLINED, "message": _DECLINED_MESSAGE}
    return {
        row: [reason]
        for row, subject_id, category in rows.select("row", "subject_id", "category").iter_rows()
        if (subject_id, category) in pairs
    }


def _unconsented_rows(session: Session, sound: pl.DataFrame, now: datetime) -> dict[int, list[Reason]]:
    """Rows of categories that are collected only with a separate written consent, which their subjects have not
    given or have withdrawn (《征信业管理条例》第十四条). They count as quarantined; nothing of them is kept."""
    asking = {
        code: category.name
        for code, category in catalogue_in_force(session, city_date(now)).categories.items()
        if category.written_consent
    }
    rows = sound.filter(pl.col("category").is_in(list(asking))).select("row", "subject_id", "category")
    if rows.is_empty():
        return {}
    consented = written_consents(session, rows["subject_id"].unique().to_list())
    reason: Reason = {"column": "", "code": WITHOUT_CONSENT, "message": _WITHOUT_CONSENT_MESSAGE}
    return {
        row: [reason] for row, subject_id, code in rows.iter_rows() if (subject_id, asking[code]) not in consented
    }


def raw_row(line: dict[str, str | int | None], template: Template) -> dict[str, str]:
    """A delivered row by Chinese heading, as it came; a line that could not be split also as a whole."""
    row = {
        column.header: str(line[column.code]) for column in template.columns if line.get(column.code) is not None
    }
    if (text := line.get(RAW_LINE)) is not None:
        row[_RAW_HEADING] = str(text)
    return row


# --- the file -------------------------------------------------------------------------------------------------


def recognise(source: SourceFile, code: str | None) -> tuple[SourceFile, Template]:
    """Find the header among the first rows (sheets often have a title above it) and the template it belongs to."""
    templates = load_templates()
    if code is not None and code not in templates:
        raise TemplateUnknown([code])
    candidates = {code: templates[code]} if code else templates
    if source.format == "xlsx":
        placed = [
            (sheet, row, found)
            for sheet in source.sheets
            if (place := _header(sheet.head, candidates))
            for row, found in [place]
        ]
        if placed:
            if len({found.code for _, _, found in placed}) > 1:
                raise SheetsOfSeveralTemplates({sheet.name: found.name for sheet, _, found in placed})
            return with_tables(source, [(sheet, row) for sheet, row, _ in placed]), placed[0][2]
    elif place := _header(source.head, candidates):
        row, found = place
        names = [heading for column in found.columns for heading in (column.header, column.code)]
        return with_header(source, row, names=names), found
    if code is not None and source.head:
        template = templates[code]
        # The row that looks most like a header tells best what is missing.
        header = max(source.head, key=lambda row: sum(name is not None for name in template.resolve_header(row)))
        raise missing_columns(template, header)
    raise TemplateUnknown([name for name in (source.head[0] if source.head else ()) if name.strip()])


def _header(head: Sequence[Sequence[str]], templates: Mapping[str, Template]) -> tuple[int, Template] | None:
    for row, header in enumerate(head):
        if (found := detect_template(header, templates)) is not None:
            return row, found
    return None


def left_out_sheets(source: SourceFile) -> list[str]:
    """Sheets of a workbook that hold something and no header of a template: they are not read."""
    read = {table.sheet.place for table in source.tables}
    return [sheet.name for sheet in source.sheets if sheet.place not in read]


def missing_columns(template: Template, header: Sequence[str]) -> ColumnsMissing:
    present = set(template.resolve_header(header))
    return ColumnsMissing(
        template.name,
        [c.header for c in template.columns if c.code not in present and "R" in (c.organisation, c.person)],
    )


def _rows_left(
    source: SourceFile, template: Template, taken_in: int, rows_per_chunk: int
) -> Iterator[tuple[pl.DataFrame, int]]:
    """Chunks by template column, without the rows that an earlier attempt has taken in."""
    for chunk in read_chunks(source, rows_per_chunk=rows_per_chunk):
        frame = chunk.frame
        if taken_in:
            skipped = min(taken_in, frame.height)
            frame, taken_in = frame.slice(skipped), taken_in - skipped
        if frame.height:
            headings = frame.columns[_OUR_OWN_COLUMNS:] if source.format == "xlsx" else source.columns
            if source.format != "json":
                template.resolve_header(headings)
            yield by_column_code(frame, headings, template), chunk.bytes_done


def by_column_code(frame: pl.DataFrame, headings: Sequence[str], template: Template) -> pl.DataFrame:
    """Columns that the template does not know are not read any further: what is in them may not be kept."""
    named: dict[str, list[str]] = {}
    for heading in headings:
        (code,) = template.resolve_header([heading])
        if code is not None:
            named.setdefault(code, []).append(heading)
    columns = [pl.coalesce(spellings).alias(code) for code, spellings in named.items()]
    return frame.select(pl.col(ROW_NUMBER), pl.col(COMPLAINT), pl.col(RAW_LINE), *columns)


def frame_of_rows(rows: Sequence[Mapping[str, object]], template: Template, *, first_row: int) -> pl.DataFrame:
    """Rows by heading or column code as a delivered chunk; they are numbered from `first_row`."""
    headings = list(dict.fromkeys(clean_name(name) for row in rows for name in row))
    data: dict[str, pl.Series] = {
        ROW_NUMBER: pl.int_range(first_row, first_row + len(rows), dtype=pl.Int64, eager=True),
        COMPLAINT: pl.Series([None], dtype=pl.String).new_from_index(0, len(rows)),
        RAW_LINE: pl.Series([None], dtype=pl.String).new_from_index(0, len(rows)),
    }
    cells = [{clean_name(name): json_cell(value) for name, value in row.items()} for row in rows]
    data |= {heading: pl.Series([row.get(heading) for row in cells], dtype=pl.String) for heading in headings}
    return by_column_code(pl.DataFrame(data), headings, template)


def _catalogue(database: Database, template: Template, now: datetime) -> Catalogue | None:
    if template.register is not None:
        return None
    with database.reading() as session:
        return catalogue_in_force(session, city_date(now))


def _department(source: SourceFile, template: Template, catalogue: Catalogue | None) -> str:
    """Whom the first row names; else who answers for the category, or keeps the register."""
    if template.register is not None:
        return _REGISTRARS[template.register.kind]
    first = next(_rows_left(source, template, 0, 1), None)
    if first is not None:
        for code in department_columns(template):
            name = first[0][code][0] if code in first[0].columns else None
            if name is not None and name.strip():
                return str(name).strip()
    if catalogue is not None and (category := catalogue.categories.get(template.category or "")):
        return category.source_department
    raise SourceDepartmentUnknown


# --- the delivery ---------------------------------------------------------------------------------------------


def delivery_identity(source_department: str, content_sha256: str) -> str:
    return sha256(f"{source_department}\n{content_sha256}".encode()).hexdigest()


def _begin(
    database: Database, source: SourceFile, template: Template, department: str, now: datetime
) -> tuple[Delivery, bool]:
    """The delivery's row, new or of an earlier attempt, and whether that attempt came to its end."""
    identity = delivery_identity(department, source.content_sha256)
    with database.transaction() as session:
        delivery = session.scalar(select(Delivery).where(Delivery.identity == identity).with_for_update())
        if delivery is None:
            delivery = new_delivery(
                session,
                source_department=department,
                template=template,
                filename=source.path.name,
                identity=identity,
                content_sha256=source.content_sha256,
                now=now,
            )
        elif delivery.state != "done":
            delivery.state = "receiving"
        return delivery, delivery.state == "done"


def new_delivery(
    session: Session,
    *,
    source_department: str,
    template: Template,
    filename: str,
    identity: str,
    content_sha256: str,
    now: datetime,
) -> Delivery:
    delivery = Delivery(
        id=uuid4(),
        source_department=source_department,
        template=template.code,
        filename=filename,
        identity=identity,
        content_sha256=content_sha256,
        received_at=now,
        state="receiving",
        delivered=0,
        accepted=0,
        duplicate=0,
        corrected=0,
        quarantined=0,
        shape={},
    )
    session.add(delivery)
    session.flush()
    return delivery


def _count(
    session: Session, delivery: Delivery, delivered: int, stored: Stored, quarantined: int, shape: Shape
) -> None:
    """Move the counts on, if they are still where this process left them."""
    counts: dict[str, Any] = {
        "delivered": delivery.delivered + delivered,
        "accepted": delivery.accepted + stored.accepted,
        "duplicate": delivery.duplicate + stored.duplicate,
        "corrected": delivery.corrected + stored.corrected,
        "quarantined": delivery.quarantined + quarantined,
        "shape": together(delivery.shape, shape),
    }
    moved = session.execute(
        update(Delivery)
        .where(Delivery.id == delivery.id, Delivery.delivered == delivery.delivered, Delivery.state == "receiving")
        .values(**counts)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).first()
    if moved is None:
        raise DeliveryInProgress(delivery.filename)
    for name, count in counts.items():
        setattr(delivery, name, count)


def _finish(
    database: Database, delivery: Delivery, state: str, now: datetime | None, problem: str | None = None
) -> None:
    with database.transaction() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.id == delivery.id, Delivery.delivered == delivery.delivered)
            .values(state=state, finished_at=now, problem=problem)
            .execution_options(synchronize_session=False)
        )


def report_of(
    delivery: Delivery,
    template: Template,
    *,
    already_taken_in: bool = False,
    resumed_after: int = 0,
    left_out: Sequence[str] = (),
) -> DeliveryReport:
    return DeliveryReport(
        delivery_id=delivery.id,
        filename=delivery.filename,
        template=template.code,
        template_name=template.name,
        source_department=delivery.source_department,
        delivered=delivery.delivered,
        accepted=delivery.accepted,
        duplicate=delivery.duplicate,
        corrected=delivery.corrected,
        quarantined=delivery.quarantined,
        already_taken_in=already_taken_in,
        resumed_after=resumed_after,
        left_out_sheets=left_out,
    )


# --- quarantine -----------------------------------------------------------------------------------------------


def _refused_rows(
    keys: KeyRing, delivered: pl.DataFrame, reasons: Mapping[int, list[Reason]], template: Template
) -> pl.DataFrame:
    """What quarantine keeps of rows: by the columns of quarantined_rows, but for delivery and moments."""
    indexes = sorted(reasons)
    kept: dict[str, list[Any]] = {name: [] for name in _REFUSED}
    for index, line in zip(indexes, delivered[indexes].iter_rows(named=True), strict=True):
        unkept = UNKEPT.get(reasons[index][0]["code"])
        row: dict[str, str] = {} if unkept else raw_row(line, template)
        kept["row_number"].append(line[ROW_NUMBER])
        kept["sealed_row"].append(keys.seal_bytes(orjson.dumps(row)))
        shown = {} if unkept else masked(template, row, reasons[index])
        kept["masked_row"].append(orjson.dumps(shown).decode())
        # As SQLAlchemy writes it: the embedded database is searched by this text.
        kept["reasons"].append(json.dumps(reasons[index]))
        kept["resolution"].append(unkept)
    return pl.DataFrame(kept, schema=_REFUSED)


def _quarantine(session: Session, refused: pl.DataFrame, delivery: Delivery, now: datetime) -> None:
    if refused.is_empty():
        return
    moment = pl.lit(now.astimezone(UTC))
    is_open = pl.col("resolution").is_null()
    rows = refused.with_columns(
        pl.lit(delivery.id.bytes).alias("delivery_id"),
        moment.alias("created_at"),
        pl.when(is_open).then(pl.lit("open")).otherwise(pl.lit("dropped")).alias("state"),
        pl.when(~is_open).then(pl.lit("系统")).alias("resolved_by"),
        pl.when(~is_open).then(moment).alias("resolved_at"),
    )
    write_rows(session, cast(Table, QuarantinedRow.__table__), rows)


def masked(template: Template, row: dict[str, str], reasons: Sequence[Reason]) -> dict[str, str]:
    if any(reason["code"] == MALFORMED_LINE for reason in reasons):
        # Cells may stand under wrong headings: nothing tells what is a name in them.
        return dict.fromkeys(row, _UNSPLIT_LINE)
    return mask_row(template, row, _party_of(template, row))


def _party_of(template: Template, row: dict[str, str]) -> PartyKind | None:
    subject = template.subject
    if subject is None:
        return "person"
    if subject.inferred:
        by_organisation = any(
            row.get(template.column(code).header, "").strip() for code in subject.identifiers["organisation"]
        )
        return "organisation" if by_organisation else "person"
    if subject.kind_column is None:
        return subject.fixed
    column = template.column(subject.kind_column)
    cell = row.get(column.header, "").strip()
    return subject.kinds.get(column.value_aliases.get(cell, cell))
