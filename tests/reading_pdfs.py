"""What tests need to make and to read signed PDFs."""

from __future__ import annotations

from datetime import UTC, datetime

import pypdfium2

from backend.reports.signing import make_demonstration_certificate

CERTIFICATE = make_demonstration_certificate("桂城市公共信用信息中心", now=datetime(2026, 1, 1, tzinfo=UTC))


def text_of(pdf: bytes) -> str:
    """All pages, without the line breaks that depend on the width of a column."""
    return "".join(pages_of(pdf))


def pages_of(pdf: bytes) -> list[str]:
    """The same page by page."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()
    return ["".join(page.split()) for page in pages]


def inked_share(pdf: bytes) -> list[float]:
    """How much of each page, rendered, is not white."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = [page.render(scale=0.5).to_numpy() for page in document]
    finally:
        document.close()
    return [float((page[..., :3].min(axis=2) < 250).mean()) for page in pages]
