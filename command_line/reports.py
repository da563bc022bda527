"""`osmanthus reports`: issue a signed credit report, and verify a file."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console

from backend.city_calendar import utc_now
from backend.errors import DomainError
from backend.ledger.service import Actor
from backend.reports.models import Stationery
from backend.reports.press import press_of
from backend.reports.service import Reader, issue_report
from backend.reports.signing import examine_signature
from backend.reports.verification import verify_file
from backend.subjects.service import find_by_identifier
from command_line.context import open_context

app = typer.Typer(no_args_is_help=True)
console = Console()

_EXIT_CODES = {"valid": 0, "superseded": 3, "forged": 1}


@app.command()
def issue(
    subject: Annotated[str, typer.Argument(help="公民身份号码或统一社会信用代码")],
    reason: Annotated[str, typer.Option(help="出具事由，记入台账，本人可以看到")],
    out: Annotated[Path, typer.Option(help="写到哪个文件")] = Path("report.pdf"),
    stationery: Annotated[str, typer.Option(help="with_score 或 without_score")] = "without_score",
    masked: Annotated[bool, typer.Option("--masked", help="隐去部分姓名和号码")] = False,
) -> None:
    """出具一份带电子签名的信用报告；记入台账。"""
    if stationery not in get_args(Stationery):
        raise typer.BadParameter("只能是 with_score 或 without_score")
    if not reason.strip():
        raise typer.BadParameter("请写明事由")
    context, now = open_context(), utc_now()
    try:
        with context.database.transaction() as session:
            found = find_by_identifier(session, keys=context.keys, identifier=subject)
            report = issue_report(
                session,
                press_of(context.config),
                context.keys,
                subject_id=found.id,
                stationery=stationery,  # type: ignore[arg-type]
                masked=masked and found.kind == "person",
                issued_by="命令行",
                now=now,
                reader=Reader(
                    actor=Actor(kind="system", id="command_line", name="系统管理员（命令行）"),
                    basis="依职责出具",
                    purpose=reason.strip(),
                    channel="command_line",
                ),
            )
            assert report.sealed_file is not None  # noqa: S101 - it was printed just now
            file = context.keys.open_bytes(report.sealed_file)
    except DomainError as error:
        console.print(f"[red]{error.detail}[/red]")
        raise typer.Exit(1) from None
    out.touch(mode=0o600)
    out.write_bytes(file)
    console.print(
        f"已出具 {report.number}（{report.pages} 页，{report.valid_to} 前有效），校验码 "
        f"{report.check_code[:4]}-{report.check_code[4:]}\n已写出 {out}"
    )


@app.command()
def verify(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="要核验的 PDF")]) -> None:
    """核验一份文件：有效（退出码 0）、已被取代（3）、不是本机构出具或被改动（1）。"""
    context, now = open_context(), utc_now()
    content = file.read_bytes()
    with context.database.reading() as session:
        found = verify_file(session, context.keys, file_sha256=sha256(content).hexdigest(), now=now)
    console.print(found.sentence)
    if context.config.report_certificate is not None:
        signature = examine_signature(content, context.config.report_certificate, now=now)
        told = (
            f"电子签名完好，签名时间 {signature.signed_at:%Y-%m-%d %H:%M} UTC"
            if signature.whole
            else (f"电子签名：{signature.fault}")
        )
        console.print(told)
    raise typer.Exit(_EXIT_CODES[found.verdict])
