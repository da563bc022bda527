"""The end of a record: out of use at midnight, deleted after the grace, and a proof that stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from backend.background import build_worker
from backend.city_calendar import WorkingDays, city_date
from backend.config import Config
from backend.identifiers.sealing import KeyRing
from backend.objections.deadlines import load_deadlines
from backend.objections.service import decide_objection, file_objection, open_objections_by_record
from backend.records.deletions import (
    DELETED_TITLE,
    GENESIS,
    content_digest,
    proof_digest,
    recent_deletions,
    sweep_records,
    verify_deletions,
)
from backend.records.models import CreditRecord, RecordDeletion, RecordVersion
from backend.records.service import records_of, versions_of
from backend.subjects.models import RescoreMark
from tests.backend.records.conftest import City, counts, debtor, volunteering

JUST_OVER = datetime(2026, 3, 3, 16, 0, tzinfo=UTC)
"""Midnight in the city: 4 March has begun."""


def test_a_record_is_taken_out_of_use_with_the_first_sweep_after_its_last_day(city: City) -> None:
    ends_today = debtor(on="2024-03-03")
    city.deliver(ends_today)
    assert city.sweep(JUST_OVER - timedelta(seconds=1)).expired == 0

    assert city.sweep(JUST_OVER).expired == 1

    (record,) = city.records()
    assert (record.state, record.version) == ("expired", 2)
    with city.database.reading() as session:
        last = versions_of(session, record.id)[-1]
        causes = session.scalars(select(RescoreMark.cause).order_by(RescoreMark.id)).all()
    assert (last.state, last.changed_by) == ("expired", "系统按期限自动处理")
    assert "保留期限" in last.reason
    assert causes[-1] == "record_expired"
    assert city.sweep(JUST_OVER).expired == 0


def test_what_is_delivered_after_its_last_day_is_never_in_use(city: City) -> None:
    ends_today, over = debtor(on="2024-03-03"), debtor(on="2024-03-02")
    city.deliver(ends_today, over)
    assert [record.state for record in city.records()] == ["active", "expired"]

    # In force until the department says when it ended.
    row = debtor(on="2024-02-01") | {"结束（移出）日期": "2026-01-01"}
    city.deliver(row)
    assert city.records()[-1].state == "active"
    city.deliver(row | {"结束（移出）日期": "2024-03-02"})
    record = city.records()[-1]
    assert (record.state, record.version) == ("expired", 2)
    assert city.sweep(JUST_OVER - timedelta(seconds=1)).expired == 0


def test_after_the_grace_the_content_is_gone_and_the_proof_of_it_holds(city: City) -> None:
    city.deliver(debtor(on="2024-03-03"), debtor(on="2026-03-01"))
    city.sweep(JUST_OVER)
    with city.database.reading() as session:
        record = session.scalars(select(CreditRecord).order_by(CreditRecord.id)).first()
        assert record is not None
        expected = content_digest(record, versions_of(session, record.id))
        title = record.title

    assert city.sweep(datetime(2026, 4, 2, 3, tzinfo=UTC)).deleted == 0
    assert city.sweep(datetime(2026, 4, 3, 3, tzinfo=UTC)).deleted == 1

    assert [left.state for left in city.records()] == ["active"]
    with city.database.reading() as session:
        (proof,) = recent_deletions(session)
        verdict = verify_deletions(session)
        assert (
            session.scalar(select(func.count()).select_from(RecordVersion)) == 0
        )  # the other record never changed
    assert (proof.content_digest, proof.state, proof.versions) == (expected, "expired", 2)
    assert (proof.kept_until, proof.category) == (date(2026, 3, 3), "dishonest_debtor")
    assert title not in repr(
        {column.name: getattr(proof, column.name) for column in RecordDeletion.__table__.columns}
    )
    assert (verdict.proofs, verdict.head, list(verdict.faults)) == (1, proof.digest, [])


def test_what_is_kept_for_good_is_never_swept(city: City) -> None:
    city.deliver(volunteering(服务日期="2019-01-01"))

    swept = city.sweep(datetime(2060, 1, 1, tzinfo=UTC))

    assert (swept.expired, swept.deleted) == (0, 0)


def test_a_record_under_objection_expires_but_waits_with_its_content_for_the_decision(city: City) -> None:
    row = debtor(on="2024-03-03")
    city.deliver(row)
    (record,) = city.records()
    with city.database.transaction() as session:
        objection = file_objection(
            session,
            subject_id=record.subject_id,
            record_id=record.id,
            grounds="已按期缴清",
            now=city.now,
            deadlines=load_deadlines(WorkingDays()),
        )
    late = datetime(2026, 6, 1, tzinfo=UTC)

    swept = city.sweep(late)
    assert (swept.expired, swept.deleted, swept.held_back) == (1, 0, 1)

    with city.database.transaction() as session:
        decide_objection(
            session,
            objection_id=objection.id,
            outcome="rejected",
            reply="经核查无误。",
            officer="陈审核",
            now=late,
        )
    assert city.sweep(late).deleted == 1
    (husk,) = city.records()
    assert (husk.title, husk.content, husk.amount, husk.state) == (DELETED_TITLE, {}, 0, "expired")
    assert (husk.event_on, husk.ended_on) == (city_date(husk.created_at), None), "nor when it was"
    with city.database.reading() as session:
        assert versions_of(session, husk.id) == []
        assert list(verify_deletions(session).faults) == []
    assert city.sweep(late).deleted == 0, "what is empty already is not deleted again"

    assert counts(city.deliver(row | {"备注": "再次报送"}, now=late)) == (0, 1, 0, 0)
    assert (city.records()[0].title, city.records()[0].content) == (DELETED_TITLE, {}), "nor filled again"
    with city.database.reading() as session:
        assert list(verify_deletions(session).faults) == []


def damage(session: Any, how: str) -> None:
    first = select(func.min(RecordDeletion.number)).scalar_subquery()
    match how:
        case "changed":
            session.execute(
                update(RecordDeletion).where(RecordDeletion.number == first).values(category="admin_penalty")
            )
        case "removed":
            session.execute(RecordDeletion.__table__.delete().where(RecordDeletion.number == 2))
        case "forged":
            proof = session.get_one(RecordDeletion, 1)
            proof.category = "admin_penalty"
            proof.digest = proof_digest(proof)
        case "reordered":
            session.execute(update(RecordDeletion).where(RecordDeletion.number == 1).values(number=9))


_MISSING, _BROKEN, _CHANGED = "缺少凭证", "与前一份凭证的衔接不符", "凭证内容被改动"


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ("changed", [(1, _CHANGED)]),
        ("removed", [(2, _MISSING), (3, _BROKEN)]),
        ("forged", [(2, _BROKEN)]),
        ("reordered", [(1, _MISSING), (2, _BROKEN), (4, _MISSING), (9, _BROKEN), (9, _CHANGED)]),
    ],
)
def test_any_change_to_the_proofs_is_found(city: City, how: str, found: list[tuple[int, str]]) -> None:
    city.deliver(*[debtor(on=f"2023-03-0{day}") for day in (1, 2, 3)])
    city.sweep(JUST_OVER)
    with city.database.reading() as session:
        assert verify_deletions(session).proofs == 3

    with city.database.transaction() as session:
        damage(session, how)

    with city.database.reading() as session:
        assert [(fault.number, fault.what) for fault in verify_deletions(session).faults] == found


def test_content_that_came_back_after_its_deletion_is_found(city: City) -> None:
    city.deliver(debtor(on="2023-03-01"))
    (record,) = city.records()
    city.sweep(JUST_OVER)
    with city.database.transaction() as session:
        session.add(
            RecordVersion(
                record_id=_put_back(session, record), version=1, state="active", facts={}, changed_at=city.now,
                changed_by="", reason="",
            )
        )  # fmt: skip

    with city.database.reading() as session:
        assert [fault.what for fault in verify_deletions(session).faults] == ["所称已删除的内容仍在库中"]


def _put_back(session: Any, record: CreditRecord) -> int:
    values = {column.name: getattr(record, column.name) for column in CreditRecord.__table__.columns}
    session.execute(CreditRecord.__table__.insert().values(**values))
    return record.id


def test_the_number_of_a_deleted_record_is_not_given_to_another(city: City) -> None:
    city.deliver(debtor(on="2023-03-01"))
    (deleted,) = city.records()
    city.sweep(JUST_OVER)

    city.deliver(debtor(on="2026-02-01"))

    assert [record.id for record in city.records()] > [deleted.id]
    with city.database.reading() as session:
        assert list(verify_deletions(session).faults) == []


def test_an_empty_chain_has_the_known_beginning(city: City) -> None:
    with city.database.reading() as session:
        verdict = verify_deletions(session)
    assert (verdict.proofs, verdict.head) == (0, GENESIS)


def test_the_background_worker_sweeps_once_each_city_day(city: City, keys: KeyRing, tmp_path: Any) -> None:
    city.deliver(debtor(on="2024-03-03"))
    moment = [JUST_OVER]
    config = Config(
        database_url=str(city.database.url), redis_url=None, keys=keys, signing_key=b"s" * 32, data_dir=tmp_path,
        public_url="https://credit.example", sign_in="demo", city_name="桂城市",
    )  # fmt: skip
    worker = build_worker(config, city.database, clock=lambda: moment[0])

    worker.run_due_tasks()
    while worker.run_next_job():
        pass
    assert [record.state for record in city.records()] == ["expired"]

    moment[0] += timedelta(hours=2)
    worker.run_due_tasks()
    assert not worker.run_next_job()
    with city.database.reading() as session:
        assert records_of(session, city.records()[0].subject_id)[0].version == 2


def test_sweeping_in_small_windows_comes_to_the_same(city: City) -> None:
    in_time = city.now - timedelta(days=5)
    city.deliver(*[debtor(on=f"2024-03-{day:02d}") for day in range(1, 8)], now=in_time)

    swept = sweep_records(city.database, now=JUST_OVER, held_back=open_objections_by_record, window=2)

    assert swept.expired == 3
    assert [record.state for record in city.records()].count("expired") == 3
