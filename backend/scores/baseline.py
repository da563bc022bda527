"""What every trial of one published run compares with, kept in memory while an officer drags.

A run's matrix never changes, and neither do the district and age band that its subjects are grouped by on the
run's day. Who of them still has a score does: whoever left since is in no trial from that moment, so that is asked
anew each time, with one count over an index, and read again when the count has moved.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from threading import Lock
from uuid import UUID

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.scores.errors import NothingToSimulateOn
from backend.scores.matrix import Int64, read_matrix
from backend.scores.models import Score, ScoreRun
from scoring.engine import BatchResult
from scoring.simulation import Groups

KEPT = 2
"""Runs kept: one of persons, one of enterprises."""

Stamp = tuple[int, int]


@dataclass(frozen=True)
class Baseline:
    """`subjects` have a score of the run, ascending; `scores` is what the run gave them, None without a matrix."""

    stamp: Stamp
    subjects: Int64
    scores: BatchResult | None
    groups: Mapping[str, Groups]


_kept: OrderedDict[tuple[Path, UUID], Baseline] = OrderedDict()
_lock = Lock()


def baseline_of(
    session: Session, run: ScoreRun, *, data_dir: Path, group: Callable[[Int64], Mapping[str, Groups]]
) -> Baseline:
    """The baseline of a published run, from memory where it is there. `group` groups the subjects it is given.

    Raises NothingToSimulateOn when nobody has a score of the run any more.
    """
    stamp = _stamp(session, run)
    if not stamp[0]:
        raise NothingToSimulateOn(run.subject_kind)
    key = (data_dir, run.id)
    with _lock:
        known = _kept.get(key)
        if known is None or known.stamp != stamp:
            known = _read(session, run, data_dir, stamp, known, group)
            _kept[key] = known
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
    return known


def _stamp(session: Session, run: ScoreRun) -> Stamp:
    """How many have a score of the run, and the sum of their numbers: it moves with all who leave or join."""
    first = (Score.run_id == run.id, Score.revision == 0)
    count, total = session.execute(select(func.count(), func.sum(Score.subject_id)).where(*first)).one()
    return int(count), int(total or 0)


def _read(
    session: Session,
    run: ScoreRun,
    data_dir: Path,
    stamp: Stamp,
    known: Baseline | None,
    group: Callable[[Int64], Mapping[str, Groups]],
) -> Baseline:
    rows = session.execute(select(Score.subject_id).where(Score.run_id == run.id, Score.revision == 0))
    subjects = np.sort(np.fromiter((number for (number,) in rows), np.int64, count=stamp[0]))
    if known is not None and known.scores is not None and np.isin(subjects, known.subjects).all():
        # Some left since; the matrix and the groups of the others are here already.
        stays = np.isin(known.scores.subject, subjects)
        groups = {name: replace(each, codes=each.codes[stays]) for name, each in known.groups.items()}
        return Baseline(stamp, subjects, _rows(known.scores, stays), groups)
    scores = read_matrix(data_dir, run.subject_kind, run.id, subjects)
    return Baseline(stamp, subjects, scores, {} if scores is None else group(scores.subject))


def _rows(scores: BatchResult, stays: np.ndarray) -> BatchResult:
    return BatchResult(**{each.name: getattr(scores, each.name)[stays] for each in fields(BatchResult)})
