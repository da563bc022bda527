"""Only the catalogue counts: from the day on which a version drops a category, what is stored of it is unused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import yaml
from sqlalchemy import select

from backend.authorizations.notices import ACTIVATION_NOTICE
from backend.benefits.city_facts import select_facts
from backend.benefits.facts import collect_facts
from backend.catalogue.document import shipped_catalogue
from backend.catalogue.service import import_catalogue, known_categories
from backend.credit_checks.service import reasons_about
from backend.exports.service import export_of
from backend.lists.service import is_red_listed, red_listed_in_sql
from backend.records.service import records_of
from backend.scores.activation import activate_score
from backend.scores.policies import adopt_policy
from backend.scores.service import compute_subject
from backend.subjects.models import Subject
from scoring.policy import shipped_policy
from scoring.reading_yaml import read_yaml
from tests.factories import add_enterprise, add_person, add_record, add_relation

BEFORE = datetime(2026, 1, 2, tzinfo=UTC)
LAST_DAY, DROPPED_ON = date(2026, 3, 2), date(2026, 3, 3)
DROPPED = {"volunteering", "dishonest_debtor", "tax_rating"}


@pytest.fixture
def city(session):
    """A catalogue in force, and from DROPPED_ON one without three of its categories."""
    import_catalogue(session, shipped_catalogue(), BEFORE)
    document = read_yaml(shipped_catalogue())
    document["categories"] = [one for one in document["categories"] if one["code"] not in DROPPED]
    document |= {"version": "2026-03", "effective_from": DROPPED_ON}
    import_catalogue(session, yaml.safe_dump(document, allow_unicode=True), BEFORE)


def points(session, subject, policy, on):
    adopted = adopt_policy(session, shipped_policy(policy), adopted_by="测试", now=BEFORE, on=date(2026, 1, 31))
    result = compute_subject(session, subject, policy_hash=adopted.hash, as_of=on)
    return {part.indicator: part.points for part in result.contributions if part.points}


def test_it_is_in_no_score_from_that_day_on_and_nothing_of_it_is_lost(session, keys, city):
    person = add_person(session, keys)
    add_record(session, person, "volunteering", quantity=100_00)
    add_record(session, person, "blood_donation", level=1)

    before, after = points(session, person, "guihua", LAST_DAY), points(session, person, "guihua", DROPPED_ON)

    assert set(before) - set(after) == {"volunteer_hours", "recent_volunteering"}
    assert set(after) == {"blood_donations"}
    assert len(records_of(session, person.id)) == 2
    assert [one.category for one in records_of(session, person.id, listed_on=DROPPED_ON)] == ["blood_donation"]


def test_its_owner_still_reads_what_it_was_and_on_what_basis(session, keys, city):
    person = add_person(session, keys)
    add_record(session, person, "volunteering", quantity=100_00)

    [told] = export_of(
        session, keys, subject_id=person.id, city_name="桂城市", now=datetime(2026, 3, 4, tzinfo=UTC)
    )["records"]

    assert (told["category_name"], told["unit"]) == ("志愿服务", "小时")
    assert told["legal_basis"]


def test_a_principals_dropped_listing_reaches_through_no_more(session, keys, city):
    enterprise, person = add_enterprise(session, keys), add_person(session, keys)
    add_relation(session, enterprise=enterprise, principal=person, role="legal_representative")
    add_record(session, person, "dishonest_debtor")

    assert points(session, enterprise, "enterprise", LAST_DAY)
    assert not points(session, enterprise, "enterprise", DROPPED_ON)


@pytest.mark.parametrize(("on", "hours", "listed"), [(LAST_DAY, 100_00, 1), (DROPPED_ON, 0, 0)])
def test_no_benefit_is_given_or_refused_by_it_alone_or_over_the_city(session, keys, city, on, hours, listed):
    person = add_person(session, keys)
    activate_score(
        session, subject_id=person.id, notice_version=ACTIVATION_NOTICE.version, evidence={}, now=BEFORE
    )
    add_record(session, person, "volunteering", quantity=100_00)
    add_record(session, person, "dishonest_debtor")
    wanted = ["records.dishonest_debtor.in_force", "records.volunteering.hours_12_months"]

    alone = collect_facts(session, holder=person, enterprise=None, wanted=wanted, on=on)
    [over_the_city] = session.execute(select_facts(session, wanted, audience="person", on=on)).all()

    assert [alone.get(code) for code in wanted] == [listed, hours]
    assert list(over_the_city[2:]) == [listed, hours]


@pytest.mark.parametrize(("on", "expected"), [(LAST_DAY, True), (DROPPED_ON, False)])
def test_nobody_is_on_the_red_list_by_it(session, keys, city, on, expected):
    enterprise = add_enterprise(session, keys)
    add_record(session, enterprise, "tax_rating", level=1)

    assert is_red_listed(session, enterprise, on) is expected
    in_sql = select(Subject.id).where(Subject.id == enterprise.id, red_listed_in_sql(session, Subject, on))
    assert (session.scalar(in_sql) is not None) is expected


@pytest.mark.parametrize(("on", "found"), [(LAST_DAY, 1), (DROPPED_ON, 0)])
def test_no_credit_check_finds_anything_of_it(session, keys, city, on, found):
    enterprise = add_enterprise(session, keys)
    add_record(session, enterprise, "dishonest_debtor")

    reasons = reasons_about(session, enterprise, ["dishonest_debtor"], known_categories(session, on), today=on)

    assert len(reasons) == found
