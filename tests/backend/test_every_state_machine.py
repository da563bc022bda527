"""Every table of states and events that there is, against the same table written a second time by hand.

Each machine's own tests walk its pairs; this holds that no table is added, or widened, without its second copy.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from itertools import product

import pytest

import backend
from backend.institutions.errors import ReferralStateForbids
from backend.institutions.states import STATE_NAMES as REFERRAL_STATES
from backend.institutions.states import state_after as referral_after
from tests.backend.authorizations.test_consents import ALLOWED as CONSENTS
from tests.backend.commitments.test_commitment_states import ALLOWED as COMMITMENTS
from tests.backend.deletion_requests.test_deletion_states import ALLOWED as DELETIONS
from tests.backend.joint_incentives.test_incentive_states import ALLOWED as INCENTIVES
from tests.backend.objections.test_objection_states import ALLOWED as OBJECTIONS
from tests.backend.oversight.test_oversight import ALERTS
from tests.backend.oversight.test_oversight import COMPLAINTS as ACCESS_COMPLAINTS
from tests.backend.repairs.test_repair_states import ALLOWED as REPAIRS
from tests.backend.supplements.test_supplement_states import ALLOWED as SUPPLEMENTS

REFERRALS = {
    "sent": {"apply": "applied", "decline": "declined"},
    "applied": {"grant": "granted", "decline": "declined"},
    "granted": {},
    "declined": {},
    "withdrawn": {},
}
APPLICATIONS = {
    "filed": {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"},
    "approved": {},
    "rejected": {},
    "withdrawn": {},
}
OUTCOMES = {"uphold": "upheld", "reject": "rejected", "withdraw": "withdrawn"}
MERCHANT_COMPLAINTS = {
    "filed": {**OUTCOMES, "take_up": "taken_up"},
    "taken_up": OUTCOMES,
    "upheld": {},
    "rejected": {},
    "withdrawn": {},
}
BY_HAND = {
    "backend.authorizations.states.TRANSITIONS": CONSENTS,
    "backend.benefits.complaints.TRANSITIONS": MERCHANT_COMPLAINTS,
    "backend.commitments.states.TRANSITIONS": COMMITMENTS,
    "backend.deletion_requests.states.TRANSITIONS": DELETIONS,
    "backend.institutions.states.TRANSITIONS": REFERRALS,
    "backend.joint_incentives.states.TRANSITIONS": INCENTIVES,
    "backend.objections.states.TRANSITIONS": OBJECTIONS,
    "backend.onboarding.states.TRANSITIONS": APPLICATIONS,
    "backend.oversight.states.ALERT_TRANSITIONS": ALERTS,
    "backend.oversight.states.COMPLAINT_TRANSITIONS": ACCESS_COMPLAINTS,
    "backend.repairs.states.TRANSITIONS": REPAIRS,
    "backend.supplements.states.TRANSITIONS": SUPPLEMENTS,
}


def tables() -> dict[str, Mapping[tuple[str, str], str]]:
    """Where each is defined, and the table; not where another module imports it."""
    found = {}
    for module in pkgutil.walk_packages(backend.__path__, "backend."):
        source = module.module_finder.find_spec(module.name).loader.get_source(module.name)  # type: ignore[union-attr]
        if "TRANSITIONS" in (source or ""):
            for name, value in vars(import_module(module.name)).items():
                if name.endswith("TRANSITIONS") and f"\n{name}:" in (source or ""):
                    found[f"{module.name}.{name}"] = value
    return found


def test_every_table_of_states_and_events_is_written_down_a_second_time():
    assert set(tables()) == set(BY_HAND)


@pytest.mark.parametrize("where", BY_HAND)
def test_a_table_allows_what_the_one_by_hand_allows_and_nothing_else(where):
    by_hand = {(state, event): after for state, ways in BY_HAND[where].items() for event, after in ways.items()}

    assert dict(tables()[where]) == by_hand


@pytest.mark.parametrize("where", BY_HAND)
def test_no_state_is_left_for_one_that_the_table_does_not_know(where):
    assert {after for ways in BY_HAND[where].values() for after in ways.values()} <= set(BY_HAND[where])


@pytest.mark.parametrize(("state", "event"), list(product(REFERRAL_STATES, ("apply", "grant", "decline"))))
def test_a_referral_goes_where_it_should_or_is_refused(state, event):
    if after := REFERRALS[state].get(event):
        assert referral_after(state, event) == after
    else:
        with pytest.raises(ReferralStateForbids):
            referral_after(state, event)
