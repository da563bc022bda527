"""The life of a repair: which event leads from which state to which. Whatever is not here is refused."""

from __future__ import annotations

from typing import Literal

from backend.repairs.errors import RepairStateForbids

RepairState = Literal[
    "draft",
    "filed",
    "returned",
    "accepted",
    "with_department",
    "approved",
    "done",
    "refused",
    "withdrawn",
    "revoked",
]
RepairEventName = Literal[
    "file", "return", "accept", "forward", "approve", "refuse", "finish", "withdraw", "revoke"
]

OPEN_STATES: tuple[RepairState, ...] = ("draft", "filed", "returned", "accepted", "with_department", "approved")
ON_THE_CLOCK: tuple[RepairState, ...] = ("filed", "accepted", "with_department", "approved")
"""Open states in which the city has to act; in the others the applicant has."""
DECIDED: tuple[RepairState, ...] = ("approved", "done", "refused", "revoked")
"""What the department has said its word on."""

STATE_NAMES: dict[RepairState, str] = {
    "draft": "草稿",
    "filed": "待受理",
    "returned": "待补正",
    "accepted": "已受理",
    "with_department": "认定单位审核中",
    "approved": "同意修复",
    "done": "已修复",
    "refused": "不予修复",
    "withdrawn": "已撤回",
    "revoked": "修复已撤销",
}
EVENT_NAMES: dict[RepairEventName | Literal["draft"], str] = {
    "draft": "填写申请",
    "file": "提交申请",
    "return": "退回补正",
    "accept": "受理",
    "forward": "转认定单位审核",
    "approve": "同意修复",
    "refuse": "不予修复",
    "finish": "完成修复",
    "withdraw": "撤回申请",
    "revoke": "撤销修复",
}

TRANSITIONS: dict[tuple[RepairState, RepairEventName], RepairState] = {
    ("draft", "file"): "filed",
    ("draft", "withdraw"): "withdrawn",
    ("filed", "return"): "returned",
    ("filed", "accept"): "accepted",
    ("filed", "withdraw"): "withdrawn",
    ("returned", "file"): "filed",
    ("returned", "withdraw"): "withdrawn",
    ("accepted", "forward"): "with_department",
    ("accepted", "withdraw"): "withdrawn",
    ("with_department", "approve"): "approved",
    ("with_department", "refuse"): "refused",
    ("with_department", "withdraw"): "withdrawn",
    ("approved", "finish"): "done",
    # Obtained by false statements.
    ("done", "revoke"): "revoked",
}


def state_after(state: RepairState, event: RepairEventName) -> RepairState:
    """Raises RepairStateForbids."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise RepairStateForbids(state, STATE_NAMES[state]) from None
