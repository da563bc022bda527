"""`osmanthus officers`: accounts of the credit office."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from backend.accounts.errors import ROLE_NAMES
from backend.accounts.service import add_officer
from backend.city_calendar import utc_now
from backend.errors import DomainError
from backend.subjects.service import find_by_identifier
from command_line.context import open_context

app = typer.Typer(no_args_is_help=True)
console = Console()


@app.callback()
def officers() -> None:
    """信用办工作人员账号。"""


@app.command()
def add(
    username: Annotated[str, typer.Option()],
    name: Annotated[str, typer.Option(help="姓名，会出现在市民的“谁查了我”里")],
    role: Annotated[
        list[str], typer.Option(help="、".join(f"{code} {label}" for code, label in ROLE_NAMES.items()))
    ],
    identifier: Annotated[
        str | None,
        typer.Option(help="本人的公民身份号码，用于发现查看本人或邻里的记录；只存登记册中的编号"),
    ] = None,
    *,
    password: Annotated[str, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True)],
    department: Annotated[
        str | None, typer.Option(help="数源单位经办所属单位的统一社会信用代码；其他岗位不填")
    ] = None,
) -> None:
    """新增一个账号。"""
    context = open_context()
    if unknown := set(role) - ROLE_NAMES.keys():
        raise typer.BadParameter(f"没有这样的岗位：{'、'.join(sorted(unknown))}")
    try:
        with context.database.transaction() as session:
            own = (
                find_by_identifier(session, keys=context.keys, identifier=identifier, kind="person").id
                if identifier
                else None
            )
            add_officer(
                session,
                username=username,
                name=name,
                password=password,
                roles=role,
                now=utc_now(),
                subject_id=own,
                department_code=department,
            )
    except DomainError as error:
        console.print(f"[red]{error.detail}[/red]")
        raise typer.Exit(1) from None
    console.print(f"已新增 {name}（{username}）。")
