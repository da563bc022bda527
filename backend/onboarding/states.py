"""What may become of an application."""

from __future__ import annotations

from typing import Literal

ApplicationState = Literal["filed", "approved", "rejected", "withdrawn"]
ApplicationEvent = Literal["approve", "reject", "withdraw"]

STATE_NAMES: dict[ApplicationState, str] = {
    "filed": "已提交，等待审核",
    "approved": "已通过",
    "rejected": "未通过",
    "withdrawn": "已撤回",
}
TRANSITIONS: dict[tuple[ApplicationState, ApplicationEvent], ApplicationState] = {
    ("filed", "approve"): "approved",
    ("filed", "reject"): "rejected",
    ("filed", "withdraw"): "withdrawn",
}
