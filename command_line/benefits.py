"""`osmanthus benefits`: taking schemes in, approving them by a second person, and who offers them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from backend.benefits.schemes import (
    all_versions,
    approve_scheme,
    enrol_provider,
    get_version,
    import_scheme,
    install_shipped_schemes,
    provider_names,
    simulate_scheme,
    submit_scheme,
)
from backend.city_calendar import utc_now
from backend.partners.service import find_partner
from command_line.context import open_context
from command_line.partners import told_refusals

app = typer.Typer(no_args_is_help=True)
console = Console()

SchemeCode = Annotated[str, typer.Option("--scheme", help="方案代码")]
Version = Annotated[int, typer.Option(help="版本号")]


@app.callback()
def benefits() -> None:
    """信易+ 权益方案。"""


@app.command()
def install(
    drafted_by: Annotated[str, typer.Option(help="拟定人")],
    approved_by: Annotated[str, typer.Option(help="复核人，须为另一人")],
) -> None:
    """装入随产品提供的方案；已有的不变。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        fresh = install_shipped_schemes(session, drafted_by=drafted_by, approved_by=approved_by, now=utc_now())
    console.print(f"新装入 {fresh} 个方案。")


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="方案文件（JSON）")],
    drafted_by: Annotated[str, typer.Option(help="拟定人")],
) -> None:
    """导入方案，成为草稿；同一文件再次导入不会有变化。"""
    context = open_context()
    for path in files:
        try:
            content = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            console.print(f"[red]{path.name} 不是完整的 JSON：{error}[/red]")
            raise typer.Exit(1) from None
        with told_refusals(), context.database.transaction() as session:
            for document in content if isinstance(content, list) else [content]:
                scheme = import_scheme(session, document, drafted_by=drafted_by, now=utc_now())
                console.print(f"{path.name}：{scheme.code} 第 {scheme.version} 版，{_state(scheme.state)}")


@app.command()
def simulate(scheme: SchemeCode, version: Version) -> None:
    """测算一个草稿的影响：谁会得到、谁会失去，按区县和等级。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        found = simulate_scheme(session, code=scheme, version=version, now=utc_now()).simulation
    assert found is not None  # noqa: S101 - it was just worked out
    versus = f"与现行第 {found['compared_with']} 版相比" if found["compared_with"] else "新方案"
    table = Table("范围", "人数（家数）", "原来符合", "之后符合", "新增", "失去", title=versus)
    for shift in [found["total"], *found["by_district"], *found["by_grade"]]:
        table.add_row(*(str(shift[part]) for part in ("group", "size", "before", "after", "gained", "lost")))
    console.print(table)


@app.command()
def submit(
    scheme: SchemeCode, version: Version, submitted_by: Annotated[str, typer.Option(help="提交人")]
) -> None:
    """把测算过的方案提交复核。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        submit_scheme(session, code=scheme, version=version, submitted_by=submitted_by, now=utc_now())
    console.print("已提交，请另一位工作人员复核。")


@app.command()
def approve(
    scheme: SchemeCode, version: Version, approved_by: Annotated[str, typer.Option(help="复核人，不能是拟定人")]
) -> None:
    """批准一个已提交复核的方案，自方案写明的日期起生效。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        approved = approve_scheme(session, code=scheme, version=version, approved_by=approved_by, now=utc_now())
    console.print(f"已批准 {approved.name}，自 {approved.effective_from} 起生效。")


@app.command("list")
def list_schemes() -> None:
    """列出所有方案的所有版本。"""
    context = open_context()
    table = Table("场景", "代码", "版本", "名称", "状态", "生效", "参加的合作商户")
    with context.database.reading() as session:
        versions = all_versions(session)
        names = provider_names(session, {scheme.code for scheme in versions})
        for scheme in versions:
            table.add_row(
                scheme.document["scene"]["name"],
                scheme.code,
                str(scheme.version),
                scheme.name,
                _state(scheme.state),
                f"{scheme.effective_from} 至 {scheme.effective_to or '长期'}",
                "、".join(names[scheme.code]),
            )
    console.print(table)


@app.command()
def export(scheme: SchemeCode, version: Version) -> None:
    """打印方案文件（JSON），可修改版本号后再导入。"""
    context = open_context()
    with told_refusals(), context.database.reading() as session:
        document = get_version(session, code=scheme, version=version).document
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


@app.command()
def enrol(scheme: SchemeCode, partner: Annotated[str, typer.Option("--partner", help="合作商户代码")]) -> None:
    """让一个合作商户参加一个方案。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        enrol_provider(session, scheme_code=scheme, partner=find_partner(session, partner), now=utc_now())
    console.print("已参加。")


def _state(state: str) -> str:
    return {"draft": "草稿", "simulated": "已测算", "submitted": "待复核", "approved": "已批准"}[state]
