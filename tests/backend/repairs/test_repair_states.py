from __future__ import annotations

from typing import get_args

import pytest

from backend.repairs.errors import RepairStateForbids
from backend.repairs.states import (
    EVENT_NAMES,
    ON_THE_CLOCK,
    OPEN_STATES,
    STATE_NAMES,
    RepairEventName,
    RepairState,
    state_after,
)

# The whole table once more, by hand: what each state allows and where it leads.
ALLOWED = {
    "draft": {"file": "filed", "withdraw": "withdrawn"},
    "filed": {"return": "returned", "accept": "accepted", "withdraw": "withdrawn"},
    "returned": {"file": "filed", "withdraw": "withdrawn"},
    "accepted": {"forward": "with_department", "withdraw": "withdrawn"},
    "with_department": {"approve": "approved", "refuse": "refused", "withdraw": "withdrawn"},
    "approved": {"finish": "done"},
    "done": {"revoke": "revoked"},
    "refused": {},
    "withdrawn": {},
    "revoked": {},
}
PAIRS = [(state, event) for state in get_args(RepairState) for event in get_args(RepairEventName)]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_event_in_every_state_leads_where_it_should_or_is_refused(state, event):
    expected = ALLOWED[state].get(event)

    if expected is None:
        with pytest.raises(RepairStateForbids) as refusal:
            state_after(state, event)
        assert refusal.value.data["state"] == state
    else:
        assert state_after(state, event) == expected


def test_a_case_is_open_until_it_is_done_refused_or_withdrawn():
    assert set(OPEN_STATES) == set(ALLOWED) - {"done", "refused", "withdrawn", "revoked"}
    assert set(ON_THE_CLOCK) == set(OPEN_STATES) - {"draft", "returned"}


def test_every_state_and_event_has_a_name_for_the_citizen():
    assert set(STATE_NAMES) == set(get_args(RepairState))
    assert set(EVENT_NAMES) == {"draft", *get_args(RepairEventName)}
