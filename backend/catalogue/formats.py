"""The delivery formats in words, for the departments: `docs/formats.md` is this text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files

from backend.catalogue.document import Catalogue
from backend.catalogue.templates import Column, LevelCase, LevelRule, RequiredWhen, Template

_KINDS = {"C": "文本", "D": "日期", "N": "数值", "E": "枚举"}
_NECESSITY = {"R": "必填", "O": "选填", "C": "条件必填", "-": "不填"}
_REGISTERS = {
    "person": "自然人登记册",
    "enterprise": "企业登记册",
    "organisation": "非企业组织登记册",
    "relation": "企业与主要人员的关系",
}


def describe_formats(templates: Mapping[str, Template], catalogue: Catalogue) -> str:
    """Markdown: how to deliver, and every template with its columns."""
    shipped = files("backend.catalogue").joinpath("shipped/formats_introduction.md")
    introduction = shipped.read_text(encoding="utf-8")
    return "\n".join([introduction, *_contents(templates), *_templates(templates, catalogue)])


def _contents(templates: Mapping[str, Template]) -> Iterator[str]:
    yield "## 模板一览\n"
    yield "| 模板 | 名称 | 字段数 | 依据 |"
    yield "| --- | --- | --- | --- |"
    for template in templates.values():
        link = f"[`{template.code}`](#{template.code})"
        yield f"| {link} | {template.name} | {len(template.columns)} | {template.standard} |"
    yield ""


def _templates(templates: Mapping[str, Template], catalogue: Catalogue) -> Iterator[str]:
    for template in templates.values():
        yield f'<a id="{template.code}"></a>\n'
        yield f"## {template.name}（`{template.code}`）\n"
        yield from _facts(template, catalogue)
        yield ""
        yield "| 字段 | 名称 | 类型 | 单位 | 自然人 | 取值和说明 |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for column in template.columns:
            yield _row(template, column)
        yield ""


def _facts(template: Template, catalogue: Catalogue) -> Iterator[str]:
    def named(*codes: str) -> str:
        return "、".join(f"{template.column(code).header}（`{code}`）" for code in codes)

    if template.register is not None:
        yield f"- 归入：{_REGISTERS[template.register.kind]}"
    elif template.category is not None:
        category = catalogue.categories[template.category]
        yield f"- 目录类别：{category.name}（`{category.code}`），数源单位：{category.source_department}"
    elif template.category_column is not None:
        fed = [c for c in catalogue.categories.values() if template.code in c.templates]
        listed = "、".join(f"{category.name}（`{category.code}`）" for category in fed)
        yield f"- 目录类别：由{named(template.category_column)}逐行写明，可以是{listed}"
    yield f"- 同一事项的标识：{named(*template.natural_key)}" + ("，以及主体" if template.subject else "")
    for first, second in template.date_order:
        yield f"- 日期先后：{named(second)}不得早于{named(first)}"
    for rule in template.withdrawn:
        how = f"填“{'”或“'.join(rule.values)}”" if rule.values else f"写明“{'”或“'.join(rule.containing)}”"
        yield f"- 撤销：{named(rule.column)}{how}"
    if template.subject is not None and template.subject.inferred:
        yield "- 主体类别由填写的代码判断：只填了居民身份证号的是自然人，填了单位代码的是单位"
    for refusal in template.refused:
        yield f"- 不予归集（{refusal.basis}）：写有“{'”“'.join(refusal.words)}”的行"
    if template.only_when is not None:
        only = template.only_when
        yield f"- 只接收{named(only.column)}为“{'”或“'.join(only.values)}”的行"
    if template.facts is not None and len(template.facts.timed_from) > 1:
        first, *others = (named(code) for code in template.facts.timed_from)
        yield f"- 及时与否从{first}起算；没有填写的，从{'、'.join(others)}起算"
    if template.facts is not None and template.facts.level is not None:
        yield from _levels(template, template.facts.level, catalogue)


def _levels(template: Template, rule: LevelRule, catalogue: Catalogue) -> Iterator[str]:
    if rule.of_category is not None:
        graded = [
            f"{category.name}：{'、'.join(level.name for level in category.levels)}"
            for category in catalogue.categories.values()
            if template.code in category.templates and category.levels
        ]
        yield f"- 等级：{template.column(rule.of_category).header}填类别规定的等级。{'；'.join(graded)}"
        return
    category = catalogue.categories[template.category or ""]
    names = {level.code: level.name for level in category.levels}
    yield "- 等级由下列规则得出，自上而下，先符合的为准："
    for case in rule.cases:
        yield f"  - {names[case.level]}：{_condition(template, case)}"
    if rule.otherwise is not None:
        yield f"  - {names[rule.otherwise]}：其他情形"


def _condition(template: Template, case: LevelCase) -> str:
    if case.column is not None:
        return f"{template.column(case.column).header}为{'、'.join(case.values)}"
    return f"金额达到 {(case.amount_at_least or 0) / 100:,.2f} 元"


def _row(template: Template, column: Column) -> str:
    size = "" if column.length is None else str(column.length)
    if column.decimals:
        size += f",{column.decimals}"
    kind = f"{_KINDS[column.kind]} {size}".strip() + ("" if column.verified else " †")
    cells = (
        f"`{column.code}`",
        column.header,
        kind,
        _NECESSITY[column.organisation],
        _NECESSITY[column.person],
        "；".join(_remarks(template, column)),
    )
    return "| " + " | ".join(cells) + " |"


def _remarks(template: Template, column: Column) -> Iterator[str]:
    if column.values:
        yield "、".join(column.values)
    if column.value_aliases:
        yield "也可写" + "、".join(f"{alias}（{value}）" for alias, value in column.value_aliases.items())
    if column.separator:
        yield f"可以有几项，用“{column.separator}”隔开"
    if column.other:
        yield f"属于“{column.other}”的可以直接写明内容"
    if column.open_end:
        yield (
            f"没有截止日期的填 {'、'.join(column.open_end)} 或留空"
            if _optional(column)
            else (f"没有截止日期的填 {'、'.join(column.open_end)}")
        )
    if column.required_when is not None:
        yield _required_when(template, column.required_when)
    if column.aliases:
        yield "表头也可写 " + "、".join(f"`{alias}`" for alias in column.aliases)
    if column.secret:
        yield "加密保存，不公开"


def _optional(column: Column) -> bool:
    return "R" not in (column.organisation, column.person)


def _required_when(template: Template, condition: RequiredWhen) -> str:
    other = template.column(condition.column).header
    if condition.values:
        return f"{other}为{'、'.join(condition.values)}时必填"
    return f"填了{other}时必填"
