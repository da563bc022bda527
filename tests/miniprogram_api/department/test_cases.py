from __future__ import annotations

from datetime import date
from io import BytesIO
from urllib.parse import quote
from uuid import uuid4

import pytest
from PIL import Image

from backend.accounts.service import add_officer, sign_in_officer
from backend.evidence.service import attach_evidence, keep_evidence
from backend.ledger.service import entries_about
from backend.repairs.service import Clock, accept_repair, draft_repair, file_repair, letter_of
from backend.subjects.acting import ActingFor
from backend.subjects.service import find_by_identifier
from backend.supplements.service import file_supplement
from tests.backend.records.conftest import BAKERY, LAN
from tests.factories import add_record
from tests.miniprogram_api.department.conftest import (
    CIVILITY,
    CIVILITY_CODE,
    MARKET_REGULATION,
    MARKET_REGULATION_CODE,
)

_drawn = BytesIO()
Image.new("RGB", (8, 8), "white").save(_drawn, "PNG")
PICTURE = _drawn.getvalue()


@pytest.fixture
def forwarded(city, department):
    """A penalty of the bakery, with its repair on the desk of the department that imposed it."""
    office = department(MARKET_REGULATION)
    with city.database.transaction() as session:
        bakery = find_by_identifier(session, keys=city.keys, identifier=BAKERY)
        lan = find_by_identifier(session, keys=city.keys, identifier=LAN)
        penalty = add_record(
            session,
            bakery,
            "admin_penalty",
            level=2,
            event_on=date(2025, 11, 1),
            performed_on=date(2025, 12, 1),
            source_department="桂城市市场监督管理局",
        )
        acting = ActingFor(bakery, lan.id, "法定代表人")
        clock = Clock(city.services.working_days, "shandong")
        repair = draft_repair(
            session,
            acting=acting,
            record_ids=[penalty.id],
            explanation="已缴清",
            evidence_ids=[],
            now=city.clock(),
        )
        file_repair(
            session,
            repair_id=repair.id,
            acting=acting,
            account_id=repair.id,
            letter_sha256=letter_of(session, repair, today=date(2026, 3, 3)).sha256,
            now=city.clock(),
            clock=clock,
        )
        accept_repair(session, repair_id=repair.id, officer="张敏", now=city.clock(), clock=clock)
        return office, str(repair.id)


def attach(city, *, case):
    """A photo of the bakery's legal representative in that case."""
    with city.database.transaction() as session:
        lan = find_by_identifier(session, keys=city.keys, identifier=LAN)
        file = keep_evidence(
            session,
            city.services.evidence,
            subject_id=lan.id,
            filename="缴款凭证.png",
            content=PICTURE,
            uploaded_by="法定代表人",
            now=city.clock(),
        )
        attach_evidence(session, subject_id=lan.id, case=case, evidence_ids=[file.id])
        return file.id


def test_a_departments_system_decides_the_repairs_of_what_it_found(forwarded):
    office, repair_id = forwarded

    queue = office.get("/repairs").get_json()["items"]
    shown = office.get(f"/repairs/{repair_id}").get_json()
    decided = office.post(
        f"/repairs/{repair_id}/decision", {"outcome": "approved", "reply": "罚款已缴清，同意修复"}
    )

    assert [(one["id"], one["due_on"]) for one in queue] == [(repair_id, "2026-03-06")]
    assert (shown["subject"]["name"], len(shown["records"])) == ("桂城面包有限公司", 1)
    assert (decided.status_code, decided.get_json()["state"]) == (200, "done")
    assert office.get("/repairs").get_json()["items"] == []


def test_the_department_reads_the_proof_it_has_to_confirm_and_the_applicant_sees_that(forwarded, city, department):
    office, repair_id = forwarded
    proof = attach(city, case=f"repair:{repair_id}")
    stray = attach(city, case=f"repair:{uuid4()}")

    [shown] = office.get(f"/repairs/{repair_id}").get_json()["evidence"]
    file = office.get(f"/repairs/{repair_id}/evidence/{proof}")

    assert (shown["id"], shown["pages"]) == (str(proof), 1)
    assert (file.status_code, file.mimetype) == (200, "image/jpeg")
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert office.get(f"/repairs/{repair_id}/evidence/{stray}").get_json()["code"] == "evidence_not_found"
    other = department(CIVILITY)
    assert other.get(f"/repairs/{repair_id}/evidence/{proof}").get_json()["code"] == "repair_not_found"
    with city.database.reading() as session:
        bakery = find_by_identifier(session, keys=city.keys, identifier=BAKERY)
        looked = [entry.action for entry in entries_about(session, bakery.id)]
    assert looked == ["repair_viewed", "repair_viewed"], "the file and the case; what was refused showed nothing"


def test_another_department_does_not_find_it_and_a_token_needs_the_scope(forwarded, department):
    office, repair_id = forwarded
    other = department(CIVILITY)

    assert other.get("/repairs").get_json()["items"] == []
    assert other.get(f"/repairs/{repair_id}").get_json()["code"] == "repair_not_found"
    assert (
        other.post(f"/repairs/{repair_id}/decision", {"outcome": "refused", "reply": "不同意修复"}).status_code
        == 404
    )
    narrow = office.token(scope="records:deliver")
    assert office.get("/repairs", token=narrow).status_code == 403


@pytest.fixture
def supplied(city, department):
    """Lan's volunteering elsewhere, with a photo of the certificate, on the desk of the civility office."""
    office = department(CIVILITY)
    with city.database.transaction() as session:
        lan = find_by_identifier(session, keys=city.keys, identifier=LAN)
        supplement = file_supplement(
            session,
            city.services.intake,
            acting=ActingFor(lan, lan.id, "本人"),
            category="volunteering",
            cells={"XMMC": "山区支教", "FWBH": "WS1", "FWRQ": "2026-01-10", "FWSC": "20", "ZZDW": "外市义工联"},
            evidence_ids=[
                keep_evidence(
                    session,
                    city.services.evidence,
                    subject_id=lan.id,
                    filename="证明.png",
                    content=PICTURE,
                    uploaded_by="本人",
                    now=city.clock(),
                ).id
            ],
            consent_evidence=None,
            now=city.clock(),
        )
        return office, str(supplement.id)


def test_a_departments_system_verifies_what_people_supplied(supplied):
    office, supplement_id = supplied

    assert [one["id"] for one in office.get("/supplements").get_json()["items"]] == [supplement_id]
    shown = office.get(f"/supplements/{supplement_id}").get_json()
    [proof] = shown["evidence"]
    assert office.get(f"/supplements/{supplement_id}/evidence/{proof['id']}").mimetype == "image/jpeg"
    assert (shown["cells"]["服务项目"], shown["subject"]["name"]) == ("山区支教", "王*兰")
    returned = office.post(
        f"/supplements/{supplement_id}/decision", {"outcome": "returned", "reply": "请补盖章证明"}
    )
    assert returned.get_json()["state"] == "returned"
    again = office.post(f"/supplements/{supplement_id}/decision", {"outcome": "verified"})
    assert (again.status_code, again.get_json()["code"]) == (409, "supplement_state_forbids")
    assert office.get("/supplements").get_json()["items"] == []
    done = office.get("/supplements", state="done").get_json()["items"]
    assert [(one["id"], one["working_days_left"]) for one in done] == [(supplement_id, None)]


@pytest.mark.parametrize("scope", ["cases:decide", "objections:answer"])
def test_a_token_for_cases_or_for_objections_alone_reads_the_notifications(forwarded, scope):
    office, _ = forwarded
    narrow = office.token(scope=scope)

    told = office.get("/notifications", token=narrow).get_json()
    read = office.post("/notifications/reading", {"up_to_id": told["items"][0]["id"]}, token=narrow)

    assert ([item["title"] for item in told["items"]], told["unread"]) == (["信用修复待审核"], 1)
    assert (read.status_code, read.get_json()["unread"]) == (200, 0)
    deliverer = office.token(scope="records:deliver")
    assert office.get("/notifications", token=deliverer).get_json()["code"] == "scope_missing"


# --- the same, by an officer of the department in the console ----------------------------------------------------

DESK = "/api/v1/admin/department"
BECAUSE = {"X-Access-Reason": quote("审核本件申请")}


@pytest.fixture
def officer(city):
    """Signs in an officer of the department with that 统一社会信用代码."""

    def sign_in(code):
        with city.database.transaction() as session:
            account = {"username": f"d{code}", "password": "correct horse"}
            add_officer(
                session,
                **account,
                name="陈经办",
                roles=["department_officer"],
                department_code=code,
                now=city.clock(),
            )
            return city._signed_in(sign_in_officer(session, **account, now=city.clock())[0].token)

    return sign_in


def test_an_officer_of_the_department_decides_a_repair_in_the_console(forwarded, city, officer):
    _, repair_id = forwarded
    proof = attach(city, case=f"repair:{repair_id}")
    mine = officer(MARKET_REGULATION_CODE)
    path = f"{DESK}/repairs/{repair_id}"

    waiting = mine.get(f"{DESK}/waiting").get_json()
    [queued] = mine.get(f"{DESK}/repairs").get_json()["items"]
    without_reason = mine.get(path)
    shown = mine.get(path, headers=BECAUSE).get_json()
    file = mine.get(f"{path}/evidence/{proof}", headers=BECAUSE)
    decided = mine.post(
        f"{path}/decision", json={"outcome": "approved", "reply": "罚款已缴清，同意修复"}
    ).get_json()

    assert waiting["repairs"] == {"open": 1, "overdue": 0}
    assert (queued["id"], queued["due_on"], queued["working_days_left"]) == (repair_id, "2026-03-06", 3)
    assert (without_reason.status_code, without_reason.get_json()["code"]) == (400, "access_reason_missing")
    assert {condition["name"] for condition in shown["conditions"] if condition["met"]} >= {
        "纠正失信行为、履行义务",
        "签署信用承诺书",
    }
    assert file.mimetype == "image/jpeg"
    who = "桂城市市场监督管理局（经办 陈经办）"
    assert (decided["state"], decided["decided_by"]) == ("done", who)
    assert mine.get(f"{DESK}/waiting").get_json()["repairs"] == {"open": 0, "overdue": 0}
    assert [one["id"] for one in mine.get(f"{DESK}/repairs?state=done").get_json()["items"]] == [repair_id]
    with city.database.reading() as session:
        bakery = find_by_identifier(session, keys=city.keys, identifier=BAKERY)
        looked = [(e.action, e.actor_name, e.purpose, e.channel) for e in entries_about(session, bakery.id)]
    assert looked == [
        ("repair_decided", who, "决定信用修复申请", "console"),
        ("repair_viewed", who, "审核本件申请", "console"),
        ("repair_viewed", who, "审核本件申请", "console"),
    ]


def test_an_officer_of_the_department_verifies_a_supplement_in_the_console(supplied, officer):
    _, supplement_id = supplied
    mine = officer(CIVILITY_CODE)
    path = f"{DESK}/supplements/{supplement_id}"

    [queued] = mine.get(f"{DESK}/supplements").get_json()["items"]
    shown = mine.get(path, headers=BECAUSE).get_json()
    verified = mine.post(f"{path}/decision", json={"outcome": "verified"}).get_json()

    assert (queued["id"], queued["category_name"]) == (supplement_id, "志愿服务")
    assert (shown["cells"]["服务项目"], shown["subject"]["name"]) == ("山区支教", "王*兰")
    assert (verified["state"], verified["decided_by"]) == ("verified", "桂城市文明办公室（经办 陈经办）")


def test_an_officer_finds_no_case_of_another_department_and_the_office_has_no_desk_there(
    forwarded, supplied, city, officer
):
    other = officer(CIVILITY_CODE)
    repair, supplement = f"{DESK}/repairs/{forwarded[1]}", f"{DESK}/supplements/{supplied[1]}"
    refusal = {"outcome": "refused", "reply": "不同意修复"}

    assert other.get(repair, headers=BECAUSE).get_json()["code"] == "repair_not_found"
    assert other.post(f"{repair}/decision", json=refusal).get_json()["code"] == "repair_not_found"
    assert other.get(f"{DESK}/repairs").get_json()["items"] == []
    third = officer(MARKET_REGULATION_CODE)
    assert third.get(supplement, headers=BECAUSE).get_json()["code"] == "supplement_not_found"
    assert third.post(f"{supplement}/decision", json=refusal).get_json()["code"] == "supplement_not_found"
    of_the_office = city.as_officer("objection_officer", "data_officer", "auditor")
    assert {of_the_office.get(f"{DESK}/{page}").status_code for page in ("waiting", "repairs", "supplements")} == {
        403
    }
