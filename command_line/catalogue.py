"""`osmanthus catalogue`: check, import, compare and show the catalogue and the delivery templates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from backend.catalogue.document import Category, Change, Level, parse_catalogue, shipped_catalogue
from backend.catalogue.formats import describe_formats
from backend.catalogue.service import (
    catalogue_in_force,
    catalogue_versions,
    compare_with_catalogue_in_force,
    import_catalogue,
)
from backend.catalogue.templates import Template, load_templates
from backend.city_calendar import city_date, utc_now
from backend.errors import DomainError
from command_line.context import open_context

app = typer.Typer(help="公共信用信息目录", no_args_is_help=True)

_POLARITY = {"positive": "正面", "negative": "负面", "neutral": "中性"}
_DISCLOSURE = {"public": "公开", "on_authorization": "授权查询", "internal": "政务共享"}
_SUBJECT_KINDS = {"person": "自然人", "enterprise": "企业", "organisation": "非企业组织"}
_FIELDS = {
    "name": "名称",
    "subject_kinds": "主体",
    "source_department": "数源单位",
    "source_department_code": "数源单位代码",
    "legal_basis": "法律依据",
    "polarity": "性质",
    "unit": "计量单位",
    "contents": "信息项",
    "levels": "等级",
    "retention_days": "保留天数",
    "disclosure": "公开属性",
    "may_decline": "可拒绝记录",
    "written_consent": "单独书面同意",
    "templates": "归集模板",
}

DocumentFile = Annotated[
    Path | None,
    typer.Argument(help="目录文件（YAML）；不写则用随产品提供的桂城市目录", exists=True, dir_okay=False),
]
OnDay = Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="哪一天，默认今天")]


@app.command("import")
def import_file(file: DocumentFile = None) -> None:
    """导入一个版本的目录。同一文件重复导入不产生变化；不合规的目录不予导入。"""
    with _refusals():
        context = open_context()
        with context.database.transaction() as session:
            catalogue = import_catalogue(session, _text(file), utc_now())
        typer.echo(f"{catalogue.name}：版本 {catalogue.version}，{len(catalogue.categories)} 个类别")
        typer.echo(f"自 {catalogue.effective_from} 起生效")


@app.command("check")
def check_file(file: DocumentFile = None) -> None:
    """只检查目录文件是否合规，不连接数据库。"""
    with _refusals():
        catalogue = parse_catalogue(_text(file))
        typer.echo(f"{catalogue.name}：{len(catalogue.categories)} 个类别，合规")


@app.command()
def compare(file: DocumentFile = None, on: OnDay = None) -> None:
    """列出导入这个文件会给生效的目录带来哪些变化。"""
    with _refusals():
        context = open_context()
        with context.database.reading() as session:
            changes = compare_with_catalogue_in_force(session, _text(file), _day(on))
        for change in changes:
            typer.echo(_sentence(change))
        typer.echo(f"共 {len(changes)} 处变化" if changes else "与生效的目录相同")


@app.command()
def show(on: OnDay = None) -> None:
    """显示某一天生效的目录。"""
    with _refusals():
        context = open_context()
        with context.database.reading() as session:
            catalogue = catalogue_in_force(session, _day(on))
        table = Table(
            "代码", "名称", "主体", "性质", "保留天数", "公开属性", "数源单位", "法律依据", title=catalogue.name
        )
        for category in catalogue.categories.values():
            table.add_row(*_cells(category))
        Console().print(table)


@app.command()
def versions() -> None:
    """列出导入过的各个版本。"""
    context = open_context()
    with context.database.reading() as session:
        for version in catalogue_versions(session):
            typer.echo(f"{version.version}\t自 {version.effective_from} 起\t{version.name}")


@app.command()
def templates(
    code: Annotated[str | None, typer.Argument(help="只看这个模板的字段")] = None,
) -> None:
    """列出归集模板，或一个模板的全部字段。"""
    known = load_templates()
    if code is None:
        for template in known.values():
            typer.echo(f"{template.code}\t{template.name}\t{len(template.columns)} 项\t{template.standard}")
        return
    if code not in known:
        typer.secho(f"没有名为“{code}”的归集模板。可用：{'、'.join(known)}", fg=typer.colors.RED, err=True)
        raise typer.Exit(2)
    Console().print(_columns(known[code]))


@app.command()
def formats() -> None:
    """输出报送格式说明（Markdown），即 docs/formats.md 的内容。"""
    typer.echo(describe_formats(load_templates(), parse_catalogue(shipped_catalogue())), nl=False)


def _columns(template: Template) -> Table:
    table = Table("字段", "名称", "类型", "长度", "单位", "自然人", "取值", title=template.name)
    for column in template.columns:
        length = (
            "" if column.length is None else f"{column.length}{f',{column.decimals}' if column.decimals else ''}"
        )
        table.add_row(
            column.code,
            column.header,
            column.kind,
            length,
            column.organisation,
            column.person,
            "、".join(column.values),
        )
    return table


def _text(file: Path | None) -> str:
    return shipped_catalogue() if file is None else file.read_text(encoding="utf-8")


def _day(on: datetime | None) -> date:
    return city_date(utc_now()) if on is None else on.date()


def _cells(category: Category) -> tuple[str, ...]:
    return (
        category.code,
        category.name,
        "、".join(_SUBJECT_KINDS[kind] for kind in category.subject_kinds),
        _POLARITY[category.polarity],
        "长期" if category.retention_days is None else str(category.retention_days),
        _DISCLOSURE[category.disclosure],
        category.source_department,
        category.legal_basis,
    )


def _sentence(change: Change) -> str:
    if change.before is None and change.field is None:
        return f"新增类别 {change.category}"
    if change.after is None and change.field is None:
        return f"取消类别 {change.category}"
    return f"{change.category} 的{_FIELDS[change.field or '']}：{_said(change.before)} → {_said(change.after)}"


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return "、".join(_said(item) for item in value)
    if isinstance(value, Level):
        return value.name if value.published_days is None else f"{value.name}（公示{value.published_days}天）"
    if value is None:
        return "无"
    if isinstance(value, bool):
        return "是" if value else "否"
    return str(value)


@contextmanager
def _refusals() -> Iterator[None]:
    """A rule's refusal ends the command with its sentence."""
    try:
        yield
    except DomainError as refusal:
        typer.secho(refusal.detail, fg=typer.colors.RED, err=True)
        raise typer.Exit(1) from None
