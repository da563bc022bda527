"""Telling every process that something was decided from has changed: fences in Redis.

A one-time code carries what was decided when it was made. A fence on a topic outlives every code that could have
been made from what was read before the change, so no such code is believed. It is set before the change commits
(a process that dies in between leaves it standing) and set again after it.
"""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex

import redis
import structlog

from backend.database import EVERYTHING

log = structlog.get_logger(__name__)

PREFIX = "osmanthus:"
FENCE = PREFIX + "changed:"
EPOCH = PREFIX + "configuration-epoch"

FENCE_SECONDS = 90
"""A code lives for 60 seconds; the rest is for clocks that differ and transactions that take a while."""

_MOST_SINGLE_FENCES = 500


def change_announcer(redis_url: str | None) -> Callable[[frozenset[str]], None] | None:
    """For `Database(on_change=…)`. None where everything is in one process and nothing is decided ahead."""
    if redis_url is None:
        return None
    client = redis.Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=2)

    def announce(topics: frozenset[str]) -> None:
        fenced = topics if len(topics) <= _MOST_SINGLE_FENCES else topics & {"configuration"} | {EVERYTHING}
        try:
            with client.pipeline(transaction=True) as pipeline:
                if "configuration" in fenced:
                    pipeline.set(EPOCH, token_hex(16))
                for topic in fenced:
                    pipeline.set(FENCE + topic, b"1", ex=FENCE_SECONDS)
                pipeline.execute()
        except redis.RedisError as error:
            # The change itself must not wait for Redis: withdrawing a consent works without it. While Redis is
            # gone no code can be taken, and codes from before a restart of Redis are not believed either.
            log.warning("change_not_announced", error=type(error).__name__, topics=len(topics))

    return announce
