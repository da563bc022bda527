"""What happened to a record, in words, and what the city knew on a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.identifiers.sealing import KeyRing
from backend.records.life import life_of
from backend.records.models import CreditRecord
from backend.records.service import (
    change_state,
    correct_record,
    expire_records,
    facts_at,
    records_known_on,
    versions_of,
)
from backend.records.storing import facts_of, version_of
from tests.backend.records.conftest import City, judgment
from tests.factories import CREATED, add_person, add_record

CATEGORIES = parse_catalogue(shipped_catalogue()).categories


def test_every_step_of_a_life_is_told_with_who_when_why_and_what_changed(city: City) -> None:
    row = judgment()
    city.deliver(row)
    city.deliver(row | {"未履行金额（元）": "8000", "严重程度": "轻微"}, now=city.now + timedelta(days=1))
    with city.database.transaction() as session:
        record = session.scalars(select(CreditRecord)).one()
        steps = [
            ("disputed", "本人"),
            ("active", "陈审核"),
            ("repaired", "陈审核"),
            ("revoked", "桂城市中级人民法院"),
        ]
        for day, (state, by) in enumerate(steps, start=2):
            change_state(
                session, record, state=state, changed_by=by, reason="办理", now=city.now + timedelta(days=day)
            )
        life = life_of(session, record, CATEGORIES["court_judgment"])

    assert [event.event for event in life] == [
        "delivered",
        "corrected",
        "disputed",
        "restored",
        "repaired",
        "revoked",
    ]
    assert life[0].sentence == "桂城市中级人民法院报送了这条记录。"
    assert {(change.name, change.before, change.after) for change in life[1].changes} == {
        ("金额", "12,000.50 元", "8,000.00 元"),
        ("等次", "一般", "轻微"),
        ("未履行金额（元）", "12000.50", "8000"),
        ("严重程度", "一般", "轻微"),
    }
    assert all(event.changes == [] for event in life[2:])
    assert (life[3].changed_by, life[3].reason) == ("陈审核", "办理")


def test_what_was_known_on_a_day_leaves_out_what_came_later(city: City) -> None:
    first, second = judgment(), judgment()
    city.deliver(first)
    city.deliver(second, now=city.now + timedelta(days=2))
    city.deliver(first | {"未履行金额（元）": "8000"}, now=city.now + timedelta(days=4))
    subject_id = city.records()[0].subject_id

    def known(day: int) -> list[tuple[int, Any, str]]:
        with city.database.reading() as session:
            return [
                (item.version.version, item.facts["amount"], item.version.state)
                for item in records_known_on(session, subject_id, date(2026, 3, day))
            ]

    assert known(2) == []
    assert known(3) == known(4) == [(1, 1_200_050, "active")]
    assert known(5) == known(6) == [(1, 1_200_050, "active"), (1, 1_200_050, "active")]
    assert known(7) == [(2, 800_000, "active"), (1, 1_200_050, "active")]


states = st.sampled_from(["active", "disputed", "repaired", "revoked"])
steps = st.one_of(
    states.map(lambda state: ("state", state)),
    st.tuples(st.just("amount"), st.integers(0, 10**6)),
    st.tuples(st.just("title"), st.sampled_from(["一", "二", "三"])),
    st.tuples(st.just("ended_on"), st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31))),
    st.tuples(
        st.just("content"), st.dictionaries(st.sampled_from("甲乙"), st.text("文字", max_size=2), max_size=2)
    ),
    st.just(("expire", None)),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=12))
def test_any_sequence_of_changes_can_be_replayed_up_to_the_row_as_it_stands(
    session: Session, keys: KeyRing, changes: list[tuple[str, Any]]
) -> None:
    with session.begin_nested() as sandbox:
        record = add_record(session, add_person(session, keys), "court_judgment", title="零")
        session.add(version_of(record, now=CREATED, changed_by="法院", reason="报送"))
        session.flush()
        seen = [(record.state, facts_of(record))]
        for day, (what, value) in enumerate(changes, start=1):
            moment = CREATED + timedelta(days=day)
            match what:
                case "expire" if record.state != "expired":
                    expire_records(session, [record], reason="到期", now=moment)
                case "state" if record.state != value:
                    change_state(session, record, state=value, changed_by="陈", reason="办理", now=moment)
                case _ if what not in ("expire", "state") and getattr(record, what) != value:
                    correct_record(
                        session, record, changes={what: value}, changed_by="陈", reason="更正", now=moment
                    )
                case _:
                    continue
            seen.append((record.state, facts_of(record)))

        versions = versions_of(session, record.id)
        session.expire_all()
        assert [version.version for version in versions] == list(range(1, record.version + 1))
        assert [(version.state, facts_at(session, version)) for version in versions] == seen
        assert (versions[-1].state, facts_at(session, versions[-1])) == (record.state, facts_of(record))
        assert [event.state for event in life_of(session, record, CATEGORIES["court_judgment"])] == [
            state for state, _ in seen
        ]
        sandbox.rollback()
