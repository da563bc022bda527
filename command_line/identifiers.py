"""`osmanthus identifiers`: is this number right, and if not, what is wrong with it?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

import orjson
import typer

from backend.city_calendar import city_date, utc_now
from backend.identifiers import IdentifierCheck, check
from backend.identifiers.findings import KIND_NAMES

_ANSWERED_AT_ONCE = 2_000

app = typer.Typer(help="证件号码和代码：检查、规范化", no_args_is_help=True)


@app.callback()
def identifiers() -> None:
    """证件号码和代码：检查、规范化"""


@app.command("check")
def check_file(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="每行一个号码的文本文件，或 - 表示标准输入")],
    as_json: Annotated[bool, typer.Option("--json", help="每行输出一个 JSON 对象")] = False,
) -> None:
    """逐行检查公民身份号码、统一社会信用代码、工商注册号、组织机构代码；每行输入对应一行结果。"""
    today = city_date(utc_now())
    answered = _json_line if as_json else _sentence
    with _lines(file) as lines:
        for chunk in _chunks(lines):
            typer.echo("".join(answered(check(line.rstrip("\r\n"), today=today)) for line in chunk), nl=False)


def _chunks(lines: TextIO) -> Iterator[list[str]]:
    """A terminal is answered line by line; files and pipes in pieces, which a million lines need."""
    at_once = 1 if lines.isatty() else _ANSWERED_AT_ONCE
    while chunk := list(islice(lines, at_once)):
        yield chunk


def _json_line(outcome: IdentifierCheck) -> str:
    return orjson.dumps(outcome.as_json()).decode() + "\n"


def _sentence(outcome: IdentifierCheck) -> str:
    kind = KIND_NAMES[outcome.kind] if outcome.kind else "无法识别"
    verdict = "；".join(["正确", *outcome.warnings]) if outcome.valid else f"错误：{outcome.reason}"
    return f"{outcome.normalised or outcome.input}\t{kind}\t{verdict}\n"


@contextmanager
def _lines(file: str) -> Iterator[TextIO]:
    if file == "-":
        if isinstance(sys.stdin, TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")
        yield sys.stdin
        return
    try:
        with Path(file).open(encoding="utf-8-sig", errors="replace") as opened:
            yield opened
    except OSError as error:
        typer.echo(f"读不了 {file}：{error}", err=True)
        raise typer.Exit(2) from None
