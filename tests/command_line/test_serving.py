"""`osmanthus server serve` as production runs it: over PostgreSQL and Redis, in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from backend.database import Database
from backend.identifiers.sealing import generate_key
from tests.servers import free_port


def test_the_port_is_open_only_once_requests_are_answered(
    postgresql_database: Database, redis_url: str, tmp_path: Path
) -> None:
    """So a front server turns to the next process while this one starts, and no request waits for it."""
    port = free_port()
    environment = {
        **os.environ,
        "OSMANTHUS_ENV_FILE": str(tmp_path / "none"),
        "OSMANTHUS_DATABASE_URL": postgresql_database.url.render_as_string(hide_password=False),
        "OSMANTHUS_REDIS_URL": redis_url,
        "OSMANTHUS_SEALING_KEYS": f"one:{generate_key()}",
        "OSMANTHUS_INDEX_KEY": generate_key(),
        "OSMANTHUS_SIGNING_KEY": generate_key(),
        "OSMANTHUS_SIGN_IN": "demo",
        "OSMANTHUS_DATA_DIR": str(tmp_path),
    }
    begun = time.monotonic()
    serve = [sys.executable, "-m", "command_line.main", "server", "serve", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(serve, env=environment, stderr=log, stdout=log)
    try:
        wait_until_open(server, port)
        opened = time.monotonic()
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        # Everything slow lies before: however busy this machine is, both take longer together.
        assert time.monotonic() - opened < (opened - begun) / 5
        answer = httpx.get(f"http://127.0.0.1:{port}/readyz")
        parts = answer.json()["parts"]
        assert {name: part["ok"] for name, part in parts.items()} == {
            "database": True,
            "store": True,
            "jobs": True,
            "published_run": False,
        }
        assert (parts["database"]["detail"], parts["store"]["detail"]) == ("postgresql", "redis")
    finally:
        server.terminate()
        assert server.wait(timeout=30) == 0


def wait_until_open(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not open its port")
