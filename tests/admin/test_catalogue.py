"""The catalogue on the console: versions, comparison, template, and new versions with four eyes."""

from __future__ import annotations

import base64

import pytest

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.catalogue.spreadsheet import write_spreadsheet
from tests.backend.catalogue.test_spreadsheet import SOUND, as_csv
from tests.rules_in_force import put_rules_in_force

PATH = "/api/v1/admin/catalogue"


@pytest.fixture
def office(city, now):
    with city.database.transaction() as session:
        put_rules_in_force(session, now)
    return city


def body(content: bytes, filename: str = "目录.xlsx", **changes):
    return {
        "filename": filename,
        "content": base64.b64encode(content).decode(),
        "version": "2027.1",
        "name": "桂城市公共信用信息目录（2027年版）",
        "effective_from": "2027-01-01",
        **changes,
    }


def test_an_officer_edits_the_template_and_a_second_person_puts_it_into_force(office):
    proposer, reviewer = office.as_officer("data_officer"), office.as_officer("reviewer")
    template = proposer.get(f"{PATH}/template.xlsx")
    assert template.mimetype.endswith("spreadsheetml.sheet")

    draft = proposer.post(f"{PATH}/drafts", json=body(as_csv(SOUND), "目录.csv"))
    assert (draft.status_code, draft.json["state"], draft.json["is_own"]) == (201, "proposed", True)
    kinds = [change["kind"] for change in draft.json["changes"]]
    assert kinds.count("added") == 1
    assert kinds.count("removed") == len(parse_catalogue(shipped_catalogue()).categories)

    decided = reviewer.post(
        f"{PATH}/drafts/{draft.json['id']}/decision", json={"decision": "approved", "reason": "依据已核对"}
    )
    assert (decided.status_code, decided.json["state"]) == (200, "approved")
    versions = reviewer.get(f"{PATH}/versions").json["items"]
    assert [(item["version"], item["in_force"]) for item in versions] == [("2027.1", False), ("2026.1", True)]
    compared = reviewer.get(f"{PATH}/comparison", query_string={"before": "2026.1", "after": "2027.1"}).json[
        "items"
    ]
    assert {"late_return"} == {item["category"] for item in compared if item["kind"] == "added"}
    assert compared[-1]["sentence"] == "新增类别 late_return"
    in_full = reviewer.get(f"{PATH}/versions/2027.1").json
    assert in_full["categories"][0]["facts"]["性质"] == "负面"


def test_a_changed_field_is_compared_before_and_after(office):
    catalogue = parse_catalogue(shipped_catalogue())
    proposer = office.as_officer("data_officer")
    unchanged = proposer.post(f"{PATH}/drafts", json=body(write_spreadsheet(catalogue))).json
    assert unchanged["changes"] == []

    text = write_spreadsheet(parse_catalogue(shipped_catalogue().replace("unit: 小时", "unit: 分钟", 1)))
    changed = proposer.post(f"{PATH}/drafts", json=body(text, version="2027.2")).json
    (change,) = changed["changes"]
    assert (change["category_name"], change["field_name"], change["before"], change["after"]) == (
        "志愿服务",
        "计量单位",
        "小时",
        "分钟",
    )
    assert proposer.get(f"{PATH}/drafts/{changed['id']}").json == changed
    assert len(proposer.get(f"{PATH}/drafts").json["items"]) == 2


def test_each_faulty_cell_comes_back_with_its_rule(office):
    answer = office.as_officer("data_officer").post(
        f"{PATH}/drafts",
        json=body(as_csv(SOUND | {"信息项": "血型"}, SOUND | {"代码": "b", "性质": "坏"}), "a.csv"),
    )

    assert (answer.status_code, answer.json["code"]) == (422, "spreadsheet_invalid")
    first, second = answer.json["faults"]
    assert (first["row"], first["column"]) == (2, "信息项")
    assert "征信业管理条例" in first["rule"]
    assert (second["row"], second["column"], second["rule"]) == (3, "性质", None)


def test_proposer_and_reviewer_are_two_persons(office):
    both = office.as_officer("data_officer", "reviewer")
    draft = both.post(f"{PATH}/drafts", json=body(as_csv(SOUND), "a.csv")).json

    answer = both.post(
        f"{PATH}/drafts/{draft['id']}/decision", json={"decision": "approved", "reason": "自己通过"}
    )

    assert (answer.status_code, answer.json["code"]) == (403, "catalogue_same_person")


@pytest.mark.parametrize("change", [{"filename": "a.pdf"}, {"content": "%%%"}, {"effective_from": "昨天"}])
def test_a_malformed_draft_is_a_validation_error(office, change):
    answer = office.as_officer("data_officer").post(f"{PATH}/drafts", json=body(b"x") | change)

    assert answer.status_code == 422
    assert answer.json["code"] == "validation_failed"


def test_only_those_whose_task_it_is_propose_and_decide(office):
    auditor = office.as_officer("auditor")

    assert auditor.get(f"{PATH}/versions").status_code == 200
    assert auditor.post(f"{PATH}/drafts", json=body(as_csv(SOUND), "a.csv")).status_code == 403
    missing = f"{PATH}/drafts/00000000-0000-0000-0000-000000000000"
    assert auditor.post(f"{missing}/decision", json={"decision": "approved", "reason": "好的"}).status_code == 403
    assert auditor.get(missing).status_code == 404
    assert auditor.get(f"{PATH}/versions/1.0").json["code"] == "catalogue_version_not_found"
