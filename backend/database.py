"""One way to reach the database, on SQLite (embedded) and PostgreSQL (production) alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    cast,
    create_engine,
    event,
    func,
    literal,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session, sessionmaker
from sqlalchemy.types import TypeDecorator, TypeEngine

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""64-bit row number. SQLite only numbers rows by itself when the type is exactly INTEGER."""

Json = JSON().with_variant(JSONB(), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite forgets the zone, so it is checked on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Digest16(TypeDecorator[bytes]):
    """A digest of 16 bytes. PostgreSQL keeps it as a UUID: shorter in an index than a byte string."""

    impl = LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Uuid() if dialect.name == "postgresql" else LargeBinary(16))

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | UUID | None:
        return UUID(bytes=value) if value is not None and dialect.name == "postgresql" else value

    def process_result_value(self, value: bytes | UUID | None, dialect: Dialect) -> bytes | None:
        return value.bytes if isinstance(value, UUID) else value


class JsonText(TypeDecorator[Any]):
    """JSON that the database keeps as it is written, and does not look into: in PostgreSQL a fifth of what storing
    a short row costs."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Base(DeclarativeBase):
    """The tables of every feature. Constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def insert_into(session: Session, target: type[Base] | Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what happens on conflict, in the dialect of this session's database.

    Given a table instead of its class, the unit of work is left out: faster for many rows nobody holds.
    """
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(target)
    return sqlite.insert(target)


def array_of(numbers: Iterable[int]) -> ColumnElement[Sequence[int]]:
    """A PostgreSQL array that travels as one text: the driver would write it element by element."""
    listed = orjson.dumps(list(numbers)).decode()
    return cast(literal(f"{{{listed[1:-1]}}}", String), ARRAY(BigInteger))


def is_one_of(
    session: Session,
    column: ColumnElement[int] | InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
    numbers: Collection[int],
) -> ColumnElement[bool]:
    """`column IN (…)` for tens of thousands of numbers, which travel as one parameter: as one each, preparing the
    statement costs more than the search."""
    if session.get_bind().dialect.name == "postgresql":
        # Not ANY: to guess how many rows that finds, the server takes the numbers one by one.
        return column.in_(select(func.unnest(array_of(numbers))))
    each = func.json_each(orjson.dumps(list(numbers)).decode()).table_valued("value")
    return column.in_(select(each.c.value))


ChangeListener = Callable[[frozenset[str]], None]

_CHANGED = "osmanthus_changed"
EVERYTHING = "everything"


def note_change(session: Session, *topics: str) -> None:
    """Say what this transaction changes: `subject:17`, `scheme:parking`, `configuration` or EVERYTHING.

    Whoever decides from what was read earlier is told before the commit and again after it, so that nothing
    read in between is trusted.
    """
    session.info.setdefault(_CHANGED, set()).update(topics)


class Database:
    """An engine and the one way to open a transaction on it.

    on_change   told the topics of `note_change` of each transaction, just before it commits and just after
    """

    def __init__(self, url: str, *, on_change: ChangeListener | None = None) -> None:
        self._on_change = on_change
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine: Engine = _sqlite_engine(url) if self.is_sqlite else _server_engine(url)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._readers = sessionmaker(
            self.engine.execution_options(reading=True, postgresql_readonly=True), expire_on_commit=False
        )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit what the block did, or nothing of it."""
        with self._sessions() as session:
            with session.begin():
                yield session
                self._announce(session)
            self._announce(session)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent view that waits for no writer and can write nothing."""
        with self._readers() as session, session.begin():
            yield session

    def dispose(self) -> None:
        self.engine.dispose()

    def _announce(self, session: Session) -> None:
        if self._on_change and (topics := session.info.get(_CHANGED)):
            self._on_change(frozenset(topics))


# Bound parameters hold personal data: `hide_parameters` keeps them out of error messages and so out of logs.
def _server_engine(url: str) -> Engine:
    return create_engine(url, pool_pre_ping=True, pool_size=16, max_overflow=16, hide_parameters=True)


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": 30, "check_same_thread": False},
        hide_parameters=True,
        # SQLite finds no escaped name in a JSON text, and the names in ours are Chinese.
        json_serializer=partial(json.dumps, ensure_ascii=False),
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # The driver's own transaction handling begins lazily and as a reader; a later write could then
        # fail instead of waiting. We begin explicitly below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if connection.get_execution_options().get("reading"):
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql("PRAGMA query_only=ON")
        else:
            # Taking the write lock first gives SQLite the same "second one waits" as SELECT … FOR UPDATE.
            connection.exec_driver_sql("PRAGMA query_only=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
