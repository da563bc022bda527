from __future__ import annotations

from typing import get_args

import pytest

from backend.objections.errors import ObjectionStateForbids
from backend.objections.states import (
    EVENT_NAMES,
    OPEN_STATES,
    STATE_NAMES,
    ObjectionEventName,
    ObjectionState,
    state_after,
)

# The whole table once more, by hand: what each state allows and where it leads.
OPEN = {
    "uphold": "upheld",
    "uphold_partly": "partly_upheld",
    "reject": "rejected",
    "withdraw": "withdrawn",
}
ALLOWED = {
    "filed": {**OPEN, "forward": "forwarded"},
    "forwarded": OPEN,
    "upheld": {},
    "partly_upheld": {"attach_statement": "partly_upheld"},
    "rejected": {"attach_statement": "rejected"},
    "withdrawn": {},
}
PAIRS = [(state, event) for state in get_args(ObjectionState) for event in get_args(ObjectionEventName)]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_event_in_every_state_leads_where_it_should_or_is_refused(state, event):
    expected = ALLOWED[state].get(event)

    if expected is None:
        with pytest.raises(ObjectionStateForbids) as refusal:
            state_after(state, event)
        assert refusal.value.data["state"] == state
    else:
        assert state_after(state, event) == expected


def test_exactly_the_states_that_can_still_be_decided_are_open():
    assert {state for state, events in ALLOWED.items() if "uphold" in events} == set(OPEN_STATES)


def test_every_state_and_event_has_a_name_for_the_citizen():
    assert set(STATE_NAMES) == set(get_args(ObjectionState))
    assert set(EVENT_NAMES) == {"file", *get_args(ObjectionEventName)}
