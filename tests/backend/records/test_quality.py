"""How well departments deliver."""

from __future__ import annotations

from datetime import timedelta

from backend.records.quality import quality_by_department
from tests.backend.records.conftest import DEPARTMENT, STRANGER, City, judgment, volunteering


def test_quality_counts_rows_causes_and_punctuality_per_department(city: City) -> None:
    # Delivered on Tuesday 3 March 2026; the Spring Festival holiday ran from 15 to 23 February, with working
    # Saturdays on the 14th and the 28th, so seven working days reach back to Monday 23 February.
    row = volunteering(服务日期="2026-02-23")
    city.deliver(row, volunteering(服务日期="2026-02-13"), volunteering(身份号码=STRANGER))
    city.deliver(row, volunteering(服务日期="2026-02-25"))
    city.deliver(judgment())
    with city.database.reading() as session:
        first, court = quality_by_department(session)
        none = quality_by_department(session, received_from=city.now + timedelta(days=1))
    assert none == []
    assert (first.source_department, first.deliveries) == (DEPARTMENT, 2)
    assert (first.delivered, first.accepted, first.duplicate, first.quarantined) == (5, 3, 1, 1)
    assert (first.timed, first.on_time) == (3, 2)
    assert [(cause.code, cause.count) for cause in first.causes] == [("subject_unknown", 1)]
    assert (court.timed, court.on_time) == (1, 0)
