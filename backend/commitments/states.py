"""The life of a signed commitment: which event leads from which state to which. What is not here is refused."""

from __future__ import annotations

from typing import Literal

from backend.commitments.errors import CommitmentStateForbids

CommitmentState = Literal["signed", "fulfilled", "partly_fulfilled", "broken", "cancelled"]
CommitmentEventName = Literal["fulfil", "fulfil_partly", "break", "cancel", "remind"]

OPEN_STATES: tuple[CommitmentState, ...] = ("signed",)

STATE_NAMES: dict[CommitmentState, str] = {
    "signed": "履行中",
    "fulfilled": "已履行",
    "partly_fulfilled": "部分履行",
    "broken": "未履行",
    "cancelled": "已终止",
}
EVENT_NAMES: dict[CommitmentEventName | Literal["sign"], str] = {
    "sign": "签署承诺",
    "fulfil": "认定已履行",
    "fulfil_partly": "认定部分履行",
    "break": "认定未履行",
    "cancel": "终止承诺",
    "remind": "提醒履行",
}

TRANSITIONS: dict[tuple[CommitmentState, CommitmentEventName], CommitmentState] = {
    ("signed", "fulfil"): "fulfilled",
    ("signed", "fulfil_partly"): "partly_fulfilled",
    ("signed", "break"): "broken",
    ("signed", "cancel"): "cancelled",
    ("signed", "remind"): "signed",
    # What was taken for kept may turn out not to have been, and what was missing may be made good.
    ("fulfilled", "break"): "broken",
    ("partly_fulfilled", "break"): "broken",
    ("partly_fulfilled", "fulfil"): "fulfilled",
    ("broken", "fulfil_partly"): "partly_fulfilled",
    ("broken", "fulfil"): "fulfilled",
}


def state_after(state: CommitmentState, event: CommitmentEventName) -> CommitmentState:
    """Raises CommitmentStateForbids."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise CommitmentStateForbids(state, STATE_NAMES[state]) from None
