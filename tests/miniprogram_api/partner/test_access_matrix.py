"""Role × object × field, read off the URL map: nobody outside learns a score, a grade or a record without the
scope for it, and no officer gets where their post does not lead."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from backend.accounts.errors import ROLE_NAMES
from backend.accounts.service import add_officer, sign_in_officer
from backend.authorizations.consent_scopes import CONSENT_SCOPES
from backend.authorizations.tokens import (
    DEPARTMENT_SCOPES,
    INSTITUTION_SCOPES,
    PARTNER_SCOPES,
    issue_access_token,
    new_token,
)
from backend.identifiers import complete_social_credit_code
from backend.onboarding.terms import terms_on
from backend.partners.service import find_partner
from backend.partners.staff import add_staff, open_store, sign_in_staff
from backend.records.models import CreditRecord
from backend.scores.models import Score
from backend.scores.policies import policy_of
from backend.web.guards import GUARD
from command_line.access_matrix import access_rows, matrix_text
from command_line.server import openapi_document
from tests.miniprogram_api.partner.bank import add_graded_person, open_bank
from tests.miniprogram_api.partner.conftest import new_counter

ROOT = Path(__file__).parents[3]
MATRIX = json.loads(openapi_document())
ROWS = access_rows(MATRIX)
OUTSIDE = [row for row in ROWS if row.who in ("partner", "staff")]
on_one_database = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

# Names of fields that carry a score, a grade or a record, in whatever answer they stand.
SCORE = {"total", "score", "contributions", "base", "dimensions", "explanation"}
GRADE = {"grade", "grade_name", "evaluation"}
RECORD = {"records", "record", "sections", "event_on", "ended_on", "level", "source", "legal_basis", "facts"}
SENSITIVE = SCORE | GRADE | RECORD

# What an answer to an outsider may carry of these, and on which scope. Everything else: nothing.
DISCLOSES = {
    "GET /api/v1/institution/score": ("score:read", {"total"}),
    "GET /api/v1/institution/grade": ("grade:read", GRADE - {"evaluation"}),
    "GET /api/v1/institution/report": ("report:read", RECORD - {"record", "facts"}),
}

# How each route for outsiders is called below; `{}` in a path stands for what the story made.
CALLS = {
    "GET /api/v1/institution/score": None,
    "GET /api/v1/institution/grade": None,
    "GET /api/v1/institution/report": None,
    "GET /api/v1/institution/referrals": None,
    "GET /api/v1/institution/referrals/{number}": None,
    "POST /api/v1/institution/referrals/{number}/answers": {"event": "apply"},
    "POST /api/v1/partner/checks": {"code": "", "scheme": ""},
    "POST /api/v1/partner/redemptions": {"check_id": ""},
    "GET /api/v1/partner/redemptions": None,
    "POST /api/v1/partner/redemptions/{redemption_id}/cancellation": None,
    "GET /api/v1/partner/schemes": None,
    "GET /api/v1/partner/settlements": {"first": "2026-03-01", "last": "2026-03-31"},
    "GET /api/v1/partner/settlements/file": {"first": "2026-03-01", "last": "2026-03-31", "format": "csv"},
    "GET /api/v1/partner/notifications": None,
    "POST /api/v1/partner/notifications/reading": {"up_to_id": 1},
    "GET /api/v1/partner/deletions": None,
    "POST /api/v1/partner/deletions/{consent_id}/confirmation": None,
    "GET /api/v1/partner/usage": {"first": "2026-03-01", "last": "2026-03-31"},
    "GET /api/v1/partner/keys": None,
    "POST /api/v1/partner/keys": {"public_key": "none", "proof": "none"},
    "DELETE /api/v1/partner/keys/{kid}": None,
    "POST /api/v1/partner/webhooks": {"url": "https://pool.example/hook", "kinds": ["redemption.cancelled"]},
    "GET /api/v1/partner/webhooks": None,
    "POST /api/v1/partner/webhooks/{webhook_id}/test": None,
    "GET /api/v1/partner/webhooks/deliveries": None,
    "POST /api/v1/partner/webhooks/deliveries/{delivery_id}/resending": None,
    "POST /api/v1/partner/webhooks/{webhook_id}/secret": None,
    "DELETE /api/v1/partner/webhooks/{webhook_id}": None,
    "GET /api/v1/counter/me": None,
    "GET /api/v1/counter/staff": None,
    "POST /api/v1/counter/staff": {"nickname": "小李", "role": "cashier"},
    "POST /api/v1/counter/staff/{staff_id}/sign-in-code": None,
    "POST /api/v1/counter/staff/{staff_id}/suspension": None,
    "DELETE /api/v1/counter/staff/{staff_id}/suspension": None,
    "POST /api/v1/counter/checks": {"code": "", "scheme": ""},
    "POST /api/v1/counter/redemptions": {"check_id": ""},
    "GET /api/v1/counter/redemptions": None,
    "POST /api/v1/counter/redemptions/{redemption_id}/cancellation": None,
    "GET /api/v1/counter/stores": None,
    "POST /api/v1/counter/stores": {"name": "西门店"},
    "POST /api/v1/counter/stores/{store_id}/closure": None,
    "DELETE /api/v1/counter/stores/{store_id}/closure": None,
    "GET /api/v1/counter/affairs": None,
    "POST /api/v1/counter/affairs/renewal": {"terms_digest": terms_on(date(2026, 3, 3)).digest},
    "DELETE /api/v1/counter/sign-in": None,
}

MAKES = {
    "POST /api/v1/counter/stores": "store_id",
    "POST /api/v1/partner/webhooks": "webhook_id",
    "POST /api/v1/partner/webhooks/{webhook_id}/test": "delivery_id",
}
"""Whose `id` in the answer fills which hole of later addresses."""


def test_the_committed_matrix_is_the_servers():
    committed = (ROOT / "docs/access.md").read_text(encoding="utf-8")
    assert committed == matrix_text(MATRIX), "run `make openapi` and commit docs/access.md"


def test_every_guarded_route_of_the_url_map_is_in_the_matrix_with_its_guard(city):
    listed = {(row.method, row.path): row.who for row in ROWS}
    for rule in city.app.url_map.iter_rules():
        view = city.app.view_functions[rule.endpoint]
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            function = getattr(view.view_class, method.lower()) if hasattr(view, "view_class") else view
            if guard := getattr(function, GUARD, None):
                path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
                assert listed.get((method, path)) == guard, (method, path)


def test_every_route_for_outsiders_is_called_below():
    assert {row.operation for row in OUTSIDE} == set(CALLS), "say in CALLS how a new route is called"


def test_no_answer_to_an_outsider_has_a_field_for_what_its_scope_does_not_cover():
    for row in OUTSIDE:
        scope, allowed = DISCLOSES.get(row.operation, ("", set()))
        assert SENSITIVE & set(row.fields) <= allowed, row.operation
        assert not scope or row.needs == (scope,), row.operation
    assert {scope for scope, _ in DISCLOSES.values()} == set(CONSENT_SCOPES)


@on_one_database
def test_no_officer_gets_where_their_post_does_not_lead(city):
    officer_rows = [row for row in ROWS if row.who == "officer"]
    assert officer_rows
    for role in ROLE_NAMES:
        client = _officer(city, role)
        for row in officer_rows:
            if role in row.needs:
                continue
            answer = client.open(
                _filled(row.path, {}), method=row.method, headers={"X-Access-Reason": "x"}, json={}
            )
            assert (answer.status_code, answer.json["code"]) == (403, "role_missing"), (role, row.operation)


@on_one_database
def test_no_token_gets_where_its_scopes_do_not_lead(city):
    scopes = {*PARTNER_SCOPES, *INSTITUTION_SCOPES, *DEPARTMENT_SCOPES, *CONSENT_SCOPES}
    open_bank(city)
    rows = [row for row in ROWS if row.who in ("partner", "department")]
    for scope in sorted(scopes):
        token = _token(city, "guicheng-bank", [scope])
        for row in rows:
            if scope in row.needs:
                continue
            answer = city.http.open(
                _filled(row.path, {}),
                method=row.method,
                json={},
                headers={**_bearer(token), "Idempotency-Key": "k"},
            )
            assert (answer.status_code, answer.json["code"]) == (403, "scope_missing"), (scope, row.operation)


@on_one_database
def test_without_the_scope_no_answer_to_a_partner_tells_a_score_a_grade_or_a_record(city):
    """Every route for outsiders is really called, about a citizen whose score, grade and record would be seen."""
    with city.database.transaction() as session:
        person = add_graded_person(session, city)
        session.scalars(select(CreditRecord)).one().title = "独一无二的事项"
        score = session.scalars(select(Score)).one()
        grades = policy_of(session, score.policy_hash)[0].grades
        grade_name = next(grade.name for grade in grades if grade.code == score.grade)
    citizen = city.as_citizen(person.id)
    bank = open_bank(city, enrolled="personal_credit_loan")
    pool = new_counter(city)
    with city.database.transaction() as session:
        store = open_store(session, find_partner(session, pool.code), name="总店", now=city.clock())
        _, code = add_staff(session, store, nickname="店长", role="manager", now=city.clock())
        clerk, _ = add_staff(session, store, nickname="店员", role="cashier", now=city.clock())
        phone = sign_in_staff(session, code=code.code, now=city.clock())[0]
    number = citizen.post(
        "/api/v1/me/loan-referrals",
        json={
            "scheme": "personal_credit_loan",
            "institution": bank.code,
            "days": 30,
            "notice_version": "2026-11",
        },
    ).json["number"]
    by_consent = bank.authorized(citizen)["access_token"]
    own = {
        "bank": bank.post_form("token_endpoint", grant_type="client_credentials").json()["access_token"],
        "pool": pool.token(),
    }
    answers = []
    made = {"number": number, "staff_id": str(clerk.id)}
    for operation, body in CALLS.items():
        row = next(row for row in OUTSIDE if row.operation == operation)
        tokens = [phone] if row.who == "staff" else [own["bank"], own["pool"], by_consent]
        for token in tokens:
            given = dict(body or {})
            if "code" in given:
                given = {"code": pool.code_of(person), "scheme": "pool_ticket"}
            if "check_id" in given:
                given["check_id"] = made.get("check_id", str(UUID(int=1)))
            answer = city.http.open(
                _filled(row.path, made),
                method=row.method,
                headers={**_bearer(token), "Idempotency-Key": f"{operation} {token[:8]}"},
                **({"query_string": given} if row.method == "GET" else {"json": given}),
            )
            answers.append((operation, answer.status_code, answer.get_data(as_text=True)))
            if answer.status_code in (200, 201) and answer.is_json:
                told = answer.json or {}
                made |= {key: told[key] for key in ("check_id", "redemption_id") if key in told}
                if operation in MAKES:
                    made[MAKES[operation]] = told["id"]
    assert {operation for operation, status, _ in answers if status in (200, 201, 204)} >= set(CALLS) - {
        # The bank was not approved for the score, no consent ended, and nobody here changes keys.
        "POST /api/v1/partner/deletions/{consent_id}/confirmation",
        "GET /api/v1/institution/score",
        "POST /api/v1/partner/keys",
        "DELETE /api/v1/partner/keys/{kid}",
    }
    for operation, status, text in answers:
        tells = {
            "score": "15200" in text or "152.00" in text,
            "grade": grade_name in text,
            "record": "独一无二的事项" in text,
        }
        may = {"GET /api/v1/institution/grade": {"grade"}, "GET /api/v1/institution/report": {"record"}}
        told = {what for what, is_told in tells.items() if is_told}
        assert told <= (may.get(operation, set()) if status == 200 else set()), (operation, status)
    told_somewhere = {
        operation for operation, _, text in answers if grade_name in text or "独一无二的事项" in text
    }
    assert told_somewhere == {"GET /api/v1/institution/grade", "GET /api/v1/institution/report"}


def _officer(city, role):
    if role != "department_officer":
        return city.as_officer(role)
    account = {"username": "department-officer", "password": "correct horse"}
    with city.database.transaction() as session:
        add_officer(
            session,
            **account,
            name="李强",
            roles=[role],
            department_code=complete_social_credit_code("11990001MB9200001"),
            now=city.clock(),
        )
        token = sign_in_officer(session, **account, now=city.clock())[0].token
    return city._signed_in(token)


def _token(city, partner_code, scopes):
    token = new_token()
    with city.database.transaction() as session:
        issue_access_token(
            session,
            partner_id=find_partner(session, partner_code).id,
            scopes=scopes,
            token=token,
            now=city.clock(),
        )
    return token


def _bearer(token):
    return {"Authorization": f"Bearer {token}"}


def _filled(path, made):
    """With what the story made, else with what exists nowhere."""
    return re.sub(r"\{(\w+)\}", lambda hole: made.get(hole[1]) or _nowhere(path, hole[1]), path)


def _nowhere(path, name):
    operations = MATRIX["paths"][path]
    described = [*operations.get("parameters", [])]
    for method in operations.keys() - {"parameters"}:
        described += operations[method].get("parameters", [])
    schema = next(one["schema"] for one in described if one["name"] == name)
    return str(UUID(int=1)) if schema.get("format") == "uuid" else "1"
