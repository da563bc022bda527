from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from backend.ledger.chain import seal_segment, verify_ledger
from backend.ledger.models import LedgerEntry
from backend.ledger.service import Actor, entries_about, record_access
from tests.backend.ledger.tampering import drop_triggers
from tests.factories import add_person

SIGNING_KEY = b"s" * 32
LIBRARY = Actor(kind="partner", id="library", name="桂城图书馆")


@pytest.fixture
def citizen(session, keys):
    return add_person(session, keys)


@pytest.fixture
def look(session, citizen, now):
    def _look(minutes: int = 0, **changes):
        return record_access(
            session,
            **{
                "subject_id": citizen.id,
                "actor": LIBRARY,
                "action": "benefit_checked",
                "basis": "本人出示凭码",
                "purpose": "信易阅",
                "detail": {"scheme": "reading"},
                "channel": "partner_api",
                "now": now + timedelta(minutes=minutes),
                **changes,
            },
        )

    return _look


def test_the_citizen_reads_the_newest_look_first_and_page_by_page(session, citizen, look):
    written = [look(minute) for minute in range(5)]
    session.flush()
    first = entries_about(session, citizen.id, limit=3)
    rest = entries_about(session, citizen.id, before_id=first[-1].id, limit=3)
    assert [entry.id for entry in [*first, *rest]] == [entry.id for entry in reversed(written)]


def test_an_action_without_a_chinese_name_cannot_be_written(look):
    with pytest.raises(ValueError, match="no Chinese name"):
        look(action="peeked")


@pytest.mark.parametrize("missing", ["who", "basis", "purpose"])
def test_no_look_is_written_down_without_who_on_what_basis_and_why(session, keys, now, missing):
    told = {"basis": "依法履职", "purpose": "核查异议"} | ({missing: " "} if missing != "who" else {})
    actor = Actor("officer", "1", "" if missing == "who" else "张敏")
    person = add_person(session, keys)
    with pytest.raises(ValueError, match="would not read"):
        record_access(
            session, subject_id=person.id, actor=actor, action="portrait_viewed", detail={}, channel="console",
            now=now, **told,
        )  # fmt: skip


def test_an_untouched_ledger_verifies_across_segments(session, look, now):
    for minute in range(25):
        look(minute)
        if minute % 10 == 9:
            assert seal_segment(session, signing_key=SIGNING_KEY, now=now) == 10
    session.flush()
    verdict = verify_ledger(session, signing_key=SIGNING_KEY)
    assert (verdict.segments, verdict.sealed_entries, verdict.unsealed_entries) == (2, 20, 5)
    assert not verdict.faults


def test_a_segment_signed_with_another_key_is_found(session, look, now):
    look()
    seal_segment(session, signing_key=b"x" * 32, now=now)
    session.flush()
    faults = verify_ledger(session, signing_key=SIGNING_KEY).faults
    assert [fault.what for fault in faults] == ["签名不符"]


def test_a_changed_entry_is_found_even_before_it_is_sealed(session, look):
    look()
    session.flush()
    drop_triggers(session)
    session.execute(text("UPDATE ledger_entries SET actor_name = '某人'"))
    session.expire_all()
    assert verify_ledger(session, signing_key=SIGNING_KEY).faults


def test_sealing_nothing_makes_no_segment(session, now):
    assert seal_segment(session, signing_key=SIGNING_KEY, now=now) == 0
    assert session.query(LedgerEntry).count() == 0
