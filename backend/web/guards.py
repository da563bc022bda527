"""Who may call a view. Every route has exactly one of these; a test walks the URL map to see that."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import unquote

from flask import g, request

from backend.accounts.errors import OFFICE_ROLES, NotSignedIn
from backend.accounts.service import CitizenIdentity, OfficerIdentity, citizen_of, officer_of
from backend.errors import TooMany
from backend.ledger.service import Actor
from backend.web.context import client_address, now, reading, services
from backend.web.documentation import document
from backend.web.problems import problem_response

View = Callable[..., Any]
GUARD = "_osmanthus_guard"

CITIZEN_SCHEME = "citizen"
OFFICER_SCHEME = "officer"
_SIGNED_IN_RESPONSES = {"401": "UNAUTHORIZED", "429": "TOO_MANY_REQUESTS"}


def bearer_token() -> str:
    """Raises NotSignedIn when the request carries none."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise NotSignedIn
    return token.strip()


def open_to_all(view: View) -> View:
    """Anyone may call this, signed in or not."""
    return _marked(view, "public")


def signed_in_citizen(view: View) -> View:
    @wraps(view)
    def wrapper(*args: object, **kwargs: object) -> object:
        with reading() as session:
            g.citizen = citizen_of(session, bearer_token(), now=now())
        g.actor = f"citizen:{g.citizen.account_id}"
        return view(*args, **kwargs)

    return _marked(document(wrapper, security=[{CITIZEN_SCHEME: []}], responses=_SIGNED_IN_RESPONSES), "citizen")


def signed_in_officer(*roles: str) -> Callable[[View], View]:
    """Officers with one of the roles; with none named, every officer of the credit office."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(*args: object, **kwargs: object) -> object:
            with reading() as session:
                g.officer = officer_of(session, bearer_token(), now=now())
            g.officer.check_has_role(frozenset(roles) or OFFICE_ROLES)
            g.actor = f"officer:{g.officer.officer_id}"
            return view(*args, **kwargs)

        return _marked(
            document(
                wrapper,
                security=[{OFFICER_SCHEME: sorted(roles or OFFICE_ROLES)}],
                responses={**_SIGNED_IN_RESPONSES, "403": "FORBIDDEN"},
            ),
            "officer",
        )

    return decorate


def states_reason(view: View) -> View:
    """For officers' reads of a person's data: the reason is required and goes into the ledger."""

    @wraps(view)
    def wrapper(*args: object, **kwargs: object) -> object:
        g.access_reason = unquote(request.headers.get("X-Access-Reason", "")).strip()
        if not g.access_reason:
            return problem_response(
                400, "access_reason_missing", "查看个人信息前，请先说明查看的事由；事由会记入台账并告知本人。"
            )
        return view(*args, **kwargs)

    return document(
        wrapper,
        parameters=[
            {
                "in": "header",
                "name": "X-Access-Reason",
                "required": True,
                "schema": {"type": "string", "minLength": 1},
                "description": "查看事由（URL 编码的 UTF-8），记入台账并告知本人",
            }
        ],
        responses={"400": "BAD_REQUEST"},
    )


def limited(name: str, *, most: int | Callable[[], int], window_seconds: int) -> Callable[[View], View]:
    """At most `most` calls in each window: per actor where one is known, else per address. `most` may depend on
    who is calling.

    Without Redis in production nothing can be counted; the caller is then refused as unavailable.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(*args: object, **kwargs: object) -> object:
            who = g.get("actor") or f"address:{client_address()}"
            count = services().store.count(f"limit:{name}:{who}", window_seconds=window_seconds)
            allowed = most if isinstance(most, int) else most()
            g.rate_limit = (allowed, max(0, allowed - count), window_seconds)
            if count > allowed:
                raise TooMany("操作太频繁，请稍后再试。", retry_after_seconds=window_seconds)
            return view(*args, **kwargs)

        return document(wrapper, responses={"429": "TOO_MANY_REQUESTS", "503": "SERVICE_UNAVAILABLE"})

    return decorate


def current_citizen() -> CitizenIdentity:
    return cast(CitizenIdentity, g.citizen)


def current_subject_id() -> int:
    return current_citizen().subject_id


def current_officer() -> OfficerIdentity:
    return cast(OfficerIdentity, g.officer)


def officer_as_actor() -> Actor:
    officer = current_officer()
    return Actor(kind="officer", id=str(officer.officer_id), name=f"信用办 {officer.name}")


def access_reason() -> str:
    return cast(str, g.access_reason)


def current_actor() -> str:
    """Whose idempotency keys these are; before anybody is known, the address's."""
    return cast(str, g.get("actor") or f"address:{client_address()}")


def _marked(view: View, guard: str) -> View:
    setattr(view, GUARD, guard)
    return view
