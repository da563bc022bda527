from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.serving import make_server

from backend.accounts.errors import SignInFailed
from backend.accounts.service import SignInOption
from backend.authorizations.assertions import ASSERTION_TYPE, sign_assertion
from backend.benefits.codes import issue_code
from backend.benefits.demo_partners import provision_demo_partners
from backend.benefits.schemes import enrol_provider
from backend.city_calendar import city_date, utc_now
from backend.onboarding.service import renew_contract
from backend.partners.keys import generate_private_jwk, public_part, read_public_key
from backend.partners.service import find_partner, register_partner
from backend.subjects.models import Subject
from tests.backend.benefits.made_up import add_scheme, add_scored_person
from tests.conftest import City
from tests.rules_in_force import put_rules_in_force
from tests.servers import free_port, listening

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)
TOKEN_URL = "https://credit.example/oauth/token"


@dataclass
class Counter:
    """A merchant's counter: its key, its token, and customers who come to it."""

    city: Any
    code: str
    private: dict[str, Any]

    def ask_token(self, **form: str) -> Any:
        signed = sign_assertion(self.private, client_id=self.code, audience=TOKEN_URL, now=self.city.clock())
        given = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed,
            **form,
        }
        return self.city.http.post("/oauth/token", data=given)

    def token(self, **form: str) -> str:
        answer = self.ask_token(**form)
        assert answer.status_code == 200, answer.json
        return answer.json["access_token"]

    def headers(self, token: str | None = None, key: str | None = None) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {token or self.token()}",
            "Idempotency-Key": key or str(uuid4()),
        }

    def post(self, path: str, body: Any = None, *, token: str | None = None, key: str | None = None) -> Any:
        return self.city.http.post(f"/api/v1/partner{path}", json=body, headers=self.headers(token, key))

    def get(self, path: str, *, token: str | None = None) -> Any:
        return self.city.http.get(f"/api/v1/partner{path}", headers=self.headers(token))

    def customer(self, total: int = 125_00) -> Subject:
        with self.city.database.transaction() as session:
            return add_scored_person(session, self.city.keys, self.city.clock(), total=total)

    def code_of(self, customer: Subject) -> str:
        with self.city.database.transaction() as session:
            return issue_code(
                session, self.city.services.store, holder=customer, scheme_code=None, now=self.city.clock()
            ).code

    def check(self, customer: Subject, **options: Any) -> Any:
        body = {"code": self.code_of(customer), "scheme": options.pop("scheme", "pool_ticket")}
        return self.post("/checks", body, **options)


def new_counter(city: Any, code: str = "guicheng-pool", *, scheme: str | None = None, **changes: Any) -> Counter:
    """A merchant that offers a scheme of its own, or the named one."""
    private = generate_private_jwk()
    with city.database.transaction() as session:
        register_partner(
            session,
            code=code,
            name="桂城泳池",
            kind="merchant",
            public_jwk=read_public_key(json.dumps(public_part(private))),
            now=city.clock(),
        )
        if scheme is None:
            scheme = add_scheme(session, city.clock(), **changes)
        enrol_provider(session, scheme_code=scheme, partner=find_partner(session, code), now=city.clock())
    return Counter(city, code, private)


def sign_contract(city: Any, code: str, *, number: str, days: int) -> None:
    """From today, and until so many days later."""
    today = city_date(city.clock())
    with city.database.transaction() as session:
        renew_contract(
            session,
            find_partner(session, code),
            number=number,
            starts_on=today,
            ends_on=today + timedelta(days=days),
            officer="张敏",
            now=city.clock(),
        )


@pytest.fixture
def open_counter(city):
    return partial(new_counter, city)


@pytest.fixture
def counter(open_counter):
    return open_counter()


@dataclass
class OneCitizen:
    subject_id: int
    adapter: str = "demo"

    def options(self):
        return [SignInOption(credential="demo-citizen-1", name="林*兰", story="测试市民")]

    def authenticate(self, _session, credential):
        if credential != "demo-citizen-1":
            raise SignInFailed
        return self.subject_id


@pytest.fixture
def live(city: City, serve, tmp_path):
    """A real server on a real port with the demo partners and one citizen of 125 points."""
    now = utc_now()
    with city.database.transaction() as session:
        put_rules_in_force(session, BEFORE, policies=("guihua",), schemes=True)
        provision_demo_partners(session, tmp_path / "partners", now=now)
        citizen = add_scored_person(session, city.keys, now, total=125_00)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    services = replace(
        city.services,
        config=replace(city.services.config, public_url=url),
        sign_in=OneCitizen(citizen.id),
        clock=utc_now,
    )
    with listening(make_server("127.0.0.1", port, serve(services), threaded=True)):
        yield services, citizen, url, tmp_path / "partners"
