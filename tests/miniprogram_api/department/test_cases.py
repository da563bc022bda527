from __future__ import annotations

from datetime import date
from io import BytesIO
from uuid import uuid4

import pytest
from PIL import Image

from backend.evidence.service import attach_evidence, keep_evidence
from backend.ledger.service import entries_about
from backend.repairs.service import Clock, accept_repair, draft_repair, file_repair, letter_of
from backend.subjects.acting import ActingFor
from backend.subjects.service import find_by_identifier
from backend.supplements.service import file_supplement
from tests.backend.records.conftest import BAKERY, LAN
from tests.factories import add_record
from tests.miniprogram_api.department.conftest import CIVILITY, MARKET_REGULATION

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


def test_a_departments_system_verifies_what_people_supplied(city, department):
    office = department(CIVILITY)
    with city.database.transaction() as session:
        lan = find_by_identifier(session, keys=city.keys, identifier=LAN)
        supplement = file_supplement(
            session,
            city.keys,
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
            working_days=city.services.working_days,
        )
        supplement_id = str(supplement.id)

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
