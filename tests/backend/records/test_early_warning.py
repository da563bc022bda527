"""A source that falls silent against its own rhythm, or whose rows change their shape, is told; others are not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from backend.catalogue.templates import load_templates
from backend.city_calendar import WorkingDays
from backend.notifications.models import Notification
from backend.records.departments import department_codes
from backend.records.early_warning import (
    Arrival,
    acknowledge_warning,
    explain_warning,
    explanations_of,
    find_warnings,
    shifts,
    silence,
    watch_sources,
    working_days_between,
)
from backend.records.errors import (
    ExpectedDayPast,
    ExplanationMissing,
    WarningAlreadyAcknowledged,
    WarningNotFound,
    WarningOver,
)
from backend.records.models import SourceWarning, WarningExplanation
from backend.records.quality_rules import SilenceRule, quality_rules
from tests.backend.records.conftest import DEPARTMENT, City, general, volunteering

CALENDAR = WorkingDays()
TODAY = date(2026, 3, 3)
RULES = quality_rules(TODAY)
HOURS = load_templates()["volunteering"]


def working_days(first: date, count: int, step: int = 1) -> Iterator[date]:
    for _ in range(count):
        yield first
        first = CALENDAR.after(first, step)


def quiet_since(days: list[date], today: date) -> bool:
    return silence(days, RULES.silence, today=today, calendar=CALENDAR) is not None


def test_a_weekly_source_is_not_silent_after_a_week_and_is_after_four() -> None:
    days = list(working_days(date(2025, 11, 3), 10, step=5))
    assert not quiet_since(days, CALENDAR.after(days[-1], 6))
    assert not quiet_since(days, CALENDAR.after(days[-1], 15))
    assert quiet_since(days, CALENDAR.after(days[-1], 16))


def test_the_long_holiday_silences_nobody() -> None:
    # A source that delivers every working day; the Spring Festival closes the offices from 15 to 23 February 2026.
    days = list(working_days(date(2026, 1, 5), 30))
    days = [day for day in days if day < date(2026, 2, 15)]
    assert not quiet_since(days, date(2026, 2, 24))
    assert quiet_since(days, date(2026, 3, 3))


def test_a_source_is_measured_against_the_longest_gap_it_ever_made() -> None:
    days = [*working_days(date(2025, 9, 1), 6), *working_days(date(2025, 11, 3), 6)]
    longest = max(working_days_between(CALENDAR, one, other) for one, other in itertools.pairwise(days))
    assert not quiet_since(days, CALENDAR.after(days[-1], longest))
    assert quiet_since(days, CALENDAR.after(days[-1], 2 * longest))


def test_a_rhythm_is_only_known_after_some_deliveries() -> None:
    days = list(working_days(date(2025, 1, 6), RULES.silence.least_gaps))
    assert not quiet_since(days, TODAY)
    assert quiet_since([*days, CALENDAR.after(days[-1], 1)], TODAY)


def test_nobody_is_called_silent_before_the_least_number_of_working_days() -> None:
    days = list(working_days(date(2025, 11, 3), 4))
    rule = SilenceRule(least_gaps=2, factor=1, longest_factor=1, least_working_days=5)
    after_five, after_six = CALENDAR.after(days[-1], 5), CALENDAR.after(days[-1], 6)
    assert silence(days, rule, today=after_five, calendar=CALENDAR) is None
    assert silence(days, rule, today=after_six, calendar=CALENDAR) is not None


@pytest.mark.parametrize(
    ("one", "other", "number"),
    [
        (date(2026, 3, 3), date(2026, 3, 3), 0),
        (date(2026, 3, 6), date(2026, 3, 9), 1),  # from a Friday to Monday
        (date(2026, 3, 8), date(2026, 3, 9), 1),  # from a Sunday
        (date(2026, 2, 13), date(2026, 2, 24), 2),  # a working Saturday, the Spring Festival, and the day after it
        (date(2050, 1, 3), date(2050, 1, 10), 5),  # a year whose holidays nobody knows yet
    ],
)
def test_working_days_are_counted_after_the_first_day_and_with_the_last(
    one: date, other: date, number: int
) -> None:
    assert working_days_between(CALENDAR, one, other) == number


@given(
    start=st.dates(date(2024, 1, 2), date(2025, 6, 1)),
    gaps=st.lists(st.integers(1, 12), min_size=4, max_size=20),
    later=st.integers(0, 40),
    more=st.integers(0, 20),
)
def test_a_longer_silence_never_ends_a_warning(start: date, gaps: list[int], later: int, more: int) -> None:
    days = [start]
    for gap in gaps:
        days.append(days[-1] + timedelta(days=gap))
    if quiet_since(days, days[-1] + timedelta(days=later)):
        assert quiet_since(days, days[-1] + timedelta(days=later + more))


def arrival(day: date, rows: int, *, refused: int = 0, notes: int | None = None, **categories: int) -> Arrival:
    filled = {"FWRQ": rows, "BZ": rows // 2 if notes is None else notes}
    return Arrival(day, rows, refused, {"filled": filled, "categories": categories or {"volunteering": rows}})


def kinds(*arrivals: Arrival) -> list[str]:
    return [finding.kind for finding in shifts(arrivals, HOURS, RULES.shape, today=TODAY)]


BEFORE = arrival(date(2025, 12, 1), 1000, refused=20)


def test_more_of_the_same_is_no_news() -> None:
    assert kinds(BEFORE, arrival(TODAY, 5000, refused=110)) == []


def test_a_jump_in_refused_rows_is_told_with_both_shares() -> None:
    [finding] = shifts([BEFORE, arrival(TODAY, 200, refused=60)], HOURS, RULES.shape, today=TODAY)
    assert finding.kind == "refused_share"
    assert "30.0%" in finding.message
    assert "2.0%" in finding.message


def test_fewer_refused_rows_are_no_reason_to_warn() -> None:
    assert kinds(arrival(date(2025, 12, 1), 1000, refused=500), arrival(TODAY, 200)) == []


def test_a_share_of_refused_rows_that_was_always_high_grows_unnoticed_until_the_index_tells() -> None:
    before = arrival(date(2025, 12, 1), 1000, refused=200)
    assert kinds(before, arrival(TODAY, 1000, refused=260)) == []
    assert kinds(before, arrival(TODAY, 1000, refused=450)) == ["refused_share"]


def test_another_mix_of_categories_is_told() -> None:
    before = arrival(date(2025, 12, 1), 1000, tax_rating=900, abnormal_operation=100)
    assert kinds(before, arrival(TODAY, 100, tax_rating=88, abnormal_operation=12)) == []
    assert kinds(before, arrival(TODAY, 100, tax_rating=40, abnormal_operation=60)) == ["category_mix"]
    assert kinds(before, arrival(TODAY, 100, abnormal_operation=100)) == ["category_mix"]


def test_a_column_that_is_suddenly_empty_is_named() -> None:
    [finding] = shifts([BEFORE, arrival(TODAY, 100, notes=0)], HOURS, RULES.shape, today=TODAY)
    assert finding.kind == "empty_cells"
    assert "“备注”填写率由 50% 变为 0%" in finding.message


def test_rows_all_of_which_were_refused_have_no_mix_of_categories() -> None:
    before = arrival(date(2025, 12, 1), 1000, tax_rating=900, abnormal_operation=100)
    nothing_sound = {"filled": {"FWRQ": 100, "BZ": 50}, "categories": {}}
    assert kinds(before, Arrival(TODAY, 100, 100, nothing_sound)) == ["refused_share"]


def test_a_column_that_is_suddenly_filled_is_named_too() -> None:
    unknown_before = Arrival(date(2025, 12, 1), 1000, 0, {"filled": {"FWRQ": 1000}})
    [finding] = shifts([unknown_before, arrival(TODAY, 100, notes=100)], HOURS, RULES.shape, today=TODAY)
    assert "“备注”填写率由 0% 变为 100%" in finding.message


def test_where_cells_were_not_counted_yet_nothing_is_said_about_them() -> None:
    uncounted, counted = Arrival(date(2025, 12, 1), 1000, 0, {}), arrival(TODAY, 100)
    assert kinds(uncounted, counted) == []


def test_a_handful_of_rows_proves_nothing() -> None:
    long_before = date(2025, 12, 1)
    assert kinds(arrival(long_before, 200), arrival(TODAY, 50, refused=50)) == ["refused_share"]
    assert kinds(arrival(long_before, 200), arrival(TODAY, 49, refused=49)) == []
    assert kinds(arrival(long_before, 199), arrival(TODAY, 50, refused=50)) == []


def test_the_recent_days_are_31_with_today_and_those_compared_with_the_365_before() -> None:
    first_recent = TODAY - timedelta(days=30)
    first_compared = first_recent - timedelta(days=365)
    day = timedelta(days=1)
    assert kinds(BEFORE, arrival(first_recent, 100, refused=100)) == ["refused_share"]
    assert kinds(BEFORE, arrival(first_recent - day, 100, refused=100)) == []
    assert kinds(arrival(first_compared, 1000), arrival(TODAY, 100, refused=100)) == ["refused_share"]
    assert kinds(arrival(first_compared - day, 1000), arrival(TODAY, 100, refused=100)) == []


def test_a_template_that_is_gone_is_called_by_its_codes() -> None:
    gone = find_warnings([BEFORE, arrival(TODAY, 100, notes=0)], None, RULES, today=TODAY, calendar=CALENDAR)
    assert "“BZ”" in gone[0].message


def raised(city: City) -> list[SourceWarning]:
    with city.database.reading() as session:
        return list(session.scalars(select(SourceWarning).order_by(SourceWarning.id)))


def look(city: City, day: date) -> int:
    with city.database.transaction() as session:
        now = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=2)
        return len(watch_sources(session, now=now, calendar=CALENDAR))


@pytest.fixture
def daily(city: City) -> City:
    """Six deliveries on six working days, the last on Monday 9 February 2026."""
    for day in working_days(date(2026, 2, 2), 6):
        now = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=2)
        city.deliver(volunteering(服务日期="2026-01-30"), now=now)
    return city


def test_a_warning_is_raised_once_and_ends_when_the_source_delivers_again(daily: City) -> None:
    assert look(daily, date(2026, 2, 10)) == 0
    assert look(daily, date(2026, 2, 26)) == 1
    assert look(daily, date(2026, 2, 27)) == 0, "it still lasts, and is not raised again"
    [warning] = raised(daily)
    assert warning.detail["since"] == 9, "it tells how long it lasts by now"
    assert (warning.source_department, warning.template, warning.kind) == (DEPARTMENT, "volunteering", "silent")
    assert (warning.state, warning.ended_at) == ("open", None)
    assert f"已有 {warning.detail['since']} 个工作日没有报送" in warning.message

    with daily.database.reading() as session:
        told = {one.officer_role or one.partner_code: one for one in session.scalars(select(Notification))}
        code = department_codes(session, date(2026, 2, 27))[DEPARTMENT]
    assert set(told) == {"data_officer", code}, "each is told once, though it lasts"
    assert told["data_officer"].title == f"数据预警：{DEPARTMENT}“志愿服务”久未报送"
    assert "核实" in told["data_officer"].body
    assert told[code].title == "数据预警：本单位的“志愿服务”久未报送"
    assert "补报" in told[code].body

    daily.deliver(volunteering(服务日期="2026-02-27"), now=datetime(2026, 3, 2, 2, tzinfo=UTC))
    assert look(daily, date(2026, 3, 3)) == 0
    assert raised(daily)[0].ended_at is not None
    assert look(daily, date(2026, 4, 30)) == 1, "a new silence is a new warning"
    assert len(raised(daily)) == 2


def test_neither_a_file_without_rows_nor_another_template_ends_a_silence(daily: City) -> None:
    look(daily, date(2026, 2, 26))
    empty = daily.folder / "empty.csv"
    empty.write_text(",".join(volunteering()), encoding="utf-8")
    for delivered in (empty, daily.write([general(数据来源单位=DEPARTMENT)])):
        daily.collect(delivered, now=datetime(2026, 2, 26, 3, tzinfo=UTC))

    look(daily, date(2026, 2, 27))

    last_two = [(each.source_department, each.delivered) for each in daily.deliveries()[-2:]]
    assert sorted(last_two) == [(DEPARTMENT, 0), (DEPARTMENT, 1)]
    assert [warning.ended_at for warning in raised(daily)] == [None]


def test_an_acknowledged_warning_stays_quiet_while_it_lasts(daily: City) -> None:
    look(daily, date(2026, 2, 26))
    with daily.database.transaction() as session:
        acknowledge_warning(session, 1, note=" 系统升级 ", by="张敏", now=daily.now)
    assert look(daily, date(2026, 3, 20)) == 0
    [warning] = raised(daily)
    assert (warning.state, warning.note, warning.acknowledged_by) == ("acknowledged", "系统升级", "张敏")
    with daily.database.transaction() as session:
        with pytest.raises(WarningAlreadyAcknowledged):
            acknowledge_warning(session, 1, note="再次", by="李正", now=daily.now)
        with pytest.raises(WarningNotFound):
            acknowledge_warning(session, 2, note="没有", by="李正", now=daily.now)


def explain(city: City, text: str, *, by: str = DEPARTMENT, department: str = DEPARTMENT, **said: Any) -> None:
    [warning] = raised(city)
    with city.database.transaction() as session:
        explain_warning(
            session,
            warning.id,
            source_department=department,
            text=text,
            expected_on=said.get("expected_on"),
            by=by,
            now=datetime(2026, 3, 20, 3, tzinfo=UTC),
        )


def test_a_department_explains_its_warning_and_what_it_said_before_stays(daily: City) -> None:
    look(daily, date(2026, 3, 20))

    explain(daily, "系统升级，停报一周", expected_on=date(2026, 3, 20))
    explain(daily, "升级推迟", by=f"{DEPARTMENT}（经办 陈经办）")

    [warning] = raised(daily)
    with daily.database.transaction() as session:
        said = explanations_of(session, [warning])[warning.id]
        assert [(each.text, each.expected_on, each.said_by) for each in said] == [
            ("升级推迟", None, f"{DEPARTMENT}（经办 陈经办）"),
            ("系统升级，停报一周", date(2026, 3, 20), DEPARTMENT),
        ]
        office = session.scalars(
            select(Notification.body)
            .where(Notification.kind == "source_warning_explained", Notification.officer_role == "data_officer")
            .order_by("id")
        ).all()
        assert len(office) == 2
        assert "预计 2026-03-20 恢复" in "".join(office)
    for forbidden in (update(WarningExplanation).values(text="别的"), delete(WarningExplanation)):
        with pytest.raises(IntegrityError), daily.database.transaction() as session:
            session.execute(forbidden)


def test_only_the_department_concerned_explains_and_only_while_the_warning_lasts(daily: City) -> None:
    look(daily, date(2026, 3, 20))

    with pytest.raises(WarningNotFound):
        explain(daily, "系统升级", department="桂城市教育局")
    with pytest.raises(ExplanationMissing):
        explain(daily, "  ")
    with pytest.raises(ExpectedDayPast):
        explain(daily, "系统升级", expected_on=date(2026, 3, 19))
    daily.deliver(volunteering(), now=datetime(2026, 3, 23, 2, tzinfo=UTC))
    look(daily, date(2026, 3, 23))
    with pytest.raises(WarningOver):
        explain(daily, "系统升级")
