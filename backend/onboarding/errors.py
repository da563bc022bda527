from __future__ import annotations

from backend.errors import Conflict, NotFound, Refused


class ApplicationNotFound(NotFound):
    code = "application_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这份申请，请核对回执号。")


class ApplicationAlreadyFiled(Conflict):
    code = "application_already_filed"

    def __init__(self) -> None:
        super().__init__("本单位已有一份申请在审核，请凭回执号查询进度，或撤回后重新提交。")


class ApplicationStateForbids(Conflict):
    code = "application_state_forbids"

    def __init__(self, state: str, state_name: str) -> None:
        super().__init__(f"这份申请{state_name}，不能再这样办理。", state=state)


class AlreadyPartner(Conflict):
    code = "already_partner"

    def __init__(self) -> None:
        super().__init__("本单位已是合作商户；要参加更多方案，请联系信用办。")


class PublicCodeInvalid(Refused):
    code = "public_code_invalid"

    def __init__(self) -> None:
        super().__init__("统一社会信用代码不正确，请对照营业执照核对 18 位代码。")


class TermsOutdated(Refused):
    code = "terms_outdated"

    def __init__(self) -> None:
        super().__init__("合作条款已更新，请重新阅读后再提交。")


class SchemeUnknown(Refused):
    code = "scheme_unknown"

    def __init__(self, schemes: list[str]) -> None:
        super().__init__(f"没有现在有效的方案：{'、'.join(schemes)}。", schemes=schemes)


class ContractPeriodInvalid(Refused):
    code = "contract_period_invalid"

    def __init__(self) -> None:
        super().__init__("合同的最后一天须不早于第一天，也不能早于今天；期限最长五年。")


class ContractNumberTaken(Conflict):
    code = "contract_number_taken"

    def __init__(self, number: str) -> None:
        super().__init__(f"合同编号 {number} 已用于另一份合同，请核对。", number=number)


class NotASandbox(NotFound):
    """The same as any address that leads nowhere: a real city has no sandbox."""

    code = "not_found"

    def __init__(self) -> None:
        super().__init__("没有找到您要的内容，请检查地址是否正确。")


class FirstManagerSignedIn(Conflict):
    code = "first_manager_signed_in"

    def __init__(self) -> None:
        super().__init__("店长已登录过，请店长在扫码核销页发新的登录码，或联系信用办。")
