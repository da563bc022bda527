"""Real PostgreSQL and Redis for the tests: the ones given by URL, or ones started here on free ports."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseServer
from threading import Thread

import psycopg
import redis

POSTGRESQL_URL = "OSMANTHUS_TEST_POSTGRESQL_URL"
REDIS_URL = "OSMANTHUS_TEST_REDIS_URL"


class ServerMissing(Exception):
    """A server the suite needs is not installed; `make setup-test` installs it."""


@contextmanager
def postgresql_server() -> Iterator[str]:
    """A libpq URL of a server on which databases may be created; stopped afterwards if it was started here."""
    if given := os.environ.get(POSTGRESQL_URL):
        yield given
        return
    # Durability is not under test here, speed is welcome.
    with _postgresql("fsync=off", "full_page_writes=off", "synchronous_commit=off") as url:
        yield url


@contextmanager
def durable_postgresql_server() -> Iterator[str]:
    """One of its own that has on disk whatever it has committed."""
    with _postgresql() as url:
        yield url


class KillableServer:
    """A server process of ours that can be killed without warning and started again over the same files."""

    def __init__(self, command: list[object], *, ready: Callable[[], object], not_yet: type[Exception]) -> None:
        self._command = command
        self._ready, self._not_yet = ready, not_yet
        self.start()

    def start(self) -> None:
        # A session of its own, so that killing it takes its children with it, as a power cut would.
        self._process = subprocess.Popen(
            self._command,  # type: ignore[arg-type]
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _wait_until(self._ready, self._not_yet)

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self, how: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)


@contextmanager
def _postgresql(*settings: str) -> Iterator[str]:
    with killable_postgresql(*settings) as (url, _):
        yield url


@contextmanager
def killable_postgresql(*settings: str) -> Iterator[tuple[str, KillableServer]]:
    """A libpq URL, and the server that may be killed; without settings it has on disk what it has committed."""
    binaries = _postgresql_binaries()
    # Not below pytest's own temporary folder: that one is made private again by every other run of pytest,
    # and PostgreSQL, which refuses to run as root, would lose its files.
    folder = Path(tempfile.mkdtemp(prefix="osmanthus-postgresql-"))
    as_server_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_server_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data, port = folder / "data", free_port()
    environment = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    subprocess.run(
        [*as_server_user, binaries / "initdb", "-D", data, "-U", "osmanthus", "-A", "trust", "-E", "UTF8"],
        check=True,
        capture_output=True,
        cwd=folder,
        env=environment,
    )
    url = f"postgresql://osmanthus@127.0.0.1:{port}/postgres"
    command = [
        *as_server_user, "env", "-C", folder, f"HOME={folder}", "LC_ALL=C.UTF-8", binaries / "postgres",
        "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder,
        "-c", "max_connections=300", "-c", "shared_buffers=128MB",
        *(part for setting in settings for part in ("-c", setting)),
    ]  # fmt: skip
    server = KillableServer(
        command,
        ready=lambda: psycopg.connect(url, connect_timeout=2).close(),
        not_yet=psycopg.OperationalError,
    )
    try:
        yield url, server
    finally:
        # PostgreSQL's fast shutdown: it does not wait for whoever is still connected.
        server.stop(signal.SIGINT)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server() -> Iterator[str]:
    """A `redis://` URL."""
    if given := os.environ.get(REDIS_URL):
        yield given
        return
    with _redis("--save", "") as url:
        yield url


@contextmanager
def durable_redis_server() -> Iterator[str]:
    """A Redis of its own that has on disk whatever it acknowledges, as production has it."""
    with killable_durable_redis() as (url, _):
        yield url


@contextmanager
def _redis(*settings: str) -> Iterator[str]:
    with _killable_redis(*settings) as (url, _):
        yield url


@contextmanager
def killable_durable_redis() -> Iterator[tuple[str, KillableServer]]:
    """A Redis that has on disk whatever it acknowledges, and may be killed."""
    with _killable_redis("--save", "", "--appendonly", "yes", "--appendfsync", "always") as made:
        yield made


@contextmanager
def _killable_redis(*settings: str) -> Iterator[tuple[str, KillableServer]]:
    binary = shutil.which("redis-server")
    if binary is None:
        raise ServerMissing("redis-server is not installed: run `make setup-test`")
    folder = Path(tempfile.mkdtemp(prefix="osmanthus-redis-"))
    port = free_port()
    as_server_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        as_server_user = ["setpriv", "--reuid=nobody", "--clear-groups"]
    url = f"redis://127.0.0.1:{port}/0"
    server = KillableServer(
        [*as_server_user, binary, "--port", str(port), "--bind", "127.0.0.1", *settings, "--dir", folder],
        ready=lambda: redis.Redis.from_url(url).ping(),
        not_yet=redis.ConnectionError,
    )
    try:
        yield url, server
    finally:
        server.stop(signal.SIGTERM)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def listening(server: BaseServer) -> Iterator[None]:
    """A server of this process answers on its port meanwhile."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _postgresql_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).parent
    raise ServerMissing("PostgreSQL is not installed: run `make setup-test`")


def _wait_until(ready: object, not_yet: type[Exception], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            ready()  # type: ignore[operator]
        except not_yet:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
