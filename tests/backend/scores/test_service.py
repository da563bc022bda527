from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from backend.scores import service
from backend.scores.activation import leave_score
from backend.scores.errors import NoScoreYet, NotActivated
from backend.scores.explanation import explain_current_score
from backend.scores.models import Score
from backend.scores.service import current_score, recompute_marked, score_history
from backend.subjects import rescoring
from backend.subjects.rescoring import mark_for_rescoring, open_marks
from tests.factories import add_person, add_record


@pytest.fixture
def volunteer(database, keys, adopt, activate, run_city):
    """Opted in after the run was published: the score comes by recomputation alone."""
    with database.transaction() as session:
        adopt(session)
        person = add_person(session, keys)
        add_record(session, person, "volunteering", quantity=50_00)
        add_record(session, person, "utility_arrears", quantity=3_00, amount=30_000, ended_on=date(2026, 2, 1))
    run_city()
    with database.transaction() as session:
        activate(session, person)
    return person


def test_a_citizen_who_opts_in_gets_a_score_with_the_next_recomputation(database, volunteer, now):
    with database.reading() as session, pytest.raises(NoScoreYet):
        explain_current_score(session, volunteer.id)
    recompute_marked(database, now=now)
    with database.reading() as session:
        assert current_score(session, volunteer.id).cause == "activation"


def test_an_explanation_adds_up_and_names_the_records_behind_each_part(database, volunteer, now):
    recompute_marked(database, now=now)
    with database.reading() as session:
        told = explain_current_score(session, volunteer.id)
    assert told.policy.base + sum(part.points for part in told.contributions) == told.score.total
    for part in told.contributions:
        if part.records:
            assert sum(record.points for record in part.records) == part.points
    assert not told.pending
    assert len(told.key_factors) <= 4


def test_while_a_change_waits_the_stored_score_is_shown_as_pending_and_still_adds_up(database, volunteer, now):
    recompute_marked(database, now=now)
    with database.transaction() as session:
        add_record(session, volunteer, "volunteering", quantity=200_00)
        mark_for_rescoring(session, [volunteer.id], "delivery", now)
    with database.reading() as session:
        told = explain_current_score(session, volunteer.id)
    assert told.pending
    assert told.policy.base + sum(part.points for part in told.contributions) == told.score.total


def test_a_recomputation_that_changes_nothing_leaves_no_trace_in_the_history(database, volunteer, now):
    recompute_marked(database, now=now)
    with database.transaction() as session:
        mark_for_rescoring(session, [volunteer.id], "delivery", now)
    recompute_marked(database, now=now)
    with database.reading() as session:
        assert len(score_history(session, volunteer.id)) == 1


def test_a_disputed_record_does_not_lower_the_score_while_it_is_disputed(database, volunteer, now):
    recompute_marked(database, now=now)
    with database.reading() as session:
        before = current_score(session, volunteer.id)
    assert min(before.contributions.values()) < 0
    with database.transaction() as session:
        disputed = add_record(
            session,
            volunteer,
            "court_judgment",
            level=3,
            amount=9_000_000,
            event_on=date(2026, 2, 1),
            state="disputed",
        )
        mark_for_rescoring(session, [volunteer.id], "objection_filed", now)
    recompute_marked(database, now=now)
    with database.reading() as session:
        assert current_score(session, volunteer.id).total == before.total
    with database.transaction() as session:
        session.get_one(type(disputed), disputed.id).state = "active"
        mark_for_rescoring(session, [volunteer.id], "objection_rejected", now)
    recompute_marked(database, now=now + timedelta(minutes=1))
    with database.reading() as session:
        assert current_score(session, volunteer.id).total < before.total


def test_leaving_deletes_every_score_and_nothing_is_shown_any_more(database, volunteer, now):
    recompute_marked(database, now=now)
    with database.transaction() as session:
        leave_score(session, subject_id=volunteer.id, now=now)
    recompute_marked(database, now=now)
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(Score.subject_id == volunteer.id)) == 0
        with pytest.raises(NotActivated):
            explain_current_score(session, volunteer.id)


def test_whoever_just_changed_something_goes_before_those_whom_a_large_delivery_concerned(
    database, keys, now, monkeypatch
):
    monkeypatch.setattr(rescoring, "_FOLDED_FROM", 2)
    monkeypatch.setattr(service, "_MARKS_AT_ONCE", 1)
    with database.transaction() as session:
        crowd = [add_person(session, keys).id for _ in range(3)]
        phone = add_person(session, keys).id
        mark_for_rescoring(session, crowd, "record_collected", now)
        mark_for_rescoring(session, [phone], "activated", now)
    assert recompute_marked(database, now=now) == [phone]
    taken = [recompute_marked(database, now=now) for _ in range(3)]
    assert sorted(subject for each in taken for subject in each) == crowd


def test_whoever_just_changed_something_does_not_wait_for_thousands_marked_before(session, keys, now):
    crowd = [add_person(session, keys).id for _ in range(7)]
    mark_for_rescoring(session, crowd, "record_expired", now)
    phone = add_person(session, keys).id
    mark_for_rescoring(session, [phone], "activated", now)
    taken = open_marks(session, limit=2)
    assert phone in taken
    assert crowd[0] in taken, "and the oldest do not wait for ever"
    assert sum(len(marks) for marks in taken.values()) == 4
