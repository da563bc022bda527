"""Taking a file of subjects, looking at each in the background, and recording what the department then decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.service import known_categories
from backend.city_calendar import city_date
from backend.credit_checks.errors import (
    CheckFileUnusable,
    CreditCheckNotDone,
    CreditCheckNotFound,
    MatterMissing,
    NothingToReview,
)
from backend.credit_checks.models import CheckedRow, CreditCheck
from backend.credit_checks.purposes import check_rules_on
from backend.database import Database
from backend.identifiers import check as check_identifier
from backend.identifiers.sealing import KeyRing
from backend.jobs.service import enqueue_job
from backend.ledger.service import Actor, record_access
from backend.lists.statutory import statutory_lists
from backend.notifications.service import Recipient, notify
from backend.records.models import CreditRecord
from backend.records.service import records_of
from backend.records.sources import ROW_NUMBER, inspect_file, read_chunks, with_header
from backend.repairs.publication import published_until
from backend.subjects.errors import SubjectNotFound
from backend.subjects.models import Subject
from backend.subjects.service import find_by_identifier, is_left_out_as_a_child

CREDIT_CHECK_JOB = "credit_check"
CHANNEL = "credit_check"
HEADINGS = ("证件号码", "统一社会信用代码", "身份证号", "公民身份号码")
LONGEST_MATTER = 100
_AT_ONCE = 100
_CHUNK_ROWS = 5_000

Outcome = Literal["clear", "found", "not_registered", "number_wrong", "not_covered"]
Review = Literal["granted", "withheld"]

OUTCOME_NAMES: Mapping[Outcome, str] = {
    "clear": "未发现相关信息",
    "found": "有相关信息",
    "not_registered": "未查到该主体",
    "number_wrong": "证件号码有误",
    "not_covered": "核查目的不含此类主体",
}
REVIEW_NAMES: Mapping[Review, str] = {"granted": "同意拨付", "withheld": "暂不拨付"}


OFFICE_CODE = "office"
"""The credit office's own checks (信用办), beside those of departments, which go by their 统一社会信用代码."""


@dataclass(frozen=True)
class Asker:
    """Who asks: a department by its 统一社会信用代码, or the office. `name` is what subjects read in the ledger,
    `by` the officer or system that asked."""

    code: str
    name: str
    by: str


def ask_credit_check(
    session: Session,
    keys: KeyRing,
    *,
    asker: Asker,
    purpose_code: str,
    matter: str,
    content: bytes,
    filename: str,
    now: datetime,
) -> CreditCheck:
    """Read the list, keep its numbers sealed and queue the check.

    Raises PurposeUnknown, MatterMissing, FileUnreadable or CheckFileUnusable.
    """
    rules = check_rules_on(city_date(now))
    purpose = rules.purpose(purpose_code)
    if not matter.strip():
        raise MatterMissing
    numbers = _numbers_in(content, filename, most=rules.most_rows)
    asked = CreditCheck(
        department_code=asker.code,
        department_name=asker.name,
        purpose=purpose.code,
        purpose_name=purpose.name,
        basis=purpose.basis,
        matter=matter.strip(),
        subject_kinds=list(purpose.subject_kinds),
        categories=list(purpose.categories),
        review=purpose.review,
        filename=Path(filename).name[:200],
        asked_by=asker.by,
        asked_at=now,
        rows_total=len(numbers),
        rows_done=0,
        delete_at=now + timedelta(days=rules.kept_days),
    )
    session.add(asked)
    session.flush()
    session.add_all(
        CheckedRow(check_id=asked.id, row_number=place, identifier_sealed=keys.seal(number), reasons=[])
        for place, number in numbers
    )
    session.flush()
    enqueue_job(
        session,
        kind=CREDIT_CHECK_JOB,
        arguments={"check_id": str(asked.id)},
        key=f"{CREDIT_CHECK_JOB}:{asked.id}",
        now=now,
    )
    return asked


def _numbers_in(content: bytes, filename: str, *, most: int) -> Sequence[tuple[int, str]]:
    """(row as the spreadsheet shows it, number) of every row; a row without a number is kept, to be told so."""
    suffix = Path(filename).suffix.lower()
    if suffix not in (".csv", ".xlsx"):
        raise CheckFileUnusable("只能用 CSV 或 XLSX 文件")
    found: list[tuple[int, str]] = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"list{suffix}"
        path.write_bytes(content)
        source = inspect_file(path)
        heads = [
            (place, row) for place, row in enumerate(source.head) if set(HEADINGS) & {cell.strip() for cell in row}
        ]
        if not heads:
            raise CheckFileUnusable("没有找到这样的表头")
        source = with_header(source, heads[0][0])
        heading = next(name for name in HEADINGS if name in source.columns)
        for chunk in read_chunks(source, rows_per_chunk=_CHUNK_ROWS):
            rows = chunk.frame.select(ROW_NUMBER, heading).iter_rows()
            found += [(place, (number or "").strip()) for place, number in rows]
            if len(found) > most:
                raise CheckFileUnusable(f"超过 {most} 行，请分成几个文件")
    if not found:
        raise CheckFileUnusable("表头下面没有一行")
    return found


def perform_credit_check(
    database: Database,
    keys: KeyRing,
    check_id: UUID,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[int, int], None],
) -> None:
    """Look at the rows not looked at yet, some at a time, each lot with its ledger rows in one transaction: a
    check that was interrupted goes on where it stopped, and nobody is written down twice."""
    while True:
        with database.transaction() as session:
            asked = session.get(CreditCheck, check_id, with_for_update=True)
            if asked is None or asked.finished_at is not None:
                return
            now = clock()
            categories = known_categories(session, city_date(now))
            rows = session.scalars(
                select(CheckedRow)
                .where(CheckedRow.check_id == check_id, CheckedRow.outcome.is_(None))
                .order_by(CheckedRow.row_number)
                .limit(_AT_ONCE)
            ).all()
            for row in rows:
                _look_at(session, keys, asked, row, categories, now)
            asked.rows_done += len(rows)
            if asked.rows_done >= asked.rows_total:
                asked.finished_at = now
            done, total = asked.rows_done, asked.rows_total
        progress(done, total)


def _look_at(
    session: Session,
    keys: KeyRing,
    asked: CreditCheck,
    row: CheckedRow,
    categories: Mapping[str, Category],
    now: datetime,
) -> None:
    number = check_identifier(keys.open(row.identifier_sealed), today=city_date(now))
    if number.normalised is None:
        row.outcome = "number_wrong"
        return
    try:
        subject = find_by_identifier(session, keys=keys, identifier=number.normalised)
    except SubjectNotFound:
        row.outcome = "not_registered"
        return
    if subject.kind not in asked.subject_kinds or is_left_out_as_a_child(subject, city_date(now)):
        row.outcome = "not_covered"
        return
    row.subject_id = subject.id
    row.reasons = reasons_about(session, subject, asked.categories, categories, today=city_date(now))
    outcome: Outcome = "found" if any(not reason["disputed"] for reason in row.reasons) else "clear"
    row.outcome = outcome
    note_check(session, asked, subject.id, told=OUTCOME_NAMES[outcome], now=now)


def reasons_about(
    session: Session, subject: Subject, wanted: Sequence[str], categories: Mapping[str, Category], *, today: date
) -> list[dict[str, Any]]:
    """The adverse records that the purpose covers and that may still be used, newest first. A disputed one is told
    with its mark, and alone makes nobody suspect."""
    found = [
        record
        for record in records_of(session, subject.id, listed_on=today)
        if record.category in wanted
        and record.category in categories
        and record.state in ("active", "disputed")
        and record.event_on <= today
        and _still_used(record, categories[record.category], today)
    ]
    found.sort(key=lambda record: record.event_on, reverse=True)
    return [
        {
            "category": record.category,
            "category_name": categories[record.category].name,
            "title": record.title,
            "event_on": record.event_on.isoformat(),
            "used_until": _iso(published_until(record, categories[record.category], today=today)),
            "level": categories[record.category].level_name(record.level) or "",
            "source": record.source_department,
            "legal_basis": categories[record.category].legal_basis,
            "disputed": record.state == "disputed",
        }
        for record in found
    ]


def _still_used(record: CreditRecord, category: Category, today: date) -> bool:
    if category.code in statutory_lists() and record.ended_on is not None and record.ended_on < today:
        # Taken off the list.
        return False
    until = published_until(record, category, today=today)
    return until is None or today <= until


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def note_check(session: Session, asked: CreditCheck, subject_id: int, *, told: str, now: datetime) -> None:
    """So that the subject reads who asked, on what basis, what for, and what was answered."""
    record_access(
        session,
        subject_id=subject_id,
        actor=Actor(kind="department", id=asked.department_code, name=asked.department_name),
        action="credit_checked",
        basis=asked.basis,
        purpose=f"{asked.purpose_name}：{asked.matter}",
        detail={"credit_check": str(asked.id), "told": told},
        channel=CHANNEL,
        now=now,
    )


def credit_checks_of(session: Session, department_code: str, *, most: int) -> Sequence[CreditCheck]:
    """A department's or the office's own, newest first."""
    return session.scalars(
        select(CreditCheck)
        .where(CreditCheck.department_code == department_code)
        .order_by(CreditCheck.asked_at.desc(), CreditCheck.id)
        .limit(most)
    ).all()


def credit_check_of(session: Session, department_code: str, check_id: UUID) -> CreditCheck:
    """Raises CreditCheckNotFound, also for another department's."""
    asked = session.get(CreditCheck, check_id)
    if asked is None or asked.department_code != department_code:
        raise CreditCheckNotFound
    return asked


def counts_of(session: Session, check_id: UUID) -> Mapping[str, int]:
    """Rows by outcome, those not looked at left out."""
    rows = session.execute(
        select(CheckedRow.outcome, func.count())
        .where(CheckedRow.check_id == check_id, CheckedRow.outcome.is_not(None))
        .group_by(CheckedRow.outcome)
    )
    return {str(outcome): count for outcome, count in rows}


def results_of(session: Session, asked: CreditCheck, *, after_row: int, limit: int) -> Sequence[CheckedRow]:
    """In the order of the file, from the row after `after_row`. Raises CreditCheckNotDone."""
    if asked.finished_at is None:
        raise CreditCheckNotDone
    return session.scalars(
        select(CheckedRow)
        .where(CheckedRow.check_id == asked.id, CheckedRow.row_number > after_row)
        .order_by(CheckedRow.row_number)
        .limit(limit)
    ).all()


def review_row(
    session: Session, asked: CreditCheck, *, row_number: int, review: Review, reason: str, by: str, now: datetime
) -> CheckedRow:
    """What the asker decided about a subject that something was found about, before it pays (信用审查); `by` whom.

    The subject is told at once, with the reason, and may object to the record behind it.
    Raises CreditCheckNotFound or NothingToReview.
    """
    row = session.scalars(
        select(CheckedRow)
        .where(CheckedRow.check_id == asked.id, CheckedRow.row_number == row_number)
        .with_for_update()
    ).first()
    if row is None:
        raise CreditCheckNotFound
    if not asked.review or row.outcome != "found" or row.review is not None or row.subject_id is None:
        raise NothingToReview
    row.review, row.review_reason, row.reviewed_by, row.reviewed_at = review, reason, by, now
    name = REVIEW_NAMES[review]
    note_check(session, asked, row.subject_id, told=f"审查结论：{name}", now=now)
    notify(
        session,
        Recipient(subject_id=row.subject_id),
        kind="credit_reviewed",
        title=f"{asked.department_name}：{asked.matter}，{name}",
        body=f"理由：{reason}。对所依据的记录有异议的，可以提出异议；异议期间该记录不作为依据。",
        about="ledger",
        now=now,
    )
    return row


def delete_old_results(session: Session, *, now: datetime) -> int:
    """For the sweeper: results whose time is over, with their rows; how many batches. The ledger keeps that they
    were asked for."""
    old = session.scalars(select(CreditCheck.id).where(CreditCheck.delete_at <= now)).all()
    session.execute(delete(CheckedRow).where(CheckedRow.check_id.in_(old)))
    session.execute(delete(CreditCheck).where(CreditCheck.id.in_(old)))
    return len(old)
