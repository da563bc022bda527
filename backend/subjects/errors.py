"""Refusals of the registers."""

from __future__ import annotations

from collections.abc import Sequence

from backend.errors import Forbidden, NotFound, Refused


class SubjectNotFound(NotFound):
    code = "subject_not_found"

    def __init__(self) -> None:
        super().__init__("登记册中没有这个号码对应的主体，请核对号码后再试。")


class EnterpriseNotFound(NotFound):
    """Also the answer when the code is a natural person's: those are never published."""

    code = "enterprise_not_found"

    def __init__(self) -> None:
        super().__init__("没有查到这家单位，请核对统一社会信用代码后再试。")


class EnterpriseNotRepresented(Forbidden):
    """The register does not name the person as the legal representative (法定代表人) on that day."""

    code = "not_legal_representative"

    def __init__(self) -> None:
        super().__init__(
            "登记信息显示您目前不是这家企业的法定代表人，不能代为办理。如刚变更登记，请等登记数据更新后再试。"
        )


class Departed(Forbidden):
    """The register says that the person has died, or is no longer registered here."""

    code = "subject_departed"

    def __init__(self) -> None:
        super().__init__(
            "登记册显示该身份已死亡或注销，市民端不再提供服务。如登记有误，请持有效证件到户籍登记机关更正；"
            "近亲属需要查阅、复制已故者信息的，请持死亡证明和亲属关系证明到信用服务窗口申请；"
            "认为信息有误的，可以在窗口一并提出异议。"
        )


class TooYoung(Forbidden):
    code = "under_fourteen"

    def __init__(self) -> None:
        super().__init__(
            "未满 14 周岁的未成年人不使用本服务，本市也不归集其信用信息，不影响办理任何事项。"
            "监护人想确认有没有孩子的信息的，可以持监护关系证明到信用服务窗口查询。"
        )


class ApplicantNotEntitled(Refused):
    """`entitled`: who may apply, with the papers to bring."""

    code = "applicant_not_entitled"

    def __init__(self, applicant: str, about: str, entitled: Sequence[str]) -> None:
        super().__init__(
            f"{applicant}不能为{about}申请，没有办理。可以申请的是：{'；'.join(entitled)}。",
            entitled=list(entitled),
        )
