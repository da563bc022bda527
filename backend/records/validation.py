"""Is each cell of a delivered row right, and what does the row say? Whole chunks at once, by the template's rules.

Nothing here knows the database: whether the subject exists is asked afterwards, of the rows that pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from operator import or_

import polars as pl

from backend.catalogue.document import Catalogue, Category
from backend.catalogue.templates import (
    Column,
    FactRule,
    PartyKind,
    RegisterRule,
    SubjectRule,
    Template,
    level_expression,
)
from backend.identifiers import PERSONAL_KINDS, IdentifierCheck, check, check_person_number
from backend.identifiers.columns import plainly_valid
from backend.records.masking import mask_identity_numbers
from backend.records.normalisation import (
    LARGEST_WHOLE_DIGITS,
    MILLION,
    by_value,
    clean_text,
    half_width,
    once,
    parse_dates,
    parse_numbers,
    says_no_value,
    says_one_thing,
)
from backend.records.sources import COMPLAINT

Reason = dict[str, str]
"""`{column, code, message}`; `column` is the Chinese heading, empty when the row as a whole is meant. Where a row
contradicts a record of another department, also `record`, its id."""

PARTY = ":party"
IDENTIFIER = ":identifier"
CATEGORY = ":category"
EVENT_ON = ":event_on"
ENDED_ON = ":ended_on"
PERFORMED_ON = ":performed_on"
TIMED_FROM = ":timed_from"
QUANTITY = ":quantity"
AMOUNT = ":amount"
LEVEL = ":level"
WITHDRAWN = ":withdrawn"
DEPARTMENT = ":department"

MALFORMED_LINE = "malformed_line"

PARTIES: tuple[PartyKind, ...] = ("person", "organisation")

_VALUES_SHOWN = 8
_BROKEN_CHARACTER = "\ufffd"


@dataclass(frozen=True)
class ValidatedRows:
    """`frame` has a row per delivered row: canonical cells by column code (null when empty or not readable), and
    the facts above. `reasons` says per row index what is wrong; rows without reasons are sound."""

    frame: pl.DataFrame
    reasons: dict[int, list[Reason]]


Verdict = tuple[str | None, tuple[str, str] | None]
"""(normalised number, None) or (None, (reason code, message))."""


class JudgedNumbers:
    """Verdicts on the identity numbers of a delivery: one subject has many rows, and each number is judged once.

    Lives no longer than the collection of one file; forgets everything when it has grown to `largest` numbers.
    """

    def __init__(self, today: date, *, largest: int = 500_000) -> None:
        self.today = today
        self._largest = largest
        self._verdicts: dict[tuple[str, str], Verdict] = {}

    def verdict(self, text: str, party: str) -> Verdict:
        """`party` is person, organisation, or any."""
        found = self._verdicts.get((party, text))
        if found is None:
            if len(self._verdicts) >= self._largest:
                self._verdicts.clear()
            judged = (
                check_person_number(text, today=self.today) if party == "person" else check(text, today=self.today)
            )
            fault = _fault(judged, party)
            found = self._verdicts[party, text] = (None, fault) if fault else (judged.normalised, None)
        return found


@dataclass(frozen=True)
class _Rules:
    template: Template
    subject: SubjectRule
    facts: FactRule
    catalogue: Catalogue
    numbers: JudgedNumbers
    today: date


@dataclass
class _Findings:
    rows: dict[int, list[Reason]] = field(default_factory=dict)

    def add(
        self,
        mask: pl.Series,
        column: Column | None,
        code: str,
        message: str | Callable[[str], str],
        cells: pl.Series | None = None,
    ) -> None:
        """`message` may be made from the cell; identity numbers in it are masked, secret cells not repeated."""
        if not mask.any():
            return
        rows = mask.fill_null(False).arg_true()
        said = cells.gather(rows).to_list() if cells is not None else [None] * len(rows)
        for index, cell in zip(rows.to_list(), said, strict=True):
            text = message if isinstance(message, str) else message(_shown(column, cell))
            reason = {"column": column.header if column else "", "code": code, "message": text}
            self.rows.setdefault(index, []).append(reason)


def validate_rows(
    delivered: pl.DataFrame,
    template: Template,
    catalogue: Catalogue | None,
    numbers: JudgedNumbers,
    *,
    today: date,
) -> ValidatedRows:
    """Judge a chunk.

    delivered  columns of the template by code, as delivered (missing ones are taken as empty), and COMPLAINT
    catalogue  in force today; None for register files, which it does not govern
    numbers    verdicts on numbers met before in the same delivery
    today      the city's date
    """
    findings = _Findings()
    raw = {column.code: _delivered_cells(delivered, column) for column in template.columns}
    cells: dict[str, pl.Series] = {}
    dates: dict[str, pl.Series] = {}
    quantities: dict[str, pl.Series] = {}
    for column in template.columns:
        text = raw[column.code]
        match column.kind:
            case "D":
                dates[column.code] = _check_dates(findings, column, text)
                cells[column.code] = by_value(dates[column.code], _written)["text"]
            case "N":
                quantities[column.code] = _check_numbers(findings, template, column, text)
                cells[column.code] = text.set(quantities[column.code].is_null(), None)
            case _:
                cells[column.code] = _check_text(findings, template, column, text)

    party = _party(template, cells)
    _check_necessity(findings, template, raw, cells, party)
    for column in template.columns:
        if template.subject is None or "-" not in (column.person, column.organisation):
            continue
        # A cell that the standard has no use for is not kept: it might hold another person's number.
        unused = (party == "person") & (column.person == "-") | (party == "organisation") & (
            column.organisation == "-"
        )
        for kept in (cells, dates, quantities):
            if column.code in kept:
                kept[column.code] = kept[column.code].set(unused.fill_null(False), None)

    frame = pl.DataFrame([series.alias(code) for code, series in cells.items()]).with_columns(party.alias(PARTY))
    if template.register is not None:
        frame = _register_cells(findings, frame, template, template.register, dates, numbers, today)
    elif template.subject is not None and template.facts is not None and catalogue is not None:
        rules = _Rules(template, template.subject, template.facts, catalogue, numbers, today)
        frame = _subject_and_facts(findings, frame, rules, dates, quantities)
    else:
        raise ValueError("rows of a catalogue template are judged by the catalogue")

    complaints = delivered[COMPLAINT]
    for index in complaints.is_not_null().arg_true().to_list():
        # Where the line was not split rightly, nothing else about it can be said.
        findings.rows[index] = [{"column": "", "code": MALFORMED_LINE, "message": complaints[index]}]
    return ValidatedRows(frame, findings.rows)


def _delivered_cells(delivered: pl.DataFrame, column: Column) -> pl.Series:
    if column.code not in delivered.columns:
        return pl.Series(column.code, [None], dtype=pl.String).new_from_index(0, delivered.height)
    return once(delivered[column.code], clean_text)


# --- cells ----------------------------------------------------------------------------------------------------


def _written(days: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"text": days.dt.to_string("%Y-%m-%d")})


def _check_dates(findings: _Findings, column: Column, text: pl.Series) -> pl.Series:
    given = text.set(says_no_value(text), None)
    dates = by_value(given, lambda cells: pl.DataFrame({"date": parse_dates(cells)}))["date"]
    findings.add(
        dates.is_null() & given.is_not_null(),
        column,
        "date_unreadable",
        lambda cell: f"“{cell}”不是能确认的日期，请写成 2024-01-05 的形式",
        text,
    )
    open_end = [date.fromisoformat(day) for day in column.open_end]
    return dates.set(dates.is_in(open_end), None) if open_end else dates


def _check_numbers(findings: _Findings, template: Template, column: Column, text: pl.Series) -> pl.Series:
    """Millionths of the column's unit."""
    amount = template.facts.amount if template.facts else None
    in_wan_yuan = amount.unit == "wan_yuan" if amount and column.code in amount.columns else None
    given = text.set(says_no_value(text), None)
    parsed = by_value(
        given, lambda cells: parse_numbers(cells, largest_decimals=column.decimals, in_wan_yuan=in_wan_yuan)
    )
    findings.add(
        ~parsed["readable"], column, "number_unreadable", lambda cell: f"“{cell}”不是数字，请只填写数字", text
    )
    findings.add(
        parsed["too_fine"],
        column,
        "too_many_decimals",
        f"小数位数超过 {column.decimals} 位，请核对金额单位和小数点"
        if amount
        else f"小数位数超过 {column.decimals} 位，请核对",
    )
    findings.add(
        parsed["too_large"], column, "number_too_large", f"整数部分超过 {LARGEST_WHOLE_DIGITS} 位，请核对单位"
    )
    findings.add(parsed["millionths"] < 0, column, "number_negative", "不能是负数，请核对")
    return parsed["millionths"]


def _check_text(findings: _Findings, template: Template, column: Column, text: pl.Series) -> pl.Series:
    if len(text) > 1 and says_one_thing(text):
        of_one = _Findings()
        checked = _check_text(of_one, template, column, text.head(1))
        if not of_one.rows:
            return checked.new_from_index(0, len(text))
    findings.add(
        text.str.contains(_BROKEN_CHARACTER, literal=True),
        column,
        "unreadable_characters",
        "含有无法识别的字符，文件编码可能已损坏，请以 UTF-8 或 GB18030 重新导出",
    )
    if column.values:
        return _check_values(findings, column, text)
    if column.code in _exact_columns(template):
        text = half_width(text)
    if column.length is not None:
        findings.add(
            text.str.len_chars() > column.length,
            column,
            "too_long",
            f"超过 {column.length} 个字符，请缩短，或核对内容是否填错了列",
        )
    return text


def _exact_columns(template: Template) -> frozenset[str]:
    """Numbers and codes, in which width and inner space mean nothing."""
    exact = {*template.natural_key, template.category_column}
    if template.subject is not None:
        exact.update(code for codes in template.subject.identifiers.values() for code in codes)
    if template.register is not None:
        exact.update((template.register.identifier, template.register.enterprise, template.register.successor))
        exact.update(template.register.old_codes.values())
    return frozenset(code for code in exact if code is not None)


def _check_values(findings: _Findings, column: Column, text: pl.Series) -> pl.Series:
    """The canonical values, several joined by the column's separator."""
    plain = half_width(text)
    if column.separator is None:
        canonical = plain.replace(dict(column.value_aliases)) if column.value_aliases else plain
        known = canonical.is_in(column.values)
    else:
        parts = plain.str.replace_all("[;；、,，|]+", column.separator).str.strip_chars(column.separator)
        lists = parts.str.split(column.separator).list.eval(pl.element().replace(dict(column.value_aliases)))
        canonical = lists.list.join(column.separator)
        known = lists.list.eval(pl.element().is_in(column.values)).list.all()
    if column.other is not None:
        return canonical.set((~known).fill_null(False), None).fill_null(text)
    shown = "、".join(column.values[:_VALUES_SHOWN]) + ("等" if len(column.values) > _VALUES_SHOWN else "")
    findings.add(~known, column, "value_unknown", lambda cell: f"“{cell}”不是允许的取值，请改为：{shown}", text)
    return canonical.set((~known).fill_null(False), None)


def _party(template: Template, cells: Mapping[str, pl.Series]) -> pl.Series:
    height = len(next(iter(cells.values())))
    if template.subject is None:
        register = template.register
        fixed = "person" if register and register.kind == "person" else "organisation"
    elif template.subject.kind_column is not None:
        return cells[template.subject.kind_column].replace_strict(
            dict(template.subject.kinds), default=None, return_dtype=pl.String
        )
    elif template.subject.inferred:
        filled = {
            kind: reduce(or_, (cells[code].is_not_null() for code in codes))
            for kind, codes in template.subject.identifiers.items()
        }
        is_person = filled["person"] & ~filled["organisation"]
        return pl.Series(["organisation"]).new_from_index(0, height).set(is_person, "person")
    else:
        fixed = template.subject.fixed or "organisation"
    return pl.Series([fixed], dtype=pl.String).new_from_index(0, height)


def _check_necessity(
    findings: _Findings,
    template: Template,
    raw: Mapping[str, pl.Series],
    cells: Mapping[str, pl.Series],
    party: pl.Series,
) -> None:
    is_party = {kind: (party == kind).fill_null(False) for kind in PARTIES}
    is_nobody = party.is_null()
    for column in template.columns:
        empty = raw[column.code].is_null()
        if not empty.any():
            continue
        if column.organisation == column.person == "R":
            # Whoever a row is about that does not say so: it is to say at least what every row says.
            findings.add(empty & is_nobody, column, "required", "必填项为空，请补充")
        for kind in PARTIES:
            necessity = column.person if kind == "person" else column.organisation
            missing = empty & is_party[kind]
            # One number that identifies the subject is enough, whichever it is.
            for stand_in in template.stand_ins(column.code, kind):
                missing &= raw[stand_in].is_null()
            if necessity == "R":
                findings.add(missing, column, "required", "必填项为空，请补充")
            elif necessity == "C" and (condition := column.required_when) is not None:
                other = template.column(condition.column)
                holds = cells[condition.column].is_not_null()
                if condition.values:
                    holds = _holds_any(other, cells[condition.column], condition.values)
                    because = (
                        f"“{other.header}”为{'、'.join(condition.values[:3])}等时"
                        if len(condition.values) > 3
                        else f"“{other.header}”为{'、'.join(condition.values)}时"
                    )
                else:
                    because = f"填写了“{other.header}”时"
                findings.add(missing & holds.fill_null(False), column, "required", f"{because}本项必填，请补充")


def _holds_any(column: Column, cells: pl.Series, values: Sequence[str]) -> pl.Series:
    if column.separator is None:
        return cells.is_in(values)
    return cells.str.split(column.separator).list.eval(pl.element().is_in(values)).list.any()


# --- whom the row is about, and what it says ------------------------------------------------------------------


def _subject_and_facts(
    findings: _Findings,
    frame: pl.DataFrame,
    rules: _Rules,
    dates: Mapping[str, pl.Series],
    quantities: Mapping[str, pl.Series],
) -> pl.DataFrame:
    facts = rules.facts
    no_date = pl.Series([None], dtype=pl.Date).new_from_index(0, frame.height)
    no_number = pl.Series([0], dtype=pl.Int64).new_from_index(0, frame.height)
    _check_dates_together(
        findings,
        rules.template,
        dates,
        past=(facts.event_on, facts.performed_on),
        orders=((facts.event_on, facts.ended_on), (facts.event_on, facts.performed_on)),
        today=rules.today,
    )

    amount = no_number
    if facts.amount:
        for code in facts.amount.columns:
            amount = amount + quantities[code].fill_null(0) // (MILLION // facts.amount.cents_per_unit)
    quantity = quantities[facts.quantity].fill_null(0) // (MILLION // 100) if facts.quantity else no_number
    departments = [pl.col(code) for code in department_columns(rules.template)]
    frame = frame.with_columns(
        dates[facts.event_on].alias(EVENT_ON),
        (dates[facts.ended_on] if facts.ended_on else no_date).alias(ENDED_ON),
        (dates[facts.performed_on] if facts.performed_on else no_date).alias(PERFORMED_ON),
        pl.select(pl.coalesce(*(dates[code] for code in facts.timed_from))).to_series().alias(TIMED_FROM),
        quantity.alias(QUANTITY),
        amount.alias(AMOUNT),
        _identifiers(findings, frame, rules).alias(IDENTIFIER),
        _withdrawn(rules.template).alias(WITHDRAWN),
        _category(findings, frame, rules).alias(CATEGORY),
        pl.coalesce(*departments, pl.lit(None, dtype=pl.String)).alias(DEPARTMENT),
    )
    _check_kind_of_subject(findings, frame, rules)
    _check_refusals(findings, frame, rules.template)
    return frame.with_columns(_levels(findings, frame, rules).alias(LEVEL))


def source_name_column(template: Template) -> str | None:
    """The column with the delivering department's name: its code without the ending that marks the code."""
    if template.source_code is None:
        return None
    name = template.source_code.removesuffix("DM").removesuffix("Identify")
    return name if any(column.code == name for column in template.columns) else None


def department_columns(template: Template) -> list[str]:
    """Where the delivering department stands, its name before its code."""
    name = source_name_column(template)
    return [code for code in (name, template.source_code) if code is not None]


def _check_dates_together(
    findings: _Findings,
    template: Template,
    dates: Mapping[str, pl.Series],
    *,
    past: Sequence[str | None],
    orders: Sequence[tuple[str | None, str | None]],
    today: date,
) -> None:
    """Dates in `past` have happened; of each pair in `orders` and of the template the first comes first."""
    for code in dict.fromkeys(code for code in past if code):
        message = "日期晚于报送当天，请核对年月日"
        findings.add(dates[code] > today, template.column(code), "date_in_future", message)
    for first, second in dict.fromkeys((*template.date_order, *orders)):
        if first and second and first != second:
            message = f"早于“{template.column(first).header}”，两个日期可能填反了，请核对"
            findings.add(dates[second] < dates[first], template.column(second), "dates_out_of_order", message)


def _identifiers(findings: _Findings, frame: pl.DataFrame, rules: _Rules) -> pl.Series:
    """The normalised number of each row's subject; null when there is none or it is not valid."""
    result = pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
    for party, codes in rules.subject.identifiers.items():
        is_party = (frame[PARTY] == party).fill_null(False)
        for place, code in enumerate(codes):
            before = [frame[earlier].is_null() for earlier in codes[:place]]
            counts = reduce(lambda one, other: one & other, before, is_party & frame[code].is_not_null())
            if counts.any():
                column = rules.template.column(code)
                counted = frame[code].set(~counts, None)
                normalised = _check_identifiers(findings, counted, column, party, rules.numbers)
                result = result.set(counts, None).fill_null(normalised)
    return result


def _check_identifiers(
    findings: _Findings, cells: pl.Series, column: Column, party: str, numbers: JudgedNumbers
) -> pl.Series:
    plain = cells.set(~plainly_valid(cells, today=numbers.today), None) if party == "person" else None
    doubtful = cells if plain is None else cells.set(plain.is_not_null(), None)
    normalised: dict[str, str | None] = {}
    faults: dict[str, tuple[str, str]] = {}
    for text in doubtful.drop_nulls().unique().to_list():
        normalised[text], fault = numbers.verdict(text, party)
        if fault is not None:
            faults[text] = fault
    if faults:
        rows = doubtful.is_in(list(faults)).fill_null(False).arg_true()
        for index, text in zip(rows.to_list(), doubtful.gather(rows).to_list(), strict=True):
            code, message = faults[text]
            reason = {"column": column.header, "code": code, "message": message}
            findings.rows.setdefault(index, []).append(reason)
    judged = doubtful.replace_strict(normalised, default=None, return_dtype=pl.String)
    return judged if plain is None else plain.fill_null(judged)


def _fault(judged: IdentifierCheck, party: str) -> tuple[str, str] | None:
    if judged.fault is not None:
        return f"identifier_{judged.fault.code}", f"{judged.fault.message}。请核对原始凭证后更正"
    if party == "organisation" and judged.kind in PERSONAL_KINDS:
        return "identifier_kind", "这是自然人的号码，而本行的主体是单位，请填写单位的代码或更正主体类别"
    return None


def _withdrawn(template: Template) -> pl.Expr:
    rules = [pl.col(rule.column).is_in(rule.values) for rule in template.withdrawn if rule.values]
    rules += [
        pl.col(rule.column).str.contains(word, literal=True)
        for rule in template.withdrawn
        for word in rule.containing
    ]
    return reduce(or_, (rule.fill_null(False) for rule in rules), pl.lit(False))


def _category(findings: _Findings, frame: pl.DataFrame, rules: _Rules) -> pl.Series:
    template, catalogue = rules.template, rules.catalogue
    if template.category_column is None:
        fixed = template.category
        categories = pl.Series([fixed], dtype=pl.String).new_from_index(0, frame.height)
        column, cells = None, categories
    else:
        column = template.column(template.category_column)
        cells = frame[template.category_column]
        by_name = {category.name: code for code, category in catalogue.categories.items()}
        categories = cells.replace(by_name)
    in_force = categories.is_in(list(catalogue.categories))
    findings.add(
        ~in_force,
        column,
        "category_not_in_force",
        lambda cell: (
            f"类别“{cell}”不在现行公共信用信息目录（{catalogue.version}）中，依法不予归集；请核对类别代码"
        ),
        cells,
    )
    for code in categories.filter(in_force.fill_null(False)).unique().to_list():
        category = catalogue.categories[code]
        if category.templates and template.code not in category.templates:
            findings.add(
                categories == code,
                column,
                "wrong_template",
                f"类别“{category.name}”有专用模板，不能用“{template.name}”报送，请改用其专用模板",
            )
    return categories.set((~in_force).fill_null(False), None)


def _check_kind_of_subject(findings: _Findings, frame: pl.DataFrame, rules: _Rules) -> None:
    """A person's row in a category that knows no persons, and the reverse."""
    subject, template, catalogue = rules.subject, rules.template, rules.catalogue
    column = template.column(subject.kind_column) if subject.kind_column else None
    for code in frame[CATEGORY].drop_nulls().unique().to_list():
        category = catalogue.categories[code]
        for party, kinds in (("person", {"person"}), ("organisation", {"enterprise", "organisation"})):
            if kinds.isdisjoint(category.subject_kinds):
                findings.add(
                    (frame[CATEGORY] == code) & (frame[PARTY] == party),
                    column,
                    "subject_kind",
                    subject_kind_message(category),
                )


def subject_kind_message(category: Category) -> str:
    names = {"person": "自然人", "enterprise": "企业", "organisation": "非企业组织"}
    allowed = "、".join(names[kind] for kind in category.subject_kinds)
    return f"目录规定类别“{category.name}”只归集{allowed}的信息，请核对主体"


def _check_refusals(findings: _Findings, frame: pl.DataFrame, template: Template) -> None:
    if (rule := template.only_when) is not None:
        findings.add(
            ~frame[rule.column].is_in(rule.values), template.column(rule.column), "not_collected", rule.message
        )
    for refusal in template.refused:
        words = "|".join(map(re.escape, refusal.words))
        unless = "|".join(map(re.escape, refusal.unless))
        for column in template.columns:
            if column.kind != "C" or column.secret:
                continue
            suspects = frame[column.code].str.contains(words).fill_null(False)
            if suspects.any():
                cells = frame[column.code].set(~suspects, None).str.replace_all(unless, "")
                message = f"{refusal.message}（{refusal.basis}）"
                findings.add(cells.str.contains(words), column, refusal.code, message)


def _levels(findings: _Findings, frame: pl.DataFrame, rules: _Rules) -> pl.Series:
    """Ordinals within each row's category, 0 for none."""
    template, catalogue = rules.template, rules.catalogue
    if rules.facts.level is None:
        return pl.Series([0], dtype=pl.Int64).new_from_index(0, frame.height)
    named = frame.select(pl.col(CATEGORY), level_expression(template, pl.col(AMOUNT)).alias(LEVEL))
    ordinals: dict[str, int] = {}
    for category, level in named.drop_nulls().unique().iter_rows():
        ordinal = catalogue.categories[category].level_ordinal(level)
        if ordinal is not None:
            ordinals[f"{category}\n{level}"] = ordinal
    found = named.select(pl.concat_str(CATEGORY, LEVEL, separator="\n")).to_series()
    levels = found.replace_strict(ordinals, default=None, return_dtype=pl.Int64)
    code = rules.facts.level.of_category
    findings.add(
        levels.is_null() & found.is_not_null(),
        template.column(code) if code else None,
        "level_unknown",
        lambda level: f"等级“{level}”不属于这个目录类别，请改为目录规定的等级",
        named[LEVEL],
    )
    if code:
        # Where the category has levels, a record without one could not be weighed.
        with_levels = [name for name, category in catalogue.categories.items() if category.levels]
        findings.add(
            named[CATEGORY].is_in(with_levels) & named[LEVEL].is_null(),
            template.column(code),
            "required",
            "这个目录类别分等级，等级必填，请补充",
        )
    return levels.fill_null(0)


# --- register files -------------------------------------------------------------------------------------------


def _register_cells(
    findings: _Findings,
    frame: pl.DataFrame,
    template: Template,
    register: RegisterRule,
    dates: Mapping[str, pl.Series],
    numbers: JudgedNumbers,
    today: date,
) -> pl.DataFrame:
    """Numbers normalised, dates as dates (columns named after the code with a colon in front)."""
    party = "person" if register.kind == "person" else "organisation"
    normalised: list[pl.Series] = []
    for code in (register.identifier, register.enterprise, register.successor):
        if code is None:
            continue
        column = template.column(code)
        # The principal of an enterprise may be a person or another enterprise.
        kind = "any" if register.kind == "relation" and code == register.identifier else party
        normalised.append(_check_identifiers(findings, frame[code], column, kind, numbers).alias(code))
    for code in register.old_codes.values():
        column = template.column(code)
        kind = "person" if register.kind == "person" else "any"
        normalised.append(_check_identifiers(findings, frame[code], column, kind, numbers).alias(code))
    _check_dates_together(
        findings,
        template,
        dates,
        past=(register.registered_on, register.born_on),
        orders=((register.registered_on, register.ended_on),),
        today=today,
    )
    return frame.with_columns(*normalised, *(series.alias(f":{code}") for code, series in dates.items()))


def _shown(column: Column | None, cell: str | None) -> str:
    if column is not None and column.secret:
        return "…"
    text = mask_identity_numbers(cell or "", strictly=True)
    return text if len(text) <= 30 else f"{text[:30]}…"
