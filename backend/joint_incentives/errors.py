"""Refusals of joint incentives."""

from __future__ import annotations

from collections.abc import Sequence

from backend.errors import Conflict, NotFound, Refused


class IncentiveNotFound(NotFound):
    code = "incentive_not_found"

    def __init__(self) -> None:
        super().__init__("没有这件联合激励，或者它不由贵单位发起或响应。")


class GroundUnknown(Refused):
    code = "incentive_ground_unknown"

    def __init__(self) -> None:
        super().__init__("没有这项激励依据。联合激励只能依据列出的红名单发起。")


class MeasureNotOffered(Refused):
    code = "incentive_measure_not_offered"

    def __init__(self) -> None:
        super().__init__("措施只能从列出的激励措施中选择，且须适用于名单中的主体、由发起单位提出过。")


class DepartmentsMissing(Refused):
    code = "incentive_departments_missing"

    def __init__(self) -> None:
        super().__init__("请至少选择一个响应单位，每个单位只选一次。")


class SubjectsNotEligible(Refused):
    """One sentence for every reason: whether a person is on the red list is told to nobody who need not know."""

    code = "incentive_subjects_not_eligible"

    def __init__(self, rows: Sequence[int]) -> None:
        places = "、".join(str(row) for row in rows[:20])
        super().__init__(
            f"第 {places} 行不能列入：号码有误、没有登记、重复，或者今天不在所选的红名单上。请核对后再发起。",
            rows=list(rows),
        )


class SubjectsMissing(Refused):
    code = "incentive_subjects_missing"

    def __init__(self, most: int) -> None:
        super().__init__(f"请填写要激励的主体，每行一个号码，一次最多 {most} 个。", most=most)


class NotIncludedNow(Refused):
    code = "incentive_subject_not_included"

    def __init__(self) -> None:
        super().__init__("这个主体现在不在可以激励的名单中：已不在红名单上，或者本人没有同意。请刷新后再看。")


class DoneInFuture(Refused):
    code = "incentive_done_in_future"

    def __init__(self) -> None:
        super().__init__("采取措施的日期须在发起之后、今天之前（含今天），请填写实际日期。")


class AlreadyFedBack(Conflict):
    code = "incentive_already_fed_back"

    def __init__(self) -> None:
        super().__init__("这项措施已经对该主体反馈过，不需要重复反馈。")


class ExplanationMissing(Refused):
    code = "incentive_explanation_missing"

    def __init__(self) -> None:
        super().__init__("请写明理由（至少 5 个字），发起单位会看到这段文字；主体看不到。")


class IncentiveStateForbids(Conflict):
    """It has moved on, possibly at this very moment and by someone else's hand."""

    code = "incentive_state_forbids"

    def __init__(self, state: str, state_name: str) -> None:
        super().__init__(f"这件请求目前的状态是“{state_name}”，不能进行此操作。请刷新后再看。", state=state)
