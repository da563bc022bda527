"""Bulk writing of records and their versions, on both databases: duplicates recognised, corrections versioned."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, cast
from uuid import UUID

import polars as pl
from psycopg.errors import UniqueViolation
from sqlalchemy import Table, func, select, text
from sqlalchemy.orm import Session

from backend.database import insert_into
from backend.records.contents import Layout, form_of
from backend.records.copying import CopyData, copy_data, driver, send_copy, write_rows
from backend.records.intake import StatesInForce
from backend.records.models import ContentForm, CorrectionMark, CreditRecord, RecordDeletion, RecordVersion
from backend.records.validation import Reason

_ASKED_AT_ONCE = 10_000
_UNSORTED_AT_MOST = 1_000
"""So few rows are numbered in the order delivered: sorting would gain nothing."""
_ONE_COLLECTION_AT_A_TIME = 0x05A_C011EC7

CONFLICT = "conflicting_source"
DELIVERED = "数源单位报送"
CORRECTED = "数源单位更正报送"
WITHDRAWN = "数源单位撤销"
SELF_DECLARED = "自主申报，由{}核验"
"""The source of what a subject supplied itself and that department verified: it answers for the record."""

_RECORDS = cast(Table, CreditRecord.__table__)
_RECORD_COLUMNS = (
    "id",
    "subject_id",
    "category",
    "natural_key",
    "facts_digest",
    "title",
    "event_on",
    "ended_on",
    "performed_on",
    "quantity",
    "amount",
    "level",
    "event_key",
    "state",
    "withdrawn",
    "version",
    "source_department",
    "delivery_id",
    "form_id",
    "content",
    "created_at",
)
_LEFT_TO_THE_DATABASE = {
    "quantity": 0,
    "amount": 0,
    "level": 0,
    "event_key": 0,
    "state": "active",
    "withdrawn": False,
    "version": 1,
}
"""Columns that are not written when every row says what the database puts there by itself."""
_FACTS = (
    "title",
    "event_on",
    "ended_on",
    "performed_on",
    "quantity",
    "amount",
    "level",
    "event_key",
    "withdrawn",
    "source_department",
    "delivery_id",
)


_ALWAYS_KNOWN = ("title", "event_on", "quantity", "amount", "level")
_COME_LATER = ("ended_on", "performed_on")


@dataclass
class Stored:
    """What became of the rows.

    conflicts   row index → reasons of rows that were not stored after all
    new_by_day  the new records by the day from which their delivery is timed
    met_known   whether some matter was known before these rows came
    """

    accepted: int
    duplicate: int
    corrected: int
    concerned: set[int]
    conflicts: dict[int, list[Reason]]
    new_by_day: Counter[date] = field(default_factory=Counter)
    met_known: bool = False


def facts_of(record: CreditRecord) -> dict[str, Any]:
    """The whole of a record that a delivery or an officer can change, as an earlier version keeps it."""
    facts: dict[str, Any] = {name: getattr(record, name) for name in _FACTS}
    for name in ("event_on", "ended_on", "performed_on"):
        facts[name] = facts[name].isoformat() if facts[name] else None
    facts["delivery_id"] = str(record.delivery_id)
    return {name: value for name, value in facts.items() if value is not None} | {"content": record.content}


def wrong_facts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What of a record (`facts_of`) a correction shows to have been wrong; None when all of it was.

    A day of ending or performance that was not known before is news, and so is what else a delivery says together
    with it: whoever was told the state of things then was told rightly.
    """
    if after["withdrawn"] and not before["withdrawn"]:
        return None
    wrong = {name: before.get(name) for name in _ALWAYS_KNOWN if before.get(name) != after.get(name)}
    wrong |= {name: before[name] for name in _COME_LATER if name in before and before[name] != after.get(name)}
    news = any(name in after and name not in before for name in _COME_LATER)
    if not news and any(
        value and after["content"].get(label) != value for label, value in before["content"].items()
    ):
        wrong["content"] = before["content"]
    return wrong


def keep_facts(session: Session, records: Sequence[CreditRecord]) -> None:
    """Before records change: write what they say now into their present version.

    The latest version of a record carries no facts of its own, because the record itself still has them, and the
    first has no row until there is a second. Almost no record is ever corrected, so this spares more than half of
    what would be stored.
    """
    session.flush()
    statement = insert_into(session, RecordVersion.__table__)  # type: ignore[arg-type]  # a Table
    present = statement.on_conflict_do_update(
        index_elements=["record_id", "version"], set_={"facts": statement.excluded.facts}
    )
    rows = [
        {
            "record_id": record.id,
            "version": record.version,
            "state": record.state,
            "facts": facts_of(record),
            "changed_at": record.created_at,
            "changed_by": record.source_department,
            "reason": _first_reason(record),
        }
        for record in records
    ]
    session.connection().execute(present, rows)


def first_version(record: CreditRecord) -> RecordVersion:
    """The one version of a record that never changed, as its row would be."""
    return RecordVersion(
        record_id=record.id,
        version=1,
        state=record.state,
        facts={},
        changed_at=record.created_at,
        changed_by=record.source_department,
        reason=_first_reason(record),
    )


def _first_reason(record: CreditRecord) -> str:
    return WITHDRAWN if record.withdrawn else DELIVERED


def version_of(record: CreditRecord, *, now: datetime, changed_by: str, reason: str) -> RecordVersion:
    """The version that the record has just become; call `keep_facts` before changing it."""
    return RecordVersion(
        record_id=record.id,
        version=record.version,
        state=record.state,
        facts={},
        changed_at=now,
        changed_by=changed_by,
        reason=reason,
    )


def serialise_collection(session: Session) -> None:
    """Until the transaction ends no other collection writes: two could take the same matter for a new one."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_COLLECTION_AT_A_TIME})
    else:
        # Records meet by hash, that is in random order: more of the index in memory spares most of the reading.
        session.connection().exec_driver_sql("PRAGMA cache_size = -131072")


@dataclass(frozen=True)
class Arrival:
    """With what, and when, the rows of a delivery come.

    form_id          that of their contents
    states_in_force  as in `Intake`
    """

    form_id: int
    delivery_id: UUID
    now: datetime
    states_in_force: StatesInForce


@dataclass(frozen=True)
class WrittenAhead:
    """The new matters of a chunk as PostgreSQL's COPY reads them: made while the chunk before is stored.

    records  that they were made of
    rows     the first row of each matter, in the order written
    """

    records: pl.DataFrame
    rows: pl.DataFrame
    data: CopyData


def write_ahead(records: pl.DataFrame, arrival: Arrival) -> WrittenAhead:
    """For PostgreSQL only; nothing is looked up. See `PreparedRows.records`."""
    rows = _in_order(records.filter(records["natural_key"].is_first_distinct()))
    return WrittenAhead(records, rows, copy_data(_RECORDS, _as_written(rows, arrival)))


def store_records(
    session: Session,
    records: pl.DataFrame,
    *,
    layout: Layout,
    delivery_id: UUID,
    now: datetime,
    states_in_force: StatesInForce,
    ahead: WrittenAhead | None = None,
) -> Stored:
    """Store prepared rows (see `PreparedRows`) in the order delivered.

    The same matter with the same facts is a duplicate; with other facts, from the same department, a new version;
    from another department a conflict: the stored version stays, and the row goes back to be cleared up.

    states_in_force  as in `Intake`
    ahead            is written as it is, without looking first whether its matters are known; where the database
                     says that one is, all are taken back and looked up. What becomes of them is the same
    """
    stored = Stored(0, 0, 0, set(), {})
    if records.is_empty():
        return stored
    arrival = Arrival(form_of(session, layout).id, delivery_id, now, states_in_force)
    # Within one file too, a matter may come several times: the first of each together, then the second, and so on.
    is_first = records["natural_key"].is_first_distinct()
    rest = records.filter(~is_first)
    # Rows that were taken out since would be written all the same.
    if ahead is not None and ahead.records is records and _wrote_ahead(session, ahead, stored):
        rest = _without_repeats(ahead.rows, rest, stored)
    else:
        stored.met_known = _store_turn(session, arrival, records.filter(is_first), stored)
    while rest.height:
        is_first = rest["natural_key"].is_first_distinct()
        _store_turn(session, arrival, rest.filter(is_first), stored)
        rest = rest.filter(~is_first)
    return stored


def _wrote_ahead(session: Session, ahead: WrittenAhead, stored: Stored) -> bool:
    """False when some matter was known: then nothing was written."""
    try:
        with session.begin_nested():
            send_copy(session, ahead.data)
    except UniqueViolation:
        return False
    _note_new(ahead.rows, stored)
    return True


def _without_repeats(written: pl.DataFrame, rest: pl.DataFrame, stored: Stored) -> pl.DataFrame:
    """The rest of a chunk without the matters that say nothing else than what was just written of them."""
    first = rest.join(
        written.select("natural_key", first="facts_digest"), on="natural_key", how="left", maintain_order="left"
    )
    is_repeat = (pl.col("facts_digest") == pl.col("first")).all().over("natural_key")
    left = first.filter(~is_repeat).drop("first")
    stored.duplicate += rest.height - left.height
    return left


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """In the order of the index, which is then read and filled page by page; a few rows as they were delivered."""
    return rows.sort("subject_id", maintain_order=True) if rows.height > _UNSORTED_AT_MOST else rows


def _store_turn(session: Session, arrival: Arrival, rows: pl.DataFrame, stored: Stored) -> bool:
    """Whether some matter was known before."""
    rows = _in_order(rows)
    known = known_matters(session, rows)
    if known:
        seen = pl.DataFrame(
            {
                "natural_key": pl.Series([key for key, _, _ in known], dtype=pl.Binary),
                "record_id": pl.Series([record_id for _, record_id, _ in known], dtype=pl.Int64),
                "known_digest": pl.Series([digest for _, _, digest in known], dtype=pl.Binary),
            }
        )
        joined = rows.join(seen, on="natural_key", how="left", maintain_order="left")
        met = joined.filter(pl.col("record_id").is_not_null())
        # Of what was deleted nothing is kept again: only a case file still needs the empty row.
        is_deleted = pl.col("known_digest").bin.size() == 0
        same = (pl.col("facts_digest") == pl.col("known_digest")) | is_deleted
        stored.duplicate += met.filter(same).height
        _correct(session, arrival, met.filter(~same), stored)
        rows = joined.filter(pl.col("record_id").is_null()).drop("record_id", "known_digest")
    if rows.height:
        _insert(session, arrival, rows, stored)
    return bool(known)


def known_matters(session: Session, rows: pl.DataFrame) -> list[tuple[bytes, int, bytes]]:
    """(natural key, record id, digest) of those that are stored."""
    known: list[tuple[bytes, int, bytes]] = []
    if session.connection().dialect.name == "postgresql":
        # As texts: the driver would write arrays element by element.
        subjects = rows["subject_id"].cast(pl.String).str.join(",").item()
        keys = rows["natural_key"].bin.encode("hex").str.join(",").item()
        cursor = driver(session).execute(
            "SELECT known.* FROM unnest(%s::bigint[], %s::uuid[]) AS asked (subject_id, natural_key) "
            "CROSS JOIN LATERAL (SELECT natural_key, id, facts_digest FROM credit_records "
            # OFFSET 0: look each key up in the index, whatever the statistics of a growing table say.
            "WHERE subject_id = asked.subject_id AND natural_key = asked.natural_key OFFSET 0) AS known",
            (f"{{{subjects}}}", f"{{{keys}}}"),
        )
        return [(key.bytes, record_id, bytes(digest)) for key, record_id, digest in cursor]
    for part in rows.select("subject_id", "natural_key").iter_slices(_ASKED_AT_ONCE):
        marks = ",".join(["(?,?)"] * part.height)
        query = (
            f"WITH asked (subject_id, natural_key) AS (VALUES {marks}) "  # noqa: S608
            "SELECT known.natural_key, known.id, known.facts_digest FROM asked CROSS JOIN credit_records AS known "
            "ON known.subject_id = asked.subject_id AND known.natural_key = asked.natural_key"
        )
        known += driver(session).execute(query, [value for row in part.iter_rows() for value in row])
    return known


def _insert(session: Session, arrival: Arrival, rows: pl.DataFrame, stored: Stored) -> None:
    written = _as_written(rows, arrival)
    if session.get_bind().dialect.name == "sqlite":
        written = written.with_columns(pl.Series("id", _new_ids(session, rows.height), dtype=pl.Int64))
    write_rows(session, _RECORDS, written)
    _note_new(rows, stored)


def _note_new(rows: pl.DataFrame, stored: Stored) -> None:
    stored.accepted += rows.height
    stored.new_by_day.update(dict(rows["timed_from"].value_counts().iter_rows()))
    stored.concerned.update(rows["subject_id"].unique().to_list())


def _as_written(rows: pl.DataFrame, arrival: Arrival) -> pl.DataFrame:
    """The columns of credit_records that these rows fill."""
    written = rows.with_columns(
        pl.when("withdrawn")
        .then(pl.lit("revoked"))
        .when("over")
        .then(pl.lit("expired"))
        .otherwise(pl.lit("active"))
        .alias("state"),
        pl.lit(1, dtype=pl.Int64).alias("version"),
        pl.lit(arrival.form_id).alias("form_id"),
        pl.lit(arrival.delivery_id.bytes).alias("delivery_id"),
        pl.lit(arrival.now.astimezone(UTC)).alias("created_at"),
    )
    # What no row has is left to the database: each column of a million costs it something to read.
    return written.select(name for name in _RECORD_COLUMNS if _says_something(written, name))


def _says_something(rows: pl.DataFrame, name: str) -> bool:
    if name not in rows.columns or not rows[name].count():
        return False
    return name not in _LEFT_TO_THE_DATABASE or (rows[name] != _LEFT_TO_THE_DATABASE[name]).any()


def _new_ids(session: Session, count: int) -> list[int]:
    """Numbers for SQLite, which would give a deleted record's number to another: the proof of its deletion names
    it."""
    last = max(
        session.scalar(select(func.max(column))) or 0 for column in (CreditRecord.id, RecordDeletion.record_id)
    )
    return list(range(last + 1, last + 1 + count))


def _correct(session: Session, arrival: Arrival, rows: pl.DataFrame, stored: Stored) -> None:
    now = arrival.now
    form = session.get_one(ContentForm, arrival.form_id)
    for part in rows.iter_slices(_ASKED_AT_ONCE):
        found = session.scalars(
            select(CreditRecord)
            .where(CreditRecord.id.in_(part["record_id"].to_list()))
            .order_by(CreditRecord.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        records = {record.id: record for record in found}
        agreed: list[dict[str, Any]] = []
        for line in part.iter_rows(named=True):
            record = records[line["record_id"]]
            department = line["source_department"]
            if record.source_department in (department, SELF_DECLARED.format(department)):
                agreed.append(line)
            else:
                stored.conflicts[line["row"]] = [_conflict(record)]
        if agreed:
            keep_facts(session, [records[line["record_id"]] for line in agreed])
        back = [line["record_id"] for line in agreed if _comes_back(records[line["record_id"]], line)]
        # After the records are locked: whoever decides about one of them meanwhile waits, and finds it back.
        states = dict.fromkeys(back, "active") | dict(arrival.states_in_force(session, back)) if back else {}
        for line in agreed:
            record = records[line["record_id"]]
            before = facts_of(record)
            _apply(record, line, form, arrival, state=states.get(record.id))
            if wrong_facts(before, facts_of(record)) != {}:
                session.add(CorrectionMark(record_id=record.id, version=record.version, marked_at=now))
            session.add(version_of(record, now=now, changed_by=record.source_department, reason=_why(line)))
            stored.corrected += 1
            stored.concerned.add(record.subject_id)
        session.flush()


def _why(row: Mapping[str, Any]) -> str:
    return WITHDRAWN if row["withdrawn"] else CORRECTED


def _conflict(record: CreditRecord) -> Reason:
    message = (
        f"同一事项已由“{record.source_department}”报送，内容与本行不一致；两份都已保留，现以先报送的为准。"
        "请两个单位核对后更正本行，或由先报送的单位更正"
    )
    return {"column": "", "code": CONFLICT, "message": message, "record": str(record.id)}


def _comes_back(record: CreditRecord, row: Mapping[str, Any]) -> bool:
    """Whether the department delivers in force again what it had withdrawn itself."""
    return record.withdrawn and record.state == "revoked" and not row["withdrawn"]


def _apply(
    record: CreditRecord, row: Mapping[str, Any], form: ContentForm, arrival: Arrival, *, state: str | None
) -> None:
    """A correction keeps what others decided about the record (an objection, a repair). A withdrawal ends it,
    unless its retention has ended it for good; what comes back in force takes the `state` it has then. What is
    over by the dates of the row is out of use at once."""
    if row["withdrawn"] and record.state != "expired":
        record.state = "revoked"
    elif state is not None:
        record.state = state
    if row["over"] and record.state in ("active", "disputed"):
        record.state = "expired"
    for name in ("title", "event_on", "ended_on", "performed_on", "quantity", "amount", "level", "event_key"):
        setattr(record, name, row[name])
    record.source_department = row["source_department"]
    record.withdrawn = row["withdrawn"]
    record.facts_digest = row["facts_digest"]
    record.form, record.cells = form, json.loads(row["content"])
    record.delivery_id = arrival.delivery_id
    record.version += 1
