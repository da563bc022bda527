from __future__ import annotations

from typing import get_args

import pytest

from backend.supplements.errors import SupplementStateForbids
from backend.supplements.states import (
    EVENT_NAMES,
    STATE_NAMES,
    SupplementEventName,
    SupplementState,
    state_after,
)

ALLOWED = {
    "filed": {"return": "returned", "verify": "verified", "refuse": "refused", "withdraw": "withdrawn"},
    "returned": {"complete": "filed", "withdraw": "withdrawn"},
    "verified": {"withdraw": "withdrawn"},
    "refused": {},
    "withdrawn": {},
}
PAIRS = [(state, event) for state in get_args(SupplementState) for event in get_args(SupplementEventName)]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_event_in_every_state_leads_where_it_should_or_is_refused(state, event):
    expected = ALLOWED[state].get(event)

    if expected is None:
        with pytest.raises(SupplementStateForbids) as refusal:
            state_after(state, event)
        assert refusal.value.data["state"] == state
    else:
        assert state_after(state, event) == expected


def test_every_state_and_event_has_a_name_for_the_citizen():
    assert set(STATE_NAMES) == set(get_args(SupplementState))
    assert set(EVENT_NAMES) == {"file", *get_args(SupplementEventName)}
