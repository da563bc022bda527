"""What could not be taken in: listed, exported, corrected, taken in after all; never lost."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import fastexcel
import pytest
import xlsxwriter
from sqlalchemy import select, update

from backend.choices.service import decline
from backend.identifiers import complete_citizen_number
from backend.ledger.models import LedgerEntry
from backend.ledger.service import Actor
from backend.records.errors import (
    AlreadyResolved,
    NoConflict,
    NotAQuarantineExport,
    QuarantinedRowNotFound,
    ReasonMissing,
    UnknownColumns,
    UnknownQuarantineNumbers,
)
from backend.records.models import QuarantinedRow
from backend.records.quarantine import (
    NUMBER_HEADING,
    Opening,
    Resubmission,
    conflict_of,
    drop_row,
    export_rows,
    export_workbook,
    quarantined_rows,
    resubmit_file,
    resubmit_row,
    resubmit_upload,
    summarise_reasons,
)
from backend.subjects.service import find_by_identifier
from tests.backend.records.conftest import (
    BAKERY,
    LAN,
    QIANG,
    STRANGER,
    City,
    counts,
    general,
    judgment,
    penalty,
    volunteering,
)

CHILD = complete_citizen_number("99000120120303303")  # fourteen on 3 March 2026
WRONG = LAN[:-1] + ("0" if LAN[-1] != "0" else "1")
OFFICER = Actor("officer", "7", "陈审核")


def test_a_corrected_row_is_taken_in_as_a_delivery_of_its_own(city: City) -> None:
    first = city.deliver(volunteering(身份号码=WRONG))
    (row,) = city.quarantined()
    outcome = _resubmit(city, row.id, {"身份号码": LAN})

    assert (outcome.outcome, outcome.reasons) == ("accepted", [])
    (record,) = city.records()
    assert outcome.subject_id == record.subject_id
    (resolved,) = city.quarantined("resubmitted")
    assert (resolved.resolved_by, resolved.resolved_delivery_id) == ("陈审核", record.delivery_id)
    delivered = {delivery.id: delivery for delivery in city.deliveries()}
    assert delivered[first.delivery_id].quarantined == 1
    again = delivered[record.delivery_id]
    assert (again.state, again.delivered, again.accepted) == ("done", 1, 1)
    assert again.source_department == first.source_department


def test_a_row_that_is_still_wrong_stays_as_it_is_and_says_what_is_left(city: City) -> None:
    city.deliver(volunteering(身份号码=WRONG, 服务日期="昨天"))
    (row,) = city.quarantined()
    outcome = _resubmit(city, row.id, {"身份号码": LAN})

    assert outcome.outcome == "quarantined"
    assert [reason["column"] for reason in outcome.reasons] == ["服务日期"]
    (unchanged,) = city.quarantined()
    assert (unchanged.sealed_row, unchanged.reasons) == (row.sealed_row, row.reasons)
    assert len(city.deliveries()) == 1


def test_a_masked_cell_sent_back_means_what_was_delivered(city: City) -> None:
    city.deliver(volunteering(服务日期="昨天"))
    (row,) = city.quarantined()
    assert _resubmit(city, row.id, row.masked_row | {"服务日期": "2026-02-01"}).outcome == "accepted"


def test_a_row_that_meets_a_stored_record_is_a_duplicate_or_a_correction(city: City) -> None:
    row = volunteering()
    city.deliver(row)
    city.deliver(row | {"服务日期": "？"}, row | {"服务日期": "！"})
    first, second = city.quarantined()
    assert _resubmit(city, first.id, {"服务日期": "2026-01-10"}).outcome == "duplicate"
    assert _resubmit(city, second.id, {"服务日期": "2026-01-11"}).outcome == "corrected"
    assert city.records()[0].version == 2


def test_a_disagreement_between_departments_can_be_settled_by_correcting_the_row(city: City) -> None:
    row = judgment()
    city.deliver(row)
    city.deliver(row | {"数据来源单位": "桂城市司法局", "严重程度": "严重"})
    (conflict,) = city.quarantined()
    assert _resubmit(city, conflict.id, {}).reasons[0]["code"] == "conflicting_source"
    assert len(city.deliveries()) == 2
    settled = _resubmit(city, conflict.id, {"数据来源单位": row["数据来源单位"], "严重程度": row["严重程度"]})
    assert settled.outcome == "duplicate"


def test_a_row_is_resolved_once(city: City) -> None:
    city.deliver(volunteering(身份号码=WRONG))
    (row,) = city.quarantined()
    _resubmit(city, row.id, {"身份号码": LAN})
    with pytest.raises(AlreadyResolved):
        _resubmit(city, row.id, {"身份号码": LAN})
    with pytest.raises(QuarantinedRowNotFound):
        _resubmit(city, row.id + 1000, {})


def test_a_correction_names_columns_of_the_template(city: City) -> None:
    city.deliver(volunteering(身份号码=WRONG))
    with pytest.raises(UnknownColumns):
        _resubmit(city, city.quarantined()[0].id, {"信用分": "200"})


def test_dropping_a_row_needs_a_reason_and_keeps_it(city: City) -> None:
    city.deliver(volunteering(身份号码=WRONG))
    (row,) = city.quarantined()
    with pytest.raises(ReasonMissing), city.database.transaction() as session:
        drop_row(session, city.keys, row.id, reason=" ", now=city.now, by="陈审核")
    with city.database.transaction() as session:
        drop_row(session, city.keys, row.id, reason="报送单位确认误报", now=city.now, by="陈审核")
    (dropped,) = city.quarantined("dropped")
    assert (dropped.resolution, dropped.resolved_by) == ("报送单位确认误报", "陈审核")
    assert dropped.sealed_row == row.sealed_row


def test_rows_are_listed_by_reason_and_department_page_by_page(city: City) -> None:
    city.deliver(*[volunteering(身份号码=STRANGER) for _ in range(3)], volunteering(服务日期="？"))
    city.deliver(judgment(主体代码=STRANGER))
    with city.database.reading() as session:
        page = quarantined_rows(session, code="subject_unknown", limit=2)
        rest = quarantined_rows(session, code="subject_unknown", after_id=page[-1][0].id)
        of_court = quarantined_rows(session, source_department="桂城市中级人民法院")
    assert (len(page), len(rest), len(of_court)) == (2, 2, 1)


def test_the_summary_counts_open_rows_by_reason_and_column(city: City) -> None:
    city.deliver(*[volunteering(身份号码=STRANGER) for _ in range(3)], volunteering(服务日期="？", 服务项目=""))
    with city.database.reading() as session:
        summary = summarise_reasons(session)
    assert [(item.code, item.column, item.count) for item in summary] == [
        ("subject_unknown", "身份号码", 3),
        ("date_unreadable", "服务日期", 1),
        ("required", "服务项目", 1),
    ]


def test_an_export_is_masked_unless_an_officer_says_why(city: City) -> None:
    city.deliver(volunteering(身份号码=WRONG, 备注=f"王小兰 {WRONG}"))
    text = _export(city)
    assert WRONG not in text
    assert "王小兰" not in text
    (line,) = _lines(text)
    assert line["问题"].startswith("【身份号码】第 18 位校验码")

    opened = _export(city, Opening(OFFICER, "与报送单位核对号码"))
    assert WRONG in opened
    assert "王小兰" in opened
    with pytest.raises(ReasonMissing):
        _export(city, Opening(OFFICER, ""))


def test_whoever_is_shown_in_an_opened_export_finds_it_in_the_ledger(city: City) -> None:
    city.deliver(volunteering(服务日期="？"), volunteering(身份号码=WRONG))
    _export(city)
    with city.database.reading() as session:
        assert session.scalars(select(LedgerEntry)).all() == []
    _export(city, Opening(OFFICER, "与报送单位核对日期"))
    with city.database.reading() as session:
        (entry,) = session.scalars(select(LedgerEntry)).all()
    assert (entry.action, entry.actor_name, entry.purpose) == ("quarantine_opened", "陈审核", "与报送单位核对日期")


def test_a_spreadsheet_neither_runs_nor_rounds_what_is_exported(city: City) -> None:
    city.deliver(volunteering(身份号码=WRONG, 服务项目="=1+1", 备注="123456789012"))
    (line,) = _lines(_export(city))
    assert (line["服务项目"], line["备注"]) == ("'=1+1", "\t123456789012")


def test_a_corrected_export_is_taken_in_under_each_department_and_twice_changes_nothing(
    city: City, tmp_path: Path
) -> None:
    city.deliver(
        volunteering(服务日期="？"), volunteering(服务日期="？", 备注="=1"), volunteering(身份号码=STRANGER)
    )
    city.deliver(judgment(裁判生效日期="？", 主体代码=QIANG, 主体名称="李大强"))
    lines = _lines(_export(city))
    for line in lines:
        if line["模板"] == "志愿服务":
            line["服务日期"] = line["服务日期"].replace("？", "2026-02-01")
        else:
            line["裁判生效日期"] = "2025-12-01"
    path = _write(tmp_path / "corrected.csv", lines)

    result = resubmit_file(city.database, city.intake, path, now=city.now + timedelta(hours=1), by="陈审核")

    by_template = {report.template: counts(report) for report in result.reports}
    assert by_template == {"volunteering": (2, 0, 0, 1), "court_judgment": (1, 0, 0, 0)}
    assert [record.content.get("备注") for record in city.records()] == [None, "=1", None]
    assert len(city.quarantined("resubmitted")) == 4
    (still_open,) = city.quarantined()
    assert still_open.reasons[0]["code"] == "subject_unknown"
    assert json.loads(city.keys.open(still_open.sealed_row))["身份号码"] == STRANGER

    again = resubmit_file(city.database, city.intake, path, now=city.now + timedelta(hours=2), by="陈审核")
    assert (again.reports, again.already_resolved) == ([], 4)
    assert len(city.records()) == 3
    assert len(city.quarantined()) == 1


def test_an_export_with_strange_numbers_is_refused_whole(city: City, tmp_path: Path) -> None:
    city.deliver(volunteering(服务日期="？"), volunteering(服务日期="？"))
    lines = _lines(_export(city))
    for line in lines:
        line["服务日期"] = "2026-02-01"
    lines[1][NUMBER_HEADING] = "999"
    path = _write(tmp_path / "corrected.csv", lines)
    with pytest.raises(UnknownQuarantineNumbers) as refusal:
        resubmit_file(city.database, city.intake, path, now=city.now, by="陈审核")
    assert refusal.value.data["rows"] == [3]
    assert city.records() == []

    with pytest.raises(NotAQuarantineExport):
        resubmit_file(city.database, city.intake, city.write([penalty()]), now=city.now, by="陈审核")


def _resubmit(city: City, row_id: int, corrections: dict[str, str]) -> Resubmission:
    with city.database.transaction() as session:
        return resubmit_row(session, city.intake, row_id, corrections, now=city.now, by="陈审核")


def _export(city: City, opening: Opening | None = None) -> str:
    with city.database.transaction() as session:
        return "".join(export_rows(session, city.keys, opening=opening, now=city.now))


def _lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def _write(path: Path, lines: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return path


def test_a_workbook_is_exported_corrected_offline_and_handed_back_with_nothing_lost(city: City) -> None:
    city.deliver(volunteering(服务日期="2026-02-30", 备注="=1+1"), volunteering(身份号码=WRONG))
    path = city.folder / "待更正.xlsx"
    with city.database.transaction() as session:
        export_workbook(session, city.keys, path, now=city.now)
    sheet = fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_polars()
    assert sheet["备注"].to_list() == ["=1+1", None], "a formula is shown as the text that it was"
    assert LAN not in str(sheet.rows())

    date_row, number_row = sheet.to_dicts()
    corrected = [date_row | {"服务日期": "2026-02-27"}, number_row]
    back = city.folder / "更正后.xlsx"
    with xlsxwriter.Workbook(back) as workbook:
        page = workbook.add_worksheet()
        page.write_row(0, 0, list(date_row))
        for number, row in enumerate(corrected, start=1):
            for place, cell in enumerate(row.values()):
                page.write_string(number, place, cell or "")
    with city.database.transaction() as session:
        result = resubmit_upload(session, city.intake, back, now=city.now, by="张敏")
    assert [counts(report) for report in result.reports] == [(1, 0, 0, 1)]
    assert city.records()[0].content["备注"] == "=1+1"
    assert city.codes() == [("身份号码", "identifier_check_digit")], (
        "what was left masked means what was delivered"
    )
    with city.database.transaction() as session:
        assert resubmit_upload(session, city.intake, back, now=city.now, by="张敏").already_resolved == 2
    assert len(city.records()) == 1


def test_both_versions_of_a_conflict_are_shown_side_by_side_with_what_differs(city: City) -> None:
    fine = penalty(CF_JDRQ="2026-01-20")
    city.deliver(fine)
    city.deliver(fine | {"CF_SJLY": "桂城市综合执法局", "CF_JDRQ": "2026/01/20", "CF_NR": "罚款人民币三千元"})
    (row,) = city.quarantined()
    with city.database.reading() as session:
        conflict = conflict_of(session, row.id)
    assert (conflict.record.source_department, conflict.source_department) == (
        "桂城市市场监督管理局",
        "桂城市综合执法局",
    )
    cells = {heading: (stored, delivered, same) for heading, stored, delivered, same in conflict.cells}
    assert cells["处罚内容"] == ("罚款人民币二千元", "罚款人民币三千元", False)
    assert cells["处罚决定日期"] == ("2026-01-20", "2026/01/20", True), "another way of writing the same day"
    assert [heading for heading, (_, _, same) in cells.items() if not same] == ["处罚内容", "数据来源单位"]
    assert "李大强" not in str(cells)


def test_the_code_of_an_enterprise_which_no_record_keeps_is_not_called_a_difference(city: City) -> None:
    row = general()
    city.deliver(row)
    city.deliver(row | {"数据来源单位": "桂城市统计局", "等级": "b"})
    (conflicting,) = city.quarantined()
    with city.database.reading() as session:
        conflict = conflict_of(session, conflicting.id)
    assert ("主体代码", "", BAKERY, True) in conflict.cells
    assert [heading for heading, _, _, same in conflict.cells if not same] == ["等级", "数据来源单位"]


def test_a_row_without_a_conflict_has_nothing_to_be_compared_with(city: City) -> None:
    city.deliver(volunteering(服务日期="2026-02-30"))
    with city.database.reading() as session:
        with pytest.raises(NoConflict):
            conflict_of(session, city.quarantined()[0].id)
        with pytest.raises(QuarantinedRowNotFound):
            conflict_of(session, 999)


def test_a_correction_that_shows_a_child_ends_the_row_and_destroys_its_content(city: City) -> None:
    city.deliver(volunteering(姓名="王小童", 身份号码=CHILD, 服务日期="2026-02-30"))
    (row,) = city.quarantined()
    assert CHILD in city.keys.open(row.sealed_row)

    outcome = _resubmit(city, row.id, {"服务日期": "2026-03-02"})

    assert [reason["code"] for reason in outcome.reasons] == ["under_fourteen"]
    (gone,) = city.quarantined("dropped")
    assert (city.keys.open(gone.sealed_row), gone.masked_row, gone.resolved_by) == ("{}", {}, "系统")
    assert "未满 14 周岁" in (gone.resolution or "")


def test_a_corrected_export_that_shows_a_child_leaves_nothing_of_the_row(city: City, tmp_path: Path) -> None:
    city.deliver(volunteering(姓名="王小童", 身份号码=CHILD, 服务日期="2026-02-30"))
    (line,) = _lines(_export(city))
    path = _write(tmp_path / "corrected.csv", [line | {"服务日期": "2026-03-02"}])

    resubmit_file(city.database, city.intake, path, now=city.now, by="陈审核")

    assert (city.records(), city.quarantined()) == ([], [])
    for row in [*city.quarantined("resubmitted"), *city.quarantined("dropped")]:
        assert (city.keys.open(row.sealed_row), row.masked_row) == ("{}", {})


def test_a_row_of_a_category_that_its_subject_declines_by_now_is_destroyed_when_it_is_corrected(
    city: City,
) -> None:
    city.deliver(volunteering(服务日期="？"))
    (row,) = city.quarantined()
    with city.database.transaction() as session:
        subject = find_by_identifier(session, keys=city.keys, identifier=LAN)
        decline(session, subject_id=subject.id, category="volunteering", now=city.now)

    outcome = _resubmit(city, row.id, {"服务日期": "2026-02-01"})

    assert (outcome.outcome, city.records()) == ("quarantined", [])
    (gone,) = city.quarantined("dropped")
    assert (city.keys.open(gone.sealed_row), gone.masked_row) == ("{}", {})


def test_a_childs_row_kept_from_earlier_days_is_destroyed_when_an_officer_drops_it(city: City) -> None:
    city.deliver(volunteering(身份号码=STRANGER))
    (row,) = city.quarantined()
    with city.database.transaction() as session:
        reasons = [{"column": "身份号码", "code": "under_fourteen", "message": ""}]
        session.execute(update(QuarantinedRow).values(reasons=reasons))
    with city.database.transaction() as session:
        drop_row(session, city.keys, row.id, reason="依法不归集", now=city.now, by="陈审核")
    (gone,) = city.quarantined("dropped")
    assert (city.keys.open(gone.sealed_row), gone.resolved_by, gone.resolution) == ("{}", "陈审核", "依法不归集")
