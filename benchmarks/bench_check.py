"""How fast a merchant's check is answered, layer by layer, beside a bare Flask view on the same server.

    python -m benchmarks.bench_check                       three rounds of four seconds for each layer
    python -m benchmarks.bench_check --seconds 8 --rounds 5

A PostgreSQL and a Redis that keep what they acknowledge (fsync, `appendfsync always`) and gunicorn servers of
two gthread workers each are started here and stopped afterwards. Eight connections ask without pause. Requests a
second and latency depend on who else uses the machine, so every layer has its turn in every round, the ratios are
those within a round, and their median is told; beside them stands the processor time of the workers for a request,
which other users of the machine disturb least. After the checks of the product the stream is drained and every
acknowledged answer is looked up in `benefit_checks` and in the ledger.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import redis
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import func, select

from backend.authorizations.tokens import PARTNER_SCOPES, issue_access_token
from backend.background import open_check_stream
from backend.benefits.codes import issue_code, key_of_code
from backend.benefits.models import BenefitCheck
from backend.benefits.swift_desk import SwiftDesk
from backend.city_calendar import utc_now
from backend.config import Config, read_config
from backend.database import Database
from backend.ephemeral import open_store
from backend.ephemeral.changes import PREFIX
from backend.identifiers.sealing import generate_key
from backend.ledger.models import LedgerEntry
from backend.partners.keys import generate_private_jwk, public_part
from backend.tables import all_tables
from tests.backend.benefits.made_up import add_merchant, add_scheme, add_scored_person
from tests.servers import durable_postgresql_server, durable_redis_server, free_port

CONNECTIONS, WORKERS, THREADS = 8, 2, 8
PARTNERS, CITIZENS = 80, 250
SCHEME = "bench"
ONE_YEAR = timedelta(days=365)

LAYERS = [
    ("裸 Flask", "/bare"),
    ("flask-smorest", "/smorest"),
    ("裸 Flask + 令牌", "/auth"),
    ("… + 限次（一次 Redis）", "/limit"),
    ("… + 凭码所带的判定", "/snapshot"),
    ("产品：… + 台账、幂等、日志、指标", "/api/v1/partner/checks"),
    ("产品的完整路径（经 PostgreSQL）", "full:/api/v1/partner/checks"),
    ("朴素做法", "/naive"),
]
NEED_CODES = {"/snapshot", "/api/v1/partner/checks", "full:/api/v1/partner/checks", "/naive"}


@dataclass
class Made:
    """One layer in one round. Latencies in milliseconds, `processor` in milliseconds of the workers a request."""

    per_second: float
    p50: float
    p99: float
    processor: float
    check_ids: list[str]


def ask(port: int, requests: list[bytes], seconds: float, results: Any) -> None:
    """One connection that sends its requests one after the other until the time is over."""
    latencies: list[float] = []
    check_ids: list[str] = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.monotonic() + seconds
        for number in range(10**9):
            if time.monotonic() >= end or (len(requests) > 1 and number >= len(requests)):
                break
            began = time.perf_counter()
            connection.sendall(requests[number % len(requests)])
            head, body = read_answer(connection)
            latencies.append(time.perf_counter() - began)
            if not (b" 200 " in head[:16] or b" 201 " in head[:16]):
                results.put(f"{head[:200]!r} {body[:300]!r}")
                return
            if b'"check_id"' in body:
                check_ids.append(json.loads(body)["check_id"])
    results.put((latencies, check_ids))


def read_answer(connection: socket.socket) -> tuple[bytes, bytes]:
    data = connection.recv(65536)
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head, body


class Bench:
    def __init__(self, config: Config, folder: Path, environment: dict[str, str]) -> None:
        self.config, self.folder, self.environment = config, folder, environment
        self.database = Database(config.database_url)
        assert config.redis_url
        self.redis = redis.Redis.from_url(config.redis_url)
        self.store = open_store(config.redis_url)
        self.desk = SwiftDesk(config.redis_url, self.database)
        self.private = ECKey.import_key(generate_private_jwk())
        self.ports: dict[str, int] = {}
        self.workers: dict[str, list[int]] = {}
        self._turn = 0

    def fill(self) -> None:
        """A scheme, partners with tokens, citizens with a score."""
        all_tables().create_all(self.database.engine)
        now = utc_now()
        self.tokens: list[str] = []
        with self.database.transaction() as session:
            scheme = add_scheme(
                session, now, code=SCHEME, quota={"limit": 1000, "period": "day"},
                conditions={"all": [
                    {"fact": "score.total", "op": "ge", "value": 12000, "reason": "信用分达到 120 分。"},
                    {"fact": "records.dishonest_debtor.in_force", "op": "le", "value": 0, "reason": "无未履行。"},
                ]},
            )  # fmt: skip
            for number in range(PARTNERS):
                partner = add_merchant(
                    session, now, code=f"bench-{number}", name=f"商户{number}", offers=(scheme,)
                )
                token = secrets.token_urlsafe(32)
                row = issue_access_token(
                    session, partner_id=partner.partner_id, scopes=PARTNER_SCOPES, token=token, now=now
                )
                row.expires_at = now + ONE_YEAR
                self.tokens.append(token)
            self.citizens = [add_scored_person(session, self.config.keys, now) for _ in range(CITIZENS)]

    @contextlib.contextmanager
    def serving(self, name: str, factory: str, **extra: str) -> Iterator[None]:
        port = self.ports[name] = free_port()
        command = [
            sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", str(WORKERS), "--threads", str(THREADS),
            "-b", f"127.0.0.1:{port}", "--keep-alive", "60", f"benchmarks.check_layers:{factory}()",
        ]  # fmt: skip
        with (self.folder / f"{name}.log").open("w") as log:
            server = subprocess.Popen(command, env={**self.environment, **extra}, stdout=log, stderr=log)
            try:
                wait_for(port)
                time.sleep(3)
                children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
                self.workers[name] = [int(pid) for pid in children.split()]
                yield
            finally:
                server.terminate()
                server.wait(timeout=30)

    def requests(self, path: str, how_many: int) -> list[bytes]:
        """Ready to send: each with its own code and key where the layer takes one; partners take turns."""
        signed = jwt.encode({"alg": "ES256"}, {"sub": "bench"}, self.private)
        codes = self.codes(how_many) if path in NEED_CODES else ["X"] * CONNECTIONS * PARTNERS
        made = []
        for code in codes:
            token = self.tokens[self._turn % PARTNERS]
            self._turn += 1
            body = json.dumps({"code": code, "scheme": SCHEME}).encode()
            made.append(
                f"POST {path.removeprefix('full:')} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
                f"X-Signed: {signed}\r\nIdempotency-Key: {uuid4()}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
        return made

    def codes(self, how_many: int) -> list[str]:
        """Many codes of each citizen. What a code carries was decided once; then it is put under more codes."""
        for pattern in ("limit:*", "checks:*", "codes:*"):
            for key in self.redis.keys(PREFIX + pattern):
                self.redis.delete(key)
        life, now = self.desk.run_id(), utc_now()
        carried = []
        with self.database.reading() as session:
            for citizen in self.citizens:
                code = issue_code(
                    session, self.store, holder=citizen, scheme_code=SCHEME, store_life=life, now=now
                ).code
                carried.append(self.redis.get(PREFIX + key_of_code(code)))
        codes = [secrets.token_hex(13) for _ in range(how_many)]
        with self.redis.pipeline(transaction=False) as pipeline:
            for number, code in enumerate(codes):
                pipeline.set(PREFIX + key_of_code(code), carried[number % CITIZENS], ex=60)
            pipeline.execute()
        return codes

    def measure(self, path: str, seconds: float) -> Made:
        server = "layers"
        if path.startswith("full:"):
            server = "full"
        elif path.startswith("/api"):
            server = "product"
        expected = {"/naive": 200, "full:/api/v1/partner/checks": 200}.get(path, 1200)
        requests = self.requests(path, int(expected * (seconds + 1)))
        results: Any = multiprocessing.Queue()
        before = processor_seconds(self.workers[server])
        asking = [
            multiprocessing.Process(
                target=ask, args=(self.ports[server], requests[number::CONNECTIONS], seconds, results)
            )
            for number in range(CONNECTIONS)
        ]
        began = time.monotonic()
        for process in asking:
            process.start()
        answers = [results.get(timeout=seconds + 60) for _ in asking]
        took = time.monotonic() - began
        for process in asking:
            process.join()
        if wrong := [answer for answer in answers if isinstance(answer, str)]:
            raise AssertionError(wrong[0])
        used = processor_seconds(self.workers[server]) - before
        latencies = sorted(latency for answer in answers for latency in answer[0])
        return Made(
            per_second=len(latencies) / min(took, seconds),
            p50=1000 * latencies[len(latencies) // 2],
            p99=1000 * latencies[int(len(latencies) * 0.99)],
            processor=1000 * used / len(latencies),
            check_ids=[check_id for answer in answers for check_id in answer[1]],
        )

    def reconcile(self, acknowledged: set[str]) -> None:
        stream = open_check_stream(self.config, self.database)
        assert stream is not None
        began = time.monotonic()
        drained = stream.drain()
        took = time.monotonic() - began
        with self.database.reading() as session:
            stored = {str(one) for one in session.scalars(select(BenefitCheck.id))}
            entries = session.scalar(select(func.count()).select_from(LedgerEntry)) or 0
        missing = {one for one in acknowledged if str(UUID(one)) not in stored}
        print(
            f"\n已回答 {len(acknowledged)} 次核验；一次写入数据库 {drained} 次，每秒 {drained / took:.0f} 次；"
            f"缺失 {len(missing)}；核验 {len(stored)} 行，台账 {entries} 行"
        )
        if missing or entries != len(stored):
            raise AssertionError("an acknowledged answer has no row")


def processor_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_for(port: int, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        durable_postgresql_server() as postgresql_url,
        durable_redis_server() as redis_url,
    ):
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
        environment = {
            "OSMANTHUS_ENV_FILE": str(Path(folder) / "none"),
            "OSMANTHUS_DATABASE_URL": postgresql_url.replace("postgresql://", "postgresql+psycopg://").replace(
                "/postgres", "/bench"
            ),
            "OSMANTHUS_REDIS_URL": redis_url,
            "OSMANTHUS_SEALING_KEYS": f"bench:{generate_key()}",
            "OSMANTHUS_INDEX_KEY": generate_key(),
            "OSMANTHUS_SIGNING_KEY": generate_key(),
            "OSMANTHUS_SIGN_IN": "demo",
            "OSMANTHUS_DATA_DIR": folder,
        }
        bench = Bench(read_config(environment), Path(folder), {**os.environ, **environment})
        bench.environment["BENCH_PUBLIC_JWK"] = json.dumps(public_part(bench.private.as_dict(private=True)))
        bench.fill()
        with (
            bench.serving("layers", "create_layers"),
            bench.serving("product", "create_product"),
            bench.serving("full", "create_product", BENCH_FULL_PATH="1"),
        ):
            for _, path in LAYERS:
                bench.measure(path, 1)
            rounds = [
                {path: bench.measure(path, options.seconds) for _, path in LAYERS} for _ in range(options.rounds)
            ]
        tell(rounds)
        bench.reconcile({one for made in rounds for one in made["/api/v1/partner/checks"].check_ids})


def tell(rounds: list[dict[str, Made]]) -> None:
    print("| 层 | 次/秒 | ÷ 裸 Flask | p50 ms | p99 ms | 工作进程 CPU ms/次 | CPU 比 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, path in LAYERS:
        made = [one[path] for one in rounds]
        ratio = statistics.median(one[path].per_second / one["/bare"].per_second for one in rounds)
        processor = statistics.median(one["/bare"].processor / one[path].processor for one in rounds)
        print(
            f"| {name} | {statistics.median(one.per_second for one in made):.0f} | {ratio:.2f} "
            f"| {statistics.median(one.p50 for one in made):.1f} "
            f"| {statistics.median(one.p99 for one in made):.1f} "
            f"| {statistics.median(one.processor for one in made):.2f} | {processor:.2f} |"
        )
    swift, naive = "/api/v1/partner/checks", "/naive"
    times = statistics.median(one[swift].per_second / one[naive].per_second for one in rounds)
    bare_p99 = statistics.median(one["/bare"].p99 for one in rounds)
    swift_p99 = statistics.median(one[swift].p99 for one in rounds)
    print(f"\n产品 ÷ 朴素做法 = {times:.1f}；p99 {swift_p99:.1f} ms，上限 3 × {bare_p99:.1f} + 15 ms")


if __name__ == "__main__":
    main()
