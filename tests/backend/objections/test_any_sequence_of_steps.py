"""Whatever is filed, forwarded, replied, decided and withdrawn, in whatever order: record and score stay right."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.city_calendar import WorkingDays, city_date
from backend.errors import DomainError
from backend.objections.deadlines import load_deadlines
from backend.objections.errors import ObjectionStateForbids
from backend.objections.inbox import reply_as_department
from backend.objections.models import Objection
from backend.objections.service import (
    attach_statement,
    decide_objection,
    events_of,
    extend_objection,
    file_objection,
    forward_objection,
    redirect_objection,
    withdraw_objection,
)
from backend.objections.states import OPEN_STATES
from backend.records.models import CreditRecord
from backend.records.service import versions_of
from backend.scores.policies import policy_of
from backend.scores.service import (
    compute_subject,
    current_score,
    recompute_subject,
    stored_contributions,
)
from tests.backend.objections.conftest import FILED, scored_citizen

DEADLINES = load_deadlines(WorkingDays(), "shenzhen")
OUTCOMES = ("upheld", "partly_upheld", "rejected", "redirected")

steps = st.lists(
    st.one_of(
        st.tuples(st.just("file"), st.integers(0, 1)),
        st.tuples(st.just("forward"), st.integers(0, 1)),
        st.tuples(st.just("redirect"), st.integers(0, 1)),
        st.tuples(st.just("extend"), st.integers(0, 1)),
        st.tuples(st.just("withdraw"), st.integers(0, 1)),
        st.tuples(st.just("state"), st.integers(0, 1)),
        st.tuples(st.just("reply"), st.integers(0, 1), st.sampled_from(["right", "wrong", "not_ours"])),
        st.tuples(st.just("decide"), st.integers(0, 1), st.sampled_from(OUTCOMES), st.sampled_from([None, 1, 2])),
    ),
    min_size=1,
    max_size=10,
)


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(taken=steps)
def test_any_sequence_leaves_record_and_score_as_a_computation_from_scratch_has_them(session, scored, taken):
    savepoint = session.begin_nested()
    try:
        _take_all(session, scored, taken)
    finally:
        savepoint.rollback()
        session.expire_all()


def _take_all(session, scored, taken):
    records = (scored.judgment, scored.volunteering)
    latest: list[Objection | None] = [None, None]
    expected = ["active", "active"]
    for number, step in enumerate(taken):
        now = FILED + timedelta(minutes=number)
        which = step[1]
        before = latest[which] and latest[which].state
        inner = session.begin_nested()
        try:
            filed = _take(session, scored, records[which], latest[which], step, now)
        except DomainError:
            # A refused step changes nothing.
            inner.rollback()
            assert (latest[which] and latest[which].state) == before
        else:
            inner.commit()
            latest[which] = filed
            expected[which] = _state_expected(expected[which], step, filed)
        recompute_subject(session, scored.person.id, cause="test", now=now)
        for record, state in zip(records, expected, strict=True):
            assert record.state == state
            assert [version.version for version in versions_of(session, record.id)] == list(
                range(1, record.version + 1)
            )
        _score_is_exact(session, scored, now)
    for objection in filter(None, latest):
        assert (objection.state in OPEN_STATES) == (
            session.get_one(CreditRecord, objection.record_id).state == "disputed"
        )
        assert events_of(session, objection.id)[0].event == "file"


def _take(session, scored, record, objection, step, now):
    common = {"now": now}
    if step[0] == "file":
        return file_objection(
            session,
            subject_id=scored.person.id,
            record_id=record.id,
            grounds="与事实不符",
            deadlines=DEADLINES,
            **common,
        )
    if objection is None:
        return None
    case = {"objection_id": objection.id, **common}
    match step:
        case ("forward", _):
            forward_objection(session, officer="李", deadlines=DEADLINES, **case)
        case ("redirect", _):
            redirect_objection(
                session, department_code="11990001MB9000074C", officer="李", deadlines=DEADLINES, **case
            )
        case ("extend", _):
            extend_objection(session, reason="案情复杂", officer="李", deadlines=DEADLINES, **case)
        case ("withdraw", _):
            withdraw_objection(session, subject_id=scored.person.id, **case)
        case ("state", _):
            attach_statement(session, subject_id=scored.person.id, statement="我有话说", **case)
        case ("reply", _, finding):
            reply_as_department(
                session,
                department_code=objection.department_code,
                finding=finding,
                explanation="已核查",
                actor="某单位",
                deadlines=DEADLINES,
                remove=finding == "wrong",
                **case,
            )
        case ("decide", _, outcome, amount):
            decide_objection(
                session,
                outcome=outcome,
                reply="经核实如下",
                officer="李",
                corrections={"quantity": amount * 10_00} if amount else None,
                redirected_to="上级平台",
                **case,
            )
    return objection


def _state_expected(before, step, objection):
    """By hand: an open case marks, an upheld one without corrections revokes, everything else restores."""
    if objection is None:
        return before
    if objection.state in OPEN_STATES:
        return "disputed"
    if step[0] == "decide":
        return "revoked" if step[2] == "upheld" and not step[3] else "active"
    return "active" if step[0] == "withdraw" else before


def _score_is_exact(session, scored, now):
    score = current_score(session, scored.person.id)
    fresh = compute_subject(session, scored.person, policy_hash=score.policy_hash, as_of=city_date(now))
    assert score.contributions == stored_contributions(fresh)
    assert score.total == policy_of(session, score.policy_hash)[0].base + sum(score.contributions.values())


@pytest.mark.parametrize("turn", range(3))
def test_of_two_decisions_at_the_same_moment_one_counts(database, keys, turn):
    with database.transaction() as session:
        scored = scored_citizen(session, keys)
        objection = file_objection(
            session,
            subject_id=scored.person.id,
            record_id=scored.judgment.id,
            grounds="与事实不符",
            now=FILED,
            deadlines=DEADLINES,
        )
    barrier, refused, won = Barrier(2), [], []

    def decide(outcome):
        barrier.wait()
        try:
            with database.transaction() as session:
                decide_objection(
                    session,
                    objection_id=objection.id,
                    outcome=outcome,
                    reply="经核实如下",
                    officer="李",
                    now=FILED,
                )
            won.append(outcome)
        except ObjectionStateForbids:
            refused.append(outcome)

    deciding = [Thread(target=decide, args=(outcome,)) for outcome in ("upheld", "rejected")]
    for thread in deciding:
        thread.start()
    for thread in deciding:
        thread.join()

    assert (len(won), len(refused)) == (1, 1)
    with database.reading() as session:
        assert session.get_one(Objection, objection.id).state == won[0]
        record = session.get_one(CreditRecord, scored.judgment.id)
        assert record.state == {"upheld": "revoked", "rejected": "active"}[won[0]]
        assert [event.event for event in events_of(session, objection.id)] == [
            "file",
            {"upheld": "uphold", "rejected": "reject"}[won[0]],
        ]
