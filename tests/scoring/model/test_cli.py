"""fit, evaluate and card as a newcomer and a program meet them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from scoring.model.cli import add_commands
from scoring.model.component import Component, load_component, save_component
from tests.scoring.model.conftest import made_up_table

app = typer.Typer()
add_commands(app)
RUNNER = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, directions, and a model learned from them by the command itself."""
    folder = tmp_path_factory.mktemp("model")
    table = made_up_table(260, seed=2).with_columns(district=pl.Series(["east", "west"] * 130))
    table.write_csv(folder / "t.csv")
    (folder / "d.yaml").write_text("arrears: up\nhours: down\n", encoding="utf-8")
    done = RUNNER.invoke(
        app,
        [
            "fit", "--table", str(folder / "t.csv"), "--target", "y", "--directions", str(folder / "d.yaml"),
            "--cv", "2", "--audit", "district", "--out", str(folder / "m.json"), "--json",
        ],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (folder / "fit.json").write_text(done.stdout, encoding="utf-8")
    return folder


def test_fit_prints_quality_with_intervals_beside_the_baseline_as_json(folder: Path) -> None:
    told = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
    for part in (told, told["baseline"], *told["shapes"].values()):
        for measure in ("auc", "ks", "brier"):
            assert set(part[measure]) == {"mean", "low", "high"}
    assert {d["column"]: d["violations"] for d in told["directions"]} == {"arrears": 0, "hours": 0}
    assert {f["group"] for f in told["fairness"]} == {"east", "west"}
    assert told["model"]["identity"] == load_component(folder / "m.json").identity


def test_fit_shows_a_table_for_people(folder: Path) -> None:
    done = RUNNER.invoke(
        app,
        [
            "fit",
            "--table",
            str(folder / "t.csv"),
            "--target",
            "y",
            "--cv",
            "2",
            "--shape",
            "additive",
            "--no-baseline",
        ],
    )
    assert done.exit_code == 0, done.output
    for expected in ("260 行", "AUC", "相加型", "未保存"):
        assert expected in done.output
    assert "WOE" not in done.output


def test_evaluate_measures_drift_and_compares_with_the_champion(
    folder: Path, additive: Component, tmp_path: Path
) -> None:
    made_up_table(300, seed=7).write_csv(tmp_path / "new.csv")
    save_component(additive, tmp_path / "champion.json")
    arguments = [
        "evaluate", str(folder / "m.json"), "--table", str(tmp_path / "new.csv"), "--target", "y",
        "--champion", str(tmp_path / "champion.json"), "--scores", str(tmp_path / "scores.csv"),
    ]  # fmt: skip
    shown = RUNNER.invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "挑战者减现用" in shown.output
    told = json.loads(RUNNER.invoke(app, [*arguments, "--json"]).stdout)
    comparison = told["comparison"]
    assert comparison["champion"]["shape"] == "additive"
    low, high = (comparison["difference"]["auc"][side] for side in ("low", "high"))
    assert low <= comparison["difference"]["auc"]["mean"] <= high
    assert told["drift"]["reading"] in ("稳定", "留意", "显著变化")
    scores = pl.read_csv(tmp_path / "scores.csv")
    parts = scores.select(pl.sum_horizontal(pl.col("^part_.*$")))
    assert parts.to_series().to_list() == scores["log_odds"].to_list()


def test_evaluate_says_so_when_the_table_is_the_one_learned_from(folder: Path) -> None:
    done = RUNNER.invoke(
        app,
        [
            "evaluate",
            str(folder / "m.json"),
            "--table",
            str(folder / "t.csv"),
            "--target",
            "y",
            "--audit",
            "district",
        ],
    )
    assert done.exit_code == 0, done.output
    assert "偏于乐观" in done.output


def test_the_card_is_one_page_that_loads_nothing_from_elsewhere(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "card.html"
    arguments = ["card", str(folder / "m.json"), "--out", str(page), "--table", str(folder / "t.csv")]
    assert RUNNER.invoke(app, arguments).exit_code == 0
    text = page.read_text(encoding="utf-8")
    for heading in ("用途与限度", "效果", "各指标的影响", "方向", "公平性", "稳定性", "与训练时相比"):
        assert f"<h2>{heading}</h2>" in text
    assert text.count("<svg") >= 8
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert "@import" not in text
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))
    RUNNER.invoke(app, arguments)
    assert page.read_text(encoding="utf-8") == text


def test_the_card_as_json_holds_the_same_figures(folder: Path) -> None:
    told = json.loads(RUNNER.invoke(app, ["card", str(folder / "m.json"), "--json"]).stdout)
    fitted = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
    assert told["quality"]["auc"] == fitted["auc"]
    assert {"roc", "calibration", "importance", "stability", "fairness", "training"} <= set(told)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit", "--table", "absent.csv", "--target", "y"], "找不到文件 absent.csv"),
        (["fit", "--table", "{folder}", "--target", "y"], "是一个文件夹"),
        (["fit", "--table", "{folder}/t.csv", "--target", "Y"], "表中没有列 Y，是不是想写“y”？现有列："),
        (["fit", "--table", "{folder}/utf16.csv", "--target", "y"], "既不是 UTF-8 也不是 GB 18030 编码"),
        (["fit", "--table", "{folder}/ragged.csv", "--target", "y"], "第 3 行有 3 个字段，表头只有 2 列"),
        (["fit", "--table", "{folder}/empty.csv", "--target", "y"], "没有表头"),
        (["fit", "--table", "{folder}/header.csv", "--target", "y"], "没有一行写了目标列 y"),
        (["fit", "--table", "{folder}/three.csv", "--target", "y"], "应恰有两种取值，现有 3 种：0、1、2"),
        (["fit", "--table", "{folder}/few.csv", "--target", "y"], "至少需要 20 行"),
        (["fit", "--table", "{folder}/brackets.csv", "--target", "[/b]"], "目标列 [/b] 应恰有两种取值"),
        (["fit", "--table", "{folder}/t.csv", "--target", "y", "--out", "{folder}/no/m.json"], "没有文件夹"),
        (["card", "{folder}/t.csv"], "不是模型文件：第 1 行不是 JSON"),
        (["card", "."], "是一个文件夹"),
        (["card", "{folder}"], "是一个文件夹"),
        (["card", "{folder}/altered.json"], "文件可能被改动过"),
        (["card", "{folder}/m.json", "--out", "{folder}/no/card.html"], "没有文件夹"),
        (["evaluate", "{folder}/m.json", "--table", "{folder}/t.csv", "--scores", "{folder}"], "是一个文件夹"),
        (["evaluate", "{folder}/m.json", "--table", "{folder}/t.csv", "--audit", "district"], "需要 --target"),
    ],
)
def test_a_refusal_is_one_sentence_on_stderr_and_leaves_with_two(
    arguments: list[str], said: str, folder: Path
) -> None:
    (folder / "utf16.csv").write_text("a,y\n1,0\n", encoding="utf-16")
    (folder / "ragged.csv").write_text("a,y\n1,0\n1,2,3\n", encoding="utf-8")
    (folder / "empty.csv").write_text("", encoding="utf-8")
    (folder / "header.csv").write_text("a,y\n", encoding="utf-8")
    (folder / "three.csv").write_text("a,y\n1,0\n2,1\n3,2\n", encoding="utf-8")
    (folder / "few.csv").write_text("a,y\n1,0\n2,1\n3,1\n", encoding="utf-8")
    (folder / "brackets.csv").write_text("a,[/b]\n1,0\n2,0\n", encoding="utf-8")
    altered = json.loads((folder / "m.json").read_text(encoding="utf-8"))
    del altered["columns"]
    (folder / "altered.json").write_text(json.dumps(altered), encoding="utf-8")
    filled = [argument.replace("{folder}", str(folder)) for argument in arguments]
    for form in ([], ["--json"]):
        done = RUNNER.invoke(app, [*filled, *form])
        assert done.exit_code == 2, done.output
        assert done.stdout == ""
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
