"""A city with its catalogue and register, and the systems of two departments that deliver to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from backend.authorizations.assertions import ASSERTION_TYPE, sign_assertion
from backend.partners.keys import read_private_key
from backend.subjects.registers import RegisterRow, register_subjects
from demo_city.departments import open_departments
from tests.backend.records.conftest import BAKERY, LAN
from tests.conftest import City
from tests.rules_in_force import put_rules_in_force

TOKEN_URL = "https://credit.example/oauth/token"
CIVILITY = "guicheng-civility"
MARKET_REGULATION = "guicheng-market-regulation"
CIVILITY_CODE = "11990001MB90000159"
MARKET_REGULATION_CODE = "11990001MB9000074C"


@dataclass
class DepartmentSystem:
    """A department's own software: it signs with its key and calls the API."""

    city: City
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

    def headers(self, *, token: str | None = None, key: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {token or self.token()}", "Idempotency-Key": key or str(uuid4())}

    def get(self, path: str = "", *, token: str | None = None, **query: Any) -> Any:
        return self.city.http.get(
            f"/api/v1/department{path}", headers=self.headers(token=token), query_string=query
        )

    def post(self, path: str, body: Any = None, *, token: str | None = None, key: str | None = None) -> Any:
        return self.city.http.post(
            f"/api/v1/department{path}", json=body, headers=self.headers(token=token, key=key)
        )


@pytest.fixture
def department(city: City, tmp_path):
    """Opens the system of a department by its code; the catalogue and the registers are in place."""
    with city.database.transaction() as session:
        put_rules_in_force(session, city.clock())
        open_departments(session, tmp_path / "partners", now=city.clock())
        people = [
            RegisterRow("person", LAN, "王小兰", "桂城区", born_on=date(1990, 1, 1)),
            RegisterRow("enterprise", BAKERY, "桂城面包有限公司", "桂城区"),
        ]
        register_subjects(session, city.keys, people, city.clock())

    def open_system(code: str = CIVILITY) -> DepartmentSystem:
        return DepartmentSystem(city, code, read_private_key(tmp_path / "partners" / f"{code}.private.json"))

    return open_system
