"""Statements reconcile to the redemptions to the cent, however the time is cut into periods."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from itertools import pairwise

import fastexcel
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from backend.benefits.checks import CheckLimits, check_benefit
from backend.benefits.errors import PeriodInvalid
from backend.benefits.models import Redemption
from backend.benefits.redemptions import cancel_redemption, redeem
from backend.benefits.settlement import as_csv, as_xlsx, statement_of
from backend.ephemeral import open_store
from tests.backend.benefits.made_up import add_merchant, add_scheme, add_scored_person, show_code

HALF = {
    "settlement": "discount",
    "tiers": [{"code": "half", "name": "半价", "terms": {"summary": "5 折", "percent_off": 50}}],
}
FIRST = date(2026, 3, 3)


class Till:
    def __init__(self, session, keys, now, **scheme):
        self.session, self.now, self.store = session, now, open_store(None)
        self.scheme = add_scheme(session, now, **{**HALF, **scheme})
        self.merchant = add_merchant(session, now, offers=(self.scheme,))
        self.person = add_scored_person(session, keys, now)

    def use(self, bill_cents, *, after, cancel_after=None):
        """A redemption so many hours from now, and its cancellation so many hours later."""
        at = self.now + timedelta(hours=after)
        self.store.forget(f"codes:{self.person.id}")
        answer = check_benefit(
            self.session, self.store, partner=self.merchant, scheme_code=self.scheme, now=at,
            code=show_code(self.session, self.store, self.person, at), limits=CheckLimits(most=10**6),
        )  # fmt: skip
        redemption = redeem(
            self.session, partner=self.merchant, check_id=answer.check_id, bill_cents=bill_cents, now=at
        )
        if cancel_after is not None:
            cancel_redemption(
                self.session,
                partner=self.merchant,
                redemption_id=redemption.id,
                now=at + timedelta(hours=cancel_after),
            )
        return redemption

    def statement(self, first, last):
        return statement_of(self.session, partner_id=self.merchant.partner_id, first=first, last=last)


uses = st.lists(
    st.tuples(st.integers(0, 99_999), st.integers(0, 100), st.none() | st.integers(0, 100)), max_size=8
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(uses=uses, cuts=st.sets(st.integers(1, 9), max_size=3))
def test_statements_of_any_periods_add_up_to_what_stands(session, keys, now, uses, cuts):
    with session.begin_nested() as undone:
        till = Till(session, keys, now)
        for bill_cents, after, cancel_after in uses:
            till.use(bill_cents, after=after, cancel_after=cancel_after)
        edges = [0, *sorted(cuts), 10]
        statements = [
            till.statement(FIRST + timedelta(days=begin), FIRST + timedelta(days=end - 1))
            for begin, end in pairwise(edges)
        ]
        standing = [
            one
            for one in session.scalars(select(Redemption).where(Redemption.partner_id == till.merchant.partner_id))
            if one.cancellation is None
        ]
        assert sum(one.settled_cents for one in statements) == sum(one.amount_cents for one in standing)
        assert sum(part.uses for one in statements for part in one.by_scheme) == len(standing)
        for one in statements:
            assert one.settled_cents == sum(part.settled_cents for part in one.by_scheme)
        undone.rollback()


def test_a_cancellation_stands_in_its_own_period_with_the_sign_turned(session, keys, now):
    till = Till(session, keys, now)
    till.use(1001, after=0, cancel_after=24)
    assert till.statement(FIRST, FIRST).settled_cents == 501
    assert till.statement(FIRST + timedelta(days=1), FIRST + timedelta(days=1)).settled_cents == -501


def test_a_day_begins_at_midnight_in_the_city(session, keys, now):
    till = Till(session, keys, now)  # 10:00 in the city
    till.use(1000, after=13)
    till.use(3000, after=14)
    assert [
        till.statement(FIRST + timedelta(days=n), FIRST + timedelta(days=n)).settled_cents for n in (0, 1)
    ] == [
        500,
        1500,
    ]


def test_an_amount_off_is_never_more_than_the_bill(session, keys, now):
    till = Till(
        session, keys, now, settlement="amount",
        tiers=[{"code": "heat", "name": "减 300 元", "terms": {"summary": "减 300 元", "amount_cents": 30000}}],
    )  # fmt: skip
    assert [till.use(bill, after=0).amount_cents for bill in (100000, 20050)] == [30000, 20050]


def test_csv_and_xlsx_say_what_the_statement_says(session, keys, now):
    till = Till(session, keys, now)
    till.use(1001, after=0, cancel_after=1)
    till.use(2345, after=2)
    found = till.statement(FIRST, FIRST)
    rows = list(csv.reader(io.StringIO(as_csv(found).decode("utf-8-sig"))))
    assert [row[-1] for row in rows[1:]] == ["5.01", "-5.01", "11.73", "11.73"]
    book = fastexcel.read_excel(as_xlsx(found))
    lines = book.load_sheet("明细").to_polars()
    assert round(100 * lines["结算金额（元）"].sum()) == found.settled_cents == 1173
    sums = book.load_sheet("合计").to_polars()
    assert sums["净次数"].to_list() == [1, 1]
    assert lines["方案"].to_list()[0] == sums["方案"].to_list()[0] == found.by_scheme[0].scheme_name


def test_a_period_runs_forward_and_not_for_ever(session, keys, now):
    till = Till(session, keys, now)
    for first, last in ((FIRST, FIRST - timedelta(days=1)), (FIRST, FIRST + timedelta(days=400))):
        with pytest.raises(PeriodInvalid):
            till.statement(first, last)


def test_the_total_number_of_uses_is_a_ceiling_and_a_cancellation_returns_one(session, keys, now):
    till = Till(session, keys, now, total_uses=2)
    first = till.use(1000, after=0)
    till.use(1000, after=0)
    code = show_code(session, till.store, till.person, now)
    asked = {"partner": till.merchant, "scheme_code": till.scheme, "now": now}
    assert check_benefit(session, till.store, code=code, **asked).eligible is False
    cancel_redemption(session, partner=till.merchant, redemption_id=first.id, now=now)
    code = show_code(session, till.store, till.person, now)
    assert check_benefit(session, till.store, code=code, **asked).eligible is True
