"""Nobody puts a catalogue into force alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from backend.catalogue.document import shipped_catalogue
from backend.catalogue.drafts import Proposer, changes_of_draft, decide_draft, drafts, propose_catalogue
from backend.catalogue.errors import (
    DraftDecided,
    EffectInThePast,
    NoCatalogueInForce,
    SamePerson,
    VersionAlreadyImported,
)
from backend.catalogue.service import catalogue_in_force, import_catalogue, known_categories
from tests.backend.catalogue.test_service import edited

ZHANG, CHEN = Proposer("1", "张敏"), Proposer("2", "陈审核")
NEXT_YEAR = date(2027, 1, 1)


@pytest.fixture
def draft(session, now):
    import_catalogue(session, shipped_catalogue(), now)
    return propose_catalogue(session, edited("2027.1", NEXT_YEAR, without="honour"), by=ZHANG, now=now)


def decide(session, draft, now, decision="approved", by=CHEN):
    return decide_draft(session, draft.id, decision=decision, reason="已核对依据", by=by, now=now)


def test_a_proposed_version_is_not_in_force(session, draft):
    assert "honour" in catalogue_in_force(session, NEXT_YEAR).categories
    assert [item.state for item in drafts(session)] == ["proposed"]


def test_approved_by_somebody_else_it_is_in_force_from_its_day(session, draft, now):
    decided = decide(session, draft, now)

    assert (decided.state, decided.decider_name) == ("approved", "陈审核")
    assert "honour" not in catalogue_in_force(session, NEXT_YEAR).categories
    assert "honour" in catalogue_in_force(session, NEXT_YEAR - timedelta(days=1)).categories
    assert "honour" in known_categories(session, NEXT_YEAR), "records of its time still need it"
    assert known_categories(session, date(2025, 12, 31)) == {}, "what is not in force yet is not known"


@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_nobody_decides_about_their_own_draft(session, draft, now, decision):
    with pytest.raises(SamePerson):
        decide(session, draft, now, decision=decision, by=ZHANG)
    assert draft.state == "proposed"


@pytest.mark.parametrize("first", ["approved", "rejected"])
def test_a_draft_is_decided_once(session, draft, now, first):
    decide(session, draft, now, decision=first)

    with pytest.raises(DraftDecided):
        decide(session, draft, now, by=Proposer("3", "李"))


def test_a_rejected_draft_changes_nothing(session, draft, now):
    decide(session, draft, now, decision="rejected")

    assert "honour" in catalogue_in_force(session, NEXT_YEAR).categories


def test_a_version_never_takes_effect_in_the_past(session, draft, now):
    with pytest.raises(EffectInThePast):
        propose_catalogue(session, edited("2026.2", date(2026, 3, 2)), by=ZHANG, now=now)
    with pytest.raises(EffectInThePast):
        decide(session, draft, now + timedelta(days=400))
    assert propose_catalogue(session, edited("2026.3", date(2026, 3, 3)), by=ZHANG, now=now).state == "proposed"


def test_a_draft_may_be_approved_on_its_very_day_until_midnight_in_the_city(session, draft, now):
    today = date(2026, 3, 3)
    urgent, late = (
        propose_catalogue(session, edited(version, today, without="honour"), by=ZHANG, now=now)
        for version in ("2026.2", "2026.3")
    )
    midnight = datetime(2026, 3, 3, 16, tzinfo=UTC)

    decide(session, urgent, midnight - timedelta(seconds=1))

    assert "honour" not in catalogue_in_force(session, today).categories
    with pytest.raises(EffectInThePast):
        decide(session, late, midnight)


def test_the_newest_drafts_are_listed_first_decided_or_not(session, draft, now):
    later, last = (
        propose_catalogue(session, edited(version, NEXT_YEAR), by=ZHANG, now=now + timedelta(hours=hours))
        for version, hours in (("2027.2", 1), ("2027.3", 2))
    )
    decide(session, later, now + timedelta(hours=3), decision="rejected")

    assert [one.version for one in drafts(session)] == ["2027.3", "2027.2", "2027.1"]
    assert list(drafts(session, limit=2)) == [last, later]


def test_a_version_number_is_used_once(session, draft, now):
    with pytest.raises(VersionAlreadyImported):
        propose_catalogue(session, edited("2026.1", NEXT_YEAR), by=ZHANG, now=now)


def test_a_draft_tells_what_it_would_change(session, draft, now):
    (change,) = changes_of_draft(session, draft, date(2026, 3, 3))
    assert (change.category, change.field, change.after) == ("honour", None, None)


def test_in_a_city_without_a_catalogue_everything_is_new(session, now):
    first = propose_catalogue(session, edited("1", NEXT_YEAR), by=ZHANG, now=now)

    with pytest.raises(NoCatalogueInForce):
        catalogue_in_force(session, date(2026, 3, 3))
    assert {change.before for change in changes_of_draft(session, first, date(2026, 3, 3))} == {None}
