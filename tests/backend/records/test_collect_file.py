"""Delivered files, from the first byte to the counts."""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from backend.catalogue.errors import NoCatalogueInForce
from backend.database import Database
from backend.identifiers import complete_citizen_number
from backend.records.collection import collect_file
from backend.records.errors import (
    ColumnsMissing,
    DeliveryInProgress,
    FileUnreadable,
    TemplateUnknown,
)
from backend.records.models import CreditRecord, Delivery, QuarantinedRow, RecordState
from backend.subjects.models import RescoreMark, Subject
from backend.subjects.registers import RegisterRow, register_subjects
from tests.backend.records.conftest import (
    BAKERY,
    DEPARTMENT,
    LAN,
    QIANG,
    SCHOOL,
    STRANGER,
    City,
    counts,
    general,
    judgment,
    penalty,
    volunteering,
)


def test_a_sound_row_becomes_a_record_with_its_facts_and_first_version(city: City) -> None:
    row = volunteering(服务日期="2026年1月5日", **{"服务时长（小时）": "２．５"})
    assert counts(city.deliver(row)) == (1, 0, 0, 0)

    (record,) = city.records()
    assert (record.category, record.title, record.event_on) == (
        "volunteering",
        "志愿服务：社区清洁",
        date(2026, 1, 5),
    )
    assert (record.quantity, record.amount, record.level, record.state) == (250, 0, 0, "active")
    assert record.source_department == DEPARTMENT
    assert record.content["服务日期"] == "2026-01-05"
    (version,) = city.versions()
    assert (version.version, version.state, version.changed_by) == (1, "active", DEPARTMENT)
    assert version.facts["quantity"] == 250
    assert version.facts["content"] == record.content
    assert version.changed_at == city.now


def test_the_subject_of_a_new_record_waits_for_a_new_score(city: City) -> None:
    city.deliver(volunteering())
    with city.database.reading() as session:
        marks = session.scalars(select(RescoreMark)).all()
    assert [mark.subject_id for mark in marks] == [city.records()[0].subject_id]


@pytest.mark.parametrize(
    "said", ["\\N", "\\.", "C:\\新\\t", '他说"好"，\\"', "a\tb", "第一行\n第二行", "𠮷🌼", "\\\\"]
)
def test_whatever_characters_a_cell_holds_arrive_as_they_are(city: City, said: str) -> None:
    path = city.write([volunteering(服务记录编号=f"ZY{number}", 服务项目=said, 备注=said) for number in range(2)])
    city.collect(path, rows_per_chunk=1)
    for record in city.records():
        assert (record.content["服务项目"], record.content["备注"]) == (said, said)
        assert record.title == f"志愿服务：{said}"


def test_neither_identity_number_nor_name_is_stored_in_the_clear(city: City) -> None:
    wrong = LAN[:-1] + ("0" if LAN[-1] != "0" else "1")
    city.deliver(
        volunteering(服务项目=f"陪护 身份证{LAN}"),
        volunteering(身份号码=wrong, 备注=f"王小兰，旧号 {wrong}"),
        volunteering(身份号码=STRANGER),
        penalty_of_a_person := volunteering(服务日期="2026-02-30"),
    )
    assert penalty_of_a_person
    assert len(city.quarantined()) == 3
    stored = _everything_stored(city.database)
    for secret in (LAN, wrong, STRANGER, LAN[:14], "王小兰"):
        assert secret not in stored
        assert secret.encode().hex() not in stored


def test_the_same_file_twice_changes_nothing_and_says_so(city: City) -> None:
    path = city.write([volunteering(), volunteering(身份号码=STRANGER)])
    first = city.collect(path)
    before = _everything_stored(city.database)

    second = city.collect(path, now=city.now + timedelta(days=1))

    assert not first.already_taken_in
    assert second.already_taken_in
    assert second.delivery_id == first.delivery_id
    assert counts(second) == counts(first) == (1, 0, 0, 1)
    assert _everything_stored(city.database) == before


def test_the_same_content_under_another_name_is_the_same_delivery(city: City) -> None:
    path = city.write([volunteering()])
    city.collect(path)
    copy = path.rename(path.with_name("copy.csv"))
    assert city.collect(copy).already_taken_in


def test_a_row_delivered_again_in_another_file_is_a_duplicate(city: City) -> None:
    row = volunteering()
    city.deliver(row)
    # Written differently, it is the same: date, digits and decimals are compared by what they mean.
    again = row | {"服务日期": "2026/1/10", "备注": "  "}
    assert counts(city.deliver(again, volunteering())) == (1, 1, 0, 0)
    assert city.count(CreditRecord) == 2


def test_a_row_twice_in_one_file_is_stored_once(city: City) -> None:
    row = volunteering()
    assert counts(city.deliver(row, row, row)) == (1, 2, 0, 0)


def test_a_late_correction_is_a_new_version_and_the_old_one_is_kept(city: City) -> None:
    row = volunteering()
    city.deliver(row)
    later = city.now + timedelta(days=3)
    report = city.deliver(row | {"服务时长（小时）": "4"}, now=later)

    assert counts(report) == (0, 0, 1, 0)
    (record,) = city.records()
    assert (record.version, record.quantity, record.delivery_id) == (2, 400, report.delivery_id)
    first, second = city.versions()
    assert (first.facts["quantity"], second.facts["quantity"]) == (250, 400)
    assert (second.changed_at, second.reason) == (later, "数源单位更正报送")


def test_a_correction_within_one_file_counts_as_one(city: City) -> None:
    row = volunteering()
    assert counts(city.deliver(row, row | {"服务时长（小时）": "4"}, row)) == (1, 0, 2, 0)
    assert [version.facts["quantity"] for version in city.versions()] == [250, 400, 250]


def test_a_correction_does_not_undo_what_was_decided_about_the_record(city: City) -> None:
    row = judgment()
    city.deliver(row)
    with city.database.transaction() as session:
        session.execute(text("UPDATE credit_records SET state = 'disputed'"))
    city.deliver(row | {"履行完毕日期": "2026-02-20"})
    (record,) = city.records()
    assert (record.state, record.performed_on) == ("disputed", date(2026, 2, 20))


def test_a_withdrawn_decision_revokes_its_record_and_comes_back_when_delivered_in_force(city: City) -> None:
    row = penalty()
    city.deliver(row)
    city.deliver(row | {"BZ": "本决定已撤销"})
    (record,) = city.records()
    assert (record.state, record.withdrawn) == ("revoked", True)
    assert city.versions()[-1].reason == "数源单位撤销"

    city.deliver(row | {"BZ": "复核后恢复"})
    (record,) = city.records()
    assert (record.state, record.withdrawn, record.version) == ("active", False, 3)


def test_what_others_decided_is_asked_only_of_records_that_come_back(city: City) -> None:
    asked: list[list[int]] = []

    def nothing_decided(_session: Session, record_ids: Sequence[int]) -> dict[int, RecordState]:
        asked.append(list(record_ids))
        return {}

    intake = replace(city.intake, states_in_force=nothing_decided)
    kept, taken_back = penalty(), penalty()
    for rows in (
        [kept, taken_back],
        [kept | {"CF_NR_FK": "0.3"}, taken_back | {"BZ": "本决定已撤销"}],
        [kept | {"CF_NR_FK": "0.4"}, taken_back, penalty()],
    ):
        collect_file(city.database, intake, city.write(rows), now=city.now)
    [withdrawn] = [record.id for record in city.records() if taken_back["CF_WSH"] in str(record.content)]
    assert asked == [[withdrawn]]


def test_two_departments_that_disagree_are_both_kept(city: City) -> None:
    row = judgment()
    city.deliver(row)
    other = row | {"数据来源单位": "桂城市司法局", "严重程度": "严重"}
    assert counts(city.deliver(other)) == (0, 0, 0, 1)
    assert city.codes() == [("", "conflicting_source")]
    assert city.records()[0].source_department == "桂城市中级人民法院"
    assert "桂城市中级人民法院" in city.quarantined()[0].reasons[0]["message"]


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (volunteering(身份号码=STRANGER), "身份号码", "subject_unknown"),
        (volunteering(身份号码=LAN[:-2] + "00"), "身份号码", "identifier_check_digit"),
        (volunteering(身份号码=LAN[:17]), "身份号码", "identifier_length"),
        (volunteering(身份号码="9.9E+17"), "身份号码", "identifier_scientific_notation"),
        (volunteering(身份号码=""), "身份号码", "required"),
        (volunteering(服务日期="05/01/2026"), "服务日期", "date_unreadable"),
        (volunteering(服务日期="2026-02-30"), "服务日期", "date_unreadable"),
        (volunteering(服务日期="2026-03-04"), "服务日期", "date_in_future"),
        (volunteering(**{"服务时长（小时）": "两小时"}), "服务时长（小时）", "number_unreadable"),
        (volunteering(**{"服务时长（小时）": "1.255"}), "服务时长（小时）", "too_many_decimals"),
        (volunteering(**{"服务时长（小时）": "-2"}), "服务时长（小时）", "number_negative"),
        (volunteering(服务项目="长" * 201), "服务项目", "too_long"),
        (volunteering(服务项目="乱码\ufffd"), "服务项目", "unreadable_characters"),
        (volunteering(时长确认状态="未确认"), "时长确认状态", "not_collected"),
        (volunteering(时长确认状态="大概"), "时长确认状态", "value_unknown"),
        (judgment(裁判生效日期="2026-02-01", 履行完毕日期="2026-01-01"), "履行完毕日期", "dates_out_of_order"),
        (judgment(主体代码=BAKERY), "主体代码", "identifier_character"),
        (judgment(主体类别="法人及非法人组织"), "主体代码", "identifier_kind"),
        (general(目录类别代码="no_such_category"), "目录类别代码", "category_not_in_force"),
        (general(目录类别代码="volunteering"), "目录类别代码", "wrong_template"),
        (general(等级="z"), "等级", "level_unknown"),
        (general(等级=""), "等级", "required"),
        (general(主体类别="自然人", 主体代码=LAN, 主体名称="王小兰"), "主体类别", "subject_kind"),
        (general(目录类别代码="transport_fare_evasion", 等级=""), "主体类别", "subject_kind"),
        (penalty(CF_CFLB="警告；罚款", CF_NR_FK=""), "罚款金额（万元）", "required"),
        (penalty(CF_NR="依简易程序当场处罚"), "处罚内容", "simple_procedure"),
    ],
)
def test_what_is_wrong_is_quarantined_with_its_cell_and_reason(
    city: City, row: dict[str, str], column: str, code: str
) -> None:
    assert counts(city.deliver(row)) == (0, 0, 0, 1)
    assert (column, code) in city.codes()
    assert city.count(CreditRecord) == 0


def test_every_wrong_cell_of_a_row_has_its_own_reason(city: City) -> None:
    city.deliver(volunteering(身份号码="", 服务日期="去年", 时长确认状态=""))
    assert set(city.codes()) == {
        ("身份号码", "required"),
        ("服务日期", "date_unreadable"),
        ("时长确认状态", "required"),
    }


def test_an_organisation_is_refused_where_the_catalogue_only_knows_enterprises(city: City) -> None:
    city.deliver(general(主体代码=SCHOOL))
    assert city.codes() == [("", "subject_kind")]


def test_levels_amounts_and_acts_come_from_the_template(city: City) -> None:
    city.deliver(
        penalty(CF_WSH="桂罚〔2026〕1号", CF_NR_FK="0.2"),
        penalty(CF_WSH="桂罚[2026]2号", CF_CFLB="警告", CF_NR_FK=""),
        penalty(
            CF_WSH="桂罚〔2026〕3号", CF_CFLB="罚款；吊销许可证", CF_NR_FK="12.345678", CF_NR_ZKDX="食品许可证"
        ),
        penalty(CF_WSH="桂罚〔2026〕4号", CF_NR_FK="1500元"),
    )
    first, warning, serious, in_yuan = city.records()
    assert (first.level, first.amount) == (2, 200_000)
    assert (warning.level, warning.amount) == (1, 0)
    assert (serious.level, serious.amount) == (3, 12_345_678)
    assert in_yuan.amount == 150_000
    assert len({record.event_key for record in city.records()}) == 4
    assert all(record.event_key > 0 for record in city.records())


def test_one_number_is_another_matter_for_another_subject_or_in_another_category(city: City) -> None:
    about_lan = judgment(案号="（2026）桂0001执9号")
    about_qiang = about_lan | {"主体代码": QIANG, "主体名称": "李大强"}
    assert counts(city.deliver(about_lan, about_qiang)) == (2, 0, 0, 0)
    rated = general(事项编号="SX9")
    listed = rated | {"目录类别代码": "abnormal_operation", "等级": ""}
    assert counts(city.deliver(rated, listed)) == (2, 0, 0, 0)


def test_an_act_is_known_by_its_number_and_rows_without_one_are_no_act_together(city: City) -> None:
    city.deliver(*(general(关联事项编号=number) for number in ("", "", "G1", "Ｇ１")))
    without, without_too, one, the_same = (record.event_key for record in city.records())
    assert (without, without_too) == (0, 0)
    assert one == the_same > 0


def test_document_numbers_written_with_other_brackets_are_the_same_matter(city: City) -> None:
    row = penalty(CF_WSH="桂市监罚〔2026〕7号")
    city.deliver(row)
    again = city.deliver(row | {"CF_WSH": "桂市监罚（2026） 7号"})
    assert again.accepted == 0
    assert city.count(CreditRecord) == 1


def test_a_subject_is_found_by_an_old_code(city: City) -> None:
    old = QIANG[:6] + QIANG[8:17]
    assert (
        counts(city.deliver(volunteering(身份号码=old), volunteering(身份号码=" " + QIANG[:6] + " " + QIANG[6:])))[
            0
        ]
        == 2
    )


def test_columns_the_template_does_not_know_are_not_kept(city: City) -> None:
    city.deliver(volunteering() | {"民族": "汉", "病史": "无"})
    assert "民族" not in city.records()[0].content
    assert "病史" not in _everything_stored(city.database)


def test_without_a_catalogue_in_force_nothing_is_taken_in(city: City) -> None:
    path = city.write([volunteering(服务日期="2025-01-01")])
    with pytest.raises(NoCatalogueInForce):
        city.collect(path, now=datetime(2025, 6, 1, tzinfo=UTC))
    assert city.count(Delivery) == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_files_are_read_in_the_encodings_departments_use(city: City, encoding: str) -> None:
    path = city.write([volunteering(服务项目="㐂事服务"), volunteering()], encoding=encoding)
    assert counts(city.collect(path)) == (2, 0, 0, 0)
    assert city.records()[0].content["服务项目"] == "㐂事服务"


def test_a_spreadsheet_with_a_title_above_its_header_is_read(city: City, tmp_path: Path) -> None:
    path = tmp_path / "志愿服务.xlsx"
    row = volunteering()
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write(0, 0, "2026年一季度志愿服务信息表")
        sheet.write_row(1, 0, list(row))
        sheet.write_row(2, 0, list(row.values()))
        sheet.write_datetime(2, 4, datetime(2026, 1, 10), workbook.add_format({"num_format": "yyyy-mm-dd"}))  # noqa: DTZ001
        sheet.write_number(2, 5, 2.5)
    assert counts(city.collect(path)) == (1, 0, 0, 0)
    assert city.records()[0].event_on == date(2026, 1, 10)
    assert counts(city.deliver(row)) == (0, 1, 0, 0)


@pytest.mark.parametrize("as_array", [False, True])
def test_json_is_read_as_lines_and_as_an_array(city: City, tmp_path: Path, as_array: bool) -> None:
    path = tmp_path / "delivery.json"
    # An object leaves out what it has not got; numbers need no quotation marks.
    rows = [{name: cell for name, cell in volunteering().items() if cell} for _ in range(3)]
    rows[1]["服务时长（小时）"] = 3.5  # type: ignore[assignment]
    rows[2]["备注"] = "首次出现的字段"
    body = json.dumps(rows, ensure_ascii=False) if as_array else "\n".join(json.dumps(row) for row in rows)
    path.write_text(body, encoding="utf-8")
    assert counts(city.collect(path)) == (3, 0, 0, 0)
    assert [record.quantity for record in city.records()] == [250, 350, 250]
    assert city.records()[2].content["备注"] == "首次出现的字段"


def test_a_broken_json_line_is_one_quarantined_row(city: City, tmp_path: Path) -> None:
    path = tmp_path / "delivery.jsonl"
    lines = [json.dumps(volunteering(), ensure_ascii=False) for _ in range(3)]
    lines[1] = lines[1][:-5]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert counts(city.collect(path)) == (2, 0, 0, 1)
    assert city.codes() == [("", "malformed_line")]
    assert LAN not in json.dumps(city.quarantined()[0].masked_row)


def test_a_line_with_too_many_fields_is_kept_whole_and_the_others_are_taken_in(city: City) -> None:
    path = city.write([volunteering(), volunteering(), volunteering()])
    lines = path.read_text("utf-8-sig").splitlines()
    lines[2] = lines[2].replace("社区清洁", "社区清洁,助老,扶幼")
    path.write_text("\r\n".join(lines), encoding="utf-8")
    assert counts(city.collect(path)) == (2, 0, 0, 1)
    (row,) = city.quarantined()
    assert (row.row_number, row.reasons[0]["code"]) == (3, "malformed_line")
    assert "助老,扶幼" in json.loads(city.keys.open(row.sealed_row))["整行原文"]
    assert "王小兰" not in json.dumps(row.masked_row, ensure_ascii=False)


def test_blank_lines_are_no_rows_and_row_numbers_are_those_of_the_spreadsheet(city: City) -> None:
    path = city.write([volunteering(), volunteering(身份号码=STRANGER)])
    lines = path.read_text("utf-8-sig").splitlines()
    path.write_text("\n".join([lines[0], lines[1], "", ",,,,,,,,,,", lines[2], ""]), encoding="utf-8")
    assert counts(city.collect(path)) == (1, 0, 0, 1)
    assert city.quarantined()[0].row_number == 5


def test_a_quoted_line_break_does_not_end_a_row(city: City) -> None:
    assert counts(city.deliver(volunteering(备注='第一行\n第二行，"引号"'), volunteering())) == (2, 0, 0, 0)
    assert city.records()[0].content["备注"] == '第一行\n第二行，"引号"'


def test_a_killed_import_goes_on_where_it_stopped_and_counts_nothing_twice(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [volunteering() for _ in range(25)] + [volunteering(身份号码=STRANGER) for _ in range(5)]
    path = city.write(rows)

    class Killed(BaseException):
        pass

    chunks = iter(range(3))

    def kill_after_two_chunks(_done: int, _total: int) -> None:
        if next(chunks) == 1:
            raise Killed

    with pytest.raises(Killed):
        city.collect(path, rows_per_chunk=7, progress=kill_after_two_chunks)
    (interrupted,) = city.deliveries()
    assert (interrupted.state, interrupted.delivered, city.count(CreditRecord)) == ("failed", 16, 16)

    report = city.collect(path, rows_per_chunk=4)
    assert report.resumed_after == 16
    assert not report.already_taken_in
    assert counts(report) == (25, 0, 0, 5)
    assert city.deliveries()[0].state == "done"
    assert len(city.versions()) == 25
    assert [row.row_number for row in city.quarantined()] == [27, 28, 29, 30, 31]


def test_a_chunk_that_fails_leaves_nothing_of_itself(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    import backend.records.collection as collection

    def fail(*_arguments: object) -> None:
        raise RuntimeError("disk full")

    path = city.write([volunteering(), volunteering(身份号码=STRANGER)])
    monkeypatch.setattr(collection, "mark_for_rescoring", fail)
    with pytest.raises(RuntimeError):
        city.collect(path)
    assert (city.count(CreditRecord), len(city.versions()), city.count(QuarantinedRow)) == (0, 0, 0)
    monkeypatch.undo()
    assert counts(city.collect(path)) == (1, 0, 0, 1)


def test_old_objects_are_left_out_of_garbage_collection_until_the_delivery_ends_however_it_ends(
    city: City,
) -> None:
    left_out: list[int] = []

    def look(_done: int, _total: int) -> None:
        left_out.append(gc.get_freeze_count())

    city.collect(city.write([volunteering()]), progress=look)
    assert left_out[0] > 0
    assert gc.get_freeze_count() == 0

    def fail(_done: int, _total: int) -> None:
        raise RuntimeError("no more room")

    with pytest.raises(RuntimeError):
        city.collect(city.write([volunteering()]), progress=fail)
    assert gc.get_freeze_count() == 0


def test_a_second_process_with_the_same_file_stops_without_counting(city: City) -> None:
    path = city.write([volunteering() for _ in range(6)])
    overtaken: list[bool] = []

    def the_other_one_finishes(_done: int, _total: int) -> None:
        if not overtaken:
            overtaken.append(True)
            city.collect(path)

    with pytest.raises(DeliveryInProgress):
        city.collect(path, rows_per_chunk=2, progress=the_other_one_finishes)
    (delivery,) = city.deliveries()
    assert (delivery.state, delivery.delivered, delivery.accepted) == ("done", 6, 6)
    assert city.count(CreditRecord) == 6


def test_a_file_of_no_known_template_is_refused_with_its_header(city: City, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("甲,乙\n1,2\n", encoding="utf-8")
    with pytest.raises(TemplateUnknown) as refusal:
        city.collect(path)
    assert "甲、乙" in refusal.value.detail


def test_missing_required_columns_are_named(city: City) -> None:
    row = volunteering()
    del row["服务日期"]
    with pytest.raises(ColumnsMissing) as refusal:
        city.deliver(row, template="volunteering")
    assert refusal.value.data["missing"] == ["服务日期"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a workbook", b"\xd0\xcf\x11\xe0 old"])
def test_what_is_no_file_of_a_known_kind_is_refused(city: City, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(FileUnreadable):
        city.collect(path)


def test_registers_are_kept_through_the_same_entrance(city: City) -> None:
    new = STRANGER
    row = {
        "公民身份号码": new,
        "姓名": "赵新来",
        "出生日期": "1977-07-07",
        "旧15位身份证号码": "",
        "区划代码": "990001",
        "区划名称": "桂城区",
        "登记日期": "2020-01-01",
        "状态": "正常",
        "死亡或注销日期": "",
    }
    born_wrong = row | {"公民身份号码": LAN, "姓名": "王小兰", "出生日期": "1991-01-01"}
    assert counts(city.deliver(row, row, born_wrong)) == (1, 1, 0, 1)
    assert city.codes() == [("出生日期", "birth_date_differs")]
    moved = row | {"区划名称": "桂北区"}
    assert counts(city.deliver(moved)) == (0, 0, 1, 0)
    assert counts(city.deliver(volunteering(身份号码=new))) == (1, 0, 0, 0)
    assert "赵新来" not in _everything_stored(city.database)
    with city.database.reading() as session:
        assert session.scalar(select(Subject.district).order_by(Subject.id.desc()).limit(1)) == "桂北区"


def test_progress_ends_at_the_size_of_the_file(city: City) -> None:
    seen: list[tuple[int, int]] = []
    path = city.write([volunteering() for _ in range(5)])
    city.collect(path, rows_per_chunk=2, progress=lambda done, total: seen.append((done, total)))
    size = path.stat().st_size
    assert seen[-1] == (size, size)
    assert len(seen) == 4


def test_an_empty_delivery_is_done_with_zero_rows(city: City) -> None:
    path = city.write([volunteering()])
    path.write_text(path.read_text("utf-8-sig").splitlines()[0] + "\n", encoding="utf-8")
    assert counts(city.collect(path)) == (0, 0, 0, 0)


def _everything_stored(database: Database) -> str:
    """Every cell of every table, bytes in hexadecimal."""
    cells: list[str] = []
    with database.reading() as session:
        for table in ("credit_records", "record_versions", "quarantined_rows", "deliveries", "subjects"):
            for row in session.execute(text(f"SELECT * FROM {table} ORDER BY id")):  # noqa: S608
                for cell in row:
                    if isinstance(cell, bytes):
                        cells.append(cell.hex())
                    elif isinstance(cell, dict | list):
                        cells.append(json.dumps(cell, ensure_ascii=False))
                    elif isinstance(cell, str) and cell[:1] in "{[":
                        cells.append(json.dumps(json.loads(cell), ensure_ascii=False))
                    else:
                        cells.append(str(cell))
    return "\n".join(cells)


CHILD = complete_citizen_number("99000120120303303")  # fourteen on 3 March 2026
LEAPLING = complete_citizen_number("99000120080229303")  # fourteen on 1 March 2022


def test_nothing_is_collected_about_a_child_until_the_fourteenth_birthday(city: City) -> None:
    with city.database.transaction() as session:
        rows = [RegisterRow("person", number, "王小童", "桂城区") for number in (CHILD, LEAPLING)]
        register_subjects(session, city.keys, rows, city.now)

    def row(number: str, day: str) -> dict[str, str]:
        return volunteering(姓名="王小童", 身份号码=number, 服务日期=day)

    report = city.deliver(
        row(CHILD, "2026-03-02"),
        row(CHILD, "2026-03-03"),
        row(LEAPLING, "2022-02-28"),
        row(LEAPLING, "2022-03-01"),
    )

    assert counts(report) == (2, 0, 0, 2)
    rows = city.quarantined("dropped")
    assert [[reason["code"] for reason in row.reasons] for row in rows] == [["under_fourteen"]] * 2
    assert [(city.keys.open(row.sealed_row), row.masked_row, row.row_number) for row in rows] == [
        ("{}", {}, 2),
        ("{}", {}, 4),
    ]
    assert [record.event_on for record in city.records()] == [date(2026, 3, 3), date(2022, 3, 1)]


def test_a_childs_row_is_not_kept_for_its_other_faults_either(city: City) -> None:
    row = volunteering(姓名="王小童", 身份号码=CHILD, 服务日期="2026-03-02") | {"服务时长（小时）": "很久"}
    city.deliver(row)
    (gone,) = city.quarantined("dropped")
    assert [reason["code"] for reason in gone.reasons] == ["under_fourteen"]
    assert city.keys.open(gone.sealed_row) == "{}"
