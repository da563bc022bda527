"""How long a signed credit report takes, beside typst's compilation of the same pages alone.

    python -m benchmarks.bench_report                 40 records, 100 reports each way
    python -m benchmarks.bench_report --records 200

Compilation is the floor: the same data, template and fonts, no signature, no database. Measured beside it are the
signed file, and everything that a citizen waits for: gathering facts, explaining the score, QR code, typesetting,
signing, sealing and storing, on SQLite. The two are taken in turns, so that a noisy machine disturbs both; medians
count.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import update

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.catalogue.document import shipped_catalogue
from backend.catalogue.service import import_catalogue
from backend.config import USUAL_FONTS
from backend.database import Database
from backend.identifiers.sealing import KeyRing
from backend.reports.facts import gather_facts
from backend.reports.models import CreditReport
from backend.reports.press import ReportPress
from backend.reports.service import issue_report, printed_data
from backend.reports.signing import make_demonstration_certificate
from backend.reports.terms import report_term_on
from backend.scores.activation import activate_score
from backend.scores.models import PublishedRun
from backend.scores.policies import adopt_policy
from backend.scores.runs import request_run
from backend.scores.service import recompute_marked
from backend.tables import all_tables
from scoring.policy import shipped_policy
from tests.factories import add_person, add_record

NOW = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 3)
KEYS = KeyRing(keys={"bench": b"k" * 32}, current="bench", index_key=b"i" * 32)
PRESS = ReportPress(
    city_name="桂城市",
    public_url="https://credit.example",
    fonts=tuple(folder for folder in USUAL_FONTS if folder.is_dir()),
    certificate=make_demonstration_certificate("桂城市公共信用信息中心", now=NOW),
)
KINDS = (
    ("volunteering", {"quantity": 350, "title": "志愿服务：社区助老服务"}),
    ("contract_performance", {"level": 1, "title": "公交地铁先乘后付：全部履行"}),
    ("honour", {"level": 3, "title": "市级先进个人"}),
    ("court_judgment", {"level": 3, "title": "（2025）桂01民初1号", "amount": 1_250_000}),
)


def one_citizen(database: Database, records: int) -> int:
    with database.transaction() as session:
        import_catalogue(session, shipped_catalogue(), NOW)
        adopt_policy(session, shipped_policy("guihua"), adopted_by="bench", now=NOW, on=TODAY)
        run = request_run(session, subject_kind="person", as_of=TODAY, started_by="bench", now=NOW)
        run.state = "published"
        session.add(PublishedRun(subject_kind="person", run_id=run.id, published_at=NOW))
        citizen = add_person(session, KEYS)
        for number in range(records):
            category, facts = KINDS[number % len(KINDS)]
            add_record(session, citizen, category, event_on=TODAY - timedelta(days=5 + number), **facts)
        activate_score(
            session, subject_id=citizen.id, notice_version=ACTIVATION_NOTICE.version, evidence={}, now=NOW
        )
    while recompute_marked(database, now=NOW):
        pass
    return citizen.id


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--records", type=int, default=40)
    arguments.add_argument("--rounds", type=int, default=100)
    options = arguments.parse_args()

    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'city.db'}")
        all_tables().create_all(database.engine)
        citizen_id = one_citizen(database, options.records)

        def issue() -> CreditReport:
            with database.transaction() as session:
                session.execute(update(CreditReport).values(as_of=TODAY - timedelta(days=1)))
                return issue_report(
                    session, PRESS, KEYS, subject_id=citizen_id, stationery="with_score", masked=False,
                    issued_by="本人", now=NOW,
                )  # fmt: skip

        report = issue()
        with database.reading() as session:
            facts = gather_facts(session, citizen_id, stationery="with_score", today=TODAY)
            data = printed_data(session, PRESS, KEYS, report, facts, report_term_on(TODAY))
        times: dict[str, list[float]] = {"typst alone": [], "signed PDF": [], "whole issue": []}
        for _ in range(options.rounds):
            times["typst alone"].append(milliseconds(lambda: PRESS.plain("person", data, now=NOW)))
            times["signed PDF"].append(milliseconds(lambda: PRESS.signed("person", data, reason="bench", now=NOW)))
            times["whole issue"].append(milliseconds(issue))
        database.dispose()

    floor = statistics.median(times["typst alone"])
    print(f"{options.records} records, {report.pages} pages, {options.rounds} rounds")
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:12}  median {median:7.1f} ms   best {min(taken):7.1f} ms   ÷ typst {median / floor:5.2f}")


if __name__ == "__main__":
    main()
