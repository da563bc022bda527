"""Public answers are the same for everyone, so anyone on the way may keep them for a short while."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Response, make_response

SECONDS = 60


def cacheable(view: Callable[..., object]) -> Callable[..., object]:
    @wraps(view)
    def wrapper(*args: object, **kwargs: object) -> Response:
        response = make_response(view(*args, **kwargs))
        response.headers["Cache-Control"] = f"public, max-age={SECONDS}"
        return response

    return wrapper
