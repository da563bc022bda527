"""How well departments deliver."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from sqlalchemy import delete

from backend.catalogue.templates import load_templates
from backend.city_calendar import WorkingDays
from backend.records.measures import measure
from backend.records.models import CreditRecord, Delivery, QuarantinedRow, RecordVersion
from backend.records.quality import Quality, quality_by_department, quality_by_month
from backend.records.quality_rules import quality_rules_in_force, read_quality_rules
from backend.records.single_row import take_in_row
from backend.subjects.models import RescoreMark
from tests.backend.records.conftest import DEPARTMENT, STRANGER, City, commitment, judgment, penalty, volunteering
from tests.factories import intake_of


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
    assert (first.source_department, first.quality.deliveries) == (DEPARTMENT, 2)
    hours = first.quality
    assert (hours.delivered, hours.accepted, hours.duplicate, hours.quarantined) == (5, 3, 1, 1)
    assert (hours.timed, hours.on_time) == (3, 2)
    assert hours.accuracy == 4 / 5
    assert [(cause.code, cause.column, cause.count) for cause in hours.causes] == [
        ("subject_unknown", "身份号码", 1)
    ]
    assert (court.quality.timed, court.quality.on_time) == (1, 0)


def test_causes_count_cells_the_most_frequent_first_and_corrections_are_no_duplicates(city: City) -> None:
    row, later = volunteering(), city.now + timedelta(days=1)
    city.deliver(row)
    city.deliver(
        row,
        row | {"服务项目": "敬老"},
        row | {"服务项目": "助学"},
        volunteering(服务日期="？", 服务项目=""),
        volunteering(服务日期="？"),
        now=later,
    )
    with city.database.reading() as session:
        [department] = quality_by_department(session)
    hours = department.quality
    assert (hours.accepted, hours.duplicate, hours.corrected, hours.quarantined) == (1, 1, 2, 2)
    assert [(cause.code, cause.column, cause.count) for cause in hours.causes] == [
        ("date_unreadable", "服务日期", 2),
        ("required", "服务项目", 1),
    ]
    assert hours.last_received_at == later


def test_a_period_begins_with_its_first_moment_and_ends_before_the_last(city: City) -> None:
    first, end = datetime(2026, 2, 28, 16, tzinfo=UTC), datetime(2026, 3, 31, 16, tzinfo=UTC)
    second = timedelta(seconds=1)
    for moment in (first - second, first, end - second, end):
        city.deliver(volunteering(), now=moment)
    with city.database.reading() as session:
        march = quality_by_month(session, received_from=first, received_before=end)
        [department] = quality_by_department(session, received_from=first, received_before=end)
    assert [(each.month, each.quality.delivered) for each in march] == [("2026-03", 2)]
    assert department.quality.delivered == 2


def test_without_rows_there_is_no_share_to_tell() -> None:
    nothing = Quality(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, datetime(2026, 3, 3, tzinfo=UTC), ())
    assert (nothing.accuracy, nothing.timeliness, nothing.completeness) == (None, None, None)


def test_a_year_without_a_calendar_is_not_judged_and_an_empty_text_fills_nothing() -> None:
    shape = measure(
        pl.DataFrame({"FWRQ": ["2050-03-01"] * 3, "BZ": ["雨天", "", None]}),
        load_templates()["volunteering"],
        sound=pl.DataFrame(),
        reasons={},
        new_by_day={date(2050, 3, 1): 3},
        received_on=date(2050, 3, 2),
        timely_working_days=7,
        calendar=WorkingDays(),
    )
    assert (shape["timed"], shape["on_time"]) == (0, 0)
    assert shape["filled"] == {"FWRQ": 3, "BZ": 1}
    assert (shape["optional_cells"], shape["optional_filled"]) == (3, 1)


@pytest.mark.parametrize(
    ("day", "working_days"),
    [
        (date(2020, 1, 1), 7),  # before the first entry
        (date(2024, 6, 30), 7),
        (date(2024, 7, 1), 5),
        (date(2026, 3, 3), 5),
        (date(2026, 12, 31), 5),
        (date(2027, 1, 1), 3),
    ],
)
def test_of_dated_rules_those_hold_that_began_last(day: date, working_days: int) -> None:
    figures = """
  basis: 测试
  silence: {least_gaps: 4, factor: 3, longest_factor: 1.5, least_working_days: 3}
  shape: {recent_days: 31, baseline_days: 365, least_recent_rows: 50, least_baseline_rows: 200, index: 0.25,
          refused_growth: 0.05}
"""
    entries = read_quality_rules(
        "".join(
            f"- effective_from: {begins}\n  timely: {{working_days: {number}}}{figures}"
            for begins, number in (("2027-01-01", 3), ("2024-01-01", 7), ("2024-07-01", 5))
        )
    )
    assert quality_rules_in_force(entries, day).timely_working_days == working_days


def test_a_commitment_is_timed_from_the_day_its_outcome_was_found_and_without_one_from_its_signing(
    city: City,
) -> None:
    # Delivered on 3 March 2026; seven working days reach back to 23 February. All were signed long before.
    city.deliver(
        commitment(承诺履行状态认定日期="2026-02-23"),
        commitment(承诺履行状态认定日期="2026-02-13"),
        commitment(承诺履行状态认定日期=""),
        commitment(承诺作出日期="2026-02-25", 承诺履行状态认定日期=""),
    )
    with city.database.reading() as session:
        [office] = quality_by_department(session)
    assert (office.quality.timed, office.quality.on_time) == (4, 2)


def test_completeness_is_the_share_of_filled_cells_among_those_that_may_be_left_empty(city: City) -> None:
    # 备注 is the only such cell of volunteering; a judgment has three: 未履行金额, 履行完毕日期 and 备注.
    city.deliver(volunteering(), volunteering(备注="雨天"), volunteering(), volunteering())
    city.deliver(judgment())
    with city.database.reading() as session:
        hours, court = quality_by_department(session)
    assert (hours.quality.optional_cells, hours.quality.optional_filled) == (4, 1)
    assert (court.quality.optional_cells, court.quality.optional_filled) == (3, 1)


def test_cells_that_do_not_apply_to_the_subject_are_not_missed(city: City) -> None:
    city.deliver(penalty())
    applicable = [c for c in load_templates()["admin_penalty"].columns if c.organisation == "O"]
    with city.database.reading() as session:
        [bureau] = quality_by_department(session)
    assert bureau.quality.optional_cells == len(applicable)


def test_what_was_counted_does_not_depend_on_where_an_import_was_cut(city: City) -> None:
    rows = [
        volunteering(备注="x" if n % 3 else "", 服务日期="2026-02-30" if n == 4 else "2026-02-25")
        for n in range(7)
    ]
    city.deliver(*rows)
    [whole] = city.deliveries()
    with city.database.transaction() as session:
        for table in (RescoreMark, RecordVersion, CreditRecord, QuarantinedRow, Delivery):
            session.execute(delete(table))
    city.deliver(*rows, rows_per_chunk=2)
    [cut] = city.deliveries()
    assert cut.shape == whole.shape
    assert cut.shape["filled"]["BZ"] == 4
    assert cut.shape["categories"] == {"volunteering": 6}


def test_the_trend_follows_the_months_of_receipt_in_the_city(city: City) -> None:
    # 17:00 UTC on the last of March is already April in the city.
    for moment in (datetime(2026, 2, 10, 2, tzinfo=UTC), datetime(2026, 3, 31, 17, tzinfo=UTC)):
        city.deliver(volunteering(服务日期="2026-02-09"), now=moment)
    city.deliver(judgment(), now=datetime(2026, 4, 2, 2, tzinfo=UTC))
    with city.database.reading() as session:
        all_of_them = quality_by_month(session)
        hours = quality_by_month(session, source_department=DEPARTMENT)
    assert [(each.month, each.quality.delivered) for each in all_of_them] == [("2026-02", 1), ("2026-04", 2)]
    assert [(each.month, each.quality.timeliness) for each in hours] == [("2026-02", 1.0), ("2026-04", 0.0)]


def test_a_single_row_is_timely_by_the_working_days_of_the_city_not_of_the_library(city: City) -> None:
    """In a year that the installed calendar does not know yet, the city's own says when seven working days are."""
    row = {
        column.code: value
        for column in load_templates()["volunteering"].columns
        if (value := volunteering(服务日期="2031-03-03").get(column.header))
    }
    with city.database.transaction() as session:
        take_in_row(
            session, intake_of(city.keys, WorkingDays(overrides={2031: {}})), template="volunteering", row=row,
            source_department=DEPARTMENT, origin="一行", now=datetime(2031, 3, 12, 2, tzinfo=UTC),
        )  # fmt: skip
    (delivery,) = city.deliveries()
    assert (delivery.shape["timed"], delivery.shape["on_time"]) == (1, 1)
