"""Over the demo city as a newcomer gets it: built, scored and served by the documented commands."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select

from backend.catalogue.service import known_categories
from backend.city_calendar import city_date, utc_now
from backend.joint_incentives.models import JointIncentive
from backend.joint_incentives.service import deeds_in, requests_of
from backend.records.early_warning import warnings
from backend.records.life import life_of
from backend.records.models import CreditRecord, Delivery, QuarantinedRow
from backend.records.quality import quality_by_department
from backend.records.service import records_of
from backend.scores.explanation import explain_current_score
from backend.scores.models import PublishedRun, Score, ScoreRun
from backend.subjects.models import Subject
from backend.subjects.service import find_by_identifier
from demo_city.rhythm import FORMER_PLATFORM

pytestmark = pytest.mark.city


@pytest.fixture(scope="module")
def reading(live_city):
    database = live_city.database
    with database.reading() as session:
        yield session
    database.dispose()


def test_every_score_in_the_city_is_explained_to_the_hundredth(reading):
    scored = reading.scalars(
        select(Score.subject_id).join(PublishedRun, PublishedRun.run_id == Score.run_id).distinct()
    ).all()
    assert len(scored) > 1000
    for subject_id in scored:
        told = explain_current_score(reading, subject_id)
        assert told.policy.base + sum(part.points for part in told.contributions) == told.score.total
        assert not told.pending
        for part in told.contributions:
            assert not part.records or sum(share.points for share in part.records) == part.points


def test_every_delivery_adds_up_and_matches_what_the_city_says_it_delivered(live_city, reading):
    manifest = json.loads((live_city.folder / "city/city.json").read_text(encoding="utf-8"))
    deliveries = {delivery.filename: delivery for delivery in reading.scalars(select(Delivery))}
    # Rows that officers corrected in other tests are deliveries of their own.
    assert len(manifest["files"]) == len({file["file"] for file in manifest["files"]}) <= len(deliveries)
    for file in manifest["files"]:
        delivery = deliveries[file["file"]]
        taken = {key: getattr(delivery, key) for key in file["expected"]}
        assert delivery.delivered == sum(taken.values()) == file["rows"]
        assert taken == file["expected"], file["file"]


def test_the_figures_and_the_warning_tell_the_departments_apart(reading):
    timeliness = {
        each.source_department: each.quality.timeliness
        for each in quality_by_department(reading)
        if each.quality.timed >= 20
    }
    assert timeliness.pop(FORMER_PLATFORM) < 0.05
    assert timeliness.pop("桂城市教育局") < 0.5
    assert 0.3 < timeliness.pop("桂城市民政局") < 0.9
    assert len(timeliness) >= 5
    assert min(timeliness.values()) > 0.85
    lasting = [(each.source_department, each.kind) for each in warnings(reading, lasting=True)]
    assert lasting == [("桂城市城市管理局", "silent")]


def test_one_citizens_records_have_been_repaired_withdrawn_corrected_and_disputed_and_one_is_over(
    live_city, reading
):
    manifest = json.loads((live_city.folder / "city/city.json").read_text(encoding="utf-8"))
    [number] = [one["identifier"] for one in manifest["demo_citizens"] if one["key"] == "whole_life"]
    citizen = find_by_identifier(reading, keys=live_city.config.keys, identifier=number)
    categories = known_categories(reading, city_date(utc_now()))
    lives = {
        (record.category, record.state): [
            event.event for event in life_of(reading, record, categories[record.category])
        ]
        for record in records_of(reading, citizen.id)
        if record.version > 1
    }
    assert lives == {
        ("court_judgment", "repaired"): ["delivered", "repaired"],
        ("admin_penalty", "revoked"): ["delivered", "revoked"],
        ("utility_arrears", "expired"): ["delivered", "expired"],
        ("utility_arrears", "active"): ["delivered", "disputed", "corrected", "restored"],
        ("transport_fare_evasion", "disputed"): ["delivered", "disputed"],
    }


def test_a_joint_incentive_is_under_way_answered_by_one_department_and_not_yet_by_the_other(reading):
    first = select(JointIncentive).order_by(JointIncentive.initiated_at).limit(1)
    incentive = reading.scalars(first).one()
    states = sorted(request.state for request in requests_of(reading, incentive.id))
    assert states == ["accepted", "asked"]
    [deed] = deeds_in(reading, incentive.id)
    assert deed.measure == "green_channel"


def test_every_scored_person_is_an_adult_who_opted_in(reading):
    run = reading.scalars(select(ScoreRun).where(ScoreRun.subject_kind == "person")).one()
    youngest = reading.scalar(
        select(func.max(Subject.born_on)).join(Score, Score.subject_id == Subject.id).where(Score.run_id == run.id)
    )
    assert (run.as_of.year - youngest.year, run.as_of.month, run.as_of.day) >= (18, youngest.month, youngest.day)


def test_no_identity_number_stands_in_clear_anywhere_in_the_database(live_city, reading):
    manifest = json.loads((live_city.folder / "city/city.json").read_text(encoding="utf-8"))
    numbers = {citizen["identifier"] for citizen in manifest["demo_citizens"]}
    assert reading.scalar(select(func.count()).select_from(QuarantinedRow)) > 0
    assert reading.scalar(select(func.count()).select_from(CreditRecord)) > 10_000
    for name in ("osmanthus.db", "osmanthus.db-wal", "server.log"):
        file = live_city.folder / name
        stored = file.read_bytes() if file.exists() else b""
        assert not [number for number in numbers if number.encode() in stored], name
