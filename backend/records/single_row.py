"""Taking in one row that came by another way than a department's file, by the same rules and the same storing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalogue.service import catalogue_in_force
from backend.catalogue.templates import load_templates
from backend.city_calendar import city_date
from backend.records.collection import Outcome, delivery_identity, judge, new_delivery, store
from backend.records.errors import RowRefused
from backend.records.intake import Intake
from backend.records.models import CreditRecord
from backend.records.preparation import KnownSubjects
from backend.records.sources import COMPLAINT, RAW_LINE, ROW_NUMBER


@dataclass(frozen=True)
class TakenIn:
    """`outcome` is accepted, duplicate or corrected; `record` is the record the row speaks of."""

    outcome: Outcome
    record: CreditRecord


def take_in_row(
    session: Session,
    intake: Intake,
    *,
    template: str,
    row: Mapping[str, str],
    source_department: str,
    origin: str,
    now: datetime,
) -> TakenIn:
    """Judge, match and store one row (cells by column code) as a delivery of its own.

    origin  what the delivery is called: where the row came from, unique to it

    Raises RowRefused with the reasons per cell, NoCatalogueInForce or TemplateUnknown's KeyError for a code that
    no template has.
    """
    form = load_templates()[template]
    data = {
        ROW_NUMBER: pl.Series([1], dtype=pl.Int64),
        COMPLAINT: pl.Series([None], dtype=pl.String),
        RAW_LINE: pl.Series([None], dtype=pl.String),
    }
    for column in form.columns:
        data[column.code] = pl.Series([row.get(column.code) or None], dtype=pl.String)
    today = city_date(now)
    catalogue = catalogue_in_force(session, today)
    judged = judge(
        session, intake.keys, pl.DataFrame(data), form, catalogue, source_department, KnownSubjects(today)
    )
    if judged.reasons:
        raise RowRefused(judged.reasons[0])
    content_sha256 = sha256(json.dumps(dict(row), ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    with session.begin_nested() as attempt:
        delivery = new_delivery(
            session,
            source_department=source_department,
            template=form,
            filename=origin,
            identity=delivery_identity(f"{source_department} {origin}", content_sha256),
            content_sha256=content_sha256,
            now=now,
        )
        stored = store(session, intake, judged, form, delivery, now)
        if stored.conflicts:
            attempt.rollback()
            raise RowRefused(stored.conflicts[0])
        delivery.state, delivery.finished_at = "done", now
        session.flush()
    record = session.scalars(
        select(CreditRecord)
        .where(
            CreditRecord.subject_id == judged.sound["subject_id"][0],
            CreditRecord.natural_key == judged.sound["natural_key"][0],
        )
        .execution_options(populate_existing=True)
    ).one()
    outcome: Outcome = "accepted" if stored.accepted else "corrected" if stored.corrected else "duplicate"
    return TakenIn(outcome, record)
