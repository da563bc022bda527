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

from backend.catalogue.document import Category, compare_catalogues, parse_catalogue, shipped_catalogue
from backend.catalogue.drafts import Proposer, propose_catalogue
from backend.catalogue.errors import SpreadsheetInvalid
from backend.catalogue.formats import describe_formats
from backend.catalogue.service import (
    catalogue_in_force,
    catalogue_version,
    catalogue_versions,
    compare_with_catalogue_in_force,
    import_catalogue,
)
from backend.catalogue.spreadsheet import read_spreadsheet, write_spreadsheet
from backend.catalogue.templates import Template, load_templates
from backend.catalogue.wording import change_sentence, said
from backend.city_calendar import city_date, utc_now
from backend.errors import DomainError
from command_line.context import open_context

app = typer.Typer(help="公共信用信息目录", no_args_is_help=True)

DocumentFile = Annotated[
    Path | None,
    typer.Argument(
        help="目录文件（YAML、XLSX 或 CSV）；不写则用随产品提供的桂城市目录", exists=True, dir_okay=False
    ),
]
OnDay = Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="哪一天，默认今天")]


@app.command("import")
def import_file(
    file: DocumentFile = None,
    version: Annotated[str | None, typer.Option(help="版本号（表格文件须写明）")] = None,
    name: Annotated[str | None, typer.Option(help="目录名称（表格文件须写明）")] = None,
    effective_from: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="生效日期（表格文件须写明）")
    ] = None,
) -> None:
    """导入一个版本的目录（YAML、XLSX 或 CSV）。

    城市的第一个版本直接施行；以后的版本提交为草案，由另一人在工作台“公共信用信息目录”审核后施行。
    同一文件重复导入不产生变化；不合规的目录不予导入，表格中每一格的问题逐一列出。
    """
    with _refusals():
        text = _document(file, version, name, effective_from)
        context, moment = open_context(), utc_now()
        with context.database.transaction() as session:
            known = catalogue_versions(session)
            catalogue = parse_catalogue(text)
            if known and catalogue.hash not in {version.source_hash for version in known}:
                propose_catalogue(session, text, by=Proposer("command_line", "命令行"), now=moment)
                typer.echo(
                    f"{catalogue.name}：版本 {catalogue.version} 已提交为草案，须由复核员在工作台审核后施行"
                )
                return
            import_catalogue(session, text, moment)
        typer.echo(f"{catalogue.name}：版本 {catalogue.version}，{len(catalogue.categories)} 个类别")
        typer.echo(f"自 {catalogue.effective_from} 起生效")


@app.command("template")
def write_template(
    file: Annotated[Path, typer.Argument(help="写到哪个文件（.xlsx）", dir_okay=False)],
    empty: Annotated[bool, typer.Option(help="只要标题行，不填现行类别")] = False,
) -> None:
    """写出目录表格模板，填好现行各类别，修改后可再导入。"""
    with _refusals():
        context = open_context()
        with context.database.reading() as session:
            catalogue = None if empty else catalogue_in_force(session, _day(None))
        file.write_bytes(write_spreadsheet(catalogue))
        typer.echo(f"已写出 {file}")


@app.command("check")
def check_file(file: DocumentFile = None) -> None:
    """只检查目录文件是否合规，不连接数据库。"""
    with _refusals():
        catalogue = parse_catalogue(_text(file))
        typer.echo(f"{catalogue.name}：{len(catalogue.categories)} 个类别，合规")


@app.command()
def compare(
    file: DocumentFile = None,
    on: OnDay = None,
    before: Annotated[str | None, typer.Option(help="较早的版本号；与 --after 同用，不读文件")] = None,
    after: Annotated[str | None, typer.Option(help="较晚的版本号")] = None,
) -> None:
    """逐项比较：两个已导入的版本，或一个文件与某天生效的目录。"""
    if (before is None) != (after is None):
        raise typer.BadParameter("--before 和 --after 须同时写明")
    with _refusals():
        context = open_context()
        with context.database.reading() as session:
            if before is not None and after is not None:
                changes = compare_catalogues(catalogue_version(session, before), catalogue_version(session, after))
            else:
                changes = compare_with_catalogue_in_force(session, _text(file), _day(on))
        for change in changes:
            typer.echo(change_sentence(change))
        typer.echo(f"共 {len(changes)} 处变化" if changes else "两者相同")


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


def _is_spreadsheet(file: Path) -> bool:
    return file.suffix.lower() in (".xlsx", ".csv")


def _text(file: Path | None) -> str:
    """To look at: a spreadsheet says nothing of version, name and date, and is called by its file's name."""
    if file is None:
        return shipped_catalogue()
    if not _is_spreadsheet(file):
        return file.read_text(encoding="utf-8")
    text, _ = read_spreadsheet(
        file.read_bytes(), file.name, version=file.stem, name=file.stem, effective_from=_day(None)
    )
    return text


def _document(file: Path | None, version: str | None, name: str | None, effective_from: datetime | None) -> str:
    """To import: version, name and date of a spreadsheet come from the options."""
    if file is None or not _is_spreadsheet(file):
        return _text(file)
    if version is None or name is None or effective_from is None:
        raise typer.BadParameter("导入表格时须写明 --version、--name 和 --from")
    text, _ = read_spreadsheet(
        file.read_bytes(), file.name, version=version, name=name, effective_from=effective_from.date()
    )
    return text


def _day(on: datetime | None) -> date:
    return city_date(utc_now()) if on is None else on.date()


def _cells(category: Category) -> tuple[str, ...]:
    return (
        category.code,
        category.name,
        said("subject_kinds", category.subject_kinds),
        said("polarity", category.polarity),
        said("retention_days", category.retention_days),
        said("disclosure", category.disclosure),
        category.source_department,
        category.legal_basis,
    )


@contextmanager
def _refusals() -> Iterator[None]:
    """A rule's refusal ends the command with its sentence."""
    try:
        yield
    except DomainError as refusal:
        typer.secho(refusal.detail, fg=typer.colors.RED, err=True)
        if isinstance(refusal, SpreadsheetInvalid):
            for fault in refusal.faults:
                rule = f"（{fault['rule']}）" if fault["rule"] else ""
                typer.echo(f"第 {fault['row']} 行 {fault['column']}：{fault['message']}{rule}", err=True)
        raise typer.Exit(1) from None
