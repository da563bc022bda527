"""The SQL an auditor runs gives the kernel's integers, in DuckDB and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring.compiled import compile_policy
from scoring.days import to_day
from scoring.engine import score_batch
from scoring.policy import Policy, load_policy, shipped_policy, shipped_policy_names
from scoring.sql import TABLES, Dialect, export_sql
from tests.scoring.builders import document, text
from tests.scoring.oracle import Rec
from tests.scoring.strategies import AS_OF, columns_of, policies, record_lists
from tests.servers import postgresql_server

Run = Callable[[str, dict[int, list[Rec]]], list[dict[str, Any]]]
COLUMNS = (
    "subject, record, category, event_day, end_day, performed_day, quantity, amount, level, event, state, relation"
)


def rows_of(subjects: dict[int, list[Rec]]) -> list[tuple[Any, ...]]:
    return [
        (
            subject, rec.number, rec.category, rec.event, rec.end, rec.performed, rec.quantity, rec.amount,
            rec.level, rec.act, rec.state, rec.relation,
        )
        for subject, records in subjects.items()
        for rec in records
    ]  # fmt: skip


@pytest.fixture(scope="module")
def in_duckdb() -> Iterator[Run]:
    with duckdb.connect() as connection:
        connection.execute(TABLES)

        def run(query: str, subjects: dict[int, list[Rec]]) -> list[dict[str, Any]]:
            connection.execute("DELETE FROM records; DELETE FROM subjects")
            if rows := rows_of(subjects):
                connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.executemany("INSERT INTO subjects VALUES (?)", [(subject,) for subject in subjects])
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        yield run


@pytest.fixture(scope="module")
def in_postgresql() -> Iterator[Run]:
    with postgresql_server() as url, psycopg.connect(url) as connection:
        connection.execute(TABLES.replace("CREATE TABLE", "CREATE TEMPORARY TABLE"))

        def run(query: str, subjects: dict[int, list[Rec]]) -> list[dict[str, Any]]:
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE records, subjects")
                if rows := rows_of(subjects):
                    marks = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                    cursor.executemany(f"INSERT INTO records VALUES {marks}", rows)  # noqa: S608 - constant
                cursor.executemany("INSERT INTO subjects VALUES (%s)", [(subject,) for subject in subjects])
                cursor.execute(query.encode())
                names = [column.name for column in cursor.description or []]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        yield run


def assert_same_integers(
    run: Run, dialect: Dialect, policy: Policy, subjects: dict[int, list[Rec]], as_of: date
) -> None:
    compiled = compile_policy(policy)
    batch = score_batch(compiled, columns_of(subjects, compiled), to_day(as_of), sorted(subjects))
    expected = [
        {
            "subject": int(subject),
            **{i.code: int(p) for i, p in zip(policy.indicators, batch.points[row], strict=True)},
            "clamp": int(batch.clamp[row]),
            "total": int(batch.total[row]),
            "grade": policy.grades[batch.grade[row]].code,
        }
        for row, subject in enumerate(batch.subject)
    ]
    assert run(export_sql(policy, dialect, as_of), subjects) == expected


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_duckdb_gives_the_kernels_integers_for_a_random_policy(in_duckdb: Run, data: st.DataObject) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    subjects = {number: data.draw(record_lists(as_of)) for number in (3, 5, 8)}
    assert_same_integers(in_duckdb, "duckdb", policy, subjects, as_of)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_postgresql_gives_the_kernels_integers_for_a_random_policy(
    in_postgresql: Run, data: st.DataObject
) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    subjects = {number: data.draw(record_lists(as_of)) for number in (3, 5, 8)}
    assert_same_integers(in_postgresql, "postgresql", policy, subjects, as_of)


@pytest.mark.parametrize("name", shipped_policy_names())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_both_databases_give_the_kernels_integers_for_every_shipped_policy(
    in_duckdb: Run, in_postgresql: Run, name: str, data: st.DataObject
) -> None:
    policy = shipped_policy(name)
    as_of = data.draw(AS_OF)
    codes = st.sampled_from([*policy.category_codes, "unread"])
    subjects = {
        number: [Rec(**{**rec.__dict__, "category": data.draw(codes)}) for rec in data.draw(record_lists(as_of))]
        for number in (1, 2)
    }
    assert_same_integers(in_duckdb, "duckdb", policy, subjects, as_of)
    assert_same_integers(in_postgresql, "postgresql", policy, subjects, as_of)


def test_a_name_with_a_line_break_cannot_leave_its_comment(in_duckdb: Run) -> None:
    data = document(name="小方案\nDROP TABLE records; --")
    query = export_sql(load_policy(text(data)), "duckdb", date(2026, 1, 1))
    assert all(line.startswith("--") for line in query.splitlines() if "DROP" in line)
    assert in_duckdb(query, {1: []})[0]["total"] == 10000
