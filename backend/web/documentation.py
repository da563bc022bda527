"""What decorators of ours add to an operation in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any


def document(
    view: Callable[..., object],
    *,
    parameters: list[dict[str, Any]] | None = None,
    responses: dict[str, str] | None = None,
    security: list[dict[str, list[str]]] | None = None,
) -> Callable[..., object]:
    """Add to the view's documentation. Unlike `Blueprint.doc`, parameters of several decorators add up."""
    apidoc = deepcopy(getattr(view, "_apidoc", {}))
    manual = apidoc.setdefault("manual_doc", {})
    if parameters:
        # Beside those that `Blueprint.arguments` found: written by hand they would take the place of these.
        apidoc.setdefault("arguments", {}).setdefault("parameters", []).extend(parameters)
    if responses:
        manual["responses"] = {**manual.get("responses", {}), **responses}
    if security:
        manual["security"] = security
    view._apidoc = apidoc  # type: ignore[attr-defined]
    return view
