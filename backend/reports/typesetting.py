"""Turning data into a PDF with typst. What is only a warning to typst is an error here.

Output is PDF/A-2a: it carries its fonts and its structure (a screen reader can follow it), and typst then refuses
text for which no font has a glyph, instead of printing an empty box.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Literal

import segno
import typst
from pyhanko.pdf_utils.reader import PdfFileReader

from backend.reports.errors import ReportFontMissing

Template = Literal["person", "enterprise", "export"]

_TEMPLATES = Path(__file__).parent / "shipped"


@lru_cache(maxsize=4)
def load_fonts(folders: tuple[Path, ...]) -> typst.Fonts:
    """Only the fonts of these folders: what a machine happens to have installed never changes a report.

    Raises ReportFontMissing.
    """
    fonts = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(folder) for folder in folders],
    )
    if not fonts.families():
        raise ReportFontMissing("没有找到中文字体 fonts-wqy-microhei 或 fonts-noto-cjk")
    return fonts


def typeset(template: Template, data: Mapping[str, object], *, folders: Sequence[Path], now: datetime) -> bytes:
    """`data` is what the template reads as JSON. The same data and moment give the same bytes.

    Raises ReportFontMissing.
    """
    fonts = load_fonts(tuple(folders))
    inputs = {
        "data": json.dumps(data, ensure_ascii=False),
        "fonts": json.dumps(_text_families(fonts.families()), ensure_ascii=False),
    }
    compiler = typst.Compiler(
        _TEMPLATES / f"{template}.typ", root=_TEMPLATES, font_paths=fonts, ignore_system_fonts=True
    )
    try:
        pdf, warnings = compiler.compile_with_warnings(
            format="pdf", sys_inputs=inputs, pdf_standards="a-2a", timestamp=int(now.timestamp())
        )
    except typst.TypstError as error:
        if "could not be displayed" in error.message:
            # The message holds the text, which may be a person's name.
            raise ReportFontMissing("报告中有字体未收录的字") from None
        raise
    if any("font" in warning.message for warning in warnings):
        raise ReportFontMissing(warnings[0].message)
    if warnings or not isinstance(pdf, bytes):
        raise RuntimeError(f"{template}.typ: {[warning.message for warning in warnings]}")
    return pdf


def qr_code(text: str) -> str:
    """SVG. Level M: a crease or a coffee ring may cover 15 % of it."""
    drawn = BytesIO()
    segno.make(text, error="m", micro=False).save(drawn, kind="svg", border=0, xmldecl=False, svgns=True)
    return drawn.getvalue().decode()


def count_pages(pdf: bytes) -> int:
    # Not with pdfium, which allows one thread in a process at a time.
    return int(PdfFileReader(BytesIO(pdf)).root["/Pages"]["/Count"])


def _text_families(families: Sequence[str]) -> list[str]:
    """Simplified Chinese in front; fonts of fixed width only help out when a glyph is nowhere else."""
    return sorted(families, key=lambda family: ("Mono" in family, "SC" not in family, "Serif" in family, family))
