from __future__ import annotations

import pytest

from backend.benefits.checks import check_benefit
from backend.benefits.overview import benefits_for
from backend.benefits.redemptions import redeem
from backend.benefits.schemes import install_shipped_schemes
from backend.ephemeral.store import InProcessStore
from tests.backend.benefits.made_up import (
    add_merchant,
    add_scheme,
    add_scored_person,
    set_score,
    show_code,
)
from tests.factories import add_enterprise, add_person, add_record, add_relation


def codes(standings):
    return {standing.scheme.code for standing in standings}


@pytest.fixture
def shipped(session, now):
    install_shipped_schemes(session, drafted_by="甲", approved_by="乙", now=now)


def test_every_scheme_for_persons_is_in_exactly_one_of_the_three_lists(session, keys, now, shipped):
    overview = benefits_for(session, add_scored_person(session, keys, now, total=121_00), now)
    assert codes(overview.eligible) == {
        "reading_deposit_free",
        "treat_first_pay_later",
        "transit_fare",
        "parking_pay_later",
        "rental_free_hours",
        "fitness_coupon",
    }
    assert codes(overview.nearly) == {"scenic_spots"}
    assert codes(overview.not_eligible) == {"personal_credit_loan"}


def test_what_is_missing_is_told_with_need_have_and_the_way_there(session, keys, now, shipped):
    person = add_scored_person(session, keys, now, total=121_00)
    add_record(session, person, "utility_arrears")
    [parking] = [
        one for one in benefits_for(session, person, now).nearly if one.scheme.code == "parking_pay_later"
    ]
    [unmet] = parking.entitlement.unmet
    assert (unmet.need, unmet.have) == ("没有未缴清的公用事业欠费", "1 笔")
    assert "缴清" in unmet.how


def test_before_activation_every_scheme_for_persons_says_so_first(session, keys, now, shipped):
    overview = benefits_for(session, add_person(session, keys), now)
    assert not overview.eligible
    for standing in [*overview.nearly, *overview.not_eligible]:
        assert standing.entitlement.unmet[0].fact == "consent.activated"
        assert standing.entitlement.unmet[0].have == "未开通信用分"


def test_schemes_for_enterprises_are_shown_for_each_enterprise_the_citizen_represents(session, keys, now, shipped):
    person = add_scored_person(session, keys, now, total=155_00)
    good, poor, others = (add_enterprise(session, keys) for _ in range(3))
    set_score(session, good, total=95_000, grade="excellent", now=now)
    set_score(session, poor, total=10_000, grade="poor", now=now)
    add_record(session, good, "commitment", level=1)
    for enterprise in (good, poor):
        add_relation(session, enterprise=enterprise, principal=person, role="legal_representative")
    add_relation(session, enterprise=others, principal=person, role="shareholder")

    overview = benefits_for(session, person, now)
    eligible = {(one.scheme.code, one.enterprise.id) for one in overview.eligible if one.enterprise}
    assert eligible == {
        ("office_rent", good.id),
        ("office_rent", poor.id),
        ("enterprise_credit_loan", good.id),
        ("approval_green_channel", good.id),
    }
    refused = {(one.scheme.code, one.enterprise.id) for one in overview.not_eligible if one.enterprise}
    assert refused == {("enterprise_credit_loan", poor.id), ("approval_green_channel", poor.id)}


def test_a_used_up_quota_is_nearly_there_with_the_day_it_opens_again(session, keys, now):
    scheme = add_scheme(session, now, quota={"limit": 1, "period": "month"})
    merchant = add_merchant(session, now, offers=(scheme,))
    person, store = add_scored_person(session, keys, now), InProcessStore()
    code = show_code(session, store, person, now)
    answer = check_benefit(session, store, partner=merchant, code=code, scheme_code=scheme, now=now)
    redeem(session, partner=merchant, check_id=answer.check_id, bill_cents=None, now=now)

    [standing] = benefits_for(session, person, now).nearly
    [unmet] = standing.entitlement.unmet
    assert (unmet.need, unmet.have, unmet.how) == (
        "每月 1 次以内",
        "本期已使用 1 次",
        "2026-04-01 起可再次使用。",
    )
    assert (standing.entitlement.quota.used, standing.entitlement.quota.quota.limit) == (1, 1)


def test_providers_are_named(session, keys, now):
    add_merchant(session, now, offers=(add_scheme(session, now),))
    [standing] = benefits_for(session, add_scored_person(session, keys, now), now).eligible
    assert standing.providers == ["桂城泳池"]
