"""The app, Redis and PostgreSQL are killed without warning in the middle of work: no acknowledged check or
redemption lacks its row or its line in the ledger, and nothing is written twice."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
import redis
from sqlalchemy import select
from werkzeug.serving import make_server

from backend.background import open_check_stream
from backend.benefits.models import BenefitCheck, Redemption
from backend.benefits.swift_desk import STREAM, SwiftDesk
from backend.city_calendar import WorkingDays, utc_now
from backend.database import Database
from backend.ephemeral import change_announcer, open_store
from backend.ledger.models import LedgerEntry
from backend.tables import all_tables
from backend.web import Services
from tests.backend.benefits.made_up import add_scored_person
from tests.conftest import ChosenSignIn, City, sqlalchemy_url
from tests.miniprogram_api.partner.conftest import new_counter
from tests.servers import free_port, killable_durable_redis, killable_postgresql
from wsgi import compose

FORK = multiprocessing.get_context("fork")
CUSTOMERS = 15
AT_ONCE = 4
KILLED_AFTER = 4


class App:
    """The server in a process of its own."""

    def __init__(self, build: Callable[[], Services]) -> None:
        self._build, self.port = build, free_port()
        self.start()

    def start(self) -> None:
        self._process = FORK.Process(target=self._serve, daemon=True)
        self._process.start()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2)
                return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def _serve(self) -> None:
        make_server("127.0.0.1", self.port, compose(self._build()), threaded=True).serve_forever()


@dataclass
class Acknowledged:
    """What customers were told, and how often nobody answered."""

    checks: list[str] = field(default_factory=list)
    redemptions: list[str] = field(default_factory=list)
    unanswered: int = 0


@dataclass
class Town:
    city: City
    app: App
    victims: dict[str, Any]
    redis_url: str


@pytest.fixture
def town(city_config) -> Iterator[Town]:
    with killable_postgresql() as (libpq, postgresql), killable_durable_redis() as (redis_url, redis_server):
        with psycopg.connect(libpq, autocommit=True) as connection:
            connection.execute("CREATE DATABASE city")
        url = sqlalchemy_url(libpq, "city")
        config = replace(city_config, database_url=url, redis_url=redis_url)

        def build() -> Services:
            database = Database(url, on_change=change_announcer(redis_url))
            return Services(
                config=config,
                database=database,
                store=open_store(redis_url),
                sign_in=ChosenSignIn(),
                working_days=WorkingDays(),
                clock=utc_now,
                desk=SwiftDesk(redis_url, database),
                check_stream=open_check_stream(config, database),
            )

        services = build()
        all_tables().create_all(services.database.engine)
        app = App(build)
        city = City(services=services, clock=utc_now, app=compose(services))  # type: ignore[arg-type]
        yield Town(city, app, {"app": app, "redis": redis_server, "postgresql": postgresql}, redis_url)
        app.kill()
        services.database.dispose()


def serve(town: Town, counter: Any, codes: list[str], token: str, kill: Callable[[], None]) -> Acknowledged:
    """Customers come side by side; once a few have been told yes, something is killed."""
    told, lock, killed = Acknowledged(), threading.Lock(), threading.Event()

    def act(http: httpx.Client, path: str, body: dict[str, str]) -> dict[str, Any] | None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
        try:
            answer = http.post(f"/api/v1/partner{path}", json=body, headers=headers)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 201 else None

    def customer(code: str) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{town.app.port}", timeout=5) as http:
            check = act(http, "/checks", {"code": code, "scheme": "pool_ticket"})
            with lock:
                if check is None:
                    told.unanswered += 1
                    return
                told.checks.append(check["check_id"])
                if len(told.checks) == KILLED_AFTER:
                    kill()
                    killed.set()
            redemption = act(http, "/redemptions", {"check_id": check["check_id"]})
            with lock:
                if redemption is None:
                    told.unanswered += 1
                else:
                    told.redemptions.append(redemption["redemption_id"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(customer, codes))
    assert killed.is_set()
    return told


def test_no_acknowledged_check_or_redemption_is_lost_whatever_is_killed(town):
    city = town.city
    counter = new_counter(city)
    told = Acknowledged()
    for name in town.victims:
        with city.database.transaction() as session:
            customers = [
                add_scored_person(session, city.keys, city.clock(), total=125_00) for _ in range(CUSTOMERS)
            ]
        # A citizen at rest, and a partner too: so that checks are answered through Redis alone.
        client = redis.Redis.from_url(town.redis_url)
        for key in client.keys("osmanthus:changed:*"):
            client.delete(key)
        codes = [
            city.as_citizen(one.id).post("/api/v1/me/codes", json={"scheme": None}).json["code"]
            for one in customers
        ]
        victim = town.victims[name]
        part = serve(town, counter, codes, counter.token(), victim.kill)
        assert part.unanswered, f"nobody noticed that {name} was killed"
        told.checks += part.checks
        told.redemptions += part.redemptions
        victim.start()
        city.database.dispose()

    stream = open_check_stream(city.services.config, city.database)
    stream.drain()
    waited = redis.Redis.from_url(town.redis_url).xinfo_stream(STREAM)
    assert (waited["length"], waited["entries-added"] > 0) == (0, True), "some were answered through Redis alone"
    with city.database.reading() as session:
        checks = {one.id: one for one in session.scalars(select(BenefitCheck))}
        redeemed = {one.id: one for one in session.scalars(select(Redemption))}
        entries = Counter((one.subject_id, one.action) for one in session.scalars(select(LedgerEntry)))
    assert len(told.checks) == len(set(told.checks))
    assert {UUID(one) for one in told.checks} <= checks.keys()
    assert {UUID(one) for one in told.redemptions} <= redeemed.keys()
    # Each customer came once: one check is one line, one redemption is one line, whether it was heard of or not.
    assert entries == Counter(
        [(check.holder_id, "benefit_checked") for check in checks.values()]
        + [(one.subject_id, "benefit_redeemed") for one in redeemed.values()]
    )
