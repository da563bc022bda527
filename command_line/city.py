"""`osmanthus city`: a made-up city, delivered the way real departments deliver."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from backend.city_calendar import city_date, utc_now
from demo_city.generate import MANIFEST, generate_city
from demo_city.population import CitySize, CityTooSmall

app = typer.Typer(help="演示城市：生成各部门报送的文件", no_args_is_help=True)

_RECORDS_PER_RESIDENT = 15


@app.callback()
def city() -> None:
    """演示城市：生成各部门报送的文件"""


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="写入哪个目录（不存在则新建）")],
    residents: Annotated[int, typer.Option(help="居民人数")] = 20_000,
    enterprises: Annotated[int | None, typer.Option(help="企业数，默认为居民人数的十分之一")] = None,
    organisations: Annotated[int | None, typer.Option(help="非企业组织数，默认为居民人数的二百分之一")] = None,
    records: Annotated[int | None, typer.Option(help="记录条数，默认每名居民15条")] = None,
    seed: Annotated[int, typer.Option(help="随机种子；相同的种子、日期和规模得到逐字节相同的文件")] = 2026,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="截止日期，默认为今天；记录覆盖此前五年")
    ] = None,
) -> None:
    """生成登记册和各部门的报送文件（含真实报送中常见的差错），并写出清单 city.json。人和号码都是虚构的。"""
    console = Console(stderr=True)
    try:
        size = CitySize(
            residents=residents,
            enterprises=enterprises if enterprises is not None else max(residents // 10, 20),
            organisations=organisations if organisations is not None else max(residents // 200, 5),
            records=records if records is not None else residents * _RECORDS_PER_RESIDENT,
        )
    except CityTooSmall as refusal:
        console.print(f"[red]城市规模不合适：{refusal}[/red]")
        raise typer.Exit(2) from None
    day = as_of.date() if as_of is not None else city_date(utc_now())

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, TaskID] = {}

        def show(file: str, done: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = progress.add_task(file, total=total)
            progress.update(tasks[file], completed=done)

        manifest = generate_city(out, seed=seed, as_of=day, size=size, progress=show)

    table = Table("文件", "报送日期", "行数", "应接收", "应判重", "应更正", "应进待处理区")
    for file in manifest["files"]:
        expected = file["expected"]
        counts = (file["rows"], *(expected[key] for key in ("accepted", "duplicate", "corrected", "quarantined")))
        table.add_row(file["file"], file["delivered_on"], *(f"{count:,}" for count in counts))
    console.print(table)
    typer.echo(str(out / MANIFEST))
