"""Refusals around loan referrals."""

from __future__ import annotations

from backend.errors import Conflict, NotFound, Refused


class NotALoanScheme(Refused):
    code = "not_a_loan_scheme"

    def __init__(self) -> None:
        super().__init__("这项权益不是由该机构办理的信易贷，请返回权益列表重新选择。")


class NotEntitledToLoan(Refused):
    code = "not_entitled_to_loan"

    def __init__(self) -> None:
        super().__init__("您现在还不符合这项优惠的条件，权益页面列有每一项差距；不影响您自行向银行申请贷款。")


class ReferralAlreadyOpen(Conflict):
    code = "referral_already_open"

    def __init__(self, number: str) -> None:
        super().__init__(f"您已向该机构转过这项申请（{number}），正在办理。", number=number)


class ReferralNotFound(NotFound):
    code = "referral_not_found"

    def __init__(self) -> None:
        super().__init__("没有这件贷款申请，请检查编号。")


class ReferralStateForbids(Conflict):
    code = "referral_state_forbids"

    def __init__(self, state: str, name: str) -> None:
        super().__init__(f"这件贷款申请现在是“{name}”，不能这样办理，请刷新后再试。", state=state)


class DeclineReasonMissing(Refused):
    code = "decline_reason_missing"

    def __init__(self) -> None:
        super().__init__("没有批准时请写明原因，市民会看到。")
