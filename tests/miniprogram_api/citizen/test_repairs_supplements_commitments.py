from __future__ import annotations

from datetime import date
from io import BytesIO
from uuid import uuid4

import pytest
from PIL import Image

from tests.factories import add_enterprise, add_record, add_relation

CERTIFICATE = {"SXMC": "二级建造师", "SXBH": "JZ2025001", "FSRQ": "2025-06-30"}


def photo(citizen):
    picture = BytesIO()
    Image.new("RGB", (8, 8), "white").save(picture, "JPEG")
    answer = citizen.phone.post(
        "/api/v1/me/evidence",
        data={"file": (BytesIO(picture.getvalue()), "凭证.jpg")},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["id"]


@pytest.fixture
def record(citizen):
    return citizen.has_record(
        "court_judgment",
        level=2,
        event_on=date(2025, 11, 1),
        performed_on=date(2026, 2, 1),
        title="（2025）桂01民初9号",
    )


@pytest.fixture
def company(citizen):
    """The citizen is its legal representative."""
    with citizen.city.database.transaction() as session:
        enterprise = add_enterprise(session, citizen.city.keys)
        add_relation(session, enterprise=enterprise, principal=citizen.subject, role="legal_representative")
        add_record(
            session,
            enterprise,
            "admin_penalty",
            level=2,
            event_on=date(2025, 11, 1),
            performed_on=date(2025, 12, 1),
            title="罚款五千元",
        )
        return enterprise.public_code


def apply(citizen, record_id, **more):
    draft = citizen.post("/me/repairs", {"record_ids": [record_id], "explanation": "已付清", **more})
    assert draft.status_code == 201, draft.get_json()
    case = draft.get_json()
    filed = citizen.post(
        f"/me/repairs/{case['id']}/filing",
        {
            "letter_sha256": case["letter"]["sha256"],
            "agreed": True,
            **{k: more[k] for k in more if k == "enterprise"},
        },
    )
    assert filed.status_code == 200, filed.get_json()
    return filed.get_json()


def test_a_record_says_from_when_it_can_be_repaired_and_what_is_missing(citizen, record):
    young = citizen.has_record("court_judgment", level=3, event_on=date(2026, 1, 31), performed_on=None)

    items = citizen.get("/me/repairs/candidates").get_json()["items"]
    one = citizen.get("/me/repairs/candidates", record_id=young.id).get_json()["items"]

    assert [(item["record"]["id"], item["may_apply"], item["repairable_from"]) for item in items] == [
        (young.id, False, "2027-01-31"),
        (record.id, True, None),
    ]
    assert one == [items[0]]
    unmet = {condition["code"] for condition in one[0]["conditions"] if not condition["met"]}
    assert unmet == {"shortest_period", "obligation", "commitment"}


def test_the_whole_way_of_a_repair_on_the_phone_and_in_the_office(scored, publish):
    record = scored.has_record(
        "court_judgment",
        level=2,
        event_on=date(2025, 11, 1),
        performed_on=date(2026, 2, 1),
        title="（2025）桂01民初9号",
    )
    scored.city.recompute()
    before = scored.get("/me/score").get_json()["total"]

    case = apply(scored, record.id, evidence_ids=[photo(scored)])
    assert (case["state"], case["due_on"], case["letter"]) == ("filed", "2026-03-06", None)
    assert [step["name"] for step in case["steps"]] == ["填写申请", "提交申请"]

    office = scored.city.as_officer("objection_officer")
    path = f"/api/v1/admin/repairs/{case['id']}"
    queue = office.get("/api/v1/admin/repairs").get_json()["items"]
    assert [(item["id"], item["working_days_left"], item["subject"]["name"]) for item in queue] == [
        (case["id"], 3, "王*兰")
    ]
    assert office.get(path).status_code == 400, "a reason has to be stated"
    reason = {"X-Access-Reason": "%E5%8A%9E%E7%90%86%E4%BF%AE%E5%A4%8D"}
    shown = office.get(path, headers=reason).get_json()
    assert [condition["met"] for condition in shown["conditions"]] == [True] * 5
    assert shown["volunteer_hours"] == 6_000
    file = office.get(f"{path}/evidence/{shown['evidence'][0]['id']}", headers=reason)
    assert (file.status_code, file.mimetype) == (200, "image/jpeg")
    assert office.post(f"{path}/acceptance").get_json()["state"] == "with_department"
    done = office.post(
        f"{path}/decision", json={"outcome": "approved", "reply": "已全部履行，同意修复"}
    ).get_json()
    assert done["state"] == "done"

    scored.city.recompute()
    after = scored.get("/me/score").get_json()
    assert after["total"] > before
    assert {"record_id": record.id, "why": "已修复，不再使用"} in after["not_counted"]
    assert scored.get(f"/me/records/{record.id}").get_json()["state"] == "repaired"
    actions = [entry["action"] for entry in scored.get("/me/ledger").get_json()["items"]]
    assert actions[:4] == ["repair_decided", "repair_decided", "repair_viewed", "repair_viewed"]


def test_unmet_conditions_come_back_each_with_its_day(citizen):
    young = citizen.has_record("court_judgment", level=2, event_on=date(2026, 2, 1), performed_on=date(2026, 2, 2))
    case = citizen.post("/me/repairs", {"record_ids": [young.id]}).get_json()

    answer = citizen.post(
        f"/me/repairs/{case['id']}/filing", {"letter_sha256": case["letter"]["sha256"], "agreed": True}
    )

    assert (answer.status_code, answer.get_json()["code"]) == (422, "repair_conditions_unmet")
    assert [(one["code"], one["met_from"]) for one in answer.get_json()["conditions"]] == [
        ("shortest_period", "2026-05-01")
    ]


def test_nothing_is_filed_without_the_tick_and_the_letter_that_was_shown(citizen, record):
    case = citizen.post("/me/repairs", {"record_ids": [record.id]}).get_json()
    path = f"/me/repairs/{case['id']}/filing"

    assert citizen.post(path, {"letter_sha256": case["letter"]["sha256"], "agreed": False}).status_code == 422
    other = citizen.post(path, {"letter_sha256": "0" * 64, "agreed": True})
    assert (other.status_code, other.get_json()["code"]) == (409, "letter_changed")
    assert citizen.get(f"/me/repairs/{case['id']}").get_json()["state"] == "draft"


def test_a_second_application_and_someone_elses_are_refused(citizen, make_citizen, record):
    case = apply(citizen, record.id)

    again = citizen.post("/me/repairs", {"record_ids": [record.id]})
    assert (again.status_code, again.get_json()["code"]) == (409, "already_under_repair")
    neighbour = make_citizen()
    assert neighbour.get(f"/me/repairs/{case['id']}").get_json()["code"] == "repair_not_found"
    assert neighbour.post("/me/repairs", {"record_ids": [record.id]}).get_json()["code"] == "record_not_found"
    assert citizen.post(f"/me/repairs/{case['id']}/withdrawal", {}).get_json()["state"] == "withdrawn"


def test_a_legal_representative_repairs_for_the_enterprise_and_its_public_page_follows(
    citizen, make_citizen, company
):
    candidates = citizen.get("/me/repairs/candidates", enterprise=company).get_json()["items"]
    page = f"/api/v1/public/enterprises/{company}"
    assert [record["title"] for record in citizen.city.http.get(page).get_json()["penalties"]] == ["罚款五千元"]

    case = apply(citizen, candidates[0]["record"]["id"], enterprise=company)
    office = citizen.city.as_officer("objection_officer")
    office.post(f"/api/v1/admin/repairs/{case['id']}/acceptance")
    office.post(
        f"/api/v1/admin/repairs/{case['id']}/decision",
        json={"outcome": "approved", "reply": "罚款已缴清，同意修复"},
    )

    told = citizen.get("/me/notifications").get_json()["items"]
    assert [(one["kind"], one["enterprise"]) for one in told] == [
        ("repair_done", company),
        ("repair_accepted", company),
    ]
    assert make_citizen().get("/me/notifications").get_json()["items"] == []
    assert citizen.city.http.get(page).get_json()["penalties"] == []
    assert citizen.get("/me/repairs", enterprise=company).get_json()["items"][0]["state"] == "done"
    refused = make_citizen().get("/me/repairs/candidates", enterprise=company)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "not_legal_representative")
    promised = citizen.city.http.get(f"{page}/commitments").get_json()["items"]
    assert [(one["type_name"], one["state"]) for one in promised] == [("信用修复承诺", "signed")]


def test_a_revoked_repair_counts_again_and_the_broken_promise_stands_in_the_list(citizen, record):
    case = apply(citizen, record.id)
    office = citizen.city.as_officer("objection_officer")
    path = f"/api/v1/admin/repairs/{case['id']}"
    office.post(f"{path}/acceptance")
    office.post(f"{path}/decision", json={"outcome": "approved", "reply": "已全部履行，同意修复"})

    revoked = office.post(f"{path}/revocation", json={"finding": "结案证明系伪造"})

    assert (revoked.status_code, revoked.get_json()["state"]) == (200, "revoked")
    assert citizen.get(f"/me/records/{record.id}").get_json()["state"] == "active"
    assert [one["state"] for one in citizen.get("/me/commitments").get_json()["items"]] == ["broken"]


def test_only_the_officers_whose_work_it_is_may_act(citizen, record):
    case = apply(citizen, record.id)

    for role in ("data_officer", "score_officer"):
        assert citizen.city.as_officer(role).get("/api/v1/admin/repairs").status_code == 403
    auditor = citizen.city.as_officer("auditor")
    assert auditor.get("/api/v1/admin/repairs").status_code == 200
    assert auditor.post(f"/api/v1/admin/repairs/{case['id']}/acceptance").status_code == 403
    for surface in ("supplements", "commitments"):
        assert citizen.city.as_officer("objection_officer").get(f"/api/v1/admin/{surface}").status_code == 403


def test_a_supplement_is_verified_in_the_office_and_becomes_a_record(citizen):
    offered = {item["category"]: item for item in citizen.get("/me/supplements/suppliable").get_json()["items"]}
    assert [field["label"] for field in offered["supplement_education"]["fields"]] == [
        "证书名称",
        "证书编号",
        "取得日期",
    ]

    filed = citizen.post(
        "/me/supplements",
        {"category": "supplement_education", "cells": CERTIFICATE, "evidence_ids": [photo(citizen)]},
    )
    assert filed.status_code == 201, filed.get_json()
    case = filed.get_json()
    office = citizen.city.as_officer("data_officer")
    queue = office.get("/api/v1/admin/supplements").get_json()["items"]
    assert [(item["id"], item["category_name"]) for item in queue] == [(case["id"], "学历与职业资格补充")]
    reason = {"X-Access-Reason": "%E6%A0%B8%E9%AA%8C%E7%94%B3%E6%8A%A5"}
    shown = office.get(f"/api/v1/admin/supplements/{case['id']}", headers=reason).get_json()
    assert shown["cells"]["事项名称"] == "二级建造师"
    office.post(f"/api/v1/admin/supplements/{case['id']}/decision", json={"outcome": "verified"})

    after = citizen.get(f"/me/supplements/{case['id']}").get_json()
    record = citizen.get(f"/me/records/{after['record_id']}").get_json()
    assert (after["state"], record["source_department"]) == ("verified", "自主申报，由桂城市教育局核验")
    assert citizen.post(f"/me/supplements/{case['id']}/withdrawal", {}).get_json()["state"] == "withdrawn"
    assert citizen.get(f"/me/records/{after['record_id']}").get_json()["state"] == "revoked"


def test_a_supplement_returned_for_completion_comes_back(citizen):
    case = citizen.post(
        "/me/supplements",
        {"category": "supplement_education", "cells": CERTIFICATE, "evidence_ids": [photo(citizen)]},
    ).get_json()
    office = citizen.city.as_officer("data_officer")
    office.post(f"/api/v1/admin/supplements/{case['id']}/return", json={"missing": "编号看不清，请重拍"})

    again = citizen.post(
        f"/me/supplements/{case['id']}/completion", {"cells": {**CERTIFICATE, "SXBH": "JZ2025002"}}
    )

    assert (again.status_code, again.get_json()["state"]) == (200, "filed")
    assert again.get_json()["cells"]["SXBH"] == "JZ2025002"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"category": "court_judgment", "cells": {}}, "not_suppliable"),
        ({"category": "supplement_education", "cells": {"SXMC": "证"}}, "supplement_fields_missing"),
        ({"category": "supplement_education", "cells": CERTIFICATE}, "supplement_proof_missing"),
        (
            {"category": "supplement_education", "cells": CERTIFICATE, "evidence_ids": [str(uuid4())]},
            "evidence_not_found",
        ),
        (
            {
                "category": "supplement_education",
                "cells": {**CERTIFICATE, "FSRQ": "昨天"},
                "evidence_ids": [str(uuid4())],
            },
            "row_refused",
        ),
    ],
)
def test_what_cannot_be_supplied_is_refused_with_its_reason(citizen, body, code):
    assert citizen.post("/me/supplements", body).get_json()["code"] == code


def test_a_commitment_is_read_signed_followed_up_and_listed(citizen):
    types = citizen.get("/me/commitments/types").get_json()["items"]
    assert {one["code"] for one in types} == {"approval_substitution", "voluntary_publication"}
    letter = citizen.get("/me/commitments/letter", type="approval_substitution", matter="食品经营许可").get_json()
    body = {
        "type": "approval_substitution",
        "matter": "食品经营许可",
        "letter_sha256": letter["sha256"],
        "agreed": True,
        "due_on": "2026-06-30",
    }
    signed = citizen.post("/me/commitments", body)
    assert signed.status_code == 201, signed.get_json()
    case = signed.get_json()
    assert (case["signed_by"], case["published"], case["text_sha256"]) == ("本人", False, letter["sha256"])

    office = citizen.city.as_officer("data_officer")
    path = f"/api/v1/admin/commitments/{case['commitment_id']}"
    assert office.post(f"{path}/reminder").status_code == 200
    outcome = office.post(f"{path}/outcome", json={"outcome": "broken", "finding": "到期未补齐材料"})
    assert (outcome.status_code, outcome.get_json()["state"]) == (200, "broken")

    (listed,) = citizen.get("/me/commitments").get_json()["items"]
    assert (listed["commitment_id"], listed["state"]) == (case["commitment_id"], "broken")
    record = citizen.get(f"/me/records/{listed['record_id']}").get_json()
    assert (record["category"], record["may_object"]) == ("commitment", True)
    assert citizen.get("/me/repairs/candidates").get_json()["items"][0]["record"]["id"] == listed["record_id"]
    actions = {entry["action_name"] for entry in citizen.get("/me/ledger").get_json()["items"]}
    assert "核实信用承诺履行情况" in actions


def test_what_waits_for_the_city_stands_on_the_consoles_first_page(citizen, record):
    def waiting():
        shown = citizen.city.as_officer("auditor").get("/api/v1/admin/overview").get_json()
        return {
            name: shown[name] for name in shown if name.endswith(("_open", "_overdue", "_due")) and shown[name]
        }

    apply(citizen, record.id)
    citizen.post(
        "/me/supplements",
        {"category": "supplement_education", "cells": CERTIFICATE, "evidence_ids": [photo(citizen)]},
    )
    assert waiting() == {"repairs_open": 1, "supplements_open": 1}

    # Past both clocks, and past the year for which the letter of the repair was given.
    citizen.city.clock.advance(days=40)
    assert waiting() == {
        "repairs_open": 1,
        "repairs_overdue": 1,
        "supplements_open": 1,
        "supplements_overdue": 1,
    }
    citizen.city.clock.advance(days=400)
    assert waiting()["commitments_due"] == 1


def test_a_retried_signature_signs_once(citizen):
    letter = citizen.get("/me/commitments/letter", type="voluntary_publication", matter="诚信经营").get_json()
    body = {
        "type": "voluntary_publication",
        "matter": "诚信经营",
        "letter_sha256": letter["sha256"],
        "agreed": True,
    }
    key = {"Idempotency-Key": str(uuid4())}

    first = citizen.post("/me/commitments", body, headers=key)
    second = citizen.post("/me/commitments", body, headers=key)

    assert first.get_json() == second.get_json()
    assert len(citizen.get("/me/commitments").get_json()["items"]) == 1
