"""Refusals around data choices."""

from __future__ import annotations

from backend.errors import Refused


class NotDeclinable(Refused):
    code = "not_declinable"

    def __init__(self) -> None:
        super().__init__("这类信息依法归集，不由本人选择。对其中某条记录有不同意见时，可以对该记录提出异议。")
