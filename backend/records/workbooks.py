"""Reading XLSX workbooks (ISO/IEC 29500) row by row, in memory that does not grow with the sheet; cells as text.

The usual readers build a whole sheet before they give its first row: a gigabyte for the million rows that a sheet
may hold. Here the sheet's XML is read in small pieces, and the texts that cells share lie in a temporary file that
only this process can see.
"""

from __future__ import annotations

import mmap
import re
import zipfile
import zlib
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Self
from xml.etree import ElementTree
from xml.parsers import expat

_READ_AT_ONCE = 64 * 1024
_KEPT_STRINGS = 50_000
_EPOCH_1900, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - days without a zone
_LARGEST_PART_BYTES = 64 * 1024**2  # of the small parts, which are read as a whole
_NAMESPACE = re.compile(r"\{[^}]*\}")
# Numbers of formats that have no text of their own; 27–36 and 50–58 are dates in East Asian editions.
_BUILT_IN_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|_.|\[[^\]]*\]')
_DATE_LETTERS = re.compile(r"[ymdhs]", re.IGNORECASE)
_COLUMN = re.compile(r"[A-Z]{1,3}")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class WorkbookBroken(Exception):
    """Not a workbook, or one that is damaged."""


_SIGNS_OF_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    ElementTree.ParseError,
    expat.ExpatError,
    KeyError,
    ValueError,
    OverflowError,
    EOFError,
    RuntimeError,  # what zipfile raises for a part that is encrypted, or compressed in a way it does not know
)


@dataclass(frozen=True)
class Row:
    """`number` as a spreadsheet shows it; blank cells are None, and missing ones at the end are left out."""

    number: int
    cells: Sequence[str | None]


class Workbook:
    """An open workbook; use it in a `with` block. Whatever reads it may raise WorkbookBroken."""

    def __init__(self, path: Path) -> None:
        self._kept = ExitStack()
        try:
            self._archive = self._kept.enter_context(zipfile.ZipFile(path))
            self.expanded_bytes = sum(entry.file_size for entry in self._archive.infolist())
            self._sheets, self._since_1904 = self._find_sheets()
        except (*_SIGNS_OF_DAMAGE, OSError, StopIteration) as error:
            self._kept.close()
            raise WorkbookBroken from error
        self._strings: _SharedStrings | None = None
        self._date_styles: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._kept.close()

    @property
    def sheet_names(self) -> Sequence[str]:
        return [name for name, _ in self._sheets]

    def rows(self, place: int) -> Iterator[tuple[Row, float]]:
        """The rows of a sheet that have a cell, and how much of the sheet is behind each (0 to 1)."""
        _, part = self._sheets[place]
        try:
            if self._strings is None:
                self._date_styles = self._find_date_styles()
                self._strings = self._kept.enter_context(_SharedStrings(self._archive))
            size = max(self._archive.getinfo(part).file_size, 1)
            reader = _SheetReader(self._strings, self._date_styles, since_1904=self._since_1904)
            with self._archive.open(part) as stream:
                done = 0
                while piece := stream.read(_READ_AT_ONCE):
                    done += len(piece)
                    reader.feed(piece)
                    while reader.rows:
                        yield reader.rows.popleft(), done / size
                reader.finish()
        except _SIGNS_OF_DAMAGE as error:
            raise WorkbookBroken from error

    def _find_sheets(self) -> tuple[list[tuple[str, str]], bool]:
        """(name, part) of each worksheet in the order of its tab, and whether days are counted from 1904."""
        targets = {
            relation.attrib["Id"]: relation.attrib["Target"]
            for relation in self._tree("xl/_rels/workbook.xml.rels")
            if relation.attrib.get("Type", "").endswith("/worksheet")
        }
        sheets: list[tuple[str, str]] = []
        since_1904 = False
        for element in self._tree("xl/workbook.xml").iter():
            match _NAMESPACE.sub("", element.tag):
                case "workbookPr":
                    since_1904 = element.attrib.get("date1904") in ("1", "true")
                case "sheet":
                    relation = next(value for name, value in element.attrib.items() if name.endswith("}id"))
                    if relation in targets:  # a sheet that is only a chart has no rows
                        target = targets[relation]
                        part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                        sheets.append((element.attrib["name"], part))
        return sheets, since_1904

    def _find_date_styles(self) -> frozenset[str]:
        """The styles, by the number that cells give, in which a number is shown as a date or a time."""
        if "xl/styles.xml" not in self._archive.namelist():
            return frozenset()
        own: dict[int, str] = {}
        styles: list[int] = []
        for element in self._tree("xl/styles.xml"):
            match _NAMESPACE.sub("", element.tag):
                case "numFmts":
                    own = {int(each.attrib["numFmtId"]): each.attrib.get("formatCode", "") for each in element}
                case "cellXfs":
                    styles = [int(each.attrib.get("numFmtId", "0")) for each in element]
        return frozenset(
            str(place)
            for place, number in enumerate(styles)
            if (
                _DATE_LETTERS.search(_NOT_FORMAT.sub("", own[number]))
                if number in own
                else number in _BUILT_IN_DATES
            )
        )

    def _tree(self, part: str) -> ElementTree.Element:
        if self._archive.getinfo(part).file_size > _LARGEST_PART_BYTES:
            raise WorkbookBroken
        parser = ElementTree.XMLParser(target=_TreeWithoutDoctype())  # noqa: S314 - entities need a doctype
        parser.feed(self._archive.read(part))
        tree: ElementTree.Element = parser.close()
        return tree


def _refuse_doctype(*_declared: object) -> None:
    # No workbook has one; entities declared in it could grow without end.
    raise WorkbookBroken


class _TreeWithoutDoctype(ElementTree.TreeBuilder):
    def doctype(self, *_declared: object) -> None:
        _refuse_doctype()


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _SharedStrings:
    """The texts that cells name by number, end to end in a temporary file."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._ends = array("Q", [0])
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed on leaving
        self._kept: dict[int, str] = {}
        self._text: list[str] = []
        self._inside = self._phonetic = False
        part = next((name for name in archive.namelist() if name.lower() == "xl/sharedstrings.xml"), None)
        if part is not None:
            parser = _parser()
            parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
            parser.CharacterDataHandler = self._characters
            with archive.open(part) as stream:
                while piece := stream.read(_READ_AT_ONCE):
                    parser.Parse(piece, False)
            parser.Parse(b"", True)
        self._file.flush()
        self._bytes = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) if self._ends[-1] else b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if isinstance(self._bytes, mmap.mmap):
            self._bytes.close()
        self._file.close()

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self._ends) - 1:
            raise WorkbookBroken
        text = self._kept.get(number)
        if text is None:
            if len(self._kept) >= _KEPT_STRINGS:
                self._kept.clear()
            text = self._kept[number] = self._bytes[self._ends[number] : self._ends[number + 1]].decode()
        return text

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        match _local(name):
            case "si":
                self._text = []
            case "rPh":  # how a text is read aloud is no part of it
                self._phonetic = True
            case "t":
                self._inside = not self._phonetic

    def _characters(self, text: str) -> None:
        if self._inside:
            self._text.append(text)

    def _end(self, name: str) -> None:
        match _local(name):
            case "t":
                self._inside = False
            case "rPh":
                self._phonetic = False
            case "si":
                written = self._file.write(_unescaped("".join(self._text)).encode())
                self._ends.append(self._ends[-1] + written)


class _SheetReader:
    """Takes a sheet's XML in pieces, and lays each whole row into `rows`.

    A sheet has some ten million elements, and each comes through `_start` and `_end`: what is asked first there is
    what comes most.
    """

    def __init__(self, strings: _SharedStrings, date_styles: frozenset[str], *, since_1904: bool) -> None:
        self.rows: deque[Row] = deque()
        self._strings, self._date_styles = strings, date_styles
        self._epoch = _EPOCH_1904 if since_1904 else _EPOCH_1900
        self._number = 0
        self._cells: list[str | None] = []
        self._place = 0
        self._places: dict[str, int] = {"": 0}
        self._kind = self._style = ""
        self._text: list[str] = []
        self._inside = self._phonetic = False
        self._parser = _parser()
        self._parser.StartElementHandler = self._first
        self._parser.CharacterDataHandler = self._characters

    def feed(self, piece: bytes) -> None:
        self._parser.Parse(piece, False)

    def finish(self) -> None:
        self._parser.Parse(b"", True)

    def _first(self, name: str, _attributes: dict[str, str]) -> None:
        """The root shows whether the elements carry a prefix."""
        prefix = name[: len(name) - len(_local(name))]
        self._c, self._v, self._t = f"{prefix}c", f"{prefix}v", f"{prefix}t"
        self._row, self._r_ph = f"{prefix}row", f"{prefix}rPh"
        self._parser.StartElementHandler, self._parser.EndElementHandler = self._start, self._end

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._v:
            self._inside = True
        elif name == self._c:
            if "r" in attributes:
                letters = attributes["r"].rstrip("0123456789")
                place = self._places.get(letters)
                if place is None:
                    place = self._places[letters] = _column_place(letters)
                self._place = place
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
            self._text = []
        elif name == self._t:
            self._inside = not self._phonetic
        elif name == self._row:
            # Rows stand in order; a file that says otherwise does not get two of the same number.
            self._number = max(int(attributes.get("r", 0)), self._number + 1)
            self._cells, self._place = [], 0
        elif name == self._r_ph:
            self._phonetic = True

    def _characters(self, text: str) -> None:
        if self._inside:
            self._text.append(text)

    def _end(self, name: str) -> None:
        if name in (self._v, self._t):
            self._inside = False
        elif name == self._c:
            if self._text:
                cells = self._cells
                if self._place > len(cells):
                    cells.extend([None] * (self._place - len(cells)))
                cells.append(self._cell("".join(self._text)))
            self._place += 1
        elif name == self._row and self._cells:
            self.rows.append(Row(self._number, self._cells))
        elif name == self._r_ph:
            self._phonetic = False

    def _cell(self, text: str) -> str | None:
        match self._kind:
            case "s":
                return self._strings[int(text)]
            case "n":
                return _moment_text(text, self._epoch) if self._style in self._date_styles else _number_text(text)
            case "inlineStr" | "str":
                return _unescaped(text)
            case "b":
                return "true" if text == "1" else "false"
            case "e":  # #N/A and its like say nothing
                return None
            case _:  # "d": a date in words
                return text


@lru_cache(maxsize=10_000)
def _moment_text(text: str, epoch: datetime) -> str:
    moment = epoch + timedelta(days=float(text))
    # Times are fractions of a day, which binary numbers only come close to.
    return str((moment + timedelta(microseconds=500_000)).replace(microsecond=0))


@lru_cache(maxsize=10_000)
def _number_text(text: str) -> str:
    """Without a superfluous .0, and never with an exponent."""
    value = float(text)
    return str(int(value)) if value.is_integer() and abs(value) < 10**15 else format(Decimal(repr(value)), "f")


def _column_place(letters: str) -> int:
    """A → 0, Z → 25, AA → 26."""
    if not _COLUMN.fullmatch(letters):
        raise WorkbookBroken
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def _unescaped(text: str) -> str:
    """`_x000D_` stands for a character that XML cannot hold."""
    return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), text) if "_x" in text else text
