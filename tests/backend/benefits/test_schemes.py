from __future__ import annotations

from datetime import date

import pytest

from backend.benefits.errors import (
    SchemeInvalid,
    SchemeNotFound,
    SchemeNotInState,
    SchemeVersionExists,
    SecondPersonRequired,
)
from backend.benefits.scheme_document import shipped_documents
from backend.benefits.schemes import (
    all_versions,
    approve_scheme,
    enrol_provider,
    import_scheme,
    install_shipped_schemes,
    provider_names,
    return_scheme,
    scheme_in_force,
    schemes_in_force,
    schemes_offered_by,
    simulate_scheme,
    submit_scheme,
)
from backend.partners.service import get_partner, suspend_partner
from tests.backend.benefits.made_up import add_merchant, add_scheme, document

TODAY = date(2026, 3, 3)


def draft(session, now, **changes):
    return import_scheme(session, document(**changes), drafted_by="张起草", now=now)


def submit(session, now, by="张起草", version=1):
    simulate_scheme(session, code="pool_ticket", version=version, now=now)
    return submit_scheme(session, code="pool_ticket", version=version, submitted_by=by, now=now)


def approve(session, now, by="李批准", version=1):
    return approve_scheme(session, code="pool_ticket", version=version, approved_by=by, now=now)


def test_a_draft_is_not_in_force(session, now):
    draft(session, now)
    with pytest.raises(SchemeNotFound):
        scheme_in_force(session, "pool_ticket", TODAY)
    assert schemes_in_force(session, TODAY) == []


def test_a_second_person_approves(session, now):
    draft(session, now)
    submit(session, now, by="王提交")
    for same in ("张起草", "王提交"):
        with pytest.raises(SecondPersonRequired):
            approve(session, now, by=same)
    scheme = approve(session, now)
    assert (scheme.approved_by, scheme.approved_at) == ("李批准", now)
    assert scheme_in_force(session, "pool_ticket", TODAY).id == scheme.id


def test_a_scheme_is_approved_once(session, now):
    draft(session, now)
    submit(session, now)
    approve(session, now)
    with pytest.raises(SchemeNotInState):
        approve(session, now)
    with pytest.raises(SchemeNotFound):
        approve(session, now, version=2)


def test_taking_the_same_document_in_again_changes_nothing(session, now):
    first = draft(session, now)
    submit(session, now)
    approve(session, now)
    assert draft(session, now) is first
    assert first.state == "approved"
    assert len(all_versions(session)) == 1


def test_a_version_cannot_be_rewritten(session, now):
    draft(session, now)
    with pytest.raises(SchemeVersionExists):
        draft(session, now, name="另一种优惠")


def test_an_unreadable_document_leaves_nothing(session, now):
    with pytest.raises(SchemeInvalid):
        draft(session, now, tiers=[])
    assert all_versions(session) == []


def test_a_new_version_takes_over_on_its_day(session, now):
    add_scheme(session, now)
    add_scheme(session, now, version=2, effective_from="2026-04-01")
    assert scheme_in_force(session, "pool_ticket", date(2026, 3, 31)).rules.version == 1
    assert scheme_in_force(session, "pool_ticket", date(2026, 4, 1)).rules.version == 2
    assert [scheme.rules.version for scheme in schemes_in_force(session, date(2026, 4, 1))] == [2]


def test_a_scheme_ends_after_its_last_day_and_an_older_version_does_not_come_back(session, now):
    add_scheme(session, now)
    add_scheme(session, now, version=2, effective_from="2026-02-01", effective_to="2026-02-28")
    assert scheme_in_force(session, "pool_ticket", date(2026, 2, 28)).rules.version == 2
    with pytest.raises(SchemeNotFound):
        scheme_in_force(session, "pool_ticket", date(2026, 3, 1))
    assert schemes_in_force(session, date(2026, 3, 1)) == []


def test_installing_the_shipped_schemes_twice_changes_nothing_the_second_time(session, now):
    installed = install_shipped_schemes(session, drafted_by="甲", approved_by="乙", now=now)
    assert installed == len(shipped_documents())
    assert install_shipped_schemes(session, drafted_by="甲", approved_by="乙", now=now) == 0
    assert len(schemes_in_force(session, TODAY)) == installed


def test_a_partner_offers_only_what_it_is_enrolled_in(session, now):
    mine, other = add_scheme(session, now), add_scheme(session, now, code="gym_ticket")
    partner = add_merchant(session, now, offers=(mine,))
    assert [scheme.rules.code for scheme in schemes_offered_by(session, partner.partner_id, TODAY)] == [mine]
    enrol_provider(session, scheme_code=mine, partner=get_partner(session, partner.partner_id), now=now)
    assert provider_names(session, [mine, other]) == {mine: ["桂城泳池"], other: []}


def test_enrolling_in_a_scheme_that_does_not_exist_is_refused(session, now):
    with pytest.raises(SchemeNotFound):
        add_merchant(session, now, offers=("nothing_such",))


def test_a_suspended_partner_is_not_shown_as_a_provider(session, now):
    code = add_scheme(session, now)
    partner = add_merchant(session, now, offers=(code,))
    suspend_partner(session, get_partner(session, partner.partner_id), by="张敏", now=now)
    session.flush()
    assert provider_names(session, [code]) == {code: []}


EVENTS = {
    "simulate": lambda session, now: simulate_scheme(session, code="pool_ticket", version=1, now=now),
    "submit": lambda session, now: submit_scheme(
        session, code="pool_ticket", version=1, submitted_by="张起草", now=now
    ),
    "approve": lambda session, now: approve(session, now),
    "return": lambda session, now: return_scheme(
        session, code="pool_ticket", version=1, returned_by="李批准", reason="门槛过高", now=now
    ),
}
WAYS = {
    ("draft", "simulate"): "simulated",
    ("simulated", "simulate"): "simulated",
    ("simulated", "submit"): "submitted",
    ("submitted", "approve"): "approved",
    ("submitted", "return"): "draft",
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", ["draft", "simulated", "submitted", "approved"])
def test_a_version_moves_on_only_by_the_ways_of_the_table(session, now, state, event):
    scheme = draft(session, now)
    scheme.state = state
    session.flush()
    if after := WAYS.get((state, event)):
        EVENTS[event](session, now)
        assert scheme.state == after
    else:
        with pytest.raises(SchemeNotInState):
            EVENTS[event](session, now)
        assert scheme.state == state


def test_a_returned_version_says_why_and_by_whom(session, now):
    scheme = draft(session, now)
    submit(session, now)
    EVENTS["return"](session, now)
    assert scheme.returned_because == "李批准（2026-03-03）：门槛过高"
    submit(session, now)
    assert scheme.returned_because is None
