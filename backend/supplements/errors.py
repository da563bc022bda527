"""Refusals of supplements."""

from __future__ import annotations

from collections.abc import Sequence

from backend.errors import Conflict, NotFound, Refused


class SupplementNotFound(NotFound):
    code = "supplement_not_found"

    def __init__(self) -> None:
        super().__init__("没有这件自主申报，或者它不属于您。")


class NotSuppliable(Refused):
    code = "not_suppliable"

    def __init__(self) -> None:
        super().__init__("这类信息目前不接受自主申报，请从列出的类别中选择；由单位掌握的信息会直接归集。")


class FieldsMissing(Refused):
    code = "supplement_fields_missing"

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__(f"还有内容没有填写：{'、'.join(labels)}。请补充后再提交。", fields=list(labels))


class FieldUnknown(Refused):
    code = "supplement_field_unknown"

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__("提交了表单以外的内容，没有保存。请刷新后按表单填写。", fields=list(fields))


class ProofMissing(Refused):
    code = "supplement_proof_missing"

    def __init__(self) -> None:
        super().__init__("请附上证书、证明的照片或 PDF，核验单位据此核对。")


class MayNotBeCollected(Refused):
    """What was written speaks of something that is never collected, or only with a written consent."""

    code = "supplement_content_forbidden"

    def __init__(self, subject: str, basis: str) -> None:
        super().__init__(f"填写的内容涉及{subject}，依照{basis}不予采集。请删去后再提交。", subject=subject)


class ConsentMissing(Refused):
    """Income, property and the like are taken only with a separate written consent."""

    code = "supplement_consent_missing"

    def __init__(self, notice_version: str) -> None:
        super().__init__(
            "这类信息只有在您阅读告知书并单独书面同意后才能申报；不同意不影响您办理其他任何事项。",
            notice_version=notice_version,
        )


class AlreadyRecorded(Conflict):
    code = "supplement_already_recorded"

    def __init__(self) -> None:
        super().__init__("这一事项已经在您的信用记录里，不需要再申报。如果内容不对，请对该记录提出异议。")


class SupplementStateForbids(Conflict):
    """The case has moved on, possibly at this very moment and by someone else's hand."""

    code = "supplement_state_forbids"

    def __init__(self, state: str, state_name: str) -> None:
        super().__init__(f"这件申报目前的状态是“{state_name}”，不能进行此操作。请刷新后再看。", state=state)


class SupplementReplyMissing(Refused):
    code = "supplement_reply_missing"

    def __init__(self) -> None:
        super().__init__("请写明理由（至少 5 个字），申报人会看到这段文字。")
