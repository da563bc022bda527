"""Over the demo city's records, every policy that ships: not only the two that the city has adopted."""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import select

from backend.scores.inputs import snapshot_rows, to_columns
from backend.scores.models import ScoreRun
from backend.subjects.models import Subject
from scoring.columns import NO_DAY
from scoring.compiled import compile_policy
from scoring.days import to_day
from scoring.engine import score_batch, score_one
from scoring.policy import shipped_policy, shipped_policy_names
from scoring.sql import TABLES, export_sql

pytestmark = pytest.mark.city


@pytest.fixture(scope="module")
def exported(live_city):
    """By kind of subject: everyone's number, and all records, as a run or an auditor takes them out."""
    database = live_city.database
    with database.reading() as session:
        as_of: date = session.scalars(select(ScoreRun.as_of).limit(1)).one()
        out = {}
        for kind in ("person", "enterprise"):
            numbers = session.scalars(select(Subject.id).where(Subject.kind == kind).order_by(Subject.id)).all()
            tables = list(snapshot_rows(session, subject_kind=kind, as_of=as_of, chunk=50_000))
            out[kind] = np.array(numbers, np.int64), pa.concat_tables(tables).combine_chunks()
    database.dispose()
    return as_of, out


@pytest.mark.parametrize("name", shipped_policy_names())
def test_the_sql_that_an_auditor_runs_gives_everyone_the_kernels_integers(exported, name):
    as_of, by_kind = exported
    policy = shipped_policy(name)
    subjects, records = by_kind[policy.subject_kind]
    compiled = compile_policy(policy)
    batch = score_batch(compiled, to_columns(records, compiled), to_day(as_of), subjects)
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        connection.register("taken_out", records)
        connection.register("numbers", pa.table({"subject": subjects}))
        connection.execute("INSERT INTO subjects SELECT subject FROM numbers")
        days = ", ".join(
            f"CASE WHEN {day} <> {NO_DAY} THEN DATE '1970-01-01' + {day} END"
            for day in ("event_day", "end_day", "performed_day")
        )
        connection.execute(
            f"INSERT INTO records SELECT subject, record, category, {days},"  # noqa: S608 - constants
            " quantity, amount, level, event, state, relation FROM taken_out"
        )
        told = connection.execute(export_sql(policy, "duckdb", as_of)).fetchnumpy()
    assert told["subject"].tolist() == batch.subject.tolist()
    assert told["total"].tolist() == batch.total.tolist()
    assert told["clamp"].tolist() == batch.clamp.tolist()
    for place, indicator in enumerate(policy.indicators):
        assert told[indicator.code].tolist() == batch.points[:, place].tolist(), indicator.code
    assert [policy.grades[grade].code for grade in batch.grade] == told["grade"].tolist()
    assert len(set(batch.total.tolist())) > 20


@pytest.mark.parametrize("name", shipped_policy_names())
def test_everyone_is_explained_to_the_hundredth_under_every_policy(exported, name):
    as_of, by_kind = exported
    policy = shipped_policy(name)
    subjects, records = by_kind[policy.subject_kind]
    compiled = compile_policy(policy)
    columns, day = to_columns(records, compiled), to_day(as_of)
    batch = score_batch(compiled, columns, day, subjects)
    low = np.searchsorted(columns.subject, subjects, side="left")
    high = np.searchsorted(columns.subject, subjects, side="right")
    for row in range(len(subjects)):
        told = score_one(compiled, columns.take(slice(int(low[row]), int(high[row]))), day)
        assert told.total == batch.total[row]
        assert policy.base + sum(part.points for part in told.contributions) + told.clamp == told.total
        for part in told.contributions:
            assert not part.records or sum(share.points for share in part.records) == part.points


def test_each_of_the_fifteen_second_level_indicators_has_something_to_say_about_somebody(exported):
    as_of, by_kind = exported
    policy = shipped_policy("enterprise")
    subjects, records = by_kind["enterprise"]
    compiled = compile_policy(policy)
    batch = score_batch(compiled, to_columns(records, compiled), to_day(as_of), subjects)
    told = dict(
        zip([each.code for each in policy.indicators], np.count_nonzero(batch.points, axis=0), strict=True)
    )
    assert len(told) == 15
    assert [code for code, count in told.items() if not count] == []
    # What is a rare misfortune in a real city is rare here too; what every enterprise has, every enterprise has.
    rare = ("own_dishonest_debtor", "safety_accidents", "grave_violations", "principals_debts", "abnormal_listing")
    assert all(told[code] < 0.1 * len(subjects) for code in rare)
    # How many lie in the window moves with the day on which the city is made.
    few, nearly_all = len(subjects) / 3, 0.9 * len(subjects)
    assert told["wages_and_insurance_arrears"] < few < nearly_all < told["tax_credit_rating"]
