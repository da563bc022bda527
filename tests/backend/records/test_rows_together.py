"""A chunk is judged by columns and stored at once; what becomes of a row is what would become of it alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.catalogue.templates import load_templates
from backend.choices.service import decline
from backend.identifiers import check_person_number
from backend.identifiers.columns import plainly_valid
from backend.records import preparation
from backend.records.collection import frame_of_rows
from backend.records.contents import content_cell
from backend.records.models import ContentForm, CreditRecord
from backend.records.preparation import as_json
from backend.records.validation import JudgedNumbers, ValidatedRows, validate_rows
from backend.subjects.service import match_identifiers
from tests.backend.records.conftest import BAKERY, LAN, QIANG, SCHOOL, City, judgment, penalty, volunteering

TODAY = date(2026, 3, 3)
_BAD_NUMBERS = (
    "990001199001011010",
    "99000119900231101X",
    "11990001MB9000015",
    "九九",
    "900101199001",
    "81000019500807121X",
)
_NUMBERS = (
    LAN,
    f" {LAN.lower()} ",
    LAN.translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    QIANG,
    BAKERY,
    SCHOOL,
)
_CELLS = st.sampled_from(
    ("", "—", "无", "NULL", "　", "2024/1/5", "2024-02-30", "2.5", "２．５小时", "1e3", "9" * 14, "-3")
)


def _rows(base: Mapping[str, str]) -> st.SearchStrategy[dict[str, str]]:
    """Sound rows with some cells replaced by what departments also write."""
    cell = _CELLS | st.sampled_from((*_BAD_NUMBERS, *_NUMBERS, "自然人", "社区清洁\ufffd", 'a"b\\c\n', "长" * 600))
    some = st.dictionaries(st.sampled_from(sorted(base)), cell, max_size=4)
    return some.map(lambda cells: {**base, **cells})


@pytest.mark.parametrize(
    ("code", "base"),
    [
        ("volunteering", volunteering(服务日期="2026-01-10")),
        ("admin_penalty", penalty()),
        ("court_judgment", judgment()),
    ],
)
def test_a_row_is_judged_among_others_as_it_would_be_alone(code: str, base: dict[str, str]) -> None:
    template = load_templates()[code]
    catalogue = parse_catalogue(shipped_catalogue())

    def validated(rows: list[dict[str, str]]) -> ValidatedRows:
        frame = frame_of_rows(rows, template, first_row=1)
        return validate_rows(frame, template, catalogue, JudgedNumbers(TODAY), today=TODAY)

    @settings(max_examples=6)
    @given(st.lists(_rows(base), min_size=4, max_size=6))
    def check(rows: list[dict[str, str]]) -> None:
        together = validated(rows)
        for place, row in enumerate(rows):
            alone = validated([row])
            assert together.reasons.get(place) == alone.reasons.get(0)
            assert together.frame.row(place) == alone.frame.row(0)

    check()


_TEXTS = st.none() | st.sampled_from(("2.5", "", 'a"b\\c\n', '","备注":null', "\x00\x1f\x7f\u2028😀")) | st.text()


@settings(max_examples=50)
@given(st.lists(st.tuples(_TEXTS, _TEXTS, st.just("社区清洁"), st.none()), min_size=1, max_size=4))
def test_a_content_lists_the_cells_not_fixed_and_its_fingerprint_is_of_all_the_filled_ones(
    rows: list[tuple[str | None, ...]],
) -> None:
    """Whatever stands in the other rows, and is fixed: what was stored before is known by this fingerprint."""
    headings = ("服务项目", "备注", "活动", "其他")
    cells = pl.DataFrame(rows, schema=dict.fromkeys(headings, pl.String), orient="row")
    lists, objects = as_json(cells)
    own, same_objects = as_json(cells, ("活动", "其他"))
    assert objects.equals(same_objects)
    form = ContentForm(headings=list(headings), fixed={"活动": "社区清洁", "其他": None})
    for row, listed, own_cells, said in zip(rows, lists, own, objects, strict=True):
        assert json.loads(listed) == list(row)
        assert form.content(json.loads(own_cells)) == json.loads(said)
        filled = {name: cell for name, cell in zip(headings, row, strict=True) if cell is not None}
        assert said == json.dumps(filled, ensure_ascii=False, separators=(",", ":"))


@given(st.lists(st.from_regex(r"\A[0-9]{6}(18|19|20)[0-9]{2}[01][0-9][0-3][0-9]{4}[0-9X]\Z")), st.integers(0, 10))
def test_a_number_found_plainly_valid_is_what_the_careful_check_accepts_unchanged(
    texts: list[str], last: int
) -> None:
    # Most made-up check characters are wrong: all eleven are tried on each.
    texts = [text[:17] + "0123456789X"[last] for text in texts] + [LAN, QIANG, *_BAD_NUMBERS]
    found = plainly_valid(pl.Series(texts), today=TODAY).to_list()
    for text, valid in zip(texts, found, strict=True):
        judged = check_person_number(text, today=TODAY)
        assert valid == (judged.fault is None and judged.normalised == text and len(text) == 18)


def test_what_is_known_is_recognised_also_where_only_new_rows_were_expected(city: City) -> None:
    """The first chunk has only new matters, so that the second is written without looking first; it meets a known
    one, and so does the third."""
    known, corrected = volunteering(), volunteering()
    city.deliver(known, corrected)
    fresh = [volunteering() for _ in range(4)]

    report = city.deliver(
        fresh[0], fresh[1],
        fresh[2], known,
        corrected | {"服务时长（小时）": "3.5"}, fresh[0],
        volunteering(), fresh[3],
        rows_per_chunk=2,
    )  # fmt: skip

    assert (report.accepted, report.duplicate, report.corrected, report.quarantined) == (5, 2, 1, 0)
    assert city.count(CreditRecord) == 7
    assert sorted(record.quantity for record in city.records()) == [250] * 6 + [350]


def test_what_a_subject_declines_is_not_stored_either_where_only_new_rows_were_expected(city: City) -> None:
    """The text for the database is made before it is asked who declines what."""
    with city.database.transaction() as session:
        subject_id = match_identifiers(session, city.keys, [QIANG], kind="person")[QIANG]
        decline(session, subject_id=subject_id, category="volunteering", now=city.now)

    report = city.deliver(
        volunteering(), volunteering(),
        volunteering(), volunteering(身份号码=QIANG, 姓名="李大强"),
        rows_per_chunk=2,
    )  # fmt: skip

    assert (report.accepted, report.quarantined) == (3, 1)
    assert city.count(CreditRecord) == 3
    assert subject_id not in {record.subject_id for record in city.records()}


def test_a_content_keeps_every_filled_cell_and_its_headings_are_stored_once(city: City) -> None:
    city.deliver(
        volunteering(备注='说"是"\\否\n第二行'),
        volunteering(),
        volunteering(服务项目='["a", null]'),
        rows_per_chunk=1,
    )
    with city.database.reading() as session:
        (form,) = session.query(ContentForm)
        remarks = session.query(content_cell(session, "备注")).order_by(CreditRecord.id).all()
    first, second, third = city.records()
    assert first.content["备注"] == '说"是"\\否\n第二行'
    assert "备注" not in second.content
    assert third.content["服务项目"] == '["a", null]'
    assert list(first.content) == [heading for heading in form.headings if heading in first.content]
    assert [remark for (remark,) in remarks] == ['说"是"\\否\n第二行', None, None]
    assert "王小兰" not in json.dumps([record.cells for record in (first, second, third)], ensure_ascii=False)


def test_what_many_contents_have_in_common_is_stored_once_and_read_as_before(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "_FIXED_FROM", 2)
    remarks = ["甲", "甲", "乙", "", "甲"]
    rows = [volunteering(备注=remark) for remark in remarks]
    city.deliver(*rows, rows_per_chunk=2)
    rows[0] |= {"备注": "丙"}
    report = city.deliver(*rows)  # the first is corrected; all five together

    assert (report.corrected, report.duplicate) == (1, 4)
    with city.database.reading() as session:
        of_two_alike, of_two_others, *rest = session.query(ContentForm).order_by(ContentForm.id)
        found = session.query(content_cell(session, "备注")).order_by(CreditRecord.id).all()
    assert of_two_alike.fixed["备注"] == "甲"
    assert of_two_others.fixed == {name: cell for name, cell in of_two_alike.fixed.items() if name != "备注"}
    assert [form.fixed for form in rest] == [{}]  # a row alone has nothing in common with others
    assert [remark for (remark,) in found] == ["丙", "甲", "乙", None, "甲"]
    kept = [name for name in of_two_alike.headings if name != "姓名"]
    for record, row in zip(city.records(), rows, strict=True):
        assert list(record.content.items()) == [(name, row[name]) for name in kept if row[name]]


def test_the_name_of_a_subject_is_never_what_contents_have_in_common(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form is kept when its records are deleted."""
    monkeypatch.setattr(preparation, "_FIXED_FROM", 2)
    city.deliver(penalty(), penalty())
    with city.database.reading() as session:
        (form,) = session.query(ContentForm)
    (name,) = (name for name, cell in city.records()[0].content.items() if cell == "桂城面包有限公司")
    assert form.fixed
    assert name in form.listed_headings


def test_a_content_set_by_an_officer_names_its_own_headings(city: City) -> None:
    city.deliver(volunteering(备注="原文"))
    with city.database.transaction() as session:
        record = session.query(CreditRecord).one()
        record.content = record.content | {"备注": "更正"}
    with city.database.reading() as session:
        assert session.query(content_cell(session, "备注")).scalar() == "更正"
    assert city.records()[0].content["备注"] == "更正"
