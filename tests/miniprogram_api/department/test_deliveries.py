"""Delivering over HTTP: in one piece, in parts, as a file; again and again; and only what is one's own."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from sqlalchemy import func, select

from backend.background import build_worker
from backend.records.department_deliveries import collect_received_file
from backend.records.models import CreditRecord, DeliveredFile, Delivery
from tests.backend.records.conftest import BAKERY, LAN, general, penalty, volunteering
from tests.miniprogram_api.department.conftest import (
    CIVILITY_CODE,
    MARKET_REGULATION,
    MARKET_REGULATION_CODE,
)

COUNTS = ("delivered", "accepted", "duplicate", "corrected", "quarantined")


def hours(**cells):
    return volunteering(数据来源单位统一社会信用代码=CIVILITY_CODE, **cells)


def counts(delivery):
    assert delivery["delivered"] == sum(delivery[name] for name in COUNTS[1:])
    return tuple(delivery[name] for name in COUNTS)


def deliver(system, *rows, template="volunteering", **options):
    return system.post("/deliveries", {"template": template, "rows": list(rows)} | options)


def batch(number, part, last=False):
    return {"number": number, "part": part, "last": last}


def records(city):
    with city.database.reading() as session:
        return session.scalar(select(func.count()).select_from(CreditRecord))


def run_jobs(city):
    worker = build_worker(city.services.config, city.database, clock=city.clock)
    while worker.run_next_job():
        pass


def test_rows_are_taken_in_at_once_and_accounted_for(city, department):
    row = hours()
    answer = deliver(department(), row, row, hours(服务日期="2026-02-30"))
    assert answer.status_code == 200, answer.json
    assert answer.json["state"] == "done"
    assert counts(answer.json) == (3, 1, 1, 0, 1)
    assert records(city) == 1


def test_rows_may_be_headed_by_codes_and_hold_numbers(city, department):
    row = {
        "ZTMC": "王小兰",
        "ZTDM": LAN,
        "FWBH": "A1",
        "XMMC": "助老",
        "FWRQ": "20260110",
        "FWSC": 2.5,
        "ZZDW": "义工联",
        "QRZT": "已确认",
        "SJLYDW": "文明办",
        "SJLYDWDM": CIVILITY_CODE,
        "备柱": "写错",
    }
    answer = deliver(department(), row)
    assert counts(answer.json) == (1, 1, 0, 0, 0), answer.json
    assert answer.json["unknown_headings"] == ["备柱"]
    with city.database.reading() as session:
        [record] = session.scalars(select(CreditRecord))
        assert (record.quantity, record.source_department) == (250, "桂城市文明办公室")


def test_the_same_content_again_is_the_same_delivery(city, department):
    system, rows = department(), [hours(), hours(服务日期="x")]
    first, second = deliver(system, *rows), deliver(system, *rows)
    assert first.json == second.json
    assert records(city) == 1


def test_a_batch_comes_in_parts_and_each_part_counts_once(city, department):
    system, first, second = department(), hours(), hours()
    begun = deliver(system, first, batch=batch("2026-03", 1))
    assert (begun.json["state"], counts(begun.json)) == ("receiving", (1, 1, 0, 0, 0))
    again = deliver(system, first, batch=batch("2026-03", 1))
    assert again.json == begun.json
    ended = deliver(system, second, batch=batch("2026-03", 2, last=True))
    assert ended.json["id"] == begun.json["id"]
    assert (ended.json["state"], counts(ended.json)) == ("done", (2, 2, 0, 0, 0))
    assert deliver(system, second, batch=batch("2026-03", 2, last=True)).json == ended.json
    assert records(city) == 2


def test_a_part_out_of_turn_another_content_or_a_closed_batch_is_refused(department):
    system = department()

    def code(*rows, **options):
        answer = deliver(system, *rows, **options)
        assert answer.status_code == 409, answer.json
        return answer.json["code"]

    assert code(hours(), batch=batch("7", 2)) == "part_out_of_turn"
    deliver(system, hours(), batch=batch("7", 1))
    assert code(hours(), batch=batch("7", 3)) == "part_out_of_turn"
    assert code(hours(), batch=batch("7", 1)) == "part_differs"
    deliver(system, hours(), batch=batch("7", 2, last=True))
    assert code(hours(), batch=batch("7", 3)) == "batch_complete"


def test_another_departments_category_is_refused_and_nothing_stored(city, department):
    answer = deliver(department(), penalty(), template="admin_penalty")
    assert (answer.status_code, answer.json["code"]) == (403, "category_of_another_department")
    assert records(city) == 0


def test_a_row_in_another_departments_name_goes_into_quarantine(department):
    system = department(MARKET_REGULATION)
    own = {"数据来源单位统一社会信用代码": MARKET_REGULATION_CODE}
    answer = deliver(
        system,
        general(目录类别代码="abnormal_operation", 等级="", **own),
        general(目录类别代码="tax_rating", **own),
        general(目录类别代码="abnormal_operation", 等级="", 数据来源单位统一社会信用代码=CIVILITY_CODE),
        template="city_catalogue",
    )
    assert counts(answer.json) == (3, 1, 0, 0, 2), answer.json
    rows = system.get("/quarantine").json["items"]
    assert [[reason["code"] for reason in row["reasons"]] for row in rows] == [
        ["category_of_another_department"],
        ["source_code_differs"],
    ]
    assert [row["row_number"] for row in rows] == [2, 3]


def test_unknown_templates_and_missing_columns_are_told(department):
    system = department()
    assert deliver(system, hours(), template="nothing").json["code"] == "template_unknown"
    answer = deliver(system, {"姓名": "王小兰"})
    assert (answer.status_code, answer.json["code"]) == (422, "columns_missing")
    assert "身份号码" in answer.json["missing"]


@pytest.mark.parametrize("cell", [["a"], {"a": 1}, True, "x" * 10_001])
def test_a_cell_is_text_or_a_number(department, cell):
    assert deliver(department(), hours() | {"备注": cell}).status_code == 422


def test_a_file_is_kept_sealed_until_the_worker_has_taken_it_in(city, department):
    system = department()
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in (hours(), hours(服务日期="2026-02-30")))

    def send():
        return city.http.post(
            "/api/v1/department/deliveries/files?filename=三月.json",
            data=lines.encode(),
            content_type="application/x-ndjson",
            headers=system.headers(),
        )

    sent = send()
    assert (sent.status_code, sent.json["state"], sent.json["filename"]) == (202, "receiving", "三月.json")
    with city.database.reading() as session:
        [kept] = session.scalars(select(DeliveredFile))
        assert LAN.encode() not in kept.sealed
    assert send().json["id"] == sent.json["id"]

    run_jobs(city)
    done = system.get(f"/deliveries/{sent.json['id']}").json
    assert (done["state"], counts(done)) == ("done", (2, 1, 0, 0, 1))
    assert send().json["state"] == "done"
    with city.database.reading() as session:
        assert session.scalars(select(DeliveredFile)).all() == []
        assert session.scalar(select(func.count()).select_from(Delivery)) == 1


def test_a_worker_killed_before_it_could_clear_away_takes_nothing_in_twice(city, department):
    sent = city.http.post(
        "/api/v1/department/deliveries/files",
        data=json.dumps([hours()], ensure_ascii=False).encode(),
        headers=department().headers(),
    )
    delivery_id = UUID(sent.json["id"])
    with city.database.reading() as session:
        sealed = session.get_one(DeliveredFile, delivery_id).sealed
    run_jobs(city)
    with city.database.transaction() as session:
        session.add(DeliveredFile(delivery_id=delivery_id, sealed=sealed))
    collect_received_file(
        city.database, city.services.intake, delivery_id, department_code=CIVILITY_CODE, now=city.clock()
    )
    assert records(city) == 1
    with city.database.reading() as session:
        assert session.get(DeliveredFile, delivery_id) is None


def test_a_file_that_is_no_table_is_refused_on_the_spot(city, department):
    answer = city.http.post(
        "/api/v1/department/deliveries/files", data=b"hello, world", headers=department().headers()
    )
    assert (answer.status_code, answer.json["code"]) == (422, "template_unknown")


def test_a_department_sees_its_own_deliveries_and_rows_alone(department):
    civility, other = department(), department(MARKET_REGULATION)
    delivery = deliver(civility, hours(服务日期="2026-02-30")).json
    [row] = civility.get("/quarantine").json["items"]
    assert LAN not in json.dumps(row)

    assert other.get("/deliveries").json["items"] == []
    assert other.get(f"/deliveries/{delivery['id']}").json["code"] == "delivery_not_found"
    assert other.get("/quarantine").json["items"] == []
    stolen = other.post(
        "/quarantine/corrections", {"rows": [{"id": row["id"], "cells": {"服务日期": "2026-02-20"}}]}
    )
    assert (stolen.status_code, stolen.json["code"]) == (404, "quarantined_row_not_found")
    assert [item["id"] for item in civility.get("/deliveries").json["items"]] == [delivery["id"]]


def test_a_corrected_row_is_taken_in_and_a_wrong_one_says_what_is_left(city, department):
    system = department()
    deliver(system, hours(服务日期="2026-02-30"), hours(身份号码=LAN[:-1]))
    date_row, number_row = system.get("/quarantine").json["items"]

    def correct(row, **cells):
        return system.post("/quarantine/corrections", {"rows": [{"id": row["id"], "cells": cells}]})

    [left] = correct(date_row, 服务日期="2026-02-31").json["items"]
    assert (left["outcome"], left["reasons"][0]["column"]) == ("quarantined", "服务日期")
    assert [item["outcome"] for item in correct(date_row, 服务日期="2026-02-28").json["items"]] == ["accepted"]
    assert correct(date_row, 服务日期="2026-02-28").json["code"] == "quarantined_row_already_resolved"
    assert [item["outcome"] for item in correct(number_row, 身份号码=LAN).json["items"]] == ["accepted"]
    assert system.get("/quarantine").json["items"] == []
    assert len(system.get("/quarantine", state="resubmitted").json["items"]) == 2
    assert records(city) == 2


def test_a_correction_cannot_make_a_row_anothers(department):
    system = department()
    deliver(system, hours(服务日期="2026-02-30"))
    [row] = system.get("/quarantine").json["items"]
    cells = {"服务日期": "2026-02-28", "数据来源单位统一社会信用代码": MARKET_REGULATION_CODE}
    answer = system.post("/quarantine/corrections", {"rows": [{"id": row["id"], "cells": cells}]})
    [outcome] = answer.json["items"]
    assert [reason["code"] for reason in outcome["reasons"]] == ["source_code_differs"]


def test_what_the_api_brought_and_what_a_file_brings_are_the_same_matter(city, department):
    system = department(MARKET_REGULATION)
    row = penalty(CF_SJLYDM=MARKET_REGULATION_CODE, CF_CFJGDM=MARKET_REGULATION_CODE, CF_XDR_SHXYM=BAKERY)
    deliver(system, row, template="admin_penalty")
    answer = deliver(system, row | {"CF_NR": "罚款人民币贰仟元"}, row, template="admin_penalty")
    assert counts(answer.json) == (2, 0, 0, 2, 0), "a change, and the change back: two new versions"
    assert records(city) == 1
