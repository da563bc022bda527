"""A department reads its own data quality, and nobody else's."""

from __future__ import annotations

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
