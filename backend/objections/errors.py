"""Refusals of objections."""

from __future__ import annotations

from datetime import date

from backend.errors import Conflict, NotFound, Refused


class ObjectionNotFound(NotFound):
    code = "objection_not_found"
    sentence = "没有这件异议，或者它不属于您。"

    def __init__(self) -> None:
        super().__init__(self.sentence)


class NotInThisInbox(ObjectionNotFound):
    """The same for a department: whether there is such a case elsewhere is not told."""

    sentence = "本单位的待办中没有这件异议，可能已改派其他单位，不再需要本单位答复。请从待办列表进入。"


class AlreadyUnderObjection(Conflict):
    code = "already_under_objection"

    def __init__(self, answer_due_on: date) -> None:
        super().__init__(
            f"这件事正在核查中，最迟 {answer_due_on:%Y-%m-%d} 答复，不必重复提交。"
            "对记录的异议在核查期间不会降低您的信用分。",
            answer_due_on=answer_due_on.isoformat(),
        )
        self.answer_due_on = answer_due_on


class RecordRevoked(Conflict):
    code = "record_revoked"

    def __init__(self) -> None:
        super().__init__("这条记录已被撤销，不再展示和使用，不需要提出异议。")


class ObjectionStateForbids(Conflict):
    """The case has moved on, possibly at this very moment and by someone else's hand."""

    code = "objection_state_forbids"

    def __init__(self, state: str, state_name: str) -> None:
        super().__init__(f"这件异议目前的状态是“{state_name}”，不能进行此操作。请刷新后再看。", state=state)


class ReplyMissing(Refused):
    code = "objection_reply_missing"

    def __init__(self) -> None:
        super().__init__("请写明核查情况和处理理由，申请人会看到这段答复。")


class CorrectionMissing(Refused):
    code = "objection_correction_missing"

    def __init__(self) -> None:
        super().__init__(
            "认定部分成立，须同时更正记录，或者由数源单位先报送更正后的记录；目前这条记录还没有更正。"
        )


class CorrectionContradicts(Refused):
    code = "objection_correction_contradicts"

    def __init__(self, what: str) -> None:
        super().__init__(what)


class OutcomeNotForKind(Refused):
    """A refused benefit is confirmed or overridden, a score confirmed or found faulty: there is no half."""

    code = "objection_outcome_not_for_kind"

    def __init__(self, outcome: str) -> None:
        super().__init__(
            "这类异议不能这样处理：请选择成立或不成立；确实不归本平台处理的，可以移送。", outcome=outcome
        )


class ScoreConfirmed(Conflict):
    code = "objection_score_confirmed"

    def __init__(self) -> None:
        super().__init__(
            "按现有记录重新计算，结果与原分一致，没有发现差错。如认定某条记录有误，请先更正该记录，再认定成立。"
        )


class ScoreDiffers(Conflict):
    code = "objection_score_differs"

    def __init__(self) -> None:
        super().__init__("按现有记录重新计算，结果与原分不一致，不能维持原分。请认定异议成立，得分将随之更正。")


class NothingRefused(Conflict):
    code = "nothing_refused"

    def __init__(self) -> None:
        super().__init__("您目前符合这项权益的条件，没有需要复核的拒绝决定；次数或额度用完的，请等下一周期。")


class AppealNeedsEnterprise(Refused):
    """What is granted goes to an enterprise; a person alone could not use it."""

    code = "appeal_needs_enterprise"

    def __init__(self) -> None:
        super().__init__("这项权益给予企业，请选择由您担任法定代表人的企业，再为它请求人工复核。")


class OverrideMissing(Refused):
    code = "objection_override_missing"

    def __init__(self) -> None:
        super().__init__("认定成立，须写明准予享受的档位和截止日期。")


class DepartmentUnknown(Refused):
    code = "objection_department_unknown"

    def __init__(self) -> None:
        super().__init__("现行公共信用信息目录中没有这个数源单位，请从列表中选择。")


class DepartmentUnchanged(Conflict):
    code = "objection_department_unchanged"

    def __init__(self) -> None:
        super().__init__("这件异议已经在该单位，或该单位已说明不归其负责，请改派其他单位或由信用办办结。")


class NoDepartment(Conflict):
    code = "objection_no_department"

    def __init__(self) -> None:
        super().__init__("这件异议没有对应的数源单位：得分和权益由平台自己核查；记录请先指定数源单位。")


class ExtensionNotAllowed(Refused):
    code = "objection_extension_not_allowed"

    def __init__(self, jurisdiction: str) -> None:
        super().__init__(f"{jurisdiction}的规定不允许延长答复期限，请在期限内答复。")


class AlreadyExtended(Conflict):
    code = "objection_already_extended"

    def __init__(self) -> None:
        super().__init__("答复期限已经延长过一次，不能再延长。")


class ReasonMissing(Refused):
    code = "objection_reason_missing"

    def __init__(self) -> None:
        super().__init__("请写明理由，申请人会看到。")


class DepartmentCorrectionMissing(Refused):
    code = "objection_department_correction_missing"

    def __init__(self) -> None:
        super().__init__("认为记录有误的，请写明应更正的内容，或者选择删除这条记录。")


class StatementMissing(Refused):
    code = "objection_statement_missing"

    def __init__(self) -> None:
        super().__init__("声明内容为空，请写下您想说明的情况。")
