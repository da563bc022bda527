"""The life of a supplement: which event leads from which state to which. Whatever is not here is refused."""

from __future__ import annotations

from typing import Literal

from backend.supplements.errors import SupplementStateForbids

SupplementState = Literal["filed", "returned", "verified", "refused", "withdrawn"]
SupplementEventName = Literal["return", "complete", "verify", "refuse", "withdraw"]

ON_THE_CLOCK: tuple[SupplementState, ...] = ("filed",)

STATE_NAMES: dict[SupplementState, str] = {
    "filed": "待核验",
    "returned": "待补正",
    "verified": "已核验",
    "refused": "核验未通过",
    "withdrawn": "已撤回",
}
EVENT_NAMES: dict[SupplementEventName | Literal["file"], str] = {
    "file": "提交申报",
    "return": "退回补正",
    "complete": "补正后提交",
    "verify": "核验通过",
    "refuse": "核验未通过",
    "withdraw": "撤回申报",
}

TRANSITIONS: dict[tuple[SupplementState, SupplementEventName], SupplementState] = {
    ("filed", "return"): "returned",
    ("filed", "verify"): "verified",
    ("filed", "refuse"): "refused",
    ("filed", "withdraw"): "withdrawn",
    ("returned", "complete"): "filed",
    ("returned", "withdraw"): "withdrawn",
    # What somebody gave of their own free will they may take back: the record then counts no longer.
    ("verified", "withdraw"): "withdrawn",
}


def state_after(state: SupplementState, event: SupplementEventName) -> SupplementState:
    """Raises SupplementStateForbids."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise SupplementStateForbids(state, STATE_NAMES[state]) from None
