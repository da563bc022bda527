"""What may happen to an alert or a complaint in which state. Every pair that is not listed is refused."""

from __future__ import annotations

from collections.abc import Mapping

from backend.oversight.errors import AlertNotInState, ComplaintNotInState
from backend.oversight.models import AlertEventName, AlertState, ComplaintEventName, ComplaintState

ALERT_TRANSITIONS: Mapping[tuple[AlertState, AlertEventName], AlertState] = {
    ("open", "explain"): "explained",
    # An auditor need not wait for an explanation that does not come.
    ("open", "escalate"): "escalated",
    ("explained", "accept"): "accepted",
    ("explained", "escalate"): "escalated",
}
COMPLAINT_TRANSITIONS: Mapping[tuple[ComplaintState, ComplaintEventName], ComplaintState] = {
    ("filed", "answer"): "answered",
    ("filed", "withdraw"): "withdrawn",
}

ALERT_STATE_NAMES: Mapping[AlertState, str] = {
    "open": "待本人说明",
    "explained": "待审计",
    "accepted": "说明可接受",
    "escalated": "已移送处理",
}
COMPLAINT_STATE_NAMES: Mapping[ComplaintState, str] = {
    "filed": "核查中",
    "answered": "已答复",
    "withdrawn": "已撤回",
}
RULE_NAMES = {
    "volume": "查看量异常",
    "out_of_hours": "非工作时间查看",
    "own_record": "查看本人记录",
    "same_surname": "集中查看同姓人员",
    "neighbours": "集中查看同区人员",
    "repeated": "反复查看同一人",
    "without_case": "没有事项而查看",
}


def alert_after(state: AlertState, event: AlertEventName) -> AlertState:
    """Raises AlertNotInState."""
    try:
        return ALERT_TRANSITIONS[state, event]
    except KeyError:
        raise AlertNotInState(state) from None


def complaint_after(state: ComplaintState, event: ComplaintEventName) -> ComplaintState:
    """Raises ComplaintNotInState."""
    try:
        return COMPLAINT_TRANSITIONS[state, event]
    except KeyError:
        raise ComplaintNotInState(state) from None
