from __future__ import annotations

from typing import get_args

import pytest

from backend.joint_incentives.errors import IncentiveStateForbids
from backend.joint_incentives.states import (
    EVENT_NAMES,
    ON_THE_CLOCK,
    STATE_NAMES,
    RequestEventName,
    RequestState,
    state_after,
)

ALLOWED = {
    "asked": {"accept": "accepted", "decline": "declined", "withdraw": "withdrawn"},
    "accepted": {"feed_back": "accepted", "finish": "done", "withdraw": "withdrawn"},
    "declined": {"ask_again": "asked"},
    "done": {},
    "withdrawn": {},
}
PAIRS = [(state, event) for state in get_args(RequestState) for event in get_args(RequestEventName)]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_event_in_every_state_leads_where_it_should_or_is_refused(state, event):
    expected = ALLOWED[state].get(event)
    if expected is None:
        with pytest.raises(IncentiveStateForbids) as refusal:
            state_after(state, event)
        assert refusal.value.data["state"] == state
    else:
        assert state_after(state, event) == expected


def test_every_state_and_event_has_a_name_and_only_a_department_that_has_to_act_is_on_the_clock():
    assert set(STATE_NAMES) == set(get_args(RequestState))
    assert set(EVENT_NAMES) == {"ask", *get_args(RequestEventName)}
    assert set(ON_THE_CLOCK) == {"asked", "accepted"}
