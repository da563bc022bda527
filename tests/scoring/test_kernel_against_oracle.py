"""The compiled kernel gives what the slow, obvious reading of the policy gives: on random policies too."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.compiled import compile_policy
from scoring.days import to_day
from scoring.engine import NO_VALUE, score_batch, score_one
from scoring.policy import Policy, load_policy, shipped_policy, shipped_policy_names
from tests.scoring.oracle import Reading, Rec, read
from tests.scoring.strategies import AS_OF, columns_of, policies, record_lists


def assert_kernel_agrees(policy: Policy, subjects: dict[int, list[Rec]], as_of: date) -> None:
    compiled = compile_policy(policy)
    columns = columns_of(subjects, compiled)
    asked = sorted(subjects)
    batch = score_batch(compiled, columns, to_day(as_of), asked)
    codes = [indicator.code for indicator in policy.indicators]
    for row, subject in enumerate(asked):
        expected = read(policy, subjects[subject], as_of)
        values = {c: None if v == NO_VALUE else v for c, v in zip(codes, batch.values[row].tolist(), strict=True)}
        assert values == expected.values
        assert dict(zip(codes, batch.points[row].tolist(), strict=True)) == expected.points
        limits = zip((d.code for d in policy.dimensions), batch.dimension_limits[row].tolist(), strict=True)
        assert dict(limits) == expected.limits
        assert (batch.total[row], batch.clamp[row]) == (expected.total, expected.clamp)
        assert policy.grades[batch.grade[row]].code == expected.grade
        assert_one_agrees(policy, expected, subjects[subject], as_of)


def assert_one_agrees(policy: Policy, expected: Reading, records: list[Rec], as_of: date) -> None:
    compiled = compile_policy(policy)
    one = score_one(compiled, columns_of({1: records}, compiled), to_day(as_of))
    assert (one.total, one.clamp) == (expected.total, expected.clamp)
    assert one.total == policy.base + sum(c.points for c in one.contributions) + one.clamp
    told = {contribution.indicator: contribution for contribution in one.contributions}
    for code, points in expected.points.items():
        if code not in told:
            assert points == 0
            assert not expected.records[code]
            continue
        assert told[code].points == points
        assert told[code].value == expected.values[code]
        assert {part.record for part in told[code].records} == expected.records[code]
        if told[code].records:
            assert sum(part.points for part in told[code].records) == points


@settings(max_examples=200)
@given(st.data())
def test_kernel_equals_the_slow_reading_of_a_random_policy(data: st.DataObject) -> None:
    policy = load_policy(data.draw(policies()))
    as_of = data.draw(AS_OF)
    subjects = {number: data.draw(record_lists(as_of)) for number in (3, 5, 8)}
    assert_kernel_agrees(policy, subjects, as_of)


@pytest.mark.parametrize("name", shipped_policy_names())
@settings(max_examples=40)
@given(data=st.data())
def test_kernel_equals_the_slow_reading_of_every_shipped_policy(name: str, data: st.DataObject) -> None:
    policy = shipped_policy(name)
    as_of = data.draw(AS_OF)
    codes = st.sampled_from([*policy.category_codes, "unread"])
    records = [
        Rec(**{**rec.__dict__, "category": data.draw(codes)})
        for rec in data.draw(record_lists(as_of, max_size=20))
    ]
    assert_kernel_agrees(policy, {1: records}, as_of)


@settings(max_examples=25)
@given(st.data())
def test_threads_share_the_work_without_changing_a_number(data: st.DataObject) -> None:
    compiled = compile_policy(shipped_policy("guihua"))
    as_of = data.draw(AS_OF)
    subjects = {number: data.draw(record_lists(as_of, max_size=4)) for number in range(7)}
    columns = columns_of(subjects, compiled)
    asked = np.array([6, 0, 3, 99, 1, 2, 5, 4])
    alone = score_batch(compiled, columns, to_day(as_of), asked)
    shared = score_batch(compiled, columns, to_day(as_of), asked, threads=3)
    assert (alone.total == shared.total).all()
    assert (alone.points == shared.points).all()
    assert alone.subject.tolist() == asked.tolist()
