"""A record's life: every change is kept, with who, when and why."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from backend.city_calendar import WorkingDays
from backend.objections.deadlines import load_deadlines
from backend.objections.service import file_objection
from backend.records.errors import CorrectionRefused, RecordNotFound, RecordStateUnchanged
from backend.records.models import CreditRecord
from backend.records.service import (
    change_state,
    correct_record,
    facts_at,
    get_own_record,
    lock_own_record,
    record_on,
    records_of,
    versions_of,
)
from backend.subjects.models import RescoreMark
from tests.backend.records.conftest import QIANG, City, counts, judgment, penalty, volunteering


def test_a_change_of_state_is_a_version_and_asks_for_a_new_score(city: City) -> None:
    city.deliver(judgment())
    subject_id = city.records()[0].subject_id
    with city.database.transaction() as session:
        record = lock_own_record(session, subject_id, city.records()[0].id)
        change_state(session, record, state="disputed", changed_by="本人", reason="提出异议", now=city.now)
        with pytest.raises(RecordStateUnchanged):
            change_state(session, record, state="disputed", changed_by="本人", reason="再次", now=city.now)

    (record,) = city.records()
    first, second = city.versions()
    assert (record.state, record.version) == ("disputed", 2)
    assert (first.state, second.state, second.changed_by, second.reason) == (
        "active",
        "disputed",
        "本人",
        "提出异议",
    )
    assert first.facts == second.facts
    with city.database.reading() as session:
        causes = session.scalars(select(RescoreMark.cause).order_by(RescoreMark.id)).all()
    assert causes == ["record_collected", "record_disputed"]


def test_what_the_city_knew_on_a_day_is_told_by_the_city_s_midnight(city: City) -> None:
    row = judgment()
    city.deliver(row)  # 10:00 on 3 March in the city
    late = city.now.replace(hour=15, minute=59)  # 23:59 on the same day there
    city.deliver(row | {"未履行金额（元）": "8000"}, now=late)
    city.deliver(row | {"未履行金额（元）": "5000"}, now=late + timedelta(minutes=1))
    record_id = city.records()[0].id
    with city.database.reading() as session:
        known = [record_on(session, record_id, date(2026, 3, day)) for day in (2, 3, 4)]
        amounts = [facts_at(session, version)["amount"] for version in known if version]
        assert [version.version for version in versions_of(session, record_id)] == [1, 2, 3]
    assert known[0] is None
    assert amounts == [800_000, 500_000]


def test_an_officer_s_correction_survives_the_same_wrong_row_delivered_again(city: City) -> None:
    row = judgment()
    city.deliver(row)
    with city.database.transaction() as session:
        record = session.scalars(select(CreditRecord)).one()
        changes = {"amount": 100}
        correct_record(session, record, changes=changes, changed_by="陈审核", reason="异议成立", now=city.now)
    assert counts(city.deliver(row, judgment())) == (1, 1, 0, 0)
    record = city.records()[0]
    assert (record.amount, record.version) == (100, 2)


@pytest.mark.parametrize("changes", [{"subject_id": 2}, {"category": "honour"}, {"state": "revoked"}, {}])
def test_a_correction_never_moves_a_record_to_someone_else(city: City, changes: dict[str, object]) -> None:
    city.deliver(judgment())
    with city.database.transaction() as session:
        record = session.scalars(select(CreditRecord)).one()
        with pytest.raises(CorrectionRefused):
            correct_record(session, record, changes=changes, changed_by="陈审核", reason="", now=city.now)


def test_someone_else_s_record_is_not_found(city: City) -> None:
    city.deliver(judgment(), volunteering_of_qiang := judgment(主体代码=QIANG, 主体名称="李大强"))
    assert volunteering_of_qiang
    mine, other = city.records()
    with city.database.transaction() as session:
        assert get_own_record(session, mine.subject_id, mine.id).id == mine.id
        with pytest.raises(RecordNotFound):
            get_own_record(session, mine.subject_id, other.id)
        with pytest.raises(RecordNotFound):
            lock_own_record(session, mine.subject_id, other.id)
        assert [record.id for record in records_of(session, mine.subject_id)] == [mine.id]


def test_records_are_read_latest_act_first_and_page_by_page(city: City) -> None:
    days = ["2026-03-01", "2025-12-31", "2026-03-01", "2026-01-09", "2025-11-30"]
    city.deliver(*[volunteering(服务日期=day) for day in days], volunteering(备注="撤销"))
    subject_id = city.records()[0].subject_id
    with city.database.reading() as session:
        first = records_of(session, subject_id, limit=4)
        rest = records_of(session, subject_id, before=(first[-1].event_on, first[-1].id))
        revoked = records_of(session, subject_id, state="revoked")
        assert records_of(session, subject_id, category="honour") == []
    assert [len(first), len(rest), len(revoked)] == [4, 2, 1]
    places = [(record.event_on, record.id) for record in first + rest]
    assert places == sorted(set(places), reverse=True)


def test_what_its_department_brings_back_into_force_under_an_objection_lowers_no_score(city: City) -> None:
    row = penalty()
    city.deliver(row)
    (record,) = city.records()
    with city.database.transaction() as session:
        file_objection(
            session,
            subject_id=record.subject_id,
            record_id=record.id,
            grounds="处罚对象有误",
            now=city.now,
            deadlines=load_deadlines(WorkingDays()),
        )
    city.deliver(row | {"BZ": "本决定已撤销"}, now=city.now + timedelta(days=1))
    city.deliver(row | {"CF_NR": "罚款人民币二千元整"}, now=city.now + timedelta(days=1))

    assert [version.state for version in city.versions()] == ["active", "disputed", "revoked", "disputed"]
