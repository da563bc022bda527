"""Checks answered through Redis: the same answers as the full path, at once out of date when anything changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from uuid import uuid4

import pytest
import redis
from sqlalchemy import func, select

from backend.background import open_check_stream
from backend.benefits.models import BenefitCheck
from backend.benefits.swift_desk import STREAM, SwiftDesk
from backend.city_calendar import WorkingDays
from backend.database import Database
from backend.ephemeral import change_announcer, open_store
from backend.ledger.models import LedgerEntry
from backend.partners.service import find_partner, suspend_partner
from backend.scores.activation import leave_score
from backend.subjects.rescoring import mark_for_rescoring
from backend.web import Services
from tests.backend.benefits.made_up import add_scheme
from tests.conftest import ChosenSignIn, City, Clock
from tests.miniprogram_api.partner.conftest import Counter, new_counter, sign_contract
from tests.servers import durable_redis_server


@pytest.fixture(scope="module")
def durable_redis():
    with durable_redis_server() as url:
        yield url


@pytest.fixture
def swift_city(postgresql_database, durable_redis, city_config, serve, now):
    redis.Redis.from_url(durable_redis).flushall()
    return build_city(postgresql_database, durable_redis, city_config, serve, now)


def build_city(postgresql_database, redis_url, city_config, serve, now):
    config = replace(city_config, database_url=str(postgresql_database.url), redis_url=redis_url)
    url = postgresql_database.url.render_as_string(hide_password=False)
    database = Database(url, on_change=change_announcer(redis_url))
    clock = Clock(now)
    services = Services(
        config=config,
        database=database,
        store=open_store(config.redis_url),
        sign_in=ChosenSignIn(),
        working_days=WorkingDays(),
        clock=clock,
        desk=SwiftDesk(config.redis_url, database),
        check_stream=open_check_stream(config, database),
    )
    return City(services=services, clock=clock, app=serve(services))


@pytest.fixture
def counter(swift_city):
    counter = new_counter(swift_city)
    redis.Redis.from_url(swift_city.services.config.redis_url).delete("osmanthus:changed:configuration")
    return counter


def new_customer(counter: Counter, total=125_00):
    """A citizen at rest: nothing about them has changed lately."""
    customer = counter.customer(total)
    at_rest(counter)
    return customer


def at_rest(counter):
    client = redis.Redis.from_url(counter.city.services.config.redis_url)
    for key in client.keys("osmanthus:changed:*"):
        client.delete(key)


def shown(counter, customer, **body):
    answer = counter.city.as_citizen(customer.id).post("/api/v1/me/codes", json={"scheme": None, **body})
    assert answer.status_code == 201, answer.json
    return answer.json["code"]


def streamed(counter):
    return redis.Redis.from_url(counter.city.services.config.redis_url).xlen(STREAM)


def count(counter, table):
    with counter.city.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def check(counter, code, *, token, key=None):
    return counter.post("/checks", {"code": code, "scheme": "pool_ticket"}, token=token, key=key)


def test_a_swift_answer_is_the_full_answer_and_reaches_check_ledger_and_retries(counter):
    token = counter.token()
    yes, no = new_customer(counter), new_customer(counter, total=100_00)
    code = shown(counter, yes)
    answer = check(counter, code, token=token, key="first")
    refused = check(counter, shown(counter, no), token=token)
    assert (answer.status_code, answer.json["eligible"], answer.json["terms"]["summary"]) == (
        201,
        True,
        "门票 5 折",
    )
    assert (refused.json["eligible"], refused.json["terms"]) == (False, None)
    assert streamed(counter) == 2
    assert count(counter, LedgerEntry) == 0

    assert counter.city.services.check_stream.drain() == 2
    assert (streamed(counter), count(counter, BenefitCheck), count(counter, LedgerEntry)) == (0, 2, 2)
    # Once Redis has forgotten, the retry is answered from the database, to the letter.
    redis.Redis.from_url(counter.city.services.config.redis_url).flushall()
    again = check(counter, code, token=token, key="first")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_data() == answer.get_data()


def test_the_full_path_gives_the_same_body(counter):
    token, customer = counter.token(), new_customer(counter)
    swift = check(counter, shown(counter, customer), token=token).json
    with counter.city.database.transaction() as session:
        mark_for_rescoring(session, [customer.id], "test", counter.city.clock())
    full = check(counter, shown(counter, customer), token=token).json
    assert streamed(counter) == 1
    assert {**swift, "check_id": None} == {**full, "check_id": None}


def test_a_repeated_key_gives_the_same_answer_and_another_body_is_refused(counter):
    token, customer = counter.token(), new_customer(counter)
    code, key = shown(counter, customer), str(uuid4())
    first = check(counter, code, token=token, key=key)
    again = check(counter, code, token=token, key=key)
    assert again.get_data() == first.get_data()
    assert (again.headers["Idempotent-Replayed"], streamed(counter)) == ("true", 1)
    other = check(counter, shown(counter, customer), token=token, key=key)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_of_hundreds_at_once_one_has_the_code_and_every_retry_has_its_answer(counter):
    token, customer = counter.token(), new_customer(counter)
    code = shown(counter, customer)
    keys = [str(number % 100) for number in range(300)]
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda key: check(counter, code, token=token, key=key), keys))
    won = [(key, one) for key, one in zip(keys, answers, strict=True) if one.status_code == 201]
    assert len({key for key, _ in won}) == 1
    assert len(won) == 3
    assert len({one.get_data() for _, one in won}) == 1
    assert {one.json["code"] for one in answers if one.status_code != 201} == {"code_not_valid"}
    assert streamed(counter) == 1


def test_a_check_may_be_redeemed_before_it_has_reached_the_database(counter):
    token, customer = counter.token(), new_customer(counter)
    answer = check(counter, shown(counter, customer), token=token)
    assert count(counter, BenefitCheck) == 0
    redeemed = counter.post("/redemptions", {"check_id": answer.json["check_id"]}, token=token)
    assert redeemed.status_code == 201, redeemed.json


def test_withdrawing_the_consent_works_at_once_on_a_code_shown_before(counter):
    token, customer = counter.token(), new_customer(counter)
    code = shown(counter, customer)
    with counter.city.database.transaction() as session:
        leave_score(session, subject_id=customer.id, now=counter.city.clock())
    answer = check(counter, code, token=token)
    assert (answer.status_code, answer.json["eligible"]) == (201, False)
    assert streamed(counter) == 0


def test_whoever_leaves_while_checks_are_answered_gets_no_yes_afterwards_and_no_yes_of_before_is_of_use(counter):
    token = counter.token()
    outcomes = []
    for _ in range(6):
        customer = counter.customer()
        codes = [shown(counter, customer) for _ in range(3)]
        at_rest(counter)
        phone = counter.city.as_citizen(customer.id)
        start = Barrier(3)

        def in_flight(code, start=start):
            start.wait()
            return check(counter, code, token=token)

        def leave(start=start, phone=phone):
            start.wait()
            return phone.delete("/api/v1/me/activation")

        with ThreadPoolExecutor(3) as at_once:
            answers = [at_once.submit(in_flight, code) for code in codes[:2]]
            left = at_once.submit(leave)
            assert left.result().status_code == 204
            # Begun once leaving has been answered, while those begun before may still be on their way.
            afterwards = check(counter, codes[2], token=token)
        assert afterwards.json.get("eligible") is not True, afterwards.json
        answered = [answer.result().json for answer in answers]
        outcomes += [answer.get("eligible", answer.get("code")) for answer in answered]

        for answer in answered:
            if answer.get("eligible"):
                used = counter.post("/redemptions", {"check_id": answer["check_id"]}, token=token)
                assert used.status_code in (404, 409, 422), used.json
        counter.city.services.check_stream.drain()
        assert phone.get("/api/v1/me/score").json["code"] == "not_activated"
        assert phone.get("/api/v1/me/score/history").json == {"items": []}
    assert len(outcomes) == 12
    yes = [code for code in outcomes if code is True]
    with counter.city.database.reading() as session:
        in_ledger = [
            entry.detail["told"]
            for entry in session.scalars(select(LedgerEntry).where(LedgerEntry.action == "benefit_checked"))
        ]
    # Every yes that was told stands in the ledger, and none that was not.
    assert sum(what.startswith("符合") for what in in_ledger) == len(yes)


def test_a_change_is_fenced_before_it_commits(counter):
    """A process that dies between its commit and the second fence leaves the first one standing."""
    customer = new_customer(counter)
    client = redis.Redis.from_url(counter.city.services.config.redis_url)
    seen = []
    with counter.city.database.transaction() as session:
        mark_for_rescoring(session, [customer.id], "test", counter.city.clock())
        at_rest(counter)
        original = session.get_transaction().commit

        def commit(**kwargs):
            seen.append(client.exists(f"osmanthus:changed:subject:{customer.id}"))
            original(**kwargs)

        session.get_transaction().commit = commit
    assert seen == [1]


def test_a_used_up_quota_is_no_at_once(swift_city):
    counter = new_counter(swift_city, quota={"limit": 1, "period": "month"})
    token, customer = counter.token(), new_customer(counter)
    first, second = shown(counter, customer), shown(counter, customer)
    used = check(counter, first, token=token)
    assert counter.post("/redemptions", {"check_id": used.json["check_id"]}, token=token).status_code == 201
    assert check(counter, second, token=token).json["eligible"] is False


def test_a_new_version_of_the_scheme_counts_at_once(counter):
    token, customer = counter.token(), new_customer(counter)
    code = shown(counter, customer)
    with counter.city.database.transaction() as session:
        add_scheme(
            session, counter.city.clock(), version=2,
            conditions={"fact": "score.total", "op": "ge", "value": 130_00, "reason": "信用分达到 130 分。"},
        )  # fmt: skip
    assert check(counter, code, token=token).json["eligible"] is False


def test_a_suspended_partner_is_refused_at_once(counter):
    token, customer = counter.token(), new_customer(counter)
    assert check(counter, shown(counter, customer), token=token).status_code == 201
    with counter.city.database.transaction() as session:
        suspend_partner(session, find_partner(session, counter.code), by="张敏", now=counter.city.clock())
    assert check(counter, shown(counter, customer), token=token).status_code == 401


def test_a_partner_that_was_known_is_refused_from_the_midnight_after_its_contracts_last_day(counter):
    sign_contract(counter.city, counter.code, number="GC-1", days=0)
    # The clock shows 10:00 in the city.
    counter.city.clock.advance(hours=13, minutes=59)
    token, customer = counter.token(), new_customer(counter)
    assert check(counter, shown(counter, customer), token=token).status_code == 201
    counter.city.clock.advance(minutes=1)
    answer = check(counter, shown(counter, customer), token=token)
    assert (answer.status_code, answer.json["code"]) == (403, "contract_ended")


def test_both_paths_count_on_the_same_limit_per_citizen(counter):
    token, customer = counter.token(), new_customer(counter)
    for _ in range(6):
        assert check(counter, shown(counter, customer), token=token).status_code == 201
    assert streamed(counter) == 6
    answer = check(counter, shown(counter, customer), token=token)
    assert (answer.status_code, answer.json["code"]) == (429, "too_many_checks")


def test_a_code_is_not_answered_after_its_minute(counter):
    token, customer = counter.token(), new_customer(counter)
    code = shown(counter, customer)
    counter.city.clock.advance(seconds=60)
    assert check(counter, code, token=token).json["code"] == "code_not_valid"


def test_a_redis_that_may_forget_is_not_trusted_with_the_ledger(
    postgresql_database, redis_url, city_config, serve, now
):
    counter = new_counter(build_city(postgresql_database, redis_url, city_config, serve, now))
    customer = counter.customer()
    answer = check(counter, shown(counter, customer), token=counter.token())
    assert answer.json["eligible"] is True
    assert (count(counter, BenefitCheck), count(counter, LedgerEntry)) == (1, 1)


def test_draining_twice_doubles_nothing(counter):
    token, customer = counter.token(), new_customer(counter)
    check(counter, shown(counter, customer), token=token)
    client = redis.Redis.from_url(counter.city.services.config.redis_url)
    [(_, fields)] = client.xrange(STREAM)
    counter.city.services.check_stream.drain()
    client.xadd(STREAM, fields)
    assert counter.city.services.check_stream.drain() == 0
    assert (count(counter, BenefitCheck), count(counter, LedgerEntry)) == (1, 1)
