from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from backend.scores import runs
from backend.scores.activation import leave_score
from backend.scores.errors import NoPolicyInForce, RunNotReady
from backend.scores.models import Score, ScoreRun
from backend.scores.runs import get_run, perform_run, publish_run, request_run
from backend.scores.service import current_score, published_run_ids, recompute_marked, score_history
from backend.subjects import rescoring
from backend.subjects.rescoring import is_marked, mark_for_rescoring
from tests.factories import add_enterprise, add_person, add_record, add_relation


@pytest.fixture
def city(database, keys, adopt, activate):
    """Three citizens: a volunteer who opted in, one who did not, and a minor; and an enterprise."""
    with database.transaction() as session:
        adopt(session)
        volunteer = add_person(session, keys)
        add_record(session, volunteer, "volunteering", quantity=50_00)
        activate(session, volunteer)
        outsider = add_person(session, keys)
        add_record(session, outsider, "volunteering", quantity=50_00)
        minor = add_person(session, keys, born_on=date(2010, 5, 1))
        enterprise = add_enterprise(session, keys)
        return {"volunteer": volunteer, "outsider": outsider, "minor": minor, "enterprise": enterprise}


def test_only_adults_who_opted_in_are_scored(database, city, run_city):
    run = run_city()
    with database.reading() as session:
        scored = session.scalars(select(Score.subject_id).where(Score.run_id == run.id)).all()
    assert scored == [city["volunteer"].id]


def test_a_published_score_is_the_base_plus_its_contributions_to_the_hundredth(database, city, run_city):
    run_city()
    with database.reading() as session:
        score = current_score(session, city["volunteer"].id)
    assert score.total == 100_00 + sum(score.contributions.values())
    assert score.contributions["volunteer_hours"] > 0


def test_an_enterprise_is_evaluated_over_its_own_records_and_its_legal_representatives(
    database, city, run_city, keys
):
    run_city("enterprise")
    with database.reading() as session:
        before = current_score(session, city["enterprise"].id)
    with database.transaction() as session:
        add_relation(
            session, enterprise=city["enterprise"], principal=city["outsider"], role="legal_representative"
        )
        add_record(session, city["outsider"], "dishonest_debtor")
    run_city("enterprise")
    with database.reading() as session:
        after = current_score(session, city["enterprise"].id)
    assert after.total < before.total


def test_no_run_starts_without_a_policy_in_force(database, now):
    with pytest.raises(NoPolicyInForce), database.transaction() as session:
        request_run(session, subject_kind="person", as_of=date(2026, 3, 3), started_by="测试", now=now)


def test_a_second_request_joins_the_unfinished_run(database, city, now):
    with database.transaction() as session:
        asked = [
            request_run(session, subject_kind="person", as_of=date(2026, 3, 3), started_by="测试", now=now).id
            for _ in range(2)
        ]
    assert asked[0] == asked[1]


def test_a_failed_run_keeps_its_reason_and_leaves_the_published_scores_in_place(
    database, city, run_city, monkeypatch
):
    published = run_city()
    monkeypatch.setattr(runs, "score_batch", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_city()
    with database.reading() as session:
        failed = session.scalars(select(ScoreRun).where(ScoreRun.state == "failed")).one()
        assert "ZeroDivisionError" in failed.error
        assert session.scalar(select(func.count()).where(Score.run_id == failed.id)) == 0
        assert published_run_ids(session)["person"] == published.id
        assert current_score(session, city["volunteer"].id) is not None


def test_a_killed_run_goes_on_with_the_first_partition_that_is_not_staged(
    database, city, keys, activate, tmp_path, now, monkeypatch
):
    monkeypatch.setattr(runs, "SUBJECTS_PER_PARTITION", 2)
    with database.transaction() as session:
        for _ in range(4):
            person = add_person(session, keys)
            activate(session, person)
        run = request_run(session, subject_kind="person", as_of=date(2026, 3, 3), started_by="测试", now=now)

    class Killed(BaseException):
        """Like SIGKILL: no handler of ours may tidy up after it."""

    computed = []
    real = runs.score_batch

    def dies_in_the_second_partition(compiled, columns, day, subjects, **rest):
        computed.append(list(subjects))
        if len(computed) == 2:
            raise Killed
        return real(compiled, columns, day, subjects, **rest)

    monkeypatch.setattr(runs, "score_batch", dies_in_the_second_partition)
    monkeypatch.setattr(runs.shutil, "rmtree", lambda *_, **__: None)
    with pytest.raises(Killed):
        perform_run(database, run.id, data_dir=tmp_path, clock=lambda: now, progress=lambda *_: None)
    monkeypatch.undo()
    monkeypatch.setattr(runs, "SUBJECTS_PER_PARTITION", 2)

    perform_run(database, run.id, data_dir=tmp_path, clock=lambda: now, progress=lambda *_: None)

    with database.reading() as session:
        staged = session.scalars(select(Score.subject_id).where(Score.run_id == run.id)).all()
        assert sorted(staged) == sorted({*computed[0], *staged})
        assert len(staged) == 5
        assert get_run(session, run.id).state == "published"
    assert not (tmp_path / "runs" / str(run.id)).exists()


def test_a_run_that_is_not_staged_cannot_be_published(database, city, now):
    with database.transaction() as session:
        run = request_run(session, subject_kind="person", as_of=date(2026, 3, 3), started_by="测试", now=now)
    with pytest.raises(RunNotReady), database.transaction() as session:
        publish_run(session, run.id, marks_taken_in=[], now=now)


def test_what_was_recomputed_under_the_old_run_after_the_snapshot_is_recomputed_under_the_new_one(
    database, city, run_city, now, monkeypatch
):
    run_city()
    real = runs.score_batch

    def changes_meanwhile(*args, **rest):
        with database.transaction() as session:
            add_record(session, city["volunteer"], "honour", level=1)
            mark_for_rescoring(session, [city["volunteer"].id], "delivery", now)
        recompute_marked(database, now=now)
        return real(*args, **rest)

    monkeypatch.setattr(runs, "score_batch", changes_meanwhile)
    run_city()
    recompute_marked(database, now=now)

    with database.reading() as session:
        score = current_score(session, city["volunteer"].id)
    assert "honours_received" in score.contributions


def test_whoever_leaves_while_a_run_is_computed_has_no_score_in_it(database, city, run_city, now, monkeypatch):
    run_city()
    # Later than the first run by more than clocks may differ, so that nothing but the leaving marks the volunteer.
    now += timedelta(minutes=10)
    real = runs.score_batch

    def leaves_meanwhile(*args, **rest):
        with database.transaction() as session:
            leave_score(session, subject_id=city["volunteer"].id, now=now)
        recompute_marked(database, now=now)
        return real(*args, **rest)

    monkeypatch.setattr(runs, "score_batch", leaves_meanwhile)
    run_city(at=now)
    recompute_marked(database, now=now)

    with database.reading() as session:
        kept = session.scalar(
            select(func.count()).select_from(Score).where(Score.subject_id == city["volunteer"].id)
        )
    assert kept == 0


def test_coming_back_starts_with_an_empty_history(database, city, run_city, activate, now):
    run_city()
    with database.transaction() as session:
        leave_score(session, subject_id=city["volunteer"].id, now=now)
    with database.transaction() as session:
        activate(session, city["volunteer"])
    recompute_marked(database, now=now)

    with database.reading() as session:
        [score] = score_history(session, city["volunteer"].id)
    assert score.cause == "activation"


def test_what_the_snapshot_saw_is_not_computed_a_second_time(database, city, run_city, now):
    with database.transaction() as session:
        mark_for_rescoring(session, [city["volunteer"].id], "delivery", now)
    run_city()
    assert recompute_marked(database, now=now) == []


def test_whom_a_large_delivery_concerned_the_snapshot_saw_too(database, city, run_city, now, monkeypatch):
    monkeypatch.setattr(rescoring, "_FOLDED_FROM", 2)
    with database.transaction() as session:
        mark_for_rescoring(session, [each.id for each in city.values()], "delivery", now)
        assert is_marked(session, city["volunteer"].id)
    run_city()
    with database.reading() as session:
        assert not is_marked(session, city["volunteer"].id)


def test_the_summary_counts_every_scored_subject_once(database, city, run_city):
    run = run_city()
    with database.reading() as session:
        summary = get_run(session, run.id).summary
    assert summary["scored"] == 1
    assert sum(summary["distribution"]["counts"]) == 1
    assert sum(grade["count"] for grade in summary["grades"]) == 1
