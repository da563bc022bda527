"""A whole city scored in batch, beside one plain GROUP BY of the same columns by the engine that sorts for it.

    python -m benchmarks.bench_city                     10,000,000 records of 500,000 subjects
    python -m benchmarks.bench_city --records 1000000 10000000 50000000 --memory

For every size, in one run and taking turns: DuckDB reads the twelve columns and groups them by subject; the batch
scores everyone from files already sorted by subject; the same with a model of depth-3 trees; and the batch scores
the unsorted file. Points and totals are written as Parquet each time. Told are medians over the rounds, the
ratios being those within a round: of seconds, and of processor seconds, which other work on the machine disturbs
less. With --memory every size is scored once more in a process of its own, whose peak memory is read; what the
process holds before it scores is told as well.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import polars as pl

from scoring.batch import ModelPart, score_parquet, score_unsorted, sort_records
from scoring.compiled import CompiledPolicy, compile_policy
from scoring.days import to_day
from scoring.engine import NO_VALUE, warm_up
from scoring.model.component import Effect, component_of
from scoring.model.frame import LONG_AGO
from scoring.model.learning import Choice, Setting, learn
from scoring.model.table import label_table
from scoring.policy import shipped_policy

AS_OF = date(2026, 6, 30)
RECORDS_PER_SUBJECT = 20
TREES = 100
CORES = os.cpu_count() or 1

GROUP_BY = """
SELECT subject, count(*), max(record), max(category), max(event_day), max(end_day), max(performed_day),
       sum(quantity), sum(amount), max(level), max(event), max(state), max(relation)
FROM read_parquet($file) GROUP BY subject
"""


def write_city(path: Path, records: int, codes: Sequence[str]) -> None:
    """Records in the order in which departments deliver them: by number, subjects at random."""
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {CORES}")
        connection.execute("SELECT setseed(0.42)")
        connection.execute("SET preserve_insertion_order = false")
        names = ", ".join(f"'{code}'" for code in codes)
        connection.execute(
            f"""COPY (
                SELECT (hash(i) % {max(1, records // RECORDS_PER_SUBJECT)})::BIGINT AS subject,
                       i::BIGINT AS record,
                       ([{names}])[1 + (hash(i + 1) % {len(codes)})::INT] AS category,
                       DATE '2026-06-30' - (hash(i + 2) % 1800)::INT AS event_day,
                       CASE WHEN hash(i + 3) % 10 < 3
                            THEN DATE '2026-06-30' - (hash(i + 2) % 1800)::INT + 60 END AS end_day,
                       CASE WHEN hash(i + 4) % 10 < 1 THEN DATE '2026-06-30' END AS performed_day,
                       (hash(i + 5) % 4000)::BIGINT AS quantity,
                       (hash(i + 6) % 500000)::BIGINT AS amount,
                       (1 + hash(i + 7) % 3)::SMALLINT AS level,
                       CASE WHEN hash(i + 8) % 10 < 2 THEN (hash(i) % 1000)::BIGINT ELSE 0 END AS event,
                       CASE WHEN hash(i + 9) % 50 = 0 THEN 1 ELSE 0 END::TINYINT AS state,
                       0::TINYINT AS relation
                FROM range({records}) t(i)
            ) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 122880)"""  # noqa: S608 - made of the policy's own codes
        )


def learned_model(compiled: CompiledPolicy, scored: Path) -> ModelPart:
    """Trees of depth 3 over the policy's own indicators, learned from a made-up outcome."""
    part = pl.read_parquet(sorted(scored.glob("*.parquet"))[0]).head(20_000)
    codes = [indicator.code for indicator in compiled.policy.indicators if indicator.measure != "value_of"]
    values = part.select(pl.col(f"value_{code}").alias(code) for code in codes)
    values = values.with_columns(pl.all().replace(NO_VALUE, LONG_AGO))
    draw = np.random.default_rng(0)
    eta = -2 - part["total"].to_numpy() / 10_000 + 2 * (part["judgments_unperformed"].to_numpy() < -2_000)
    outcome = (draw.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int)
    table = label_table(values.with_columns(y=outcome), target="y")
    choice = Choice(((Setting("trees", 3, 0.1, 0.8, 0.7, 50, 1.0, 255), TREES // 2),), 0.0, 1.0, 0.0)
    learned = learn(table, choice, {}, seed=0)
    assert learned.forest is not None
    component = component_of(learned, table, name="bench", directions={}, training={})
    print(f"model: {learned.forest.trees} trees of depth 3 over {len(component.columns)} indicators", flush=True)
    return ModelPart(component, Effect(cap=1_000))


def grouped(file: Path) -> None:
    """The floor: one pass over the same columns, whose rows go nowhere."""
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {CORES}")
        for _ in connection.sql(GROUP_BY, params={"file": str(file)}).to_arrow_reader(1_000_000):
            pass


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and seconds of all processors together."""
    started, busy = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - started, time.process_time() - busy


def peak_memory(way: str, file: Path, folder: Path) -> tuple[float, float]:
    """MiB held before scoring, and at the peak, of a process that scores the file and does nothing else."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        f"from scoring.batch import {way} as score\n"
        "from scoring.compiled import compile_policy\n"
        "from scoring.engine import warm_up\n"
        "from scoring.policy import shipped_policy\n"
        "compiled = compile_policy(shipped_policy('guihua')); warm_up()\n"
        "def peak(): return [int(line.split()[1]) for line in open('/proc/self/status') if 'VmHWM' in line][0]\n"
        "before = peak()\n"
        f"score(compiled, [Path(sys.argv[1])], {to_day(AS_OF)}, Path(sys.argv[2]), workers={CORES})\n"
        "print(before / 1024, peak() / 1024)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(file), str(folder / "memory")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    shutil.rmtree(folder / "memory")
    before, peak = told.stdout.split()
    return float(before), float(peak)


def measure(records: int, folder: Path, rounds: int, memory: bool) -> None:
    compiled = compile_policy(shipped_policy("guihua"))
    unsorted_file, sorted_file, day = folder / "unsorted.parquet", folder / "sorted.parquet", to_day(AS_OF)
    write_city(unsorted_file, records, compiled.policy.category_codes)
    sort_records([unsorted_file], sorted_file, memory="4GB", threads=CORES)
    score_parquet(compiled, [sorted_file], day, folder / "first", workers=CORES, with_values=True)
    model = learned_model(compiled, folder / "first")

    def scored(source: Path, with_model: ModelPart | None = None) -> None:
        shutil.rmtree(folder / "out", ignore_errors=True)
        score_parquet(compiled, [source], day, folder / "out", workers=CORES, model=with_model)

    def unsorted_scored() -> None:
        shutil.rmtree(folder / "out", ignore_errors=True)
        score_unsorted(compiled, [unsorted_file], day, folder / "out", workers=CORES)

    ways: dict[str, Callable[[], object]] = {
        "GROUP BY, unsorted": lambda: grouped(unsorted_file),
        "GROUP BY, sorted": lambda: grouped(sorted_file),
        "batch from sorted": lambda: scored(sorted_file),
        "batch from sorted, with model": lambda: scored(sorted_file, model),
        "batch from unsorted": unsorted_scored,
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            taken[name].append(timed(run))
    floor = np.array(taken["GROUP BY, unsorted"])
    print(f"\n{records:,} records, {max(1, records // RECORDS_PER_SUBJECT):,} subjects, median of {rounds}")
    print("| way | seconds | ÷ GROUP BY | processor seconds | ÷ GROUP BY | records a second |")
    for name, rows in taken.items():
        seconds, processor = np.median(rows, axis=0)
        ratio, processor_ratio = np.median(np.array(rows) / floor, axis=0)
        print(
            f"| {name} | {seconds:.2f} | {ratio:.2f} | {processor:.2f} | {processor_ratio:.2f} "
            f"| {records / seconds / 1e6:.1f} M |",
            flush=True,
        )
    if memory:
        for way, file in (("score_parquet", sorted_file), ("score_unsorted", unsorted_file)):
            before, peak = peak_memory(way, file, folder)
            print(f"| memory of {way} | {peak:.0f} MiB | {before:.0f} MiB before it begins |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[10_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    chosen = parser.parse_args()
    warm_up()
    for records in chosen.records:
        with TemporaryDirectory() as folder:
            measure(records, Path(folder), chosen.rounds, chosen.memory)


if __name__ == "__main__":
    main()
