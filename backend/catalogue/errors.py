"""Refusals of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.errors import Conflict, Forbidden, NotFound, Refused

_LAWFUL_COLLECTION = (
    "《国务院办公厅关于进一步完善失信约束制度构建诚信建设长效机制的指导意见》（国办发〔2020〕49号）"
)
_VOLUNTARY = "《中华人民共和国献血法》第二条、《志愿服务条例》第三条的自愿原则"
_FIVE_YEARS = "《征信业管理条例》第十六条"


class CatalogueInvalid(Refused):
    """The document cannot be read as a catalogue; `problems` names each place."""

    code = "catalogue_invalid"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(
            "目录文件有误，未作任何改动。请按提示修改后重新导入：" + "；".join(problems), problems=list(problems)
        )


class LegalBasisMissing(Refused):
    """A category that names no legal basis may not be collected at all."""

    code = "legal_basis_missing"

    def __init__(self, category: str) -> None:
        super().__init__(
            f"类别“{category}”没有写明法律依据，依据{_LAWFUL_COLLECTION}不得列入目录。"
            "请补充法律、法规或规范性文件的名称和条款。",
            category=category,
            basis=_LAWFUL_COLLECTION,
        )


class ContentForbidden(Refused):
    """The category would hold something that is never collected or never an indicator."""

    code = "content_forbidden"

    def __init__(self, category: str, *, item: str, subject: str, basis: str) -> None:
        super().__init__(
            f"类别“{category}”的“{item}”涉及{subject}，依据{basis}不得采集，也不得用于评价。请从目录中删除该内容。",
            category=category,
            item=item,
            subject=subject,
            basis=basis,
        )


class WrittenConsentMissing(Refused):
    """The category would hold a person's means, which needs a written consent of its own."""

    code = "written_consent_missing"

    def __init__(self, category: str, *, item: str, subject: str, basis: str) -> None:
        super().__init__(
            f"类别“{category}”的“{item}”涉及个人{subject}，依据{basis}须取得本人单独书面同意。"
            "确须采集的，请把“单独书面同意”（written_consent）填为“是”：此后只收本人已书面同意的记录。",
            category=category,
            item=item,
            subject=subject,
            basis=basis,
        )


class OnlyUpward(Refused):
    """Donating blood and volunteering may raise a score and never lower one."""

    code = "only_upward"

    def __init__(self, category: str) -> None:
        super().__init__(
            f"类别“{category}”属于献血或志愿服务，依据{_VOLUNTARY}只能作为正面信息，不得设为负面或中性。",
            category=category,
            basis=_VOLUNTARY,
        )


class RetentionTooLong(Refused):
    """Adverse information ends at most five years after the matter ended."""

    code = "retention_too_long"

    def __init__(self, category: str, *, longest_days: int) -> None:
        super().__init__(
            f"类别“{category}”含有不良信息，依据{_FIVE_YEARS}，保留期限须写明且不得超过{longest_days}天"
            "（自行为或事件终止之日起五年）。",
            category=category,
            longest_days=longest_days,
            basis=_FIVE_YEARS,
        )


class VersionAlreadyImported(Conflict):
    """The same version number with other content: a catalogue in force is never rewritten."""

    code = "catalogue_version_exists"

    def __init__(self, version: str) -> None:
        super().__init__(
            f"目录版本 {version} 已经导入且内容不同。已发布的版本不能改写，请使用新的版本号和生效日期。",
            version=version,
        )


class NoCatalogueInForce(NotFound):
    code = "no_catalogue_in_force"

    def __init__(self, on: str) -> None:
        super().__init__(f"{on} 没有生效的公共信用信息目录，请先导入目录。", on=on)


class CategoryNotInForce(NotFound):
    """Only the catalogue counts: what it does not list is not stored."""

    code = "category_not_in_force"

    def __init__(self, category: str, on: str) -> None:
        super().__init__(
            f"类别“{category}”不在 {on} 生效的公共信用信息目录中，不予归集。", category=category, on=on
        )


class TemplateUnknown(NotFound):
    code = "template_unknown"

    def __init__(self, template: str) -> None:
        super().__init__(f"没有名为“{template}”的归集模板。", template=template)


class AdjustmentRefused(Refused):
    """A city may adjust what the published standard leaves open, and nothing else."""

    code = "template_adjustment_refused"

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"模板调整“{place}”不能采用：{why}", place=place)


class HeaderAmbiguous(Refused):
    """Two columns of the file mean the same field."""

    code = "header_ambiguous"

    def __init__(self, field: str, headings: Sequence[str]) -> None:
        super().__init__(
            f"文件中有多列对应同一字段“{field}”：{'、'.join(headings)}。请只保留一列后重新报送。",
            field=field,
            headings=list(headings),
        )


class SpreadsheetUnreadable(Refused):
    """Not a table that a catalogue can be read from."""

    code = "spreadsheet_unreadable"


class SpreadsheetInvalid(Refused):
    """`faults` names every faulty cell: row, column, message, and the legal rule where one refuses."""

    code = "spreadsheet_invalid"

    def __init__(self, faults: Sequence[Mapping[str, object]]) -> None:
        self.faults = faults
        shown = "；".join(f"第 {fault['row']} 行“{fault['column']}”：{fault['message']}" for fault in faults[:5])
        super().__init__(
            f"表格中有 {len(faults)} 处需要修改，未作任何改动。{shown}", faults=[dict(fault) for fault in faults]
        )


class DraftNotFound(NotFound):
    code = "catalogue_draft_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这份目录草案，请回到列表刷新后再看。")


class DraftDecided(Conflict):
    code = "catalogue_draft_decided"

    def __init__(self) -> None:
        super().__init__("这份目录草案已经办结，不能再次审核。请刷新后查看结果。")


class SamePerson(Forbidden):
    """Four eyes: nobody puts their own draft into force."""

    code = "catalogue_same_person"

    def __init__(self) -> None:
        super().__init__("目录草案须由提交人以外的人员审核，请交给另一位复核员。")


class EffectInThePast(Refused):
    code = "catalogue_effect_in_the_past"

    def __init__(self, effective_from: str) -> None:
        super().__init__(
            f"生效日期 {effective_from} 已经过去，新版目录不能追溯生效。请改为今天或以后的日期后重新提交。",
            effective_from=effective_from,
        )


class VersionNotFound(NotFound):
    code = "catalogue_version_not_found"

    def __init__(self, version: str) -> None:
        super().__init__(f"没有版本号为 {version} 的目录，请从版本列表中选择。", version=version)
