"""Two transactions at the same time, in the order that a test is about."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import sleep
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from backend.database import Database

Answer = TypeVar("Answer")

_SOMEBODY_WAITS = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")


def beside(session: Session, database: Database, step: Callable[[Session], Answer]) -> Future[Answer]:
    """Take the step in a transaction of its own, beside the one that `session` has open. Back as soon as it waits
    for a lock of that one, or is over."""

    def take() -> Answer:
        with database.transaction() as other:
            return step(other)

    pool = ThreadPoolExecutor(1)
    answer = pool.submit(take)
    pool.shutdown(wait=False)
    while not answer.done() and not session.scalar(_SOMEBODY_WAITS):
        sleep(0.005)
    return answer
