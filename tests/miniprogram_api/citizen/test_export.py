from __future__ import annotations

import json
from datetime import UTC, date, datetime
from io import BytesIO
from uuid import uuid4

from jsonschema import Draft202012Validator
from sqlalchemy import insert

from backend.authorizations.service import apply_event
from backend.tables import all_tables
from tests.conftest import ROOT
from tests.factories import add_partner, add_person, share_grade
from tests.miniprogram_api.citizen.test_evidence_and_notifications import photo
from tests.reading_pdfs import text_of


def test_a_citizen_takes_everything_along_in_full(scored):
    objected = scored.get("/me/records", category="court_judgment").get_json()["items"][0]
    scored.post("/me/objections", {"record_id": objected["id"], "grounds": "已经履行完毕"})
    scored.has_record("honour", level=3, title="道德模范", state="revoked")
    scored.post("/me/reports", {"stationery": "without_score"})

    answer = scored.get("/me/export")
    data = answer.get_json()

    assert answer.headers["Content-Disposition"] == "attachment; filename=my-data-20260303.json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert data["format"] == "osmanthus-export/1"
    assert data["identity"]["name"] == "王小兰"
    assert data["identity"]["identifier"] == scored.city.keys.open(scored.subject.identifier_sealed)
    assert {record["title"]: record["state"] for record in data["records"]} == {
        "社区图书馆志愿服务": "active", "（2025）桂01民初1号": "disputed", "道德模范": "revoked",
    }  # fmt: skip
    judgment = next(record for record in data["records"] if record["state"] == "disputed")
    assert [version["state"] for version in judgment["versions"]] == ["active", "disputed"]
    assert judgment["versions"][-1]["reason"] == "提出异议，核查期间不降低信用分"
    for score in data["scores"]:
        assert score["total"] == score["base"] + sum(part["points"] for part in score["contributions"])
    assert [objection["grounds"] for objection in data["objections"]] == ["已经履行完毕"]
    assert [consent["kind"] for consent in data["consents"]] == ["activation"]
    assert len(data["reports"]) == 1


EXPORTED_AS = {
    "subjects": "identity",
    "subject_codes": "identity",
    "subject_changes": "identity",
    "subject_relations": "identity",
    "credit_records": "records",
    "scores": "scores",
    "objections": "objections",
    "repairs": "repairs",
    "supplements": "supplements",
    "commitments": "commitments",
    "deletion_requests": "deletion_requests",
    "access_complaints": "complaints",
    "merchant_complaints": "complaints",
    "evidence_files": "evidence",
    "consents": "consents",
    "recipient_deletions": "consents",
    "declined_categories": "choices",
    "notification_settings": "choices",
    "ledger_entries": "ledger",
    "redemptions": "benefits_used",
    "eligibility_overrides": "benefits_granted",
    "loan_referrals": "loan_referrals",
    "checked_rows": "credit_checks",
    "incentive_subjects": "joint_incentives",
    "incentive_deeds": "joint_incentives",
    "credit_reports": "reports",
    "notifications": "notifications",
}
NOT_EXPORTED = {
    "oauth_grants": "ties together consents, each of which is exported",
    "benefit_checks": "each is told in full by its ledger entry",
    "quota_uses": "counts of the redemptions that are exported",
    "rescore_marks": "a queue of the machine: says only that a score was to be computed again",
    "citizen_accounts": "says only when somebody signed in first and last",
    "officers": "the officer's own employment, not the platform's data about a citizen",
}


def test_no_table_about_a_person_is_forgotten(scored):
    about_people = {
        table.name
        for table in all_tables().sorted_tables
        # Records and marks name their subject without a foreign key.
        if "subject_id" in table.columns
        or any(key.column.table.name == "subjects" for column in table.columns for key in column.foreign_keys)
    }
    assert about_people | {"subjects"} == EXPORTED_AS.keys() | NOT_EXPORTED.keys()
    assert set(EXPORTED_AS.values()) <= scored.get("/me/export").get_json().keys()


def test_choices_and_cases_are_taken_along_too(scored):
    kept = scored.phone.post("/api/v1/me/evidence", data={"file": (BytesIO(photo()), "凭证.png")}).get_json()
    scored.post(
        "/me/objections",
        {
            "record_id": scored.get("/me/records", category="court_judgment").get_json()["items"][0]["id"],
            "grounds": "已经履行完毕",
            "evidence_ids": [kept["id"]],
        },
    )
    declined = scored.post("/me/data-choices", {"category": "volunteering", "declined": True})
    assert declined.status_code == 200, declined.get_json()

    data = scored.get("/me/export").get_json()

    assert [(file["filename"], file["case"].split(":")[0]) for file in data["evidence"]] == [
        ("凭证.png", "objection")
    ]
    assert [(choice["choice"], choice["about"]) for choice in data["choices"]] == [
        ("category_declined", "volunteering")
    ]


def test_the_export_follows_its_published_schema(scored):
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    schema = {"$ref": "#/components/schemas/ExportResponse", "components": document["components"]}

    problems = list(Draft202012Validator(schema).iter_errors(scored.get("/me/export").get_json()))

    assert problems == []


def test_the_pdf_says_the_same_in_words(scored):
    with scored.city.database.transaction() as session:
        bank = add_partner(session, code="bank", name="桂城银行", kind="institution")
        consent = share_grade(session, scored.subject, bank, scored.city.clock(), purpose="信易贷授信")
        apply_event(session, consent, "expire", actor="system", now=scored.city.clock(), because="used_once")
    answer = scored.get("/me/export.pdf")
    text = text_of(answer.data)

    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    for expected in (
        "我的数据",
        "王小兰",
        "社区图书馆志愿服务",
        "基础分100.00",
        "开通",
        "谁查了我",
        "已终止",
        "约定只用一次，已经用过",
    ):
        assert expected in text


def test_someone_without_a_score_exports_too_and_nobody_else_can(make_citizen):
    child = make_citizen(name="赵小宝", born_on=date(2010, 5, 5))

    assert child.get("/me/export").get_json()["scores"] == []
    assert child.get("/me/export.pdf").status_code == 200
    for path in ("/me/export", "/me/export.pdf"):
        assert child.city.http.get(f"/api/v1{path}").status_code == 401
        assert child.city.as_officer("auditor").get(f"/api/v1{path}").status_code == 401


def a_row_of_everything(session, keys, subject_id, owner):
    """One row about the person in each table, every text in it saying whose it is and which cell."""
    given = {
        "objections.state": "rejected",
        "repairs.state": "refused",
        "supplements.state": "refused",
        "supplements.template": "volunteering",
        "supplements.cells_sealed": keys.seal(json.dumps({"XMMC": f"{owner}:supplements.cells"})),
        "commitments.state": "broken",
        "consents.state": "withdrawn",
        "subject_changes.before_sealed": keys.seal(json.dumps({"district": f"{owner}:subject_changes.before"})),
        "evidence_files.uploaded_by": "本人",
        "notifications.officer_role": None,
        "notifications.partner_code": None,
    }
    built, texts = {"subjects": subject_id}, {"supplements.cells", "subject_changes.before"}
    told = EXPORTED_AS.keys() - {"subjects", "credit_records", "scores", "subject_relations"} | THEIR_STEPS
    for table in all_tables().sorted_tables:
        if table.name not in told | REFERRED_TO:
            continue
        values = {}
        for column in table.columns:
            cell = f"{table.name}.{column.name}"
            kind = type(column.type).__name__
            if column.foreign_keys:
                values[column.name] = built.get(next(iter(column.foreign_keys)).column.table.name)
            elif cell in given:
                values[column.name] = given[cell]
            elif kind == "String" or column.name == "detail":
                text = f"{owner}:{cell}"
                values[column.name] = text if kind == "String" else {"text": text}
                texts |= {cell} if table.name in told else set()
            elif not (column.primary_key and kind == "BigInteger"):
                values[column.name] = SOME[kind](keys)
        built[table.name] = session.execute(insert(table).values(values)).inserted_primary_key[0]
    return texts


THEIR_STEPS = {"objection_events", "repair_events", "supplement_events", "consent_events", "loan_referral_events"}
REFERRED_TO = {
    "partners", "benefit_schemes", "benefit_checks", "credit_checks", "joint_incentives", "incentive_requests",
}  # fmt: skip
SOME = {
    "Uuid": lambda keys: uuid4(),
    "Boolean": lambda keys: True,
    "Integer": lambda keys: 7,
    "BigInteger": lambda keys: 7,
    "Date": lambda keys: date(2026, 3, 3),
    "UtcDateTime": lambda keys: datetime(2026, 3, 3, tzinfo=UTC),
    "LargeBinary": lambda keys: keys.seal("{}"),
    "JSON": lambda keys: {},
}
TEXTS_LEFT_OUT = {
    **dict.fromkeys(
        ("objections.about", "commitments.about", "eligibility_overrides.case", "notifications.about"),
        "the platform's own name of a case that is exported",
    ),
    **dict.fromkeys(
        (
            "objections.department_code",
            "repairs.department_code",
            "supplements.department_code",
            "commitments.accepted_by_code",
            "loan_referrals.scheme_code",
            "incentive_deeds.measure",
            "ledger_entries.actor_id",
        ),
        "the code of what is exported by its name",
    ),
    **dict.fromkeys(
        ("repairs.applied_by", "supplements.applied_by"),
        "the actor of the first event, which is exported",
    ),
    **dict.fromkeys(
        ("merchant_complaints.handled_by", "incentive_deeds.fed_back_by", "checked_rows.reviewed_by"),
        "the clerk of a body that is exported by its name",
    ),
    **dict.fromkeys(("notifications.kind", "notifications.once_key"), "how the machine tells messages apart"),
    "commitments.text_sha256": "the digest of a text that is exported",
    "consents.on_behalf_of": "of consents of enterprises, which are not the person's own",
    "credit_reports.check_code": "stands on the report, which is downloaded by its number",
    "credit_reports.file_sha256": "the digest of the report, which is downloaded by its number",
    "credit_reports.superseded_because": "the moment of it is exported",
    "evidence_files.sha256": "the digest of the file, which is downloaded by its number",
    "evidence_files.storage_name": "where the file lies",
    "redemptions.period": "the month or year of a moment that is exported",
    "subject_codes.code": "kept of enterprises alone; of a person's codes there is an index only",
}


def test_every_text_kept_about_a_person_is_in_the_export_and_nothing_of_anybody_else(scored):
    with scored.city.database.transaction() as session:
        neighbour = add_person(session, scored.city.keys)
        a_row_of_everything(session, scored.city.keys, neighbour.id, "neighbour")
        texts = a_row_of_everything(session, scored.city.keys, scored.subject.id, "own")

    said = scored.get("/me/export").get_data(as_text=True)

    assert {text for text in texts if f'"own:{text}"' not in said} == TEXTS_LEFT_OUT.keys()
    assert "neighbour:" not in said
