"""How fast a dirty delivery is judged, matched and stored, beside PostgreSQL's own COPY of the same file.

    python -m benchmarks.bench_collection                   1,000,000 rows, 3 % of them dirty, into PostgreSQL
    python -m benchmarks.bench_collection --rows 300000 --sqlite
    python -m benchmarks.bench_collection --durable

Two readings of "COPY of the same file" are told, of which the first is the harder one:

    bare   the file itself, dirt and all, into text columns of a table without a key: the floor
    keyed  as a city would load it: the date as a date, the hours as a number, the document number as primary key.
           COPY refuses a file with impossible dates and repeated numbers whole, so that it gets one without them

Both tables are logged, on the server and with the settings that the delivery meets. A round is COPY in both ways,
the delivery, and COPY in both ways again: a machine's speed moves, and a round compares what was measured within
half a minute, with COPY as the mean of before and after. What counts is the median of the rounds' ratios, by the
clock; the processor time of each (this process and the server's) is told beside it. `--durable` measures on a
server that has on disk whatever it has committed; without it the server is the tests', which leaves that out for
both.
`OSMANTHUS_TEST_POSTGRESQL_URL` names a running server; otherwise one is started, and stopped afterwards.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import psycopg

from backend.catalogue.document import shipped_catalogue
from backend.catalogue.service import import_catalogue
from backend.city_calendar import WorkingDays
from backend.database import Database
from backend.identifiers import birth_date, complete_citizen_number
from backend.identifiers.sealing import KeyRing
from backend.records.collection import DeliveryReport, collect_file
from backend.records.intake import Intake
from backend.repairs.service import states_in_force
from backend.subjects.registers import RegisterRow, register_subjects
from backend.tables import all_tables
from tests.servers import durable_postgresql_server, postgresql_server

NOW = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
KEYS = KeyRing(keys={"bench": b"k" * 32}, current="bench", index_key=b"i" * 32)
INTAKE = Intake(KEYS, WorkingDays(), states_in_force)
ROWS_PER_RESIDENT = 15


def residents(count: int) -> list[str]:
    first = date(1950, 1, 1)
    return [
        complete_citizen_number(f"990001{first + timedelta(days=i % 20_000):%Y%m%d}{100 + i // 20_000:03d}")
        for i in range(count)
    ]


def write_delivery(path: Path, rows: int, numbers: list[str], *, dirty: bool = True) -> None:
    """Volunteering rows: 1 % wrong check characters, 1 % impossible dates, 1 % repeated; 20 % other spellings."""
    draw = np.random.default_rng(7)
    dirt = draw.random(rows)
    if not dirty:
        dirt = 0.02 + dirt * 0.96
    # A repeated row says everything that the row before it says.
    source = np.where(dirt > 0.99, np.maximum(np.arange(rows) - 1, 0), np.arange(rows))
    dirt = dirt[source]
    who = np.array(numbers)[draw.integers(0, len(numbers), rows)][source]
    days = draw.integers(0, 1_800, rows)[source]
    hours = draw.integers(1, 17, rows)[source]
    pl.DataFrame({"who": who, "matter": source, "days": days, "dirt": dirt, "hours": hours}).select(
        pl.lit("王小兰").alias("姓名"),
        pl.when(pl.col("dirt") < 0.01)
        .then(
            pl.col("who").str.head(17)
            + pl.when(pl.col("who").str.ends_with("1")).then(pl.lit("2")).otherwise(pl.lit("1"))
        )
        .otherwise("who")
        .alias("身份号码"),
        pl.format("ZY{}", pl.col("matter").cast(pl.String).str.zfill(9)).alias("服务记录编号"),
        pl.lit("社区清洁、助老").alias("服务项目"),
        pl.when(pl.col("dirt").is_between(0.01, 0.02))
        .then(pl.lit("2024-02-30"))
        .when(pl.col("dirt") > 0.8)
        .then((pl.lit(date(2021, 3, 1)) + pl.duration(days="days")).dt.to_string("%Y/%m/%d"))
        .otherwise((pl.lit(date(2021, 3, 1)) + pl.duration(days="days")).dt.to_string("%Y-%m-%d"))
        .alias("服务日期"),
        (pl.col("hours") / 2).cast(pl.String).alias("服务时长（小时）"),
        pl.lit("桂城义工联合会").alias("组织单位"),
        pl.lit("已确认").alias("时长确认状态"),
        pl.lit("桂城市文明办公室").alias("数据来源单位"),
        pl.lit("11990001MB90000159").alias("数据来源单位统一社会信用代码"),
        pl.lit(None, dtype=pl.String).alias("备注"),
    ).write_csv(path)


def processor_seconds(libpq_url: str | None) -> float:
    """Of this process, and of the PostgreSQL server with all its backends, those that have ended too."""
    own = sum(os.times()[:2])
    if libpq_url is None:
        return own
    used: dict[int, tuple[int, int, int]] = {}
    with psycopg.connect(libpq_url) as connection:
        (backend,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                living, ended = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
                used[int(stat.parent.name)] = int(fields[1]), living, ended
    postmaster = used[backend][0]
    ticks = sum(used[postmaster][1:]) + sum(living for parent, living, _ in used.values() if parent == postmaster)
    return own + ticks / os.sysconf("SC_CLK_TCK")


KEYED_TYPES = {"服务记录编号": "text PRIMARY KEY", "服务日期": "date", "服务时长（小时）": "numeric"}


def copy_seconds(libpq_url: str, path: Path, types: Mapping[str, str]) -> tuple[float, float]:
    """Seconds by the clock, and of processors. Columns without a type are text."""
    headings = pl.read_csv(path, n_rows=0).columns
    columns = ", ".join(f"c{place} {types.get(name, 'text')}" for place, name in enumerate(headings))
    with psycopg.connect(libpq_url) as connection:
        connection.execute("DROP TABLE IF EXISTS copied")
        connection.execute(f"CREATE TABLE copied ({columns})")
        connection.commit()
        processors, begun = processor_seconds(libpq_url), time.perf_counter()
        statement = "COPY copied FROM STDIN (FORMAT csv, HEADER)"
        with connection.cursor() as cursor, cursor.copy(statement) as copy, path.open("rb") as file:
            while block := file.read(1 << 20):
                copy.write(block)
        connection.commit()
        taken = time.perf_counter() - begun
        processors = processor_seconds(libpq_url) - processors
        connection.execute("DROP TABLE copied")
    return taken, processors


def collect_seconds(
    url: str, libpq_url: str | None, path: Path, numbers: list[str]
) -> tuple[float, float, DeliveryReport]:
    """Seconds by the clock, seconds of processors, and what came of it."""
    database = Database(url)
    tables = all_tables()
    tables.drop_all(database.engine)
    tables.create_all(database.engine)
    with database.transaction() as session:
        import_catalogue(session, shipped_catalogue(), NOW)
        people = [
            RegisterRow("person", number, "王小兰", "桂城区", born_on=birth_date(number)) for number in numbers
        ]
        register_subjects(session, KEYS, people, NOW)
    processors, begun = processor_seconds(libpq_url), time.perf_counter()
    report = collect_file(database, INTAKE, path, now=NOW)
    taken = time.perf_counter() - begun
    processors = processor_seconds(libpq_url) - processors
    tables.drop_all(database.engine)
    database.dispose()
    return taken, processors, report


@contextmanager
def server(folder: Path, *, sqlite: bool, durable: bool) -> Iterator[tuple[str, str | None]]:
    """(SQLAlchemy URL, libpq URL or None for SQLite)."""
    if sqlite:
        yield f"sqlite:///{folder / 'city.db'}", None
    else:
        with durable_postgresql_server() if durable else postgresql_server() as url:
            yield url.replace("postgresql://", "postgresql+psycopg://"), url


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sqlite", action="store_true", help="into SQLite; COPY has no counterpart there")
    parser.add_argument("--durable", action="store_true", help="on a server that loses nothing it has committed")
    options = parser.parse_args()
    numbers = residents(max(options.rows // ROWS_PER_RESIDENT, 100))
    with (
        TemporaryDirectory() as folder,
        server(Path(folder), sqlite=options.sqlite, durable=options.durable) as (url, libpq_url),
    ):
        path, clean = Path(folder) / "delivery.csv", Path(folder) / "clean.csv"
        write_delivery(path, options.rows, numbers)
        write_delivery(clean, options.rows, numbers, dirty=False)
        print(f"{options.rows:,} rows, {path.stat().st_size / 1e6:.0f} MB, {len(numbers):,} residents")
        rounds = [measure_round(url, libpq_url, path, clean, numbers, options.rows) for _ in range(options.rounds)]
    fastest = min(one["delivery"][0] for one in rounds)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.rows / fastest:,.0f} rows a second at best, peak memory {memory:,.0f} MB")
    for way in [way for way in rounds[0] if way != "delivery"]:
        clock, processors = (
            sorted(one["delivery"][place] / one[way][place] for one in rounds) for place in range(2)
        )
        print(
            f"delivery / {way} COPY: {statistics.median(clock):.1f} by the clock "
            f"({clock[0]:.1f} to {clock[-1]:.1f}), {statistics.median(processors):.1f} by processors"
        )


def measure_round(
    url: str, libpq_url: str | None, path: Path, clean: Path, numbers: list[str], rows: int
) -> dict[str, tuple[float, float]]:
    """Seconds by the clock and of processors: of the delivery, and of COPY as the mean of before and after."""

    def copy() -> dict[str, tuple[float, float]]:
        if libpq_url is None:
            return {}
        return {
            "bare": copy_seconds(libpq_url, path, {}),
            "keyed": copy_seconds(libpq_url, clean, KEYED_TYPES),
        }

    before = copy()
    taken, cpu, report = collect_seconds(url, libpq_url, path, numbers)
    after = copy()
    counts = (report.accepted, report.duplicate, report.corrected, report.quarantined)
    assert sum(counts) == report.delivered == rows
    made = {
        way: (statistics.mean((before[way][0], after[way][0])), statistics.mean((before[way][1], after[way][1])))
        for way in before
    }
    made["delivery"] = taken, cpu
    print(
        ", ".join(
            f"{way} {clock:.2f} s ({processors:.2f} of processors)" for way, (clock, processors) in made.items()
        )
        + "; accepted {:,} duplicate {:,} corrected {:,} quarantined {:,}".format(*counts),
        flush=True,
    )
    return made


if __name__ == "__main__":
    main()
