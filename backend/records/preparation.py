"""From sound rows to records: whose they are, which matter they speak of, and what is kept of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import blake2b

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalogue.document import Catalogue
from backend.catalogue.templates import Template
from backend.database import is_one_of
from backend.identifiers.sealing import KeyRing
from backend.records.departments import SourceDepartment
from backend.records.masking import holds_a_persons_name, mask_in_json, mask_in_text
from backend.records.normalisation import half_width
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
    WITHDRAWN,
    JudgedNumbers,
    Reason,
    subject_kind_message,
    validate_rows,
)
from backend.subjects.models import Subject, SubjectKind
from backend.subjects.service import AGE_OF_ONES_OWN_CONSENT, match_identifiers

_FIELD_END = "\x1f"
_BRACKETS = dict.fromkeys("〔［[【{｛", "(") | dict.fromkeys("〕］]】}｝", ")")
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
        self._ids: dict[tuple[str, str], int] = {}

    def match(self, session: Session, keys: KeyRing, numbers: list[str], party: str) -> dict[str, int]:
        """Subject ids by normalised number. Who is unknown is asked for again: a register may have come since."""
        asked = [number for number in numbers if (party, number) not in self._ids]
        if asked:
            if len(self._ids) >= self._largest:
                self._ids.clear()
                asked = numbers
            kind: SubjectKind | None = "person" if party == "person" else None
            found = match_identifiers(session, keys, asked, kind=kind)
            self._ids |= {(party, number): subject_id for number, subject_id in found.items()}
        return {number: self._ids[party, number] for number in numbers if (party, number) in self._ids}


@dataclass(frozen=True)
class PreparedRows:
    """A chunk, sorted into what can be stored and what cannot.

    records  a line per sound row: `row` (index of the delivered row) and the columns of credit_records, without
             id, state, version, delivery and moments
    reasons  per index of a delivered row
    """

    records: pl.DataFrame
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
    records = _records(keys, frame, template, source_department, catalogue)
    if owner is not None:
        # However a row spells the department's name, the credentials say who it is.
        records = records.with_columns(pl.lit(owner.name).alias("source_department"))
    return PreparedRows(records, reasons)


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
    matched = {
        party: known.match(
            session, keys, frame.filter(pl.col(PARTY) == party)[IDENTIFIER].unique().to_list(), party
        )
        for party in PARTIES
    }
    frame = frame.with_columns(
        pl.when(pl.col(PARTY) == "person")
        .then(pl.col(IDENTIFIER).replace_strict(matched["person"], default=None, return_dtype=pl.Int64))
        .otherwise(pl.col(IDENTIFIER).replace_strict(matched["organisation"], default=None, return_dtype=pl.Int64))
        .alias("subject_id")
    )
    for row, party in frame.filter(pl.col("subject_id").is_null()).select("row", PARTY).iter_rows():
        what, register = ("自然人", "自然人登记册") if party == "person" else ("单位", "企业或非企业组织登记册")
        message = _UNKNOWN_SUBJECT.format(what=what, register=register)
        reasons[row] = [
            {"column": _identifier_header(template, party), "code": "subject_unknown", "message": message}
        ]
    frame = frame.filter(pl.col("subject_id").is_not_null())

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
    day = pl.col(EVENT_ON).dt.to_string("%Y%m%d").cast(pl.Int64)
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
    keys: KeyRing, frame: pl.DataFrame, template: Template, source_department: str, catalogue: Catalogue
) -> pl.DataFrame:
    facts = template.facts
    if facts is None:
        raise ValueError(f"template {template.code} is a register's")
    content = _content(frame, template)
    title = mask_in_text(frame.select(_title(facts.title)).to_series())
    if template.agency is not None:
        codes = {each.source_department: each.source_department_code for each in catalogue.categories.values()}
        frame = frame.with_columns(pl.col(template.agency).replace(codes))
    matter = _joined(frame, [CATEGORY, "subject_id"], template.natural_key)
    natural_keys = [keys.blind_index(text) for text in matter.to_list()]
    digests = [blake2b(text.encode(), digest_size=16).digest() for text in content.to_list()]
    return pl.DataFrame(
        {
            "row": frame["row"],
            "subject_id": frame["subject_id"],
            "category": frame[CATEGORY],
            "natural_key": pl.Series(natural_keys, dtype=pl.Binary),
            "facts_digest": pl.Series(digests, dtype=pl.Binary),
            "title": title,
            "event_on": frame[EVENT_ON],
            "ended_on": frame[ENDED_ON],
            "performed_on": frame[PERFORMED_ON],
            "quantity": frame[QUANTITY],
            "amount": frame[AMOUNT],
            "level": frame[LEVEL],
            "event_key": _event_keys(keys, frame, facts.event_key),
            "withdrawn": frame[WITHDRAWN],
            "source_department": frame[DEPARTMENT].fill_null(source_department),
            "content": content,
        }
    )


def _content(frame: pl.DataFrame, template: Template) -> pl.Series:
    """JSON `{heading: canonical cell}` of what is filled; no identity number, no person's name."""
    if frame.is_empty():
        return pl.Series([], dtype=pl.String)
    kept = []
    about_organisations = (frame[PARTY] == "organisation").any()
    for column in template.columns:
        if frame[column.code].null_count() == frame.height:
            continue
        if column.secret or holds_a_persons_name(template, column, None):
            if template.subject is None or column.code != template.subject.name:
                continue
            # The name of an enterprise may stay; a person's may not.
            if not about_organisations:
                continue
            kept.append(pl.when(pl.col(PARTY) == "organisation").then(pl.col(column.code)).alias(column.header))
        else:
            kept.append(pl.col(column.code).alias(column.header))
    cells = frame.select(kept)
    text = cells.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    if any(cells[heading].null_count() for heading in cells.columns):
        # Empty cells take no room. A quotation mark inside a cell is escaped: the patterns meet whole members.
        text = text.str.replace_all(r',"[^"\\]*":null', "").str.replace(r'^\{"[^"\\]*":null,?', "{")
    return mask_in_json(text)


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
    parts = [half_width(frame[code]).fill_null("").str.to_uppercase().alias(code) for code in codes]
    parts = [part.str.replace_many(list(_BRACKETS), list(_BRACKETS.values())) for part in parts]
    heads = [frame[name].cast(pl.String).alias(f"{name}:") for name in first]
    return pl.DataFrame([*heads, *parts]).select(pl.concat_str(pl.all(), separator=_FIELD_END)).to_series()


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
