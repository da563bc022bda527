from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from backend.authorizations.service import withdraw_activation
from backend.benefits.checks import CheckLimits, check_benefit
from backend.benefits.errors import (
    AmountRequired,
    CheckExpired,
    CheckNotFound,
    CheckNotRedeemable,
    RedeemedDifferently,
    RedemptionCancelled,
    RedemptionNotFound,
)
from backend.benefits.models import BudgetUse, QuotaUse, Redemption
from backend.benefits.redemptions import cancel_redemption, redeem, redemptions_of_partner, settled_amount
from backend.benefits.scheme_document import check_document
from backend.ephemeral.store import InProcessStore
from backend.ledger.service import entries_about
from tests.backend.benefits.made_up import (
    add_merchant,
    add_scheme,
    add_scored_person,
    document,
    set_score,
    show_code,
)

ONCE_A_MONTH = {"limit": 1, "period": "month"}
TEN_YUAN = {
    "settlement": "per_use",
    "tiers": [{"code": "free", "name": "免费", "terms": {"summary": "免费入场", "amount_cents": 1000}}],
}
NO_LIMIT = CheckLimits(most=1000)


@pytest.fixture
def store():
    return InProcessStore()


@pytest.fixture
def person(session, keys, now):
    return add_scored_person(session, keys, now)


@pytest.fixture
def counter(session, store, now):
    """A merchant with one scheme, made by `counter(**changes of the scheme)`."""

    class Counter:
        def __init__(self, **changes):
            self.scheme = add_scheme(session, now, **changes)
            self.merchant = add_merchant(session, now, offers=(self.scheme,))

        def check(self, holder, at=now):
            return check_benefit(
                session,
                store,
                partner=self.merchant,
                code=show_code(session, store, holder, at),
                scheme_code=self.scheme,
                now=at,
                limits=NO_LIMIT,
            )

        def redeem(self, answer, at=now, bill_cents=None, partner=None):
            return redeem(
                session,
                partner=partner or self.merchant,
                check_id=answer.check_id,
                bill_cents=bill_cents,
                now=at,
            )

        def cancel(self, redemption, at=now, partner=None):
            return cancel_redemption(
                session, partner=partner or self.merchant, redemption_id=redemption.id, now=at
            )

    return Counter


def test_a_yes_can_be_used_once_and_a_retry_gives_the_same_redemption(session, counter, person, now):
    at = counter()
    answer = at.check(person)
    redemption = at.redeem(answer)
    assert (redemption.redeemed_at, redemption.terms, redemption.amount_cents) == (now, answer.terms, 0)
    assert at.redeem(answer) is redemption
    assert len(session.scalars(select(Redemption)).all()) == 1


def test_a_no_cannot_be_used(session, counter, keys, now):
    at = counter()
    with pytest.raises(CheckNotRedeemable):
        at.redeem(at.check(add_scored_person(session, keys, now, total=0)))


def test_another_merchants_check_looks_as_if_it_did_not_exist(session, counter, person, now):
    at = counter()
    stranger = add_merchant(session, now, code="guicheng-gym", name="桂城健身房", offers=(at.scheme,))
    answer = at.check(person)
    with pytest.raises(CheckNotFound):
        at.redeem(answer, partner=stranger)
    with pytest.raises(RedemptionNotFound):
        at.cancel(at.redeem(answer), partner=stranger)
    answer_of_nobody = type("Answer", (), {"check_id": uuid4()})
    with pytest.raises(CheckNotFound):
        at.redeem(answer_of_nobody)


def test_a_check_is_good_for_ten_minutes(counter, person, now):
    at = counter()
    early, late = at.check(person), at.check(person)
    at.redeem(early, at=now + timedelta(minutes=9, seconds=59))
    with pytest.raises(CheckExpired):
        at.redeem(late, at=now + timedelta(minutes=10))


def test_consent_withdrawn_after_the_check_counts(session, counter, person, now):
    at = counter()
    answer = at.check(person)
    withdraw_activation(session, subject_id=person.id, now=now)
    with pytest.raises(CheckNotRedeemable):
        at.redeem(answer)


def test_a_rule_no_longer_met_after_the_check_counts(session, counter, person, now):
    at = counter()
    answer = at.check(person)
    set_score(session, person, total=0, now=now)
    with pytest.raises(CheckNotRedeemable):
        at.redeem(answer)


def test_terms_that_changed_after_the_check_need_a_new_check(session, counter, keys, now):
    leaf = {"fact": "score.total", "op": "ge", "value": 150_00, "reason": "信用分达到 150 分。"}
    at = counter(
        tiers=[
            {"code": "free", "name": "免费", "conditions": leaf, "terms": {"summary": "免费"}},
            {"code": "half", "name": "半价", "terms": {"summary": "半价"}},
        ]
    )
    person = add_scored_person(session, keys, now, total=150_00)
    answer = at.check(person)
    set_score(session, person, total=149_00, now=now)
    with pytest.raises(CheckExpired):
        at.redeem(answer)


def test_a_new_version_of_the_scheme_needs_a_new_check(session, counter, person, now):
    at = counter()
    answer = at.check(person)
    add_scheme(session, now, version=2)
    with pytest.raises(CheckExpired):
        at.redeem(answer)


def test_a_used_up_quota_is_a_no_until_the_next_period(counter, person, now):
    at = counter(quota=ONCE_A_MONTH)
    at.redeem(at.check(person))
    assert not at.check(person).eligible
    april_in_the_city = datetime(2026, 3, 31, 16, 0, tzinfo=UTC)
    assert not at.check(person, at=april_in_the_city - timedelta(seconds=1)).eligible
    assert at.check(person, at=april_in_the_city).eligible


def test_two_checks_made_before_the_last_use_still_give_one_use(session, counter, person):
    at = counter(quota=ONCE_A_MONTH)
    first, second = at.check(person), at.check(person)
    assert (first.eligible, second.eligible) == (True, True)
    at.redeem(first)
    with pytest.raises(CheckNotRedeemable):
        at.redeem(second)
    assert session.scalars(select(QuotaUse.used)).all() == [1]


def test_one_citizens_uses_do_not_count_against_another(session, counter, keys, person, now):
    at = counter(quota=ONCE_A_MONTH)
    at.redeem(at.check(person))
    assert at.check(add_scored_person(session, keys, now)).eligible


def test_a_cancelled_use_returns_to_its_own_period(session, counter, person):
    at = counter(quota=ONCE_A_MONTH)
    last_of_march = datetime(2026, 3, 31, 15, 59, tzinfo=UTC)
    first_of_april = last_of_march + timedelta(minutes=1)
    in_march = at.redeem(at.check(person, at=last_of_march), at=last_of_march)
    at.redeem(at.check(person, at=first_of_april), at=first_of_april)
    at.cancel(in_march, at=first_of_april)
    assert dict(session.execute(select(QuotaUse.period, QuotaUse.used)).all()) == {"2026-03": 0, "2026-04": 1}
    assert not at.check(person, at=first_of_april).eligible


def test_cancelling_twice_returns_the_use_once(session, counter, person, now):
    at = counter(quota={"limit": 5, "period": "month"})
    first, second = (at.redeem(at.check(person)) for _ in range(2))
    at.cancel(first)
    later = at.cancel(first, at=now + timedelta(minutes=1))
    assert later.cancelled_at == now
    assert second.cancelled_at is None
    assert session.scalars(select(QuotaUse.used)).all() == [1]


def test_the_redemption_itself_is_not_changed_by_its_cancellation(session, counter, person):
    at = counter()
    redemption = at.redeem(at.check(person))
    before = {column.key: getattr(redemption, column.key) for column in Redemption.__table__.columns}
    at.cancel(redemption)
    session.expire_all()
    assert {column.key: getattr(redemption, column.key) for column in Redemption.__table__.columns} == before


def test_a_cancelled_check_is_not_used_again(counter, person):
    at = counter()
    answer = at.check(person)
    at.cancel(at.redeem(answer))
    with pytest.raises(RedemptionCancelled):
        at.redeem(answer)


def test_the_budget_is_never_overspent_and_returns_on_cancelling(session, counter, keys, now):
    at = counter(**TEN_YUAN, budget_cents=2500)
    people = [add_scored_person(session, keys, now) for _ in range(3)]
    answers = [at.check(person) for person in people]
    first, _ = at.redeem(answers[0]), at.redeem(answers[1])
    with pytest.raises(CheckNotRedeemable):
        at.redeem(answers[2])
    assert session.scalar(select(BudgetUse.spent_cents)) == 2000
    at.cancel(first)
    assert at.redeem(answers[2]).amount_cents == 1000
    assert session.scalar(select(BudgetUse.spent_cents)) == 2000


def test_with_nothing_left_in_the_budget_the_answer_is_no(counter, person):
    at = counter(**TEN_YUAN, budget_cents=1000)
    at.redeem(at.check(person))
    assert not at.check(person).eligible


def test_a_discount_needs_the_bill(counter, person):
    at = counter(settlement="discount")
    answer = at.check(person)
    with pytest.raises(AmountRequired):
        at.redeem(answer)
    redemption = at.redeem(answer, bill_cents=3333)
    assert (redemption.bill_cents, redemption.amount_cents) == (3333, 1667)
    with pytest.raises(RedeemedDifferently):
        at.redeem(answer, bill_cents=3334)


@pytest.mark.parametrize(
    ("percent", "maximum", "bill", "settled"),
    [
        (20, None, 1000, 200),
        (20, 150, 1000, 150),
        (33, None, 50, 17),
        (10, None, 4, 0),
        (10, None, 5, 1),
        (50, 9, 0, 0),
    ],
)
def test_what_the_city_settles_is_what_the_discount_took_off(percent, maximum, bill, settled):
    terms = {"summary": "优惠", "percent_off": percent} | ({"maximum_cents": maximum} if maximum else {})
    scheme = check_document(
        document(settlement="discount", tiers=[{"code": "off", "name": "折扣", "terms": terms}])
    )
    assert settled_amount(scheme, terms, bill) == settled


def test_the_citizen_reads_uses_and_cancellations_in_the_ledger(session, counter, person):
    at = counter()
    at.cancel(at.redeem(at.check(person)))
    actions = [entry.action for entry in reversed(entries_about(session, person.id))]
    assert actions == ["benefit_checked", "benefit_redeemed", "redemption_cancelled"]


def test_a_partner_sees_its_own_redemptions_newest_first_page_by_page(session, counter, person, now):
    at = counter()
    made = [
        at.redeem(at.check(person, at=moment), at=moment)
        for moment in (now, now + timedelta(minutes=1), now + timedelta(minutes=1), now + timedelta(minutes=2))
    ]
    stranger = add_merchant(session, now, code="guicheng-gym", name="桂城健身房", offers=())
    assert redemptions_of_partner(session, stranger.partner_id) == []
    seen, before = [], None
    while page := redemptions_of_partner(session, at.merchant.partner_id, before=before, limit=1):
        seen += page
        before = (page[-1].redeemed_at, page[-1].id)
    assert {one.id for one in seen} == {one.id for one in made}
    assert len(seen) == 4
    assert [one.redeemed_at for one in seen] == sorted((one.redeemed_at for one in made), reverse=True)
