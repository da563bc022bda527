"""Any labelled table can be read; what is left out, and what a model had never seen, is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scoring.model.component import Component
from scoring.model.errors import TableRefused
from scoring.model.table import MISSING_LEVEL, label_table, read_table


def frame_with(**columns: object) -> pl.DataFrame:
    return pl.DataFrame({"x": np.arange(60.0), "y": [0, 1] * 30, **columns})


def test_a_table_reads_the_same_from_csv_in_either_encoding_and_from_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame({"行业": ["餐饮", "建筑", None], "欠缴": [1.5, None, 3.0]})
    text = "行业;欠缴\n餐饮;1.5\n建筑;NA\n?;3.0\n"
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "b.csv").write_bytes(text.encode("gb18030"))
    frame.write_parquet(tmp_path / "c.parquet")
    for name in ("a.csv", "b.csv", "c.parquet"):
        assert read_table(tmp_path / name).equals(frame), name


def test_a_constant_an_empty_and_an_identity_column_are_left_out_and_said() -> None:
    table = label_table(
        frame_with(same=["a"] * 60, one=[1] * 60, void=[None] * 60, code=[f"K{i}" for i in range(60)]), target="y"
    )
    assert table.names == ["x"]
    said = "".join(table.notes)
    for expected in (
        "列 same 只有一个取值",
        "列 one 只有一个取值",
        "列 void 全为空",
        "列 code 几乎每行取值都不同",
    ):
        assert expected in said


def test_a_number_that_is_constant_where_it_is_known_still_tells_known_from_missing() -> None:
    table = label_table(frame_with(flag=[1.0, None] * 30), target="y")
    assert "flag" in table.names


def test_an_infinite_ratio_counts_as_missing() -> None:
    table = label_table(frame_with(ratio=[float("inf"), *range(59)]), target="y")
    assert np.isnan(table.values[0, table.names.index("ratio")])


def test_numbers_kept_as_text_are_numbers_and_missing_words_are_missing() -> None:
    table = label_table(frame_with(amount=["12", " 7.5 ", "NA", "?"] * 15), target="y")
    column = table.names.index("amount")
    assert not table.columns[column].is_category
    assert table.values[:2, column].tolist() == [12.0, 7.5]
    assert np.isnan(table.values[2:4, column]).all()


def test_a_missing_category_is_a_level_of_its_own() -> None:
    table = label_table(frame_with(trade=["a", "b", None] * 20), target="y")
    assert MISSING_LEVEL in table.columns[table.names.index("trade")].levels


def test_the_outcome_is_recognised_from_usual_words_and_asked_for_otherwise() -> None:
    table = label_table(frame_with().with_columns(y=pl.Series(["good", "bad"] * 30)), target="y")
    assert table.outcome[:2].tolist() == [0, 1]
    unclear = frame_with().with_columns(y=pl.Series([1, 2] * 30))
    assert label_table(unclear, target="y", positive="2").outcome[:2].tolist() == [0, 1]
    with pytest.raises(TableRefused, match="--positive"):
        label_table(unclear.with_columns(y=pl.Series(["A", "B"] * 30)), target="y")


def test_rows_without_outcome_are_left_out_and_too_few_outcomes_are_refused() -> None:
    table = label_table(frame_with().with_columns(y=pl.Series([None, None, *([0, 1] * 29)])), target="y")
    assert len(table.outcome) == 58
    assert "为空的 2 行未使用" in table.notes[0]
    with pytest.raises(TableRefused, match="至少需要 20 行"):
        label_table(frame_with().with_columns(y=pl.Series([1] * 19 + [0] * 41)), target="y")
    with pytest.raises(TableRefused, match="恰有两种取值"):
        label_table(frame_with().with_columns(y=pl.Series([0, 1, 2] * 20)), target="y")


def test_an_audit_attribute_is_never_an_input() -> None:
    table = label_table(frame_with(district=["east", "west"] * 30), target="y", audit=["district"])
    assert table.names == ["x"]
    assert table.audit["district"][:2].tolist() == ["east", "west"]


def test_what_a_model_had_never_seen_says_nothing_and_is_said(component: Component, frame: pl.DataFrame) -> None:
    """An unseen trade and a missing number in a column that had none while learning are worth exactly zero."""
    strange = frame.head(3).with_columns(
        trade=pl.Series(["fishery", "retail", "retail"]), arrears=pl.Series([1, None, 2], dtype=pl.Int64)
    )
    values, notes = component.read(strange)
    assert any("trade 出现训练时没有的取值（fishery）" in note for note in notes)
    assert any("arrears 有 1 个空值，训练时没有过" in note for note in notes)
    parts = component.contributions(values)
    assert parts[0, component.names.index("trade")] == 0
    assert parts[1, component.names.index("arrears")] == 0
    assert parts.sum(axis=1).tolist() == component.log_odds(values).tolist()


def test_a_missing_number_that_was_seen_while_learning_is_read_as_learned(
    component: Component, frame: pl.DataFrame
) -> None:
    values, notes = component.read(frame.head(11))
    assert np.isnan(values[0, component.names.index("income")])
    assert notes == []


def test_a_table_without_a_column_of_the_model_is_refused(component: Component, frame: pl.DataFrame) -> None:
    with pytest.raises(TableRefused, match="缺少模型需要的列：hours"):
        component.read(frame.drop("hours"))
