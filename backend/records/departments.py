"""Source departments 数源单位: which categories a department answers for, by the catalogue in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from backend.catalogue.document import Category
from backend.catalogue.service import catalogue_in_force
from backend.catalogue.templates import Template, load_templates
from backend.partners.service import get_partner
from backend.records.errors import DepartmentNotInCatalogue


@dataclass(frozen=True)
class SourceDepartment:
    """A department as the catalogue in force names it.

    code        its 统一社会信用代码: what ties its credentials, the catalogue and the rows it delivers together
    categories  what it answers for, by code
    """

    code: str
    name: str
    categories: Mapping[str, Category]

    def templates(self) -> list[Template]:
        """What it delivers with: the templates that its categories name."""
        named = {name for category in self.categories.values() for name in category.templates}
        return [template for template in load_templates().values() if template.code in named]


def department_of_partner(session: Session, partner_id: UUID, today: date) -> SourceDepartment:
    """The department whose registered code the partner has.

    Raises PartnerNotFound, NoCatalogueInForce or DepartmentNotInCatalogue.
    """
    return department_by_code(session, get_partner(session, partner_id).public_code, today)


def department_by_code(session: Session, code: str | None, today: date) -> SourceDepartment:
    """Raises NoCatalogueInForce or DepartmentNotInCatalogue."""
    catalogue = catalogue_in_force(session, today)
    mine = {
        name: category
        for name, category in catalogue.categories.items()
        if category.source_department_code == code
    }
    if code is None or not mine:
        raise DepartmentNotInCatalogue
    return SourceDepartment(code, next(iter(mine.values())).source_department, mine)


def department_codes(session: Session, today: date) -> dict[str, str]:
    """The 统一社会信用代码 of each department by its name. Raises NoCatalogueInForce."""
    categories = catalogue_in_force(session, today).categories.values()
    return {category.source_department: category.source_department_code for category in categories}
