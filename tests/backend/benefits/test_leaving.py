"""Leaving ends what was under way at a counter, and no answer gets out afterwards."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.benefits.checks import check_benefit
from backend.benefits.errors import CheckNotRedeemable, CodeNotValid
from backend.benefits.redemptions import redeem
from backend.ephemeral import open_store
from backend.scores.activation import activate_score, leave_score
from backend.scores.models import Score
from backend.scores.service import recompute_marked
from tests.backend.benefits.conftest import OwnCorner
from tests.backend.benefits.made_up import add_merchant, add_scheme, add_scored_person, set_score, show_code
from tests.backend.benefits.test_races import Counter


@pytest.fixture
def counter(session, now):
    scheme = add_scheme(session, now)
    return scheme, add_merchant(session, now, offers=(scheme,))


def come_back(session, person, now):
    activate_score(session, subject_id=person.id, notice_version=ACTIVATION_NOTICE.version, evidence={}, now=now)
    set_score(session, person, total=125_00, now=now)


def test_a_check_made_before_leaving_is_not_redeemed_even_after_coming_back(session, store, keys, now, counter):
    scheme, merchant = counter
    person = add_scored_person(session, keys, now)
    code = show_code(session, store, person, now)
    check = check_benefit(session, store, partner=merchant, code=code, scheme_code=scheme, now=now)
    assert check.eligible

    leave_score(session, subject_id=person.id, now=now)
    for moment in (now, now + timedelta(seconds=1)):
        with pytest.raises(CheckNotRedeemable):
            redeem(session, partner=merchant, check_id=check.check_id, bill_cents=None, now=moment)
        if moment == now:
            come_back(session, person, now + timedelta(seconds=1))


def test_a_code_made_before_leaving_is_dead_after_coming_back(session, store, keys, now, counter):
    scheme, merchant = counter
    person = add_scored_person(session, keys, now)
    code = show_code(session, store, person, now)
    leave_score(session, subject_id=person.id, now=now)
    later = now + timedelta(seconds=10)
    come_back(session, person, later)
    with pytest.raises(CodeNotValid):
        check_benefit(session, store, partner=merchant, code=code, scheme_code=scheme, now=later)


def test_after_leaving_a_code_is_answered_with_the_same_no_as_anybodys(session, store, keys, now, counter):
    scheme, merchant = counter
    person = add_scored_person(session, keys, now)
    code = show_code(session, store, person, now)
    leave_score(session, subject_id=person.id, now=now)
    answer = check_benefit(session, store, partner=merchant, code=code, scheme_code=scheme, now=now)
    assert (answer.eligible, answer.terms) == (False, None)


def test_under_load_no_yes_is_told_after_someone_has_left(postgresql_database, redis_url, keys, now):
    store = OwnCorner(open_store(redis_url))
    counter = Counter(postgresql_database, store, now)
    with postgresql_database.transaction() as session:
        person = add_scored_person(session, keys, now)
        codes = []
        for _ in range(120):
            store.forget(f"codes:{person.id}")
            codes.append(show_code(session, store, person, now))
    left_at: list[float] = []
    answered = threading.Event()

    def check(code):
        asked_at = time.monotonic()
        eligible = counter.check(code).eligible
        answered.set()
        return asked_at, eligible

    def leave():
        answered.wait(10)
        with postgresql_database.transaction() as session:
            leave_score(session, subject_id=person.id, now=now)
        left_at.append(time.monotonic())

    with ThreadPoolExecutor(12) as pool:
        leaving = pool.submit(leave)
        answers = list(pool.map(check, codes))
        leaving.result()

    assert {eligible for _, eligible in answers} == {True, False}
    assert not [asked_at for asked_at, eligible in answers if eligible and asked_at > left_at[0]]


def test_under_load_no_score_is_left_behind_by_a_recomputation(postgresql_database, keys, now):
    """The worker may have read the consent before its owner left."""
    for _ in range(8):
        with postgresql_database.transaction() as session:
            person = add_scored_person(session, keys, now)

        def recompute():
            recompute_marked(postgresql_database, now=now)

        def leave(subject_id=person.id):
            with postgresql_database.transaction() as session:
                leave_score(session, subject_id=subject_id, now=now)

        with ThreadPoolExecutor(4) as pool:
            for future in [pool.submit(recompute), pool.submit(leave), pool.submit(recompute)]:
                future.result()
        recompute_marked(postgresql_database, now=now)
        with postgresql_database.reading() as session:
            left = session.scalar(select(func.count()).select_from(Score).where(Score.subject_id == person.id))
        assert left == 0
