"""Writing the whole city to a folder, chunk by chunk, with a manifest of what is in each file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.catalogue.templates import Template, load_templates
from demo_city.deliveries import Delivery, Rows, deliveries, in_columns, rows_for_share
from demo_city.dirt import (
    CLEAN,
    DUPLICATE,
    IN_THE_TAIL,
    OUTCOMES,
    drawn_kinds,
    soil,
    soil_tail,
    wrong_check_digit,
)
from demo_city.draws import Index
from demo_city.parties import ENTERPRISE, PERSON, Parties
from demo_city.population import CITY_NAME, City, CitySize, found_city
from demo_city.registers import REGISTERS, Register
from demo_city.stories import CITIZENS, ENTERPRISES, Story, told_cells
from demo_city.writing import CsvFile, Workbook

MANIFEST = "city.json"

_CHUNK = 50_000
_REGISTER_DUPLICATES = 20
_REGISTER_MISTYPED = 15
"""Register rows in ten thousand that are delivered twice, or once more under a mistyped number."""

Progress = Callable[[str, int, int], None]
"""Called with the file's name, its rows so far, and about how many there will be."""


@dataclass(frozen=True)
class FileMade:
    """What the manifest says about one file."""

    file: str
    template: str
    category: str | None
    source_department: str
    source_department_code: str
    format: str
    encoding: str
    rows: int
    sha256: str
    kinds: dict[str, int]
    expected: dict[str, int]


def generate_city(
    folder: Path, *, seed: int, as_of: date, size: CitySize, progress: Progress | None = None
) -> dict[str, Any]:
    """Write the registers, the deliveries and `city.json` into `folder`; returns the manifest.

    The same arguments write the same bytes. Memory is a few dozen bytes a resident and one chunk of rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    city = found_city(seed, as_of, size)
    tell = progress or (lambda file, done, total: None)
    made = [_write_register(city, register, folder, number, tell) for number, register in enumerate(REGISTERS)]
    totals = _row_totals(city)
    made += [
        _write_delivery(city, delivery, totals[delivery.code], folder, number, tell)
        for number, delivery in enumerate(deliveries(), start=len(REGISTERS))
    ]
    manifest = {
        "city": {
            "name": CITY_NAME,
            "seed": seed,
            "as_of": as_of.isoformat(),
            "residents": size.residents,
            "enterprises": size.enterprises,
            "organisations": size.organisations,
            "records": sum(totals.values()),
        },
        "files": [asdict(file) for file in made],
        "demo_citizens": [
            {"credential": f"demo-citizen-{number + 1}", "identifier": identifier} | _told_of(story)
            for number, (story, identifier) in enumerate(
                zip(CITIZENS, city.people.numbers(_first(CITIZENS)), strict=True)
            )
        ],
        "demo_enterprises": [
            {"identifier": code} | _told_of(story)
            for story, code in zip(ENTERPRISES, city.enterprises.codes(_first(ENTERPRISES)), strict=True)
        ],
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


def _first(stories: tuple[Story, ...]) -> Index:
    return np.arange(len(stories), dtype=np.int64)


def _told_of(story: Story) -> dict[str, str]:
    return {"key": story.key, "name": story.name, "story": story.story}


def _row_totals(city: City) -> dict[str, int]:
    """Rows per delivery. An enterprise is rated at most five times; what that leaves over are contracts."""
    totals = {delivery.code: rows_for_share(city, delivery.share) for delivery in deliveries()}
    totals["tax_rating"] = min(totals["tax_rating"], 5 * (city.size.enterprises - len(ENTERPRISES)))
    totals["contract_performance"] += city.size.records - sum(totals.values())
    return totals


def _chunks(total: int) -> Iterator[Index]:
    for start in range(0, total, _CHUNK):
        yield np.arange(start, min(start + _CHUNK, total), dtype=np.int64)


def _open(
    folder: Path, name: str, template: Template, delivery: Delivery | None, encoding: str
) -> CsvFile | Workbook:
    chinese = delivery is not None and delivery.chinese_headers
    header = [column.header if chinese else column.code for column in template.columns]
    if delivery is not None and delivery.file_format == "xlsx":
        return Workbook(folder / name, header)
    return CsvFile(folder / name, header, encoding)


# --- registers ------------------------------------------------------------------------------------------------


def _write_register(city: City, register: Register, folder: Path, number: int, tell: Progress) -> FileMade:
    """Every subject once, then some once more as it was, and some once more under a mistyped number."""
    template = load_templates()[register.template]
    name = f"{number:02}-{register.filename}.csv"
    kinds: Counter[str] = Counter()
    again: list[Index] = []
    mistyped: list[Index] = []
    slots = register.slots(city)
    with _open(folder, name, template, None, register.encoding) as file:
        for slot in _chunks(slots):
            index = slot[register.present(city, slot)]
            chance = city.draws.below(f"{register.template}/dirt", index, 10_000)
            again.append(index[chance < _REGISTER_DUPLICATES])
            mistyped.append(
                index[(chance >= _REGISTER_DUPLICATES) & (chance < _REGISTER_DUPLICATES + _REGISTER_MISTYPED)]
            )
            file.append(in_columns(template, register.cells(city, index)))
            kinds[CLEAN] += len(index)
            tell(name, int(slot[-1]) + 1, slots)
        for kind, repeated in (
            (DUPLICATE, np.concatenate(again)),
            ("wrong_check_digit", np.concatenate(mistyped)),
        ):
            for start in range(0, len(repeated), _CHUNK):
                cells = register.cells(city, repeated[start : start + _CHUNK])
                if kind != DUPLICATE:
                    cells = cells.with_columns(wrong_check_digit(register.identifier))
                file.append(in_columns(template, cells))
                kinds[kind] += len(cells)
        digest = file.close()
    department = _register_department(register.template)
    return _file_made(name, template, None, department, "csv", register.encoding, file.rows, digest, kinds)


def _register_department(template: str) -> tuple[str, str]:
    """The department of the catalogue that keeps the register."""
    categories = parse_catalogue(shipped_catalogue()).categories
    keeper = {"resident_register": "public_service", "organisation_register": "public_service"}
    category = categories[keeper.get(template, "admin_penalty")]
    return category.source_department, category.source_department_code


# --- deliveries -----------------------------------------------------------------------------------------------


def _write_delivery(
    city: City, delivery: Delivery, total: int, folder: Path, number: int, tell: Progress
) -> FileMade:
    name = f"{number:02}-{delivery.filename}.{delivery.file_format}"
    kinds: Counter[str] = Counter()
    crowd = delivery.crowd(city)
    tail: list[Index] = []
    with _open(folder, name, delivery.template, delivery, delivery.encoding) as file:
        for index in _chunks(total):
            rows = delivery.rows(city, crowd, index, total)
            drawn = drawn_kinds(city.draws, delivery, index)
            soiled = soil(rows, delivery.cells(rows), drawn)
            tail.append(index[drawn.is_in(IN_THE_TAIL).to_numpy()])
            kinds.update(soiled.kinds)
            file.append(soiled.cells)
            tell(name, int(index[-1]) + 1, total)
        repeated = np.concatenate([np.empty(0, dtype=np.int64), *tail])
        for start in range(0, len(repeated), _CHUNK):
            index = repeated[start : start + _CHUNK]
            rows = delivery.rows(city, crowd, index, total)
            soiled = soil_tail(rows, delivery.cells(rows), drawn_kinds(city.draws, delivery, index))
            kinds.update(soiled.kinds)
            file.append(soiled.cells)
        told = _told(city, delivery, total)
        if told is not None:
            kinds[CLEAN] += len(told)
            file.append(told)
        digest = file.close()
    return _file_made(
        name,
        delivery.template,
        delivery.category.code,
        (delivery.category.source_department, delivery.category.source_department_code),
        delivery.file_format,
        delivery.encoding,
        file.rows,
        digest,
        kinds,
    )


def _told(city: City, delivery: Delivery, total: int) -> pl.DataFrame | None:
    """The rows of the stories: an ordinary row about their subject, with the cells that the story changes."""
    whose = [
        (kind, who, told)
        for kind, stories in ((PERSON, CITIZENS), (ENTERPRISE, ENTERPRISES))
        for who, story in enumerate(stories)
        for told in story.records
        if told.delivery == delivery.code
    ]
    if not whose:
        return None
    index = total + np.arange(len(whose), dtype=np.int64)
    parties = Parties(
        city, np.array([kind for kind, _, _ in whose]), np.array([who for _, who, _ in whose], dtype=np.int64)
    )
    ordinary = delivery.cells(Rows(city, delivery, index, total, parties))
    # What a story leaves out and could contradict it (a later date, an amount) is left empty.
    blank = {
        column.code: None
        for column in delivery.template.columns
        if column.kind in "DN" or (column.required_when and column.required_when.values)
    }
    rows = [
        {**row, **blank, **told_cells(told, city.as_of, delivery.date_form)}
        for row, (_, _, told) in zip(ordinary.iter_rows(named=True), whose, strict=True)
    ]
    return pl.DataFrame(rows, schema=ordinary.schema)


def _file_made(
    name: str,
    template: Template,
    category: str | None,
    department: tuple[str, str],
    file_format: str,
    encoding: str,
    rows: int,
    digest: str,
    kinds: Counter[str],
) -> FileMade:
    expected: Counter[str] = Counter({"accepted": 0, "duplicate": 0, "corrected": 0, "quarantined": 0})
    for kind, count in kinds.items():
        expected[OUTCOMES[kind]] += count
    return FileMade(
        file=name,
        template=template.code,
        category=category,
        source_department=department[0],
        source_department_code=department[1],
        format=file_format,
        encoding=encoding if file_format == "csv" else "",
        rows=rows,
        sha256=digest,
        kinds=dict(sorted(kinds.items())),
        expected=dict(expected),
    )
