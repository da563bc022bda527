"""Checks that the swift desk can answer, ahead of the guards and schemas of the full path.

It answers only what is in order in every respect. Whatever is not (no or an unknown token, an ended contract, a
missing scope, a body with anything odd, a limit reached, a code that is not plainly good) goes on to the full
path, which says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from hashlib import sha256

import orjson
from flask import Response, g, request

from backend.authorizations.errors import TokenNotValid
from backend.benefits.swift_desk import PartnerLimit, SwiftDesk
from backend.partners.errors import ContractEnded
from backend.web.context import now, services
from backend.web.idempotency import LONGEST_KEY, IdempotencyKeyReused

View = Callable[..., object]


def swift(limit: PartnerLimit, *, scope: str) -> Callable[[View], View]:
    """Stands above the guard, whose mark it keeps. `limit` and `scope` are those of the full path."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(*args: object, **kwargs: object) -> object:
            desk = services().desk
            answer = _answer(desk, limit, scope) if desk else None
            return answer or view(*args, **kwargs)

        return wrapper

    return decorate


def _answer(desk: SwiftDesk, limit: PartnerLimit, scope: str) -> Response | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    key = request.headers.get("Idempotency-Key", "")
    if kind.lower() != "bearer" or not token or not 1 <= len(key) <= LONGEST_KEY:
        return None
    raw = request.get_data()
    body = _body(raw) if request.mimetype == "application/json" else None
    if body is None:
        return None
    try:
        partner = desk.identify(token, now=now())
    except (TokenNotValid, ContractEnded):
        return None
    if partner is None or scope not in partner.scopes:
        return None
    limit = replace(limit, most=partner.checks_per_minute or limit.most)
    fingerprint = sha256(b"\n".join([request.method.encode(), request.path.encode(), raw])).hexdigest()
    g.actor = f"partner:{partner.partner_id}"
    found = desk.check(
        token=token, code=body[0], scheme_code=body[1], request_key=key, fingerprint=fingerprint,
        limit=limit, now=now(),
    )  # fmt: skip
    if found is None:
        return None
    if found.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    response = Response(orjson.dumps(found.answer.body()), status=201, content_type="application/json")
    if not found.made_now:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _body(raw: bytes) -> tuple[str, str] | None:
    """Code and scheme, when the body is exactly these two."""
    try:
        given = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    match given:
        case {"code": str(code), "scheme": str(scheme)} if len(given) == 2:
            return (code, scheme) if 1 <= len(code) <= 64 and 1 <= len(scheme) <= 64 else None
    return None
