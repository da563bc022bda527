"""The life of an objection: which event leads from which state to which. Whatever is not here is refused."""

from __future__ import annotations

from typing import Literal

from backend.objections.errors import ObjectionStateForbids

ObjectionState = Literal[
    "filed",
    "forwarded",
    "disclaimed",
    "replied",
    "upheld",
    "partly_upheld",
    "rejected",
    "withdrawn",
    "redirected",
]
ObjectionEventName = Literal[
    "forward",
    "reply",
    "disclaim",
    "redirect",
    "extend",
    "add_evidence",
    "uphold",
    "uphold_partly",
    "reject",
    "refer",
    "withdraw",
    "attach_statement",
]

OPEN_STATES: tuple[ObjectionState, ...] = ("filed", "forwarded", "disclaimed", "replied")
WITH_DEPARTMENT: tuple[ObjectionState, ...] = ("filed", "forwarded")
"""The source department may answer: it has the case in its inbox from the moment of filing."""

STATE_NAMES: dict[ObjectionState, str] = {
    "filed": "已受理",
    "forwarded": "数源单位核查中",
    "disclaimed": "待改派",
    "replied": "数源单位已答复，待办结",
    "upheld": "异议成立",
    "partly_upheld": "异议部分成立",
    "rejected": "异议不成立",
    "withdrawn": "已撤回",
    "redirected": "已移送",
}
EVENT_NAMES: dict[ObjectionEventName | Literal["file"], str] = {
    "file": "提交异议",
    "forward": "转数源单位核查",
    "reply": "数源单位答复",
    "disclaim": "数源单位认为不归其负责",
    "redirect": "改派另一数源单位",
    "extend": "延长答复期限",
    "add_evidence": "补交材料",
    "uphold": "认定异议成立",
    "uphold_partly": "认定异议部分成立",
    "reject": "认定异议不成立",
    "refer": "移送其他机构",
    "withdraw": "撤回异议",
    "attach_statement": "附加本人声明",
}

# As long as it is open, the office may decide it and the subject may withdraw it.
_WHILE_OPEN: dict[ObjectionEventName, ObjectionState] = {
    "redirect": "forwarded",
    "uphold": "upheld",
    "uphold_partly": "partly_upheld",
    "reject": "rejected",
    "refer": "redirected",
    "withdraw": "withdrawn",
}

# These happen beside the handling and leave the state as it is.
_ALONGSIDE: tuple[ObjectionEventName, ...] = ("extend", "add_evidence")

TRANSITIONS: dict[tuple[ObjectionState, ObjectionEventName], ObjectionState] = {
    **{(state, event): after for state in OPEN_STATES for event, after in _WHILE_OPEN.items()},
    **{(state, event): state for state in OPEN_STATES for event in _ALONGSIDE},
    ("filed", "forward"): "forwarded",
    ("filed", "reply"): "replied",
    ("filed", "disclaim"): "disclaimed",
    ("forwarded", "reply"): "replied",
    ("forwarded", "disclaim"): "disclaimed",
    # Whoever is not proven right may have their own words stand beside the record.
    ("rejected", "attach_statement"): "rejected",
    ("partly_upheld", "attach_statement"): "partly_upheld",
    ("redirected", "attach_statement"): "redirected",
}


def state_after(state: ObjectionState, event: ObjectionEventName) -> ObjectionState:
    """Raises ObjectionStateForbids."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ObjectionStateForbids(state, STATE_NAMES[state]) from None
