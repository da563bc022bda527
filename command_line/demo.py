"""`osmanthus demo`: a whole made-up city on this machine, from delivered files to a served score."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from backend.background import still_to_be_decided
from backend.benefits.demo_partners import provision_demo_partners
from backend.benefits.schemes import install_shipped_schemes
from backend.catalogue.document import shipped_catalogue
from backend.catalogue.errors import VersionAlreadyImported
from backend.catalogue.service import import_catalogue
from backend.city_calendar import CITY_ZONE, CalendarYearUnknown, WorkingDays, city_date, utc_now
from backend.config import DEFAULT_CITY_NAME, ENVIRONMENT_FILE
from backend.evidence.service import EvidenceStore
from backend.identifiers.sealing import generate_key
from backend.migrations import migrate
from backend.records.collection import collect_file
from backend.records.deletions import sweep_records
from backend.records.early_warning import watch_sources
from backend.records.masking import mask_name
from backend.repairs.service import Clock
from backend.reports.signing import make_demonstration_certificate
from backend.scores.policies import adopt_policy
from backend.scores.service import published_run_ids
from command_line.context import Context, open_context
from command_line.scores import KIND_NAMES, run_to_end, show_run
from command_line.server import check_port_is_free
from demo_city.departments import open_departments
from demo_city.generate import MANIFEST, generate_city
from demo_city.incentives import start_joint_incentive
from demo_city.lives import live_through
from demo_city.opening import DEPARTMENT_OFFICER, OFFICERS, activate_residents, open_office
from demo_city.population import CitySize
from scoring.policy import shipped_policy

app = typer.Typer(no_args_is_help=True)
console = Console()

POLICIES = ("guihua", "enterprise")
_COUNTED = ("files", "accepted", "duplicate", "corrected", "quarantined")
_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    TextColumn("{task.percentage:>3.0f}%"),
    TimeElapsedColumn(),
)

Residents = Annotated[
    int, typer.Option(min=200, envvar="OSMANTHUS_DEMO_RESIDENTS", help="演示城市的居民人数，至少 200")
]


@app.command()
def run(
    residents: Residents = 20_000,
    host: Annotated[str, typer.Option(envvar="HOST", help="在哪个地址提供服务")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="在哪个端口提供服务")] = 8000,
) -> None:
    """准备演示城市（已有则保留数据），然后启动服务。"""
    check_port_is_free(host, port)
    context = prepare(residents)
    address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - only shown
    remember_address(address)
    tell_how_to_sign_in(context, address)
    # In a process of its own: what read the city with threads can't be forked into one that serves (Polars hangs).
    serve = [sys.executable, "-m", "command_line.main", "server", "serve", "--host", host, "--port", str(port)]
    os.execv(sys.executable, serve)  # noqa: S606 - this very program


@app.command()
def build(residents: Residents = 20_000) -> None:
    """只准备演示城市，不启动服务；中断后再次运行会接着做。"""
    prepare(residents)


def prepare(residents: int) -> Context:
    """Every step looks whether it has been done, so that an interrupted start goes on where it stopped."""
    _write_environment_file()
    _add_report_certificate()
    count_unpublished_years()
    context = open_context()
    context.config.data_dir.mkdir(parents=True, exist_ok=True)
    migrate(context.database)
    with context.database.reading() as session:
        if len(published_run_ids(session)) == len(POLICIES):
            return context
    folder = context.config.data_dir / "city"
    manifest = _generate(folder, residents)
    _adopt_rules(context)
    _collect(context, folder, manifest)
    with context.database.transaction() as session:
        now = utc_now()
        open_office(session, _passwords_file(context), now=now)
        provision_demo_partners(session, context.config.data_dir / "partners", now=now)
        open_departments(session, context.config.data_dir / "partners", now=now)
        activate_residents(session, manifest, keys=context.keys, now=now)
        live_through(
            session,
            manifest,
            keys=context.keys,
            store=EvidenceStore(context.config.evidence_dir, context.keys),
            clock=Clock(context.working_days, context.config.jurisdiction),
            now=now,
        )
        start_joint_incentive(session, manifest, keys=context.keys, now=now, working_days=context.working_days)
    # Five years of files hold what is over by now: the first scores rest on what still counts.
    sweep_records(context.database, now=utc_now(), held_back=still_to_be_decided)
    for subject_kind in KIND_NAMES:
        show_run(run_to_end(context, subject_kind))
    return context


def tell_how_to_sign_in(context: Context, base: str) -> None:
    """What to open, below the address `base`, and how to sign in as each of the three who live with the system."""
    citizens = json.loads((context.config.data_dir / "city" / MANIFEST).read_text(encoding="utf-8"))[
        "demo_citizens"
    ]
    passwords = json.loads(_passwords_file(context).read_text(encoding="utf-8"))
    keys = _relative(context.config.data_dir / "partners")
    lines = [
        f"[bold]市民[/bold]    {base}/m/",
        f"        选一位演示市民进入，不需要密码，例如{mask_name(citizens[0]['name'])}：{citizens[0]['story']}",
        "",
        f"[bold]工作人员[/bold]  {base}/admin/",
        *(f"        {name}（用户名 {user}）  密码 {passwords[user]}" for user, name, _ in OFFICERS),
        *(
            f"        {name}（数源单位经办，用户名 {user}）  密码 {passwords[user]}"
            for user, name, _ in (DEPARTMENT_OFFICER,)
            if user in passwords
        ),
        "",
        f"[bold]店员[/bold]    {base}/counter/ 扫码核销页",
        "        登录码：.venv/bin/osmanthus partners sign-in-code --partner guicheng-library",
        "",
        f"[bold]商户[/bold]    {base}/docs/ 浏览接口；演示商户的私钥在 {keys}/",
        "        docs/quickstart.md 可逐段复制，从登录走到核销和异议",
    ]
    console.print(Panel("\n".join(lines), title="桂花 Osmanthus 已就绪", subtitle="Ctrl+C 停止"))
    console.print("[dim]数据保存在 var/，再次 make run 几秒即可启动；make clean-demo 重新开始。[/dim]")


def _write_environment_file() -> None:
    path = _environment_file()
    if path.exists() or "OSMANTHUS_DATABASE_URL" in os.environ:
        return
    folder = path.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(
        "# 由 make run 生成：本机演示用的密钥。删除此文件后，已加密的数据将无法读取。\n"
        f"OSMANTHUS_DATABASE_URL=sqlite:///{folder / 'osmanthus.db'}\n"
        f"OSMANTHUS_DATA_DIR={folder}\n"
        f"OSMANTHUS_SEALING_KEYS=demo:{generate_key()}\n"
        f"OSMANTHUS_INDEX_KEY={generate_key()}\n"
        f"OSMANTHUS_SIGNING_KEY={generate_key()}\n"
        "OSMANTHUS_SIGN_IN=demo\n",
        encoding="utf-8",
    )


def _add_report_certificate() -> None:
    """Beside the other keys of the demo; also for a demo city that was made before there were reports."""
    path = _environment_file()
    setting = "OSMANTHUS_REPORT_CERTIFICATE"
    if not path.exists() or setting in os.environ or setting in path.read_text(encoding="utf-8"):
        return
    certificate, key = (path.resolve().parent / f"report-{name}.pem" for name in ("certificate", "key"))
    made = make_demonstration_certificate(f"{DEFAULT_CITY_NAME}公共信用信息中心", now=utc_now())
    certificate.write_bytes(made.certificate)
    key.touch(mode=0o600)
    key.write_bytes(made.key)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{setting}={certificate}\nOSMANTHUS_REPORT_KEY={key}\n")


def remember_address(address: str) -> None:
    """In the environment file, for this server and for commands beside it: reports and tokens name the address."""
    _remember("OSMANTHUS_PUBLIC_URL", address)


def count_unpublished_years() -> None:
    """Late in the year clocks end in one whose holidays are not published. A real city then waits for the notice;
    a made-up one goes on, and takes it that every Monday to Friday but New Year's Day is worked."""
    path = _environment_file().resolve().parent / "working-days.yaml"
    this_year = city_date(utc_now()).year
    years = [year for year in (this_year, this_year + 1) if not _is_published(year)]
    if not years and not path.exists():
        return
    assumed = {year: {"holidays": [date(year, 1, 1)], "workdays": []} for year in years}
    path.write_text(
        f"# 由 make run 生成，仅供演示：放假安排还没有公布的年份。\n{yaml.safe_dump(assumed)}", encoding="utf-8"
    )
    _remember("OSMANTHUS_WORKING_DAYS_FILE", str(path))


def _is_published(year: int) -> bool:
    try:
        WorkingDays().is_working(date(year, 1, 1))
    except CalendarYearUnknown:
        return False
    return True


def _environment_file() -> Path:
    return Path(os.environ.get("OSMANTHUS_ENV_FILE", ENVIRONMENT_FILE))


def _remember(setting: str, value: str) -> None:
    """In the environment file that the demo wrote, unless the setting is given from outside."""
    path = _environment_file()
    if not path.exists() or setting in os.environ:
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(f"{setting}=")]
    path.write_text("\n".join([*kept, f"{setting}={value}"]) + "\n", encoding="utf-8")


def _generate(folder: Path, residents: int) -> dict[str, Any]:
    if (folder / MANIFEST).exists():
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return manifest
    size = CitySize(
        residents=residents,
        enterprises=max(residents // 10, 20),
        organisations=max(residents // 200, 5),
        records=residents * 15,
    )
    with Progress(*_COLUMNS, console=console) as bars:
        bar = bars.add_task("生成演示城市的报送文件", total=size.records + size.residents)
        done: dict[str, int] = {}

        def show(file: str, rows: int, _total: int) -> None:
            done[file] = rows
            bars.update(bar, completed=sum(done.values()))

        manifest = generate_city(folder, seed=2026, as_of=city_date(utc_now()), size=size, progress=show)
        bars.update(bar, completed=size.records + size.residents)
    return manifest


def _adopt_rules(context: Context) -> None:
    """The catalogue, the policies and the benefit schemes that the city starts with."""
    now = utc_now()
    with context.database.transaction() as session:
        try:
            import_catalogue(session, shipped_catalogue(), now)
        except VersionAlreadyImported:
            return
        for name in POLICIES:
            adopt_policy(session, shipped_policy(name), adopted_by="演示城市", now=now, on=city_date(now))
        install_shipped_schemes(session, drafted_by="演示城市：拟定", approved_by="演示城市：复核", now=now)


def _collect(context: Context, folder: Path, manifest: dict[str, Any]) -> None:
    """Every file on the day on which its source delivers it; the warnings as the worker would have raised them."""
    now = utc_now()
    table = Table("来源", "批次", "接收", "重复", "更正", "待处理", title="归集", title_justify="left")
    sources: dict[str, Counter[str]] = {}
    with Progress(*_COLUMNS, console=console) as bars:
        bar = bars.add_task("归集", total=sum(file["rows"] for file in manifest["files"]))
        before = 0
        for file in manifest["files"]:
            name = file["source"]
            received_at = _received_at(date.fromisoformat(file["delivered_on"]), now)
            report = collect_file(
                context.database,
                context.intake,
                folder / file["file"],
                source_department=file["source_department"],
                now=received_at,
                progress=_share_of(bars.update, bar, before, file["rows"]),
            )
            before += file["rows"]
            bars.update(bar, completed=before, description=f"归集 {name}")
            sources.setdefault(name, Counter()).update(
                files=1,
                accepted=report.accepted,
                duplicate=report.duplicate,
                corrected=report.corrected,
                quarantined=report.quarantined,
            )
        bars.update(bar, description="归集")
    for name, counts in sources.items():
        table.add_row(name, *(f"{counts[each]:,}" for each in _COUNTED))
    console.print(table)
    for day in sorted({date.fromisoformat(file["delivered_on"]) for file in manifest["files"]}):
        with context.database.transaction() as session:
            watch_sources(session, now=_received_at(day, now), calendar=context.working_days)


def _received_at(day: date, now: datetime) -> datetime:
    """In the morning of the day, city time; never later than now."""
    return min(datetime.combine(day, time(9, 30), CITY_ZONE), now)


def _share_of(update: Callable[..., None], bar: object, before: int, rows: int) -> Callable[[int, int], None]:
    """Turn bytes read of one file into rows done of all files."""

    def progress(done: int, total: int) -> None:
        update(bar, completed=before + rows * done // max(1, total))

    return progress


def _passwords_file(context: Context) -> Path:
    return context.config.data_dir / "officer-passwords.json"


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
