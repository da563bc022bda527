"""The life of a loan referral: which event leads from which state to which. What is not here is refused."""

from __future__ import annotations

from typing import Literal

from backend.institutions.errors import ReferralStateForbids

ReferralState = Literal["sent", "applied", "granted", "declined", "withdrawn"]
ReferralEventName = Literal["apply", "grant", "decline"]

OPEN_STATES: tuple[ReferralState, ...] = ("sent", "applied")

STATE_NAMES: dict[ReferralState, str] = {
    "sent": "已转给银行",
    "applied": "银行已受理",
    "granted": "已批准",
    "declined": "未批准",
    "withdrawn": "已撤回",
}

TRANSITIONS: dict[tuple[ReferralState, ReferralEventName], ReferralState] = {
    ("sent", "apply"): "applied",
    ("sent", "decline"): "declined",
    ("applied", "grant"): "granted",
    ("applied", "decline"): "declined",
}


def state_after(state: ReferralState, event: ReferralEventName) -> ReferralState:
    """Raises ReferralStateForbids."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ReferralStateForbids(state, STATE_NAMES[state]) from None
