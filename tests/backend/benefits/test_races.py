"""Hundreds at once, on a real PostgreSQL and a real Redis."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from backend.benefits.checks import CheckLimits, check_benefit
from backend.benefits.errors import CheckNotRedeemable, CodeNotValid
from backend.benefits.models import BenefitCheck, BudgetUse, QuotaUse, Redemption
from backend.benefits.redemptions import cancel_redemption, redeem
from backend.ephemeral import open_store
from backend.ledger.models import LedgerEntry
from tests.backend.benefits.conftest import OwnCorner
from tests.backend.benefits.made_up import add_merchant, add_scheme, add_scored_person, show_code

AT_ONCE = 24
NO_LIMIT = CheckLimits(most=10_000)
TEN_YUAN = {
    "settlement": "per_use",
    "tiers": [{"code": "free", "name": "免费", "terms": {"summary": "免费入场", "amount_cents": 1000}}],
}


@pytest.fixture
def store(redis_url):
    return OwnCorner(open_store(redis_url))


class Counter:
    def __init__(self, database, store, now, **scheme):
        self.database, self.store, self.now = database, store, now
        with database.transaction() as session:
            self.scheme = add_scheme(session, now, **scheme)
            self.merchant = add_merchant(session, now, offers=(self.scheme,))

    def check(self, code):
        with self.database.transaction() as session:
            return check_benefit(
                session,
                self.store,
                partner=self.merchant,
                code=code,
                scheme_code=self.scheme,
                now=self.now,
                limits=NO_LIMIT,
            )

    def redeem(self, check_id):
        """The redemption's id, or None for a no."""
        try:
            with self.database.transaction() as session:
                return redeem(session, partner=self.merchant, check_id=check_id, bill_cents=None, now=self.now).id
        except CheckNotRedeemable:
            return None

    def cancel(self, redemption_id):
        with self.database.transaction() as session:
            cancel_redemption(session, partner=self.merchant, redemption_id=redemption_id, now=self.now)


def in_parallel(action, arguments):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(action, arguments))


def count(database, table):
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_of_hundreds_of_checks_of_one_code_one_is_answered(postgresql_database, store, keys, now):
    counter = Counter(postgresql_database, store, now)
    with postgresql_database.transaction() as session:
        person = add_scored_person(session, keys, now)
        code = show_code(session, store, person, now)

    def check(_):
        try:
            return counter.check(code).eligible
        except CodeNotValid:
            return None

    answers = in_parallel(check, range(300))
    assert sorted(answers, key=str) == [None] * 299 + [True]
    assert count(postgresql_database, BenefitCheck) == count(postgresql_database, LedgerEntry) == 1


def checks_of_one(counter, keys, how_many):
    """Checks of one citizen, each answered yes before anything was used."""
    with counter.database.transaction() as session:
        person = add_scored_person(session, keys, counter.now)
        codes = []
        for _ in range(how_many):
            counter.store.forget(f"codes:{person.id}")
            codes.append(show_code(session, counter.store, person, counter.now))
    answers = [counter.check(code) for code in codes]
    assert all(answer.eligible for answer in answers)
    return [answer.check_id for answer in answers]


def test_a_retried_redemption_is_one_redemption(postgresql_database, store, keys, now):
    counter = Counter(postgresql_database, store, now, quota={"limit": 5, "period": "month"})
    [check_id] = checks_of_one(counter, keys, 1)
    redeemed = in_parallel(counter.redeem, [check_id] * 200)
    assert len(set(redeemed)) == 1
    assert redeemed[0] is not None
    assert count(postgresql_database, Redemption) == 1
    with postgresql_database.reading() as session:
        assert session.scalar(select(QuotaUse.used)) == 1


def test_never_one_redemption_over_the_quota(postgresql_database, store, keys, now):
    counter = Counter(postgresql_database, store, now, quota={"limit": 3, "period": "month"})
    check_ids = checks_of_one(counter, keys, 40)
    # Every check several times, all of it at once.
    redeemed = in_parallel(counter.redeem, check_ids * 5)
    assert len({one for one in redeemed if one}) == 3
    assert count(postgresql_database, Redemption) == 3
    with postgresql_database.reading() as session:
        assert session.scalar(select(QuotaUse.used)) == 3


def test_never_one_redemption_over_the_budget(postgresql_database, store, keys, now):
    counter = Counter(postgresql_database, store, now, **TEN_YUAN, budget_cents=7_500)
    check_ids = [checks_of_one(counter, keys, 1)[0] for _ in range(30)]
    redeemed = in_parallel(counter.redeem, check_ids * 3)
    assert len({one for one in redeemed if one}) == 7
    with postgresql_database.reading() as session:
        assert session.scalar(select(BudgetUse.spent_cents)) == 7_000


def test_uses_and_cancellations_at_once_leave_quota_and_budget_exact(postgresql_database, store, keys, now):
    counter = Counter(
        postgresql_database, store, now, **TEN_YUAN, quota={"limit": 4, "period": "month"}, budget_cents=100_000
    )
    check_ids = checks_of_one(counter, keys, 30)

    def use_and_sometimes_cancel(numbered):
        number, check_id = numbered
        redemption_id = counter.redeem(check_id)
        if redemption_id and number % 2:
            counter.cancel(redemption_id)
            counter.cancel(redemption_id)

    in_parallel(use_and_sometimes_cancel, enumerate(check_ids))
    with postgresql_database.reading() as session:
        standing = [one for one in session.scalars(select(Redemption)) if one.cancellation is None]
        assert len(standing) <= 4
        assert session.scalar(select(QuotaUse.used)) == len(standing)
        assert session.scalar(select(BudgetUse.spent_cents)) == 1000 * len(standing)


def test_cancelling_one_redemption_many_times_at_once_returns_one_use(postgresql_database, store, keys, now):
    counter = Counter(postgresql_database, store, now, quota={"limit": 5, "period": "month"})
    kept, cancelled = (counter.redeem(check_id) for check_id in checks_of_one(counter, keys, 2))
    in_parallel(counter.cancel, [cancelled] * 100)
    assert kept != cancelled
    with postgresql_database.reading() as session:
        assert session.scalar(select(QuotaUse.used)) == 1
