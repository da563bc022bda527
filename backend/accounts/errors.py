from __future__ import annotations

from backend.errors import Forbidden, Refused, Unauthenticated


class NotSignedIn(Unauthenticated):
    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__("请先登录；如果您刚才已登录，说明登录已过期，请重新登录。")


class SignInFailed(Unauthenticated):
    code = "sign_in_failed"

    def __init__(self) -> None:
        super().__init__("登录没有成功：账号或凭证不正确，请核对后重试。")


class RoleMissing(Forbidden):
    code = "role_missing"

    def __init__(self, roles: frozenset[str]) -> None:
        names = "、".join(ROLE_NAMES[role] for role in sorted(roles))
        super().__init__(
            f"您的账号没有办理此事的岗位权限（需要：{names}），请联系系统管理员。", roles=sorted(roles)
        )


class UsernameTaken(Refused):
    code = "username_taken"

    def __init__(self, username: str) -> None:
        super().__init__(f"用户名 {username} 已被使用，请换一个。")


class DepartmentOfficerInvalid(Refused):
    """A department's officer sees one department's inbox and nothing else of the city's."""

    code = "department_officer_invalid"

    def __init__(self) -> None:
        super().__init__(
            "数源单位经办须写明所属单位的统一社会信用代码，且不能兼任信用办岗位；信用办岗位不填单位。"
        )


class PasswordTooWeak(Refused):
    code = "password_too_weak"

    def __init__(self) -> None:
        super().__init__("密码至少需要 12 个字符。")


ROLE_NAMES = {
    "score_officer": "评分专员",
    "reviewer": "复核员",
    "objection_officer": "异议专员",
    "data_officer": "数据专员",
    "auditor": "审计员",
    "window_officer": "窗口专员",
    "department_officer": "数源单位经办",
}
OFFICE_ROLES = frozenset(ROLE_NAMES) - {"department_officer"}
"""Those of the credit office itself: what is open to every officer is open to these."""
