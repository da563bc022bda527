"""Refusals of repairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.errors import Conflict, NotFound, Refused


class RepairNotFound(NotFound):
    code = "repair_not_found"

    def __init__(self) -> None:
        super().__init__("没有这件信用修复申请，或者它不属于您。")


class AlreadyUnderRepair(Conflict):
    code = "already_under_repair"

    def __init__(self, title: str) -> None:
        super().__init__(f"“{title}”已有一件修复申请正在办理，不必重复申请。请在“信用修复”中查看进展。")


class RepairStateForbids(Conflict):
    """The case has moved on, possibly at this very moment and by someone else's hand."""

    code = "repair_state_forbids"

    def __init__(self, state: str, state_name: str) -> None:
        super().__init__(f"这件修复申请目前的状态是“{state_name}”，不能进行此操作。请刷新后再看。", state=state)


class NotOneMatter(Refused):
    code = "repair_not_one_matter"

    def __init__(self) -> None:
        super().__init__("一件申请只能包括同一件事的记录。这些记录不是同一件事，请分别申请。")


class RepairConditionsUnmet(Refused):
    """`conditions` names each unmet one with the day from which it will be met, where one can be told."""

    code = "repair_conditions_unmet"

    def __init__(self, conditions: Sequence[Mapping[str, object]]) -> None:
        said = "；".join(str(condition["sentence"]) for condition in conditions)
        super().__init__(f"现在还不能申请修复：{said}", conditions=list(conditions))


class RepairReplyMissing(Refused):
    code = "repair_reply_missing"

    def __init__(self) -> None:
        super().__init__("请写明理由（至少 5 个字），申请人会看到这段文字。")


class NoLongerToBeRepaired(Conflict):
    """While the case was open the record was revoked, has expired or came under objection."""

    code = "repair_record_changed"

    def __init__(self, title: str, state_name: str) -> None:
        super().__init__(f"“{title}”现在{state_name}，不能按申请时的情况修复。请先核对这条记录。")
