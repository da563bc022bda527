from __future__ import annotations

from typing import get_args

import pytest

from backend.deletion_requests.errors import DeletionStateForbids
from backend.deletion_requests.states import (
    EVENT_NAMES,
    STATE_NAMES,
    DeletionEventName,
    DeletionState,
    outcome,
    state_after,
)

ALLOWED = {
    "under_review": {"delete": "deleted", "delete_partly": "partly", "refuse": "refused", "withdraw": "withdrawn"},
    "deleted": {},
    "partly": {},
    "refused": {},
    "withdrawn": {},
}
PAIRS = [(state, event) for state in get_args(DeletionState) for event in get_args(DeletionEventName)]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_event_in_every_state_leads_where_it_should_or_is_refused(state, event):
    expected = ALLOWED[state].get(event)

    if expected is None:
        with pytest.raises(DeletionStateForbids) as refusal:
            state_after(state, event)
        assert refusal.value.data["state"] == state
    else:
        assert state_after(state, event) == expected


def test_every_state_and_event_has_a_name_for_the_citizen():
    assert set(STATE_NAMES) == set(get_args(DeletionState))
    assert set(EVENT_NAMES) == {"file", "erase", *get_args(DeletionEventName)}


@pytest.mark.parametrize(
    ("deleted", "kept", "event"),
    [
        (True, False, "delete"),
        (True, True, "delete_partly"),
        (False, True, "refuse"),
    ],
)
def test_the_outcome_says_what_became_of_the_whole_request(deleted, kept, event):
    assert outcome(deleted=deleted, kept=kept) == event
