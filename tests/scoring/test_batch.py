"""A city in Parquet is scored in units, and gets the integers that it gets in one piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.batch import ModelPart, score_parquet, score_unsorted, sort_records
from scoring.columns import DTYPES, NO_DAY, RecordColumns, sort_by_subject
from scoring.compiled import compile_policy
from scoring.engine import NotSorted, score_batch
from scoring.model.component import Effect, component_of
from scoring.model.learning import Choice, Setting, learn
from scoring.model.table import label_table
from scoring.policy import shipped_policy
from scoring.tables import columns_of_arrow

COMPILED = compile_policy(shipped_policy("guihua"))
CODES = [*COMPILED.category_index, "unread"]
AS_OF = 20_600
SUBJECTS = np.arange(500)


def city(seed: int, records: int = 4_000) -> pa.Table:
    """Unsorted records; subject 250 has a great many, subjects from 480 on none."""
    rng = np.random.default_rng(seed)
    subject = rng.integers(0, 480, records)
    subject[: records // 4] = 250
    days = rng.integers(AS_OF - 1500, AS_OF + 30, records).astype(np.int32)
    ended = np.where(rng.random(records) < 0.4, days + 90, NO_DAY).astype(np.int32)
    return pa.table(
        {
            "subject": subject,
            "record": np.arange(records),
            "category": pa.array(np.array(CODES)[rng.integers(0, len(CODES), records)].tolist()),
            "event_day": pa.array(days, pa.int32()).cast(pa.date32()),
            "end_day": pa.array(ended, mask=ended == NO_DAY).cast(pa.date32()),
            "quantity": rng.integers(-100, 5_000, records),
            "amount": rng.integers(0, 500_000, records),
            "level": rng.integers(0, 4, records).astype(np.int16),
            "event": rng.integers(0, 40, records),
            "state": rng.integers(0, 4, records).astype(np.int8),
        }
    )


def in_one_piece(table: pa.Table) -> np.ndarray:
    columns = sort_by_subject(columns_of_arrow(table, COMPILED))
    return score_batch(COMPILED, columns, AS_OF, SUBJECTS).total


def written(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "*.parquet").sort("subject")


@pytest.mark.parametrize("rows_per_unit", [1, 300, 10_000])
@pytest.mark.parametrize("workers", [1, 3])
def test_units_of_any_size_give_the_integers_of_the_whole(
    tmp_path: Path, rows_per_unit: int, workers: int
) -> None:
    table = city(1)
    in_order = table.take(pa.array(np.argsort(table["subject"].to_numpy(), kind="stable")))
    # Three files, cut in the middle of the subject with very many records, in groups of 100 rows.
    for number, (start, end) in enumerate([(0, 2_300), (2_300, 2_600), (2_600, 4_000)]):
        pq.write_table(in_order.slice(start, end - start), tmp_path / f"{number}.parquet", row_group_size=100)
    told: list[tuple[int, int]] = []
    summary = score_parquet(
        COMPILED,
        [tmp_path / f"{number}.parquet" for number in range(3)],
        AS_OF,
        tmp_path / "out",
        subjects=SUBJECTS,
        workers=workers,
        rows_per_unit=rows_per_unit,
        progress=lambda done, of: told.append((done, of)),
    )
    frame = written(tmp_path / "out")
    assert frame["subject"].to_list() == SUBJECTS.tolist()
    assert frame["total"].to_list() == in_one_piece(table).tolist()
    assert (summary.subjects, summary.records) == (500, 4_000)
    assert sum(summary.grades) == 500
    assert told[-1][0] == told[-1][1] == len(list((tmp_path / "out").glob("*.parquet")))


def test_unsorted_files_are_refused_and_can_be_sorted(tmp_path: Path) -> None:
    table = city(2)
    pq.write_table(table.slice(0, 1_500), tmp_path / "a.parquet", row_group_size=500)
    pq.write_table(table.slice(1_500), tmp_path / "b.parquet", row_group_size=500)
    sources = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    with pytest.raises(NotSorted):
        score_parquet(COMPILED, sources, AS_OF, tmp_path / "refused")
    sort_records(sources, tmp_path / "sorted.parquet")
    score_parquet(COMPILED, [tmp_path / "sorted.parquet"], AS_OF, tmp_path / "out", subjects=SUBJECTS)
    assert written(tmp_path / "out")["total"].to_list() == in_one_piece(table).tolist()


@pytest.mark.parametrize("rows_per_unit", [1, 700, 10_000])
def test_unsorted_records_give_the_same_integers_without_being_sorted_first(
    tmp_path: Path, rows_per_unit: int
) -> None:
    table = city(5)
    for number, (start, end) in enumerate([(0, 2_300), (2_300, 2_600), (2_600, 4_000)]):
        pq.write_table(table.slice(start, end - start), tmp_path / f"{number}.parquet", row_group_size=100)
    sources = [tmp_path / f"{number}.parquet" for number in range(3)]
    summary = score_unsorted(
        COMPILED, sources, AS_OF, tmp_path / "out", subjects=SUBJECTS, rows_per_unit=rows_per_unit
    )
    assert (summary.subjects, summary.records) == (500, 4_000)
    assert written(tmp_path / "out")["total"].to_list() == in_one_piece(table).tolist()
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".parquet"] * len(
        list((tmp_path / "out").iterdir())
    )


@pytest.mark.parametrize("subjects", [[-(2**62), 5, 2**62], [7], [2**40 + n for n in range(9)]])
def test_subject_numbers_may_lie_anywhere(tmp_path: Path, subjects: list[int]) -> None:
    table = city(6, 300)
    numbers = np.array(subjects)[np.arange(300) % len(subjects)]
    table = table.set_column(0, "subject", pa.array(numbers))
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=64)
    score_unsorted(COMPILED, [tmp_path / "a.parquet"], AS_OF, tmp_path / "out", rows_per_unit=50)
    columns = sort_by_subject(columns_of_arrow(table, COMPILED))
    expected = score_batch(COMPILED, columns, AS_OF, np.unique(numbers))
    assert written(tmp_path / "out")["total"].to_list() == expected.total.tolist()


def test_numbers_too_large_to_be_told_apart_score_as_they_do_in_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    extremes = np.array([-(2**63), -1, 0, 4_000, 2**32 + 5, 10**12, 10**12 + 1, 2**63 - 1])
    categories = np.array([*range(len(COMPILED.category_index)), -1, -(2**31), 2**15, 2**16, 2**31 - 1], np.int32)
    table = city(7)
    for name, values in {"quantity": extremes, "amount": extremes, "category": categories}.items():
        drawn = pa.array(values[rng.integers(0, len(values), len(table))])
        table = table.set_column(table.schema.get_field_index(name), name, drawn)
    pq.write_table(table, tmp_path / "a.parquet")
    score_unsorted(COMPILED, [tmp_path / "a.parquet"], AS_OF, tmp_path / "out", subjects=SUBJECTS)
    assert written(tmp_path / "out")["total"].to_list() == in_one_piece(table).tolist()


def test_the_written_parts_and_values_add_up(tmp_path: Path) -> None:
    pq.write_table(city(3).sort_by("subject"), tmp_path / "a.parquet")
    score_parquet(COMPILED, [tmp_path / "a.parquet"], AS_OF, tmp_path / "out", with_values=True)
    frame = written(tmp_path / "out")
    codes = [indicator.code for indicator in COMPILED.policy.indicators]
    assert (frame.select(pl.sum_horizontal(*codes, "clamp") + 10_000).to_series() == frame["total"]).all()
    assert {f"value_{code}" for code in codes} <= set(frame.columns)


def test_a_city_without_records_has_the_base(tmp_path: Path) -> None:
    pq.write_table(city(4).slice(0, 0), tmp_path / "a.parquet")
    score_parquet(COMPILED, [tmp_path / "a.parquet"], AS_OF, tmp_path / "out", subjects=SUBJECTS)
    assert written(tmp_path / "out")["total"].to_list() == [10_000] * 500


def test_arrow_categories_are_read_as_text_dictionaries_or_numbers() -> None:
    words = ["honour", "unread", None, "volunteering"]
    expected = [COMPILED.category_of("honour"), -1, -1, COMPILED.category_of("volunteering")]
    rest = {name: [1, 1, 1, 1] for name in ("subject", "record", "event_day")}
    numbers = pa.array([None if word is None else index for word, index in zip(words, expected, strict=True)])
    for category in (pa.array(words), pa.array(words).dictionary_encode(), numbers):
        for table in (pa.table({**rest, "category": category}), pa.record_batch({**rest, "category": category})):
            assert columns_of_arrow(table, COMPILED).category.tolist() == expected


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="column level has shape"):
        RecordColumns.of(**{name: np.zeros(2 if name == "level" else 3, dtype) for name, dtype in DTYPES.items()})


def test_a_subject_cannot_be_asked_for_twice() -> None:
    with pytest.raises(ValueError, match="asked for twice"):
        score_batch(COMPILED, RecordColumns.empty(), AS_OF, [2, 1, 2])


def test_the_total_of_a_model_is_stored_beside_the_score(tmp_path: Path) -> None:
    pq.write_table(city(5).sort_by("subject"), tmp_path / "a.parquet")
    score_parquet(COMPILED, [tmp_path / "a.parquet"], AS_OF, tmp_path / "plain", with_values=True)
    frame = written(tmp_path / "plain")
    learned_from = ["volunteer_hours", "admin_penalties"]
    outcome = (frame["total"] < frame["total"].median()).cast(pl.Int8)
    table = label_table(
        frame.select(pl.col(f"value_{code}").alias(code) for code in learned_from).with_columns(y=outcome),
        target="y",
    )
    choice = Choice(((Setting("trees", 3, 0.1, 1.0, 0.7, 15, 1.0, 63), 20),), 0.7, 1.0, 0.0)
    component = component_of(learn(table, choice, {}, seed=1), table, name="m", directions={}, training={})
    model = ModelPart(component, Effect(cap=500))
    score_parquet(COMPILED, [tmp_path / "a.parquet"], AS_OF, tmp_path / "out", model=model)
    told = written(tmp_path / "out")
    assert told["total"].to_list() == frame["total"].to_list()
    assert told["model"].to_list() == component.points(table.values, model.effect).total.tolist()
    assert told["model"].n_unique() > 3
