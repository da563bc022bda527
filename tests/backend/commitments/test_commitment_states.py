from __future__ import annotations

from typing import get_args

import pytest

from backend.commitments.errors import CommitmentStateForbids
from backend.commitments.states import (
    EVENT_NAMES,
    STATE_NAMES,
    CommitmentEventName,
    CommitmentState,
    state_after,
)

ALLOWED = {
    "signed": {
        "fulfil": "fulfilled",
        "fulfil_partly": "partly_fulfilled",
        "break": "broken",
        "cancel": "cancelled",
        "remind": "signed",
    },
    "fulfilled": {"break": "broken"},
    "partly_fulfilled": {"break": "broken", "fulfil": "fulfilled"},
    "broken": {"fulfil": "fulfilled", "fulfil_partly": "partly_fulfilled"},
    "cancelled": {},
}
PAIRS = [(state, event) for state in get_args(CommitmentState) for event in get_args(CommitmentEventName)]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_event_in_every_state_leads_where_it_should_or_is_refused(state, event):
    expected = ALLOWED[state].get(event)

    if expected is None:
        with pytest.raises(CommitmentStateForbids) as refusal:
            state_after(state, event)
        assert refusal.value.data["state"] == state
    else:
        assert state_after(state, event) == expected


def test_every_state_and_event_has_a_name_for_the_citizen():
    assert set(STATE_NAMES) == set(get_args(CommitmentState))
    assert set(EVENT_NAMES) == {"sign", *get_args(CommitmentEventName)}
