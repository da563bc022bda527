"""What departments really send: the 2016 form beside the 2018 one, workbooks of several sheets, any separator,
and files larger than memory should ever have to hold."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.records import sources
from backend.records.errors import SheetsOfSeveralTemplates
from backend.records.sources import inspect_file
from tests.backend.records.conftest import BAKERY, LAN, QIANG, City, counts, penalty, volunteering

ROOT = Path(__file__).parents[3]
BUREAU = "桂城市市场监督管理局"
BUREAU_CODE = "11990001MB9000074C"


def licence_2016(**cells: str) -> dict[str, str]:
    return {
        "XK_WSH": "桂审批〔2016〕1号",
        "XK_XMMC": "食品经营许可",
        "XK_SPLB": "普通",
        "XK_NR": "热食类食品制售",
        "XK_XDR": "桂城面包有限公司",
        "XK_XDR_SHXYM": BAKERY,
        "XK_XDR_ZDM": "",
        "XK_XDR_GSDJ": "",
        "XK_XDR_SWDJ": "",
        "XK_XDR_SFZ": "",
        "XK_FR": "李大强",
        "XK_JDRQ": "2016/05/20",
        "XK_JZQ": "2021/05/19",
        "XK_XZJG": "桂城市行政审批服务局",
        "XK_ZT": "0",
        "DFBM": "990001",
        "SJC": "2016/05/23",
        "BZ": "",
    } | cells


def penalty_2016(**cells: str) -> dict[str, str]:
    return {
        "行政处罚决定书文号": "桂市监罚〔2016〕8号",
        "处罚名称": "食品标签不规范案",
        "处罚类别1": "1",
        "处罚类别2": "",
        "处罚事由": "销售的面包未标注生产日期",
        "处罚依据": "《中华人民共和国食品安全法》第一百二十五条",
        "行政相对人名称": "桂城面包有限公司",
        "行政相对人代码_1(统一社会信用代码)": BAKERY,
        "行政相对人代码_2(组织机构代码)": "",
        "行政相对人代码_3(工商登记码)": "",
        "行政相对人代码_4(税务登记号)": "",
        "行政相对人代码_5(居民身份证号)": "",
        "法定代表人姓名": "李大强",
        "处罚结果": "罚款人民币二千元",
        "处罚决定日期": "2016/06/01",
        "处罚机关": BUREAU,
        "当前状态": "",
        "地方编码": "990001",
        "数据更新时间戳": "2016/06/03",
        "备注": "",
    } | cells


def test_the_2016_form_is_taken_in_and_its_status_1_means_withdrawn(city: City) -> None:
    report = city.deliver(licence_2016(), licence_2016(XK_WSH="桂审批〔2016〕2号", XK_ZT="1"))
    assert (report.template, counts(report)) == ("admin_licence_2016", (2, 0, 0, 0))
    kept, withdrawn = city.records()
    assert (kept.state, kept.withdrawn, kept.ended_on) == ("active", False, date(2021, 5, 19))
    assert (withdrawn.state, withdrawn.withdrawn) == ("revoked", True)


def test_what_is_under_objection_or_undetermined_in_the_2016_form_waits(city: City) -> None:
    report = city.deliver(licence_2016(XK_ZT="2"), licence_2016(XK_WSH="桂审批〔2016〕3号", XK_ZT="3"))
    assert counts(report) == (0, 0, 0, 2)
    assert {code for row in (0, 1) for _, code in city.codes(row)} == {"not_collected"}


def test_the_2016_form_tells_persons_by_their_number_alone(city: City) -> None:
    person = {"行政相对人名称": "王小兰", "行政相对人代码_1(统一社会信用代码)": "", "法定代表人姓名": ""}
    report = city.deliver(
        penalty_2016(行政处罚决定书文号="罚1号", **person, **{"行政相对人代码_5(居民身份证号)": LAN}),
        # The number of an enterprise's representative is not whom the row is about, and it is not kept.
        penalty_2016(行政处罚决定书文号="罚2号", **{"行政相对人代码_5(居民身份证号)": QIANG}),
        penalty_2016(行政处罚决定书文号="罚3号", **person),
    )
    assert counts(report) == (2, 0, 0, 1)
    assert ("行政相对人代码_1（统一社会信用代码）", "required") in city.codes()
    about = [record.subject_id for record in city.records()]
    assert len(set(about)) == 2
    assert not any(QIANG in str(record.content) or "李大强" in str(record.content) for record in city.records())
    assert "李大强" not in str([row.masked_row for row in city.quarantined()])


@pytest.mark.parametrize(
    ("kind", "level"),
    [("0", 1), ("警告", 1), ("1", 2), ("没收违法所得、没收非法财物", 2), ("3", 3), ("4", 3), ("5", 3), ("6", 2)],
)
def test_the_kinds_of_penalty_of_the_2016_form_are_read_by_number_or_name(
    city: City, kind: str, level: int
) -> None:
    assert counts(city.deliver(penalty_2016(处罚类别1=kind))) == (1, 0, 0, 0)
    assert city.records()[0].level == level


def test_a_matter_delivered_in_both_forms_is_one_record(city: City) -> None:
    number = {"CF_WSH": "桂市监罚〔2016〕8号", "CF_CFJG": BUREAU, "CF_CFJGDM": BUREAU_CODE}
    city.deliver(penalty_2016())
    report = city.deliver(penalty(**number, CF_SJLY=BUREAU, CF_SJLYDM=BUREAU_CODE))
    assert counts(report) == (0, 0, 1, 0)
    assert len(city.records()) == 1


def test_a_person_of_whom_a_penalty_says_that_no_simple_procedure_applied_is_not_let_off(city: City) -> None:
    report = city.deliver(
        penalty(CF_SY="情节复杂，不适用简易程序"),
        penalty(CF_WSH="桂市监简罚〔2026〕5号"),
        penalty(CF_SY="适用简易程序"),
    )
    assert counts(report) == (1, 0, 0, 2)
    assert all("第十三条" in row.reasons[0]["message"] for row in city.quarantined())


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_separators_and_full_width_headings(city: City, separator: str, encoding: str) -> None:
    row = {name.replace("（", "(").replace("）", ")"): cell for name, cell in volunteering().items()}
    row = {"　身份号码 " if name == "身份号码" else name: cell for name, cell in reversed(row.items())}
    path = city.folder / "d.csv"
    path.write_text(separator.join(row) + "\r\n" + separator.join(row.values()) + "\r\n", encoding=encoding)
    assert counts(city.collect(path)) == (1, 0, 0, 0)


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for place, cell in enumerate(row):
                    if isinstance(cell, datetime):
                        sheet.write_datetime(number, place, cell, day)
                    else:
                        sheet.write(number, place, cell)
    return path


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text("a,桂é\n\U00020000\ufeff", min_size=1, max_size=40),
    broken=st.sampled_from([b"", b"\xff", b"\xe6\xa1", b"\xed\xa0\x80", "桂".encode("gb18030")]),
    at=st.integers(0, 40),
    block=st.integers(4, 9),
)
def test_a_file_is_utf_8_wherever_its_blocks_end_and_gb_18030_where_a_byte_of_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, broken: bytes, at: int, block: int
) -> None:
    monkeypatch.setattr(sources, "_BLOCK_BYTES", block)
    body = text.encode()
    path = tmp_path / "file.csv"
    # A first line that is plain ASCII says nothing.
    path.write_bytes(b"a\n" + body[:at] + broken + body[at:])
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        assert inspect_file(path).encoding == "gb18030"
    else:
        assert inspect_file(path).encoding == "utf-8"


def test_every_sheet_of_a_workbook_is_read_and_a_sheet_of_notes_is_told(city: City) -> None:
    first, second, wrong = volunteering(), volunteering(), volunteering(服务日期="2026-02-30")
    day = datetime(2026, 1, 10)  # noqa: DTZ001 - a spreadsheet's date has no zone
    path = workbook(
        city.folder / "两个月.xlsx",
        {
            "填报说明": [["请按模板填写"]],
            "一月": [list(first), [day if name == "服务日期" else cell for name, cell in first.items()]],
            "空": [],
            "二月": [
                ["二月报送表"],
                list(reversed(second)),
                list(reversed(second.values())),
                list(reversed(wrong.values())),
            ],
        },
    )
    report = city.collect(path)
    assert counts(report) == (2, 0, 0, 1)
    assert list(report.left_out_sheets) == ["填报说明"]
    assert city.quarantined()[0].row_number == 2 + 4, "numbered through, sheet after sheet"
    assert city.collect(path).already_taken_in


def test_a_workbook_of_two_templates_is_refused_before_anything_is_stored(city: City) -> None:
    hours, fine = volunteering(), penalty()
    path = workbook(
        city.folder / "x.xlsx",
        {"志愿": [list(hours), list(hours.values())], "处罚": [list(fine), list(fine.values())]},
    )
    with pytest.raises(SheetsOfSeveralTemplates) as refusal:
        city.collect(path)
    assert refusal.value.data["sheets"] == {"志愿": "志愿服务", "处罚": "行政处罚"}
    assert city.deliveries() == []


_READ = """
import resource, sys
from pathlib import Path
from backend.records import sources
sources._BLOCK_BYTES = 1 << 18
source = sources.with_header(sources.inspect_file(Path(sys.argv[1])), 0)
print(sum(chunk.frame.height for chunk in sources.read_chunks(source, rows_per_chunk=500)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize("kind", ["csv", "lines", "array"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str) -> None:
    def peak_kilobytes(rows: int) -> int:
        path = tmp_path / f"{rows}.{kind}"
        line = (
            "王小兰,社区清洁、助老服务,2026-01-10,2.5"
            if kind == "csv"
            else '{"姓名": "王小兰", "服务项目": "助老"}'
        )
        with path.open("w", encoding="utf-8") as file:
            file.write("姓名,服务项目,服务日期,服务时长\n" if kind == "csv" else "[" if kind == "array" else "")
            between = ",\n" if kind == "array" else "\n"
            for start in range(0, rows, 1000):
                file.write(between.join([line] * 1000) + (between if start + 1000 < rows else "\n"))
            file.write("]" if kind == "array" else "")
        done = subprocess.run(
            [sys.executable, "-c", _READ, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        read, peak = map(int, done.stdout.split())
        assert read == rows
        return peak

    # Ten times the rows (some 20 MB of file) may cost no more than a few blocks.
    assert peak_kilobytes(300_000) - peak_kilobytes(30_000) < 12_000
