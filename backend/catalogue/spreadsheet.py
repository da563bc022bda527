"""A catalogue as a spreadsheet: the template to fill in, a version written out, and what is wrong in which cell.

One row is one category; headings are the Chinese names of the fields. Lists are joined by 、, levels are written
`code:名称` or `code:名称:公示天数` and joined by ； .
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import fastexcel
import xlsxwriter
import yaml

from backend.catalogue.document import (
    LONGEST_RETENTION_DAYS,
    Catalogue,
    Category,
    Level,
    check_may_be_collected,
    parse_catalogue,
)
from backend.catalogue.errors import SpreadsheetInvalid, SpreadsheetUnreadable
from backend.catalogue.templates import load_templates
from backend.catalogue.wording import DISCLOSURES, FIELD_NAMES, POLARITIES, SUBJECT_KINDS
from backend.errors import DomainError

HEADINGS: Sequence[str] = tuple(FIELD_NAMES.values())
_FIELDS = {heading: name for name, heading in FIELD_NAMES.items()}
_REQUIRED = frozenset(
    {"code", "name", "subject_kinds", "source_department", "source_department_code", "legal_basis", "polarity"}
    | {"unit", "disclosure"}
)
_LIST_MARKS = re.compile(r"[、,，;；\n]+")
_LEVEL_MARKS = re.compile(r"[;；\n]+")
_CODE = re.compile(r"[a-z][a-z0-9_]*")
_MOST_ROWS = 2_000

_COLUMN_OF_REFUSAL = {
    "legal_basis_missing": "legal_basis",
    "content_forbidden": "contents",
    "written_consent_missing": "written_consent",
    "only_upward": "polarity",
    "retention_too_long": "retention_days",
}


@dataclass(frozen=True)
class CellFault:
    """`row` as the spreadsheet counts it (the headings are row 1); `rule` is the legal rule broken, if any."""

    row: int
    column: str
    message: str
    rule: str | None = None

    def as_data(self) -> dict[str, object]:
        return {"row": self.row, "column": self.column, "message": self.message, "rule": self.rule}


def read_spreadsheet(
    content: bytes, filename: str, *, version: str, name: str, effective_from: date
) -> tuple[str, Catalogue]:
    """The catalogue document (YAML) that a spreadsheet states, and the same parsed.

    Raises SpreadsheetUnreadable when it is no table of ours, SpreadsheetInvalid with every faulty cell, and what
    `parse_catalogue` raises.
    """
    rows = _rows(content, filename)
    faults: list[CellFault] = []
    stated: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for number, row in rows:
        category, found = _category(number, row)
        if category.get("code") in seen:
            message = f"与第 {seen[category['code']]} 行的代码重复"
            found.append(CellFault(number, FIELD_NAMES["code"], message))
        seen.setdefault(category.get("code", ""), number)
        faults += found or _refusals(number, category)
        stated.append(category)
    if not stated:
        raise SpreadsheetUnreadable("表格中没有任何类别，请在标题行下每行填写一个类别。")
    if faults:
        raise SpreadsheetInvalid([fault.as_data() for fault in faults])
    document = yaml.safe_dump(
        {"version": version, "effective_from": effective_from, "name": name, "categories": stated},
        allow_unicode=True,
        sort_keys=False,
    )
    return document, parse_catalogue(document)


def write_spreadsheet(catalogue: Catalogue | None) -> bytes:
    """An XLSX to fill in: the categories of a version, or headings alone, and a page that explains each column."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    bold = book.add_format({"bold": True, "bg_color": "#e9f1ed", "border": 1, "text_wrap": True})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet("目录")
    sheet.freeze_panes(1, 2)
    sheet.set_column(0, len(HEADINGS) - 1, 22, wrapped)
    for place, heading in enumerate(HEADINGS):
        sheet.write_string(0, place, heading, bold)
    for row, category in enumerate(catalogue.categories.values() if catalogue else (), start=1):
        for place, cell in enumerate(cells_of(category)):
            sheet.write_string(row, place, cell)
    for heading, choices in (("性质", POLARITIES), ("公开属性", DISCLOSURES)):
        place = HEADINGS.index(heading)
        sheet.data_validation(1, place, _MOST_ROWS, place, {"validate": "list", "source": list(choices.values())})
    for heading in ("本人可拒绝记录", "单独书面同意"):
        place = HEADINGS.index(heading)
        sheet.data_validation(1, place, _MOST_ROWS, place, {"validate": "list", "source": ["是", "否"]})
    help_sheet = book.add_worksheet("填写说明")
    help_sheet.set_column(0, 0, 20, wrapped)
    help_sheet.set_column(1, 1, 90, wrapped)
    for row, (heading, text) in enumerate([("列", "怎样填写"), *_EXPLANATIONS.items()]):
        help_sheet.write_string(row, 0, heading, bold if row == 0 else wrapped)
        help_sheet.write_string(row, 1, text, bold if row == 0 else wrapped)
    book.close()
    return buffer.getvalue()


def cells_of(category: Category) -> Sequence[str]:
    """A category as its row, in the order of HEADINGS; read back, it is the same category."""
    return [_cell(field.name, getattr(category, field.name)) for field in _ordered_fields()]


def _ordered_fields() -> Iterable[Any]:
    by_name = {field.name: field for field in fields(Category)}
    return [by_name[name] for name in FIELD_NAMES]


def _cell(field: str, value: Any) -> str:
    match field, value:
        case "levels", levels:
            return "；".join(
                f"{level.code}:{level.name}" + (f":{level.published_days}" if level.published_days else "")
                for level in levels
            )
        case "subject_kinds", kinds:
            return "、".join(SUBJECT_KINDS[kind] for kind in kinds)
        case "polarity", code:
            return POLARITIES[code]
        case "disclosure", code:
            return DISCLOSURES[code]
        case _, bool():
            return "是" if value else "否"
        case _, tuple():
            return "、".join(value)
        case _:
            return "" if value is None else str(value)


def _rows(content: bytes, filename: str) -> Sequence[tuple[int, Mapping[str, str]]]:
    """Row numbers as the spreadsheet counts them, and cells by field; empty rows are left out."""
    table = _xlsx(content) if filename.lower().endswith(".xlsx") else _csv(content)
    if not table:
        raise SpreadsheetUnreadable("文件是空的，请下载模板填写后再导入。")
    headings = [_plain(cell) for cell in table[0]]
    unknown = [heading for heading in headings if heading and heading not in _FIELDS]
    missing = [FIELD_NAMES[name] for name in FIELD_NAMES if FIELD_NAMES[name] not in headings]
    if unknown or missing:
        parts = [
            f"缺少列：{'、'.join(missing)}" if missing else "",
            f"多余的列：{'、'.join(unknown)}" if unknown else "",
        ]
        raise SpreadsheetUnreadable(
            f"标题行与模板不符（{'；'.join(part for part in parts if part)}）。请下载模板，按其标题行填写。"
        )
    if len(table) > _MOST_ROWS + 1:
        raise SpreadsheetUnreadable(f"一次最多导入 {_MOST_ROWS} 个类别。")
    named = [_FIELDS.get(heading) for heading in headings]
    rows: list[tuple[int, Mapping[str, str]]] = []
    for number, cells in enumerate(table[1:], start=2):
        row = {name: cell.strip() for name, cell in zip(named, cells, strict=False) if name is not None}
        if any(row.values()):
            rows.append((number, row))
    return rows


def _xlsx(content: bytes) -> list[list[str]]:
    try:
        sheet = fastexcel.read_excel(content).load_sheet(0, header_row=None, dtypes="string")
        frame = sheet.to_polars()
    except fastexcel.FastExcelError:
        raise SpreadsheetUnreadable("这不是可以读取的 XLSX 文件，请用模板另存后再导入。") from None
    return [["" if cell is None else str(cell) for cell in row] for row in frame.iter_rows()]


def _csv(content: bytes) -> list[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return list(csv.reader(io.StringIO(content.decode(encoding), newline="")))
        except UnicodeDecodeError:
            continue
    raise SpreadsheetUnreadable("文件编码无法辨认，请另存为 UTF-8 编码的 CSV 或 XLSX。")


def _category(number: int, row: Mapping[str, str]) -> tuple[dict[str, Any], list[CellFault]]:
    """The category as a document states it, and the cells that cannot be read."""
    faults: list[CellFault] = []
    category: dict[str, Any] = {}
    for field in FIELD_NAMES:
        cell = row.get(field, "")
        if not cell and field in _REQUIRED:
            faults.append(CellFault(number, FIELD_NAMES[field], "必填", _rule_of_missing(field)))
            continue
        try:
            category[field] = _READERS.get(field, _text)(cell)
        except _Unreadable as unreadable:
            faults.append(CellFault(number, FIELD_NAMES[field], str(unreadable)))
    return category, faults


def _rule_of_missing(field: str) -> str | None:
    return "《征信业管理条例》及国办发〔2020〕49号：没有法律依据的信息不得采集" if field == "legal_basis" else None


def _refusals(number: int, stated: dict[str, Any]) -> list[CellFault]:
    """Every rule that the category breaks, each named; the rules are those of the document itself."""
    category = Category(
        **{
            **stated,
            "subject_kinds": tuple(stated["subject_kinds"]),
            "contents": tuple(stated["contents"]),
            "templates": tuple(stated["templates"]),
            "levels": tuple(Level(**level) for level in stated["levels"]),
        }
    )
    try:
        check_may_be_collected(category)
    except DomainError as refusal:
        column = FIELD_NAMES[_COLUMN_OF_REFUSAL[refusal.code]]
        return [CellFault(number, column, refusal.detail, str(refusal.data["basis"]))]
    if category.may_decline and category.polarity != "positive":
        message = "只有正面信息可以由本人拒绝记录"
        return [CellFault(number, FIELD_NAMES["may_decline"], message)]
    return []


class _Unreadable(Exception):
    """The message says what the cell may hold."""


def _text(cell: str) -> str:
    return cell


def _identifier(cell: str) -> str:
    if not _CODE.fullmatch(cell):
        raise _Unreadable("代码由小写字母、数字和下划线组成，以字母开头")
    return cell


def _list(cell: str) -> list[str]:
    return [item.strip() for item in _LIST_MARKS.split(cell) if item.strip()]


def _one_of(words: Mapping[str, str]) -> Callable[[str], str]:
    codes = {word: code for code, word in words.items()}

    def read(cell: str) -> str:
        if cell not in codes:
            raise _Unreadable(f"只能填写 {'、'.join(codes)}")
        return codes[cell]

    return read


def _kinds(cell: str) -> list[str]:
    read = _one_of(SUBJECT_KINDS)
    return [read(word) for word in _list(cell)]


def _yes(cell: str) -> bool:
    if cell not in ("", "是", "否"):
        raise _Unreadable("只能填写 是 或 否")
    return cell == "是"


def _days(cell: str) -> int | None:
    if not cell or cell == "长期":
        return None
    whole = cell.removesuffix(".0")
    if not (whole.isascii() and whole.isdigit() and int(whole) > 0):
        raise _Unreadable(f"填写天数（不良信息不超过 {LONGEST_RETENTION_DAYS} 天），没有期限的留空")
    return int(whole)


def _levels(cell: str) -> list[dict[str, Any]]:
    levels: list[dict[str, Any]] = []
    for item in _LEVEL_MARKS.split(cell):
        if not item.strip():
            continue
        code, *rest = (part.strip() for part in re.split("[:：]", item))
        if not _CODE.fullmatch(code) or not 1 <= len(rest) <= 2 or not rest[0]:
            raise _Unreadable("等级写作 代码:名称 或 代码:名称:公示天数，多个等级用；隔开，由高到低或由轻到重")
        level: dict[str, Any] = {"code": code, "name": rest[0]}
        if len(rest) == 2 and (days := _days(rest[1])) is not None:
            level["published_days"] = days
        levels.append(level)
    return levels


def _templates(cell: str) -> list[str]:
    known = load_templates()
    listed = _list(cell)
    if unknown := [code for code in listed if code not in known]:
        raise _Unreadable(f"没有归集模板 {'、'.join(unknown)}；可用：{'、'.join(known)}")
    return listed


_READERS: Mapping[str, Callable[[str], Any]] = {
    "code": _identifier,
    "subject_kinds": _kinds,
    "polarity": _one_of(POLARITIES),
    "disclosure": _one_of(DISCLOSURES),
    "contents": _list,
    "levels": _levels,
    "retention_days": _days,
    "may_decline": _yes,
    "written_consent": _yes,
    "templates": _templates,
}

_EXPLANATIONS = {
    "代码": "小写字母、数字和下划线，以字母开头；同一类别在各版本中保持不变。必填",
    "名称": "类别的中文名称。必填",
    "主体": "自然人、企业、非企业组织，多个用、隔开。必填",
    "数源单位": "报送该类信息的单位全称。必填",
    "数源单位代码": "该单位的统一社会信用代码，18 位，以文本格式填写。必填",
    "法律依据": "法律、法规或规范性文件的名称和条款；没有依据的类别不得列入目录。必填",
    "性质": "正面、负面或中性；献血和志愿服务只能为正面。必填",
    "计量单位": "如 小时、次、件。必填",
    "信息项": "一条记录包含哪些内容，用、隔开；不得含宗教信仰、基因、指纹、血型、疾病和病史等内容",
    "等级": "代码:名称 或 代码:名称:公示天数，多个用；隔开，由高到低或由轻到重；没有等级的留空",
    "保留天数": f"自事项终止之日起算；负面信息必填且不超过 {LONGEST_RETENTION_DAYS} 天；没有期限的留空",
    "公开属性": "公开、授权查询或政务共享。必填",
    "本人可拒绝记录": "是 或 否；只有正面信息可以为 是",
    "单独书面同意": "是 或 否；涉及个人收入、存款、有价证券、商业保险、不动产、纳税数额的须为 是",
    "归集模板": "模板代码，用、隔开；见 osmanthus catalogue templates",
}


def _plain(heading: str) -> str:
    return "".join(unicodedata.normalize("NFKC", heading).replace("\ufeff", "").split())
