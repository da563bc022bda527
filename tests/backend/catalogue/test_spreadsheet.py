"""A catalogue as a spreadsheet: back and forth without loss, and every faulty cell named with the rule."""

from __future__ import annotations

import csv
import io
from datetime import date

import fastexcel
import pytest
from typer.testing import CliRunner

from backend.catalogue.document import Level, compare_catalogues, parse_catalogue, shipped_catalogue
from backend.catalogue.errors import SpreadsheetInvalid, SpreadsheetUnreadable
from backend.catalogue.spreadsheet import HEADINGS, cells_of, read_spreadsheet, write_spreadsheet
from command_line.catalogue import app

SHIPPED = parse_catalogue(shipped_catalogue())
META = {"version": "2027.1", "name": "桂城市公共信用信息目录（2027年版）", "effective_from": date(2027, 1, 1)}
SOUND = {
    "代码": "late_return",
    "名称": "图书逾期",
    "主体": "自然人",
    "数源单位": "桂城市图书馆",
    "数源单位代码": "12990001MB0000001X",
    "法律依据": "《中华人民共和国公共图书馆法》第四十条",
    "性质": "负面",
    "计量单位": "次",
    "信息项": "应还日期、归还日期",
    "等级": "minor:轻微:90；general:一般:180",
    "保留天数": "365",
    "公开属性": "授权查询",
    "本人可拒绝记录": "否",
    "单独书面同意": "否",
    "归集模板": "city_catalogue",
}


def as_csv(*rows, headings=HEADINGS, encoding="utf-8-sig"):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows([row.get(heading, "") for heading in headings] for row in rows)
    return text.getvalue().encode(encoding)


def faults_of(*rows):
    with pytest.raises(SpreadsheetInvalid) as refusal:
        read_spreadsheet(as_csv(*rows), "目录.csv", **META)
    return [(fault["row"], fault["column"], fault["message"], fault["rule"]) for fault in refusal.value.faults]


def test_a_version_written_out_and_read_back_is_the_same():
    text, catalogue = read_spreadsheet(write_spreadsheet(SHIPPED), "目录.xlsx", **META)

    assert compare_catalogues(SHIPPED, catalogue) == []
    assert (catalogue.version, catalogue.effective_from) == ("2027.1", date(2027, 1, 1))
    assert parse_catalogue(text) == catalogue


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
def test_csv_in_the_usual_encodings_says_the_same(encoding):
    rows = [dict(zip(HEADINGS, cells_of(category), strict=True)) for category in SHIPPED.categories.values()]

    _, catalogue = read_spreadsheet(as_csv(*rows, encoding=encoding), "目录.csv", **META)

    assert compare_catalogues(SHIPPED, catalogue) == []


def test_the_template_explains_every_column():
    book = fastexcel.read_excel(write_spreadsheet(None))

    assert book.sheet_names == ["目录", "填写说明"]
    assert book.load_sheet(0).to_polars().columns == list(HEADINGS)
    assert book.load_sheet(1).to_polars()["列"].to_list() == list(HEADINGS)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("代码", "Late-Return", "代码由小写字母"),
        ("代码", "", "必填"),
        ("主体", "个人", "只能填写 自然人、企业、非企业组织"),
        ("性质", "坏", "只能填写 正面、负面、中性"),
        ("等级", "轻微", "等级写作"),
        ("等级", "minor:轻微:90:公示", "等级写作"),
        ("等级", "Minor:轻微", "等级写作"),
        ("保留天数", "一年", "填写天数"),
        ("保留天数", "0", "填写天数"),
        ("本人可拒绝记录", "是", "只有正面信息可以由本人拒绝记录"),
        ("公开属性", "保密", "只能填写"),
        ("本人可拒绝记录", "可以", "只能填写 是 或 否"),
        ("归集模板", "no_such", "没有归集模板 no_such"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(column, cell, message):
    ((row, where, said, rule),) = faults_of(SOUND | {column: cell})

    assert (row, where, rule) == (2, column, None)
    assert message in said


FORBIDDEN = [
    ("信息项", "宗教信仰", "征信业管理条例》第十四条"),
    ("信息项", "基因检测", "征信业管理条例》第十四条"),
    ("信息项", "指纹", "征信业管理条例》第十四条"),
    ("信息项", "血型", "征信业管理条例》第十四条"),
    ("信息项", "既往病史", "征信业管理条例》第十四条"),
    ("信息项", "信访次数", "国办发〔2020〕49号"),
    ("信息项", "计划生育情况", "国办发〔2020〕49号"),
    ("信息项", "政治面貌", "个人信息保护法"),
    ("信息项", "网络言论", "个人信息保护法"),
    ("信息项", "民族", "个人信息保护法"),
    ("信息项", "性别", "个人信息保护法"),
    ("信息项", "婚姻状况", "个人信息保护法"),
    ("信息项", "年收入", "征信业管理条例》第十四条"),
    ("信息项", "存款余额", "征信业管理条例》第十四条"),
    ("信息项", "证券账户", "征信业管理条例》第十四条"),
    ("信息项", "商业保险", "征信业管理条例》第十四条"),
    ("信息项", "不动产", "征信业管理条例》第十四条"),
    ("信息项", "纳税数额", "征信业管理条例》第十四条"),
    ("等级", "a:汉族；b:民族其他", "个人信息保护法"),
    ("法律依据", "", "没有法律依据"),
    ("名称", "志愿服务缺席", "志愿服务条例"),
    ("名称", "拒绝献血", "献血法"),
    ("保留天数", "2000", "征信业管理条例》第十六条"),
    ("保留天数", "", "征信业管理条例》第十六条"),
]


@pytest.mark.parametrize(("column", "cell", "rule"), FORBIDDEN)
def test_what_may_not_be_collected_is_refused_with_the_rule_named(column, cell, rule):
    ((row, _, _, named),) = faults_of(SOUND | {column: cell})

    assert row == 2
    assert rule in named


def test_means_may_be_collected_with_separate_written_consent():
    _, catalogue = read_spreadsheet(as_csv(SOUND | {"信息项": "年收入", "单独书面同意": "是"}), "目录.csv", **META)

    assert catalogue.categories["late_return"].written_consent


def test_a_full_width_colon_parts_a_level_as_well():
    _, catalogue = read_spreadsheet(as_csv(SOUND | {"等级": "minor：轻微：90"}), "目录.csv", **META)

    assert catalogue.categories["late_return"].levels == (Level("minor", "轻微", 90),)


def test_empty_rows_and_the_decimals_of_a_spreadsheet_are_passed_over():
    _, catalogue = read_spreadsheet(as_csv({}, SOUND | {"保留天数": "365.0"}, {}), "目录.csv", **META)

    assert [(one.code, one.retention_days) for one in catalogue.categories.values()] == [("late_return", 365)]


def test_two_thousand_rows_are_taken_at_once():
    _, catalogue = read_spreadsheet(as_csv(SOUND, *[{}] * 1_999), "目录.csv", **META)

    assert list(catalogue.categories) == ["late_return"]


def test_every_fault_of_every_row_is_told_at_once():
    found = faults_of(
        SOUND | {"性质": "坏", "计量单位": ""},
        SOUND | {"代码": "other", "信息项": "血型"},
        SOUND | {"代码": "third"},
        SOUND | {"代码": "third"},
    )

    assert [(row, column) for row, column, _, _ in found] == [
        (2, "性质"),
        (2, "计量单位"),
        (3, "信息项"),
        (5, "代码"),
    ]


@pytest.mark.parametrize(
    ("content", "filename", "message"),
    [
        (b"", "a.csv", "文件是空的"),
        (b"PK not a workbook", "a.xlsx", "不是可以读取的 XLSX"),
        (b"\xff\xff\xff", "a.csv", "编码无法辨认"),
        (as_csv(), "a.csv", "没有任何类别"),
        (as_csv(*[SOUND] * 2_001), "a.csv", "一次最多导入 2000 个类别"),
        (as_csv(SOUND, headings=[*HEADINGS[1:], "备注"]), "a.csv", "缺少列：代码；多余的列：备注"),
    ],
)
def test_what_is_no_catalogue_table_is_said_plainly(content, filename, message):
    with pytest.raises(SpreadsheetUnreadable, match=message):
        read_spreadsheet(content, filename, **META)


def test_a_spreadsheet_is_checked_before_it_is_imported_and_its_faulty_cells_are_named(tmp_path):
    sound, faulty = tmp_path / "目录.xlsx", tmp_path / "有错.csv"
    sound.write_bytes(write_spreadsheet(SHIPPED))
    faulty.write_bytes(as_csv(SOUND | {"性质": "不好"}))

    passed = CliRunner().invoke(app, ["check", str(sound)])
    refused = CliRunner().invoke(app, ["check", str(faulty)])

    assert (passed.exit_code, passed.output) == (0, f"目录：{len(SHIPPED.categories)} 个类别，合规\n")
    assert refused.exit_code == 1
    assert "第 2 行 性质" in refused.output
