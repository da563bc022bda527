"""Refusals of objections."""

from __future__ import annotations

from datetime import date

from backend.errors import Conflict, NotFound, Refused, Unavailable


class ObjectionNotFound(NotFound):
    code = "objection_not_found"

    def __init__(self) -> None:
        super().__init__("没有这件异议，或者它不属于您。")


class AlreadyUnderObjection(Conflict):
    code = "already_under_objection"

    def __init__(self, answer_due_on: date) -> None:
        super().__init__(
            f"这条记录正在核查中，最迟 {answer_due_on:%Y-%m-%d} 答复，不必重复提交。"
            "核查期间它不会降低您的信用分。",
            answer_due_on=answer_due_on.isoformat(),
        )
        self.answer_due_on = answer_due_on


class RecordRevoked(Conflict):
    code = "record_revoked"

    def __init__(self) -> None:
        super().__init__("这条记录已被撤销，不再展示和使用，不需要提出异议。")


class ObjectionStateForbids(Conflict):
    """The case has moved on, possibly at this very moment and by someone else's hand."""

    code = "objection_state_forbids"

    def __init__(self, state: str, state_name: str) -> None:
        super().__init__(f"这件异议目前的状态是“{state_name}”，不能进行此操作。请刷新后再看。", state=state)


class ReplyMissing(Refused):
    code = "objection_reply_missing"

    def __init__(self) -> None:
        super().__init__("请写明核查情况和处理理由，申请人会看到这段答复。")


class CorrectionMissing(Refused):
    code = "objection_correction_missing"

    def __init__(self) -> None:
        super().__init__(
            "认定部分成立，须同时更正记录，或者由数源单位先报送更正后的记录；目前这条记录还没有更正。"
        )


class StatementMissing(Refused):
    code = "objection_statement_missing"

    def __init__(self) -> None:
        super().__init__("声明内容为空，请写下您想说明的情况。")


class CalendarMissing(Unavailable):
    """A deadline is never guessed: the State Council announces the holidays of a year late in the one before."""

    code = "calendar_missing"

    def __init__(self, year: int) -> None:
        super().__init__(
            f"系统还没有 {year} 年的节假日安排，暂时算不出答复期限，刚才的操作没有生效。请联系信用服务窗口。",
            year=year,
        )
