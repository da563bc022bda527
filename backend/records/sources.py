"""Reading delivered files: CSV in the encodings that departments use, XLSX, and JSON; every cell as text.

All are read piece by piece, so memory does not grow with the file.

Nothing is dropped: a line that cannot be split into the header's columns comes back as a row with a complaint.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from math import ceil
from pathlib import Path
from typing import IO, Any, Literal

import polars as pl

from backend.records.errors import FileUnreadable
from backend.records.workbooks import Workbook, WorkbookBroken

ROW_NUMBER = "\ue000row_number"
"""Column added to each chunk: the row's number in the file as a spreadsheet shows it (the header is row 1)."""

COMPLAINT = "\ue000complaint"
"""Column added to each chunk: why the line could not be split into columns, null when it could."""

RAW_LINE = "\ue000raw_line"
"""Column added to each chunk: the text of a line with a complaint, null for the others."""

_BLOCK_BYTES = 16 * 1024 * 1024
# A quotation mark that is never closed would otherwise make the rest of the file one field.
_LONGEST_LINE_BYTES = 4 * _BLOCK_BYTES
_LARGEST_EXPANDED_BYTES = 8 * 1024**3
_HEADER_SEARCH_ROWS = 10
_JSON_NAMES_FROM = 1000
_SEPARATORS = (",", "\t", ";", "|")

Format = Literal["csv", "xlsx", "json"]


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook by its place (from 0), and its first rows."""

    place: int
    name: str
    head: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SheetTable:
    """A sheet whose header has been found: `columns` as in SourceFile, the header at index `header_row`."""

    sheet: Sheet
    header_row: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class SourceFile:
    """A delivered file, looked at but not yet read.

    head        the first rows as delivered, for finding the header; of a workbook, those of its first sheet
    columns     the header, unique and without empty names; empty until `with_header`
    header_row  index of the header among all rows; data starts right after it. -1 for JSON, which has none
    sheets      the sheets of a workbook that are not blank
    tables      of a workbook: where data stands, one table a sheet; empty until `with_header` or `with_tables`
    """

    path: Path
    format: Format
    encoding: str
    separator: str
    content_sha256: str
    size_bytes: int
    head: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...] = ()
    header_row: int = 0
    sheets: tuple[Sheet, ...] = ()
    tables: tuple[SheetTable, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """Rows of a file, those left out that are blank in every column.

    frame       ROW_NUMBER, COMPLAINT, RAW_LINE and the file's columns, all but the number as text
    bytes_done  how much of the file is behind this chunk
    """

    frame: pl.DataFrame
    bytes_done: int


def inspect_file(path: Path) -> SourceFile:
    """Format, encoding, fingerprint and first rows. Raises FileUnreadable."""
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
            stream.seek(0)
            content_sha256, is_utf8 = _fingerprint(stream)
    except OSError:
        raise FileUnreadable(f"无法打开文件“{path.name}”，请核对路径和读取权限。") from None
    size = path.stat().st_size
    if not start:
        raise FileUnreadable(f"文件“{path.name}”是空的，请核对后重新报送。")

    if start.startswith(b"PK\x03\x04"):
        sheets = _sheets(path)
        return SourceFile(
            path, "xlsx", "", "", content_sha256, size, sheets[0].head if sheets else (), sheets=sheets
        )
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileUnreadable(f"“{path.name}”是旧版 Excel（.xls）文件，请另存为 .xlsx 或 CSV 后重新报送。")

    encoding = _encoding(start, is_utf8, path)
    with path.open("rb") as stream:
        text = _decoded_start(stream, encoding)
    if text.lstrip()[:1] in ("{", "["):
        source = SourceFile(path, "json", encoding, "", content_sha256, size, (), header_row=-1)
        # An object leaves out what it has not got, so one object alone does not show all the names.
        names: dict[str, None] = {}
        for found, _ in islice(_json_objects(source), _JSON_NAMES_FROM):
            names |= dict.fromkeys(found if isinstance(found, dict) else ())
        return replace(source, head=(tuple(names),))
    separator = _separator(text)
    head = tuple(tuple(row) for row in _head_rows(text, separator))
    return SourceFile(path, "csv", encoding, separator, content_sha256, size, head)


def with_header(source: SourceFile, header_row: int, *, names: Sequence[str] = ()) -> SourceFile:
    """The same file, its header being `head[header_row]`.

    `names` are headings that the file may also use: objects in a JSON file need not all have the same names.
    """
    columns = _clean_header(source.head[header_row])
    if source.format == "xlsx":
        return with_tables(source, [(source.sheets[0], header_row)])
    if source.format == "csv":
        return replace(source, columns=tuple(columns), header_row=header_row)
    return replace(source, columns=tuple(dict.fromkeys([*columns, *names])), header_row=-1)


def with_tables(source: SourceFile, found: Sequence[tuple[Sheet, int]]) -> SourceFile:
    """The same workbook, read sheet after sheet; each header is `sheet.head[header_row]`."""
    tables = tuple(SheetTable(sheet, row, tuple(_clean_header(sheet.head[row]))) for sheet, row in found)
    return replace(source, tables=tables, columns=tables[0].columns, header_row=tables[0].header_row)


def read_chunks(source: SourceFile, *, rows_per_chunk: int) -> Iterator[Chunk]:
    """The rows after the header, in order. Raises FileUnreadable when the file stops being readable."""
    match source.format:
        case "csv":
            yield from _csv_chunks(source, rows_per_chunk)
        case "xlsx":
            yield from _xlsx_chunks(source, rows_per_chunk)
        case "json":
            yield from _json_chunks(source, rows_per_chunk)


def _fingerprint(stream: IO[bytes]) -> tuple[str, bool]:
    """SHA-256 of the content, and whether all of it is UTF-8: one pass tells both."""
    digest, is_utf8, rest = sha256(), True, b""
    while block := stream.read(_BLOCK_BYTES):
        digest.update(block)
        if is_utf8:
            block = rest + block
            end = _last_character(block)
            is_utf8, rest = _is_utf8(block[:end]), block[end:]
    return digest.hexdigest(), is_utf8 and _is_utf8(rest)


def _last_character(block: bytes) -> int:
    """Where the last character begins, which may go on in the next block; the end where it does not matter."""
    for back in range(1, min(len(block), 4) + 1):
        if block[-back] >= 0xC0:
            return len(block) - back
        if block[-back] < 0x80:
            break
    return len(block)


def _is_utf8(data: bytes) -> bool:
    # Polars looks ten times as fast as Python's decoder.
    try:
        pl.Series([data], dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.ComputeError:
        return False
    return True


def _encoding(start: bytes, is_utf8: bool, path: Path) -> str:
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if is_utf8:
        return "utf-8"
    # A few broken bytes in a UTF-8 file must not turn all of it into nonsense: the header line decides.
    with path.open("rb") as stream:
        first_line = stream.readline(_BLOCK_BYTES)
    try:
        first_line.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "gb18030" if first_line.isascii() else "utf-8"


def _decoded_start(stream: IO[bytes], encoding: str) -> str:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return decoder.decode(stream.read(256 * 1024)).replace("\x00", "")


def _separator(text: str) -> str:
    first_line = text.splitlines()[0] if text else ""
    return max(_SEPARATORS, key=first_line.count)


def _head_rows(text: str, separator: str) -> list[list[str]]:
    rows = []
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        rows.append(row)
        if len(rows) == _HEADER_SEARCH_ROWS:
            break
    return rows


def clean_name(name: str) -> str:
    return name.strip().strip("\ufeff\u3000* ").replace("\n", "").replace("\r", "")


def _clean_header(names: Sequence[str]) -> list[str]:
    """Names without stray space, unique; a column without a name is called by its place."""
    cleaned: list[str] = []
    for place, name in enumerate(names, start=1):
        wanted = clean_name(name) or f"第{place}列"
        unique, copy = wanted, 2
        while unique in cleaned:
            unique, copy = f"{wanted}（{copy}）", copy + 1
        cleaned.append(unique)
    return cleaned


# --- CSV ------------------------------------------------------------------------------------------------------


def _csv_chunks(source: SourceFile, rows_per_chunk: int) -> Iterator[Chunk]:
    row_number = 1
    skip = source.header_row + 1
    for block, bytes_done in _whole_lines(source):
        frame = _parse_csv(block, source)
        numbers = pl.int_range(row_number, row_number + frame.height, dtype=pl.Int64)
        frame = frame.with_columns(numbers.alias(ROW_NUMBER))
        row_number += frame.height
        if skip:
            skipped = min(skip, frame.height)
            frame, skip = frame.slice(skipped), skip - skipped
        frame = _without_blank_rows(frame, source.columns)
        # Of like size, if a little larger: a few rows left over would cost nearly as much as a whole chunk.
        parts = max(ceil(frame.height / (1.1 * rows_per_chunk)), 1)
        for part in frame.iter_slices(max(ceil(frame.height / parts), 1)):
            yield Chunk(part, bytes_done)


def _whole_lines(source: SourceFile) -> Iterator[tuple[bytes, int]]:
    """Blocks of UTF-8 ending where a line ends outside quotation marks, and the bytes of the file behind them."""
    decoder = None
    if source.encoding != "utf-8":
        decoder = codecs.getincrementaldecoder(source.encoding)("replace")
    held = b""
    bytes_done = 0
    with source.path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            bytes_done += len(block)
            held += decoder.decode(block).encode() if decoder else block
            end = _last_line_end(held)
            if end == 0 and len(held) > _LONGEST_LINE_BYTES:
                end = held.rfind(b"\n") + 1
            if end:
                yield held[:end], bytes_done
                held = held[end:]
    if decoder:
        held += decoder.decode(b"", final=True).encode()
    if held:
        yield held, bytes_done


def _last_line_end(block: bytes) -> int:
    """Just past the last line feed that is not inside a quoted field; 0 when there is none."""
    quotes_before = block.count(b'"')
    position = len(block)
    while (found := block.rfind(b"\n", 0, position)) >= 0:
        quotes_before -= block.count(b'"', found, position)
        if quotes_before % 2 == 0:
            return found + 1
        position = found
    return 0


def _parse_csv(block: bytes, source: SourceFile) -> pl.DataFrame:
    try:
        frame = pl.read_csv(
            block,
            has_header=False,
            schema=dict.fromkeys(source.columns, pl.String),
            separator=source.separator,
            missing_columns="insert",
            extra_columns="raise",
        )
    except pl.exceptions.PolarsError:
        return _parse_csv_leniently(block, source)
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in (COMPLAINT, RAW_LINE))


def _parse_csv_leniently(block: bytes, source: SourceFile) -> pl.DataFrame:
    """Line by line: for blocks in which some line has too many fields or a misplaced quotation mark."""
    width = len(source.columns)
    rows: list[list[str | None]] = []
    text = io.StringIO(block.decode(errors="replace").replace("\x00", ""), newline="")
    reader = csv.reader(text, delimiter=source.separator)
    csv.field_size_limit(_LONGEST_LINE_BYTES)
    for fields in reader:
        complaint = raw = None
        if len(fields) > width and any(field.strip() for field in fields[width:]):
            complaint = f"这一行有 {len(fields)} 个字段，表头只有 {width} 列：可能有逗号未加引号，或引号不成对"
            raw = source.separator.join(fields)
        cells: list[str | None] = [field or None for field in fields[:width]]
        rows.append([complaint, raw, *cells, *[None] * (width - len(cells))])
    schema = dict.fromkeys((COMPLAINT, RAW_LINE, *source.columns), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")


def _without_blank_rows(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    blank = pl.all_horizontal(pl.col(name).is_null() | (pl.col(name).str.strip_chars() == "") for name in columns)
    # Almost every row has something in its first columns; only the others need the look at all of them.
    if frame.select(pl.col(columns[0]).is_not_null().all()).item():
        first_is_blank = frame.select((pl.col(columns[0]).str.strip_chars() == "").any()).item()
        if not first_is_blank:
            return frame
    return frame.filter(~blank)


# --- XLSX -----------------------------------------------------------------------------------------------------


def _sheets(path: Path) -> tuple[Sheet, ...]:
    """Those that are not blank, with their first rows."""
    found = []
    with _opened(path) as workbook:
        if workbook.expanded_bytes > _LARGEST_EXPANDED_BYTES:
            raise FileUnreadable(f"“{path.name}”展开后超过 8 GB，请另存为 CSV 后报送，CSV 不限大小。")
        for place, name in enumerate(workbook.sheet_names):
            head: list[tuple[str, ...]] = []
            for row, _ in workbook.rows(place):
                if row.number > _HEADER_SEARCH_ROWS:
                    break
                head += [()] * (row.number - 1 - len(head))
                head.append(tuple(cell or "" for cell in row.cells))
            if any(cell.strip() for row in head for cell in row):
                found.append(Sheet(place, name, tuple(head)))
    return tuple(found)


@contextmanager
def _opened(path: Path) -> Iterator[Workbook]:
    try:
        with Workbook(path) as workbook:
            yield workbook
    except WorkbookBroken as error:
        raise FileUnreadable(f"“{path.name}”不是完好的 Excel 工作簿，请重新另存后报送。") from error


def _xlsx_chunks(source: SourceFile, rows_per_chunk: int) -> Iterator[Chunk]:
    """Sheet after sheet; rows are numbered through, as a sheet's rows would be if all stood on one."""
    with _opened(source.path) as workbook:
        rows_before = 0
        for number, table in enumerate(source.tables):
            width = len(table.columns)
            schema = {ROW_NUMBER: pl.Int64} | dict.fromkeys((COMPLAINT, RAW_LINE, *table.columns), pl.String)
            rows: list[tuple[object, ...]] = []
            last = 0
            for row, behind in workbook.rows(table.sheet.place):
                last = row.number
                if row.number <= table.header_row + 1:
                    continue
                cells = row.cells[:width]
                rows.append((rows_before + last, None, None, *cells, *[None] * (width - len(cells))))
                if len(rows) == rows_per_chunk:
                    bytes_done = int(source.size_bytes * (number + behind) / len(source.tables))
                    yield Chunk(_without_blank_rows(_frame_of(rows, schema), table.columns), bytes_done)
                    rows = []
            if rows:
                bytes_done = int(source.size_bytes * (number + 1) / len(source.tables))
                yield Chunk(_without_blank_rows(_frame_of(rows, schema), table.columns), bytes_done)
            rows_before += last


def _frame_of(rows: Sequence[tuple[object, ...]], schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    # Column by column: polars takes lists many times faster than rows.
    columns = zip(*rows, strict=True)
    return pl.DataFrame(
        [
            pl.Series(name, list(cells), dtype=kind)
            for (name, kind), cells in zip(schema.items(), columns, strict=True)
        ]
    )


# --- JSON -----------------------------------------------------------------------------------------------------


def _json_chunks(source: SourceFile, rows_per_chunk: int) -> Iterator[Chunk]:
    schema: dict[str, Any] = {ROW_NUMBER: pl.Int64, COMPLAINT: pl.String, RAW_LINE: pl.String}
    schema |= dict.fromkeys(source.columns, pl.String)
    rows: list[list[str | int | None]] = []
    bytes_done = 0
    for row_number, (found, bytes_done) in enumerate(_json_objects(source), start=1):
        if isinstance(found, dict):
            complaint, raw = None, None
            cells = {clean_name(name): json_cell(value) for name, value in found.items()}
        else:
            complaint, raw = "这一行不是完整的 JSON 对象，请核对引号、逗号和花括号", found
            cells = {}
        rows.append([row_number, complaint, raw, *(cells.get(name) for name in source.columns)])
        if len(rows) == rows_per_chunk:
            yield Chunk(pl.DataFrame(rows, schema=schema, orient="row"), bytes_done)
            rows = []
    if rows:
        yield Chunk(pl.DataFrame(rows, schema=schema, orient="row"), bytes_done)


def _json_objects(source: SourceFile) -> Iterator[tuple[dict[str, Any] | str, int]]:
    """Each object (or the text that is none) and the bytes behind it; one object a line, or one array."""
    with source.path.open(encoding=source.encoding, errors="replace", newline="") as stream:
        opening = stream.read(1)
        while opening.isspace():
            opening = stream.read(1)
        if opening == "[":
            yield from _array_objects(stream, source)
            return
        line = opening + stream.readline()
        bytes_done = len(line.encode())
        while line:
            if line.strip():
                try:
                    found = json.loads(line)
                except ValueError:
                    found = None
                yield found if isinstance(found, dict) else line.strip(), bytes_done
            line = stream.readline()
            bytes_done = min(bytes_done + len(line.encode()), source.size_bytes)


def _array_objects(stream: IO[str], source: SourceFile) -> Iterator[tuple[dict[str, Any] | str, int]]:
    """The elements of an array whose opening bracket is behind us."""
    decoder = json.JSONDecoder()
    held, start, bytes_done = "", 0, 0
    while True:
        block = stream.read(_BLOCK_BYTES)
        bytes_done = min(bytes_done + len(block.encode()), source.size_bytes)
        held, start = held[start:] + block, 0
        while True:
            while start < len(held) and (held[start].isspace() or held[start] == ","):
                start += 1
            if start == len(held) or held[start] == "]":
                break
            try:
                found, end = decoder.raw_decode(held, start)
            except ValueError:
                if block and len(held) - start < _LONGEST_LINE_BYTES:
                    break  # the object goes on in the next block
                yield held[start:].strip(), source.size_bytes
                return
            yield found if isinstance(found, dict) else json.dumps(found, ensure_ascii=False), bytes_done
            start = end
        if not block or (start < len(held) and held[start] == "]"):
            return


def json_cell(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ";".join(value)
    return json.dumps(value, ensure_ascii=False)
