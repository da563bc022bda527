"""`osmanthus scores`: adopt a policy, run it over the city, explain one score."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.bar import Bar
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from backend.background import build_worker
from backend.city_calendar import city_date, utc_now
from backend.errors import DomainError
from backend.jobs.service import get_job, requeue_stale_jobs
from backend.scores.explanation import ScoreExplanation, explain_current_score
from backend.scores.models import ScoreRun
from backend.scores.policies import adopt_policy, policy_in_force, policy_of, read_policy
from backend.scores.runs import get_run, list_runs, request_run
from backend.scores.simulation import PolicySimulation, simulate_policy
from backend.scores.training import training_table
from backend.subjects.service import find_by_identifier, get_subject, masked_identifier, masked_name
from command_line.context import Context, open_context
from scoring.explain import format_points
from scoring.model.directions import DOWN, UP
from scoring.model.errors import ModelError
from scoring.model.policy_part import outcome_directions

app = typer.Typer(no_args_is_help=True)
console = Console()
KIND_NAMES = {"person": "自然人", "enterprise": "企业"}
STATE_NAMES = {
    "running": "计算中",
    "staged": "待发布",
    "published": "已发布",
    "superseded": "已被替代",
    "failed": "失败",
}


@app.command()
def adopt(
    policy: Annotated[str, typer.Argument(help="随附方案名（如 guihua、enterprise）或 YAML 文件路径")],
) -> None:
    """采用一个评分方案，自其生效日起用于评分；重复采用同一文件不会改变什么。"""
    context, now = open_context(), utc_now()
    try:
        loaded = read_policy(policy)
        with context.database.transaction() as session:
            version = adopt_policy(session, loaded, adopted_by="命令行", now=now, on=city_date(now))
    except DomainError as refusal:
        _refuse(refusal)
    console.print(
        f"已采用 {version.name} {version.version}（{KIND_NAMES[version.subject_kind]}），"
        f"{version.effective_from} 起生效"
    )


@app.command()
def run(
    kind: Annotated[str, typer.Option(help="person、enterprise 或 all")] = "all",
) -> None:
    """对全市评分并发布；中途失败或中断时，已发布的分数保持不变。"""
    context = open_context()
    kinds = list(KIND_NAMES) if kind == "all" else [kind]
    for subject_kind in kinds:
        if subject_kind not in KIND_NAMES:
            raise typer.BadParameter("只能是 person、enterprise 或 all")
        show_run(run_to_end(context, subject_kind))


@app.command()
def runs(limit: int = 10) -> None:
    """最近的评分运行。"""
    context = open_context()
    table = Table("对象", "状态", "截止日", "开始", "人数", "说明")
    with context.database.reading() as session:
        for item in list_runs(session, limit=limit):
            table.add_row(
                KIND_NAMES[item.subject_kind],
                STATE_NAMES[item.state],
                str(item.as_of),
                f"{item.started_at:%Y-%m-%d %H:%M}",
                f"{item.subjects_done}/{item.subjects_total}",
                item.error or "",
            )
    console.print(table if table.row_count else "还没有评分运行。用 osmanthus scores run 开始第一次。")


@app.command("simulate")
def simulate_command(
    policy: Annotated[str, typer.Argument(help="调整后的方案：YAML 文件路径，或随附方案名")],
) -> None:
    """调整后的方案会怎样改变全市的分数：与已发布的评分比较，不改变任何人的分数。"""
    context, now = open_context(), utc_now()
    try:
        with context.database.reading() as session:
            simulated = simulate_policy(
                session,
                read_policy(policy),
                data_dir=context.config.data_dir,
                on=city_date(now),
                threads=os.cpu_count() or 1,
            )
            show_simulation(simulated)
    except DomainError as refusal:
        _refuse(refusal)


@app.command("training-table")
def training_table_command(
    out: Annotated[Path, typer.Option("--out", help="写成的表（.parquet 或 .csv）。")],
    as_of: Annotated[list[datetime], typer.Option("--as-of", formats=["%Y-%m-%d"], help="基准日，可写多个。")],
    kind: Annotated[str, typer.Option(help="person 或 enterprise")] = "person",
    breach: Annotated[
        list[str] | None, typer.Option("--breach", help="哪些类别算结果；默认全部失信类别。")
    ] = None,
    minimum_level: Annotated[int, typer.Option(help="低于这一等次的不算。")] = 0,
    known_within_days: Annotated[
        int | None,
        typer.Option(help="历史数据一次接收的，视为事件后多少天已知；默认以实际送达为准。"),
    ] = None,
    directions: Annotated[Path | None, typer.Option("--directions", help="同时写出与方案一致的方向文件。")] = None,
) -> None:
    """从本市已存的记录造训练表，供 python -m scoring fit 学习模型分项；表中主体另行编号。"""
    context = open_context()
    today = city_date(utc_now())
    try:
        with context.database.reading() as session:
            table = training_table(
                session,
                subject_kind=kind,
                as_of_days=[day.date() for day in as_of],
                taken_on=today,
                categories=breach or (),
                minimum_level=minimum_level,
                known_within_days=known_within_days,
            )
            policy, _ = policy_of(session, policy_in_force(session, kind, today).hash)
    except (DomainError, ModelError) as error:
        _refuse(error)
    if out.suffix == ".parquet":
        table.write_parquet(out)
    else:
        table.write_csv(out)
    if directions is not None:
        words = {UP: "up", DOWN: "down"}
        lines = [f"{code}: {words[way]}" for code, way in outcome_directions(policy).items() if way in words]
        directions.write_text("\n".join(lines) + "\n", encoding="utf-8")
    console.print(f"已写入 {out}：{table.height:,} 行，其中结果发生 {int(table['y'].sum()):,} 行")


@app.command()
def explain(
    subject: Annotated[str, typer.Argument(help="主体编号，或身份证号、统一社会信用代码")],
) -> None:
    """一个主体的得分由哪些部分相加而来，每一部分依据哪些记录。"""
    context = open_context()
    try:
        with context.database.reading() as session:
            found = (
                get_subject(session, int(subject))
                if subject.isdecimal() and len(subject) < 15
                else find_by_identifier(session, keys=context.keys, identifier=subject)
            )
            explanation = explain_current_score(session, found.id)
            who = f"{masked_name(context.keys, found)}（{masked_identifier(context.keys, found)}）"
    except DomainError as error:
        _refuse(error)
    show_explanation(who, explanation)


def run_to_end(context: Context, subject_kind: str) -> ScoreRun:
    """Request a run and see it through, whoever computes it: a worker that is already there, or this process."""
    now = utc_now()
    with context.database.transaction() as session:
        requested = request_run(
            session, subject_kind=subject_kind, as_of=city_date(now), started_by="命令行", now=now
        )
    worker = build_worker(context.config, context.database, clock=utc_now)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    ) as bars:
        bar = bars.add_task(f"{KIND_NAMES[subject_kind]}评分", total=None)
        while True:
            with context.database.transaction() as session:
                requeue_stale_jobs(session, now=utc_now())
            worked = worker.run_next_job()
            with context.database.reading() as session:
                state = get_job(session, requested.job_id).state
                current = get_run(session, requested.id)
            bars.update(bar, completed=current.subjects_done, total=current.subjects_total or None)
            if state in {"done", "failed"}:
                return current
            if not worked:
                time.sleep(0.5)


def show_run(finished: ScoreRun) -> None:
    """Distribution and coverage, or why it failed."""
    if finished.state == "failed" or finished.summary is None:
        console.print(f"[red]评分运行失败：{finished.error}[/red] 已发布的分数保持不变。")
        raise typer.Exit(1)
    summary = finished.summary
    console.print(
        f"[bold]{KIND_NAMES[finished.subject_kind]}[/bold] 已发布，截至 {finished.as_of}："
        f"评分 {summary['scored']:,} 个主体，均值 {_points(summary['mean'])}，中位数 {_points(summary['median'])}"
    )
    largest = max([grade["count"] for grade in summary["grades"]] + [1])
    grades = Table("等级", "起点分", "主体数", "占比", "", title="等级分布", title_justify="left")
    for grade in summary["grades"]:
        share = grade["count"] / max(1, summary["scored"])
        grades.add_row(
            grade["name"],
            _points(grade["minimum"]),
            f"{grade['count']:,}",
            f"{share:.1%}",
            Bar(largest, 0, grade["count"], width=30, color="yellow"),
        )
    console.print(grades)


def show_simulation(simulated: PolicySimulation) -> None:
    """Distribution before and after, who goes from which grade to which, and the effect on each group."""
    before, after, told = simulated.before, simulated.after, simulated.told
    console.print(
        f"{before.name} {before.version} → {after.name} {after.version}，"
        f"比较 {len(told.after.subject):,} 个主体，截至 {simulated.run.as_of}"
    )
    if told.read_again:
        names = {indicator.code: indicator.name for indicator in (*before.indicators, *after.indicators)}
        read = "、".join(names.get(code, code) for code in told.read_again)
        console.print(f"口径有变，已从现有记录重新计算：{read}")
    spread = Table("", "平均", *[f"{tenth}0%" for tenth in range(1, 10)], title="分数分布", title_justify="left")
    for name, found in (("现行", told.distribution_before), ("调整后", told.distribution_after)):
        spread.add_row(name, _points(found.mean), *[_points(decile) for decile in found.deciles])
    console.print(spread)
    console.print(f"上升 {told.raised:,} 个主体，下降 {told.lowered:,} 个主体")
    moves = Table("现行＼调整后", *[grade.name for grade in after.grades], title="等级迁移", title_justify="left")
    for grade, row in zip(before.grades, told.migration, strict=True):
        moves.add_row(grade.name, *[f"{count:,}" for count in row])
    console.print(moves)
    groups = Table(
        "分组", "", "主体数", "现行平均", "调整后平均", "上升", "下降", title="分组影响", title_justify="left"
    )
    for effect in told.groups:
        groups.add_row(
            effect.group,
            effect.label,
            f"{effect.subjects:,}",
            _points(effect.mean_before),
            _points(effect.mean_after),
            f"{effect.raised:,}",
            f"{effect.lowered:,}",
        )
    console.print(groups)


def show_explanation(who: str, explanation: ScoreExplanation) -> None:
    score, policy = explanation.score, explanation.policy
    console.print(f"[bold]{who}[/bold]  {policy.name} {policy.version}  截至 {score.as_of}")
    table = Table("维度", "指标", "分值", "原因", "记录", show_footer=True)
    table.add_row("", "基础分", _points(policy.base), "", "")
    for item in explanation.contributions:
        table.add_row(
            item.dimension_name,
            item.name,
            format_points(item.points),
            item.reason,
            "\n".join(
                f"#{part.id} {format_points(part.points)}"
                + (f"（{part.counts_until} 前有效）" if part.counts_until else "")
                for part in item.records
            ),
        )
    table.columns[1].footer = "合计"
    table.columns[2].footer = _points(policy.base + sum(item.points for item in explanation.contributions))
    console.print(table)
    console.print(f"得分 [bold]{_points(score.total)}[/bold]，等级 {explanation.grade.name}")
    if explanation.pending:
        console.print("[yellow]数据刚有变化，正在重新计算，几秒后再看。[/yellow]")
    for hint in explanation.advice:
        console.print(f"  · {hint.sentence}")


def _refuse(error: DomainError | ModelError) -> NoReturn:
    console.print(str(error), style="red", markup=False, highlight=False)
    raise typer.Exit(1)


def _points(hundredths: int | None) -> str:
    return "—" if hundredths is None else f"{hundredths / 100:.2f}"
