from __future__ import annotations

from datetime import date, timedelta

import pytest

from backend.reports.errors import ReportFontMissing
from backend.reports.terms import report_term_on
from backend.reports.typesetting import load_fonts
from tests.factories import add_record
from tests.reading_pdfs import pages_of


def test_a_folder_without_fonts_is_an_error(tmp_path):
    with pytest.raises(ReportFontMissing):
        load_fonts((tmp_path,))


def test_a_glyph_that_no_font_has_is_an_error_and_its_text_is_not_repeated(office):
    office.lan.name_sealed = office.keys.seal("王𠅤")

    with pytest.raises(ReportFontMissing) as refusal:
        office.issue()

    assert "𠅤" not in refusal.value.detail


def test_the_same_data_at_the_same_moment_give_the_same_bytes(press, now):
    data = {"made_at": "2026-03-03 10:00", "blocks": []}
    precisely = now.replace(microsecond=123_456)

    once, again, later = (
        press.plain("export", data, now=moment) for moment in (now, precisely, now + timedelta(seconds=1))
    )

    assert once == again != later


def test_the_term_is_the_one_in_force_on_the_day():
    assert report_term_on(date(2026, 3, 3)).valid_days == 30
    assert report_term_on(date(1999, 1, 1)) == report_term_on(date(2020, 1, 1))


def test_the_seal_never_stands_on_a_page_without_the_words_it_is_set_to(office):
    """With as many records as fill the first page, and a few less or more."""
    for day in range(1, 12):
        add_record(office.session, office.lan, "volunteering", event_on=date(2025, 12, day), title="社区服务")
        if day >= 6:
            last_page = pages_of(office.file_of(office.issue()))[-1]
            assert "打印件的真伪以扫码核验的结果为准" in last_page, f"with {day} more records"
