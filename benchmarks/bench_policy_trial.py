"""One drag of the policy-trial page over a city of a million: the server's own time, from a database.

    python -m benchmarks.bench_policy_trial
    python -m benchmarks.bench_policy_trial --subjects 20000

An SQLite file with so many scored persons and the indicator matrix of their run. A drag is what the page's request
does after it is parsed: the policy as dragged, checked against the catalogue, simulated over the kept baseline, on
all cores. The first drag after a publication reads the baseline. Absolute figures, on this machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
from sqlalchemy import insert

from backend.catalogue.document import shipped_catalogue
from backend.catalogue.service import import_catalogue
from backend.database import Database
from backend.jobs.models import Job
from backend.scores.matrix import begin_matrix, write_matrix_part
from backend.scores.models import PublishedRun, Score, ScoreRun
from backend.scores.policies import adopt_policy
from backend.scores.simulation import simulate_policy, tried_policy
from backend.subjects.models import Subject
from backend.tables import all_tables
from benchmarks.made_up import AS_OF, city_columns
from scoring.compiled import compile_policy
from scoring.days import to_day
from scoring.engine import score_batch, warm_up
from scoring.policy import shipped_policy

NOW = datetime(2026, 6, 30, tzinfo=UTC)
CHUNK = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/city.db")
        all_tables().create_all(database.engine)
        _fill(database, Path(folder), chosen.subjects)
        told = [
            _drag(database, Path(folder), weights, prices)
            for weights, prices in (
                ({"volunteer_hours": 110}, {}),
                *[({"volunteer_hours": 120 + 10 * n}, {}) for n in range(chosen.rounds)],
                *[({"admin_penalties": 120 + 10 * n}, {}) for n in range(chosen.rounds)],
                *[({}, {("volunteer_hours", "tier-4"): 1010 + 10 * n}) for n in range(chosen.rounds)],
            )
        ]
        database.dispose()
    first, rest = told[0], told[1:]
    print(f"| {chosen.subjects:,} subjects, first drag after a publication | {first:.2f} s |")
    for place, what in enumerate(("a weight priced from tiers", "a weight of what each record costs", "a tier")):
        times = rest[place * chosen.rounds : (place + 1) * chosen.rounds]
        print(f"| {what}: median and worst of {chosen.rounds} | {np.median(times):.3f} s, {max(times):.3f} s |")


def _drag(database: Database, folder: Path, weights: dict[str, int], prices: dict[tuple[str, str], int]) -> float:
    started = time.perf_counter()
    with database.reading() as session:
        after = tried_policy(session, "person", weights, prices)
        simulated = simulate_policy(session, after, data_dir=folder, on=AS_OF, threads=os.cpu_count() or 1)
    assert simulated.told.raised + simulated.told.lowered
    assert not simulated.told.read_again
    return time.perf_counter() - started


def _fill(database: Database, folder: Path, subjects: int) -> None:
    policy = shipped_policy("guihua")
    compiled = compile_policy(policy)
    with database.transaction() as session:
        import_catalogue(session, shipped_catalogue(), NOW)
        version = adopt_policy(session, policy, adopted_by="甲", now=NOW, on=AS_OF)
        job = Job(kind="score_run", state="done", enqueued_at=NOW, arguments={})
        session.add(job)
        session.flush()
        run = ScoreRun(
            id=uuid4(), subject_kind="person", policy_hash=version.hash, as_of=AS_OF, state="published",
            started_at=NOW, started_by="甲", job_id=job.id,
        )  # fmt: skip
        session.add(run)
        session.flush()
        session.add(PublishedRun(subject_kind="person", run_id=run.id, published_at=NOW))
        begin_matrix(folder, "person", run.id)
        records = city_columns(compiled, CHUNK, records_each=6)
        for number, start in enumerate(range(0, subjects, CHUNK)):
            ids = np.arange(start + 1, min(start + CHUNK, subjects) + 1)
            result = score_batch(compiled, records, to_day(AS_OF), np.arange(len(ids)))
            placed = type(result)(**{**{f: getattr(result, f) for f in result.__slots__}, "subject": ids})
            write_matrix_part(folder, "person", run.id, number, placed)
            born = [date(1950 + n % 50, 1, 1) for n in range(len(ids))]
            session.execute(
                insert(Subject),
                [
                    {
                        "id": n, "kind": "person", "identifier_index": n.to_bytes(32), "identifier_sealed": b"",
                        "name_sealed": b"", "born_on": day, "district": f"99000{n % 6}", "status": "active",
                        "created_at": NOW,
                    }
                    for n, day in zip(ids.tolist(), born, strict=True)
                ],
            )  # fmt: skip
            session.execute(
                insert(Score),
                [
                    {
                        "run_id": run.id, "subject_id": n, "revision": 0, "total": total, "grade": "silver",
                        "contributions": {}, "as_of": AS_OF, "policy_hash": version.hash, "computed_at": NOW,
                        "cause": "run",
                    }
                    for n, total in zip(ids.tolist(), result.total.tolist(), strict=True)
                ],
            )  # fmt: skip


if __name__ == "__main__":
    main()
