"""Who may call the counter API: a phone on which a member of a store's staff is signed in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from flask import g

from backend.accounts.errors import NotSignedIn
from backend.partners.errors import StaffNotSignedIn
from backend.partners.staff import StaffIdentity, staff_of
from backend.web.context import now, reading
from backend.web.documentation import document
from backend.web.guards import GUARD, bearer_token

STAFF_SCHEME = "staff"
View = Callable[..., Any]


def signed_in_staff(view: View) -> View:
    """Guard a view: the bearer of a phone's token."""

    @wraps(view)
    def wrapper(*args: object, **kwargs: object) -> object:
        with reading() as session:
            g.staff = staff_of(session, staff_token(), now=now())
        g.actor = f"staff:{g.staff.staff_id}"
        return view(*args, **kwargs)

    guarded = document(
        wrapper,
        security=[{STAFF_SCHEME: []}],
        responses={"401": "UNAUTHORIZED", "403": "FORBIDDEN"},
    )
    setattr(guarded, GUARD, "staff")
    return guarded


def staff_token() -> str:
    """Raises StaffNotSignedIn when the request carries none."""
    try:
        return bearer_token()
    except NotSignedIn:
        raise StaffNotSignedIn from None


def current_staff() -> StaffIdentity:
    return cast(StaffIdentity, g.staff)
