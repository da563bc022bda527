"""`osmanthus records`: take delivered files in, and work on what could not be taken in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table

from backend.background import still_to_be_decided
from backend.catalogue.service import known_categories
from backend.catalogue.templates import load_templates
from backend.city_calendar import CITY_ZONE, city_date, utc_now
from backend.deletion_requests.proofs import verify_proofs
from backend.errors import DomainError
from backend.ledger.service import Actor, record_access
from backend.records.collection import DeliveryReport, collect_file
from backend.records.deletions import recent_deletions, sweep_records, verify_deletions
from backend.records.early_warning import next_step, warnings
from backend.records.quality import DepartmentQuality, quality_by_department
from backend.records.quarantine import (
    Opening,
    ReasonCount,
    drop_row,
    export_rows,
    export_workbook,
    quarantined_rows,
    resubmit_file,
    resubmit_row,
    summarise_reasons,
)
from backend.records.service import deliveries as recent_deliveries
from backend.records.service import records_known_on
from backend.subjects.service import find_subject, masked_identifier, masked_name
from command_line.context import open_context

app = typer.Typer(no_args_is_help=True)
quarantine = typer.Typer(no_args_is_help=True)
app.add_typer(quarantine, name="quarantine", help="待处理区：查看、导出、更正后重新提交")
deletions = typer.Typer(no_args_is_help=True)
app.add_typer(deletions, name="deletions", help="期满删除的凭证：列出、核验")
console = Console()

STATE_NAMES = {"receiving": "未完成", "done": "已完成", "failed": "中断"}
RECORD_STATE_NAMES = {
    "active": "有效",
    "disputed": "异议中",
    "repaired": "已修复",
    "revoked": "已撤销",
    "expired": "已到期",
}
_TOP_REASONS = 8
_BY = "命令行"


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="报送文件：CSV、XLSX 或 JSON", exists=True, dir_okay=False)],
    template: Annotated[str | None, typer.Option(help="模板代码；不填则按表头识别")] = None,
    department: Annotated[str | None, typer.Option(help="报送单位；不填则取文件中写明的单位")] = None,
) -> None:
    """归集报送文件。同一文件再次导入不会改变任何数据；中断后用同一命令继续。"""
    context = open_context()
    reports: list[DeliveryReport] = []
    failed = False
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        for path in files:
            task = progress.add_task(path.name, total=path.stat().st_size)
            try:
                report = collect_file(
                    context.database,
                    context.intake,
                    path,
                    template=template,
                    source_department=department,
                    now=utc_now(),
                    progress=lambda done, total, task=task: progress.update(  # type: ignore[misc]
                        task, completed=done, total=total
                    ),
                )
            except DomainError as refusal:
                failed = True
                progress.console.print(f"[red]{path.name}：{refusal.detail}[/red]")
                continue
            progress.update(task, completed=path.stat().st_size)
            reports.append(report)
            if report.left_out_sheets:
                progress.console.print(
                    f"[yellow]{path.name}：工作表{'、'.join(report.left_out_sheets)}没有模板的表头，没有读取。[/yellow]"
                )
            if report.already_taken_in:
                progress.console.print(f"{path.name}：以前已归集过，本次没有改变任何数据。")
            elif report.resumed_after:
                progress.console.print(
                    f"{path.name}：从上次中断处（已归集 {report.resumed_after:,} 行）继续完成。"
                )
    if reports:
        console.print(_reports_table(reports))
        with context.database.reading() as session:
            reasons = [
                reason
                for report in reports
                if report.quarantined
                for reason in summarise_reasons(session, delivery_id=report.delivery_id)
            ]
        _show_reasons(_merged(reasons))
    if failed:
        raise typer.Exit(1)


@app.command()
def deliveries(limit: Annotated[int, typer.Option(help="显示几个批次")] = 20) -> None:
    """最近的批次。"""
    context = open_context()
    table = Table("接收时间", "文件", "报送单位", "模板", "状态", *_COUNT_HEADINGS)
    names = load_templates()
    with context.database.reading() as session:
        for delivery in recent_deliveries(session, limit=limit):
            table.add_row(
                f"{delivery.received_at.astimezone(CITY_ZONE):%Y-%m-%d %H:%M}",
                delivery.filename,
                delivery.source_department,
                names[delivery.template].name,
                STATE_NAMES[delivery.state],
                *_counts(delivery),
            )
    console.print(table if table.row_count else "还没有批次。用 osmanthus records import 文件… 开始归集。")


@app.command()
def known(
    subject: Annotated[str, typer.Argument(help="主体编号，或身份证号、统一社会信用代码、旧代码")],
    on: Annotated[datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="哪一天（到当天 24 时为止）")],
    reason: Annotated[str, typer.Option(help="查看事由，记入台账并告知本人")],
) -> None:
    """某一天，本市掌握一个主体的哪些记录、当时是什么内容。"""
    context, now = open_context(), utc_now()
    table = Table("记录", "类别", "事项", "发生日期", "等次", "当时版本", "当时状态", "由谁", "为何")
    try:
        with context.database.transaction() as session:
            found = find_subject(session, keys=context.keys, text=subject)
            categories = known_categories(session, city_date(now))
            items = records_known_on(session, found.id, on.date())
            record_access(
                session,
                subject_id=found.id,
                actor=Actor(kind="officer", id="command_line", name=f"信用办（{_BY}）"),
                action="record_viewed",
                basis="依职责核查信用记录的历史版本",
                purpose=reason,
                detail={"on": str(on.date()), "records": len(items)},
                channel="command_line",
                now=now,
            )
            who = f"{masked_name(context.keys, found)}（{masked_identifier(context.keys, found)}）"
            for item in items:
                category = categories[item.category]
                table.add_row(
                    str(item.record_id),
                    category.name,
                    item.facts["title"],
                    item.facts["event_on"],
                    category.level_name(item.facts["level"]) or "",
                    str(item.version.version),
                    RECORD_STATE_NAMES[item.version.state],
                    item.version.changed_by,
                    item.version.reason,
                )
    except DomainError as refusal:
        console.print(f"[red]{refusal.detail}[/red]")
        raise typer.Exit(1) from None
    console.print(f"{who}，{on.date()} 当天掌握 {len(items)} 条记录")
    if items:
        console.print(table)


@app.command()
def sweep() -> None:
    """立即把保留期限已满的记录停止使用，把应当删除的内容删除并留下凭证（后台任务每天也会做一次）。"""
    context = open_context()
    swept = sweep_records(context.database, now=utc_now(), held_back=still_to_be_decided)
    console.print(
        f"停止使用 {swept.expired} 条，删除内容 {swept.deleted} 条"
        + (f"；另有 {swept.held_back} 条正在异议核查或申请修复，办结后再删除" if swept.held_back else "")
    )


@deletions.command("list")
def list_deletions(limit: Annotated[int, typer.Option(help="显示几份凭证")] = 20) -> None:
    """最近的删除凭证：删除了什么类别、何时、依据什么；凭证不含被删除的内容。"""
    context = open_context()
    table = Table("凭证", "类别", "入库", "保留至", "删除时间", "版本数", "内容摘要", "依据")
    with context.database.reading() as session:
        for proof in recent_deletions(session, limit=limit):
            table.add_row(
                str(proof.number),
                proof.category,
                f"{proof.delivered_at.astimezone(CITY_ZONE):%Y-%m-%d}",
                str(proof.kept_until),
                f"{proof.deleted_at.astimezone(CITY_ZONE):%Y-%m-%d %H:%M}",
                str(proof.versions),
                proof.content_digest.hex()[:16],
                proof.basis,
            )
    console.print(table if table.row_count else "还没有因期满而删除的记录。")


@deletions.command("verify")
def verify_all_deletions() -> None:
    """重新计算全部删除凭证；有改动、缺失、调换，或所称已删除的内容仍在库中时指出，并以非零状态退出。"""
    context = open_context()
    with context.database.reading() as session:
        verdicts = {"记录": verify_deletions(session), "删除申请": verify_proofs(session)}
    for chain, verdict in verdicts.items():
        console.print(f"{chain}：{verdict.proofs} 份凭证；链头 {verdict.head.hex()}")
        for fault in verdict.faults:
            console.print(f"[red]{chain}第 {fault.number} 份：{fault.what}[/red]")
    if any(verdict.faults for verdict in verdicts.values()):
        raise typer.Exit(1)
    console.print("[green]删除凭证完整。[/green] 请把链头抄送审计部门留存，以便日后比对。")


@app.command()
def quality() -> None:
    """各数源单位的报送质量：及时、准确、完整、差错原因，以及数据预警。"""
    context = open_context()
    department = Column("数源单位", overflow="fold", min_width=14)
    table = Table(department, "报送行数", "准确率", "待处理", "及时率", "完整率", "最多的差错")
    with context.database.reading() as session:
        for item in quality_by_department(session):
            table.add_row(*_quality_cells(item))
        lasting = warnings(session, lasting=True)
    console.print(table if table.row_count else "还没有批次。")
    for warning in lasting:
        seen = "" if warning.state == "open" else f"（{warning.acknowledged_by}已确认：{warning.note}）"
        told = f"{warning.message}{next_step(warning.kind, 'office')}{seen}"
        console.print(f"[yellow]预警[/yellow] {warning.source_department}：{told}")


@quarantine.command("list")
def list_rows(
    reason: Annotated[str | None, typer.Option(help="只看某一原因代码")] = None,
    delivery: Annotated[UUID | None, typer.Option(help="只看某一批次")] = None,
    template: Annotated[str | None, typer.Option(help="只看某一模板")] = None,
    department: Annotated[str | None, typer.Option(help="只看某一报送单位")] = None,
    limit: Annotated[int, typer.Option(help="显示几行")] = 20,
) -> None:
    """列出待处理的行和原因（号码和姓名已遮盖）。"""
    context = open_context()
    with context.database.reading() as session:
        reasons = summarise_reasons(session, delivery_id=delivery, template=template, source_department=department)
        rows = quarantined_rows(
            session,
            code=reason,
            delivery_id=delivery,
            template=template,
            source_department=department,
            limit=limit,
        )
    if not rows:
        console.print("待处理区没有符合条件的行。")
        return
    table = Table("编号", "文件", "行号", "问题")
    for row, origin in rows:
        problems = "\n".join(f"[bold]{item['column']}[/bold] {item['message']}".strip() for item in row.reasons)
        table.add_row(str(row.id), origin.filename, str(row.row_number), problems)
    console.print(table)
    _show_reasons(reasons)


@quarantine.command()
def export(
    out: Annotated[Path, typer.Argument(help="写入哪个 CSV 文件")],
    reason: Annotated[str | None, typer.Option(help="只导出某一原因代码")] = None,
    delivery: Annotated[UUID | None, typer.Option(help="只导出某一批次")] = None,
    template: Annotated[str | None, typer.Option(help="只导出某一模板")] = None,
    department: Annotated[str | None, typer.Option(help="只导出某一报送单位")] = None,
    open_because: Annotated[
        str | None, typer.Option(help="导出完整号码和姓名的理由；写入台账，本人可以看到")
    ] = None,
    officer: Annotated[str | None, typer.Option(help="查看完整号码的工作人员姓名")] = None,
) -> None:
    """导出待处理的行供更正。默认遮盖号码和姓名；没有改动的遮盖单元格，重新提交时按原值处理。"""
    if (open_because is None) != (officer is None):
        raise typer.BadParameter("导出完整号码须同时给出 --open-because 和 --officer")
    context, now = open_context(), utc_now()
    opening = Opening(Actor("officer", officer, officer), open_because) if open_because and officer else None
    try:
        # An opened export writes the ledger, so it is a transaction; the file is complete only when it commits.
        with context.database.transaction() as session:
            options = {
                "code": reason,
                "delivery_id": delivery,
                "template": template,
                "source_department": department,
                "opening": opening,
                "now": now,
            }
            if out.suffix.lower() == ".xlsx":
                export_workbook(session, context.keys, out, **options)
            else:
                with out.open("w", encoding="utf-8", newline="") as file:
                    file.writelines(export_rows(session, context.keys, **options))  # type: ignore[arg-type]
    except DomainError as refusal:
        _refuse(refusal)
    console.print(f"已导出到 {out}。更正后运行：osmanthus records quarantine resubmit {out}")


@quarantine.command()
def resubmit(
    file: Annotated[Path | None, typer.Argument(help="更正后的导出文件", exists=True, dir_okay=False)] = None,
    row: Annotated[int | None, typer.Option(help="只重新提交这一行（待处理编号）")] = None,
    correct: Annotated[
        list[str] | None, typer.Option("--set", help="更正一个单元格：列名=内容；可多次给出")
    ] = None,
) -> None:
    """重新提交：整个更正后的导出文件，或用 --row 和 --set 更正一行。"""
    if (file is None) == (row is None):
        raise typer.BadParameter("给出更正后的文件，或用 --row 指明一行")
    context = open_context()
    try:
        if file is not None:
            result = resubmit_file(context.database, context.intake, file, now=utc_now(), by=_BY)
            if result.already_resolved:
                console.print(f"{result.already_resolved:,} 行以前已处理过，本次没有改变。")
            if result.reports:
                console.print(_reports_table(result.reports))
            return
        corrections = dict(_pair(text) for text in correct or [])
        with context.database.transaction() as session:
            single = resubmit_row(session, context.intake, row or 0, corrections, now=utc_now(), by=_BY)
    except DomainError as refusal:
        _refuse(refusal)
    if single.outcome == "quarantined":
        console.print("[yellow]这一行仍有问题，没有改变：[/yellow]")
        for item in single.reasons:
            console.print(f"  [bold]{item['column']}[/bold] {item['message']}")
        raise typer.Exit(1)
    console.print(
        {"accepted": "已入库。", "corrected": "已入库，原记录产生新版本。", "duplicate": "与已有记录相同。"}[
            single.outcome
        ]
    )


@quarantine.command()
def drop(
    row: Annotated[int, typer.Argument(help="待处理编号")],
    reason: Annotated[str, typer.Option(help="不再处理的理由")],
) -> None:
    """不再处理一行，并记录理由；内容仍然保留，依法不得保存的（如未满 14 周岁）除外，随即销毁。"""
    context = open_context()
    try:
        with context.database.transaction() as session:
            drop_row(session, context.keys, row, reason=reason, now=utc_now(), by=_BY)
    except DomainError as refusal:
        _refuse(refusal)
    console.print("已标记为不再处理。")


_COUNT_HEADINGS = ("报送", "入库", "重复", "更正", "待处理")


def _counts(counted: object) -> list[str]:
    names = ("delivered", "accepted", "duplicate", "corrected", "quarantined")
    return [f"{getattr(counted, name):,}" for name in names]


def _reports_table(reports: list[DeliveryReport]) -> Table:
    table = Table("文件", "报送单位", "模板", title="归集结果", title_justify="left", show_footer=len(reports) > 1)
    for heading in _COUNT_HEADINGS:
        table.add_column(heading, justify="right")
    for report in reports:
        table.add_row(report.filename, report.source_department, report.template_name, *_counts(report))
    table.columns[0].footer = "合计"
    for place, name in enumerate(("delivered", "accepted", "duplicate", "corrected", "quarantined"), start=3):
        table.columns[place].footer = f"{sum(getattr(report, name) for report in reports):,}"
    return table


def _merged(reasons: list[ReasonCount]) -> list[ReasonCount]:
    merged: dict[tuple[str, str], ReasonCount] = {}
    for reason in reasons:
        key = (reason.code, reason.column)
        count = reason.count + (merged[key].count if key in merged else 0)
        merged[key] = ReasonCount(reason.code, reason.column, reason.message, count)
    return sorted(merged.values(), key=lambda reason: -reason.count)


def _show_reasons(reasons: list[ReasonCount]) -> None:
    if not reasons:
        return
    table = Table("处数", "列", "原因代码", "例如", title="待处理的主要原因", title_justify="left")
    for reason in reasons[:_TOP_REASONS]:
        table.add_row(f"{reason.count:,}", reason.column, reason.code, reason.message)
    console.print(table)
    console.print(
        "接下来：osmanthus records quarantine list 查看，export 导出更正，resubmit 重新提交。已入库的行不受影响。"
    )


def _quality_cells(item: DepartmentQuality) -> list[str]:
    quality = item.quality
    worst = quality.causes[0] if quality.causes else None
    return [
        item.source_department,
        f"{quality.delivered:,}",
        _percent(quality.accuracy),
        f"{quality.quarantined:,}",
        _percent(quality.timeliness),
        _percent(quality.completeness),
        f"{worst.column} {worst.code}（{worst.count:,}）" if worst else "",
    ]


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.1%}"


def _pair(text: str) -> tuple[str, str]:
    heading, separator, cell = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"“{text}”应写成 列名=内容")
    return heading.strip(), cell


def _refuse(refusal: DomainError) -> None:
    console.print(f"[red]{refusal.detail}[/red]")
    raise typer.Exit(1)
