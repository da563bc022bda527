"""Workbooks are read row by row, and every kind of cell becomes the text that a clerk sees."""

from __future__ import annotations

import tracemalloc
import zipfile
from datetime import date, datetime
from itertools import islice
from pathlib import Path

import fastexcel
import pytest
import xlsxwriter

from backend.records.errors import FileUnreadable
from backend.records.sources import ROW_NUMBER, inspect_file, read_chunks, with_header
from backend.records.workbooks import Row, Workbook, WorkbookBroken


def rows_of(path: Path, place: int = 0) -> list[Row]:
    with Workbook(path) as workbook:
        return [row for row, _ in workbook.rows(place)]


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    path = tmp_path / "kinds.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("一月")
        day = book.add_format({"num_format": "yyyy年m月d日"})
        moment = book.add_format({"num_format": 22})
        quoted = book.add_format({"num_format": '0.00"days"'})
        sheet.write_row(0, 0, ["文字", "整数", "小数", "长号", "日期", "时刻", "金额"])
        sheet.write_string(1, 0, "  空格 & <符号> ")
        sheet.write_number(1, 1, 42)
        sheet.write_number(1, 2, 0.1)
        sheet.write_number(1, 3, 123456789012345)
        sheet.write_datetime(1, 4, datetime.combine(date(2024, 2, 29), datetime.min.time()), day)
        sheet.write_datetime(1, 5, datetime(2024, 1, 5, 13, 45, 7), moment)  # noqa: DTZ001 - a cell has no zone
        sheet.write_number(1, 6, 12.5, quoted)
        sheet.write_string(3, 27, "AB 列")
        sheet.write_formula(4, 0, '="a"&"b"', None, "ab")
    return path


def test_cells_read_as_the_usual_reader_reads_them(kinds: Path) -> None:
    usual = fastexcel.read_excel(kinds).load_sheet(0, header_row=None, dtypes="string").to_polars()
    read = {row.number: row.cells for row in rows_of(kinds)}
    for number, cells in enumerate(usual.rows(), start=1):
        ours = list(read.get(number, ()))
        assert ours + [None] * (len(cells) - len(ours)) == list(cells), number


def test_a_number_too_long_for_a_spreadsheet_reads_as_the_spreadsheet_shows_it(tmp_path: Path) -> None:
    """Fifteen digits are all it keeps; the usual reader makes up the others."""
    cell = '<row r="1"><c r="A1"><v>3.70102199001011E+17</v></c></row>'
    path = _written(tmp_path, f"<worksheet><sheetData>{cell}</sheetData></worksheet>")
    assert rows_of(path) == [Row(1, ["370102199001011000"])]


def test_rows_have_the_numbers_that_a_spreadsheet_shows(kinds: Path) -> None:
    assert [(row.number, len(row.cells)) for row in rows_of(kinds)] == [(1, 7), (2, 7), (4, 28), (5, 1)]
    assert rows_of(kinds)[2].cells[27] == "AB 列"


def test_prefixed_elements_inline_texts_and_phonetic_guides_are_understood(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        '<x:worksheet xmlns:x="m"><x:sheetData><x:row r="2"><x:c r="A2" t="inlineStr"><x:is><x:t>王</x:t>'
        '<x:rPh><x:t>WANG</x:t></x:rPh><x:t>小兰</x:t></x:is></x:c><x:c r="B2" t="b"><x:v>1</x:v></x:c>'
        '<x:c r="C2" t="e"><x:v>#N/A</x:v></x:c></x:row></x:sheetData></x:worksheet>',
    )
    assert rows_of(path) == [Row(2, ["王小兰", "true", None])]


@pytest.mark.parametrize(
    "sheet",
    [
        "<worksheet><sheetData><row>",
        '<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>7</v></c></row></sheetData></worksheet>',
        '<worksheet><sheetData><row r="1"><c r="A1"><v>many</v></c></row></sheetData></worksheet>',
        '<!DOCTYPE worksheet [<!ENTITY a "aaaa">]><worksheet><sheetData/></worksheet>',
    ],
    ids=["cut off", "text that is not there", "no number", "entities"],
)
def test_a_damaged_sheet_is_refused(tmp_path: Path, sheet: str) -> None:
    path = _written(tmp_path, sheet)
    with pytest.raises(WorkbookBroken):
        rows_of(path)
    with pytest.raises(FileUnreadable, match="不是完好的"):
        inspect_file(path)


@pytest.mark.parametrize(("at", "value"), [(8, 1), (10, 99)], ids=["encrypted", "compressed in an unknown way"])
def test_a_workbook_whose_parts_cannot_be_unpacked_is_refused(tmp_path: Path, at: int, value: int) -> None:
    """`at` is the place of flags and compression method in the central directory's entries."""
    path = _large(tmp_path, 3)
    content = bytearray(path.read_bytes())
    place = content.find(b"PK\x01\x02")
    while place >= 0:
        content[place + at] = value
        place = content.find(b"PK\x01\x02", place + 4)
    path.write_bytes(content)
    with pytest.raises(FileUnreadable, match="不是完好的"):
        inspect_file(path)


def test_the_first_row_comes_before_the_sheet_has_been_read(tmp_path: Path) -> None:
    with Workbook(_large(tmp_path, 9_000)) as workbook:
        (_, first), (_, later) = islice(workbook.rows(0), 0, 9_000, 8_000)
    assert first < 0.3 < 0.7 < later


def test_memory_does_not_grow_with_the_sheet(tmp_path: Path) -> None:
    few, many = (_peak(_large(tmp_path, rows)) for rows in (3_000, 12_000))
    assert many < 1.5 * few, (few, many)


def _large(folder: Path, rows: int) -> Path:
    path = folder / f"{rows}.xlsx"
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for number in range(rows):
            sheet.write_row(number, 0, ["服务记录编号", "服务项目", f"ZY{number:09d}", 3.5])
    return path


def _peak(path: Path) -> int:
    source = with_header(inspect_file(path), 0)
    tracemalloc.start()
    try:
        numbers = [int(chunk.frame[ROW_NUMBER][-1]) for chunk in read_chunks(source, rows_per_chunk=1_000)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert numbers[:2] == [1_001, 2_001]
    return peak


def _written(folder: Path, sheet: str) -> Path:
    """A workbook with the least that one needs."""
    path = folder / "least.xlsx"
    relation = '<Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.xml"/>'
    tab = '<sheet name="一" sheetId="1" r:id="rId1"/>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", f'<workbook xmlns:r="r"><sheets>{tab}</sheets></workbook>')
        archive.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{relation}</Relationships>")
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return path
