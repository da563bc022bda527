"""Refusals of lists."""

from __future__ import annotations

from backend.errors import NotFound


class RedListUnknown(NotFound):
    code = "red_list_unknown"

    def __init__(self) -> None:
        super().__init__("没有这份红名单，请从列出的名单中选择。")
