from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from backend.partners.service import find_partner
from backend.partners.staff import add_staff, open_store, stores_of
from tests.miniprogram_api.partner.conftest import Counter, new_counter


@dataclass
class StorePhone:
    """A phone with the scanner page, signed in by a one-time code."""

    counter: Counter
    token: str

    def post(self, path: str, body: Any = None, *, key: str | None = None, method: str = "POST") -> Any:
        return self.counter.city.http.open(
            f"/api/v1/counter{path}",
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {self.token}", "Idempotency-Key": key or str(uuid4())},
        )

    def get(self, path: str) -> Any:
        return self.counter.city.http.get(
            f"/api/v1/counter{path}", headers={"Authorization": f"Bearer {self.token}"}
        )

    def check(self, customer: Any, scheme: str = "pool_ticket") -> Any:
        return self.post("/checks", {"code": self.counter.code_of(customer), "scheme": scheme})


def sign_in(city: Any, code: str) -> Any:
    return city.http.post("/api/v1/counter/sign-in", json={"code": code})


@pytest.fixture
def phone_at(city: Any) -> Callable[..., StorePhone]:
    """A phone at a store of a partner that offers a scheme; the same partner is met again by its code."""
    counters: dict[str, Counter] = {}

    def at(
        store: str = "东门店",
        *,
        nickname: str = "前台",
        role: Any = "cashier",
        partner: str = "guicheng-pool",
        **scheme: Any,
    ) -> StorePhone:
        if partner not in counters:
            counters[partner] = new_counter(city, partner, **scheme)
        with city.database.transaction() as session:
            found = find_partner(session, partner)
            place = next((one for one in stores_of(session, found.id) if one.name == store), None)
            place = place or open_store(session, found, name=store, now=city.clock())
            _, code = add_staff(session, place, nickname=nickname, role=role, now=city.clock())
        answer = sign_in(city, code.code)
        assert answer.status_code == 201, answer.json
        return StorePhone(counters[partner], answer.json["token"])

    return at
