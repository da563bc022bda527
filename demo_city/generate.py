"""Writing the whole city to a folder, chunk by chunk, with a manifest of what is in each file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.catalogue.templates import Template, load_templates
from demo_city.dates import day_number
from demo_city.deliveries import Delivery, Rows, deliveries, in_columns, rows_for_share
from demo_city.dirt import (
    CLEAN,
    CONTINUED,
    DUPLICATE,
    IN_THE_TAIL,
    OUTCOMES,
    WITHDRAWN_LATER,
    drawn_kinds,
    soil,
    soil_tail,
    withdrawn_cells,
    wrong_check_digit,
)
from demo_city.draws import Index
from demo_city.parties import ENTERPRISE, PERSON, Crowd, Parties
from demo_city.population import CITY_NAME, City, CitySize, found_city
from demo_city.registers import REGISTERS, Register
from demo_city.rhythm import FORMER_PLATFORM, delivery_days, first_turns
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
    """What the manifest says about one file: `source_department` hands it in on `delivered_on` (a date)."""

    file: str
    source: str
    delivered_on: str
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
    opened_on = day_number(parse_catalogue(shipped_catalogue()).effective_from)
    delivered = [
        file
        for number, delivery in enumerate(deliveries(), start=len(REGISTERS))
        for file in _write_source(city, delivery, totals[delivery.code], opened_on, folder, number, tell)
    ]
    # As they come in: day by day, and on one day in the order of the sources.
    made += sorted(delivered, key=lambda file: file.delivered_on)
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
    return _file_made(
        name,
        register.filename,
        city.as_of,
        template,
        None,
        department,
        "csv",
        register.encoding,
        file.rows,
        digest,
        kinds,
    )


def _register_department(template: str) -> tuple[str, str]:
    """The department of the catalogue that keeps the register."""
    categories = parse_catalogue(shipped_catalogue()).categories
    keeper = {"resident_register": "public_service", "organisation_register": "public_service"}
    category = categories[keeper.get(template, "admin_penalty")]
    return category.source_department, category.source_department_code


# --- deliveries -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    """What one source delivers, and when: rows by number, deliveries by turn."""

    city: City
    delivery: Delivery
    crowd: Crowd
    total: int
    days: Index

    def rows(self, index: Index, turns: Index) -> Rows:
        """The rows as they are known in the deliveries of `turns`."""
        return self.delivery.rows(self.city, self.crowd, index, self.total, self.days[turns])

    def kinds(self, index: Index) -> pl.Series:
        return drawn_kinds(self.city.draws, self.delivery, index)

    def first_turns(self) -> Index:
        """In which delivery each row is for the first time."""
        turns = [np.empty(0, dtype=np.int8)]
        for index in _chunks(self.total):
            happened = self.delivery.days(self.city, index, self.total)
            first = first_turns(self.city.draws, self.delivery.code, index, happened, self.days)
            turns.append(first.astype(np.int8))
        return np.concatenate(turns)

    def continued(self, first: Index) -> tuple[Index, Index]:
        """Clean rows once more in a later delivery, with what is new since the one before it: row and turn."""
        facts = self.delivery.template.facts
        found = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))]
        last = len(self.days) - 1
        if facts is not None and (facts.ended_on or facts.performed_on):
            for chunk in _chunks(self.total):
                index = chunk[(first[chunk] < last) & (self.kinds(chunk) == CLEAN).to_numpy()]
                turn = first[index].astype(np.int64)
                index = index[self._reads_otherwise(index, turn, np.full(len(index), last))]
                # Each with every delivery after its first.
                later = last - first[index].astype(np.int64)
                again = np.repeat(index, later)
                turn = last - np.concatenate([np.empty(0, dtype=np.int64), *map(np.arange, later)])
                new = self._reads_otherwise(again, turn - 1, turn)
                found.append((again[new], turn[new]))
        return np.concatenate([each for each, _ in found]), np.concatenate([turn for _, turn in found])

    def _reads_otherwise(self, index: Index, before: Index, after: Index) -> np.ndarray:
        earlier, later = (self.delivery.cells(self.rows(index, turns)) for turns in (before, after))
        return ~np.logical_and.reduce([earlier[name].eq_missing(later[name]).to_numpy() for name in later.columns])


def _write_source(
    city: City, delivery: Delivery, total: int, opened_on: int, folder: Path, number: int, tell: Progress
) -> Iterator[FileMade]:
    """One file for each day on which the source has something to deliver."""
    days = delivery_days(delivery.code, city.today, opened_on)
    source = _Source(city, delivery, delivery.crowd(city), total, days)
    first = source.first_turns()
    continued, continued_turns = source.continued(first)
    told = _told(city, delivery, total, source.days)
    done = 0
    for turn, day in enumerate(source.days.tolist()):
        delivered_on = city.as_of - timedelta(days=city.today - day)
        name = f"{number:02}-{delivery.filename}-{delivered_on:%Y%m%d}.{delivery.file_format}"
        fresh, again = np.flatnonzero(first == turn), continued[continued_turns == turn]
        of_stories = [row for row in told if row.turn == turn]
        if not (len(fresh) or len(again) or of_stories):
            continue
        kinds: Counter[str] = Counter()
        tail: list[tuple[Index, pl.DataFrame]] = []
        with _open(folder, name, delivery.template, delivery, delivery.encoding) as file:
            for index in _pieces(fresh):
                rows = source.rows(index, np.full(len(index), turn))
                drawn, cells = source.kinds(index), delivery.cells(rows)
                soiled = soil(rows, cells, drawn)
                later = drawn.is_in(IN_THE_TAIL)
                tail.append((index[later.to_numpy()], cells.filter(later)))
                kinds.update(soiled.kinds)
                file.append(soiled.cells)
                done += len(index)
                tell(delivery.filename, done, total)
            for index, cells in _pieces_of_tail(tail):
                rows = source.rows(index, np.full(len(index), turn))
                soiled = soil_tail(rows, cells, source.kinds(index))
                kinds.update(soiled.kinds)
                file.append(soiled.cells)
            for index in _pieces(again):
                kinds[CONTINUED] += len(index)
                file.append(delivery.cells(source.rows(index, np.full(len(index), turn))))
            if of_stories:
                kinds.update(row.kind for row in of_stories)
                cells = [row.cells for row in of_stories]
                file.append(pl.DataFrame(cells, schema=dict.fromkeys(_codes(delivery.template), pl.String)))
            digest = file.close()
        department = delivery.department if turn else FORMER_PLATFORM
        yield _file_made(
            name,
            delivery.filename,
            delivered_on,
            delivery.template,
            delivery.category.code,
            (department, delivery.department_code),
            delivery.file_format,
            delivery.encoding,
            file.rows,
            digest,
            kinds,
        )


def _pieces(index: Index) -> Iterator[Index]:
    for start in range(0, len(index), _CHUNK):
        yield index[start : start + _CHUNK]


def _pieces_of_tail(tail: list[tuple[Index, pl.DataFrame]]) -> Iterator[tuple[Index, pl.DataFrame]]:
    index = np.concatenate([np.empty(0, dtype=np.int64), *(each for each, _ in tail)])
    for start in range(0, len(index), _CHUNK):
        cells = pl.concat([each for _, each in tail])
        yield index[start : start + _CHUNK], cells.slice(start, _CHUNK)


def _codes(template: Template) -> list[str]:
    return [column.code for column in template.columns]


@dataclass(frozen=True)
class _ToldRow:
    """A row of a story, in which of the source's deliveries it is, and as what the manifest counts it."""

    cells: dict[str, str | None]
    turn: int
    kind: str


def _told(city: City, delivery: Delivery, total: int, days: Index) -> list[_ToldRow]:
    """The rows of the stories: an ordinary row about their subject, with the cells that the story changes, in the
    first delivery after everything that it tells of; and once more what the department took back since."""
    whose = [
        (kind, who, told)
        for kind, stories in ((PERSON, CITIZENS), (ENTERPRISE, ENTERPRISES))
        for who, story in enumerate(stories)
        for told in story.records
        if told.delivery == delivery.code
    ]
    if not whose:
        return []
    index = total + np.arange(len(whose), dtype=np.int64)
    parties = Parties(
        city, np.array([kind for kind, _, _ in whose]), np.array([who for _, who, _ in whose], dtype=np.int64)
    )
    ordinary = delivery.cells(Rows(city, delivery, index, total, parties, np.full(len(index), city.today)))
    # What a story leaves out and could contradict it (a later date, an amount) is left empty.
    blank = {
        column.code: None
        for column in delivery.template.columns
        if column.kind in "DN" or (column.required_when and column.required_when.values)
    }
    rows = []
    for row, (_, _, told) in zip(ordinary.iter_rows(named=True), whose, strict=True):
        cells = {**row, **blank, **told_cells(told, city.as_of, delivery.date_form)}
        rows.append(_ToldRow(cells, _turn_after(days, city.today - told.days_ago), CLEAN))
        if told.withdrawn_days_ago is not None:
            cells = cells | withdrawn_cells(delivery.template)
            turn = _turn_after(days, city.today - told.withdrawn_days_ago)
            rows.append(_ToldRow(cells, turn, WITHDRAWN_LATER))
    if any(row.turn == len(days) for row in rows):
        raise ValueError(f"a story tells of {delivery.code} after its last delivery")
    return rows


def _turn_after(days: Index, day: int) -> int:
    return int(np.searchsorted(days, day, side="right"))


def _file_made(
    name: str,
    source: str,
    delivered_on: date,
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
        source=source,
        delivered_on=delivered_on.isoformat(),
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
