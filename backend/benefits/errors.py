"""Refusals of the benefits feature."""

from __future__ import annotations

from backend.errors import Conflict, NotFound, Refused, TooMany


class SchemeInvalid(Refused):
    """A scheme document cannot be taken in; `problems` lists every place and what is wrong there."""

    code = "scheme_invalid"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("权益方案没有通过检查，请按列出的位置修改后重新导入。", problems=problems)
        self.problems = problems

    def __str__(self) -> str:
        return f"{self.detail} {'；'.join(self.problems)}"


class SchemeVersionExists(Conflict):
    code = "scheme_version_exists"

    def __init__(self, scheme: str, version: int) -> None:
        super().__init__(
            f"方案 {scheme} 第 {version} 版已存在且内容不同；已有的版本不能改写，请使用新的版本号。",
            scheme=scheme,
            version=version,
        )


class SchemeNotFound(NotFound):
    code = "scheme_not_found"

    def __init__(self) -> None:
        super().__init__("没有这个权益方案，或该方案目前未生效。")


_NEXT_STEP = {
    "draft": "方案还是草稿，请先测算影响，再提交复核。",
    "simulated": "方案已测算、尚未提交，请先提交复核。",
    "submitted": "方案正在复核中，请等待复核人批准或退回。",
    "approved": "方案已批准，不能再改；如需调整，请以新的版本号导入。",
}


class SchemeNotInState(Conflict):
    code = "scheme_not_in_state"

    def __init__(self, state: str) -> None:
        super().__init__(_NEXT_STEP[state], state=state)


class ReadingsDisagree(Conflict):
    """Should never happen; if it does, nobody approves a scheme on figures that are not certain."""

    code = "readings_disagree"

    def __init__(self) -> None:
        super().__init__("两种算法得出的符合人数不一致，测算结果不予采用。请稍后重试；仍不一致时请联系技术人员。")


class SecondPersonRequired(Refused):
    code = "second_person_required"

    def __init__(self) -> None:
        super().__init__("起草人、提交人不能复核自己的方案，请由另一位工作人员办理。")


class SchemeNotOffered(NotFound):
    """Not telling "no such scheme" from "not yours" keeps a merchant from listing other merchants' schemes."""

    code = "scheme_not_offered"

    def __init__(self) -> None:
        super().__init__(
            "您的单位没有参加这个权益方案，或该方案目前未生效。请在 GET /partner/schemes 中查看可用的方案。"
        )


class CodeNotValid(Refused):
    """One answer for unknown, expired, used and meant-for-another-scheme: none of them says anything."""

    code = "code_not_valid"

    def __init__(self) -> None:
        super().__init__("凭码无效或已过期。请顾客刷新凭码后重新扫描；每个凭码只能核验一次。")


class TooManyCodes(TooMany):
    code = "too_many_codes"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("凭码刷新得太频繁，请稍后再试。", retry_after_seconds=retry_after_seconds)


class TooManyChecks(TooMany):
    """Otherwise a merchant enrolled in several schemes could close in on a score check by check."""

    code = "too_many_checks"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "同一位顾客在您这里的核验次数已达上限，请稍后再试。", retry_after_seconds=retry_after_seconds
        )


class EnterpriseNotRepresented(NotFound):
    code = "enterprise_not_represented"

    def __init__(self) -> None:
        super().__init__("没有找到由您担任法定代表人的这家企业。")


class EnterpriseChoiceNeeded(Refused):
    code = "enterprise_choice_needed"

    def __init__(self) -> None:
        super().__init__("您是多家企业的法定代表人，请先选择为哪一家企业出示凭码。")


class CheckNotFound(NotFound):
    code = "check_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这次核验，请检查 check_id。")


class CheckNotRedeemable(Refused):
    """The answer of the check was no, or is no by now; never why."""

    code = "check_not_redeemable"

    def __init__(self) -> None:
        super().__init__("这次核验不能核销：顾客目前不符合该权益的条件。")


class CheckExpired(Conflict):
    code = "check_expired"

    def __init__(self) -> None:
        super().__init__("这次核验已超过有效时间，或方案、待遇已有变化。请顾客出示新的凭码，重新核验后再核销。")


class AmountRequired(Refused):
    code = "amount_required"

    def __init__(self) -> None:
        super().__init__("该权益按消费金额优惠，核销时请填写 amount_cents（单位：分）。")


class RedeemedDifferently(Conflict):
    code = "redeemed_differently"

    def __init__(self) -> None:
        super().__init__("这次核验已按另一金额核销。如需更改，请先撤销原核销，再请顾客出示新的凭码。")


class RedemptionCancelled(Conflict):
    code = "redemption_cancelled"

    def __init__(self) -> None:
        super().__init__("这次核验对应的核销已撤销，不能再次核销。请顾客出示新的凭码，重新核验。")


class RedemptionNotFound(NotFound):
    code = "redemption_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这笔核销，请检查编号。")


class OverrideTierUnknown(Refused):
    code = "override_tier_unknown"

    def __init__(self) -> None:
        super().__init__("该权益方案没有这个档位，请从方案的档位中选择。")


class OverrideTooLong(Refused):
    code = "override_too_long"

    def __init__(self, longest_days: int) -> None:
        super().__init__(
            f"人工复核准予享受的期限从今天起算，最长 {longest_days} 天，且不能早于今天。",
            longest_days=longest_days,
        )


class PeriodInvalid(Refused):
    code = "period_invalid"

    def __init__(self, most_days: int) -> None:
        super().__init__(f"起止日期不对：止日不能早于起日，一次最多 {most_days} 天。")


class QueuedCheckNotSigned(Refused):
    code = "queued_check_not_signed"

    def __init__(self) -> None:
        super().__init__(
            "离线核验的签名无效：请用本单位登记的密钥，对扫码时刻、方案和凭码签名；扫码时刻不能晚于现在。"
        )


class QueuedCheckStale(Refused):
    code = "queued_check_stale"

    def __init__(self, minutes: int) -> None:
        super().__init__(
            f"这次离线核验已过期：扫码后 {minutes} 分钟内须送达。请顾客出示新的凭码，重新核验。", minutes=minutes
        )


class ComplaintNotFound(NotFound):
    code = "complaint_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这件投诉，请检查编号。")


class ComplaintAlreadyOpen(Conflict):
    code = "complaint_already_open"

    def __init__(self) -> None:
        super().__init__("您对这次核验的投诉正在处理，请等待答复；如需补充，可撤回后重新提交。")


class ComplaintStateForbids(Conflict):
    code = "complaint_state_forbids"

    def __init__(self, state: str, state_name: str) -> None:
        super().__init__(f"这件投诉{state_name}，不能再这样办理。", state=state)
