"""Refusals of deletion requests."""

from __future__ import annotations

from datetime import date

from backend.errors import Conflict, NotFound, Refused


class DeletionRequestNotFound(NotFound):
    code = "deletion_request_not_found"

    def __init__(self) -> None:
        super().__init__("没有这件删除申请，或者它不属于您。")


class NothingToDelete(Refused):
    code = "nothing_to_delete"

    def __init__(self) -> None:
        super().__init__("这个范围内没有您的信息，不需要申请删除。")


class DeletionScopeIncomplete(Refused):
    """One category or one record was meant, and it is not said which."""

    code = "deletion_scope_incomplete"

    def __init__(self) -> None:
        super().__init__("请选择要删除的类别或者记录。")


class AlreadyRequested(Conflict):
    code = "deletion_already_requested"

    def __init__(self, answer_due_on: date | None) -> None:
        until = f"，最迟 {answer_due_on:%Y-%m-%d} 答复" if answer_due_on else ""
        super().__init__(f"您已有一件删除申请正在办理{until}。请等待答复，或先撤回那一件。")


class PlanChanged(Conflict):
    """What would be deleted or kept is no longer what the applicant was shown and agreed to."""

    code = "deletion_plan_changed"

    def __init__(self) -> None:
        super().__init__("您的信息刚刚有变化，没有删除任何内容。请重新查看将删除和保留的内容后再确认。")


class DeletionStateForbids(Conflict):
    """The case has moved on, possibly at this very moment and by someone else's hand."""

    code = "deletion_state_forbids"

    def __init__(self, state: str, state_name: str) -> None:
        super().__init__(f"这件申请目前的状态是“{state_name}”，不能进行此操作。请刷新后再看。", state=state)


class DeletionReplyMissing(Refused):
    code = "deletion_reply_missing"

    def __init__(self) -> None:
        super().__init__("请写明理由（至少 5 个字），申请人会看到这段文字。")


class NotUnderReview(Refused):
    """A record that this request does not ask about, or that needs no judgement."""

    code = "record_not_under_review"

    def __init__(self) -> None:
        super().__init__("所选记录不在本件申请的待审核范围内，没有删除。请刷新后重新选择。")


class RecordInOpenCase(Conflict):
    code = "record_in_open_case"

    def __init__(self) -> None:
        super().__init__("所选记录有异议或修复正在办理，办结之前不能删除。请先办结，或暂予保留并写明理由。")
