"""The check in one round trip to Redis, for a city whose Redis keeps what it acknowledges.

The code on the phone carries the decisions that were made when it was made. A check takes the code, counts
against the limits, appends the check to a durable stream and remembers the answer, all in one script, so that no
answer leaves without its entry; `check_stream` carries the entries into the database within a second. Whenever
anything is not plainly as it was when the code was made (`backend.ephemeral.changes`), the desk declines and the
full path of `checks.check_benefit` decides from the database. See docs/decisions/0007-checks-from-the-code.md.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from secrets import token_hex
from typing import Any, cast
from uuid import UUID, uuid4

import redis
import structlog

from backend.authorizations.tokens import PartnerIdentity, hash_of, partner_of_token
from backend.benefits.checks import REDEEMABLE_FOR, CheckAnswer, CheckLimits, answer_of
from backend.benefits.codes import key_of_code
from backend.benefits.schemes import SchemeInForce, schemes_offered_by, version_by_id
from backend.city_calendar import city_date
from backend.database import EVERYTHING, Database
from backend.ephemeral import StoreUnavailable
from backend.ephemeral.changes import EPOCH, FENCE, PREFIX

log = structlog.get_logger(__name__)

STREAM = PREFIX + "checks-made"
ANSWER_REMEMBERED_SECONDS = 24 * 3600
_MOST_PARTNERS_KNOWN = 20_000
_SCRIPT = files("backend.benefits").joinpath("swift_desk.lua").read_text("utf-8")


@dataclass(frozen=True)
class PartnerLimit:
    """The counter of `@limited` for this route, so that both paths count on the same one."""

    name: str
    most: int
    window_seconds: int


@dataclass(frozen=True)
class SwiftAnswer:
    """`fingerprint` is that of the request which was answered first; `made_now` is False for a repeated answer."""

    answer: CheckAnswer
    fingerprint: str
    made_now: bool
    counted: int


@dataclass(frozen=True)
class _Known:
    """A partner as the database had it at one epoch of the configuration, on one day."""

    identity: PartnerIdentity
    expires_at: datetime
    offered: Mapping[str, SchemeInForce]
    day: date
    epoch: str


class _Line(threading.local):
    """One connection per thread: taking one from a pool for each request costs more than the request."""

    connection: Any = None
    run_id: str | None = None


class SwiftDesk:
    """Checks by what codes carry. One per process; safe for threads."""

    def __init__(self, redis_url: str, database: Database, *, limits: CheckLimits | None = None) -> None:
        self._database = database
        self._limits = limits or CheckLimits()
        self._pool = redis.ConnectionPool.from_url(
            redis_url, socket_timeout=2, socket_connect_timeout=2, protocol=3
        )
        self._client = redis.Redis(connection_pool=self._pool)
        self._line = _Line()
        self._known: dict[bytes, _Known] = {}
        self._versions: dict[str, SchemeInForce] = {}

    def run_id(self) -> str | None:
        """Which life of this Redis it is; None when it is gone or would forget what it has acknowledged."""
        try:
            return self._open_line()
        except redis.RedisError:
            return None

    def identify(self, token: str, *, now: datetime) -> PartnerIdentity | None:
        """Whose token it is, as far as is known without asking the database; scopes are the caller's to check."""
        known = self._known.get(hash_of(token))
        if known is None or known.expires_at <= now or known.day != city_date(now):
            known = self._learn(token, now)
        return known.identity if known else None

    def check(
        self,
        *,
        token: str,
        code: str,
        scheme_code: str,
        request_key: str,
        fingerprint: str,
        limit: PartnerLimit,
        now: datetime,
    ) -> SwiftAnswer | None:
        """The answer, or None when the full path has to decide. Nothing has happened then.

        Raises StoreUnavailable when Redis is lost while answering: the same request again gets the answer that
        was made, if one was.
        """
        run_id = self.run_id()
        known = self._known.get(hash_of(token))
        if run_id is None or known is None or (scheme := known.offered.get(scheme_code)) is None:
            return None
        partner = known.identity.partner_id
        connection = self._line.connection
        try:
            connection.send_command(
                "EVALSHA", self._sha, 5,
                PREFIX + key_of_code(code), f"{PREFIX}answered:{partner}:{request_key}", STREAM, EPOCH,
                f"{PREFIX}limit:{limit.name}:partner:{partner}",
                fingerprint, known.epoch, run_id, scheme_code, scheme.id.hex, str(partner),
                int(now.timestamp() * 1000), known.day.isoformat(), uuid4().hex,
                limit.most, limit.window_seconds, self._limits.most, self._limits.window_seconds,
                ANSWER_REMEMBERED_SECONDS, request_key, PREFIX,
            )  # fmt: skip
            told: Sequence[bytes] = connection.read_response()
        except redis.RedisError as error:
            self._hang_up()
            raise StoreUnavailable from error
        match told:
            case [b"new", answer, counted]:
                return self._read(answer, made_now=True, counted=int(counted))
            case [b"again", answer]:
                return self._read(answer, made_now=False, counted=0)
            case [b"reload"]:
                self._known.pop(hash_of(token), None)
        return None

    def _read(self, answer: bytes, *, made_now: bool, counted: int) -> SwiftAnswer:
        fingerprint, check_id, scheme_id, tier, at_ms = answer.decode().split("|")
        at = datetime.fromtimestamp(int(at_ms) / 1000, UTC)
        return SwiftAnswer(
            answer=answer_of(
                UUID(check_id), self._version(scheme_id).rules, tier or None, expires_at=at + REDEEMABLE_FOR
            ),
            fingerprint=fingerprint,
            made_now=made_now,
            counted=counted,
        )

    def _version(self, scheme_id: str) -> SchemeInForce:
        """A version never changes, so what was read of it once is true for good."""
        if scheme_id not in self._versions:
            with self._database.reading() as session:
                self._versions[scheme_id] = version_by_id(session, UUID(scheme_id))
        return self._versions[scheme_id]

    def _learn(self, token: str, now: datetime) -> _Known | None:
        """Read the partner once; nothing is kept while its configuration is being changed.

        Raises TokenNotValid or ContractEnded.
        """
        try:
            # The epoch is read first: a change after that makes what is read here outdated, never the reverse.
            self._client.set(EPOCH, token_hex(16), nx=True)
            epoch, *fences = cast(
                "list[bytes | None]", self._client.mget(EPOCH, FENCE + "configuration", FENCE + EVERYTHING)
            )
        except redis.RedisError:
            return None
        if epoch is None or any(fences):
            return None
        day = city_date(now)
        with self._database.reading() as session:
            identity, expires_at = partner_of_token(session, token, now)
            offered = {one.rules.code: one for one in schemes_offered_by(session, identity.partner_id, day)}
        if identity.grant_id is not None:
            # A token that rests on a citizen's consent is looked at anew each time.
            return None
        if len(self._known) >= _MOST_PARTNERS_KNOWN:
            self._known.clear()
        known = _Known(identity=identity, expires_at=expires_at, offered=offered, day=day, epoch=epoch.decode())
        self._known[hash_of(token)] = known
        return known

    def _open_line(self) -> str | None:
        line = self._line
        if line.connection is None:
            connection: Any = self._pool.get_connection()
            try:
                run_id, is_durable = _credentials(connection)
                connection.send_command("SCRIPT", "LOAD", _SCRIPT)
                self._sha = connection.read_response()
            except redis.RedisError:
                connection.disconnect()
                self._pool.release(connection)
                raise
            line.connection, line.run_id = connection, run_id if is_durable else None
        return line.run_id

    def _hang_up(self) -> None:
        connection, self._line.connection = self._line.connection, None
        connection.disconnect()
        self._pool.release(connection)


def _credentials(connection: Any) -> tuple[str, bool]:
    """Run id of the server, and whether it has written to disk all that it acknowledges and drops nothing."""
    connection.send_command("INFO", "everything")
    lines = [line.partition(":") for line in connection.read_response().decode().splitlines()]
    info = {name: value for name, _, value in lines}
    is_durable = info.get("aof_enabled") == "1" and info.get("maxmemory_policy") == "noeviction"
    if is_durable:
        connection.send_command("CONFIG", "GET", "appendfsync")
        is_durable = connection.read_response()[b"appendfsync"] == b"always"
    if not is_durable:
        log.warning("redis_not_durable", needed="appendonly yes, appendfsync always, maxmemory-policy noeviction")
    return info["run_id"], is_durable
