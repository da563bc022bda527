"""A catalogue's codes and differences in Chinese, for tables, spreadsheets and pages."""

from __future__ import annotations

from collections.abc import Mapping

from backend.catalogue.document import Change, Level

POLARITIES: Mapping[str, str] = {"positive": "正面", "negative": "负面", "neutral": "中性"}
DISCLOSURES: Mapping[str, str] = {"public": "公开", "on_authorization": "授权查询", "internal": "政务共享"}
SUBJECT_KINDS: Mapping[str, str] = {"person": "自然人", "enterprise": "企业", "organisation": "非企业组织"}
FIELD_NAMES: Mapping[str, str] = {
    "code": "代码",
    "name": "名称",
    "subject_kinds": "主体",
    "source_department": "数源单位",
    "source_department_code": "数源单位代码",
    "legal_basis": "法律依据",
    "polarity": "性质",
    "unit": "计量单位",
    "contents": "信息项",
    "levels": "等级",
    "retention_days": "保留天数",
    "disclosure": "公开属性",
    "may_decline": "本人可拒绝记录",
    "written_consent": "单独书面同意",
    "templates": "归集模板",
}
_WORDS = {"polarity": POLARITIES, "disclosure": DISCLOSURES, "subject_kinds": SUBJECT_KINDS}


def change_sentence(change: Change) -> str:
    """One difference between two versions, as an officer reads it."""
    if change.field is None:
        return f"{'新增' if change.before is None else '取消'}类别 {change.category}"
    before, after = said(change.field, change.before), said(change.field, change.after)
    return f"{change.category} 的{FIELD_NAMES[change.field]}：{before} → {after}"


def said(field: str, value: object) -> str:
    """A field's value in words."""
    if isinstance(value, tuple):
        return "、".join(said(field, item) for item in value) or "无"
    if isinstance(value, Level):
        return value.name if value.published_days is None else f"{value.name}（公示{value.published_days}天）"
    if value is None:
        return "长期" if field == "retention_days" else "无"
    if isinstance(value, bool):
        return "是" if value else "否"
    return _WORDS.get(field, {}).get(str(value), str(value))
