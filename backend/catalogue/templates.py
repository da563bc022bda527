"""Delivery templates 归集模板: how a department's file is read, declared in `shipped/templates.yaml`.

Collection reads everything it needs from a Template: which columns there are and what may stand in them, whom a
row is about, what makes it the same matter as another row, and how its cells become the facts that scoring uses.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, reduce
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import polars as pl

from backend.catalogue.errors import AdjustmentRefused, HeaderAmbiguous, TemplateUnknown
from scoring.reading_yaml import read_yaml

ColumnKind = Literal["C", "D", "N", "E"]
Necessity = Literal["R", "O", "C", "-"]
PartyKind = Literal["person", "organisation"]
"""What the standards tell apart: a natural person, or anything else (enterprise, organisation, sole trader)."""

CENTS_PER = {"yuan": 100, "wan_yuan": 1_000_000}
"""Amount units a template may declare, in cents. 万元 with six decimals is exact to the cent."""


@dataclass(frozen=True)
class RequiredWhen:
    """A conditional cell (C) is required when `column` holds one of `values`, or any value when that is empty."""

    column: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """One field of a template.

    code           heading in 双公示 files, and the name used everywhere in the product
    header         Chinese heading, accepted alike
    length         characters for C and E; for N the digits in all; None for D
    decimals       digits after the point for N, else 0
    organisation, person   necessity of the cell for a row about an organisation or a person
    values         the only cells allowed, in canonical spelling; empty: anything that fits
    value_aliases  other spelling → canonical value
    other          when set, this value may be replaced by free text
    separator      when set, several of `values` may stand in the cell, joined by it
    open_end       dates (ISO) that mean "no end date"
    secret         holds an identity number or a person's name: never stored in plain text, logged or shown
    verified       False: length or values are a default that the published standard does not settle
    """

    code: str
    header: str
    kind: ColumnKind
    length: int | None
    decimals: int
    organisation: Necessity
    person: Necessity
    values: tuple[str, ...]
    value_aliases: Mapping[str, str]
    aliases: tuple[str, ...]
    other: str | None
    separator: str | None
    open_end: tuple[str, ...]
    required_when: RequiredWhen | None
    secret: bool
    verified: bool

    def necessity(self, party: PartyKind) -> Necessity:
        return self.person if party == "person" else self.organisation


@dataclass(frozen=True)
class SubjectRule:
    """Whom a row is about.

    kind_column   column that tells person from organisation, or None when `fixed` says it for the whole template,
                  or the template is `inferred`: a person's row is one with a person's identifier and no other's
    kinds         canonical value of kind_column → party
    name          column with the subject's name
    identifiers   per party, the columns that identify the subject, best first; the first one filled counts,
                  and makes up for required ones that are empty (see Template.stand_ins)
    """

    kind_column: str | None
    kinds: Mapping[str, PartyKind]
    fixed: PartyKind | None
    inferred: bool
    name: str
    identifiers: Mapping[PartyKind, tuple[str, ...]]


@dataclass(frozen=True)
class AmountRule:
    """Money: the sum of the filled columns, in `unit`; `cents_per_unit` makes cents of it."""

    columns: tuple[str, ...]
    unit: Literal["yuan", "wan_yuan"]

    @property
    def cents_per_unit(self) -> int:
        return CENTS_PER[self.unit]


@dataclass(frozen=True)
class LevelCase:
    """Fits when `column` holds one of `values`, or when the row's amount reaches `amount_at_least` (cents)."""

    level: str
    column: str | None = None
    values: tuple[str, ...] = ()
    amount_at_least: int | None = None


@dataclass(frozen=True)
class LevelRule:
    """Which level of its category a row has: the first case that fits, else `otherwise`.

    With `of_category` set there are no cases: that column's cell is the code or the name of one of the levels
    of the row's own category, to be looked up with `Category.level_ordinal`.
    """

    cases: tuple[LevelCase, ...] = ()
    otherwise: str | None = None
    of_category: str | None = None


@dataclass(frozen=True)
class FactRule:
    """Which columns become the facts of a record; None where the template has no such fact.

    title      text with `{COLUMN}` in it
    timed_from the first of these columns that is filled holds the day from which timeliness counts
    quantity   column in units; the record keeps hundredths
    event_key  columns whose cells, joined, name the act: rows with the same act count once, at the highest
    """

    title: str
    event_on: str
    ended_on: str | None
    performed_on: str | None
    timed_from: tuple[str, ...]
    quantity: str | None
    amount: AmountRule | None
    level: LevelRule | None
    event_key: tuple[str, ...]


@dataclass(frozen=True)
class WithdrawnRule:
    """The decision was taken back when `column` equals one of `values` or contains one of `containing`."""

    column: str
    values: tuple[str, ...] = ()
    containing: tuple[str, ...] = ()


@dataclass(frozen=True)
class OnlyWhen:
    """A row is only taken when `column` holds one of `values`; `message` tells the department why not."""

    column: str
    values: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Refusal:
    """Rows that the law (`basis`) keeps out: one of `words` stands in a text cell, `unless` words read over."""

    code: str
    basis: str
    words: tuple[str, ...]
    unless: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class StatusRule:
    """Canonical cell of `column` → status of the subject, or role of the principal."""

    column: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class RegisterRule:
    """Where a register file's facts stand. `kind` is the register; 'relation' links a principal to an enterprise.

    old_codes maps a scheme of `subject_codes` to the column that holds the old code, if the cell is filled.
    successor is the column with the code of whoever took over a merged subject.
    For 'relation': `identifier` is the principal's, `enterprise` the enterprise's, `status` maps the role, and
    registered_on/ended_on bound the time in office.
    """

    kind: Literal["person", "enterprise", "organisation", "relation"]
    identifier: str
    name: str
    status: StatusRule
    registered_on: str
    ended_on: str | None
    born_on: str | None
    district: str | None
    enterprise: str | None
    successor: str | None
    old_codes: Mapping[str, str]


@dataclass(frozen=True)
class Template:
    """One kind of file.

    category         what every row feeds, or None when `category_column` says it row by row, or for a register
    natural_key      columns that, with category and subject, tell one matter from another
    agency           column of the natural key that names an agency: it counts as the agency's code, where the
                     catalogue knows it, so that forms with and without codes speak of the same matter
    source_code      column with the 统一社会信用代码 of the delivering department
    date_order       pairs of columns: the second date, when filled, may not lie before the first
    withdrawn        any that fits means the decision was taken back
    Exactly one of (`subject` and `facts`) and `register` is set.
    """

    code: str
    name: str
    standard: str
    category: str | None
    category_column: str | None
    subject: SubjectRule | None
    facts: FactRule | None
    register: RegisterRule | None
    natural_key: tuple[str, ...]
    source_code: str | None
    date_order: tuple[tuple[str, str], ...]
    withdrawn: tuple[WithdrawnRule, ...]
    agency: str | None
    refused: tuple[Refusal, ...]
    only_when: OnlyWhen | None
    columns: tuple[Column, ...]

    def column(self, code: str) -> Column:
        """Raises KeyError."""
        for column in self.columns:
            if column.code == code:
                return column
        raise KeyError(code)

    def stand_ins(self, code: str, party: PartyKind) -> tuple[str, ...]:
        """Columns of which any one, when filled, makes up for this one being empty: other identifiers.

        Departments still deliver an old registration number for a company without its 统一社会信用代码.
        """
        identifiers = self.subject.identifiers.get(party, ()) if self.subject else ()
        return tuple(other for other in identifiers if other != code) if code in identifiers else ()

    def resolve_header(self, header: Sequence[str]) -> tuple[str | None, ...]:
        """For each heading of a file the code of the column it means, None for one the template does not know.

        Raises HeaderAmbiguous when two headings mean the same column.
        """
        codes = _headings(self)
        resolved = tuple(codes.get(_normalised_heading(heading)) for heading in header)
        for code in resolved:
            if code is not None and resolved.count(code) > 1:
                same = [heading for heading, found in zip(header, resolved, strict=True) if found == code]
                raise HeaderAmbiguous(code, same)
        return resolved


_city_adjustments: Path | None = None


def use_city_adjustments(path: Path | None) -> None:
    """From now on `load_templates` applies the installation's own file. For composition roots, once, at the start.

    Raises AdjustmentRefused or TemplateUnknown, so that a wrong file is told before anything is collected.
    """
    global _city_adjustments
    _city_adjustments = path
    load_templates.cache_clear()
    load_templates()


@cache
def load_templates() -> Mapping[str, Template]:
    """The templates by code, in the order of the document, with what is adjusted here applied: the shipped
    adjustments first, then the installation's."""
    templates = adjust_templates(read_templates(_shipped("templates.yaml")), _shipped("template_adjustments.yaml"))
    if _city_adjustments is None:
        return templates
    return adjust_templates(templates, _city_adjustments.read_text(encoding="utf-8"))


def read_templates(text: str) -> Mapping[str, Template]:
    """The templates of a document, as the standards (and their unverified defaults) have them."""
    document = read_yaml(text)
    return {template["code"]: _template(template) for template in document["templates"]}


def adjust_templates(templates: Mapping[str, Template], adjustments: str) -> Mapping[str, Template]:
    """`adjustments` is YAML, `{template: {column: {length | values | value_aliases | organisation | person: …}}}`.

    Only columns whose shipped values are not verified against the standard may be adjusted.

    Raises AdjustmentRefused or TemplateUnknown.
    """
    adjusted = dict(templates)
    for code, columns in (read_yaml(adjustments) or {}).items():
        if code not in adjusted:
            raise TemplateUnknown(code)
        for column_code, change in columns.items():
            adjusted[code] = _adjust_column(adjusted[code], column_code, change)
    return adjusted


def detect_template(header: Sequence[str], templates: Mapping[str, Template] | None = None) -> Template | None:
    """The template a file's first row belongs to, or None.

    A template fits when every column that it always requires is there; of several the one that explains most of
    the headings is taken, and two that explain equally many are no answer.
    """
    fitting: list[tuple[int, Template]] = []
    for template in (templates or load_templates()).values():
        codes = _headings(template)
        present = {codes.get(_normalised_heading(heading)) for heading in header} - {None}
        if all(column.code in present for column in template.columns if _always_required(template, column)):
            fitting.append((len(present), template))
    fitting.sort(key=lambda found: found[0], reverse=True)
    if not fitting or (len(fitting) > 1 and fitting[0][0] == fitting[1][0]):
        return None
    return fitting[0][1]


def derive_level(rule: LevelRule, cells: Mapping[str, Sequence[str]], amount: int) -> str | None:
    """The code of the level of one row.

    cells   column code → its canonical values (several when the column has a separator, none when empty)
    amount  cents, 0 when the row has none
    """
    if rule.of_category is not None:
        return next(iter(cells.get(rule.of_category, ())), None)
    for case in rule.cases:
        if case.column is not None and not set(case.values).isdisjoint(cells.get(case.column, ())):
            return case.level
        if case.amount_at_least is not None and amount >= case.amount_at_least:
            return case.level
    return rule.otherwise


def level_expression(template: Template, amount: pl.Expr) -> pl.Expr:
    """The same as `derive_level` over a frame of canonical cells (text columns named by code, null when empty).

    amount  expression in cents, 0 when the row has none
    The result is text, null for no level. The template must have a level rule.
    """
    if template.facts is None or template.facts.level is None:
        raise ValueError(f"template {template.code} declares no level")
    rule = template.facts.level
    if rule.of_category is not None:
        return pl.col(rule.of_category)

    def fits(case: LevelCase) -> pl.Expr:
        if case.column is None:
            return amount >= case.amount_at_least
        separator = template.column(case.column).separator
        if separator is None:
            return pl.col(case.column).is_in(case.values).fill_null(False)
        cell = pl.concat_str(pl.lit(separator), pl.col(case.column).fill_null(""), pl.lit(separator))
        return reduce(
            lambda one, other: one | other,
            (cell.str.contains(f"{separator}{value}{separator}", literal=True) for value in case.values),
        )

    return pl.coalesce(
        *(pl.when(fits(case)).then(pl.lit(case.level)) for case in rule.cases),
        pl.lit(rule.otherwise, dtype=pl.String),
    )


# --- reading the document -------------------------------------------------------------------------------------


def _shipped(name: str) -> str:
    return files("backend.catalogue").joinpath(f"shipped/{name}").read_text(encoding="utf-8")


def _template(document: dict[str, Any]) -> Template:
    only_when = document.get("only_when")
    return Template(
        code=document["code"],
        name=document["name"],
        standard=document["standard"],
        category=document.get("category"),
        category_column=document.get("category_column"),
        subject=_subject_rule(document["subject"]) if "subject" in document else None,
        facts=_fact_rule(document["facts"]) if "facts" in document else None,
        register=_register_rule(document["register"]) if "register" in document else None,
        natural_key=tuple(document["natural_key"]),
        source_code=document.get("source_code"),
        date_order=tuple((first, second) for first, second in document.get("date_order", ())),
        withdrawn=tuple(
            WithdrawnRule(rule["column"], tuple(rule.get("values", ())), tuple(rule.get("containing", ())))
            for rule in document.get("withdrawn", ())
        ),
        agency=document.get("agency"),
        refused=tuple(
            Refusal(rule["code"], rule["basis"], tuple(rule["words"]), tuple(rule["unless"]), rule["message"])
            for rule in document.get("refused", ())
        ),
        only_when=only_when and OnlyWhen(only_when["column"], tuple(only_when["values"]), only_when["message"]),
        columns=tuple(_column(column) for column in document["columns"]),
    )


def _column(document: dict[str, Any]) -> Column:
    length, decimals = _length(document.get("length"))
    condition = document.get("required_when")
    return Column(
        code=document["code"],
        header=document["header"],
        kind=document["kind"],
        length=length,
        decimals=decimals,
        organisation=document["organisation"],
        person=document["person"],
        values=tuple(document.get("values", ())),
        value_aliases=dict(document.get("value_aliases", {})),
        aliases=tuple(document.get("aliases", ())),
        other=document.get("other"),
        separator=document.get("separator"),
        open_end=tuple(document.get("open_end", ())),
        required_when=condition and RequiredWhen(condition["column"], tuple(condition.get("values", ()))),
        secret=document.get("secret", False),
        verified=document.get("verified", True),
    )


def _length(written: int | str | None) -> tuple[int | None, int]:
    """`18` or `"18,6"` (digits in all, of which decimals)."""
    if written is None:
        return None, 0
    digits, _, decimals = str(written).partition(",")
    return int(digits), int(decimals or 0)


def _subject_rule(document: dict[str, Any]) -> SubjectRule:
    return SubjectRule(
        kind_column=document.get("kind_column"),
        kinds=dict(document.get("kinds", {})),
        fixed=document.get("fixed"),
        inferred=document.get("inferred", False),
        name=document["name"],
        identifiers={party: tuple(columns) for party, columns in document["identifiers"].items()},
    )


def _fact_rule(document: dict[str, Any]) -> FactRule:
    amount = document.get("amount")
    level = document.get("level")
    return FactRule(
        title=document["title"],
        event_on=document["event_on"],
        ended_on=document.get("ended_on"),
        performed_on=document.get("performed_on"),
        timed_from=(*document.get("timed_from", ()), document["event_on"]),
        quantity=document.get("quantity"),
        amount=amount and AmountRule(tuple(amount["columns"]), amount["unit"]),
        level=level
        and LevelRule(
            cases=tuple(
                LevelCase(
                    case["level"], case.get("column"), tuple(case.get("values", ())), case.get("amount_at_least")
                )
                for case in level.get("cases", ())
            ),
            otherwise=level.get("otherwise"),
            of_category=level.get("of_category"),
        ),
        event_key=tuple(document.get("event_key", ())),
    )


def _register_rule(document: dict[str, Any]) -> RegisterRule:
    status = document["status"]
    return RegisterRule(
        kind=document["kind"],
        identifier=document["identifier"],
        name=document["name"],
        status=StatusRule(status["column"], dict(status["values"])),
        registered_on=document["registered_on"],
        ended_on=document.get("ended_on"),
        born_on=document.get("born_on"),
        district=document.get("district"),
        enterprise=document.get("enterprise"),
        successor=document.get("successor"),
        old_codes=dict(document.get("old_codes", {})),
    )


def _adjust_column(template: Template, code: str, change: dict[str, Any]) -> Template:
    place = f"{template.code}.{code}"
    try:
        column = template.column(code)
    except KeyError:
        raise AdjustmentRefused(place, "模板中没有这个字段。") from None
    if column.verified:
        raise AdjustmentRefused(place, "该字段由已公布的标准规定，不能调整。")
    if unknown := set(change) - {"length", "values", "value_aliases", "organisation", "person"}:
        raise AdjustmentRefused(
            place,
            "只能调整长度（length）、取值（values、value_aliases）和必填与否（organisation、person），"
            f"不能调整{'、'.join(sorted(unknown))}。",
        )
    if not {change.get("organisation", "R"), change.get("person", "R")} <= {"R", "O", "C", "-"}:
        raise AdjustmentRefused(place, "必填与否只能是 R（必填）、O（选填）、C（条件必填）或 -（不填）。")
    length, decimals = _length(change["length"]) if "length" in change else (column.length, column.decimals)
    changed = replace(
        column,
        length=length,
        decimals=decimals,
        organisation=change.get("organisation", column.organisation),
        person=change.get("person", column.person),
        values=tuple(map(str, change.get("values", column.values))),
        value_aliases={str(a): str(b) for a, b in change.get("value_aliases", column.value_aliases).items()},
    )
    return replace(template, columns=tuple(changed if c.code == code else c for c in template.columns))


# --- headings -------------------------------------------------------------------------------------------------


def _normalised_heading(heading: str) -> str:
    """Full-width forms, case, spaces and a byte-order mark do not make another heading."""
    return "".join(unicodedata.normalize("NFKC", heading).replace("\ufeff", "").split()).upper()


def _headings(template: Template) -> Mapping[str, str]:
    """Every accepted heading, normalised → column code."""
    return {
        _normalised_heading(heading): column.code
        for column in template.columns
        for heading in (column.code, column.header, *column.aliases)
    }


def _always_required(template: Template, column: Column) -> bool:
    """Whether no file of the template can do without the column."""
    if template.subject is not None and template.subject.fixed is not None:
        return column.necessity(template.subject.fixed) == "R"
    if template.register is not None:
        return "R" in (column.organisation, column.person)
    return column.organisation == column.person == "R"
