"""Refusals around consents and tokens."""

from __future__ import annotations

from backend.errors import Conflict, Forbidden, NotFound, Refused, Unauthenticated


class MinorMayNotActivate(Refused):
    code = "minor_may_not_activate"

    def __init__(self) -> None:
        super().__init__("信用分只面向年满 18 周岁的市民。未满 18 周岁不计算信用分，也不影响办理任何事项。")


class OnlyPersonsActivate(Refused):
    code = "only_persons_activate"

    def __init__(self) -> None:
        super().__init__("信用分只面向在册的自然人，单位的公共信用综合评价无需开通。")


class AlreadyActivated(Conflict):
    code = "already_activated"

    def __init__(self) -> None:
        super().__init__("您已经开通信用分，无需重复开通。")


class NoticeOutdated(Conflict):
    """The citizen has read a text that is no longer the one in force."""

    code = "notice_outdated"

    def __init__(self, current: str) -> None:
        super().__init__("告知书已更新，请重新阅读后再同意。", current_version=current)


class TermRequired(Refused):
    code = "term_required"

    def __init__(self, longest_days: int) -> None:
        super().__init__(
            f"授权必须写明截止时间，且应在 {longest_days} 天以内，请重新选择。", longest_days=longest_days
        )


class PauseNotOffered(Refused):
    code = "pause_not_offered"

    def __init__(self) -> None:
        super().__init__("开通信用分的同意不能暂停；不想继续使用时可以停用，分数随即删除，以后可重新开通。")


class ConsentNotUsable(Forbidden):
    """Ended, paused, another recipient's, without that scope, or used as often as was agreed: all alike."""

    code = "consent_not_usable"

    def __init__(self) -> None:
        super().__init__("本人对此没有有效的授权，或约定的次数已经用完，请征得本人同意后再试。")


class ConsentNotFound(NotFound):
    code = "consent_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这项授权，请刷新后再试。")


class ConsentNotInState(Conflict):
    code = "consent_not_in_state"

    def __init__(self, state: str) -> None:
        super().__init__("这项授权当前的状态不允许此操作，请刷新后查看最新状态。", state=state)


class TokenNotValid(Unauthenticated):
    """Unknown, expired, revoked, of a suspended partner, or resting on a consent that has ended: all alike."""

    code = "token_not_valid"

    def __init__(self) -> None:
        super().__init__("访问令牌无效或已过期，请在 /oauth/token 重新获取。")


class ScopeMissing(Forbidden):
    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"访问令牌没有 {scope} 权限，请在获取令牌时申请该 scope。", scope=scope)


class AuthorizationRequestInvalid(Refused):
    """Not from a known institution, or to be answered at an address that it did not register: whoever asked is
    told nothing, and nobody is sent there."""

    code = "authorization_request_invalid"

    def __init__(self) -> None:
        super().__init__(
            "这次授权请求不是由已登记的机构从其登记的地址发出的，已经停止。请从该机构的官方应用重新进入。"
        )


class AuthorizationRequestNotFound(NotFound):
    code = "authorization_request_not_found"

    def __init__(self) -> None:
        super().__init__("这次授权请求已经办完或已过期，请回到该机构的应用重新发起。")


class ScopeNotAsked(Refused):
    code = "scope_not_asked"

    def __init__(self, scope: str) -> None:
        super().__init__(f"对方没有请求 {scope}，或者现在不能授权，请刷新后重新选择。", scope=scope)


class ScopeUnknown(Refused):
    code = "scope_unknown"

    def __init__(self, scope: str) -> None:
        super().__init__(f"{scope} 不是可以请市民授权的范围。", scope=scope)


class OnlyInstitutionsAsk(Refused):
    code = "only_institutions_ask"

    def __init__(self) -> None:
        super().__init__("只有机构（institution）可以请市民授权，商户和部门不可以。")


class RedirectUriNotAcceptable(Refused):
    code = "redirect_uri_not_acceptable"

    def __init__(self) -> None:
        super().__init__(
            "回调地址应是完整的 https 地址，不含 # 和用户名；只有本机（127.0.0.1、localhost）可用 http。"
        )


class RedirectUriUnknown(NotFound):
    code = "redirect_uri_unknown"

    def __init__(self) -> None:
        super().__init__("这家机构没有登记这个回调地址，请刷新后再试。")


class ProposalNotFound(NotFound):
    code = "access_proposal_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这件拟办事项，请刷新后再试。")


class ProposalDecided(Conflict):
    code = "access_proposal_decided"

    def __init__(self) -> None:
        super().__init__("这件拟办事项已经办结，请刷新后查看结果。")


class ProposerMayNotDecide(Refused):
    code = "proposer_may_not_decide"

    def __init__(self) -> None:
        super().__init__("提出人不能复核自己提出的事项，请由另一位工作人员复核。")


class OnlyProposerWithdraws(Forbidden):
    code = "only_proposer_withdraws"

    def __init__(self) -> None:
        super().__init__("只有提出人可以撤回；不同意的，请复核员退回并写明原因。")


class KeyNeedsSecondPerson(Conflict):
    code = "key_needs_second_person"

    def __init__(self) -> None:
        super().__init__("机构的公钥须由另一位工作人员复核后登记，请在“授权与接口”中提出。")


class DeletionNotAsked(NotFound):
    code = "deletion_not_asked"

    def __init__(self) -> None:
        super().__init__("没有这项等待确认的删除：授权仍在生效，或者它不是给贵单位的。请核对授权编号。")


class DeletionAlreadyConfirmed(Conflict):
    code = "deletion_already_confirmed"

    def __init__(self) -> None:
        super().__init__("贵单位已经确认过这项删除，无需再次确认。")
