"""The life of a deletion request: which event leads from which state to which. Whatever is not here is refused."""

from __future__ import annotations

from typing import Literal

from backend.deletion_requests.errors import DeletionStateForbids

DeletionState = Literal["under_review", "deleted", "partly", "refused", "withdrawn"]
DeletionEventName = Literal["delete", "delete_partly", "refuse", "withdraw"]

STATE_NAMES: dict[DeletionState, str] = {
    "under_review": "人工审核中",
    "deleted": "已删除",
    "partly": "部分删除",
    "refused": "依法保留",
    "withdrawn": "已撤回",
}
EVENT_NAMES: dict[DeletionEventName | Literal["file", "erase"], str] = {
    "file": "提交申请",
    "erase": "自动删除并生成凭证",
    "delete": "办结：已删除",
    "delete_partly": "办结：部分删除",
    "refuse": "办结：依法保留",
    "withdraw": "撤回申请",
}

TRANSITIONS: dict[tuple[DeletionState, DeletionEventName], DeletionState] = {
    ("under_review", "delete"): "deleted",
    ("under_review", "delete_partly"): "partly",
    ("under_review", "refuse"): "refused",
    ("under_review", "withdraw"): "withdrawn",
}


def state_after(state: DeletionState, event: DeletionEventName) -> DeletionState:
    """Raises DeletionStateForbids."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise DeletionStateForbids(state, STATE_NAMES[state]) from None


def outcome(*, deleted: bool, kept: bool) -> DeletionEventName:
    """How a request ends: by what was deleted in all of it, and whether anything of it stays."""
    if not kept:
        return "delete"
    return "delete_partly" if deleted else "refuse"
