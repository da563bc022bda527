"""Importing versions of the catalogue, and asking which one is in force."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from backend.catalogue.document import (
    Catalogue,
    Category,
    Change,
    Disclosure,
    Level,
    Polarity,
    SubjectKind,
    compare_catalogues,
    parse_catalogue,
)
from backend.catalogue.errors import (
    CatalogueInvalid,
    CategoryNotInForce,
    NoCatalogueInForce,
    VersionAlreadyImported,
    VersionNotFound,
)
from backend.catalogue.models import CatalogueCategory, CatalogueVersion

_READ: dict[str, Catalogue] = {}
"""Catalogues by the hash of their document."""


def import_catalogue(session: Session, text: str, now: datetime) -> Catalogue:
    """Store a version of the catalogue; it is in force from the date it names.

    The same document twice changes nothing. The caller owns the transaction.

    Raises the refusals of `parse_catalogue`, VersionAlreadyImported when the version number is taken by another
    document, and CatalogueInvalid when another version takes effect on the same day.
    """
    catalogue = parse_catalogue(text)
    existing = session.scalar(select(CatalogueVersion).where(CatalogueVersion.version == catalogue.version))
    if existing is not None:
        if existing.source_hash != catalogue.hash:
            raise VersionAlreadyImported(catalogue.version)
        return catalogue
    same_day = session.scalar(
        select(CatalogueVersion.version).where(CatalogueVersion.effective_from == catalogue.effective_from)
    )
    if same_day is not None:
        raise CatalogueInvalid([f"版本 {same_day} 已经从 {catalogue.effective_from} 起生效，同一天不能有两个版本"])
    version = CatalogueVersion(
        version=catalogue.version,
        name=catalogue.name,
        effective_from=catalogue.effective_from,
        source_hash=catalogue.hash,
        imported_at=now,
        categories=[_row(category) for category in catalogue.categories.values()],
    )
    session.add(version)
    session.flush()
    return catalogue


def catalogue_in_force(session: Session, on: date) -> Catalogue:
    """The latest version whose effect has begun by `on` (city date). Raises NoCatalogueInForce."""
    version = session.scalar(
        select(CatalogueVersion)
        .where(CatalogueVersion.effective_from <= on)
        .order_by(CatalogueVersion.effective_from.desc())
        .limit(1)
    )
    if version is None:
        raise NoCatalogueInForce(on.isoformat())
    return _catalogue(version)


def category_in_force(session: Session, code: str, on: date) -> Category:
    """Raises CategoryNotInForce or NoCatalogueInForce."""
    category = catalogue_in_force(session, on).categories.get(code)
    if category is None:
        raise CategoryNotInForce(code, on.isoformat())
    return category


def catalogue_versions(session: Session) -> list[CatalogueVersion]:
    """Every imported version, the latest effect first."""
    return list(session.scalars(select(CatalogueVersion).order_by(CatalogueVersion.effective_from.desc())))


def catalogue_version(session: Session, version: str) -> Catalogue:
    """Raises VersionNotFound."""
    found = session.scalar(select(CatalogueVersion).where(CatalogueVersion.version == version))
    if found is None:
        raise VersionNotFound(version)
    return _catalogue(found)


def known_categories(session: Session, on: date) -> dict[str, Category]:
    """Every category that was ever in force by `on`, as the latest version that has it states it.

    What a newer version drops is still in the records of its time, and its retention still ends.
    """
    known: dict[str, Category] = {}
    for version in catalogue_versions(session):
        if version.effective_from <= on:
            for code, category in _catalogue(version).categories.items():
                known.setdefault(code, category)
    return known


def still_listed(category: Any, on: date) -> ColumnElement[bool]:
    """For queries over many records: those whose category the version in force on the day still lists.

    What it dropped counts no more, whatever is stored of it. Where no version is in force, nothing was dropped.
    """
    begun = CatalogueVersion.effective_from <= on
    in_force = select(CatalogueVersion.id).where(begun).order_by(CatalogueVersion.effective_from.desc()).limit(1)
    listed = select(CatalogueCategory.code).where(CatalogueCategory.version_id == in_force.scalar_subquery())
    dropped = (
        select(CatalogueCategory.code)
        .join(CatalogueVersion, CatalogueVersion.id == CatalogueCategory.version_id)
        .where(begun, CatalogueCategory.code.not_in(listed))
        .correlate(None)
    )
    return cast("ColumnElement[bool]", category.not_in(dropped))


def compare_with_catalogue_in_force(session: Session, text: str, on: date) -> list[Change]:
    """What importing this document would change. Raises as `parse_catalogue` and `catalogue_in_force` do."""
    return compare_catalogues(catalogue_in_force(session, on), parse_catalogue(text))


def _row(category: Category) -> CatalogueCategory:
    return CatalogueCategory(
        code=category.code,
        name=category.name,
        subject_kinds=list(category.subject_kinds),
        source_department=category.source_department,
        source_department_code=category.source_department_code,
        legal_basis=category.legal_basis,
        polarity=category.polarity,
        unit=category.unit,
        contents=list(category.contents),
        levels=[
            {"code": level.code, "name": level.name}
            | ({"published_days": level.published_days} if level.published_days is not None else {})
            for level in category.levels
        ],
        retention_days=category.retention_days,
        disclosure=category.disclosure,
        may_decline=category.may_decline,
        written_consent=category.written_consent,
        templates=list(category.templates),
    )


def _catalogue(version: CatalogueVersion) -> Catalogue:
    """Read once a process: a version never changes, and every page and every chunk of a delivery asks for it."""
    if (known := _READ.get(version.source_hash)) is not None:
        return known
    catalogue = _READ[version.source_hash] = Catalogue(
        version=version.version,
        name=version.name,
        effective_from=version.effective_from,
        hash=version.source_hash,
        categories={row.code: _category(row) for row in version.categories},
    )
    return catalogue


def _category(row: CatalogueCategory) -> Category:
    return Category(
        code=row.code,
        name=row.name,
        subject_kinds=cast(tuple[SubjectKind, ...], tuple(row.subject_kinds)),
        source_department=row.source_department,
        source_department_code=row.source_department_code,
        legal_basis=row.legal_basis,
        polarity=cast(Polarity, row.polarity),
        unit=row.unit,
        contents=tuple(row.contents),
        levels=tuple(Level(level["code"], level["name"], level.get("published_days")) for level in row.levels),
        retention_days=row.retention_days,
        disclosure=cast(Disclosure, row.disclosure),
        may_decline=row.may_decline,
        written_consent=row.written_consent,
        templates=tuple(row.templates),
    )
