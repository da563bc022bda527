"""Refusals of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence

from backend.errors import Conflict, NotFound, Refused


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
            f"类别“{category}”没有写明法律依据，不得列入目录。请补充法律、法规或规范性文件的名称和条款。",
            category=category,
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
            "确已取得的，请在目录中标明 written_consent: true。",
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
            f"类别“{category}”属于献血或志愿服务，只能作为正面信息，不得设为负面或中性。", category=category
        )


class RetentionTooLong(Refused):
    """Adverse information ends at most five years after the matter ended."""

    code = "retention_too_long"

    def __init__(self, category: str, *, longest_days: int) -> None:
        super().__init__(
            f"类别“{category}”可能含有不良信息，保留期限须写明且不得超过{longest_days}天（自行为或事件终止之日起五年）。",
            category=category,
            longest_days=longest_days,
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
