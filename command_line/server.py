"""`osmanthus server`: the tables, the web server, the workers, the API document."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path
from typing import Annotated, Any

import typer
from gunicorn.app.base import BaseApplication
from rich.console import Console

from backend.accounts.demo_sign_in import DemoSignIn
from backend.background import build_worker
from backend.city_calendar import WorkingDays, utc_now
from backend.config import read_config
from backend.database import Database
from backend.ephemeral import open_store
from backend.identifiers.sealing import generate_key
from backend.migrations import migrate as migrate_tables
from backend.web import Services
from backend.web.observability import configure_logging
from command_line.access_matrix import matrix_text
from command_line.context import open_context
from command_line.curl_guide import curl_guide
from wsgi import compose, create_server, start_background

app = typer.Typer(no_args_is_help=True)
console = Console()


@app.command()
def migrate() -> None:
    """把数据库结构更新到最新版本；重复运行没有影响。"""
    migrate_tables(open_context().database)
    console.print("数据库结构已是最新。")


@app.command()
def serve(
    host: Annotated[str, typer.Option(envvar="HOST", help="在哪个地址提供服务")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="在哪个端口提供服务")] = 8000,
    threads: Annotated[int, typer.Option(help="同时处理多少个请求")] = 8,
) -> None:
    """启动一个网页服务进程。不配置 Redis 时，后台任务也在里面；配置了的，每个端口启动一个，需要几个就启动几个。"""
    open_context()
    check_port_is_free(host, port)
    Gunicorn(host, port, threads=threads).run()


@app.command()
def worker() -> None:
    """启动一个后台任务进程；需要多少就启动多少个。"""
    configure_logging()
    context = open_context()
    running = build_worker(context.config, context.database, clock=utc_now)
    signal.signal(signal.SIGTERM, lambda *_: running.stop())
    signal.signal(signal.SIGINT, lambda *_: running.stop())
    running.start()
    running.wait()


@app.command()
def openapi(
    out: Annotated[Path, typer.Argument(help="写到哪个文件")] = Path("docs/openapi.json"),
) -> None:
    """写出接口文档（OpenAPI 3.1），以及同一文件夹下由它写出的 access.md（谁能看到什么）和
    partner-curl.md（合作商户 curl 手册）；不需要数据库。"""
    document = openapi_document()
    out.write_text(document, encoding="utf-8")
    for name, words in (("access.md", matrix_text), ("partner-curl.md", curl_guide)):
        out.with_name(name).write_text(words(json.loads(document)), encoding="utf-8")
    console.print(f"已写出 {out}、access.md 和 partner-curl.md")


def openapi_document() -> str:
    """The API document as it is committed: the same bytes for the same code, whatever city runs it."""
    config = read_config(
        {
            "OSMANTHUS_DATABASE_URL": "sqlite://",
            "OSMANTHUS_SEALING_KEYS": f"none:{generate_key()}",
            "OSMANTHUS_INDEX_KEY": generate_key(),
            "OSMANTHUS_SIGNING_KEY": generate_key(),
            "OSMANTHUS_SIGN_IN": "demo",
        }
    )
    services = Services(
        config=config,
        database=Database(config.database_url),
        store=open_store(None),
        sign_in=DemoSignIn(Path(), config.keys),
        working_days=WorkingDays(),
        clock=utc_now,
    )
    document = compose(services).test_client().get("/openapi.json").get_json()
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def check_port_is_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            console.print(
                f"[red]端口 {port} 已被占用。[/red] 请停止占用它的程序，或换一个端口：PORT={port + 1} make run"
            )
            raise typer.Exit(1) from None


class Gunicorn(BaseApplication):  # type: ignore[misc]
    """gunicorn with one process of threads: each is measured and replaced by itself (see docs/operations.md)."""

    def __init__(self, host: str, port: int, *, threads: int) -> None:
        self._options: dict[str, Any] = {
            "bind": f"{host}:{port}",
            "workers": 1,
            # The port is open once requests are answered: until then a front server turns to the next process.
            "preload_app": True,
            "post_worker_init": lambda worker: start_background(worker.app.callable),
            "worker_class": "gthread",
            "threads": threads,
            "timeout": 60,
            "graceful_timeout": 20,
            "loglevel": "warning",
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> object:
        return create_server()
