"""Who may call the partner API: a partner with a valid access token that has the scope."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from flask import g

from backend.accounts.errors import NotSignedIn
from backend.authorizations.errors import TokenNotValid
from backend.authorizations.tokens import PartnerIdentity, authenticate_partner
from backend.web.context import now, reading
from backend.web.documentation import document
from backend.web.guards import GUARD, bearer_token

PARTNER_SCHEME = "partner"
View = Callable[..., Any]


def partner_token(scope: str) -> Callable[[View], View]:
    """Guard a view: the bearer of a token that has `scope`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(*args: object, **kwargs: object) -> object:
            try:
                token = bearer_token()
            except NotSignedIn:
                raise TokenNotValid from None
            with reading() as session:
                g.partner = authenticate_partner(session, token, now())
            g.partner.check_has_scope(scope)
            g.actor = f"partner:{g.partner.partner_id}"
            return view(*args, **kwargs)

        guarded = document(
            wrapper,
            security=[{PARTNER_SCHEME: [scope]}],
            responses={"401": "UNAUTHORIZED", "403": "FORBIDDEN"},
        )
        setattr(guarded, GUARD, "partner")
        return guarded

    return decorate


def current_partner() -> PartnerIdentity:
    return cast(PartnerIdentity, g.partner)
