"""Refusals of credit checks."""

from __future__ import annotations

from backend.errors import Conflict, NotFound, Refused


class PurposeUnknown(Refused):
    code = "purpose_unknown"

    def __init__(self) -> None:
        super().__init__("没有这项核查目的。只能为列出的、有法律依据的目的核查。")


class MatterMissing(Refused):
    code = "matter_missing"

    def __init__(self) -> None:
        super().__init__("请写明这次核查的具体事项，如“2026年第一批技改资金”；被核查的主体会看到。")


class CheckFileUnusable(Refused):
    code = "check_file_unusable"

    def __init__(self, why: str) -> None:
        super().__init__(f"这个名单不能核查：{why}。表头须有“证件号码”或“统一社会信用代码”一列，每行一个主体。")


class CreditCheckNotFound(NotFound):
    code = "credit_check_not_found"

    def __init__(self) -> None:
        super().__init__("没有这批核查，或者结果已过保存期限被删除。")


class CreditCheckNotDone(Conflict):
    code = "credit_check_not_done"

    def __init__(self) -> None:
        super().__init__("这批核查还没有完成，请稍后再看。")


class NothingToReview(Conflict):
    code = "nothing_to_review"

    def __init__(self) -> None:
        super().__init__("这一行不需要审查结论：核查目的不含审查，或者没有查到需要考虑的信息，或者已经有结论。")
