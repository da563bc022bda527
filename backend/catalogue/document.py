"""A catalogue as a document: read, checked against the rules on what may be collected, and compared.

Nothing here knows a database: officers can check a draft before it is imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from importlib.resources import files
from typing import Any, Literal, TypeGuard, get_args

import yaml

from backend.catalogue.errors import (
    CatalogueInvalid,
    ContentForbidden,
    LegalBasisMissing,
    OnlyUpward,
    RetentionTooLong,
    WrittenConsentMissing,
)
from backend.catalogue.forbidden import (
    NEVER,
    ONLY_WITH_WRITTEN_CONSENT,
    counts_only_upward,
    find_forbidden,
)
from scoring.reading_yaml import read_yaml

SubjectKind = Literal["person", "enterprise", "organisation"]
Polarity = Literal["positive", "negative", "neutral"]
Disclosure = Literal["public", "on_authorization", "internal"]

LONGEST_RETENTION_DAYS = 1826
"""Five years, 《征信业管理条例》第十六条: adverse information is deleted five years after the matter ended."""


@dataclass(frozen=True)
class Level:
    """A level of a category; `published_days` bounds how long an adverse record of this level is public."""

    code: str
    name: str
    published_days: int | None = None


@dataclass(frozen=True)
class Category:
    """One category as the document states it."""

    code: str
    name: str
    subject_kinds: tuple[SubjectKind, ...]
    source_department: str
    source_department_code: str
    legal_basis: str
    polarity: Polarity
    unit: str
    contents: tuple[str, ...]
    levels: tuple[Level, ...]
    retention_days: int | None
    disclosure: Disclosure
    may_decline: bool
    written_consent: bool
    templates: tuple[str, ...]

    def level_ordinal(self, code_or_name: str) -> int | None:
        """1 for the first level, and so on; None when the category has no such level."""
        for ordinal, level in enumerate(self.levels, start=1):
            if code_or_name in (level.code, level.name):
                return ordinal
        return None

    def level_name(self, ordinal: int) -> str | None:
        """None for 0 (no level) and for an ordinal the category does not have."""
        return self.levels[ordinal - 1].name if 0 < ordinal <= len(self.levels) else None


@dataclass(frozen=True)
class Catalogue:
    """One version of the catalogue. `hash` identifies the document it came from."""

    version: str
    name: str
    effective_from: date
    hash: str
    categories: Mapping[str, Category]


@dataclass(frozen=True)
class Change:
    """One difference between two versions; before/after are None where the category did not exist."""

    category: str
    field: str | None
    before: object
    after: object


def shipped_catalogue() -> str:
    """The text of the demo city's catalogue."""
    return files("backend.catalogue").joinpath("shipped/catalogue.yaml").read_text(encoding="utf-8")


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue and refuse what may not be collected.

    Raises CatalogueInvalid, LegalBasisMissing, ContentForbidden, WrittenConsentMissing, OnlyUpward or
    RetentionTooLong; the first category that breaks a rule is named.
    """
    try:
        document = read_yaml(text)
    except yaml.YAMLError as error:
        raise CatalogueInvalid([f"不是有效的 YAML（{getattr(error, 'problem', error)}）"]) from None
    problems = _structural_problems(document)
    if problems:
        raise CatalogueInvalid(problems)
    categories = [_category(stated) for stated in document["categories"]]
    for category in categories:
        check_may_be_collected(category)
    return Catalogue(
        version=document["version"],
        name=document["name"],
        effective_from=document["effective_from"],
        hash=hashlib.sha256(text.encode()).hexdigest(),
        categories={category.code: category for category in categories},
    )


def check_may_be_collected(category: Category) -> None:
    """The rules on what a catalogue may list, in the order an officer would check them."""
    if not category.legal_basis.strip():
        raise LegalBasisMissing(category.name)
    for item in (category.code, category.name, *category.contents, *(level.name for level in category.levels)):
        if found := find_forbidden(item, NEVER):
            raise ContentForbidden(category.name, item=item, subject=found.subject, basis=found.basis)
        found = find_forbidden(item, ONLY_WITH_WRITTEN_CONSENT)
        if found and "person" in category.subject_kinds and not category.written_consent:
            raise WrittenConsentMissing(category.name, item=item, subject=found.subject, basis=found.basis)
    if counts_only_upward(category.code, category.name) and category.polarity != "positive":
        raise OnlyUpward(category.name)
    may_be_adverse = category.polarity == "negative"
    if may_be_adverse and not 0 < (category.retention_days or 0) <= LONGEST_RETENTION_DAYS:
        raise RetentionTooLong(category.name, longest_days=LONGEST_RETENTION_DAYS)


def compare_catalogues(before: Catalogue, after: Catalogue) -> list[Change]:
    """What the later version adds, drops and changes, category by category in the order of the documents."""
    changes: list[Change] = []
    for code, old in before.categories.items():
        if code not in after.categories:
            changes.append(Change(code, None, old, None))
            continue
        new = after.categories[code]
        changes.extend(
            Change(code, field.name, getattr(old, field.name), getattr(new, field.name))
            for field in fields(Category)
            if getattr(old, field.name) != getattr(new, field.name)
        )
    changes.extend(
        Change(code, None, None, new) for code, new in after.categories.items() if code not in before.categories
    )
    return changes


_TEXTS = (
    "code",
    "name",
    "source_department",
    "source_department_code",
    "legal_basis",
    "polarity",
    "unit",
    "disclosure",
)
_LISTS = ("subject_kinds", "contents", "templates")
_FLAGS = ("may_decline", "written_consent")


def _structural_problems(document: Any) -> list[str]:
    """Everything that keeps the document from being read at all, so that it can be mended in one go."""
    if not isinstance(document, dict) or not isinstance(document.get("categories"), list):
        return ["缺少 categories 列表"]
    problems = [
        f"缺少 {key} 或类型不对"
        for key, kind in (("version", str), ("name", str), ("effective_from", date))
        if type(document.get(key)) is not kind  # a moment is a date too, and has no place among days
    ]
    seen: set[str] = set()
    for number, stated in enumerate(document["categories"], start=1):
        if not isinstance(stated, dict):
            problems.append(f"第{number}个类别不是键值结构")
            continue
        place = f"第{number}个类别（{stated.get('code')}）"
        # A missing legal basis is a refusal of its own, not a slip of the pen.
        problems += [
            f"{place}缺少 {key}"
            for key in _TEXTS
            if key != "legal_basis" and not (isinstance(stated.get(key), str) and stated[key].strip())
        ]
        if not isinstance(stated.get("legal_basis", ""), str | None):
            problems.append(f"{place}的 legal_basis 应为文字")
        problems += [f"{place}的 {key} 应为文字的列表" for key in _LISTS if not _are_texts(stated.get(key))]
        if not _are_levels(stated.get("levels")):
            problems.append(f"{place}的 levels 应为列表，每项有 code、name，公示天数（published_days）为天数")
        # A word such as 否 would be read as a yes.
        problems += [
            f"{place}的 {key} 只能是 true 或 false"
            for key in _FLAGS
            if not isinstance(stated.get(key, False), bool)
        ]
        for key, allowed in (("polarity", Polarity), ("disclosure", Disclosure)):
            if stated.get(key) not in get_args(allowed):
                problems.append(f"{place}的 {key} 只能是 {'、'.join(get_args(allowed))}")
        kinds = stated.get("subject_kinds")
        if _are_texts(kinds) and not 0 < len(set(kinds) & set(get_args(SubjectKind))) == len(set(kinds)):
            problems.append(f"{place}的 subject_kinds 只能是 {'、'.join(get_args(SubjectKind))}")
        if not _is_days(stated.get("retention_days")):
            problems.append(f"{place}的 retention_days 应为天数或 null")
        if stated.get("may_decline") and stated.get("polarity") != "positive":
            problems.append(f"{place}不是正面信息，本人不能拒绝记录（may_decline）")
        if str(stated.get("code")) in seen:
            problems.append(f"{place}的代码重复")
        seen.add(str(stated.get("code")))
    return problems


def _are_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)


def _are_levels(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(level, dict)
        and _are_texts([level.get("code"), level.get("name")])
        and _is_days(level.get("published_days"))
        for level in value
    )


def _is_days(value: Any) -> bool:
    """One or more, or nothing; true is a number to the language alone."""
    return value is None or (type(value) is int and value > 0)


def _category(stated: dict[str, Any]) -> Category:
    return Category(
        code=stated["code"],
        name=stated["name"],
        subject_kinds=tuple(stated["subject_kinds"]),
        source_department=stated["source_department"],
        source_department_code=stated["source_department_code"],
        legal_basis=stated.get("legal_basis") or "",
        polarity=stated["polarity"],
        unit=stated["unit"],
        contents=tuple(stated["contents"]),
        levels=tuple(
            Level(level["code"], level["name"], level.get("published_days")) for level in stated["levels"]
        ),
        retention_days=stated.get("retention_days"),
        disclosure=stated["disclosure"],
        may_decline=bool(stated.get("may_decline", False)),
        written_consent=bool(stated.get("written_consent", False)),
        templates=tuple(stated["templates"]),
    )
