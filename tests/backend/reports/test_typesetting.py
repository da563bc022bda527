from __future__ import annotations

from datetime import date, timedelta

import pytest

from backend.reports.errors import ReportFontMissing
from backend.reports.terms import report_term_on
from backend.reports.typesetting import load_fonts


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
