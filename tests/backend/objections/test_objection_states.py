from __future__ import annotations

from typing import get_args

import pytest

from backend.objections.errors import ObjectionStateForbids
from backend.objections.states import (
    EVENT_NAMES,
    OPEN_STATES,
    STATE_NAMES,
    WITH_DEPARTMENT,
    ObjectionEventName,
    ObjectionState,
    state_after,
)

# The whole table once more, by hand: what each state allows and where it leads.
OFFICE_AND_SUBJECT = {
    "redirect": "forwarded",
    "uphold": "upheld",
    "uphold_partly": "partly_upheld",
    "reject": "rejected",
    "refer": "redirected",
    "withdraw": "withdrawn",
}
DEPARTMENT = {"reply": "replied", "disclaim": "disclaimed"}
ALLOWED = {
    "filed": {
        **OFFICE_AND_SUBJECT,
        **DEPARTMENT,
        "extend": "filed",
        "add_evidence": "filed",
        "forward": "forwarded",
    },
    "forwarded": {**OFFICE_AND_SUBJECT, **DEPARTMENT, "extend": "forwarded", "add_evidence": "forwarded"},
    "disclaimed": {**OFFICE_AND_SUBJECT, "extend": "disclaimed", "add_evidence": "disclaimed"},
    "replied": {**OFFICE_AND_SUBJECT, "extend": "replied", "add_evidence": "replied"},
    "upheld": {},
    "partly_upheld": {"attach_statement": "partly_upheld"},
    "rejected": {"attach_statement": "rejected"},
    "redirected": {"attach_statement": "redirected"},
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


def test_a_department_answers_exactly_what_waits_in_its_inbox():
    assert {state for state, events in ALLOWED.items() if "reply" in events} == set(WITH_DEPARTMENT)


def test_every_state_and_event_has_a_name_for_the_citizen():
    assert set(STATE_NAMES) == set(get_args(ObjectionState))
    assert set(EVENT_NAMES) == {"file", *get_args(ObjectionEventName)}
