"""Whoever mistypes a command line is told in Chinese what is wrong, in both programs."""

from __future__ import annotations

import re
from typing import Annotated

import pytest
import typer
from rich.cells import cell_len
from typer.main import get_command
from typer.testing import CliRunner

from command_line.main import app as osmanthus
from scoring.cli import app as scoring
from scoring.speaking import SpeakingChinese, in_chinese

WRONG = [
    (osmanthus, "--nope", "没有 --nope 这个选项。"),
    (osmanthus, "ledgr", "没有 ledgr 这个命令。可以写：ledger。"),
    (osmanthus, "ledger verify --nope", "没有 --nope 这个选项。"),
    (osmanthus, "ledger verify extra", "多写了：extra。"),
    (osmanthus, "ledger verify --witness /nowhere", "--witness 不对：没有 /nowhere 这个文件。"),
    (osmanthus, "ledger verify --witness /", "--witness 不对：/ 是文件夹，这里要写文件。"),
    (osmanthus, "ledger heads", "缺少参数 output。"),
    (osmanthus, "records known 1 --on 2026-03-03", "缺少选项 --reason。"),
    (osmanthus, "demo build --residents", "选项 --residents 后面要写一个值。"),
    (osmanthus, "demo build --residents many", "--residents 不对：应为整数。"),
    (osmanthus, "demo build --residents -3", "--residents 不对：不能小于 200。"),
    (scoring, "score", "缺少参数 方案。"),
    (scoring, "check guihua --json=1", "选项 --json 后面不写值。"),
    (scoring, "explain guihua nowhere", "记录文件 不对：没有 nowhere 这个文件。"),
    (scoring, "export guihua --sql oracle", "--sql 不对：没有 oracle 这个取值。可以写：postgresql、duckdb。"),
    (scoring, "score guihua / --threads 0", "--threads 不对：不能小于 1。"),
    (scoring, "export guihua --sql duckdb --as-of 1", "--as-of 不对：1 不是日期，应写成 2026-03-03 这样。"),
]


@pytest.mark.parametrize(("program", "words", "told"), WRONG, ids=[words for _, words, _ in WRONG])
def test_a_wrong_use_is_told_in_chinese_with_how_it_is_used(program, words, told):
    answer = CliRunner().invoke(program, words.split())

    assert answer.exit_code == 2
    assert f"出错：{told}" in answer.stderr
    assert not re.search(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}", answer.stderr.split("出错：")[1])
    if "选项 --" not in told:
        assert answer.stderr.startswith("用法：")


def test_a_group_without_a_command_shows_its_help_and_a_good_use_ends_with_nought():
    assert "评分方案" in CliRunner().invoke(scoring, []).output
    assert CliRunner().invoke(osmanthus, ["ledger"]).exit_code == 2
    assert CliRunner().invoke(scoring, ["check", "guihua"]).exit_code == 0


def test_what_a_command_says_itself_is_passed_on():
    assert in_chinese("没有这样的岗位：厨师") == "没有这样的岗位：厨师"
    assert in_chinese("Invalid value: 没有这样的岗位：厨师") == "不对：没有这样的岗位：厨师"


def every_command(command, path=()):
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from every_command(below, (*path, name))


@pytest.mark.parametrize("program", [osmanthus, scoring], ids=["osmanthus", "scoring"])
def test_the_help_of_every_command_is_chinese_throughout(program):
    for path in every_command(get_command(program)):
        answer = CliRunner().invoke(program, [*path, "--help"])

        assert answer.exit_code == 0
        assert answer.output.startswith("用法：")
        assert re.search(r"--help +显示这份帮助。\n", answer.output)
        english = (
            r"Usage|Options:|Arguments|Commands?:|COMMAND|OPTIONS|env var|default:|required|<(str|int|file)|x[<>]="
        )
        assert not re.search(english, answer.output), path


def test_help_names_values_bounds_and_defaults(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    program = typer.Typer(cls=SpeakingChinese, add_completion=False)

    @program.command("count")
    def count(
        names: Annotated[list[str], typer.Argument(help="名字")],
        most: Annotated[int, typer.Option(min=1, max=64, envvar="MOST", help="最多几个")] = 8,
        strict: Annotated[bool, typer.Option("--strict")] = False,
    ) -> None:
        """数一数。"""

    @program.command("hush", hidden=True)
    def hush() -> None:
        """不列出。"""

    shown = CliRunner().invoke(program, ["count", "--help"]).output
    assert [line.split() for line in shown.splitlines() if line] == [
        ["用法：root", "count", "[选项]", "{names}..."],
        ["数一数。"],
        ["参数："],
        ["names...", "<文本>", "名字（必填）"],
        ["选项："],
        ["--most", "<整数>", "最多几个（环境变量：MOST；默认：8；1", "至", "64）"],
        ["--strict"],
        ["--help", "显示这份帮助。"],
    ]
    assert "hush" not in CliRunner().invoke(program, ["--help"]).output


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_help_fits_the_terminal_and_no_line_begins_with_a_closing_mark(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    for path in (["score"], ["fit"], []):
        shown = CliRunner().invoke(scoring, [*path, "--help"]).output.splitlines()
        described = [line for line in shown if line.startswith("  ")]
        assert max(cell_len(line) for line in described) <= max(columns, 60)
        assert not [line for line in shown if re.match(r" *[，。；：、！？）]", line)]
