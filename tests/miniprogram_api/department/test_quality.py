"""A department reads its own data quality, and nobody else's."""

from __future__ import annotations

from datetime import timedelta

from backend.city_calendar import city_date
from backend.records.early_warning import watch_sources
from tests.backend.records.conftest import penalty
from tests.miniprogram_api.department.conftest import MARKET_REGULATION, MARKET_REGULATION_CODE
from tests.miniprogram_api.department.test_deliveries import deliver, hours


def test_a_department_reads_its_own_figures_and_not_another_ones(department):
    civility, market = department(), department(MARKET_REGULATION)
    deliver(civility, hours(), hours(备注="雨天"), hours(服务日期="2026-02-30"))
    deliver(market, penalty(CF_CFJGDM=MARKET_REGULATION_CODE), template="admin_penalty")

    own = civility.get("/quality")

    assert own.status_code == 200, own.json
    whole = own.json["whole_period"]
    assert (whole["deliveries"], whole["delivered"], whole["quarantined"]) == (1, 3, 1)
    assert whole["accuracy"] == 2 / 3
    assert own.json["causes"] == [{"code": "date_unreadable", "column": "服务日期", "count": 1}]
    assert [(each["delivered"], each["accuracy"]) for each in own.json["months"]] == [(3, 2 / 3)]
    assert market.get("/quality").json["whole_period"]["delivered"] == 1


def test_who_delivered_nothing_in_the_period_is_told_nothing_rather_than_nought(department):
    civility = department()
    deliver(civility, hours())
    empty = civility.get("/quality", since="2020-01-01", until="2020-12-31").json
    assert (empty["whole_period"], empty["causes"], empty["months"]) == (None, [], [])


def test_a_department_is_told_of_its_own_silence_and_not_of_another_ones(city, department):
    civility, market = department(), department(MARKET_REGULATION)
    for _ in range(5):
        assert deliver(civility, hours()).status_code in (200, 201)
        city.clock.moment += timedelta(days=1)
    city.clock.moment += timedelta(days=45)
    with city.database.transaction() as session:
        watch_sources(session, now=city.clock(), calendar=city.services.working_days)

    [warning] = civility.get("/quality/warnings", lasting=True).json["items"]

    assert (warning["kind"], warning["template_name"], warning["ended_at"]) == ("silent", "志愿服务", None)
    assert (warning["state"], warning["note"]) == ("open", None)
    assert "补报" in warning["next_step"]  # what the department can do, not what the office can
    assert "acknowledged_by" not in warning  # which officer it was is the office's own matter
    path = f"/quality/warnings/{warning['id']}/explanations"
    said = {"text": "系统升级，停报一周", "expected_on": city_date(city.clock()).isoformat()}
    assert market.post(path, said).status_code == 404
    [explained] = civility.post(path, said).json["explanations"]
    assert (explained["text"], explained["said_by"]) == (said["text"], "桂城市文明办公室")
    assert civility.get("/quality/warnings", lasting=False).json["items"] == []
    assert market.get("/quality/warnings").json["items"] == []
