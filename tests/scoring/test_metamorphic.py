"""What must hold of any policy that keeps the rules, whatever its numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.compiled import compile_policy
from scoring.days import Span, to_day
from scoring.engine import score_batch, score_one
from scoring.policy import Policy, load_policy
from scoring.reading_yaml import read_yaml
from tests.scoring.oracle import Rec, later
from tests.scoring.strategies import AS_OF, columns_of, policies, record_lists


def total(policy: Policy, records: list[Rec], as_of: date) -> int:
    compiled = compile_policy(policy)
    return int(score_batch(compiled, columns_of({1: records}, compiled), to_day(as_of), [1]).total[0])


def categories_read_only(policy: Policy, direction: str) -> list[str]:
    """Categories that only indicators of this direction read (a direct grade reads as a deduction)."""
    readers = [(i.direction, i.categories) for i in policy.indicators]
    readers += [("down", listing.categories) for listing in policy.direct_grades]
    reads = {(use.code, way) for way, uses in readers for use in uses}
    return sorted(c for c in policy.category_codes if {way for code, way in reads if code == c} == {direction})


@settings(max_examples=60)
@given(st.data())
def test_removing_a_breach_never_lowers_the_score(data: st.DataObject) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    records = data.draw(record_lists(as_of))
    breaches = [rec for rec in records if rec.category in categories_read_only(policy, "down")]
    for breach in breaches:
        without = [rec for rec in records if rec is not breach]
        assert total(policy, without, as_of) >= total(policy, records, as_of)


@settings(max_examples=60)
@given(st.data())
def test_one_more_good_deed_never_lowers_the_score(data: st.DataObject) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    records = data.draw(record_lists(as_of))
    for deed in [rec for rec in records if rec.category in categories_read_only(policy, "up")]:
        without = [rec for rec in records if rec is not deed]
        assert total(policy, without, as_of) <= total(policy, records, as_of)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 10**13))
def test_more_of_a_good_deed_never_lowers_the_score(data: st.DataObject, more: int) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    records = data.draw(record_lists(as_of))
    for deed in [rec for rec in records if rec.category in categories_read_only(policy, "up")]:
        larger = replace(deed, quantity=deed.quantity + more, amount=deed.amount + more)
        grown = [larger if rec is deed else rec for rec in records]
        assert total(policy, grown, as_of) >= total(policy, records, as_of)


@settings(max_examples=60)
@given(st.data())
def test_a_dispute_never_lowers_the_score(data: st.DataObject) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    records = [replace(rec, state=0) for rec in data.draw(record_lists(as_of, max_size=8))]
    for rec in records:
        disputed = [replace(r, state=1) if r is rec else r for r in records]
        assert total(policy, disputed, as_of) >= total(policy, records, as_of)


@settings(max_examples=40)
@given(st.data())
def test_performing_an_obligation_never_lowers_the_score_that_day(data: st.DataObject) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    records = [replace(rec, performed=None) for rec in data.draw(record_lists(as_of, max_size=8))]
    for rec in [r for r in records if r.category in categories_read_only(policy, "down")]:
        performed = [replace(r, performed=as_of) if r is rec else r for r in records]
        assert total(policy, performed, as_of) >= total(policy, records, as_of)


@settings(max_examples=40)
@given(st.data())
def test_the_order_of_records_is_irrelevant(data: st.DataObject) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    compiled = compile_policy(policy)
    columns = columns_of({1: data.draw(record_lists(as_of))}, compiled)
    shuffled = columns.take(np.array(data.draw(st.permutations(range(len(columns)))), dtype=np.int64))
    assert score_one(compiled, columns, to_day(as_of)) == score_one(compiled, shuffled, to_day(as_of))


@settings(max_examples=40)
@given(st.data())
def test_records_that_no_longer_count_or_do_not_yet_count_change_nothing(data: st.DataObject) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    compiled = compile_policy(policy)
    records = data.draw(record_lists(as_of))
    columns = columns_of({1: records}, compiled)
    told = score_one(compiled, columns, to_day(as_of))
    counted = {part.record for contribution in told.contributions for part in contribution.records}
    listed = {record for direct in told.direct for record in direct.records}
    dead = [
        rec
        for rec in records
        if rec.number not in counted | listed and (rec.event > as_of or rec.state not in (0, 1))
    ]
    without = [rec for rec in records if rec not in dead]
    assert score_one(compiled, columns_of({1: without}, compiled), to_day(as_of)) == told


@settings(max_examples=40)
@given(st.data())
def test_adverse_information_over_five_years_old_never_counts(data: st.DataObject) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    records = [replace(rec, end=rec.event) for rec in data.draw(record_lists(as_of))]
    adverse = categories_read_only(policy, "down")
    young = [r for r in records if r.category not in adverse or later(r.event, Span(months=60)) > as_of]
    assert total(policy, young, as_of) == total(policy, records, as_of)


@settings(max_examples=40)
@given(st.data())
def test_only_the_meaning_of_a_policy_enters_its_hash(data: st.DataObject) -> None:
    text = data.draw(policies())
    policy = load_policy(text)
    assert load_policy("# 说明\n" + text).hash == policy.hash
    other = read_yaml(text)
    other["base"] += 1 if other["base"] < 300 else -1
    assert load_policy(yaml.safe_dump(other, allow_unicode=True)).hash != policy.hash


@settings(max_examples=40)
@given(st.data())
def test_the_parts_of_every_contribution_add_up_exactly(data: st.DataObject) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    compiled = compile_policy(policy)
    told = score_one(compiled, columns_of({1: data.draw(record_lists(as_of))}, compiled), to_day(as_of))
    assert told.total == policy.base + sum(c.points for c in told.contributions) + told.clamp
    for contribution in told.contributions:
        if contribution.records:
            assert sum(part.points for part in contribution.records) == contribution.points
    assert policy.minimum <= told.total <= policy.maximum
