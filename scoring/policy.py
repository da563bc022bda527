"""A policy 评分方案: what a city declares about its score, as immutable values.

The document (YAML) is written in natural units; here everything is integers: points, quantities and
thresholds in hundredths, amounts in cents, dates as `date`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from scoring.checks import (
    PER_RECORD,
    category_codes,
    check_meaning,
    check_shape,
    is_sound,
    mappings,
    misshapen,
)
from scoring.days import Span
from scoring.document import Document, canonical_json, path_text, read_document
from scoring.document import Path as DocumentPath
from scoring.forbidden import forbidden_attribute
from scoring.problems import PolicyInvalid, Problem, did_you_mean
from scoring.reading_yaml import read_yaml

SubjectKind = Literal["person", "enterprise"]
Direction = Literal["up", "down", "both"]
Measure = Literal["count", "sum", "amount", "exists", "months_since", "each", "highest", "latest", "value_of"]
PointsKind = Literal["tiers", "per_unit", "flat", "each", "by_level", "by_amount", "by_quantity"]

_POLARITIES = ("positive", "negative", "neutral")

RELATIONS: Mapping[str, int] = {
    "own": 0,
    "legal_representative": 1,
    "shareholder": 2,
    "actual_controller": 3,
    "executive": 4,
}
"""How the person or enterprise a record is about relates to the scored subject (`RecordColumns.relation`)."""


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade and the lowest score (hundredths) that earns it."""

    code: str
    name: str
    minimum: int


@dataclass(frozen=True, slots=True)
class CategoryUse:
    """A catalogue category an indicator reads; `levels` narrows it to some levels, empty means all."""

    code: str
    levels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FadingStep:
    """Weight in ppm of a record until it is so old."""

    until: Span
    ppm: int


@dataclass(frozen=True, slots=True)
class Fading:
    """A named, versioned table of weights by age; past the last step a record counts no more."""

    code: str
    version: str
    basis: str
    steps: tuple[FadingStep, ...]


@dataclass(frozen=True, slots=True)
class PointsRow:
    """One line of a points table.

    `key`: level ordinal (by_level), threshold in hundredths or cents (tiers, by_quantity, by_amount), else 0.
    `performed_points` replaces `points` once the obligation was performed; None when there is no such rule.
    `valid_for` and `performed_valid_for` are how long the record counts; None means without limit.
    """

    key: int
    name: str
    points: int
    performed_points: int | None = None
    valid_for: Span | None = None
    performed_valid_for: Span | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """How an indicator is priced from `effective_from` on."""

    kind: PointsKind
    effective_from: date
    basis: str
    rows: tuple[PointsRow, ...]
    every: int = 0
    whole_units: bool = False


@dataclass(frozen=True, slots=True)
class Indicator:
    """One declared indicator 指标. `cap` and `yearly_cap` bound the size of its points (hundredths)."""

    code: str
    name: str
    dimension: str
    direction: Direction
    source: str
    basis: str
    measure: Measure
    categories: tuple[CategoryUse, ...]
    relations: tuple[str, ...]
    count_from: Literal["event", "end"]
    window: Span | None
    fading: Fading | None
    unit: str
    of: str | None
    once_per_event: bool
    repeat_factor: int
    repeat_same: Literal["category", "indicator"]
    points_versions: tuple[Points, ...]
    yearly_cap: int | None
    cap: int | None
    advice: str | None

    @property
    def per_record(self) -> bool:
        """Whether every record is priced by itself."""
        return self.measure in PER_RECORD

    def points_on(self, day: date) -> Points:
        """The points in force on a day; before the first version, the first."""
        in_force = [points for points in self.points_versions if points.effective_from <= day]
        return in_force[-1] if in_force else self.points_versions[0]


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension 维度 groups indicators; `minimum` and `maximum` bound the sum of its contributions."""

    code: str
    name: str
    base: int | None
    minimum: int | None
    maximum: int | None
    indicators: tuple[Indicator, ...]


@dataclass(frozen=True, slots=True)
class DirectGrade:
    """A listing that sets an enterprise's grade directly, whatever its points."""

    code: str
    name: str
    basis: str
    grade: str
    categories: tuple[CategoryUse, ...]
    relations: tuple[str, ...]
    count_from: Literal["event", "end"]
    window: Span | None


@dataclass(frozen=True, slots=True)
class Policy:
    """A valid policy. `grades` go from best to worst; `hash` identifies the meaning, not the layout."""

    code: str
    name: str
    version: str
    subject_kind: SubjectKind
    description: str
    basis: str
    base: int
    minimum: int
    maximum: int
    grades: tuple[Grade, ...]
    dimensions: tuple[Dimension, ...]
    direct_grades: tuple[DirectGrade, ...]
    one_act_counts_once: bool
    effective_from: date
    effective_until: date | None
    hash: str
    source_text: str = field(repr=False)

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """All indicators in the order of the document: the columns of every indicator matrix."""
        return tuple(indicator for dimension in self.dimensions for indicator in dimension.indicators)

    def indicator(self, code: str) -> Indicator:
        """The indicator of that code; KeyError when there is none."""
        for indicator in self.indicators:
            if indicator.code == code:
                return indicator
        raise KeyError(code)

    def dimension(self, code: str) -> Dimension:
        """The dimension of that code; KeyError when there is none."""
        for dimension in self.dimensions:
            if dimension.code == code:
                return dimension
        raise KeyError(code)

    @property
    def category_codes(self) -> tuple[str, ...]:
        """The catalogue categories this policy reads, sorted."""
        readers: list[Indicator | DirectGrade] = [*self.indicators, *self.direct_grades]
        return tuple(sorted({use.code for reader in readers for use in reader.categories}))

    def on(self, day: date) -> Policy:
        """The same policy with only the points in force on `day`."""
        return replace(
            self,
            dimensions=tuple(
                replace(
                    dimension,
                    indicators=tuple(
                        replace(indicator, points_versions=(indicator.points_on(day),))
                        for indicator in dimension.indicators
                    ),
                )
                for dimension in self.dimensions
            ),
        )


@dataclass(frozen=True, slots=True)
class CategoryFacts:
    """What a policy must know of a catalogue category.

    `levels` are the level codes in order and `subject_kinds` whose records the category holds; None where
    that is not known and so not checked.
    """

    code: str
    name: str
    polarity: Literal["positive", "negative", "neutral"]
    legal_basis: str
    levels: tuple[str, ...] | None = None
    subject_kinds: frozenset[str] | None = None


def load_policy(source: Path | str) -> Policy:
    """Read and check a policy from a file (`Path`) or from YAML text (`str`).

    Raises PolicyInvalid, whose `problems` name every broken rule with its line.
    """
    return _checked(source, None)


def load_policy_for(source: Path | str, catalogue: Mapping[str, CategoryFacts]) -> Policy:
    """As `load_policy`, and the rules of `check_against_catalogue` too: one reading names all that is broken."""
    return _checked(source, catalogue)


def _checked(source: Path | str, catalogue: Mapping[str, CategoryFacts] | None) -> Policy:
    text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
    document = read_document(text)
    problems = check_shape(document)
    broken = misshapen(document) if problems else frozenset()
    problems += check_meaning(document, broken)
    if catalogue is not None:
        problems += _against_catalogue(document, broken, catalogue)
    if problems:
        raise PolicyInvalid(problems)
    digest = hashlib.sha256(canonical_json(document.data).encode()).hexdigest()
    return _policy(document.data, digest, text)


def shipped_catalogue() -> dict[str, CategoryFacts]:
    """The categories that come with the library, for those who name no catalogue of their own."""
    return catalogue_of(read_yaml((files("scoring") / "catalogue.yaml").read_text(encoding="utf-8")))


def catalogue_of(document: Any) -> dict[str, CategoryFacts]:
    """Category facts from a catalogue document: a list of categories, or a mapping that holds one as `categories`.

    A category has code, name, polarity and legal_basis; `levels` (codes, or mappings with a code) and
    `subject_kinds` are checked where they are given. Raises ValueError, a Chinese sentence, for anything else.
    """
    entries = document.get("categories") if isinstance(document, Mapping) else document
    if not isinstance(entries, list) or not entries:
        raise ValueError("应当是类别的列表，或含有 categories 列表的一组字段")
    facts: dict[str, CategoryFacts] = {}
    for place, entry in enumerate(entries, start=1):
        given = entry if isinstance(entry, Mapping) else {}
        for key in ("code", "name", "polarity", "legal_basis"):
            if not isinstance(given.get(key), str):
                raise ValueError(f"第 {place} 个类别没有写明 {key}")
        if given["polarity"] not in _POLARITIES:
            meant = did_you_mean(given["polarity"], _POLARITIES)
            raise ValueError(f"类别“{given['code']}”的 polarity 应为 {'、'.join(_POLARITIES)} 之一{meant}")
        facts[given["code"]] = CategoryFacts(
            given["code"],
            given["name"],
            given["polarity"],
            given["legal_basis"],
            tuple(str(level.get("code") if isinstance(level, Mapping) else level) for level in given["levels"])
            if isinstance(given.get("levels"), list)
            else None,
            frozenset(given["subject_kinds"]) if isinstance(given.get("subject_kinds"), list) else None,
        )
    return facts


def check_against_catalogue(policy: Policy, catalogue: Mapping[str, CategoryFacts]) -> list[Problem]:
    """Rules that need the catalogue in force: known category, stated legal basis, direction by polarity."""
    return _against_catalogue(read_document(policy.source_text), frozenset(), catalogue)


def _against_catalogue(
    document: Document, broken: frozenset[DocumentPath], catalogue: Mapping[str, CategoryFacts]
) -> list[Problem]:
    problems: list[Problem] = []
    subject_kind = document.data.get("subject_kind") if isinstance(document.data, dict) else None
    for path, reader in _readers(document.data):
        for at, code in category_codes(reader, path):
            facts = catalogue.get(code)
            told: Iterable[tuple[str, str]] = ()
            if facts is None:
                told = [(f"目录中没有类别“{code}”{did_you_mean(code, catalogue)}", "unknown_category")]
            elif is_sound(path, broken) and is_sound(("subject_kind",), broken):
                told = _against_category(subject_kind, reader, reader["categories"][at[-1]], facts)
            problems += [Problem(document.line(at), path_text(at), message, rule) for message, rule in told]
    return problems


def _against_category(
    subject_kind: Any, reader: Mapping[str, Any], use: Any, facts: CategoryFacts
) -> Iterator[tuple[str, str]]:
    """Message and rule of everything that speaks against reading this category here."""
    if not facts.legal_basis.strip():
        yield f"类别“{facts.name}”没有写明法律依据", "no_legal_basis"
    attribute = forbidden_attribute(facts.code, facts.name)
    # By its code alone it has been refused already.
    if attribute and not forbidden_attribute(facts.code, ""):
        yield f"类别“{facts.name}”涉及{attribute.name}，不得评分（{attribute.basis}）", "forbidden_attribute"
    direction = reader.get("direction", "down")  # a direct grade has none, and can only harm
    if facts.polarity == "positive" and direction != "up":
        yield f"“{facts.name}”是守信信息，只能用于加分项", "polarity_direction"
    if facts.polarity == "negative" and direction != "down":
        yield f"“{facts.name}”是失信信息，只能用于扣分项", "polarity_direction"
    if facts.levels is not None and max(_levels(reader, use), default=0) > len(facts.levels):
        yield f"“{facts.name}”只有 {len(facts.levels)} 个等级", "unknown_level"
    own = "own" in reader.get("relations", ["own"])
    if own and facts.subject_kinds is not None and subject_kind not in facts.subject_kinds:
        kind = "自然人" if subject_kind == "person" else "企业"
        yield f"目录中“{facts.name}”没有{kind}的记录，这一项永远不会计分", "wrong_subject_kind"


def _levels(reader: Mapping[str, Any], use: Any) -> set[int]:
    """Level ordinals that a reader counts on in a category: chosen ones, or those it has points for."""
    levels = set(use["levels"]) if isinstance(use, dict) else set[int]()
    if len(reader["categories"]) == 1 and "points" in reader:
        versions = reader["points"] if isinstance(reader["points"], list) else [reader["points"]]
        levels |= {row["level"] for points in versions for row in points.get("by_level", [])}
    return levels


def _readers(data: Any) -> Iterator[tuple[DocumentPath, Mapping[str, Any]]]:
    """The indicators and direct grades of a document, with their places."""
    known = data if isinstance(data, dict) else {}
    for d, dimension in mappings(known.get("dimensions")):
        for i, indicator in mappings(dimension.get("indicators")):
            yield ("dimensions", d, "indicators", i), indicator
    for i, direct in mappings(known.get("direct_grades")):
        yield ("direct_grades", i), direct


def shipped_policy_names() -> list[str]:
    """Names of the policies that come with the library."""
    folder = files("scoring") / "policies"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def shipped_policy(name: str) -> Policy:
    """A shipped policy by name; KeyError when there is none of that name."""
    if name not in shipped_policy_names():
        raise KeyError(name)
    return load_policy((files("scoring") / "policies" / f"{name}.yaml").read_text(encoding="utf-8"))


def hundredths(value: Any) -> int:
    """An exact count of hundredths; the checks have seen to it that there are no finer decimals."""
    return int(value * 100)


def _policy(data: Mapping[str, Any], digest: str, text: str) -> Policy:
    effective_from = _date(data["effective_from"])
    fading = {
        code: Fading(
            code,
            str(table["version"]),
            table["basis"],
            tuple(FadingStep(_span(step["until"]), step["ppm"]) for step in table["steps"]),
        )
        for code, table in data.get("fading", {}).items()
    }
    validity = [
        (hundredths(entry["up_to"]) if "up_to" in entry else None, _span(entry["valid_for"]))
        for entry in data.get("deduction_validity", [])
    ]
    return Policy(
        code=data["code"],
        name=data["name"],
        version=data["version"],
        subject_kind=data["subject_kind"],
        description=data.get("description", ""),
        basis=data["basis"],
        base=hundredths(data["base"]),
        minimum=hundredths(data["range"][0]),
        maximum=hundredths(data["range"][1]),
        grades=tuple(Grade(g["code"], g["name"], hundredths(g["minimum"])) for g in data["grades"]),
        dimensions=tuple(
            _dimension(dimension, fading, validity, effective_from) for dimension in data["dimensions"]
        ),
        direct_grades=tuple(
            DirectGrade(
                code=direct["code"],
                name=direct["name"],
                basis=direct["basis"],
                grade=str(direct["grade"]),
                categories=_categories(direct["categories"]),
                relations=tuple(direct.get("relations", ["own"])),
                count_from=direct.get("count_from", "event"),
                window=_span(direct["window"]) if "window" in direct else None,
            )
            for direct in data.get("direct_grades", [])
        ),
        one_act_counts_once=data.get("one_act", "each") == "highest",
        effective_from=effective_from,
        effective_until=_date(data["effective_until"]) if "effective_until" in data else None,
        hash=digest,
        source_text=text,
    )


Validity = list[tuple[int | None, Span]]


def _dimension(
    data: Mapping[str, Any], fading: Mapping[str, Fading], validity: Validity, effective_from: date
) -> Dimension:
    low, high = data.get("range", (None, None))
    return Dimension(
        code=data["code"],
        name=data["name"],
        base=hundredths(data["base"]) if "base" in data else None,
        minimum=None if low is None else hundredths(low),
        maximum=None if high is None else hundredths(high),
        indicators=tuple(
            _indicator(indicator, data["code"], fading, validity, effective_from)
            for indicator in data["indicators"]
        ),
    )


def _indicator(
    data: Mapping[str, Any],
    dimension: str,
    fading: Mapping[str, Fading],
    validity: Validity,
    effective_from: date,
) -> Indicator:
    window = data.get("window", "unlimited")
    span = _span(window) if isinstance(window, dict) else None
    repeat = data.get("repeat", {})
    versions = data["points"] if isinstance(data["points"], list) else [data["points"]]
    return Indicator(
        code=data["code"],
        name=data["name"],
        dimension=dimension,
        direction=data["direction"],
        source=data.get("source", ""),
        basis=data["basis"],
        measure=data["measure"],
        categories=_categories(data.get("categories", [])),
        relations=tuple(data.get("relations", ["own"])),
        count_from=data.get("count_from", "event"),
        window=span,
        fading=fading[data["fading"]] if "fading" in data else None,
        unit=data.get("unit", ""),
        of=data.get("of"),
        once_per_event=data.get("per_event", "each") == "highest",
        repeat_factor=repeat.get("factor", 1),
        repeat_same=repeat.get("same", "category"),
        points_versions=tuple(
            _points(version, span, validity if window == "by_size" else None, effective_from, data["basis"])
            for version in versions
        ),
        yearly_cap=hundredths(data["yearly_cap"]) if "yearly_cap" in data else None,
        cap=hundredths(data["cap"]) if "cap" in data else None,
        advice=data.get("advice"),
    )


def _points(
    data: Mapping[str, Any], window: Span | None, by_size: Validity | None, effective_from: date, basis: str
) -> Points:
    kind = cast(PointsKind, next(key for key in data if key not in ("from", "basis")))
    body = data[kind]
    every, whole_units = 0, False
    if kind == "per_unit":
        rows: tuple[PointsRow, ...] = (PointsRow(0, "", hundredths(body["points"])),)
        every, whole_units = hundredths(body["every"]), body.get("whole_units", False)
    elif kind == "flat":
        rows = (PointsRow(0, "", hundredths(body)),)
    elif kind == "each":
        rows = (_row(body, 0, window, by_size),)
    elif kind == "by_level":
        rows = tuple(_row(row, row["level"], window, by_size) for row in body)
    else:
        rows = tuple(_row(row, hundredths(row["at_least"]), window, by_size) for row in body)
    return Points(
        kind=kind,
        effective_from=_date(data["from"]) if "from" in data else effective_from,
        basis=data.get("basis", basis),
        rows=rows,
        every=every,
        whole_units=whole_units,
    )


def _row(data: Mapping[str, Any], key: int, window: Span | None, by_size: Validity | None) -> PointsRow:
    points = hundredths(data["points"])
    performed = hundredths(data["performed_points"]) if "performed_points" in data else None

    def valid_for(size: int) -> Span | None:
        if "valid_for" in data:
            return _span(data["valid_for"])
        if by_size is not None:
            return next(span for up_to, span in by_size if up_to is None or abs(size) <= up_to)
        return window

    return PointsRow(
        key=key,
        name=data.get("name", ""),
        points=points,
        performed_points=performed,
        valid_for=valid_for(points),
        performed_valid_for=None if performed is None else valid_for(performed),
    )


def _categories(data: list[Any]) -> tuple[CategoryUse, ...]:
    return tuple(
        CategoryUse(use["code"], tuple(use["levels"])) if isinstance(use, dict) else CategoryUse(use)
        for use in data
    )


def _span(data: Mapping[str, int]) -> Span:
    if "days" in data:
        return Span(days=data["days"])
    return Span(months=data.get("months", 0) + 12 * data.get("years", 0))


def _date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)
