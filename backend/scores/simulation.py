"""What a changed policy would do to the city as the published run saw it, before anyone adopts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.scores.baseline import baseline_of
from backend.scores.errors import NothingToSimulateOn, PricesOutOfOrder, UnknownIndicators
from backend.scores.inputs import day_number, snapshot_rows, to_columns
from backend.scores.matrix import Int64
from backend.scores.models import PublishedRun, ScoreRun
from backend.scores.policies import check_fits_catalogue, policy_of
from backend.scores.training import age_band
from backend.subjects.models import Subject
from scoring.columns import RecordColumns
from scoring.compiled import CompiledPolicy, compile_policy
from scoring.engine import BatchResult, score_batch
from scoring.policy import Policy
from scoring.simulation import Groups, Simulation, affected, group_by, simulate
from scoring.weights import parts_of, with_prices, with_weights

_ROWS_PER_CHUNK = 200_000


@dataclass(frozen=True)
class PolicySimulation:
    """`before` is the policy of the published run and `scores` what it gave; `told` compares it with `after` over
    everyone it scored who still has a score, on the run's own day. Groups are district and, for persons, age band.
    """

    run: ScoreRun
    before: Policy
    after: Policy
    scores: BatchResult
    told: Simulation


def simulate_policy(
    session: Session, after: Policy, *, data_dir: Path, on: date, threads: int = 1
) -> PolicySimulation:
    """Compare `after` with the policy of the published run of its kind of subject.

    A change of prices, limits or grades is computed from the run's indicator matrix. A change of what is measured
    needs the records: then both policies are computed anew from the records as they stand, on the run's day.
    Nothing is stored and no single subject is shown. `on` is the day whose catalogue the policy must fit.

    Raises NothingToSimulateOn or PolicyDoesNotFitCatalogue.
    """
    check_fits_catalogue(session, after, on=on)
    run, before = published_policy(session, after.subject_kind)
    categories = {*before.category_codes, *after.category_codes}
    old, new = compile_policy(before, categories), compile_policy(after, categories)
    day = day_number(run.as_of)
    baseline = baseline_of(session, run, data_dir=data_dir, group=lambda subjects: _groups(session, run, subjects))
    scores, groups = baseline.scores, baseline.groups
    columns: RecordColumns | None = None
    if scores is None or affected(old.on(day), new.on(day)):
        columns = _records(session, run, baseline.subjects, old)
        scores = score_batch(old, columns, day, baseline.subjects, threads=threads)
        groups = groups if baseline.scores is not None else _groups(session, run, scores.subject)
    told = simulate(old, new, scores, day, columns=columns, groups=groups, threads=threads)
    return PolicySimulation(run, before, after, scores, told)


def published_policy(session: Session, subject_kind: str) -> tuple[ScoreRun, Policy]:
    """The published run of the kind and the policy it was computed by. Raises NothingToSimulateOn."""
    run = session.scalar(
        select(ScoreRun)
        .join(PublishedRun, PublishedRun.run_id == ScoreRun.id)
        .where(PublishedRun.subject_kind == subject_kind)
    )
    if run is None:
        raise NothingToSimulateOn(subject_kind)
    return run, policy_of(session, run.policy_hash)[0]


def tried_policy(
    session: Session,
    subject_kind: str,
    percents: Mapping[str, int],
    prices: Mapping[tuple[str, str], int] | None = None,
) -> Policy:
    """The published policy with other points for some of its parts, then with some indicators weighing so many
    percent: to be simulated.

    Raises NothingToSimulateOn, UnknownIndicators or PricesOutOfOrder.
    """
    run, policy = published_policy(session, subject_kind)
    of_the_day, given = policy.on(run.as_of), prices or {}
    parts = {
        (indicator.code, part.code)
        for indicator in of_the_day.indicators
        for part in parts_of(of_the_day, indicator)
    }
    codes = {indicator.code for indicator in policy.indicators}
    if unknown := {code for code in percents if code not in codes} | {
        code for code, part in given if (code, part) not in parts
    }:
        raise UnknownIndicators(sorted(unknown))
    try:
        priced = with_prices(of_the_day, given) if given else policy
    except ValueError as error:
        raise PricesOutOfOrder from error
    return with_weights(priced, percents)


def _records(session: Session, run: ScoreRun, subjects: Int64, compiled: CompiledPolicy) -> RecordColumns:
    chunks = snapshot_rows(session, subject_kind=run.subject_kind, as_of=run.as_of, chunk=_ROWS_PER_CHUNK)
    tables = list(chunks)
    if not tables:
        return RecordColumns.empty()
    columns = to_columns(pa.concat_tables(tables).combine_chunks(), compiled)
    return columns.take(np.isin(columns.subject, subjects))


def _groups(session: Session, run: ScoreRun, subjects: Int64) -> dict[str, Groups]:
    known = {
        number: (district or "未登记", "" if born_on is None else age_band(born_on, run.as_of))
        for number, district, born_on in session.execute(
            select(Subject.id, Subject.district, Subject.born_on).where(Subject.kind == run.subject_kind)
        )
    }
    rows = [known[number] for number in subjects.tolist()]
    groups = {"区县": group_by([district for district, _ in rows])}
    if run.subject_kind == "person":
        groups["年龄段"] = group_by([band for _, band in rows])
    return groups
