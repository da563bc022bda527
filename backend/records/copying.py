"""Many rows into a table at once: by binary COPY into PostgreSQL, by INSERT into SQLite.

Binary, because the server spends as much on reading digests, days and moments as text as on storing them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import BigInteger, Boolean, Date, Integer, Table, Uuid
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from backend.database import UtcDateTime
from backend.records.normalisation import says_one_thing

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = struct.pack(">h", -1)
_NULL = -1
"""Stands for the length of a field that is NULL."""
_DAYS_TO_2000 = 10_957
_MICROSECONDS_TO_2000 = _DAYS_TO_2000 * 86_400_000_000
_JSONB_VERSION = "\x01"
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class CopyData:
    """Rows as `COPY table (columns) FROM STDIN (FORMAT binary)` reads them, but for what stands around them."""

    table: str
    columns: Sequence[str]
    rows: memoryview


def write_rows(session: Session, table: Table, rows: pl.DataFrame) -> None:
    """Add rows. Columns bear the names of the table's; days and moments are such, UUIDs bytes, JSON is text."""
    if session.get_bind().dialect.name == "postgresql":
        send_copy(session, copy_data(table, rows))
        return
    names, places = ", ".join(rows.columns), ",".join("?" * rows.width)
    rows = rows.with_columns(_as_sqlite_keeps_it(table.c[cells.name].type, cells) for cells in rows)
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({places})"  # noqa: S608
    driver(session).executemany(statement, rows.iter_rows())


def send_copy(session: Session, data: CopyData) -> None:
    """Into PostgreSQL."""
    statement = f"COPY {data.table} ({', '.join(data.columns)}) FROM STDIN (FORMAT binary)"
    with driver(session).cursor() as cursor, cursor.copy(statement) as stream:
        stream.write(_SIGNATURE)
        stream.write(data.rows)
        stream.write(_TRAILER)


def driver(session: Session) -> Any:
    """The driver's own connection, for what SQLAlchemy has no words for."""
    return session.connection().connection.driver_connection


def copy_data(table: Table, rows: pl.DataFrame) -> CopyData:
    """Column by column: what all rows say first, then what has the same length in all, then the rest."""
    kinds: dict[str, TypeEngine[Any]] = {name: table.c[name].type for name in rows.columns}
    same = [cells.name for cells in rows if says_one_thing(cells)]
    even = [name for name in kinds if name not in same and _is_even(kinds[name], rows[name])]
    uneven = [name for name in kinds if name not in (*same, *even)]
    start = struct.pack(">h", rows.width)
    for name in same:
        (data,) = _data(kinds[name], rows[name].head(1)).to_pylist()
        start += struct.pack(">i", _NULL) if data is None else struct.pack(">i", len(data)) + data

    parts: list[pa.Array] = []
    fixed = [np.broadcast_to(np.frombuffer(start, np.uint8), (rows.height, len(start)))]
    for name in even:
        numbers = _numbers(kinds[name], rows[name])
        length = np.frombuffer(struct.pack(">i", numbers.shape[1]), np.uint8)
        fixed += [np.broadcast_to(length, (rows.height, 4)), numbers]
    for name in uneven:
        data = _data(kinds[name], rows[name])
        lengths = pc.fill_null(pc.binary_length(data), _NULL)
        parts += [_as_fields([*fixed, _as_bytes(lengths.to_numpy(), ">i4")]), data]
        fixed = []
    if fixed:
        parts.append(_as_fields(fixed))
    nothing = pa.scalar(b"", pa.large_binary())
    joined = pc.binary_join_element_wise(*parts, nothing, null_handling="replace", null_replacement="")
    _, offsets, text = joined.buffers()
    end = np.frombuffer(offsets, np.int64)[rows.height]
    return CopyData(table.name, [*same, *even, *uneven], memoryview(text)[:end])


def _is_even(kind: TypeEngine[Any], cells: pl.Series) -> bool:
    return isinstance(kind, (Integer, Boolean, Date, UtcDateTime)) and not cells.null_count()


def _numbers(kind: TypeEngine[Any], cells: pl.Series) -> npt.NDArray[np.uint8]:
    """A line of bytes for each cell; of an empty one they mean nothing."""
    match kind:
        case Boolean():
            return _as_bytes(cells.cast(pl.UInt8).fill_null(0).to_numpy(), "u1")
        case Date():
            return _as_bytes(cells.to_physical().fill_null(0).to_numpy() - _DAYS_TO_2000, ">i4")
        case UtcDateTime():
            moments = cells.cast(pl.Datetime("us", "UTC")).to_physical().fill_null(0).to_numpy()
            return _as_bytes(moments - _MICROSECONDS_TO_2000, ">i8")
        case _:
            width = ">i8" if isinstance(kind, BigInteger) else ">i4"
            return _as_bytes(cells.fill_null(0).to_numpy(), width)


def _as_bytes(numbers: npt.NDArray[Any], kind: str) -> npt.NDArray[np.uint8]:
    return numbers.astype(kind).view(np.uint8).reshape(len(numbers), -1)


def _as_fields(parts: Sequence[npt.NDArray[np.uint8]], filled: pl.Series | None = None) -> pa.Array:
    """The parts of each line beside each other; null where it is not filled."""
    lines = np.hstack(parts)
    count, width = lines.shape
    valid = None if filled is None else pa.py_buffer(np.packbits(filled.to_numpy(), bitorder="little"))
    buffers = [valid, pa.py_buffer(np.ascontiguousarray(lines))]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), count, buffers).cast(pa.large_binary())


def _data(kind: TypeEngine[Any], cells: pl.Series) -> pa.Array:
    """The content of each field, null where it is NULL."""
    if isinstance(kind, (Integer, Boolean, Date, UtcDateTime)):
        return _as_fields([_numbers(kind, cells)], cells.is_not_null())
    if isinstance(kind.dialect_impl(_DIALECT), postgresql.JSONB):
        cells = _JSONB_VERSION + cells
    if cells.dtype == pl.String:
        return cells.to_arrow().cast(pa.large_string()).cast(pa.large_binary())
    return cells.cast(pl.Binary).to_arrow().cast(pa.large_binary())


def _as_sqlite_keeps_it(kind: TypeEngine[Any], cells: pl.Series) -> pl.Series:
    match kind:
        case Date():
            return cells.dt.to_string("%Y-%m-%d")
        case UtcDateTime():
            return cells.dt.to_string("%Y-%m-%d %H:%M:%S%.6f")
        case Uuid():
            return cells.bin.encode("hex")
        case _:
            return cells
