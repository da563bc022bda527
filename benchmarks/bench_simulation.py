"""What a changed policy would do to a million subjects, over the stored indicator matrix: the time of one drag.

    python -m benchmarks.bench_simulation
    python -m benchmarks.bench_simulation --subjects 200000

The matrix holds what the batch left: measured values, points, listings. One tier of volunteering is changed; the
answer holds both distributions, the migration between grades, who moves most, the effect on 20 districts and on
two benefits. Best of several; the figure is absolute, on this machine.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

from benchmarks.made_up import AS_OF, city_columns
from scoring.compiled import compile_policy
from scoring.days import to_day
from scoring.engine import BatchResult, score_batch, warm_up
from scoring.policy import load_policy, shipped_policy
from scoring.simulation import at_least, group_by, simulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    warm_up()
    policy = shipped_policy("guihua")
    changed = load_policy(policy.source_text.replace("{at_least: 20, points: 5}", "{at_least: 20, points: 8}"))
    before, after = compile_policy(policy), compile_policy(changed)
    columns = city_columns(before, chosen.subjects, records_each=6)
    day, cores = to_day(AS_OF), os.cpu_count() or 1
    scores: BatchResult = score_batch(before, columns, day, np.arange(chosen.subjects), threads=cores)
    districts = group_by([f"区{n % 20:02d}" for n in range(chosen.subjects)])
    benefits = {"信易阅": at_least(10_100), "信易游": at_least(12_000)}
    best = float("inf")
    for _ in range(chosen.rounds):
        started = time.perf_counter()
        told = simulate(
            before, after, scores, day, groups={"district": districts}, benefits=benefits, threads=cores
        )
        best = min(best, time.perf_counter() - started)
    assert told.raised
    print(f"| {chosen.subjects:,} subjects, best of {chosen.rounds} | {best:.3f} s | {told.raised:,} rise |")


if __name__ == "__main__":
    main()
