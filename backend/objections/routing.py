"""Whose inbox an objection goes to: the source department of the record, as the catalogue names it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.errors import NoCatalogueInForce
from backend.catalogue.service import catalogue_in_force
from backend.objections.errors import DepartmentUnknown
from backend.records.models import CreditRecord


@dataclass(frozen=True)
class Department:
    """`code` is its 统一社会信用代码."""

    code: str
    name: str


def department_of_record(session: Session, record: CreditRecord, today: date) -> Department | None:
    """The department that delivered the record, else the one its category names.

    None when the catalogue in force names neither: the case then waits for an officer to assign it.
    """
    try:
        categories = catalogue_in_force(session, today).categories
    except NoCatalogueInForce:
        return None
    for category in categories.values():
        if category.source_department == record.source_department:
            return _department(category)
    named = categories.get(record.category)
    return _department(named) if named else None


def departments(session: Session, today: date) -> Sequence[Department]:
    """Every source department of the catalogue in force, by name. Raises NoCatalogueInForce."""
    found = {_department(category) for category in catalogue_in_force(session, today).categories.values()}
    return sorted(found, key=lambda department: department.name)


def find_department(session: Session, code: str, today: date) -> Department:
    """Raises DepartmentUnknown or NoCatalogueInForce."""
    for department in departments(session, today):
        if department.code == code:
            return department
    raise DepartmentUnknown


def _department(category: Category) -> Department:
    return Department(category.source_department_code, category.source_department)
