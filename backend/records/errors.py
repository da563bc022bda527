"""Refusals of collection and of the records."""

from __future__ import annotations

from datetime import date

from backend.errors import Conflict, Forbidden, NotFound, Refused


class RecordNotFound(NotFound):
    code = "record_not_found"

    def __init__(self) -> None:
        super().__init__("没有这条信用记录，或者它不属于您。")


class RecordStateUnchanged(Conflict):
    code = "record_state_unchanged"

    def __init__(self, state: str) -> None:
        super().__init__("这条信用记录已经是这个状态，无需再次变更。", state=state)


class FileUnreadable(Refused):
    """The file as a whole cannot be taken in; nothing was stored."""

    code = "file_unreadable"


class TemplateUnknown(Refused):
    code = "template_unknown"

    def __init__(self, headers: list[str]) -> None:
        shown = "、".join(headers[:8]) or "（空）"
        super().__init__(
            f"表头与任何归集模板都不相符（读到：{shown}）。请使用目录规定的模板，或指明模板后再报送。",
            headers=headers[:40],
        )


class SheetsOfSeveralTemplates(Refused):
    """A delivery has one template; nothing was stored."""

    code = "sheets_of_several_templates"

    def __init__(self, sheets: dict[str, str]) -> None:
        listed = "；".join(f"“{sheet}”是{template}" for sheet, template in sheets.items())
        super().__init__(
            f"工作簿里的工作表属于不同的模板（{listed}）。请每个模板单独存为一个文件后报送。", sheets=sheets
        )


class ColumnsMissing(Refused):
    """Required columns are not in the file at all: every row would fail for the same reason."""

    code = "columns_missing"

    def __init__(self, template_name: str, missing: list[str]) -> None:
        super().__init__(
            f"文件缺少模板“{template_name}”必填的列：{'、'.join(missing)}。请补齐这些列后整个文件重新报送。",
            missing=missing,
        )


class SourceDepartmentUnknown(Refused):
    code = "source_department_unknown"

    def __init__(self) -> None:
        super().__init__("模板没有规定唯一的数源单位。请指明由哪个单位报送。")


class DeliveryInProgress(Conflict):
    code = "delivery_in_progress"

    def __init__(self, filename: str) -> None:
        super().__init__(f"文件“{filename}”正由另一个进程归集，本次已停止且没有重复计数；请等待它完成。")


class QuarantinedRowNotFound(NotFound):
    code = "quarantined_row_not_found"

    def __init__(self) -> None:
        super().__init__("待处理区里没有这一行。")


class AlreadyResolved(Conflict):
    code = "quarantined_row_already_resolved"

    def __init__(self, state: str) -> None:
        super().__init__("这一行已经处理过，不能再次更正。请刷新列表后查看结果。", state=state)


class NoConflict(NotFound):
    code = "no_conflict"

    def __init__(self) -> None:
        super().__init__("这一行与已入库的记录没有冲突，没有可以对照的内容。")


class UnknownColumns(Refused):
    code = "unknown_columns"

    def __init__(self, columns: list[str]) -> None:
        super().__init__(f"这一行没有这些列：{'、'.join(columns)}。请只更正列表中显示的列。", columns=columns)


class NotAQuarantineExport(Refused):
    code = "not_a_quarantine_export"

    def __init__(self, column: str) -> None:
        super().__init__(
            f"文件没有“{column}”一列，不是从待处理区导出的文件。请更正导出的文件并保留这一列后再报送。"
        )


class UnknownQuarantineNumbers(Refused):
    """The file has lines that belong to no row in quarantine; nothing of it was taken in."""

    code = "unknown_quarantine_numbers"

    def __init__(self, rows: list[int]) -> None:
        shown = "、".join(str(row) for row in rows[:10])
        super().__init__(
            f"文件第 {shown} 行的待处理编号为空或不存在，整个文件未作处理。请勿改动编号；新数据请另行报送。",
            rows=rows[:100],
        )


class ReasonMissing(Refused):
    """Opening or dropping what a department delivered needs a stated reason."""

    code = "reason_missing"

    def __init__(self) -> None:
        super().__init__("请填写理由：查看完整号码或不再处理报送数据，都要记录原因。")


class CorrectionRefused(Refused):
    """Either the correction touches what may not change, or it changes nothing."""

    code = "correction_refused"

    def __init__(self, attributes: list[str]) -> None:
        detail = (
            "记录的主体和类别不能更正；确属归错主体的，请撤销本记录并重新报送。"
            if attributes
            else "更正内容与现有内容相同，没有需要更正的地方。"
        )
        super().__init__(detail, attributes=attributes)


class DepartmentNotInCatalogue(Forbidden):
    code = "department_not_in_catalogue"

    def __init__(self) -> None:
        super().__init__(
            "现行公共信用信息目录没有由贵单位负责的类别，不能报送。请与信用办核对登记的统一社会信用代码。"
        )


class CategoryOfAnotherDepartment(Forbidden):
    """The catalogue makes another department answer for what is being delivered; nothing was stored."""

    code = "category_of_another_department"

    def __init__(self, template: str) -> None:
        super().__init__(
            f"现行目录中，“{template}”不由贵单位报送，本次没有收下任何数据。请核对模板；职责有调整的，请联系信用办修订目录。",
            template=template,
        )


class DeliveryNotFound(NotFound):
    """Another department's delivery is reported like one that does not exist."""

    code = "delivery_not_found"

    def __init__(self) -> None:
        super().__init__("没有这个批次，或者它不是贵单位报送的。请检查编号。")


class PartDiffers(Conflict):
    code = "part_differs"

    def __init__(self, part: int) -> None:
        super().__init__(
            f"这个批次的第 {part} 部分以前已收下，内容与本次不同。更正已报送的数据，请另起一个批次号。", part=part
        )


class PartOutOfTurn(Conflict):
    code = "part_out_of_turn"

    def __init__(self, expected: int) -> None:
        super().__init__(f"请按顺序提交：这个批次接下来应是第 {expected} 部分。", expected_part=expected)


class BatchComplete(Conflict):
    code = "batch_complete"

    def __init__(self) -> None:
        super().__init__("这个批次已经报送完毕，不能再追加。新的数据请另起一个批次号。")


class BatchOfAnotherTemplate(Conflict):
    code = "batch_of_another_template"

    def __init__(self, template: str) -> None:
        super().__init__(f"这个批次使用的模板是“{template}”，一个批次只能有一个模板。", template=template)


class RowRefused(Refused):
    """A single row could not be taken in; `reasons` says per cell why, as quarantine would."""

    code = "row_refused"

    def __init__(self, reasons: list[dict[str, str]]) -> None:
        said = "；".join(
            f"【{reason['column']}】{reason['message']}" if reason["column"] else reason["message"]
            for reason in reasons
        )
        super().__init__(f"内容没有通过核对：{said}", reasons=reasons)
        self.reasons = reasons


class WarningNotFound(NotFound):
    code = "source_warning_not_found"

    def __init__(self) -> None:
        super().__init__("没有这条数据预警，请刷新后再看。")


class WarningAlreadyAcknowledged(Conflict):
    code = "source_warning_already_acknowledged"

    def __init__(self, by: str) -> None:
        super().__init__(f"这条数据预警已由{by}确认，无需再次确认。", acknowledged_by=by)


class WarningOver(Conflict):
    code = "source_warning_over"

    def __init__(self) -> None:
        super().__init__("这条数据预警已经结束，无需再说明原因。")


class ExplanationMissing(Refused):
    code = "warning_explanation_missing"

    def __init__(self) -> None:
        super().__init__("没有写明原因，请写清发生了什么、怎样处理，再提交。")


class ExpectedDayPast(Refused):
    code = "warning_expected_day_past"

    def __init__(self, today: date) -> None:
        super().__init__(f"预计恢复的日期不能早于今天（{today}），请重新选择；还不能确定的，可以不填。")
