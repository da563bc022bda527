"""Whoever was told something that its source later puts right is told so, without anybody having to object."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.ledger.models import LedgerEntry
from backend.ledger.service import Actor, record_access
from backend.notifications.models import Notification
from backend.objections.recipients import tell_of_department_corrections
from backend.records.models import CorrectionMark
from backend.records.storing import wrong_facts
from tests.backend.records.conftest import City, judgment, penalty
from tests.factories import add_partner

BANK = "guicheng-bank"


@pytest.fixture
def bank_reads(city: City):
    """A bank reads the report of whoever the one record is about."""
    with city.database.transaction() as session:
        partner_id = add_partner(session, code=BANK, name="桂城银行", kind="institution").id

    def read(at):
        with city.database.transaction() as session:
            return record_access(
                session,
                subject_id=city.records()[0].subject_id,
                actor=Actor(kind="partner", id=str(partner_id), name="桂城银行"),
                action="report_read",
                basis="本人授权",
                purpose="信易贷",
                detail={},
                channel="partner_api",
                now=at,
            )

    return read


def tell(city: City, at) -> list[str]:
    """What the bank has been told after the worker has looked twice."""
    for _ in range(2):
        with city.database.transaction() as session:
            tell_of_department_corrections(session, now=at)
    with city.database.reading() as session:
        told = select(Notification.about).where(Notification.partner_code == BANK).order_by(Notification.id)
        return list(session.scalars(told))


def test_a_department_that_corrects_a_record_itself_has_its_readers_told_once(city: City, bank_reads) -> None:
    row = judgment()
    city.deliver(row)
    read = bank_reads(city.now + timedelta(days=1))
    corrected = city.now + timedelta(days=3)
    city.deliver(row | {"严重程度": "严重"}, now=corrected)
    bank_reads(corrected + timedelta(hours=1))  # the right thing by then

    assert tell(city, corrected + timedelta(minutes=1)) == [f"access:{read.id}"]
    with city.database.reading() as session:
        to_citizen = session.scalars(select(Notification).where(Notification.kind == "correction_told")).one()
        row_in_ledger = session.scalars(select(LedgerEntry).where(LedgerEntry.action == "correction_told")).one()
    assert to_citizen.about == f"record:{city.records()[0].id}"
    assert "桂城银行" in to_citizen.body
    assert "桂城银行" in row_in_ledger.purpose


def test_a_decision_that_its_department_takes_back_was_wrong_from_its_delivery(city: City, bank_reads) -> None:
    row = penalty()
    city.deliver(row)
    read = bank_reads(city.now + timedelta(days=1))
    city.deliver(row | {"BZ": "本决定已撤销"}, now=city.now + timedelta(days=3))
    assert tell(city, city.now + timedelta(days=3)) == [f"access:{read.id}"]


def test_news_about_a_matter_makes_nothing_wrong_that_was_told_before(city: City, bank_reads) -> None:
    row = judgment()
    city.deliver(row)
    bank_reads(city.now + timedelta(days=1))
    city.deliver(row | {"履行完毕日期": "2026-02-20"}, now=city.now + timedelta(days=3))
    with city.database.reading() as session:
        assert session.scalars(select(CorrectionMark)).all() == []


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"amount": 2}, {"amount": 1}),
        ({"ended_on": "2026-02-01"}, {}),
        ({"ended_on": "2026-02-01", "content": {"状态": "已结"}}, {}),
        ({"content": {"状态": "已结"}}, {"content": {"状态": "未结"}}),
        ({"content": {"状态": "未结", "备注": "补充"}}, {}),
        ({"performed_on": "2026-01-02"}, {"performed_on": "2026-01-01"}),
        ({"withdrawn": True}, None),
    ],
)
def test_what_a_correction_shows_to_have_been_wrong(changed, wrong) -> None:
    before = {
        "title": "案",
        "event_on": "2025-12-01",
        "quantity": 0,
        "amount": 1,
        "level": 1,
        "performed_on": "2026-01-01",
        "withdrawn": False,
        "content": {"状态": "未结"},
    }
    assert wrong_facts(before, before | changed) == wrong


def test_what_was_empty_before_was_not_wrong_and_what_was_withdrawn_before_is_compared_like_the_rest() -> None:
    before = {"title": "案", "event_on": "2025-12-01", "quantity": 0, "amount": 1, "level": 1, "withdrawn": True}
    before |= {"content": {"状态": "未结", "备注": ""}}
    filled_in = {"content": {"状态": "未结", "备注": "补充"}}
    assert wrong_facts(before, before | filled_in) == {}
    assert wrong_facts(before, before | {"amount": 2}) == {"amount": 1}
