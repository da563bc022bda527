"""A changed policy over the published run: what it would do is what it then does."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from backend.scores import simulation
from backend.scores.activation import leave_score
from backend.scores.errors import NothingToSimulateOn, PolicyDoesNotFitCatalogue
from backend.scores.models import Score
from backend.scores.policies import adopt_policy
from backend.scores.simulation import simulate_policy
from scoring.policy import load_policy, shipped_policy
from tests.factories import add_person, add_record
from tests.scoring.builders import document, text

ON = date(2026, 3, 3)


def changed(old: str, new: str):
    source = shipped_policy("guihua").source_text
    assert source.count(old) >= 1
    return load_policy(source.replace(old, new))


DEARER_HOURS = ("{at_least: 20, points: 5}", "{at_least: 20, points: 8}")
SHORTER_WINDOW = ("window: {years: 2}", "window: {months: 1}")


@pytest.fixture
def city(database, keys, adopt, activate):
    """Six citizens of two districts with different hours, of whom the last has no records."""
    with database.transaction() as session:
        adopt(session)
        people = []
        for place in range(6):
            born_on = date(1960 + 8 * place, 5, 1)
            person = add_person(session, keys, born_on=born_on if born_on.year < 2000 else date(1999, 1, 1))
            person.district = f"99000{1 + place % 2}"
            if place < 5:
                add_record(session, person, "volunteering", quantity=(5 + 12 * place) * 100)
            activate(session, person)
            people.append(person)
        return people


def simulated(database, tmp_path, policy):
    with database.reading() as session:
        return simulate_policy(session, policy, data_dir=tmp_path, on=ON, threads=2)


@pytest.mark.parametrize(("change", "from_records"), [(DEARER_HOURS, False), (SHORTER_WINDOW, True)])
def test_what_is_simulated_is_what_a_run_under_the_policy_gives(
    database, city, run_city, tmp_path, now, change, from_records
):
    run_city()
    after = changed(*change)
    told = simulated(database, tmp_path, after)
    assert bool(told.told.read_again) is from_records
    with database.transaction() as session:
        adopt_policy(session, after, adopted_by="测试", now=now, on=ON)
    run = run_city()
    with database.reading() as session:
        real = dict(session.execute(select(Score.subject_id, Score.total).where(Score.run_id == run.id)).all())
    foreseen = dict(zip(told.told.after.subject.tolist(), told.told.after.total.tolist(), strict=True))
    assert foreseen == real
    assert told.told.raised + told.told.lowered > 0


def test_nothing_is_stored_and_prices_alone_need_no_records(database, city, run_city, tmp_path, monkeypatch):
    run_city()

    def refuse(*_args, **_named):
        raise AssertionError("the records were read")

    monkeypatch.setattr(simulation, "snapshot_rows", refuse)
    with database.reading() as session:
        before = session.scalar(select(func.count()).select_from(Score))
    told = simulated(database, tmp_path, changed(*DEARER_HOURS)).told
    assert told.raised > 0
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Score)) == before


def test_the_effect_is_told_by_district_and_age_band_over_everyone(database, city, run_city, tmp_path):
    run_city()
    told = simulated(database, tmp_path, changed(*DEARER_HOURS)).told
    for group in ("区县", "年龄段"):
        effects = [effect for effect in told.groups if effect.group == group]
        assert sum(effect.subjects for effect in effects) == 6
        assert sum(effect.raised for effect in effects) == told.raised
    assert {effect.label for effect in told.groups if effect.group == "区县"} == {"990001", "990002"}
    assert sum(map(sum, told.migration)) == 6


def test_a_citizen_who_left_is_in_no_simulation(database, city, run_city, tmp_path, now):
    run_city()
    with database.transaction() as session:
        leave_score(session, subject_id=city[0].id, now=now)
    told = simulated(database, tmp_path, changed(*DEARER_HOURS)).told
    assert city[0].id not in told.after.subject.tolist()
    assert len(told.after.subject) == 5


def test_only_the_published_run_keeps_its_matrix(database, city, run_city, tmp_path):
    run_city()
    second = run_city()
    assert [folder.name for folder in (tmp_path / "matrix" / "person").iterdir()] == [str(second.id)]


def test_without_the_matrix_the_records_are_read(database, city, run_city, tmp_path):
    run_city()
    with_matrix = simulated(database, tmp_path, changed(*DEARER_HOURS)).told
    without = simulated(database, tmp_path / "elsewhere", changed(*DEARER_HOURS)).told
    assert without.after.total.tolist() == with_matrix.after.total.tolist()


def test_there_is_nothing_to_compare_before_the_first_run(database, city, tmp_path):
    with pytest.raises(NothingToSimulateOn):
        simulated(database, tmp_path, changed(*DEARER_HOURS))


def test_a_policy_that_does_not_fit_the_catalogue_is_not_simulated(database, city, run_city, tmp_path):
    run_city()
    with pytest.raises(PolicyDoesNotFitCatalogue):
        simulated(database, tmp_path, load_policy(text(document())))
