"""`osmanthus partners`: the register of partners, their keys, and signing as a partner would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from backend.authorizations.assertions import sign_assertion
from backend.authorizations.clients import (
    add_redirect_uri,
    approve_scope,
    approved_scopes_of,
    end_scope,
    redirect_uris_of,
)
from backend.authorizations.tokens import revoke_tokens_of_partner
from backend.city_calendar import utc_now
from backend.errors import DomainError
from backend.partners.keys import (
    generate_private_jwk,
    public_part,
    read_private_key,
    read_public_key,
    write_private_key,
)
from backend.partners.service import (
    add_key,
    all_partners,
    find_partner,
    keys_of,
    register_partner,
    reinstate_partner,
    revoke_key,
    suspend_partner,
)
from backend.partners.staff import add_staff, issue_sign_in_code, open_store, staff_at, stores_of
from command_line.context import open_context

_BY = "命令行"

app = typer.Typer(no_args_is_help=True)
console = Console()

PartnerCode = Annotated[str, typer.Option("--partner", help="合作商户代码，即 OAuth 的 client_id")]


class Kind(StrEnum):
    merchant = "merchant"
    institution = "institution"
    department = "department"


KIND_NAMES = {"merchant": "商户", "institution": "机构", "department": "部门"}


@contextmanager
def told_refusals() -> Iterator[None]:
    """A refusal ends the command with its sentence, not a traceback."""
    try:
        yield
    except DomainError as refusal:
        console.print(f"[red]{refusal}[/red]")
        raise typer.Exit(1) from None


@app.callback()
def partners() -> None:
    """合作商户与密钥。私钥只应由合作商户自己保管。"""


@app.command()
def keygen(
    key_file: Annotated[Path, typer.Option(help="私钥写入这个新文件，只有本人可读")],
) -> None:
    """生成一对 ES256（P-256）密钥：私钥写入文件，公钥打印出来，登记时提供公钥。"""
    private = generate_private_jwk()
    try:
        write_private_key(key_file, private)
    except FileExistsError:
        console.print(f"[red]{key_file} 已存在，不会覆盖；请换一个文件名。[/red]")
        raise typer.Exit(1) from None
    typer.echo(json.dumps(public_part(private), indent=2))


@app.command()
def add(
    code: Annotated[str, typer.Option(help="代码，即 OAuth 的 client_id，如 guicheng-library")],
    name: Annotated[str, typer.Option(help="名称，会出现在市民的“谁查了我”里")],
    kind: Annotated[Kind, typer.Option(help="merchant 商户、institution 机构、department 部门")],
    key_file: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="公钥：JWK 或 PEM")],
    public_code: Annotated[str | None, typer.Option(help="统一社会信用代码")] = None,
) -> None:
    """登记一个合作商户及其公钥。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        partner = register_partner(
            session,
            code=code,
            name=name,
            kind=kind.value,
            public_code=public_code,
            public_jwk=read_public_key(key_file.read_text("utf-8")),
            now=utc_now(),
        )
    console.print(f"已登记 {partner.name}（{partner.code}）。用 osmanthus benefits enrol 让它参加权益方案。")


@app.command("list")
def list_partners() -> None:
    """列出合作商户和在用的公钥。"""
    context = open_context()
    table = Table("代码", "名称", "类型", "状态", "在用公钥（kid）")
    with context.database.reading() as session:
        for partner in all_partners(session):
            table.add_row(
                partner.code,
                partner.name,
                KIND_NAMES[partner.kind],
                "正常" if partner.state == "active" else "已停用",
                "\n".join(key.kid for key in keys_of(session, partner.id)),
            )
    console.print(table)


@app.command("add-key")
def add_one_key(
    partner: PartnerCode,
    key_file: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="新公钥：JWK 或 PEM")],
) -> None:
    """登记一把新公钥，与旧的并存；换好后用 revoke-key 停用旧的。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        key = add_key(
            session,
            find_partner(session, partner),
            public_jwk=read_public_key(key_file.read_text("utf-8")),
            now=utc_now(),
        )
    console.print(f"已登记公钥 {key.kid}。")


@app.command("revoke-key")
def revoke_one_key(partner: PartnerCode, kid: Annotated[str, typer.Option(help="要停用的公钥")]) -> None:
    """停用一把公钥；已发出的访问令牌同时作废。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        found = find_partner(session, partner)
        revoke_key(session, found, kid=kid, now=utc_now())
        revoke_tokens_of_partner(session, found.id, now=utc_now())
    console.print("已停用该公钥，已发出的访问令牌全部作废。")


@app.command("sign-in-code")
def sign_in_code(
    partner: PartnerCode,
    store: Annotated[str, typer.Option(help="门店名称；没有就新开")] = "总店",
    staff: Annotated[str, typer.Option(help="店员称呼；没有就新增为店长")] = "店长",
) -> None:
    """给门店的手机发一个登录码，在 /counter/ 扫码核销页登录；24 小时内用一次。"""
    context = open_context()
    now = utc_now()
    with told_refusals(), context.database.transaction() as session:
        found = find_partner(session, partner)
        place = next((one for one in stores_of(session, found.id) if one.name == store), None)
        place = place or open_store(session, found, name=store, now=now)
        known = next((one for one in staff_at(session, place.id) if one.nickname == staff), None)
        if known:
            code = issue_sign_in_code(session, known, now=now)
        else:
            code = add_staff(session, place, nickname=staff, role="manager", now=now)[1]
    typer.echo(code.code)


@app.command()
def suspend(partner: PartnerCode) -> None:
    """停用一个合作商户，立即生效。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        suspend_partner(session, find_partner(session, partner), by=_BY, now=utc_now())
    console.print("已停用，其访问令牌立即失效。")


@app.command()
def reinstate(partner: PartnerCode) -> None:
    """恢复一个停用的合作商户。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        reinstate_partner(session, find_partner(session, partner), by=_BY, now=utc_now())
    console.print("已恢复。")


@app.command()
def assertion(
    partner: PartnerCode,
    key_file: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="合作商户自己的私钥（JWK）")],
    audience: Annotated[
        str | None, typer.Option(help="令牌地址，默认为本机配置的 OSMANTHUS_PUBLIC_URL 加 /oauth/token")
    ] = None,
) -> None:
    """以合作商户的身份签一个 client_assertion（1 分钟内有效，只能用一次），打印出来供 curl 使用。"""
    if audience is None:
        audience = f"{open_context().config.public_url}/oauth/token"
    with told_refusals():
        private = read_private_key(key_file)
    typer.echo(sign_assertion(private, client_id=partner, audience=audience, now=utc_now()))


@app.command("add-redirect-uri")
def add_one_redirect_uri(
    partner: PartnerCode,
    uri: Annotated[str, typer.Option(help="机构应用的回调地址，须为完整的 https 地址")],
) -> None:
    """登记机构的一个回调地址；请市民授权时必须与之完全一致。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        add_redirect_uri(session, find_partner(session, partner), uri, now=utc_now())
    console.print(f"已登记 {uri}。")


@app.command("approve-scope")
def approve_one_scope(
    partner: PartnerCode,
    scope: Annotated[str, typer.Option(help="score:read、grade:read 或 report:read")],
    purpose: Annotated[str, typer.Option(help="用途，市民在授权页面上读到的话")],
    longest_days: Annotated[int, typer.Option(help="最长可以请市民授权多少天")],
    approved_by: Annotated[str, typer.Option(help="谁核定的，如 信用办主任会 2026-03-01")],
    most: Annotated[int | None, typer.Option(min=1, help="每个周期最多查询次数；不填不限")] = None,
    days: Annotated[int, typer.Option(min=1, help="周期天数")] = 30,
) -> None:
    """核定机构可以请市民授权的一项范围；再次核定以新的为准，已给的授权条件不变。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        approve_scope(
            session,
            find_partner(session, partner),
            scope=scope,
            purpose=purpose,
            longest_days=longest_days,
            approved_by=approved_by,
            frequency=(most, days) if most else None,
            now=utc_now(),
        )
    console.print(f"已核定 {scope}，最长 {longest_days} 天。")


@app.command("end-scope")
def end_one_scope(partner: PartnerCode, scope: Annotated[str, typer.Option(help="要停止的范围")]) -> None:
    """停止机构的一项范围；市民据此给的授权同时终止。"""
    context = open_context()
    with told_refusals(), context.database.transaction() as session:
        ended = end_scope(session, find_partner(session, partner), scope=scope, now=utc_now())
    console.print(f"已停止 {scope}，{ended} 项授权随之终止。")


@app.command("scopes")
def list_scopes(partner: PartnerCode) -> None:
    """列出机构的回调地址和核定的范围。"""
    context = open_context()
    table = Table("范围", "用途", "最长天数", "核定")
    with told_refusals(), context.database.reading() as session:
        found = find_partner(session, partner)
        for scope, approved in sorted(approved_scopes_of(session, found).items()):
            table.add_row(
                scope,
                approved.purpose,
                str(approved.longest_days),
                f"{approved.approved_by}，{approved.approved_at:%Y-%m-%d}",
            )
        for uri in redirect_uris_of(session, found):
            console.print(f"回调地址 {uri}")
    console.print(table)
