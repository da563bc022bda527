"""A legal representative authorizes a bank for the enterprise: asked for by name, each scope by itself, in the
enterprise's ledger, and over when the person no longer represents it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
from authlib.integrations.base_client.errors import OAuthError
from sqlalchemy import select

from backend.authorizations.notices import SHARING_NOTICE
from backend.authorizations.receipts import check_receipt
from backend.authorizations.service import end_consents_of_former_representatives
from backend.city_calendar import city_date
from backend.ledger.models import LedgerEntry
from backend.scores.models import Score
from backend.scores.policies import adopt_policy
from backend.subjects.models import SubjectRelation
from scoring.policy import shipped_policy
from tests.backend.benefits.made_up import set_score
from tests.factories import add_enterprise, add_person, add_record, add_relation
from tests.miniprogram_api.partner.bank import add_graded_person, open_bank, query_of

LOAN = "enterprise_credit_loan"


@dataclass
class Story:
    """An enterprise rated excellent, its legal representative, and a bank."""

    city: object
    bank: object
    code: str
    enterprise_id: int
    representative: object
    person_id: int

    def ask(self, citizen=None, *, scope="grade:read report:read", **days):
        """The whole way; the token that the bank gets."""
        answer, verifier, state = self.bank.send(scope=scope, enterprise=self.code)
        handle = self.bank.handle_of(answer)
        location = self.bank.back(citizen or self.representative, handle, **(days or {"grade": 30, "report": 30}))
        return self.bank.fetch(location, verifier, state)

    def screen(self, citizen):
        handle = self.bank.handle_of(self.bank.send(enterprise=self.code)[0])
        return handle, citizen.get(f"/api/v1/me/authorization-requests/{handle}").json

    def consents(self, citizen=None):
        answer = (citizen or self.representative).get(f"/api/v1/me/authorizations?enterprise={self.code}")
        return answer.json["items"]

    def ledger(self):
        return self.representative.get(f"/api/v1/me/ledger?enterprise={self.code}").json["items"]

    def replace_representative(self):
        """The register names somebody else from tomorrow on; tomorrow comes."""
        now = self.city.clock()
        with self.city.database.transaction() as session:
            relation = session.scalars(select(SubjectRelation)).one()
            relation.valid_to = city_date(now)
            successor = add_person(session, self.city.keys, name="陈接任")
            session.add(
                SubjectRelation(
                    enterprise_id=self.enterprise_id,
                    principal_id=successor.id,
                    role="legal_representative",
                    valid_from=city_date(now) + timedelta(days=1),
                )
            )
        self.city.clock.advance(days=1)
        return self.city.as_citizen(successor.id)


@pytest.fixture
def story(city):
    now = city.clock()
    with city.database.transaction() as session:
        person = add_graded_person(session, city)
        policy = adopt_policy(session, shipped_policy("enterprise"), adopted_by="测试", now=now, on=city_date(now))
        enterprise = add_enterprise(session, city.keys, name="桂城示例有限公司")
        add_relation(session, enterprise=enterprise, principal=person, role="legal_representative")
        set_score(session, enterprise, total=95_00, now=now, grade="excellent")
        score = session.scalars(select(Score).where(Score.subject_id == enterprise.id)).one()
        score.policy_hash = policy.hash
        add_record(session, enterprise, "tax_rating", title="2025年度纳税信用 A 级", level=1)
    bank = open_bank(city, enrolled=LOAN)
    return Story(city, bank, enterprise.public_code, enterprise.id, city.as_citizen(person.id), person.id)


def test_the_screen_says_for_which_enterprise_and_what_the_bank_learns_of_it(story):
    _, screen = story.screen(story.representative)
    assert screen["on_behalf_of"] == {"public_code": story.code, "name": "桂城示例有限公司", "represented": True}
    lines = {line["scope"]: line for line in screen["asked"]}
    assert {scope: line["name"] for scope, line in lines.items()} == {
        "grade:read": "综合评价等级",
        "report:read": "企业信用报告",
    }
    assert not any(line["needs_activation"] for line in lines.values())
    assert all("不含您个人的任何信息" in line["output"] for line in lines.values())


def test_the_bank_reads_the_enterprises_evaluation_and_records_and_nothing_of_the_person(story):
    story.ask()
    grade = story.bank.read("/grade").json()
    assert grade["subject"] == {
        "kind": "enterprise",
        "masked_name": "桂城示例有限公司",
        "masked_identifier": story.code,
    }
    assert (grade["grade"], grade["grade_name"]) == ("excellent", "优")
    report = story.bank.read("/report").json()
    titles = [record["title"] for section in report["sections"] for record in section["records"]]
    assert titles == ["2025年度纳税信用 A 级"]


def test_each_scope_is_consented_to_by_itself(story):
    token = story.ask(grade=30)
    assert token["scope"] == "grade:read"
    assert story.bank.read("/report").json()["code"] == "scope_missing"
    assert {(one["data"][0], one["state"]) for one in story.consents()} == {
        ("企业公共信用综合评价的等级", "given"),
        ("企业信用报告", "refused"),
    }


def test_every_call_is_in_the_enterprises_ledger_and_not_in_the_persons(story):
    story.ask()
    story.bank.read("/grade")
    story.bank.read("/report")
    rows = story.ledger()
    assert [row["action"] for row in rows] == ["report_read", "grade_read"]
    assert {row["who"] for row in rows} == {"桂城银行"}
    assert rows[0]["basis"].startswith("法定代表人代表企业的授权")
    assert story.representative.get("/api/v1/me/ledger").json["items"] == []


def test_a_look_at_the_enterprise_is_complained_about_by_its_representative(story):
    story.ask()
    story.bank.read("/grade")
    (row,) = story.ledger()
    path = f"/api/v1/me/ledger/{row['id']}/complaints"
    own = story.representative.post(path, json={"grounds": "没有办过这笔贷款"})
    assert own.json["code"] == "ledger_entry_not_found"
    filed = story.representative.post(path, json={"grounds": "没有办过这笔贷款", "enterprise": story.code})
    assert filed.status_code == 201, filed.json
    listed = story.representative.get(f"/api/v1/me/access-complaints?enterprise={story.code}").json["items"]
    assert [one["id"] for one in listed] == [filed.json["id"]]
    assert story.representative.get("/api/v1/me/access-complaints").json["items"] == []
    withdrawn = story.representative.post(
        f"/api/v1/me/access-complaints/{filed.json['id']}/withdrawal?enterprise={story.code}"
    )
    assert withdrawn.json["state"] == "withdrawn"


def test_the_representative_pauses_resumes_and_withdraws_for_the_enterprise(story):
    story.ask(grade=30)
    (given,) = [one for one in story.consents() if one["state"] == "given"]
    path = f"/api/v1/me/authorizations/{given['id']}"
    assert story.representative.post(f"{path}/pause").json["state"] == "paused"
    assert story.bank.read("/grade").json()["code"] == "consent_not_usable"
    story.representative.post(f"{path}/resumption")
    assert story.bank.read("/grade").status_code == 200
    assert story.representative.delete(path).json["state"] == "withdrawn"
    refused = story.bank.read("/grade")
    assert (refused.status_code, refused.json()["code"]) == (403, "consent_not_usable")


def test_the_receipt_names_the_enterprise_and_is_checked_like_any_other(story):
    story.ask(grade=30)
    (given,) = [one for one in story.consents() if one["state"] == "given"]
    receipt = story.representative.get(f"/api/v1/me/authorizations/{given['id']}/receipt").json
    assert receipt["consent"]["on_behalf_of"] == f"桂城示例有限公司（{story.code}）"
    assert [event["actor"] for event in receipt["events"]] == ["representative"]
    with story.city.database.reading() as session:
        key = story.city.services.config.signing_key
        assert check_receipt(session, receipt, signing_key=key) == "current"
        receipt["consent"]["on_behalf_of"] = "别的公司"
        assert check_receipt(session, receipt, signing_key=key) == "forged"


def test_somebody_who_does_not_represent_it_can_only_go_back(story):
    with story.city.database.transaction() as session:
        nobody = add_person(session, story.city.keys)
    stranger = story.city.as_citizen(nobody.id)
    handle, screen = story.screen(stranger)
    assert screen["on_behalf_of"] == {"public_code": story.code, "name": None, "represented": False}
    assert screen["asked"] == []
    answer = stranger.post(
        f"/api/v1/me/authorization-requests/{handle}/decision",
        json={"agreed": [{"scope": "grade:read", "days": 5}], "notice_version": SHARING_NOTICE.version},
    )
    assert (answer.status_code, answer.json["code"]) == (403, "not_legal_representative")
    assert query_of(story.bank.back(stranger, handle))["error"] == "access_denied"
    assert story.consents() == []
    answer = stranger.get(f"/api/v1/me/authorizations?enterprise={story.code}")
    assert (answer.status_code, answer.json["code"]) == (403, "not_legal_representative")


def test_what_was_given_ends_with_the_day_on_which_the_person_represents_it_no_longer(story):
    token = story.ask()
    assert story.bank.read("/grade").status_code == 200
    successor = story.replace_representative()
    # At once, before the sweeper has come by: no read, no further token, nothing left to introspect.
    story.bank.client.token = {**token, "expires_at": None}
    with pytest.raises(OAuthError, match="invalid_grant"):
        story.bank.client.refresh_token(story.bank.metadata["token_endpoint"], token["refresh_token"])
    introspected = story.bank.client.introspect_token(
        story.bank.metadata["introspection_endpoint"], token["refresh_token"]
    )
    assert introspected.json() == {"active": False}
    assert {one["state"] for one in story.consents(successor)} == {"given"}
    with story.city.database.transaction() as session:
        assert end_consents_of_former_representatives(session, now=story.city.clock()) == 2
        assert end_consents_of_former_representatives(session, now=story.city.clock()) == 0
    ended = story.consents(successor)
    assert {one["state"] for one in ended} == {"withdrawn"}
    assert all(one["recipient_deletion"]["state"] == "waiting" for one in ended)
    told = successor.get("/api/v1/me/notifications").json["items"]
    assert {one["enterprise"] for one in told} == {story.code}
    assert "不再是法定代表人" in told[0]["body"]
    former = story.city.as_citizen(story.person_id).get(f"/api/v1/me/authorizations?enterprise={story.code}")
    assert former.status_code == 403
    # And it can be given anew by who represents it now.
    story.ask(successor, grade=5)
    assert story.bank.read("/grade").status_code == 200


def test_a_token_of_the_minute_dies_with_the_relation(story):
    story.city.clock.moment = story.city.clock.moment.replace(hour=15, minute=55)
    story.ask(story.city.as_citizen(story.person_id), grade=30)
    with story.city.database.transaction() as session:
        session.scalars(select(SubjectRelation)).one().valid_to = city_date(story.city.clock())
    assert story.bank.read("/grade").status_code == 200
    story.city.clock.advance(minutes=6)
    assert story.bank.read("/grade").json()["code"] == "consent_not_usable"
    with story.city.database.reading() as session:
        assert len(session.scalars(select(LedgerEntry)).all()) == 1


def test_the_question_must_name_an_enterprise_and_what_there_is_of_one(story):
    answer, _, state = story.bank.send(enterprise="12345")
    assert query_of(answer.headers["Location"]) | {"error_description": ""} == {
        "error": "invalid_request",
        "error_description": "",
        "state": state,
        "iss": "https://credit.example",
    }
    answer, _, _ = story.bank.send(enterprise=story.code, scope="score:read")
    assert query_of(answer.headers["Location"])["error"] == "invalid_scope"


def test_an_enterprises_loan_goes_to_the_bank_and_its_status_comes_back(story):
    offered = f"/api/v1/me/loan-referrals/institutions?scheme={LOAN}"
    assert story.representative.get(offered).json["items"] == []
    offer = story.representative.get(f"{offered}&enterprise={story.code}").json
    assert [one["code"] for one in offer["items"]] == ["guicheng-bank"]
    assert offer["output"].startswith("企业符合")
    body = {
        "scheme": LOAN,
        "institution": "guicheng-bank",
        "days": 90,
        "notice_version": SHARING_NOTICE.version,
    }
    own = story.representative.post("/api/v1/me/loan-referrals", json=body)
    assert own.json["code"] == "not_a_loan_scheme"
    sent = story.representative.post("/api/v1/me/loan-referrals", json={**body, "enterprise": story.code})
    assert sent.status_code == 201, sent.json
    token = story.bank.post_form("token_endpoint", grant_type="client_credentials").json()
    story.bank.client.token = {**token, "expires_at": None}
    number = sent.json["number"]
    assert "300 万元" in story.bank.read(f"/referrals/{number}").json()["terms"]["summary"]

    def answered(**answer):
        return story.bank.client.post(
            f"/api/v1/institution/referrals/{number}/answers",
            json=answer,
            headers={"Idempotency-Key": str(uuid4())},
        )

    assert answered(event="apply").json()["state"] == "applied"
    assert answered(event="decline", reason="财务报表不完整").json()["state"] == "declined"
    (mine,) = story.representative.get(f"/api/v1/me/loan-referrals?enterprise={story.code}").json["items"]
    assert (mine["state"], mine["reason"]) == ("declined", "财务报表不完整")
    assert [step["event"] for step in mine["steps"]] == ["send", "apply", "decline"]
    assert story.representative.get("/api/v1/me/loan-referrals").json["items"] == []
    assert [row["action"] for row in story.ledger()] == ["referral_answered", "referral_answered", "referral_read"]
    told = story.representative.get("/api/v1/me/notifications").json["items"][0]
    assert (told["title"], told["enterprise"]) == ("桂城银行：您的贷款申请未批准", story.code)


def test_an_enterprises_referral_closes_to_the_bank_when_its_sender_represents_it_no_longer(story):
    sent = story.representative.post(
        "/api/v1/me/loan-referrals",
        json={
            "scheme": LOAN,
            "institution": "guicheng-bank",
            "days": 90,
            "notice_version": SHARING_NOTICE.version,
            "enterprise": story.code,
        },
    ).json
    story.replace_representative()
    token = story.bank.post_form("token_endpoint", grant_type="client_credentials").json()
    story.bank.client.token = {**token, "expires_at": None}
    assert story.bank.read(f"/referrals/{sent['number']}").json()["code"] == "consent_not_usable"
