"""Refusals of the partner register."""

from __future__ import annotations

from backend.errors import Conflict, NotFound, Refused


class PartnerNotFound(NotFound):
    code = "partner_not_found"

    def __init__(self) -> None:
        super().__init__("没有这个合作商户，请检查代码。")


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
