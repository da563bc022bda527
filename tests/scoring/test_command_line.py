"""`python -m scoring` as a newcomer meets it."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from scoring.cli import app
from tests.scoring.builders import document, indicator, text

EMBED = ["--cap", "6", "--version", "2", "--from", "2027-01-01", "-o", "x.yaml"]
RECORDS = """\
subject,record,category,event_day,quantity,level,state
17,1,volunteering,2026-03-01,2550,,
17,2,admin_penalty,2026-04-15,,2,active
18,3,admin_penalty,2026-01-15,,2,disputed
18,4,court_judgment,2026-01-15,,2,
"""


@pytest.fixture
def records(tmp_path: Path) -> Path:
    path = tmp_path / "记录.csv"
    path.write_text(RECORDS, encoding="utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_good_policy_is_told_good_and_exits_with_zero() -> None:
    result = run("check", "guihua")
    assert result.exit_code == 0
    assert "桂花分" in result.output


def test_a_broken_policy_exits_with_one_and_names_each_broken_rule(tmp_path: Path) -> None:
    path = tmp_path / "本市.yaml"
    broken = indicator(categories=["volunteering"], points={"each": {"points": -1.125}})
    path.write_text(text(document(broken)), encoding="utf-8")
    result = run("check", path)
    assert result.exit_code == 1
    assert "[only_upward]" in result.output
    assert "[too_many_decimals]" in result.output
    told = json.loads(run("check", path, "--json").output)
    assert not told["valid"]
    rules = {"only_upward", "too_many_decimals", "polarity_direction", "wrong_subject_kind"}
    assert {problem["rule"] for problem in told["problems"]} == rules


def test_a_catalogue_file_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "目录.json"
    entry = {"code": "volunteering", "name": "志愿服务", "polarity": "positive", "legal_basis": "《志愿服务条例》"}
    path.write_text(json.dumps([entry]), encoding="utf-8")
    result = run("check", "guihua", "--catalogue", path)
    assert result.exit_code == 1
    assert "unknown_category" in result.output


def test_without_a_catalogue_of_its_own_a_policy_is_held_to_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "本市.yaml"
    path.write_text(run("show", "guihua").output.replace("[honour]", "[honours]"), encoding="utf-8")
    result = run("check", path)
    assert result.exit_code == 1
    assert "目录中没有类别“honours”，是不是想写“honour”" in result.output
    assert "--catalogue" in result.output


def test_a_city_may_hand_over_its_catalogue_document_as_it_is() -> None:
    document = files("backend.catalogue") / "shipped" / "catalogue.yaml"
    assert run("check", "enterprise", "--catalogue", document).exit_code == 0


def test_records_that_the_policy_does_not_read_are_said(tmp_path: Path) -> None:
    path = tmp_path / "记录.csv"
    path.write_text("subject,record,category,event_day\n1,1,volunteerng,2026-01-05\n", encoding="utf-8")
    result = run("score", "guihua", path)
    assert result.exit_code == 0
    assert "不使用类别“volunteerng”，1 条记录不计分，是不是想写“volunteering”" in result.output


def test_an_explanation_puts_the_main_factors_in_front(records: Path) -> None:
    lines = run("explain", "guihua", records, "--subject", 17, "--as-of", "2026-06-30").output.splitlines()
    assert lines[1].startswith("主要因素：")
    assert lines[1].count("；") <= 3


def test_a_folder_that_is_not_there_is_said_before_any_work(records: Path, tmp_path: Path) -> None:
    result = run("score", "guihua", records, "-o", tmp_path / "无" / "分数.csv")
    assert result.exit_code == 2
    assert "没有文件夹" in result.output


def test_a_misspelt_name_gets_the_nearest_one() -> None:
    result = run("check", "guihau")
    assert result.exit_code == 2
    assert "是不是想写“guihua”" in result.output


def test_a_shipped_policy_can_be_printed_changed_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "本市.yaml"
    path.write_text(run("show", "guihua").output, encoding="utf-8")
    assert run("check", path).exit_code == 0


def test_explain_names_reasons_and_advice(records: Path) -> None:
    result = run("explain", "guihua", records, "--subject", 17, "--as-of", "2026-06-30", "--json")
    assert result.exit_code == 0
    told = json.loads(result.output)
    assert told["total"] == 10128
    assert told["total"] == told["base"] + told["clamp"] + sum(c["points"] for c in told["contributions"])
    assert told["advice"][0]["sentence"] == "再参加 25 小时志愿服务：+6.25"
    assert "行政处罚" in run("explain", "guihua", records, "--subject", 17, "--as-of", "2026-06-30").output


def test_scores_are_written_with_their_parts(records: Path, tmp_path: Path) -> None:
    subjects = tmp_path / "主体.txt"
    subjects.write_text("17\n18\n19\n", encoding="utf-8")
    output = tmp_path / "分数.parquet"
    result = run("score", "guihua", records, "--as-of", "2026-06-30", "-o", output, "--subjects", subjects)
    assert result.exit_code == 0
    frame = pl.read_parquet(output)
    assert frame["total"].to_list() == [10128, 8000, 10000]
    assert frame["admin_penalties"].to_list() == [-500, 0, 0]


def test_the_exported_sql_runs_over_the_same_file(records: Path) -> None:
    query = run("export", "guihua", "--sql", "duckdb", "--as-of", "2026-06-30").output
    with duckdb.connect() as connection:
        connection.execute(
            f"""CREATE TABLE records AS
            SELECT subject, record, category, event_day::date AS event_day, NULL::date AS end_day,
                   NULL::date AS performed_day, coalesce(quantity, 0)::bigint AS quantity, 0::bigint AS amount,
                   coalesce(level, 0)::smallint AS level, 0::bigint AS event,
                   CASE WHEN state = 'disputed' THEN 1 ELSE 0 END::smallint AS state, 0::smallint AS relation
            FROM read_csv('{records}')"""  # noqa: S608 - a path made by the test
        )
        connection.execute("CREATE TABLE subjects AS SELECT DISTINCT subject FROM records")
        rows = connection.sql(query).select("subject", "total", "grade").fetchall()
    assert rows == [(17, 10128, "silver"), (18, 8000, "plain")]


def test_a_change_is_simulated(records: Path, tmp_path: Path) -> None:
    path = tmp_path / "调整稿.yaml"
    dearer = run("show", "guihua").output.replace("{at_least: 20, points: 5}", "{at_least: 20, points: 8}")
    path.write_text(dearer, encoding="utf-8")
    result = run("simulate", "guihua", path, records, "--as-of", "2026-06-30")
    assert result.exit_code == 0
    assert "上升 1 个主体，下降 0 个主体" in result.output
    assert "101.28 → 104.28" in result.output


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("subject,record,categori,event_day\n", "缺少列 category，现有“categori”？"),
        ("subject,record,category,event_day\n1,1,volunteering,昨天\n", "第 2 行的 event_day 是“昨天”"),
        (
            "subject,record,category,event_day,level\n1,1,honour,2026-01-01,高\n",
            "第 2 行的 level 是“高”，应为整数",
        ),
        ("subject,record,category,event_day\n1,1,honour,\n", "第 2 行没有 event_day"),
        ("subject,record,category,event_day,level\n1,1,honour,2026-01-01,65538\n", "第 2 行的 level 是“65538”"),
        ("subject,record,category,event_day\n1,1,honour,2026-01-01,6\n", "第 2 行有 5 个字段，表头只有 4 列"),
        ("", "没有表头"),
    ],
)
def test_a_record_file_that_cannot_be_read_says_where_and_why(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "记录.csv"
    path.write_text(content, encoding="utf-8")
    result = run("score", "guihua", path)
    assert result.exit_code == 2
    assert sentence in result.output


def test_records_saved_in_gb_18030_are_read(tmp_path: Path) -> None:
    path = tmp_path / "记录.csv"
    path.write_text("subject,record,category,event_day\n1,1,志愿服务时长,2026-01-05\n", encoding="gb18030")
    assert "不使用类别“志愿服务时长”" in run("score", "guihua", path).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["check", "{folder}"], 2, "找不到方案文件"),
        (["check", "{folder}/本市分案.yaml"], 2, "是不是想写“本市方案”？"),
        (["check", "{folder}/二进制.yaml"], 2, "既不是 UTF-8 也不是 GB 18030"),
        (["check", "{folder}/空.yaml"], 1, "文件是空的 [empty]"),
        (["check", "{folder}/坏.yaml"], 1, "坏.yaml:2: 不是合法的 YAML"),
        (["check", "guihua", "--catalogue", "{folder}/坏.yaml"], 2, "第 2 行 不是合法的 YAML"),
        (["check", "guihua", "--catalogue", "{folder}/本市方案.yaml"], 2, "不是目录文件：应当是类别的列表"),
        (["score", "guihua", "{folder}/记录.csv", "-o", "{folder}/分数.xlsx"], 2, "应以 .csv 或 .parquet 结尾"),
        (["score", "guihua", "{folder}/记录.parquet"], 2, "不是有效的 Parquet 文件"),
        (["score", "guihua", "{folder}/记录.csv", "--subjects", "{folder}/本市方案.yaml"], 2, "第 1 行是“a: [”"),
        (["simulate", "guihua", "enterprise", "{folder}/记录.csv"], 2, "评的不是同一类主体"),
        (["embed", "guihua", "{folder}", *EMBED], 2, "是一个文件夹"),
        (["export", "guihau", "--sql", "duckdb"], 2, "是不是想写“guihua”？随附的方案有："),
    ],
)
def test_what_cannot_be_used_is_said_on_stderr_without_a_traceback(
    arguments: list[str], code: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "本市方案.yaml").write_text("a: [\n]\n", encoding="utf-8")
    (tmp_path / "坏.yaml").write_text("a: [\n", encoding="utf-8")
    (tmp_path / "空.yaml").write_text("", encoding="utf-8")
    (tmp_path / "二进制.yaml").write_bytes(b"\xff\xfe\x00\x81")
    (tmp_path / "记录.csv").write_text(RECORDS, encoding="utf-8")
    (tmp_path / "记录.parquet").write_text("PAR", encoding="utf-8")
    result = run(*[argument.replace("{folder}", str(tmp_path)) for argument in arguments])
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert said in result.stderr


def test_a_day_before_the_policy_takes_effect_is_pointed_out(records: Path) -> None:
    assert "自 2026-01-01 起施行" in run("score", "guihua", records, "--as-of", "2025-06-30").stderr
    assert run("score", "guihua", records, "--as-of", "2026-06-30").stderr == ""


def test_the_records_shown_in_the_guide_give_what_the_guide_says(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
    path = tmp_path / "记录.csv"
    path.write_text(guide.partition("```csv\n")[2].partition("```")[0], encoding="utf-8")
    told = run("explain", "guihua", path, "--subject", 17, "--as-of", "2026-06-30")
    assert (told.exit_code, told.stderr) == (0, "")
    assert "桂花分 101.28 分" in told.output
    assert run("score", "guihua", path, "--as-of", "2026-06-30", "-o", tmp_path / "分数.csv").exit_code == 0
