"""Refusals of commitments."""

from __future__ import annotations

from backend.errors import Conflict, NotFound, Refused


class CommitmentNotFound(NotFound):
    code = "commitment_not_found"

    def __init__(self) -> None:
        super().__init__("没有这份信用承诺，或者它不属于您。")


class CommitmentTypeUnknown(NotFound):
    code = "commitment_type_unknown"

    def __init__(self) -> None:
        super().__init__("没有这种信用承诺，请从列出的类型中选择。")


class CommitmentNotOffered(Refused):
    code = "commitment_not_offered"

    def __init__(self) -> None:
        super().__init__("这种承诺不能单独签署：它在相应事项的办理过程中签署，或者不适用于您这类主体。")


class LetterChanged(Conflict):
    """What would be signed is not what was shown: the text or the matter has changed in between."""

    code = "letter_changed"

    def __init__(self) -> None:
        super().__init__("承诺书的内容与您看到的不一致，没有签署。请重新打开承诺书，阅读后再签。")


class DueDateMissing(Refused):
    code = "commitment_due_missing"

    def __init__(self) -> None:
        super().__init__("这种承诺要写明最迟哪一天履行，请填写今天之后、五年之内的日期。")


class CommitmentStateForbids(Conflict):
    """The commitment has moved on, possibly at this very moment and by someone else's hand."""

    code = "commitment_state_forbids"

    def __init__(self, state: str, state_name: str) -> None:
        super().__init__(f"这份承诺目前的状态是“{state_name}”，不能进行此操作。请刷新后再看。", state=state)


class FindingMissing(Refused):
    code = "commitment_finding_missing"

    def __init__(self) -> None:
        super().__init__("请写明核实的情况（至少 5 个字）；认定部分履行或未履行时，承诺人会看到这段说明。")
