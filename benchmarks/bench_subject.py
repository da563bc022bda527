"""One subject recomputed from stored records with every reason, beside reading those records from the database.

    python -m benchmarks.bench_subject

In a database file stand the records of 200 residents, 40 each. Reading is the one query the product reads them
with; recomputing is that query, the kernel with the records behind every point, and the explanation in sentences.
Advice, each gain of which is computed by scoring again, is told apart. Taking turns; medians over all subjects.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from backend.database import Database
from backend.records.models import CreditRecord, Delivery
from backend.scores.inputs import columns_of_subject, records_of_subject_rows
from backend.subjects.models import Subject
from backend.tables import all_tables
from benchmarks.made_up import AS_OF
from scoring.compiled import compile_policy
from scoring.days import to_day
from scoring.engine import score_one, warm_up
from scoring.explain import advise, explain
from scoring.policy import shipped_policy

RECORDS_EACH = 40
NOW = datetime(2026, 6, 30, tzinfo=UTC)


def fill(session: Session, subjects: int, codes: tuple[str, ...]) -> None:
    draw = np.random.default_rng(1)
    delivery = uuid4()
    session.add(
        Delivery(
            id=delivery, source_department="x", template="x", filename="x", identity="x", content_sha256="x",
            received_at=NOW, state="done",
        )
    )  # fmt: skip
    for number in range(1, subjects + 1):
        session.add(
            Subject(
                id=number, kind="person", identifier_index=number.to_bytes(32), identifier_sealed=b"x",
                name_sealed=b"x", district="东区", status="active", created_at=NOW,
            )
        )  # fmt: skip
    session.flush()
    for number in range(subjects * RECORDS_EACH):
        begun = AS_OF - timedelta(days=int(draw.integers(0, 1_800)))
        session.add(
            CreditRecord(
                subject_id=number // RECORDS_EACH + 1, category=str(draw.choice(codes)), title="x", event_on=begun,
                natural_key=number.to_bytes(16), facts_digest=number.to_bytes(16), state="active",
                quantity=int(draw.integers(0, 4_000)), amount=int(draw.integers(0, 500_000)),
                level=int(draw.integers(1, 4)), source_department="x", delivery_id=delivery, content={},
                created_at=NOW,
            )
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=200)
    chosen = parser.parse_args()
    warm_up()
    compiled = compile_policy(shipped_policy("guihua"))
    day = to_day(AS_OF)
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'city.db'}")
        all_tables().create_all(database.engine)
        with database.transaction() as session:
            fill(session, chosen.subjects, compiled.policy.category_codes)
        with database.reading() as session:
            session.execute(text("SELECT 1"))

            def read(subject: int) -> object:
                return records_of_subject_rows(session, subject, subject_kind="person", as_of=AS_OF)

            def recompute(subject: int) -> object:
                columns = columns_of_subject(
                    session, subject, subject_kind="person", compiled=compiled, as_of=AS_OF
                )
                return explain(compiled.policy, score_one(compiled, columns, day))

            def advised(subject: int) -> object:
                columns = columns_of_subject(
                    session, subject, subject_kind="person", compiled=compiled, as_of=AS_OF
                )
                return advise(compiled.policy, compiled, columns, day)

            ways: dict[str, Callable[[int], object]] = {
                "read 40 records": read, "recompute and explain": recompute, "advice as well": advised,
            }  # fmt: skip
            taken: dict[str, list[float]] = {name: [] for name in ways}
            for subject in range(1, chosen.subjects + 1):
                for name, run in ways.items():
                    started = time.perf_counter()
                    run(subject)
                    taken[name].append(time.perf_counter() - started)
        database.dispose()
    floor = float(np.median(taken["read 40 records"]))
    for name, seconds in taken.items():
        median = float(np.median(seconds))
        print(f"| {name} | {median * 1e6:.0f} µs | {median / floor:.2f} |")


if __name__ == "__main__":
    main()
