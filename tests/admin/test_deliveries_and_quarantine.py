import csv
import io
from urllib.parse import quote

import fastexcel
import pytest

from tests.admin.conftest import WRONG_DATE

QUARANTINE = "/api/v1/admin/quarantine"


@pytest.fixture
def data_officer(office):
    return office.city.as_officer("data_officer")


def waiting(officer, **query):
    return officer.get(QUARANTINE, query_string=query).get_json()["items"]


def ledger_of(office, subject_id):
    return office.city.as_citizen(subject_id).get("/api/v1/me/ledger").get_json()["items"]


def correct(officer, row, **corrections):
    return officer.post(f"{QUARANTINE}/{row['id']}/resubmission", json={"corrections": corrections})


def test_deliveries_are_walked_page_by_page_newest_first(office):
    for n in range(5):
        # Two of them at the same moment: the id breaks the tie.
        office.city.clock.advance(minutes=n % 2)
        office.deliver(f"第{n}批.csv", "2026-01-10")
    officer = office.city.as_officer("auditor")

    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = officer.get("/api/v1/admin/deliveries", query_string=query).get_json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert {delivery["filename"] for delivery in seen} == {f"第{n}批.csv" for n in range(5)}
    assert len(seen) == 5
    received = [delivery["received_at"] for delivery in seen]
    assert received == sorted(received, reverse=True)
    assert seen[0]["template_name"] == "志愿服务"


@pytest.mark.parametrize("path", ["/api/v1/admin/deliveries", "/api/v1/admin/objections", QUARANTINE])
def test_an_invented_cursor_is_a_mistake_of_the_caller_not_a_crash(city, path):
    officer = city.as_officer("auditor")
    for cursor in ("not-base64!", "bm90IGEgcGxhY2U", "MjAyNi0wMS0wMSBub3QtYW4taWQ"):
        assert officer.get(path, query_string={"cursor": cursor}).status_code == 422


def test_a_refused_row_is_shown_masked_with_the_faulty_cell_and_why(office, data_officer):
    office.deliver("一月.csv", "2026-01-10", WRONG_DATE)
    answer = data_officer.get(QUARANTINE)
    [row] = answer.get_json()["items"]

    assert office.lan_number not in answer.text
    assert "王小兰" not in answer.text
    assert row["row"]["服务日期"] == WRONG_DATE
    assert list(row["row"])[:2] == ["姓名", "身份号码"], "cells stand in the template's order"
    assert [(reason["column"], reason["code"]) for reason in row["reasons"]] == [("服务日期", "date_unreadable")]


def test_rows_are_narrowed_by_reason_and_by_delivery(office, data_officer):
    office.deliver("一月.csv", WRONG_DATE)
    office.deliver("二月.csv", WRONG_DATE, WRONG_DATE)
    [january] = [row["delivery_id"] for row in waiting(data_officer) if row["filename"] == "一月.csv"]

    assert len(waiting(data_officer, reason="date_unreadable")) == 3
    assert waiting(data_officer, reason="required") == []
    assert len(waiting(data_officer, delivery=january)) == 1
    summary = data_officer.get(f"{QUARANTINE}/summary").get_json()["items"]
    assert [(item["code"], item["column"], item["count"]) for item in summary] == [
        ("date_unreadable", "服务日期", 3)
    ]


def test_a_corrected_cell_brings_the_row_in_and_its_subject_finds_it_in_the_ledger(office, data_officer):
    office.deliver("一月.csv", WRONG_DATE)
    [row] = waiting(data_officer)

    answer = correct(data_officer, row, 服务日期="2026-02-28")
    assert answer.get_json() == {"outcome": "accepted", "reasons": []}
    assert waiting(data_officer) == []
    records = office.city.as_citizen(office.lan).get("/api/v1/me/records").get_json()["items"]
    assert [record["event_on"] for record in records] == ["2026-02-28"]
    assert [(entry["action"], entry["who_kind"]) for entry in ledger_of(office, office.lan)] == [
        ("quarantine_opened", "officer")
    ]


def test_a_correction_that_is_wrong_too_says_so_and_changes_nothing(office, data_officer):
    office.deliver("一月.csv", WRONG_DATE)
    [row] = waiting(data_officer)
    answer = correct(data_officer, row, 服务日期="2026-02-31").get_json()
    assert answer["outcome"] == "quarantined"
    assert [reason["column"] for reason in answer["reasons"]] == ["服务日期"]
    assert [each["id"] for each in waiting(data_officer)] == [row["id"]]


def test_a_row_is_corrected_once(office, data_officer):
    office.deliver("一月.csv", WRONG_DATE)
    [row] = waiting(data_officer)
    correct(data_officer, row, 服务日期="2026-02-28")
    again = correct(data_officer, row, 服务日期="2026-02-27")
    assert (again.status_code, again.get_json()["code"]) == (409, "quarantined_row_already_resolved")


def test_who_may_only_read_the_quarantine_corrects_and_exports_nothing(office):
    office.deliver("一月.csv", WRONG_DATE)
    auditor = office.city.as_officer("auditor")
    [row] = waiting(auditor)
    assert correct(auditor, row, 服务日期="2026-02-28").status_code == 403
    reason = {"X-Access-Reason": quote("核对")}
    assert auditor.get(f"{QUARANTINE}/export.csv", headers=reason).status_code == 403


def test_an_export_in_full_needs_a_reason_and_tells_whom_it_shows(office, data_officer):
    office.deliver("一月.csv", WRONG_DATE)
    refused = data_officer.get(f"{QUARANTINE}/export.csv")
    assert (refused.status_code, refused.get_json()["code"]) == (400, "access_reason_missing")
    assert ledger_of(office, office.lan) == []

    headers = {"X-Access-Reason": quote("退回数源单位更正")}
    export = data_officer.get(f"{QUARANTINE}/export.csv", headers=headers)
    assert export.content_type.startswith("text/csv")
    assert export.headers["Content-Disposition"].startswith("attachment")
    assert export.headers["Cache-Control"] == "no-store"
    assert office.lan_number in export.text
    assert [entry["purpose"] for entry in ledger_of(office, office.lan)] == ["退回数源单位更正"]


def test_a_masked_export_shows_nobody_and_needs_no_reason(office, data_officer):
    office.deliver("一月.csv", WRONG_DATE)
    export = data_officer.get(f"{QUARANTINE}/masked-export.csv", query_string={"reason": "date_unreadable"})
    assert WRONG_DATE in export.text
    assert office.lan_number not in export.text
    assert ledger_of(office, office.lan) == []


def test_a_conflict_needs_a_reason_and_its_subject_finds_the_look_in_the_ledger(office, data_officer):
    office.deliver("一月.csv", "2026-01-10", department="甲单位")
    office.deliver("一月.csv", "2026-01-11", department="乙单位")
    [row] = waiting(data_officer, reason="conflicting_source")
    path = f"{QUARANTINE}/{row['id']}/conflict"
    assert data_officer.get(path).get_json()["code"] == "access_reason_missing"
    assert ledger_of(office, office.lan) == []

    answer = data_officer.get(path, headers={"X-Access-Reason": quote("核对两个单位的内容")})
    conflict = answer.get_json()
    assert (conflict["stored_department"], conflict["delivered_department"]) == ("甲单位", "乙单位")
    assert [cell["column"] for cell in conflict["cells"] if not cell["same"]] == ["服务日期", "数据来源单位"]
    assert office.lan_number not in answer.text
    assert [entry["purpose"] for entry in ledger_of(office, office.lan)] == ["核对两个单位的内容"]

    dropped = data_officer.post(f"{QUARANTINE}/{row['id']}/drop", json={"reason": "乙单位确认误报"})
    assert dropped.status_code == 204
    assert waiting(data_officer) == []
    assert office.city.as_officer("auditor").post(f"{QUARANTINE}/1/drop", json={"reason": "x"}).status_code == 403


def test_an_exported_workbook_is_corrected_and_handed_back_over_http(office, data_officer):
    office.deliver("一月.csv", WRONG_DATE, WRONG_DATE)
    export = data_officer.get(f"{QUARANTINE}/masked-export.xlsx")
    assert export.headers["Cache-Control"] == "no-store"
    rows = fastexcel.read_excel(export.data).load_sheet(0, dtypes="string").to_polars().to_dicts()
    rows[0]["服务日期"] = "2026-02-27"
    lines = io.StringIO()
    writer = csv.DictWriter(lines, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)

    def send(officer, content):
        return officer.post(f"{QUARANTINE}/files", data=content, content_type="application/octet-stream")

    assert send(office.city.as_officer("auditor"), lines.getvalue().encode()).status_code == 403
    answer = send(data_officer, lines.getvalue().encode()).get_json()
    [taken] = answer["items"]
    assert (taken["delivered"], taken["accepted"], taken["quarantined"]) == (2, 1, 1)
    assert len(waiting(data_officer)) == 1
    again = send(data_officer, lines.getvalue().encode()).get_json()
    assert (again["items"], again["already_resolved"]) == ([], 2)
    refused = send(data_officer, "随便,一个\n文件,内容\n".encode())
    assert (refused.status_code, refused.get_json()["code"]) == (422, "not_a_quarantine_export")


def test_a_full_workbook_needs_a_reason_too(office, data_officer):
    office.deliver("一月.csv", WRONG_DATE)
    assert data_officer.get(f"{QUARANTINE}/export.xlsx").status_code == 400
    export = data_officer.get(f"{QUARANTINE}/export.xlsx", headers={"X-Access-Reason": quote("退回更正")})
    rows = fastexcel.read_excel(export.data).load_sheet(0, dtypes="string").to_polars().to_dicts()
    assert rows[0]["身份号码"] == office.lan_number
    assert [entry["purpose"] for entry in ledger_of(office, office.lan)] == ["退回更正"]
