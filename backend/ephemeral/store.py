"""The port, and its two adapters: Redis for several processes, a dictionary for one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol, cast

import redis

from backend.errors import Unavailable


class StoreUnavailable(Unavailable):
    code = "store_unavailable"

    def __init__(self) -> None:
        super().__init__("服务暂时繁忙，请稍后再试；刚才的操作没有生效。")


class EphemeralStore(Protocol):
    """Keys are text, values bytes. Nothing here is a source of truth. Raises StoreUnavailable."""

    def put(self, key: str, value: bytes, *, ttl_seconds: int) -> None: ...

    def get(self, key: str) -> bytes | None: ...

    def take(self, key: str) -> bytes | None:
        """Read and delete in one step: of many callers exactly one gets the value."""
        ...

    def forget(self, key: str) -> None: ...

    def count(self, key: str, *, window_seconds: int) -> int:
        """Add one to a counter that starts anew each window; the new value."""
        ...

    def ping(self) -> None: ...


class InProcessStore:
    """For the embedded default: one process, several threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, tuple[bytes, float]] = {}
        self._monotonic = monotonic
        self._next_sweep = 0.0

    def put(self, key: str, value: bytes, *, ttl_seconds: int) -> None:
        with self._lock:
            self._sweep()
            self._values[key] = (value, self._monotonic() + ttl_seconds)

    def get(self, key: str) -> bytes | None:
        with self._lock:
            return self._alive(key)

    def take(self, key: str) -> bytes | None:
        with self._lock:
            value = self._alive(key)
            self._values.pop(key, None)
            return value

    def forget(self, key: str) -> None:
        with self._lock:
            self._values.pop(key, None)

    def count(self, key: str, *, window_seconds: int) -> int:
        with self._lock:
            self._sweep()
            value = self._alive(key)
            if value is None:
                self._values[key] = (b"1", self._monotonic() + window_seconds)
                return 1
            count = int(value) + 1
            self._values[key] = (str(count).encode(), self._values[key][1])
            return count

    def ping(self) -> None:
        return None

    def _alive(self, key: str) -> bytes | None:
        entry = self._values.get(key)
        if entry is None or entry[1] <= self._monotonic():
            return None
        return entry[0]

    def _sweep(self) -> None:
        # Expired entries are dropped once a minute, so a long-lived process does not grow.
        now = self._monotonic()
        if now >= self._next_sweep:
            self._values = {k: v for k, v in self._values.items() if v[1] > now}
            self._next_sweep = now + 60


class RedisStore:
    """For production. Keys are prefixed, so a Redis can be shared."""

    _PREFIX = "osmanthus:"
    # One round trip and no key without an expiry, even if the process dies in between.
    _COUNT = (
        "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end return n"
    )

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        self._count_script = self._client.register_script(self._COUNT)

    def put(self, key: str, value: bytes, *, ttl_seconds: int) -> None:
        try:
            self._client.set(self._PREFIX + key, value, ex=ttl_seconds)
        except redis.RedisError as error:
            raise StoreUnavailable from error

    def get(self, key: str) -> bytes | None:
        try:
            return cast("bytes | None", self._client.get(self._PREFIX + key))
        except redis.RedisError as error:
            raise StoreUnavailable from error

    def take(self, key: str) -> bytes | None:
        try:
            return cast("bytes | None", self._client.getdel(self._PREFIX + key))
        except redis.RedisError as error:
            raise StoreUnavailable from error

    def forget(self, key: str) -> None:
        try:
            self._client.delete(self._PREFIX + key)
        except redis.RedisError as error:
            raise StoreUnavailable from error

    def count(self, key: str, *, window_seconds: int) -> int:
        try:
            return int(cast(int, self._count_script(keys=[self._PREFIX + key], args=[window_seconds])))
        except redis.RedisError as error:
            raise StoreUnavailable from error

    def ping(self) -> None:
        try:
            self._client.ping()
        except redis.RedisError as error:
            raise StoreUnavailable from error


def open_store(redis_url: str | None) -> EphemeralStore:
    return RedisStore(redis_url) if redis_url else InProcessStore()
