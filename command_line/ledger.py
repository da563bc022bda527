"""`osmanthus ledger`: prove that nobody changed who looked at whom."""

from __future__ import annotations

import typer
from rich.console import Console

from backend.city_calendar import utc_now
from backend.ledger.service import seal_segment, verify_ledger
from command_line.context import open_context

app = typer.Typer(no_args_is_help=True)
console = Console()


@app.command()
def verify() -> None:
    """重新计算每一条摘要和每一段链条；有改动、删除、插入或调换时指出位置，并以非零状态退出。"""
    context = open_context()
    with context.database.reading() as session:
        verdict = verify_ledger(session, signing_key=context.config.signing_key)
    console.print(
        f"{verdict.segments} 段，已封存 {verdict.sealed_entries} 条，待封存 {verdict.unsealed_entries} 条；"
        f"链头 {verdict.head.hex()}"
    )
    for fault in verdict.faults:
        console.print(f"[red]第 {fault.segment or '—'} 段 第 {fault.entry_id or '—'} 条：{fault.what}[/red]")
    if verdict.faults:
        raise typer.Exit(1)
    console.print("[green]台账完整。[/green] 请把链头抄送审计部门留存，以便日后比对。")


@app.command()
def seal() -> None:
    """立即封存尚未入链的条目（后台任务每分钟也会做一次）。"""
    context, now = open_context(), utc_now()
    with context.database.transaction() as session:
        sealed = seal_segment(session, signing_key=context.config.signing_key, now=now)
    console.print(f"封存 {sealed} 条。")
