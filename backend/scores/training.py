"""The table a city learns a model component from, built from its own stored records.

It holds indicators as of past days and whether a confirmed breach followed, one row per subject and day. Subjects
are numbered anew in it: nobody can go from a row back to a person, and rows of one subject still stay together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.authorizations.service import activated_subject_ids
from backend.catalogue.service import catalogue_in_force, still_listed
from backend.choices.service import not_declined
from backend.records.models import CreditRecord, RecordVersion
from backend.records.storing import first_version
from backend.scores.policies import policy_in_force, policy_of
from backend.subjects.models import Subject
from backend.subjects.service import AGE_OF_MAJORITY
from scoring.days import Span, add_span, to_date, to_day
from scoring.model.frame import VERSION_COLUMNS, Outcome, build_training_frame, policy_indicators
from scoring.policy import Policy

_AGE_BANDS = ((30, "30 岁以下"), (45, "30 至 44 岁"), (60, "45 至 59 岁"), (200, "60 岁及以上"))
_FACTS = ("event_on", "ended_on", "performed_on", "quantity", "amount", "level", "event_key")
_DAYS = ("event_on", "ended_on", "performed_on")
_ROWS_AT_ONCE = 50_000


def training_table(
    session: Session,
    *,
    subject_kind: str,
    as_of_days: Sequence[date],
    taken_on: date,
    categories: Sequence[str] = (),
    minimum_level: int = 0,
    known_within_days: int | None = None,
) -> pl.DataFrame:
    """`subject`, `as_of`, the indicators of the policy in force, `y`, and the audit attributes district and age.

    categories         whose later records are the outcome; none: every negative category of the catalogue
    known_within_days  a record counts as known so many days after its event, where it arrived later than that: for
                       a city that took over its past in one go, when arrival says nothing. None: by arrival alone

    Only adults who opted in, or enterprises; of an enterprise its own records. Raises FrameRefused for a day whose
    year has not passed, NoPolicyInForce.
    """
    policy, _ = policy_of(session, policy_in_force(session, subject_kind, taken_on).hash)
    subjects = _subjects(session, subject_kind, max(as_of_days))
    if not categories:
        catalogue = catalogue_in_force(session, taken_on)
        categories = [c.code for c in catalogue.categories.values() if c.polarity == "negative"]
    versions = pl.DataFrame(
        list(_versions(session, set(subjects["subject"].to_list()), known_within_days, taken_on)),
        schema=_VERSION_SCHEMA,
        orient="row",
    )
    frame = build_training_frame(
        versions,
        subjects,
        as_of_days=as_of_days,
        outcome=Outcome(tuple(categories), minimum_level),
        read_indicators=policy_indicators(policy),
        taken_on=taken_on,
    )
    return (
        frame.drop(_left_out(policy))
        .with_columns(
            pl.col("subject").rank("dense").cast(pl.Int64),
            pl.struct("born_on", "as_of")
            .map_elements(lambda row: age_band(row["born_on"], row["as_of"]), return_dtype=pl.String)
            .alias("age_band")
            if subject_kind == "person"
            else pl.lit("企业").alias("age_band"),
        )
        .drop("born_on")
    )


_VERSION_SCHEMA: dict[str, Any] = dict.fromkeys(VERSION_COLUMNS, pl.Int64) | {
    "category": pl.String, "state": pl.String, "known_on": pl.Date, **dict.fromkeys(_DAYS, pl.Date),
}  # fmt: skip


def _left_out(policy: Policy) -> list[str]:
    """Indicators that cannot enter a model: of principals alone (not held here), or without one direction."""
    return [
        i.code
        for i in policy.indicators
        if i.measure != "value_of" and ("own" not in i.relations or i.direction == "both")
    ]


def _subjects(session: Session, subject_kind: str, until: date) -> pl.DataFrame:
    query = select(Subject.id, Subject.born_on, Subject.registered_on, Subject.ended_on, Subject.district).where(
        Subject.kind == subject_kind
    )
    opted_in = set(activated_subject_ids(session)) if subject_kind == "person" else None
    rows = []
    for number, born_on, registered_on, ended_on, district in session.execute(query):
        if opted_in is not None and (number not in opted_in or born_on is None):
            continue
        of_age = None
        if opted_in is not None and born_on is not None:
            of_age = to_date(add_span(to_day(born_on), Span(months=12 * AGE_OF_MAJORITY)))
        begins = of_age or registered_on or date.min
        if begins <= until:
            rows.append((number, begins, ended_on, born_on, district))
    schema = {
        "subject": pl.Int64, "from_on": pl.Date, "until_on": pl.Date, "born_on": pl.Date, "district": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _versions(
    session: Session, subjects: set[int], known_within_days: int | None, taken_on: date
) -> Iterator[tuple[object, ...]]:
    """Every version of every record of these subjects, in the order of VERSION_COLUMNS.

    What was repaired or revoked, what its owner declines to have recorded and what the catalogue no longer lists
    is left out: to learn from it would be to use it.
    """
    query = (
        select(CreditRecord, RecordVersion)
        .outerjoin(RecordVersion, RecordVersion.record_id == CreditRecord.id)
        .where(
            CreditRecord.state.not_in(("repaired", "revoked")),
            not_declined(CreditRecord.subject_id, CreditRecord.category),
            still_listed(CreditRecord.category, taken_on),
        )
        .order_by(CreditRecord.id, RecordVersion.version)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    for record, version in session.execute(query):
        if record.subject_id not in subjects:
            continue
        version = version or first_version(record)
        # The latest version's facts are those of the record itself.
        facts = {name: version.facts.get(name) if version.facts else getattr(record, name) for name in _FACTS}
        began, ended, performed = (_day(facts[name]) for name in _DAYS)
        known_on = version.changed_at.date()
        if known_within_days is not None and version.version == 1 and began is not None:
            known_on = min(known_on, began + timedelta(days=known_within_days))
        yield (
            record.id, record.subject_id, record.category, began, ended, performed, facts["quantity"] or 0,
            facts["amount"] or 0, facts["level"] or 0, facts["event_key"] or 0, version.state, known_on,
        )  # fmt: skip


def _day(value: date | str | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


def age_band(born_on: date, on: date) -> str:
    """The band that a person belongs to on a day; bands only ever serve to compare groups, never to score."""
    age = (on - born_on).days // 365
    return next(name for below, name in _AGE_BANDS if age < below)
