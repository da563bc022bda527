"""Refusals of the partner register."""

from __future__ import annotations

from backend.errors import Conflict, Forbidden, NotFound, Refused, Unauthenticated


class PartnerNotFound(NotFound):
    code = "partner_not_found"

    def __init__(self) -> None:
        super().__init__("没有这个合作商户，请检查代码。")


class ContractEnded(Forbidden):
    """None of the partner's contracts is for today, whether or not it has been suspended for that yet."""

    code = "contract_ended"

    def __init__(self) -> None:
        super().__init__(
            "本单位的合作合同已经期满，或者新合同尚未开始，现在不能核验、核销或调用接口。请联系信用办续签合同；"
            "已经续签的，自新合同的第一天起即可继续。"
        )


class PartnerExists(Conflict):
    code = "partner_exists"

    def __init__(self, partner: str) -> None:
        super().__init__(f"代码 {partner} 已有合作商户使用，请换一个代码。", partner=partner)


class PartnerCodeInvalid(Refused):
    code = "partner_code_invalid"

    def __init__(self) -> None:
        super().__init__("合作商户代码由 3 至 40 个小写字母、数字和连字符组成，以字母开头。")


class KeyNotAcceptable(Refused):
    """The key is private, of another kind, or not a key at all; `why` says which."""

    code = "key_not_acceptable"

    def __init__(self, why: str) -> None:
        super().__init__(f"这个公钥不能登记：{why}。请提供 P-256（ES256）公钥的 JWK 或 PEM。")


class KeyNotFound(NotFound):
    code = "key_not_found"

    def __init__(self) -> None:
        super().__init__("这个合作商户没有登记该公钥，或该公钥已停用。")


class StoreExists(Conflict):
    code = "store_exists"

    def __init__(self) -> None:
        super().__init__("本单位已有同名的门店，请换一个名称。")


class StoreNotFound(NotFound):
    code = "store_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这个门店。")


class StaffExists(Conflict):
    code = "staff_exists"

    def __init__(self) -> None:
        super().__init__("这个门店已有同样称呼的店员，请换一个称呼。")


class StaffNotFound(NotFound):
    code = "staff_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这位店员。")


class StaffSuspended(Conflict):
    code = "staff_suspended"

    def __init__(self) -> None:
        super().__init__("这位店员已停用，请先恢复，再发登录码。")


class SignInCodeNotValid(Unauthenticated):
    """The same for a code that never was, was used, has ended, or belongs to somebody who was suspended."""

    code = "sign_in_code_not_valid"

    def __init__(self) -> None:
        super().__init__("登录码不正确、已用过或已过期。请核对后重试，或请店长、信用办重新发一个登录码。")


class StaffNotSignedIn(Unauthenticated):
    code = "staff_not_signed_in"

    def __init__(self) -> None:
        super().__init__("这台手机还没有登录，或登录已结束；请用新的登录码登录。")


class ManagerOnly(Forbidden):
    code = "manager_only"

    def __init__(self) -> None:
        super().__init__("只有店长可以管理店员，请联系店长。")


class HeadManagerOnly(Forbidden):
    code = "head_manager_only"

    def __init__(self) -> None:
        super().__init__("门店、用量和合同由首家门店的店长管理，请联系该店长。")


class FirstStoreStays(Conflict):
    code = "first_store_stays"

    def __init__(self) -> None:
        super().__init__("首家门店不能自己关闭，否则没有人能再管理其他门店；确需关闭请联系信用办。")


class TooManyKeys(Conflict):
    code = "too_many_keys"

    def __init__(self, most: int) -> None:
        super().__init__(f"最多同时有 {most} 把在用的公钥，请先停用旧的。", most=most)


class LastKey(Conflict):
    code = "last_key"

    def __init__(self) -> None:
        super().__init__("这是最后一把在用的公钥，停用后您的系统将无法登录。请先登记新的；私钥泄露请联系信用办。")


class KeyNotProven(Refused):
    code = "key_not_proven"

    def __init__(self) -> None:
        super().__init__(
            "没有证明这把新密钥由本单位登记：proof 须是用在用的旧私钥以 ES256 签名的 JWT，"
            "sub 为本单位代码，new_kid 为新公钥的 kid，exp 在 5 分钟以内。"
        )
