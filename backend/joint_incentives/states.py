"""The life of a request to one department: which event leads from which state to which. The rest is refused."""

from __future__ import annotations

from typing import Literal

from backend.joint_incentives.errors import IncentiveStateForbids

RequestState = Literal["asked", "accepted", "declined", "done", "withdrawn"]
RequestEventName = Literal["accept", "decline", "ask_again", "feed_back", "finish", "withdraw"]

ON_THE_CLOCK: tuple[RequestState, ...] = ("asked", "accepted")
"""States in which the asked department has to act."""

STATE_NAMES: dict[RequestState, str] = {
    "asked": "待响应",
    "accepted": "已响应，待反馈",
    "declined": "未采取措施",
    "done": "已反馈",
    "withdrawn": "已撤回",
}
EVENT_NAMES: dict[RequestEventName | Literal["ask"], str] = {
    "ask": "发起",
    "accept": "响应",
    "decline": "说明不采取措施的理由",
    "ask_again": "再次请求",
    "feed_back": "反馈采取的措施",
    "finish": "反馈完毕",
    "withdraw": "撤回",
}

TRANSITIONS: dict[tuple[RequestState, RequestEventName], RequestState] = {
    ("asked", "accept"): "accepted",
    ("asked", "decline"): "declined",
    ("asked", "withdraw"): "withdrawn",
    ("accepted", "feed_back"): "accepted",
    ("accepted", "finish"): "done",
    ("accepted", "withdraw"): "withdrawn",
    ("declined", "ask_again"): "asked",
}


def state_after(state: RequestState, event: RequestEventName) -> RequestState:
    """Raises IncentiveStateForbids."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IncentiveStateForbids(state, STATE_NAMES[state]) from None
