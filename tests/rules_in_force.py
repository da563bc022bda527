"""The rules a city starts with, put in force in an empty one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session

from backend.benefits.schemes import install_shipped_schemes
from backend.catalogue.document import shipped_catalogue
from backend.catalogue.service import import_catalogue
from backend.city_calendar import city_date
from backend.scores.policies import adopt_policy
from backend.tables import all_tables
from scoring.policy import shipped_policy

_left_by: dict[tuple[object, ...], dict[Table, list[dict[str, Any]]]] = {}


def put_rules_in_force(
    session: Session, at: datetime, *, policies: Sequence[str] = (), schemes: bool = False
) -> None:
    """The shipped catalogue, the named shipped policies and the shipped benefit schemes if asked for.

    Done by the services once for each choice; the rows they left are copied afterwards, as reading the documents,
    simulating and approving take longer than most tests.
    """
    key = (session.get_bind().dialect.name, at, tuple(policies), schemes)
    if key not in _left_by:
        before = _rows(session)
        import_catalogue(session, shipped_catalogue(), at)
        for name in policies:
            adopt_policy(session, shipped_policy(name), adopted_by="测试", now=at, on=city_date(at))
        if schemes:
            install_shipped_schemes(session, drafted_by="甲", approved_by="乙", now=at)
        session.flush()
        after = _rows(session)
        _left_by[key] = {
            table: new for table in after if (new := [r for r in after[table] if r not in before[table]])
        }
        return
    for table, rows in _left_by[key].items():
        session.execute(insert(table), rows)
        number = table.autoincrement_column
        if number is not None and session.get_bind().dialect.name == "postgresql":
            sequence = func.pg_get_serial_sequence(table.name, number.name)
            session.execute(select(func.setval(sequence, max(row[number.name] for row in rows))))


def _rows(session: Session) -> dict[Table, list[dict[str, Any]]]:
    """Of every table, in the order in which they refer to each other."""
    return {
        table: [dict(row) for row in session.execute(select(table).order_by(*table.primary_key)).mappings()]
        for table in all_tables().sorted_tables
    }
