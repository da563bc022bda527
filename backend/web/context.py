"""What a request may reach: built once by `create_app`, never global."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app, g, has_request_context, request
from sqlalchemy.orm import Session

from backend.accounts.service import CitizenSignIn
from backend.benefits.check_stream import CheckStream
from backend.benefits.swift_desk import SwiftDesk
from backend.city_calendar import WorkingDays
from backend.config import Config
from backend.database import Database
from backend.ephemeral import EphemeralStore
from backend.evidence.service import EvidenceStore
from backend.identifiers.sealing import KeyRing
from backend.jobs.worker import Worker
from backend.objections.deadlines import Deadlines, load_deadlines
from backend.records.intake import Intake
from backend.repairs.service import states_in_force
from backend.reports.press import ReportPress, press_of

EXTENSION = "osmanthus"


@dataclass(frozen=True)
class Services:
    """The outside of a request. `worker` is there where jobs run inside the server's own process, `desk` and
    `check_stream` where checks can be answered through Redis.
    """

    config: Config
    database: Database
    store: EphemeralStore
    sign_in: CitizenSignIn
    working_days: WorkingDays
    clock: Callable[[], datetime]
    worker: Worker | None = None
    desk: SwiftDesk | None = None
    check_stream: CheckStream | None = None

    @property
    def deadlines(self) -> Deadlines:
        return load_deadlines(self.working_days, self.config.jurisdiction)

    @property
    def intake(self) -> Intake:
        return Intake(self.keys, self.working_days, states_in_force)

    @property
    def evidence(self) -> EvidenceStore:
        return EvidenceStore(self.config.evidence_dir, self.keys)

    @property
    def press(self) -> ReportPress:
        return press_of(self.config)

    @property
    def keys(self) -> KeyRing:
        return self.config.keys


def services() -> Services:
    return cast(Services, current_app.extensions[EXTENSION])


def now() -> datetime:
    """The moment of this request: the same wherever it is asked, so no two rows of one request disagree."""
    if not has_request_context():
        return services().clock()
    if "now" not in g:
        g.now = services().clock()
    return cast(datetime, g.now)


@contextmanager
def transaction() -> Iterator[Session]:
    """Commit what the block did, or nothing.

    Inside a view marked `@idempotent` the block joins the transaction that also stores the answer, so the
    effect and the memory of it are committed together or not at all.
    """
    outer: Session | None = g.get("session")
    if outer is not None:
        yield outer
        outer.flush()
        return
    with services().database.transaction() as session:
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """For views that only look and leave no trace; looks that belong in the ledger use `transaction`."""
    with services().database.reading() as session:
        yield session


def client_address() -> str:
    return request.remote_addr or "unknown"
