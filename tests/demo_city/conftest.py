from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import fastexcel
import pytest

from backend.catalogue.templates import Template, load_templates
from demo_city.deliveries import deliveries
from demo_city.generate import generate_city
from demo_city.population import CitySize

AS_OF = date(2026, 11, 22)
SIZE = CitySize(residents=600, enterprises=80, organisations=6, records=15_000)
SEED = 7
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@dataclass(frozen=True)
class DeliveredFile:
    """A file as a stranger would read it: cells by column code, empty text where nothing stands."""

    stated: Mapping[str, Any]
    template: Template
    rows: list[dict[str, str]]


@dataclass(frozen=True)
class DeliveredCity:
    folder: Path
    manifest: Mapping[str, Any]
    files: list[DeliveredFile]

    def of(self, category: str) -> DeliveredFile:
        """All that was delivered of one category, as if it stood in one file."""
        found = [file for file in self.files if file.stated["category"] == category]
        return DeliveredFile(found[0].stated, found[0].template, [row for file in found for row in file.rows])

    def handed_in(self, delivery: str) -> DeliveredFile:
        """The same of one of the deliveries that the city draws; a category may come from two departments."""
        [name] = [each.filename for each in deliveries() if each.code == delivery]
        found = [file for file in self.files if file.stated["source"] == name]
        return DeliveredFile(found[0].stated, found[0].template, [row for file in found for row in file.rows])

    def register(self, template: str) -> DeliveredFile:
        (found,) = (file for file in self.files if file.template.code == template)
        return found


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> DeliveredCity:
    folder = tmp_path_factory.mktemp("city")
    manifest = generate_city(folder, seed=SEED, as_of=AS_OF, size=SIZE)
    files = []
    for stated in manifest["files"]:
        template = load_templates()[stated["template"]]
        header, *lines = _lines(folder / stated["file"], stated)
        codes = template.resolve_header(header)
        assert None not in codes
        rows = [{str(code): cell for code, cell in zip(codes, line, strict=True)} for line in lines]
        files.append(DeliveredFile(stated, template, rows))
    return DeliveredCity(folder, manifest, files)


def _lines(path: Path, stated: Mapping[str, Any]) -> Iterator[list[str]]:
    if stated["format"] == "xlsx":
        sheet = fastexcel.read_excel(str(path)).load_sheet(0, header_row=None, dtypes="string")
        for row in sheet.to_polars().iter_rows():
            yield [cell or "" for cell in row]
    else:
        yield from csv.reader(io.StringIO(path.read_bytes().decode(stated["encoding"])))


@pytest.fixture
def environment_file(tmp_path, monkeypatch):
    path = tmp_path / "osmanthus.env"
    path.write_text(
        "# 本机演示\nOSMANTHUS_DATABASE_URL=sqlite://\n"
        f"OSMANTHUS_SEALING_KEYS=demo:{KEY}\nOSMANTHUS_INDEX_KEY={KEY}\nOSMANTHUS_SIGNING_KEY={KEY}\n"
        "OSMANTHUS_SIGN_IN=demo\n"
    )
    monkeypatch.setenv("OSMANTHUS_ENV_FILE", str(path))
    monkeypatch.delenv("OSMANTHUS_PUBLIC_URL", raising=False)
    return path
