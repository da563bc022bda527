"""The indicator matrix (指标矩阵) that a run leaves: what every subject measured and earned, for simulation.

Files beside the database, one per partition of the run, replaced by those of the next published run. They hold
subject numbers and hundredths, no names and no identity numbers. Whoever's score was deleted since is left out on
reading, so a citizen who left is in no simulation; the row itself goes with the next run.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import UUID

import numpy as np
import polars as pl

from scoring.engine import BatchResult

Int64 = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


def begin_matrix(data_dir: Path, subject_kind: str, run_id: UUID) -> None:
    """An empty matrix for a run; what an earlier attempt of the same run left is gone."""
    folder = _folder(data_dir, subject_kind, run_id)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def write_matrix_part(data_dir: Path, subject_kind: str, run_id: UUID, number: int, result: BatchResult) -> None:
    """One partition; written again after a killed attempt it is the same."""
    columns = {"subject": result.subject, "listed": result.listed, "clamp": result.clamp, "total": result.total}
    columns["grade"] = result.grade.astype(np.int64)
    for place in range(result.points.shape[1]):
        columns[f"v{place}"] = result.values[:, place]
        columns[f"p{place}"] = result.points[:, place]
    for place in range(result.dimension_limits.shape[1]):
        columns[f"d{place}"] = result.dimension_limits[:, place]
    path = _folder(data_dir, subject_kind, run_id) / f"{number:06d}.parquet"
    unfinished = path.with_suffix(".unfinished")
    pl.DataFrame(columns).write_parquet(unfinished)
    unfinished.replace(path)


def keep_only_matrix(data_dir: Path, subject_kind: str, run_id: UUID) -> None:
    """After publication: the matrices of all earlier runs of the kind go."""
    for folder in (data_dir / "matrix" / subject_kind).iterdir():
        if folder.name != str(run_id):
            shutil.rmtree(folder, ignore_errors=True)


def drop_matrix(data_dir: Path, subject_kind: str, run_id: UUID) -> None:
    """Of a run that failed."""
    shutil.rmtree(_folder(data_dir, subject_kind, run_id), ignore_errors=True)


def read_matrix(data_dir: Path, subject_kind: str, run_id: UUID, subjects: Int64) -> BatchResult | None:
    """The rows of those `subjects` that the run scored, ascending; None when the run left no matrix."""
    files = sorted(_folder(data_dir, subject_kind, run_id).glob("*.parquet"))
    if not files:
        return None
    frame = pl.read_parquet(files).filter(pl.col("subject").is_in(subjects)).sort("subject")

    def block(letter: str) -> Int64:
        names = [name for name in frame.columns if name[0] == letter and name[1:].isdecimal()]
        return np.ascontiguousarray(frame.select(names).to_numpy(), dtype=np.int64).reshape(frame.height, -1)

    return BatchResult(
        subject=frame["subject"].to_numpy(),
        values=block("v"),
        points=block("p"),
        dimension_limits=block("d"),
        listed=frame["listed"].to_numpy(),
        clamp=frame["clamp"].to_numpy(),
        total=frame["total"].to_numpy(),
        grade=frame["grade"].to_numpy().astype(np.int8),
    )


def _folder(data_dir: Path, subject_kind: str, run_id: UUID) -> Path:
    return data_dir / "matrix" / subject_kind / str(run_id)
