"""Refusals of the registers."""

from __future__ import annotations

from backend.errors import NotFound


class SubjectNotFound(NotFound):
    code = "subject_not_found"

    def __init__(self) -> None:
        super().__init__("登记册中没有这个号码对应的主体，请核对号码后再试。")


class EnterpriseNotFound(NotFound):
    """Also the answer when the code is a natural person's: those are never published."""

    code = "enterprise_not_found"

    def __init__(self) -> None:
        super().__init__("没有查到这家单位，请核对统一社会信用代码后再试。")
