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

from backend.scores.errors import NothingToSimulateOn, UnknownIndicators
from backend.scores.inputs import day_number, snapshot_rows, to_columns
from backend.scores.matrix import Int64, read_matrix
from backend.scores.models import PublishedRun, Score, ScoreRun
from backend.scores.policies import check_fits_catalogue, policy_of
from backend.scores.training import age_band
from backend.subjects.models import Subject
from scoring.columns import RecordColumns
from scoring.compiled import CompiledPolicy, compile_policy
from scoring.engine import BatchResult, score_batch
from scoring.policy import Policy
from scoring.simulation import Groups, Simulation, affected, group_by, simulate
from scoring.weights import with_weights

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
    subjects = np.unique(np.array(session.scalars(select(Score.subject_id).where(Score.run_id == run.id)).all()))
    if not len(subjects):
        raise NothingToSimulateOn(after.subject_kind)
    scores = read_matrix(data_dir, run.subject_kind, run.id, subjects)
    columns: RecordColumns | None = None
    if scores is None or affected(old.on(day), new.on(day)):
        columns = _records(session, run, subjects, old)
        scores = score_batch(old, columns, day, subjects, threads=threads)
    groups = _groups(session, run, scores.subject)
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


def weighed_policy(session: Session, subject_kind: str, percents: Mapping[str, int]) -> Policy:
    """The published policy with some indicators weighing so many percent, to be simulated.

    Raises NothingToSimulateOn or UnknownIndicators.
    """
    _, policy = published_policy(session, subject_kind)
    if unknown := sorted(set(percents) - {indicator.code for indicator in policy.indicators}):
        raise UnknownIndicators(unknown)
    return with_weights(policy, percents)


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
