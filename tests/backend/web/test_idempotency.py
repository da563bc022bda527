from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import g, jsonify
from sqlalchemy import func, select

from backend.ledger.models import LedgerEntry
from backend.ledger.service import Actor, record_access
from backend.web import create_app
from backend.web.context import now, transaction
from backend.web.idempotency import forget_old_answers, idempotent
from backend.web.models import AnsweredRequest
from tests.factories import add_person


@pytest.fixture
def acting(city):
    """A route that acts: each execution leaves one ledger row."""
    with city.database.transaction() as session:
        subject_id = add_person(session, city.keys).id

    def act(outcome: str):
        with transaction() as session:
            entry = record_access(
                session, subject_id=subject_id, actor=Actor("system", "1", "测试"), action="record_viewed",
                basis="测试", purpose="测试", detail={}, channel="test", now=now(),
            )  # fmt: skip
            session.flush()
            if outcome == "crash":
                raise RuntimeError
            return jsonify({"entry": entry.id, "name": "王小兰"}), 201 if outcome == "fine" else 409

    def guarded(view):
        def wrapper(*args, **kwargs):
            g.actor = "citizen:1"
            return view(*args, **kwargs)

        return wrapper

    app = create_app(city.services, surfaces=[])
    app.add_url_rule("/act/<outcome>", "act", guarded(idempotent(act)), methods=["POST"])

    def post(outcome="fine", key="k1", body=b""):
        return app.test_client().post(
            f"/act/{outcome}", headers={"Idempotency-Key": key} if key else {}, data=body
        )

    return post


def executions(city):
    with city.database.reading() as session:
        return session.scalar(select(func.count()).select_from(LedgerEntry))


def test_a_retried_request_acts_once_and_gets_the_same_answer(city, acting):
    first, again = acting(), acting()
    assert (first.status_code, first.get_json()) == (again.status_code, again.get_json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert executions(city) == 1


def test_many_retries_at_once_act_once(city, acting):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: acting(), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.get_json()["entry"] for answer in answers}) == 1
    assert executions(city) == 1


def test_another_key_is_another_request(city, acting):
    acting(key="k1")
    acting(key="k2")
    assert executions(city) == 2


def test_the_same_key_for_something_else_is_refused(city, acting):
    acting(body=b"a")
    refused = acting(body=b"b")
    assert (refused.status_code, refused.get_json()["code"]) == (422, "idempotency_key_reused")
    assert executions(city) == 1


@pytest.mark.parametrize("outcome", ["crash", "conflict"])
def test_what_failed_left_nothing_and_may_be_tried_again(city, acting, outcome):
    assert acting(outcome).status_code >= 400
    assert executions(city) == 0
    assert acting("fine", key="k1").status_code == 201


def test_without_a_key_nothing_is_done(city, acting):
    refused = acting(key=None)
    assert (refused.status_code, refused.get_json()["code"]) == (400, "idempotency_key_missing")
    assert executions(city) == 0


def test_remembered_answers_are_sealed_and_forgotten_after_a_day(city, acting):
    acting()
    with city.database.transaction() as session:
        assert "王小兰".encode() not in session.scalars(select(AnsweredRequest)).one().sealed_body
        forget_old_answers(session, at=city.clock() + timedelta(hours=25))
        assert session.scalars(select(AnsweredRequest)).all() == []
