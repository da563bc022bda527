from __future__ import annotations

from pathlib import Path

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.catalogue.formats import describe_formats
from backend.catalogue.templates import load_templates

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"


def test_the_page_for_departments_says_what_the_templates_say() -> None:
    said = describe_formats(load_templates(), parse_catalogue(shipped_catalogue()))
    assert PAGE.read_text(encoding="utf-8") == said, "osmanthus catalogue formats > docs/formats.md"
