"""Who may call the department API: a system of a source department, with a token, for its own data alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from flask import g

from backend.accounts.errors import NotSignedIn
from backend.authorizations.errors import TokenNotValid
from backend.authorizations.tokens import authenticate_partner
from backend.city_calendar import city_date
from backend.records.departments import SourceDepartment, department_of_partner
from backend.web.context import now, reading
from backend.web.documentation import document
from backend.web.guards import GUARD, bearer_token

DEPARTMENT_SCHEME = "department"
View = Callable[..., Any]


def department_token(*scopes: str) -> Callable[[View], View]:
    """Guard a view: the bearer of a token that has one of `scopes`, for a department that the catalogue names.

    Only partners of the kind `department` are ever given such a scope.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(*args: object, **kwargs: object) -> object:
            try:
                token = bearer_token()
            except NotSignedIn:
                raise TokenNotValid from None
            with reading() as session:
                partner = authenticate_partner(session, token, now())
                partner.check_has_scope(next((one for one in scopes if one in partner.scopes), scopes[0]))
                g.department = department_of_partner(session, partner.partner_id, city_date(now()))
            g.actor = f"partner:{partner.partner_id}"
            return view(*args, **kwargs)

        guarded = document(
            wrapper,
            security=[{DEPARTMENT_SCHEME: [scope]} for scope in scopes],
            responses={"401": "UNAUTHORIZED", "403": "FORBIDDEN"},
        )
        setattr(guarded, GUARD, "department")
        return guarded

    return decorate


def current_department() -> SourceDepartment:
    return cast(SourceDepartment, g.department)
