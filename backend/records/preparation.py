"""From sound rows to records: whose they are, which matter they speak of, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalogue.document import Catalogue
from backend.catalogue.templates import Column, PartyKind, Template
from backend.database import is_one_of
from backend.identifiers.sealing import KeyRing
from backend.records.contents import Layout
from backend.records.departments import SourceDepartment
from backend.records.masking import holds_a_persons_name, mask_in_text
from backend.records.normalisation import half_width, once, says_one_thing
from backend.records.retention import last_end_over, retention_rule_on
from backend.records.validation import (
    AMOUNT,
    CATEGORY,
    DEPARTMENT,
    ENDED_ON,
    EVENT_ON,
    IDENTIFIER,
    LEVEL,
    MALFORMED_LINE,
    PARTIES,
    PARTY,
    PERFORMED_ON,
    QUANTITY,
    TIMED_FROM,
    WITHDRAWN,
    JudgedNumbers,
    Reason,
    subject_kind_message,
    validate_rows,
)
from backend.subjects.models import Subject, SubjectKind
from backend.subjects.service import AGE_OF_ONES_OWN_CONSENT, match_identifiers

_FIELD_END = "\x1f"
_ESCAPED_IN_JSON = r'["\\\x00-\x1f]'
_BRACKETS = dict.fromkeys("〔［[【{｛", "(") | dict.fromkeys("〕］]】}｝", ")")
_KEY_BYTES = 16
_EMPTY = blake2b(digest_size=16)
_FIXED_FROM = 10_000
"""So many rows tell what their contents have in common."""
UNDER_FOURTEEN = "under_fourteen"
_CHILD = (
    "事项发生时主体未满 14 周岁，不归集未成年儿童的信用信息，本行未入库，内容也未保存。"
    "号码或日期填错的，请更正后重新报送；没有填错的，请从报送数据中删除本行"
)
_UNKNOWN_SUBJECT = "登记册中没有这个{what}。请核对号码；确属新登记的，请先报送{register}，再重新提交本行"


class KnownSubjects:
    """What is found out about numbers and subjects while one file is collected; see JudgedNumbers."""

    def __init__(self, today: date, *, largest: int = 500_000) -> None:
        self.today = today
        self.numbers = JudgedNumbers(today, largest=largest)
        self._largest = largest
        self._known = {party: _no_subjects() for party in PARTIES}

    def match(self, session: Session, keys: KeyRing, numbers: pl.Series, party: PartyKind) -> pl.DataFrame:
        """`subject_id` by normalised number (IDENTIFIER), of these numbers at least. Who is unknown is asked for
        again: a register may have come since."""
        known = self._known[party]
        asked = numbers.filter(~numbers.is_in(known[IDENTIFIER].implode()))
        if asked.len():
            if known.height >= self._largest:
                known, asked = _no_subjects(), numbers
            kind: SubjectKind | None = "person" if party == "person" else None
            found = match_identifiers(session, keys, asked.to_list(), kind=kind)
            new = {IDENTIFIER: list(found), "subject_id": list(found.values())}
            known = self._known[party] = known.vstack(pl.DataFrame(new, schema=known.schema)).rechunk()
        return known


def _no_subjects() -> pl.DataFrame:
    return pl.DataFrame(schema={IDENTIFIER: pl.String, "subject_id": pl.Int64})


@dataclass(frozen=True)
class PreparedRows:
    """A chunk, sorted into what can be stored and what cannot.

    records   a line per sound row: `row` (index of the delivered row), `timed_from` (the day from which its
              delivery is timed), `over` (whether its retention has ended already) and the columns of
              credit_records but id, state, version, delivery and moments
    layout    of the contents, which are JSON lists of the cells that it has not fixed
    reasons   per index of a delivered row
    """

    records: pl.DataFrame
    layout: Layout
    reasons: dict[int, list[Reason]]


def prepare_records(
    session: Session,
    keys: KeyRing,
    delivered: pl.DataFrame,
    template: Template,
    catalogue: Catalogue,
    known: KnownSubjects,
    *,
    source_department: str,
    owner: SourceDepartment | None = None,
) -> PreparedRows:
    """Judge a chunk and find its subjects; reads the database, writes nothing.

    `delivered` as in `validate_rows`. `source_department` stands where a row names none. With an `owner` (a
    department that delivers under its own credentials) every row must be that department's own.
    """
    validated = validate_rows(delivered, template, catalogue, known.numbers, today=known.today)
    reasons = validated.reasons
    _refuse_children(validated.frame, template, reasons)
    if owner is not None:
        _check_is_the_owners(validated.frame, template, catalogue, owner, reasons)
    frame = validated.frame.with_row_index("row").filter(~pl.col("row").is_in(list(reasons)))
    frame = _with_subjects(session, keys, frame, template, catalogue, known, reasons)
    content = _content(frame, template)
    layout = Layout(tuple(content.columns), _fixed(content, template))
    records = _records(keys, frame, template, as_json(content, layout.fixed), source_department, catalogue)
    if owner is not None:
        # However a row spells the department's name, the credentials say who it is.
        records = records.with_columns(pl.lit(owner.name).alias("source_department"))
    return PreparedRows(records.with_columns(_is_over(catalogue, known.today).alias("over")), layout, reasons)


def _is_over(catalogue: Catalogue, today: date) -> pl.Expr:
    rule = retention_rule_on(today)
    last_ends = {code: last_end_over(category, rule, today) for code, category in catalogue.categories.items()}
    last_end = pl.col("category").replace_strict(last_ends, default=None, return_dtype=pl.Date)
    return (pl.coalesce("ended_on", "event_on") <= last_end).fill_null(False)


def _check_is_the_owners(
    frame: pl.DataFrame,
    template: Template,
    catalogue: Catalogue,
    owner: SourceDepartment,
    reasons: dict[int, list[Reason]],
) -> None:
    """No department delivers in another one's name, nor what another one answers for."""

    def add(rows: pl.Series, code: str, column: str | None, message: str) -> None:
        header = template.column(column).header if column else ""
        for row in rows.fill_null(False).arg_true().to_list():
            reasons.setdefault(row, []).append({"column": header, "code": code, "message": message})

    if template.source_code is not None:
        differs = half_width(frame[template.source_code]).str.to_uppercase() != owner.code
        message = f"与报送单位登记的代码（{owner.code}）不同，只能报送本单位的数据，请核对"
        add(differs, "source_code_differs", template.source_code, message)
    others = set(catalogue.categories) - set(owner.categories)
    message = "目录规定这个类别由其他单位报送，请核对类别；职责有调整的，请联系信用办修订目录"
    add(frame[CATEGORY].is_in(others), "category_of_another_department", template.category_column, message)


def _with_subjects(
    session: Session,
    keys: KeyRing,
    frame: pl.DataFrame,
    template: Template,
    catalogue: Catalogue,
    known: KnownSubjects,
    reasons: dict[int, list[Reason]],
) -> pl.DataFrame:
    """Add `subject_id`; rows whose subject is unknown or of the wrong kind leave with a reason."""
    of_party = []
    for party in PARTIES:
        numbers = frame.filter(pl.col(PARTY) == party)[IDENTIFIER].unique().drop_nulls()
        of_party.append(known.match(session, keys, numbers, party).with_columns(pl.lit(party).alias(PARTY)))
    # Of two columns, and beside the others: a join writes each column anew that it is given.
    found = frame.select(PARTY, IDENTIFIER).join(
        pl.concat(of_party), on=[PARTY, IDENTIFIER], how="left", maintain_order="left"
    )
    frame = frame.with_columns(found["subject_id"])
    unknown = frame.filter(frame["subject_id"].is_null())
    for row, party in unknown.select("row", PARTY).iter_rows():
        what, register = ("自然人", "自然人登记册") if party == "person" else ("单位", "企业或非企业组织登记册")
        message = _UNKNOWN_SUBJECT.format(what=what, register=register)
        reasons[row] = [
            {"column": _identifier_header(template, party), "code": "subject_unknown", "message": message}
        ]
    if unknown.height:
        frame = frame.filter(frame["subject_id"].is_not_null())

    # A party that is not a person may be an enterprise or an organisation; only the register tells which.
    kinds = _kinds(session, frame.filter(pl.col(PARTY) == "organisation")["subject_id"].unique().to_list())
    kind_of_row = pl.col("subject_id").replace_strict(kinds, default="person", return_dtype=pl.String)
    frame = frame.with_columns(kind_of_row.alias("kind"))
    wrong: list[int] = []
    for code, kind in frame.select(CATEGORY, "kind").unique().iter_rows():
        category = catalogue.categories[code]
        if kind not in category.subject_kinds:
            rows = frame.filter((pl.col(CATEGORY) == code) & (pl.col("kind") == kind))["row"].to_list()
            reason = {"column": "", "code": "subject_kind", "message": subject_kind_message(category)}
            reasons |= {row: [reason] for row in rows}
            wrong += rows
    return frame.filter(~pl.col("row").is_in(wrong)) if wrong else frame


def _refuse_children(frame: pl.DataFrame, template: Template, reasons: dict[int, list[Reason]]) -> None:
    """Nothing is collected about somebody who was younger than 14 on the day of the matter, whatever else is wrong
    with the row: that is its one reason, and its content goes. A line that was not split rightly tells nothing."""
    # As numbers (20260303) dates keep their order, and a difference of 140000 is fourteen birthdays: someone born
    # on 29 February has the fourteenth on 1 March.
    birth = pl.col(IDENTIFIER).str.slice(6, 8).cast(pl.Int64, strict=False)
    on = pl.col(EVENT_ON).dt
    day = on.year().cast(pl.Int64) * 10_000 + on.month().cast(pl.Int64) * 100 + on.day()
    is_child = (pl.col(PARTY) == "person") & (day - birth < AGE_OF_ONES_OWN_CONSENT * 10_000)
    reason: Reason = {
        "column": _identifier_header(template, "person"),
        "code": UNDER_FOURTEEN,
        "message": _CHILD,
    }
    for row in frame.select(is_child.fill_null(False)).to_series().arg_true().to_list():
        if not any(each["code"] == MALFORMED_LINE for each in reasons.get(row, ())):
            reasons[row] = [reason]


def _kinds(session: Session, subject_ids: list[int]) -> dict[int, str]:
    query = select(Subject.id, Subject.kind).where(is_one_of(session, Subject.id, subject_ids))
    return {row.id: row.kind for row in session.execute(query)}


def _identifier_header(template: Template, party: str) -> str:
    subject = template.subject
    if subject is None:
        return ""
    codes = subject.identifiers.get("person" if party == "person" else "organisation", ())
    return template.column(codes[0]).header if codes else ""


def _records(
    keys: KeyRing,
    frame: pl.DataFrame,
    template: Template,
    content: tuple[pl.Series, pl.Series],
    source_department: str,
    catalogue: Catalogue,
) -> pl.DataFrame:
    facts = template.facts
    if facts is None:
        raise ValueError(f"template {template.code} is a register's")
    title = once(frame.select(_title(facts.title)).to_series(), mask_in_text)
    if template.agency is not None:
        codes = {each.source_department: each.source_department_code for each in catalogue.categories.values()}
        frame = frame.with_columns(pl.col(template.agency).replace(codes))
    matter = _joined(frame, [CATEGORY, "subject_id"], template.natural_key)
    natural_keys = pl.Series(keys.blind_indexes(matter.cast(pl.Binary).to_list()), dtype=pl.Binary)
    lists, objects = content
    digests = [_fingerprint(text) for text in objects.cast(pl.Binary).to_list()]
    return pl.DataFrame(
        {
            "row": frame["row"],
            "subject_id": frame["subject_id"],
            "category": frame[CATEGORY],
            "natural_key": natural_keys.bin.head(_KEY_BYTES),
            "facts_digest": pl.Series(digests, dtype=pl.Binary),
            "title": title,
            "event_on": frame[EVENT_ON],
            "ended_on": frame[ENDED_ON],
            "performed_on": frame[PERFORMED_ON],
            "timed_from": frame[TIMED_FROM],
            "quantity": frame[QUANTITY],
            "amount": frame[AMOUNT],
            "level": frame[LEVEL],
            "event_key": _event_keys(keys, frame, facts.event_key),
            "withdrawn": frame[WITHDRAWN],
            "source_department": frame[DEPARTMENT].fill_null(source_department),
            "content": lists,
        }
    )


def _fingerprint(text: bytes) -> bytes:
    state = _EMPTY.copy()  # a fifth faster than a new one, and deliveries have millions
    state.update(text)
    return state.digest()


def content_columns(template: Template) -> Sequence[Column]:
    """What is kept of a row as its content, in this order; no identity number, and no name but the subject's."""
    name = template.subject.name if template.subject else None
    return [
        column
        for column in template.columns
        if column.code == name or not (column.secret or holds_a_persons_name(template, column, None))
    ]


def _content(frame: pl.DataFrame, template: Template) -> pl.DataFrame:
    """Canonical cells by heading; no identity number, no person's name."""
    kept = []
    for column in content_columns(template):
        cell = pl.col(column.code)
        if column.secret or holds_a_persons_name(template, column, None):
            # The name of an enterprise may stay; a person's may not.
            cell = pl.when(pl.col(PARTY) == "organisation").then(cell)
        kept.append(cell.alias(column.header))
    return pl.DataFrame([once(cells, mask_in_text) for cells in frame.select(kept)])


def _fixed(content: pl.DataFrame, template: Template) -> dict[str, str | None]:
    """The cells that all of many rows have in common. Of few that would be chance, and a form is for ever: what it
    has fixed outlives the records, so that a subject's name is never among it."""
    if content.height < _FIXED_FROM:
        return {}
    name = template.subject.name if template.subject else None
    of_subject = template.column(name).header if name else None
    alike = {cells.name: cells[0] for cells in content if says_one_thing(cells)}
    return {heading: cell for heading, cell in alike.items() if cell is None or heading != of_subject}


def as_json(cells: pl.DataFrame, fixed: Collection[str] = ()) -> tuple[pl.Series, pl.Series]:
    """Each row's cells but the fixed ones as a JSON list, and all the filled ones as a JSON object, of which the
    fingerprint is taken."""
    listed: list[str | pl.Expr] = []
    members: list[str | pl.Expr] = []
    for cell in cells:
        heading = f",{json.dumps(cell.name, ensure_ascii=False)}:"
        if says_one_thing(cell):
            value = "null" if cell[0] is None else _encoded(cell.head(1)).item()
            if cell.name not in fixed:
                listed.append(f",{value}")
            if cell[0] is not None:
                members.append(heading + value)
            continue
        text = _quoted(cell)
        if not cell.null_count():
            listed += [",", *text]
            members += [heading, *text]
            continue
        is_null = pl.col(cell.name).is_null()
        listed += [",", pl.when(is_null).then(pl.lit("null")).otherwise(_joined_up(text))]
        members.append(pl.when(is_null).then(pl.lit("")).otherwise(_joined_up([heading, *text])))
    # Beside the cells, so that they have their height where nothing but words of ours stands in them.
    made = cells.with_columns(
        _between("[", listed, "]").alias(":list"),
        _between("{", members, "}").alias(":object"),
    )
    return made[":list"], made[":object"]


def _between(opening: str, members: Sequence[str | pl.Expr], closing: str) -> pl.Expr:
    """Each member begins with a comma, of which the first has no use."""
    if members and isinstance(members[0], str):
        return _joined_up([opening + members[0].removeprefix(","), *members[1:], closing])
    inside = _joined_up(members).str.strip_prefix(",") if members else ""
    return _joined_up([opening, inside, closing])


def _joined_up(parts: Sequence[str | pl.Expr]) -> pl.Expr:
    """One text; words of ours that follow each other are one part, since each part costs every row something."""
    whole: list[pl.Expr] = []
    ours = ""
    for part in parts:
        if isinstance(part, str):
            ours += part
            continue
        whole += [pl.lit(ours), part] if ours else [part]
        ours = ""
    return pl.concat_str(*whole, pl.lit(ours))


def _quoted(cell: pl.Series) -> list[str | pl.Expr]:
    """What stands for the filled cells in JSON."""
    if cell.str.contains(_ESCAPED_IN_JSON).any():
        return [pl.lit(_encoded(cell))]
    return ['"', pl.col(cell.name).fill_null(""), '"']


def _encoded(cell: pl.Series) -> pl.Series:
    member = cell.fill_null("").alias("").to_frame().select(pl.struct(pl.all()).struct.json_encode()).to_series()
    return member.str.slice(len('{"":')).str.strip_suffix("}")


def _title(pattern: str) -> pl.Expr:
    pieces: list[pl.Expr] = []
    rest = pattern
    while rest:
        text, opened, rest = rest.partition("{")
        pieces.append(pl.lit(text))
        if opened:
            code, _, rest = rest.partition("}")
            pieces.append(pl.col(code).fill_null(""))
    return pl.concat_str(pieces).alias("title")


def _joined(frame: pl.DataFrame, first: list[str], codes: tuple[str, ...]) -> pl.Series:
    """One text per row; ways of writing the same document number (brackets, case, width, space) are made equal."""
    parts = [once(frame[code], _made_equal) for code in codes]
    heads = [frame[name].cast(pl.String).alias(f"{name}:") for name in first]
    return pl.DataFrame([*heads, *parts]).select(pl.concat_str(pl.all(), separator=_FIELD_END)).to_series()


def _made_equal(cells: pl.Series) -> pl.Series:
    text = half_width(cells).fill_null("").str.to_uppercase()
    return text.str.replace_many(list(_BRACKETS), list(_BRACKETS.values()))


def _event_keys(keys: KeyRing, frame: pl.DataFrame, codes: tuple[str, ...]) -> pl.Series:
    """63 bits named after the act; 0 where the cells that name it are all empty."""
    if not codes or frame.is_empty():
        return pl.Series([0], dtype=pl.Int64).new_from_index(0, frame.height)
    empty = frame.select(pl.all_horizontal(pl.col(code).is_null() for code in codes)).to_series()
    acts = _joined(frame, [], codes)
    values = [
        int.from_bytes(blake2b(act.encode(), digest_size=8, key=keys.index_key).digest()) >> 1 or 1
        for act in acts.to_list()
    ]
    return pl.Series(values, dtype=pl.Int64).set(empty, 0)
