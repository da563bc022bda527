from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from backend.city_calendar import CITY_ZONE
from backend.ledger.archive import ArchiveFolder, Retention, archive_next_segment, retention_in_force
from backend.ledger.chain import all_heads, heads, seal_segment, verify_ledger
from backend.ledger.models import LedgerEntry, LedgerSegment
from backend.ledger.service import Actor, record_access
from tests.backend.ledger.tampering import drop_triggers
from tests.factories import add_person

SIGNING_KEY = b"s" * 32
SEGMENTS, ENTRIES = 3, 4


def look(session, subject_id, at, who="library"):
    record_access(
        session,
        subject_id=subject_id,
        actor=Actor(kind="partner", id=who, name="桂城图书馆"),
        action="benefit_checked",
        basis="本人出示凭码",
        purpose="信易阅",
        detail={"scheme": "reading", "told": "符合"},
        channel="partner_api",
        now=at,
    )


@pytest.fixture
def sealed(session, keys, now):
    """Three segments of four entries each."""
    citizen = add_person(session, keys)
    add_person(session, keys)  # to whom an entry could be moved
    for segment in range(SEGMENTS):
        for minute in range(ENTRIES):
            look(session, citizen.id, now + timedelta(minutes=segment * 10 + minute))
        session.flush()
        seal_segment(session, signing_key=SIGNING_KEY, now=now)
    assert not verify_ledger(session, signing_key=SIGNING_KEY).faults
    return session


def faults(session, **options):
    return [fault.what for fault in verify_ledger(session, signing_key=SIGNING_KEY, **options).faults]


def test_a_moment_told_in_the_citys_own_zone_verifies_like_any_other(session, keys, now):
    look(session, add_person(session, keys).id, now.astimezone(CITY_ZONE))
    session.flush()
    seal_segment(session, signing_key=SIGNING_KEY, now=now)
    session.expire_all()
    assert faults(session) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET purpose = '别的目的'",
        "UPDATE ledger_entries SET segment = NULL",
        "UPDATE ledger_entries SET segment = 1 WHERE segment = 2",
        "DELETE FROM ledger_entries",
        "UPDATE ledger_segments SET entry_count = 1",
        "DELETE FROM ledger_segments WHERE number = 3",
        "INSERT INTO ledger_segments SELECT number, entry_count, previous_head, head, signature, sealed_at "
        "FROM ledger_segments WHERE number = 1",
    ],
)
def test_the_database_itself_refuses_to_change_or_delete_what_is_in_the_ledger(sealed, statement):
    with pytest.raises(IntegrityError), sealed.begin_nested():
        sealed.execute(text(statement))
    assert not faults(sealed)


def test_the_database_refuses_to_change_an_entry_that_is_not_sealed_yet(session, keys, now):
    look(session, add_person(session, keys).id, now)
    session.flush()
    for statement in ("UPDATE ledger_entries SET actor_name = '某人'", "DELETE FROM ledger_entries"):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(text(statement))


# Every column of both tables, and something else to write there. Moving ids about is a change of its own below.
OTHER = {
    "subject_id": "(SELECT max(id) FROM subjects)",
    "at": "'2020-01-01 00:00:00+00:00'",
    "actor_kind": "'officer'",
    "actor_id": "actor_id || 'x'",
    "actor_name": "'某人'",
    "action": "'score_viewed'",
    "basis": "'依职责'",
    "purpose": "purpose || '。'",
    "detail": "'{}'",
    "channel": "'console'",
    "digest": "(SELECT head FROM ledger_segments WHERE number = 1)",
    "segment": "CASE WHEN segment = 3 THEN 1 ELSE segment + 1 END",
}
OTHER_SEGMENT = {
    "entry_count": "entry_count + 1",
    "previous_head": "head",
    "head": "previous_head",
    "signature": "head",
    "sealed_at": "'2020-01-01 00:00:00+00:00'",
}


def test_every_column_of_the_ledger_is_among_those_that_are_tampered_with():
    assert set(OTHER) == set(LedgerEntry.__table__.columns.keys()) - {"id"}
    assert set(OTHER_SEGMENT) == set(LedgerSegment.__table__.columns.keys()) - {"number"}


@given(
    what=st.one_of(
        st.tuples(st.just("change"), st.sampled_from(sorted(OTHER))),
        st.tuples(st.just("change segment"), st.sampled_from(sorted(OTHER_SEGMENT))),
        st.tuples(st.sampled_from(["delete", "swap", "insert", "drop a segment"]), st.none()),
    ),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_row_field_or_order_is_tampered_with_the_ledger_shows_it(sealed, what, seed):
    kind, column = what
    chance = random.Random(seed)
    ids = [row[0] for row in sealed.execute(text("SELECT id FROM ledger_entries ORDER BY id"))]
    one, other = chance.sample(ids, 2)
    number = chance.randrange(1, SEGMENTS)
    undo = sealed.begin_nested()
    try:
        drop_triggers(sealed)
        run = lambda statement: sealed.execute(text(statement))  # noqa: E731
        match kind:
            case "change":
                run(f"UPDATE ledger_entries SET {column} = {OTHER[column]} WHERE id = {one}")
            case "delete":
                run(f"DELETE FROM ledger_entries WHERE id = {one}")
            case "swap":
                run(f"UPDATE ledger_entries SET id = -1 WHERE id = {one}")
                run(f"UPDATE ledger_entries SET id = {one} WHERE id = {other}")
                run(f"UPDATE ledger_entries SET id = {other} WHERE id = -1")
            case "insert":
                columns = (
                    "subject_id, at, actor_kind, actor_id, actor_name, action, basis, purpose, detail, channel"
                )
                run(
                    f"INSERT INTO ledger_entries (id, {columns}, digest, segment) "
                    f"SELECT {max(ids) + 1}, {columns}, digest, segment FROM ledger_entries WHERE id = {one}"
                )
            case "change segment":
                run(f"UPDATE ledger_segments SET {column} = {OTHER_SEGMENT[column]} WHERE number = {number}")
            case "drop a segment":
                run(f"DELETE FROM ledger_entries WHERE segment = {number}")
                run(f"DELETE FROM ledger_segments WHERE number = {number}")
        assert faults(sealed)
    finally:
        undo.rollback()
        sealed.expire_all()
    assert not faults(sealed)


@pytest.mark.parametrize("number", [1, 2])
def test_a_segment_taken_out_is_told_as_one_that_is_missing_and_as_a_broken_link(sealed, number):
    drop_triggers(sealed)
    sealed.execute(text(f"DELETE FROM ledger_entries WHERE segment = {number}"))
    sealed.execute(text(f"DELETE FROM ledger_segments WHERE number = {number}"))
    assert faults(sealed) == ["缺少此前的一段", "与上一段的衔接被破坏"]


def test_one_segment_written_anew_with_the_right_key_is_shown_by_the_next(sealed, now):
    drop_triggers(sealed)
    last = sealed.execute(text("SELECT * FROM ledger_segments WHERE number = 3")).mappings().one()
    in_last = [row[0] for row in sealed.execute(text("SELECT id FROM ledger_entries WHERE segment = 3"))]
    for statement in (
        "DELETE FROM ledger_entries WHERE id = (SELECT MIN(id) FROM ledger_entries WHERE segment = 2)",
        "UPDATE ledger_entries SET segment = NULL WHERE segment >= 2",
        "DELETE FROM ledger_segments WHERE number >= 2",
    ):
        sealed.execute(text(statement))
    seal_segment(sealed, signing_key=SIGNING_KEY, now=now, most=ENTRIES - 1)
    columns = ", ".join(last)
    values = ", ".join(f":{column}" for column in last)
    sealed.execute(text(f"INSERT INTO ledger_segments ({columns}) VALUES ({values})"), dict(last))
    sealed.execute(update(LedgerEntry).where(LedgerEntry.id.in_(in_last)).values(segment=3))

    assert faults(sealed) == ["与上一段的衔接被破坏"]


def test_cutting_the_end_off_is_shown_by_what_a_witness_kept(sealed):
    kept = [json.loads(head.as_line()) for head in all_heads(sealed)]
    assert not faults(sealed, witnessed=kept)
    drop_triggers(sealed)
    sealed.execute(text("DELETE FROM ledger_entries WHERE segment = 3"))
    sealed.execute(text("DELETE FROM ledger_segments WHERE number = 3"))
    assert not faults(sealed), "without a witness a shorter chain looks whole"
    assert faults(sealed, witnessed=kept) == ["留存的一段已不存在"]


def test_writing_the_whole_chain_anew_with_the_right_key_is_shown_by_what_a_witness_kept(sealed, now):
    kept = [json.loads(head.as_line()) for head in all_heads(sealed)]
    drop_triggers(sealed)
    sealed.execute(text("DELETE FROM ledger_entries WHERE id = (SELECT MIN(id) FROM ledger_entries)"))
    sealed.execute(text("UPDATE ledger_entries SET segment = NULL"))
    sealed.execute(text("DELETE FROM ledger_segments"))
    while seal_segment(sealed, signing_key=SIGNING_KEY, now=now, most=ENTRIES):
        pass
    assert not faults(sealed)
    assert set(faults(sealed, witnessed=kept)) == {"与留存的链头不符"}


def test_a_witness_who_kept_only_some_heads_still_confirms_them(sealed):
    newest = [json.loads(head.as_line()) for head in heads(sealed, limit=1)]
    assert not faults(sealed, witnessed=newest)


def test_a_witness_who_kept_another_count_of_a_segment_contradicts_it(sealed):
    kept = [json.loads(head.as_line()) for head in all_heads(sealed)]
    kept[1]["entry_count"] += 1
    assert faults(sealed, witnessed=kept) == ["与留存的链头不符"]


def test_heads_come_newest_first_and_page_by_page(sealed):
    first = heads(sealed, limit=2)
    rest = heads(sealed, before_number=first[-1].number, limit=2)
    assert [head.number for head in [*first, *rest]] == [3, 2, 1]


def test_sealing_in_portions_covers_everything_in_order(session, keys, now):
    citizen = add_person(session, keys)
    for minute in range(25):
        look(session, citizen.id, now + timedelta(minutes=minute))
    session.flush()
    sealed = []
    while count := seal_segment(session, signing_key=SIGNING_KEY, now=now, most=10):
        sealed.append(count)
    assert sealed == [10, 10, 5]
    assert not faults(session)


@pytest.fixture
def archives(tmp_path, keys):
    return ArchiveFolder(tmp_path / "archive", keys)


def archive_all(session, archives, now, jurisdiction="shandong"):
    moved = []
    while number := archive_next_segment(session, archives, jurisdiction=jurisdiction, now=now):
        moved.append(number)
    session.expire_all()
    return moved


def test_entries_stay_three_years_to_the_day_and_then_the_archive_keeps_the_chain_whole(sealed, archives, now):
    three_years = now.replace(year=now.year + 3)
    assert archive_all(sealed, archives, three_years) == []
    assert archive_all(sealed, archives, three_years + timedelta(days=1)) == [1, 2, 3]
    verdict = verify_ledger(sealed, signing_key=SIGNING_KEY, archives=archives)
    assert (verdict.faults, verdict.segments, verdict.archived_entries) == ([], 3, 12)
    assert sealed.scalar(text("SELECT COUNT(*) FROM ledger_entries")) == 0


def test_in_zhejiang_they_stay_ten_years(sealed, archives, now):
    assert archive_all(sealed, archives, now.replace(year=now.year + 9), "zhejiang") == []
    assert archive_all(sealed, archives, now.replace(year=now.year + 11), "zhejiang") == [1, 2, 3]


def test_a_missing_or_altered_archive_is_a_fault(sealed, archives, now):
    archive_all(sealed, archives, now.replace(year=now.year + 4))
    files = sorted(archives.folder.iterdir())
    files[0].write_bytes(files[0].read_bytes()[:-1] + b"x")
    files[1].unlink()
    found = faults(sealed, archives=archives)
    assert any("被改动" in fault for fault in found)
    assert any("不在" in fault for fault in found)


def test_an_archive_that_was_packed_anew_with_the_right_key_is_a_fault(sealed, archives, now):
    archive_all(sealed, archives, now.replace(year=now.year + 4))
    file = min(archives.folder.iterdir())
    file.write_bytes(archives.keys.seal_bytes(archives.keys.open_bytes(file.read_bytes())))
    assert faults(sealed, archives=archives) == [
        f"归档文件 {file.name} 被改动",
        "封存时有 4 条，现有 0 条",
        "条目被改动、删除、插入或调换",
    ]


def test_an_entry_put_into_an_archived_segment_is_a_fault(sealed, archives, now):
    archive_all(sealed, archives, now.replace(year=now.year + 4))
    look(sealed, sealed.scalar(text("SELECT max(id) FROM subjects")), now)
    sealed.flush()
    drop_triggers(sealed)
    sealed.execute(text("UPDATE ledger_entries SET segment = 1"))
    assert faults(sealed, archives=archives) == ["已归档的段仍有条目"]


def test_a_segment_stays_as_long_as_its_newest_entry(session, keys, archives, now):
    citizen = add_person(session, keys)
    for at in (now, now + timedelta(days=40)):
        look(session, citizen.id, at)
    session.flush()
    seal_segment(session, signing_key=SIGNING_KEY, now=now + timedelta(days=40))

    assert archive_all(session, archives, now.replace(year=now.year + 3) + timedelta(days=1)) == []
    assert archive_all(session, archives, now.replace(year=now.year + 3) + timedelta(days=41)) == [1]


def test_an_archive_says_nothing_to_whoever_has_no_key(sealed, archives, now):
    archive_all(sealed, archives, now.replace(year=now.year + 4))
    assert all("图书馆".encode() not in file.read_bytes() for file in archives.folder.iterdir())


def test_entries_only_leave_the_database_into_an_archive(sealed, archives, now):
    archive_next_segment(sealed, archives, jurisdiction="shandong", now=now.replace(year=now.year + 4))
    with pytest.raises(IntegrityError), sealed.begin_nested():
        sealed.execute(text("DELETE FROM ledger_entries WHERE segment = 2"))


def test_no_jurisdiction_keeps_the_ledger_for_less_than_three_years(now):
    assert retention_in_force("shandong", now.date()).years == 3
    with pytest.raises(ValueError, match="at least 3"):
        Retention(effective_from=now.date(), years=2, basis="无")
