"""Who is on the red list on a day, read three ways: one subject, a query over everyone, and what is published."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from backend.catalogue.service import catalogue_in_force
from backend.choices.service import decline
from backend.lists.errors import RedListUnknown
from backend.lists.red_lists import red_lists_on
from backend.lists.service import (
    is_red_listed,
    published_red_list,
    red_list_standing,
    red_listed_in_sql,
)
from backend.subjects.models import Subject
from tests.factories import add_enterprise, add_person, add_record
from tests.rules_in_force import put_rules_in_force

ON = date(2026, 3, 3)
A, B = 1, 2
VALID = red_lists_on(ON).lists["tax_a"].valid_days


@pytest.fixture(autouse=True)
def catalogue(session):
    put_rules_in_force(session, datetime(2026, 1, 2, tzinfo=UTC))


@pytest.fixture
def company(session, keys):
    return add_enterprise(session, keys)


def names(session, subject, on=ON):
    return [entry.red_list.code for entry in red_list_standing(session, subject, on=on).entries]


def published(session, code, text=None, **page):
    found = published_red_list(session, code, on=ON, text=text, **{"before_id": None, "limit": 10} | page)
    return [subject.id for subject, _entry in found]


def test_every_red_list_names_its_basis_and_a_category_of_the_catalogue(session):
    categories = catalogue_in_force(session, ON).categories
    for red_list in red_lists_on(ON).lists.values():
        category = categories[red_list.category]
        assert red_list.basis
        assert set(red_list.subject_kinds) <= set(category.subject_kinds)
        assert set(red_list.levels) <= {level.code for level in category.levels}
        assert category.polarity != "negative"


def test_the_best_tax_rating_lists_an_enterprise_until_a_newer_one_is_lower(session, company):
    add_record(session, company, "tax_rating", level=A, event_on=date(2025, 4, 30))
    assert names(session, company) == ["tax_a"]
    add_record(session, company, "tax_rating", level=B, event_on=date(2026, 3, 3))
    assert names(session, company) == []
    assert published(session, "tax_a") == []


@pytest.mark.parametrize(("days", "listed"), [(VALID, True), (VALID + 1, False)])
def test_an_entry_vanishes_the_day_after_its_last(session, company, days, listed):
    add_record(session, company, "tax_rating", level=A, event_on=ON - timedelta(days=days))
    assert is_red_listed(session, company, ON) is listed
    assert bool(published(session, "tax_a")) is listed


@pytest.mark.parametrize(("ended_on", "listed"), [(ON, True), (ON - timedelta(days=1), False)])
def test_an_award_that_ended_is_no_entry_any_more(session, company, ended_on, listed):
    add_record(session, company, "honour", level=3, event_on=date(2026, 1, 5), ended_on=ended_on)
    assert is_red_listed(session, company, ON) is listed
    assert bool(published(session, "honoured")) is listed


@pytest.mark.parametrize(
    ("state", "listed"), [("active", True), ("disputed", True), ("revoked", False), ("expired", False)]
)
def test_an_entry_goes_with_its_record(session, company, state, listed):
    add_record(session, company, "honour", level=3, event_on=date(2026, 1, 5), state=state)
    assert is_red_listed(session, company, ON) is listed
    assert bool(published(session, "honoured")) is listed


@pytest.mark.parametrize(
    ("state", "ended_on", "barred"),
    [("active", None, True), ("active", ON, False), ("disputed", None, False), ("repaired", None, False)],
)
def test_nobody_is_on_it_while_listed_for_dishonesty_but_an_objection_lifts_that(
    session, company, state, ended_on, barred
):
    add_record(session, company, "honour", level=3, event_on=date(2026, 1, 5))
    add_record(session, company, "serious_list", event_on=date(2026, 2, 1), state=state, ended_on=ended_on)
    standing = red_list_standing(session, company, on=ON)
    assert bool(standing.entries) is not barred
    assert [one.name for one in standing.barred_by] == (["严重违法失信名单"] if barred else [])
    assert bool(published(session, "honoured")) is not barred


def test_a_person_is_on_it_for_themselves_and_is_never_published(session, keys, now):
    person = add_person(session, keys)
    add_record(session, person, "honour", level=2, event_on=date(2026, 1, 5))
    assert names(session, person) == ["honoured"]
    assert published(session, "honoured") == []
    decline(session, subject_id=person.id, category="honour", now=now)
    assert names(session, person) == []


def test_a_cancelled_enterprise_is_on_no_list(session, company):
    add_record(session, company, "honour", level=3, event_on=date(2026, 1, 5))
    company.status = "cancelled"
    session.flush()
    assert names(session, company) == []
    assert published(session, "honoured") == []


def test_the_published_list_is_found_by_name_or_code_page_by_page(session, keys):
    for name in ("桂城甲有限公司", "桂城乙有限公司"):
        add_record(session, add_enterprise(session, keys, name=name), "honour", level=3, event_on=ON)
    first, second = published(session, "honoured")
    one = session.get_one(Subject, first)
    assert published(session, "honoured", text="乙有限") == published(session, "honoured", text=one.public_code)
    [(_subject, entry)] = published_red_list(session, "honoured", on=ON, text=None, before_id=None, limit=1)
    assert published(session, "honoured", before_id=entry.record.id) == [second]
    with pytest.raises(RedListUnknown):
        published(session, "grey")


records = st.lists(
    st.tuples(
        st.sampled_from(["tax_rating", "honour", "serious_list", "abnormal_operation", "admin_licence"]),
        st.integers(0, 3),
        st.integers(-3, VALID + 3),
        st.sampled_from(["active", "disputed", "revoked"]),
        st.none() | st.integers(-2, 2),
    ),
    max_size=4,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=records)
def test_one_subject_and_the_database_read_the_same(session, keys, facts):
    with session.begin_nested() as nested:
        for subject in (add_enterprise(session, keys), add_person(session, keys)):
            for category, level, days_ago, state, ended in facts:
                add_record(
                    session,
                    subject,
                    category,
                    level=level,
                    event_on=ON - timedelta(days=days_ago),
                    state=state,
                    ended_on=None if ended is None else ON + timedelta(days=ended),
                )
            by_query = session.scalar(
                select(Subject.id).where(Subject.id == subject.id, red_listed_in_sql(session, Subject, ON))
            )
            assert (by_query is not None) is is_red_listed(session, subject, ON)
        nested.rollback()
