"""The life of an objection: which event leads from which state to which. Whatever is not here is refused."""

from __future__ import annotations

from typing import Literal

from backend.objections.errors import ObjectionStateForbids

ObjectionState = Literal["filed", "forwarded", "upheld", "partly_upheld", "rejected", "withdrawn"]
ObjectionEventName = Literal["forward", "uphold", "uphold_partly", "reject", "withdraw", "attach_statement"]

OPEN_STATES: tuple[ObjectionState, ...] = ("filed", "forwarded")

STATE_NAMES: dict[ObjectionState, str] = {
    "filed": "已受理",
    "forwarded": "数源单位核查中",
    "upheld": "异议成立",
    "partly_upheld": "异议部分成立",
    "rejected": "异议不成立",
    "withdrawn": "已撤回",
}
EVENT_NAMES: dict[ObjectionEventName | Literal["file"], str] = {
    "file": "提交异议",
    "forward": "转数源单位核查",
    "uphold": "认定异议成立",
    "uphold_partly": "认定异议部分成立",
    "reject": "认定异议不成立",
    "withdraw": "撤回异议",
    "attach_statement": "附加本人声明",
}

TRANSITIONS: dict[tuple[ObjectionState, ObjectionEventName], ObjectionState] = {
    ("filed", "forward"): "forwarded",
    ("filed", "uphold"): "upheld",
    ("filed", "uphold_partly"): "partly_upheld",
    ("filed", "reject"): "rejected",
    ("filed", "withdraw"): "withdrawn",
    ("forwarded", "uphold"): "upheld",
    ("forwarded", "uphold_partly"): "partly_upheld",
    ("forwarded", "reject"): "rejected",
    ("forwarded", "withdraw"): "withdrawn",
    # Whoever is not proven right may have their own words stand beside the record.
    ("rejected", "attach_statement"): "rejected",
    ("partly_upheld", "attach_statement"): "partly_upheld",
}


def state_after(state: ObjectionState, event: ObjectionEventName) -> ObjectionState:
    """Raises ObjectionStateForbids."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ObjectionStateForbids(state, STATE_NAMES[state]) from None
