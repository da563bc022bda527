"""What every test may ask for: keys, a database of either kind, a session that is rolled back, a server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from sqlalchemy import URL, NullPool, create_engine, text
from sqlalchemy.orm import Session
from werkzeug.datastructures import Headers

from backend.accounts import service as accounts
from backend.accounts.errors import SignInFailed
from backend.accounts.service import (
    SignInOption,
    add_officer,
    sign_in_citizen,
    sign_in_officer,
)
from backend.city_calendar import WorkingDays
from backend.config import USUAL_FONTS, Config, load_config
from backend.database import Database
from backend.ephemeral import EphemeralStore, open_store
from backend.identifiers.sealing import KeyRing
from backend.scores.service import recompute_marked
from backend.tables import all_tables
from backend.web import Services
from backend.web.context import EXTENSION
from tests import looks
from tests.reading_pdfs import CERTIFICATE
from tests.servers import free_port, postgresql_server, redis_server
from wsgi import compose

ROOT = Path(__file__).parent.parent
_numbers = count(1)

# How long an example takes is the machine's business, which is noisy, and no property.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples every time: a run that fails tells of the change, not of the day's luck.
settings.register_profile("repeatable", settings.get_profile("search"), derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def keys() -> KeyRing:
    return KeyRing(keys={"test": b"k" * 32}, current="test", index_key=b"i" * 32)


@pytest.fixture
def now() -> datetime:
    """A working Tuesday morning in the city (10:00 in Shanghai)."""
    return datetime(2026, 3, 3, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with postgresql_server() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    _create_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _postgresql_template(postgresql_url: str) -> str:
    name = f"osmanthus_template_{os.getpid()}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    _create_tables(sqlalchemy_url(postgresql_url, name))
    return name


@pytest.fixture(scope="session")
def _used_databases() -> dict[str, list[Database]]:
    """Databases that a test has left, by kind. Taking one again spares SQLAlchemy compiling every statement anew,
    which takes most of the time of a short test.
    """
    return {"sqlite": [], "postgresql": []}


@pytest.fixture
def sqlite_database(
    _sqlite_template: Path, _used_databases: dict[str, list[Database]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    used = _used_databases["sqlite"]
    database = used.pop() if used else Database(f"sqlite:///{tmp_path_factory.mktemp('city') / 'city.db'}")
    path = Path(database.url.database or "")
    for left in path.parent.glob("city.db*"):
        left.unlink()
    shutil.copy(_sqlite_template, path)
    yield database
    database.dispose()
    used.append(database)


@pytest.fixture(scope="session")
def _clone_postgresql(postgresql_url: str, _postgresql_template: str) -> Iterator[Callable[[], str]]:
    """Makes a database with all tables; they are dropped together at the end, as dropping one takes a while."""
    made: list[str] = []
    with psycopg.connect(postgresql_url, autocommit=True) as connection:

        def clone() -> str:
            name = f"osmanthus_test_{os.getpid()}_{next(_numbers)}"
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {_postgresql_template}")
            made.append(name)
            return sqlalchemy_url(postgresql_url, name)

        yield clone
        for name in [*made, _postgresql_template]:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgresql_database(
    _clone_postgresql: Callable[[], str], _used_databases: dict[str, list[Database]]
) -> Iterator[Database]:
    used = _used_databases["postgresql"]
    database = used.pop() if used else Database(_clone_postgresql())
    with database.engine.connect() as connection:
        shape = connection.scalar(_SHAPE)
    yield database
    database.dispose()
    if _empty(database.url, shape):
        used.append(database)


_SHAPE = text(
    "SELECT (SELECT count(*) FROM pg_trigger) || ' ' || (SELECT count(*) FROM pg_class) || ' ' ||"
    " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())"
)
"""Tables, indexes, triggers and connections: a test that changed these has used its database up."""


def _empty(url: URL, shape: str) -> bool:
    """Whether the database is as it was made: the shape it had, no row in any table, every number unused.

    Emptying takes a tenth of the time of cloning.
    """
    tables = "; ".join(f"DELETE FROM {table.name}" for table in all_tables().sorted_tables)  # noqa: S608
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        if connection.scalar(_SHAPE) != shape:
            return False
        connection.exec_driver_sql(f"SET LOCAL session_replication_role = replica; {tables}")
        connection.exec_driver_sql(
            "SELECT setval(quote_ident(sequencename)::regclass, start_value, false)"
            " FROM pg_sequences WHERE last_value IS NOT NULL"
        )
    return True


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty city of its own for each test, on both kinds of database: for code that commits."""
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture(scope="session")
def _shared_sqlite(_sqlite_template: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{_sqlite_template.with_name('shared.db')}")
    all_tables().create_all(database.engine)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def _shared_postgresql(_clone_postgresql: Callable[[], str]) -> Iterator[Database]:
    database = Database(_clone_postgresql())
    yield database
    database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """For services, which never commit: everything is rolled back."""
    database: Database = request.getfixturevalue(f"_shared_{request.param}")
    with database._sessions() as session:
        yield session
        session.rollback()


@pytest.fixture(params=["in_process", "redis"])
def store(request: pytest.FixtureRequest) -> EphemeralStore:
    if request.param == "in_process":
        return open_store(None)
    return open_store(request.getfixturevalue("redis_url"))


def sqlalchemy_url(libpq_url: str, database_name: str) -> str:
    base = libpq_url.rsplit("/", 1)[0].replace("postgresql://", "postgresql+psycopg://")
    return f"{base}/{database_name}"


def _create_tables(url: str) -> None:
    database = Database(url)
    all_tables().create_all(database.engine)
    # Closing the last connection folds SQLite's write-ahead log into the file, which is then copied.
    database.dispose()


class Clock:
    """The server's clock in a test: stands still until it is moved."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **time: float) -> None:
        self.moment += timedelta(**time)


class ChosenSignIn:
    """A sign-in adapter for tests: the credential is the subject's own number."""

    adapter = "demo"

    def options(self) -> list[SignInOption]:
        return [SignInOption(credential="1", name="王*兰", story="测试市民")]

    def authenticate(self, session: Session, credential: str) -> int:
        if not credential.isdecimal():
            raise SignInFailed
        return int(credential)


@dataclass
class City:
    """A server over an empty city of its own, and the ways into it."""

    services: Services
    clock: Clock
    app: Flask

    @property
    def database(self) -> Database:
        return self.services.database

    @property
    def keys(self) -> KeyRing:
        return self.services.keys

    @property
    def http(self) -> FlaskClient:
        return self.app.test_client()

    def as_citizen(self, subject_id: int) -> FlaskClient:
        """A client that is signed in as this natural person and sends a fresh Idempotency-Key each time."""
        with self.database.transaction() as session:
            token = sign_in_citizen(session, subject_id=subject_id, now=self.clock()).token
        return self._signed_in(token)

    def as_officer(self, *roles: str) -> FlaskClient:
        username = f"officer{next(_numbers)}"
        with self.database.transaction() as session:
            add_officer(
                session, username=username, name="张敏", password="correct horse", roles=roles, now=self.clock()
            )
            token = sign_in_officer(session, username=username, password="correct horse", now=self.clock())[
                0
            ].token
        return self._signed_in(token)

    def recompute(self) -> None:
        """What the worker does within seconds."""
        while recompute_marked(self.database, now=self.clock()):
            pass

    def _signed_in(self, token: str) -> FlaskClient:
        client = self.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        open_request = client.open

        def with_key(*args: Any, **kwargs: Any) -> Any:
            headers = Headers(kwargs.pop("headers", None) or {})
            headers.setdefault("Idempotency-Key", str(uuid4()))
            return open_request(*args, headers=headers, **kwargs)

        client.open = with_key  # type: ignore[method-assign]
        return client


@pytest.fixture
def city_config(keys: KeyRing, tmp_path: Path) -> Config:
    return Config(
        database_url="sqlite://",
        redis_url=None,
        keys=keys,
        signing_key=b"s" * 32,
        data_dir=tmp_path,
        public_url="https://credit.example",
        sign_in="demo",
        city_name="桂城市",
        report_certificate=CERTIFICATE,
        report_fonts=tuple(folder for folder in USUAL_FONTS if folder.is_dir()),
    )


@pytest.fixture
def services(database: Database, city_config: Config, now: datetime) -> Services:
    """The outside of a server on both kinds of database, with everything ephemeral in the process."""
    return Services(
        config=replace(city_config, database_url=str(database.url)),
        database=database,
        store=open_store(None),
        sign_in=ChosenSignIn(),
        working_days=WorkingDays(),
        clock=Clock(now),
    )


@pytest.fixture(scope="session")
def serve() -> Callable[[Services], Flask]:
    """The whole server over whatever outside it was given last.

    Tests share it: putting one together takes longer than most of them.
    """
    composed: list[Flask] = []

    def serve(services: Services) -> Flask:
        if not composed:
            composed.append(compose(services))
            looks.watch(composed[0])
        composed[0].extensions[EXTENSION] = services
        return composed[0]

    return serve


@pytest.fixture
def city(services: Services, serve: Callable[[Services], Flask]) -> City:
    """The whole server over this test's own city."""
    return City(services=services, clock=services.clock, app=serve(services))


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> None:
    """Passwords are hashed as cheaply as Argon2 allows: how hard they are to guess is the library's matter."""
    accounts._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True)
class LiveCity:
    """A demo city that was built and is served by the commands of the README."""

    base_url: str
    folder: Path
    config: Config

    @property
    def database(self) -> Database:
        return Database(self.config.database_url)

    @property
    def officer_passwords(self) -> dict[str, str]:
        passwords: dict[str, str] = json.loads((self.folder / "officer-passwords.json").read_text())
        return passwords


@pytest.fixture(scope="session")
def live_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCity]:
    """Built and served by `osmanthus demo run`, as `make run` does it, on a free port."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OSMANTHUS_")},
        "OSMANTHUS_ENV_FILE": str(folder / "osmanthus.env"),
    }
    base_url = f"http://127.0.0.1:{(port := free_port())}"
    log = folder / "server.log"
    with log.open("w") as told:
        server = subprocess.Popen(
            [sys.executable, "-m", "command_line.main", "demo", "run", "--residents", "3000", "--port", str(port)],
            env=environment, cwd=ROOT, stdout=told, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            wait_until_ready(f"{base_url}/readyz", server, log)
            yield LiveCity(base_url, folder, load_config(environment))
        finally:
            server.terminate()
            server.wait(timeout=30)


def wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 480) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"{url} did not become ready:\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium; a browser of Playwright's own cannot be downloaded everywhere."""
    return {
        "executable_path": shutil.which("chromium") or "/usr/bin/chromium",
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
    }
