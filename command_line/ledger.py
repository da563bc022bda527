"""`osmanthus ledger`: prove that nobody changed who looked at whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from backend.city_calendar import utc_now
from backend.ledger.archive import ArchiveFolder, archive_next_segment
from backend.ledger.chain import all_heads, public_key_of, seal_segment, verify_ledger
from backend.ledger.kept_heads import KeptHeads
from command_line.context import Context, open_context

app = typer.Typer(no_args_is_help=True)
console = Console()


@app.command()
def verify(
    witness: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="此前用 ledger heads 导出、由外部留存的链头文件"),
    ] = None,
) -> None:
    """重新计算每一条摘要和每一段链条，并与数据库之外留存的链头比对；有改动、删除、插入、调换或截尾时指出位置，
    并以非零状态退出。"""
    context = open_context()
    kept = KeptHeads(context.config.ledger_archive_dir)
    with context.database.reading() as session:
        verdict = verify_ledger(
            session,
            signing_key=context.config.signing_key,
            archives=_archives(context),
            witnessed=merge(
                kept.lines(), _lines(witness) if witness else (), key=lambda head: int(head["number"])
            ),
        )
    console.print(
        f"{verdict.segments} 段，已封存 {verdict.sealed_entries} 条（其中已归档 {verdict.archived_entries} 条），"
        f"待封存 {verdict.unsealed_entries} 条；链头 {verdict.head.hex()}"
    )
    for fault in verdict.faults:
        console.print(f"[red]第 {fault.segment or '—'} 段 第 {fault.entry_id or '—'} 条：{fault.what}[/red]")
    if verdict.faults:
        raise typer.Exit(1)
    if not kept.path.is_file() and not witness:
        console.print(
            f"[yellow]台账前后一致，但本机没有留存的链头（{kept.path}），看不出整段截尾。[/yellow]"
            "请用 --witness 指明外部留存的链头文件；后台任务或 ledger seal 会重新留存。"
        )
    elif witness:
        console.print("[green]台账完整，并与外部留存的链头一致。[/green]")
    else:
        console.print(
            f"[green]台账完整，并与本机留存的链头一致（{kept.path}）。[/green]"
            "用 ledger heads 导出链头交外部留存，日后以 --witness 比对，能发现连本机文件一起改写的情形。"
        )


@app.command()
def heads(
    output: Annotated[Path, typer.Argument(dir_okay=False, help="写入的文件，每行一段（JSON）")],
) -> None:
    """导出每一段的链头，交审计部门或其他外部机构留存。"""
    context = open_context()
    with context.database.reading() as session, output.open("w", encoding="utf-8") as file:
        count = 0
        for head in all_heads(session):
            file.write(head.as_line() + "\n")
            count += 1
    console.print(f"{count} 段链头已写入 {output}；验签公钥（Ed25519）{_public_key(context)}")


@app.command()
def seal() -> None:
    """立即封存尚未入链的条目（后台任务每分钟也会做一次）。"""
    context, sealed = open_context(), 0
    while True:
        with context.database.transaction() as session:
            count = seal_segment(session, signing_key=context.config.signing_key, now=utc_now())
        if not count:
            break
        sealed += count
    with context.database.reading() as session:
        KeptHeads(context.config.ledger_archive_dir).keep(session)
    console.print(f"封存 {sealed} 条。")


@app.command()
def archive() -> None:
    """把超过保存年限的段移入加密归档文件（后台任务每天也会做一次）；之后仍可核验。"""
    context, moved = open_context(), 0
    while True:
        with context.database.transaction() as session:
            number = archive_next_segment(
                session, _archives(context), jurisdiction=context.config.jurisdiction, now=utc_now()
            )
        if number is None:
            break
        moved += 1
    console.print(f"归档 {moved} 段，位于 {context.config.ledger_archive_dir}。")


def _archives(context: Context) -> ArchiveFolder:
    return ArchiveFolder(context.config.ledger_archive_dir, context.keys)


def _public_key(context: Context) -> str:
    return public_key_of(context.config.signing_key).hex()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)
