from uuid import UUID

from sqlalchemy import func, select

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.identifiers import complete_citizen_number
from backend.jobs.service import claim_job, finish_job
from backend.records.models import CreditRecord
from backend.scores.activation import activate_score
from backend.scores.runs import fail_run, perform_run
from tests.admin.conftest import WRONG_DATE


def start(officer, kind="person"):
    return officer.post("/api/v1/admin/runs", json={"subject_kind": kind})


def perform(city, run_id):
    """What the worker does with the run's job."""
    with city.database.transaction() as session:
        job_id = claim_job(session, now=city.clock()).id
    perform_run(
        city.database,
        UUID(run_id),
        data_dir=city.services.config.data_dir,
        clock=city.clock,
        progress=lambda done, total: None,
    )
    with city.database.transaction() as session:
        finish_job(session, job_id, error=None, now=city.clock())


def overview(city):
    return city.as_officer("auditor").get("/api/v1/admin/overview").get_json()


def test_an_empty_city_has_an_overview_of_nothing(city):
    assert overview(city) == {
        "city_name": "桂城市",
        "subjects": {"person": 0, "enterprise": 0, "organisation": 0},
        "activated": 0,
        "records": 0,
        "quarantined_open": 0,
        "objections_open": 0,
        "objections_overdue": 0,
        "repairs_open": 0,
        "repairs_overdue": 0,
        "supplements_open": 0,
        "supplements_overdue": 0,
        "deletion_requests_open": 0,
        "deletion_requests_overdue": 0,
        "commitments_due": 0,
        "published": [],
        "deliveries_recent": [],
    }


def test_the_overview_counts_what_is_stored_and_what_waits(office):
    office.register("登记册.csv", complete_citizen_number("99000119920304567"))
    office.city.clock.advance(minutes=1)
    office.deliver("一月.csv", "2026-01-10", "2026-01-11", WRONG_DATE)
    with office.city.database.reading() as session:
        stored = session.scalars(select(func.count()).select_from(CreditRecord)).one()

    figures = overview(office.city)
    assert figures["records"] == stored == 2, "a row of a register is a subject, not a record"
    assert figures["subjects"]["person"] == 3
    assert figures["quarantined_open"] == 1
    delivery, _ = figures["deliveries_recent"]
    assert (delivery["delivered"], delivery["accepted"], delivery["quarantined"]) == (3, 2, 1)


def test_a_case_past_its_last_working_day_counts_as_overdue(office):
    office.file_objection(office.lan)
    before = overview(office.city)
    office.city.clock.advance(days=10)
    after = overview(office.city)
    assert (before["objections_open"], before["objections_overdue"]) == (1, 0)
    assert (after["objections_open"], after["objections_overdue"]) == (1, 1)


def test_a_run_is_started_watched_and_published_with_its_distribution(office):
    city = office.city
    with city.database.transaction() as session:
        activate_score(
            session,
            subject_id=office.lan,
            notice_version=ACTIVATION_NOTICE.version,
            evidence={},
            now=city.clock(),
        )
    officer = city.as_officer("score_officer")

    started = start(officer)
    assert started.status_code == 202
    run_id = started.get_json()["id"]
    assert started.get_json()["state"] == "running"
    assert start(officer).get_json()["id"] == run_id, "a second click joins the run that is under way"

    perform(city, run_id)
    watched = officer.get(f"/api/v1/admin/runs/{run_id}").get_json()
    assert (watched["state"], watched["subjects_done"], watched["started_by"]) == ("published", 1, "张敏")
    assert officer.get("/api/v1/admin/runs").get_json()["items"] == [watched]

    [published] = overview(city)["published"]
    assert published["coverage"] == {"scored": 1, "eligible": 2}
    assert sum(published["distribution"]["counts"]) == 1
    assert len(published["distribution"]["edges"]) == len(published["distribution"]["counts"]) + 1
    assert sum(grade["count"] for grade in published["grades"]) == 1
    assert min(grade["minimum"] for grade in published["grades"]) == published["distribution"]["edges"][0]


def test_a_run_that_nobody_can_be_scored_in_has_no_mean(office):
    run_id = start(office.city.as_officer("score_officer")).get_json()["id"]
    perform(office.city, run_id)
    [published] = overview(office.city)["published"]
    assert (published["coverage"]["scored"], published["mean"], published["median"]) == (0, None, None)


def test_a_failed_run_says_why_and_leaves_what_is_published(office):
    officer = office.city.as_officer("score_officer")
    first = start(officer).get_json()["id"]
    perform(office.city, first)
    second = start(officer).get_json()["id"]
    with office.city.database.transaction() as session:
        fail_run(session, UUID(second), reason="磁盘已满", now=office.city.clock())

    failed = officer.get(f"/api/v1/admin/runs/{second}").get_json()
    assert (failed["state"], failed["error"]) == ("failed", "磁盘已满")
    assert [run["run_id"] for run in overview(office.city)["published"]] == [first]


def test_only_a_score_officer_starts_a_run(office):
    refused = start(office.city.as_officer("auditor", "data_officer"))
    assert (refused.status_code, refused.get_json()["code"]) == (403, "role_missing")


def test_without_a_policy_in_force_the_officer_is_told_what_is_missing(city):
    refused = start(city.as_officer("score_officer"))
    assert (refused.status_code, refused.get_json()["code"]) == (422, "no_policy_in_force")


def test_an_unknown_run_is_not_found(city):
    answer = city.as_officer("auditor").get(f"/api/v1/admin/runs/{UUID(int=7)}")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "run_not_found")
