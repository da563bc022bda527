"""A run over the whole city: snapshot → partitions → the kernel → staged scores → one switch.

Each step can be repeated. A run that is killed leaves the published one untouched; when its job is claimed
again it goes on with the first partition that is not staged yet.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from backend.authorizations.service import activated_subject_ids
from backend.database import EVERYTHING, Database, insert_into, note_change
from backend.jobs.models import Job
from backend.jobs.service import enqueue_job
from backend.scores.errors import RunNotFound, RunNotReady
from backend.scores.inputs import SNAPSHOT_SCHEMA, day_number, snapshot_rows, to_columns
from backend.scores.matrix import begin_matrix, drop_matrix, keep_only_matrix, write_matrix_part
from backend.scores.models import PublishedRun, Score, ScoreRun
from backend.scores.policies import policy_in_force, policy_of
from backend.subjects.models import Subject
from backend.subjects.rescoring import close_marks, open_mark_ids, reopen_marks, unfold_marks
from backend.subjects.service import adult_born_until
from scoring.compiled import CompiledPolicy
from scoring.engine import BatchResult, score_batch
from scoring.policy import Policy

Progress = Callable[[int, int], None]

SCORE_RUN_JOB = "score_run"
SUBJECTS_PER_PARTITION = 20_000
_ROWS_PER_CHUNK = 50_000
_HISTOGRAM_BINS = 40
_CLOCKS_MAY_DIFFER = timedelta(minutes=1)
_SUBJECTS, _MARKS, _SNAPSHOT_DONE = "subjects.npy", "marks.npy", "snapshot.json"


def request_run(session: Session, *, subject_kind: str, as_of: date, started_by: str, now: datetime) -> ScoreRun:
    """Register a run with the policy in force on its day, and queue its computation.

    While a run of the kind is unfinished, that run is returned: a second click starts nothing. Raises
    NoPolicyInForce.
    """
    version = policy_in_force(session, subject_kind, as_of)
    run_id = uuid4()
    job = enqueue_job(
        session,
        kind=SCORE_RUN_JOB,
        arguments={"run_id": str(run_id)},
        key=f"{SCORE_RUN_JOB}:{subject_kind}",
        now=now,
    )
    if job.arguments["run_id"] != str(run_id):
        return get_run(session, UUID(job.arguments["run_id"]))
    run = ScoreRun(
        id=run_id,
        subject_kind=subject_kind,
        policy_hash=version.hash,
        as_of=as_of,
        state="running",
        started_at=now,
        started_by=started_by,
        job_id=job.id,
    )
    session.add(run)
    session.flush()
    return run


def get_run(session: Session, run_id: UUID) -> ScoreRun:
    """Raises RunNotFound."""
    run = session.get(ScoreRun, run_id)
    if run is None:
        raise RunNotFound
    return run


def list_runs(session: Session, *, limit: int) -> Sequence[ScoreRun]:
    """Newest first."""
    return session.scalars(select(ScoreRun).order_by(ScoreRun.started_at.desc()).limit(limit)).all()


def perform_run(
    database: Database, run_id: UUID, *, data_dir: Path, clock: Callable[[], datetime], progress: Progress
) -> None:
    """Compute and publish a registered run; a failure is kept with the run and raised again.

    A run that was killed half-way goes on where its last committed partition ended.
    """
    try:
        _compute(database, run_id, data_dir=data_dir, clock=clock, progress=progress)
        taken_in = np.load(_folder(data_dir, run_id) / _MARKS)
        with database.transaction() as session:
            publish_run(session, run_id, marks_taken_in=taken_in.tolist(), now=clock())
            subject_kind = get_run(session, run_id).subject_kind
        keep_only_matrix(data_dir, subject_kind, run_id)
    except Exception as error:
        with database.transaction() as session:
            fail_run(session, run_id, reason=f"{type(error).__name__}: {error}", now=clock())
            failed = get_run(session, run_id)
            if failed.state == "failed":
                drop_matrix(data_dir, failed.subject_kind, run_id)
        raise
    finally:
        # The snapshot is a copy of personal data: it is kept only as long as the computation needs it.
        shutil.rmtree(_folder(data_dir, run_id), ignore_errors=True)


def publish_run(session: Session, run_id: UUID, *, marks_taken_in: Sequence[int], now: datetime) -> None:
    """Switch the city to a staged run. Readers see the old run or the new one, never a mixture.

    The changes that the snapshot saw (`marks_taken_in`) are done with; those that were recomputed under the
    old run since the snapshot are marked again, so that they count under the new one too. Raises RunNotReady.
    """
    run = session.get(ScoreRun, run_id, with_for_update=True)
    if run is None:
        raise RunNotFound
    if run.state != "staged" or run.snapshot_at is None:
        raise RunNotReady(run.state)
    previous = session.get(PublishedRun, run.subject_kind)
    if previous is not None:
        session.execute(update(ScoreRun).where(ScoreRun.id == previous.run_id).values(state="superseded"))
    session.execute(
        insert_into(session, PublishedRun)
        .values(subject_kind=run.subject_kind, run_id=run.id, published_at=now)
        .on_conflict_do_update(index_elements=["subject_kind"], set_={"run_id": run.id, "published_at": now})
    )
    run.state, run.published_at = "published", now
    note_change(session, EVERYTHING)
    reopen_marks(session, subject_kind=run.subject_kind, done_since=run.snapshot_at - _CLOCKS_MAY_DIFFER)
    close_marks(session, marks_taken_in, now)


def fail_run(session: Session, run_id: UUID, *, reason: str, now: datetime) -> None:
    """Keep the reason, drop what was staged. The published run is not touched."""
    run = get_run(session, run_id)
    if run.state in {"running", "staged"}:
        run.state, run.error, run.finished_at = "failed", reason, now
        session.execute(delete(Score).where(Score.run_id == run_id))


def fail_abandoned_runs(session: Session, *, now: datetime) -> None:
    """Runs whose job was given up after its workers died again and again."""
    abandoned = session.execute(
        select(ScoreRun.id, Job.error)
        .join(Job, Job.id == ScoreRun.job_id)
        .where(ScoreRun.state.in_(["running", "staged"]), Job.state == "failed")
    )
    for run_id, error in abandoned.all():
        fail_run(session, run_id, reason=error or "", now=now)


def _compute(
    database: Database, run_id: UUID, *, data_dir: Path, clock: Callable[[], datetime], progress: Progress
) -> None:
    with database.reading() as session:
        run = get_run(session, run_id)
        policy, compiled = policy_of(session, run.policy_hash)
    folder = _folder(data_dir, run_id)
    if not (folder / _SNAPSHOT_DONE).exists():
        snapshot_at = clock()
        _take_snapshot(database, run, folder)
        begin_matrix(data_dir, run.subject_kind, run_id)
        with database.transaction() as session:
            # Scores of an earlier attempt rest on another snapshot.
            session.execute(delete(Score).where(Score.run_id == run_id))
            session.execute(
                update(ScoreRun).where(ScoreRun.id == run_id).values(snapshot_at=snapshot_at, subjects_done=0)
            )
    subjects = np.load(folder / _SUBJECTS)
    with database.reading() as session:
        done = get_run(session, run_id).subjects_done
    progress(done, len(subjects))
    while done < len(subjects):
        part = subjects[done : done + SUBJECTS_PER_PARTITION]
        table = pq.read_table(folder / f"{done // SUBJECTS_PER_PARTITION:06d}.parquet")
        result = score_batch(compiled, to_columns(table, compiled), day_number(run.as_of), part)
        write_matrix_part(data_dir, run.subject_kind, run_id, done // SUBJECTS_PER_PARTITION, result)
        with database.transaction() as session:
            _stage(session, run, policy, compiled, result, now=clock())
            done += len(part)
            session.execute(
                update(ScoreRun)
                .where(ScoreRun.id == run_id)
                .values(subjects_done=done, subjects_total=len(subjects))
            )
        progress(done, len(subjects))
    with database.transaction() as session:
        staged = get_run(session, run_id)
        staged.summary = summarise(session, run_id, policy)
        staged.subjects_total = len(subjects)
        staged.state, staged.finished_at = "staged", clock()


def _take_snapshot(database: Database, run: ScoreRun, folder: Path) -> None:
    """One consistent view of who is scored and of their records, written as Parquet by ranges of subjects."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with database.transaction() as session:
        unfold_marks(session)
    with database.reading() as session:
        subjects = _subjects_to_score(session, run.subject_kind, run.as_of)
        np.save(folder / _SUBJECTS, subjects)
        marks = open_mark_ids(session, subject_kind=run.subject_kind)
        np.save(folder / _MARKS, np.array(marks, dtype=np.int64))
        parts = -(-len(subjects) // SUBJECTS_PER_PARTITION)
        last_of_part = subjects[np.minimum(np.arange(1, parts + 1) * SUBJECTS_PER_PARTITION, len(subjects)) - 1]
        writers = _PartWriters(folder, parts)
        for table in snapshot_rows(session, subject_kind=run.subject_kind, as_of=run.as_of, chunk=_ROWS_PER_CHUNK):
            for part, rows in _by_part(table, subjects, last_of_part):
                writers.write(part, rows)
        writers.close()
    (folder / _SNAPSHOT_DONE).write_text(json.dumps({"parts": parts}))


def _subjects_to_score(session: Session, subject_kind: str, as_of: date) -> npt.NDArray[np.int64]:
    """Sorted ids: adults who activated their score, or enterprises in operation."""
    in_register = (
        select(Subject.id).where(Subject.kind == subject_kind, Subject.status == "active").order_by(Subject.id)
    )
    if subject_kind == "person":
        in_register = in_register.where(Subject.born_on <= adult_born_until(as_of))
    ids = np.array(session.scalars(in_register).all(), dtype=np.int64)
    if subject_kind == "person":
        activated = np.array(sorted(activated_subject_ids(session)), dtype=np.int64)
        ids = np.intersect1d(ids, activated, assume_unique=True)
    return ids


def _by_part(
    table: pa.Table, subjects: npt.NDArray[np.int64], last_of_part: npt.NDArray[np.int64]
) -> Iterator[tuple[int, pa.Table]]:
    """Split a chunk by partition, leaving out records of those who are not scored."""
    table = table.filter(pc.is_in(table["subject"], value_set=pa.array(subjects)))
    part_of_row = np.searchsorted(last_of_part, table["subject"].to_numpy())
    for part in np.unique(part_of_row):
        yield int(part), table.filter(pa.array(part_of_row == part))


class _PartWriters:
    """Writes partitions in ascending order, one open at a time; every partition gets a file."""

    def __init__(self, folder: Path, parts: int) -> None:
        self._folder, self._parts = folder, parts
        self._open: pq.ParquetWriter | None = None
        self._next = 0

    def write(self, part: int, rows: pa.Table) -> None:
        while self._next <= part:
            self._begin_next()
        assert self._open is not None  # noqa: S101 - the loop above opened it
        self._open.write_table(rows)

    def close(self) -> None:
        while self._next < self._parts:
            self._begin_next()
        if self._open is not None:
            self._open.close()

    def _begin_next(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = pq.ParquetWriter(self._folder / f"{self._next:06d}.parquet", SNAPSHOT_SCHEMA)
        self._next += 1


def _stage(
    session: Session,
    run: ScoreRun,
    policy: Policy,
    compiled: CompiledPolicy,
    result: BatchResult,
    *,
    now: datetime,
) -> None:
    grades = [grade.code for grade in policy.grades]
    rows = [
        {
            "run_id": run.id,
            "subject_id": int(subject),
            "revision": 0,
            "total": int(total),
            "grade": grades[grade],
            "contributions": contributions,
            "as_of": run.as_of,
            "policy_hash": run.policy_hash,
            "computed_at": now,
            "cause": "run",
        }
        for subject, total, grade, contributions in zip(
            result.subject, result.total, result.grade, contributions_of(compiled, result), strict=True
        )
    ]
    if rows:
        session.execute(insert(Score), rows)


def contributions_of(compiled: CompiledPolicy, result: BatchResult) -> Iterator[dict[str, int]]:
    """For each subject, the indicators that moved its score, and the clamp when it did."""
    codes = np.array([indicator.code for indicator in compiled.policy.indicators])
    for points, clamp in zip(result.points, result.clamp, strict=True):
        moved = np.flatnonzero(points)
        contributions = dict(zip(codes[moved].tolist(), points[moved].tolist(), strict=True))
        if clamp:
            contributions["clamp"] = int(clamp)
        yield contributions


def summarise(session: Session, run_id: UUID, policy: Policy) -> dict[str, Any]:
    """What an officer looks at before and after publication: coverage, distribution, grades."""
    rows = session.execute(select(Score.total, Score.grade).where(Score.run_id == run_id)).all()
    totals = np.array([total for total, _ in rows], dtype=np.int64)
    by_code = {grade.code: 0 for grade in policy.grades}
    for _, grade in rows:
        by_code[grade] += 1
    edges = np.linspace(policy.minimum, policy.maximum, _HISTOGRAM_BINS + 1).round().astype(np.int64)
    counts, _ = np.histogram(totals, bins=edges)
    return {
        "scored": len(rows),
        "mean": int(totals.mean().round()) if len(rows) else None,
        "median": int(np.median(totals)) if len(rows) else None,
        "distribution": {"edges": edges.tolist(), "counts": counts.tolist()},
        "grades": [
            {"code": grade.code, "name": grade.name, "minimum": grade.minimum, "count": by_code[grade.code]}
            for grade in policy.grades
        ],
    }


def _folder(data_dir: Path, run_id: UUID) -> Path:
    return data_dir / "runs" / str(run_id)
