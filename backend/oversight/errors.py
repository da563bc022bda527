"""Refusals around alerts and complaints."""

from __future__ import annotations

from datetime import date

from backend.errors import Conflict, Forbidden, NotFound, Refused


class AlertNotFound(NotFound):
    code = "alert_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这条预警，请回到列表刷新后再看。")


class AlertNotInState(Conflict):
    code = "alert_not_in_state"

    def __init__(self, state: str) -> None:
        super().__init__("这条预警当前的状态不允许此操作，请刷新后查看最新状态。", state=state)


class NotYourAlert(Forbidden):
    code = "not_your_alert"

    def __init__(self) -> None:
        super().__init__("只有预警所涉的工作人员本人可以说明情况。")


class SelfReview(Forbidden):
    code = "self_review"

    def __init__(self) -> None:
        super().__init__("不能审计与自己有关的查看，请由另一位审计员办理。")


class LedgerEntryNotFound(NotFound):
    code = "ledger_entry_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这条查看记录，请刷新“谁查了我”后再试。")


class AlreadyComplained(Conflict):
    code = "already_complained"

    def __init__(self, answer_due_on: date) -> None:
        super().__init__(
            f"您已对这次查看提出投诉，正在核查，{answer_due_on:%Y-%m-%d} 前答复。", answer_due_on=answer_due_on
        )


class ComplaintNotFound(NotFound):
    code = "complaint_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这件投诉，请刷新后再试。")


class ComplaintNotInState(Conflict):
    code = "complaint_not_in_state"

    def __init__(self, state: str) -> None:
        super().__init__("这件投诉当前的状态不允许此操作，请刷新后查看最新状态。", state=state)


class SearchTooWide(Refused):
    code = "search_too_wide"

    def __init__(self) -> None:
        super().__init__("请至少限定一项：被查看人的号码、查看人，或不超过 31 天的起止日期。")
