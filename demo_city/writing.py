"""Writing a delivery the way the department's system would: CSV in its encoding, or a workbook."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime
from pathlib import Path
from types import TracebackType

import polars as pl
import xlsxwriter

_SHEET_ROWS = 1_048_576 - 1
"""A worksheet holds this many rows below its heading."""

# A workbook says when it was made; the same city must be the same bytes.
_MADE_AT = datetime(2026, 1, 1)  # noqa: DTZ001 - workbooks know no time zone


class CsvFile:
    """Appends frames; counts rows and fingerprints the bytes while writing."""

    def __init__(self, path: Path, header: list[str], encoding: str) -> None:
        self.rows = 0
        self._encoding = "gb18030" if encoding == "gb18030" else "utf-8"
        self._digest = hashlib.sha256()
        self._file = path.open("wb")
        self._write(("\ufeff" if encoding == "utf-8-sig" else "") + ",".join(header) + "\n")

    def append(self, frame: pl.DataFrame) -> None:
        buffer = io.BytesIO()
        frame.write_csv(buffer, include_header=False)
        self.rows += len(frame)
        if self._encoding == "utf-8":
            self._write_bytes(buffer.getbuffer())
        else:
            self._write(buffer.getvalue().decode())

    def close(self) -> str:
        """The SHA-256 of the file, hexadecimal."""
        self._file.close()
        return self._digest.hexdigest()

    def __enter__(self) -> CsvFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _write(self, text: str) -> None:
        self._write_bytes(text.encode(self._encoding))

    def _write_bytes(self, data: bytes | memoryview) -> None:
        self._digest.update(data)
        self._file.write(data)


class Workbook:
    """Appends frames to sheets that are filled one after another."""

    def __init__(self, path: Path, header: list[str]) -> None:
        self.rows = 0
        self._path = path
        self._header = header
        self._workbook = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_urls": False})
        self._workbook.set_properties({"created": _MADE_AT})
        self._sheet = self._new_sheet()

    def append(self, frame: pl.DataFrame) -> None:
        for row in frame.iter_rows():
            line = self.rows % _SHEET_ROWS
            if self.rows and line == 0:
                self._sheet = self._new_sheet()
            for column, cell in enumerate(row):
                if cell is not None:
                    self._sheet.write_string(line + 1, column, cell)
            self.rows += 1

    def close(self) -> str:
        """The SHA-256 of the file, hexadecimal."""
        self._workbook.close()
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def __enter__(self) -> Workbook:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to release: a workbook that was not closed is not on disk."""

    def _new_sheet(self) -> xlsxwriter.worksheet.Worksheet:
        sheet = self._workbook.add_worksheet()
        for column, heading in enumerate(self._header):
            sheet.write_string(0, column, heading)
        return sheet
