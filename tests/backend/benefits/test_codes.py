from __future__ import annotations

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from backend.benefits.codes import MOST_CODES_PER_MINUTE, issue_code, take_code
from backend.benefits.errors import (
    CodeNotValid,
    EnterpriseChoiceNeeded,
    EnterpriseNotRepresented,
    SchemeNotFound,
    TooManyCodes,
)
from backend.ephemeral.store import InProcessStore
from tests.backend.benefits.made_up import add_scheme
from tests.factories import add_enterprise, add_person, add_relation

ACTIVE = {"fact": "enterprise.active", "op": "eq", "value": True, "reason": "登记状态正常。"}


@pytest.fixture
def session(sqlite_database):
    """The codes themselves are not in the database."""
    with sqlite_database._sessions() as session:
        yield session
        session.rollback()


@pytest.fixture
def person(session, keys):
    return add_person(session, keys)


def show(session, store, person, now, **choice):
    return issue_code(session, store, holder=person, **{"scheme_code": None, **choice}, now=now)


def test_a_code_lives_for_a_minute_and_is_renewed_before(session, store, person, now):
    shown = show(session, store, person, now)
    assert shown.expires_at == now + timedelta(seconds=60)
    assert shown.renew_at == now + timedelta(seconds=45)


def test_a_code_is_random_and_says_nothing_about_its_holder(session, store, person, now):
    codes = {show(session, store, person, now).code for _ in range(10)}
    assert len(codes) == 10
    assert all(re.fullmatch(r"[A-Z2-7]{26}", code) for code in codes)


def test_the_code_comes_as_a_picture_too(session, store, person, now):
    kind, data = show(session, store, person, now).qr_svg.split(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data).startswith(b"<svg")


def test_the_store_knows_a_code_only_by_its_hash(session, person, now):
    store = InProcessStore()
    shown = show(session, store, person, now)
    assert store._values
    assert not any(shown.code in f"{key}{value}" for key, value in store._values.items())


def test_a_code_can_be_used_once(session, store, person, now):
    shown = show(session, store, person, now)
    claim = take_code(store, shown.code, scheme_code="any", now=now)
    assert (claim.holder_id, claim.made_at) == (person.id, now)
    with pytest.raises(CodeNotValid):
        take_code(store, shown.code, scheme_code="any", now=now)


def test_a_code_typed_by_hand_works_in_small_letters_too(session, store, person, now):
    shown = show(session, store, person, now)
    assert take_code(store, f" {shown.code.lower()}\n", scheme_code="any", now=now).holder_id == person.id


def test_of_many_who_take_a_code_at_once_exactly_one_gets_it(session, store, person, now):
    shown = show(session, store, person, now)

    def take(_):
        try:
            take_code(store, shown.code, scheme_code="any", now=now)
        except CodeNotValid:
            return False
        return True

    with ThreadPoolExecutor(32) as pool:
        assert sum(pool.map(take, range(200))) == 1


def test_a_code_ends_after_a_minute(session, store, person, now):
    early, late = show(session, store, person, now), show(session, store, person, now)
    take_code(store, early.code, scheme_code="any", now=now + timedelta(seconds=59))
    with pytest.raises(CodeNotValid):
        take_code(store, late.code, scheme_code="any", now=now + timedelta(seconds=60))


@pytest.mark.parametrize("code", ["", "A" * 26, "x" * 10_000, "桂花", "A\x00B"])
def test_a_made_up_code_is_not_valid(store, now, code):
    with pytest.raises(CodeNotValid):
        take_code(store, code, scheme_code="any", now=now)


def test_a_code_for_one_scheme_is_not_valid_for_another_and_is_used_up(session, store, person, now):
    mine = add_scheme(session, now)
    shown = show(session, store, person, now, scheme_code=mine)
    with pytest.raises(CodeNotValid):
        take_code(store, shown.code, scheme_code="gym_ticket", now=now)
    with pytest.raises(CodeNotValid):
        take_code(store, shown.code, scheme_code=mine, now=now)


def test_no_code_is_shown_for_a_scheme_that_is_not_in_force(session, store, person, now):
    with pytest.raises(SchemeNotFound):
        show(session, store, person, now, scheme_code="nothing_such")


def test_codes_are_not_made_without_end(session, store, person, now):
    for _ in range(MOST_CODES_PER_MINUTE):
        show(session, store, person, now)
    with pytest.raises(TooManyCodes):
        show(session, store, person, now)


def test_for_an_enterprise_scheme_the_only_enterprise_is_taken(session, store, keys, person, now):
    scheme = add_scheme(session, now, audience="enterprise", conditions=ACTIVE)
    with pytest.raises(EnterpriseNotRepresented):
        show(session, store, person, now, scheme_code=scheme)
    first = add_enterprise(session, keys)
    add_relation(session, enterprise=first, principal=person, role="legal_representative")
    shown = show(session, store, person, now, scheme_code=scheme)
    assert take_code(store, shown.code, scheme_code=scheme, now=now).enterprise_id == first.id

    second = add_enterprise(session, keys)
    add_relation(session, enterprise=second, principal=person, role="legal_representative")
    with pytest.raises(EnterpriseChoiceNeeded):
        show(session, store, person, now, scheme_code=scheme)
    shown = show(session, store, person, now, scheme_code=scheme, enterprise_code=second.public_code)
    assert take_code(store, shown.code, scheme_code=scheme, now=now).enterprise_id == second.id


def test_nobody_acts_for_an_enterprise_they_do_not_represent(session, store, keys, person, now):
    enterprise = add_enterprise(session, keys)
    add_relation(session, enterprise=enterprise, principal=person, role="shareholder")
    with pytest.raises(EnterpriseNotRepresented):
        show(session, store, person, now, enterprise_code=enterprise.public_code)
