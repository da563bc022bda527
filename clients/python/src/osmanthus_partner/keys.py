"""The partner's own ES256 key. It never leaves the partner's machine; only its public part is handed in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey


def generate_private_key() -> dict[str, Any]:
    """A fresh private JWK (P-256) with its RFC 7638 thumbprint as `kid`."""
    key = ECKey.generate_key("P-256", private=True)
    return {**key.as_dict(private=True), "kid": key.thumbprint()}


def public_key_of(private_key: dict[str, Any]) -> dict[str, Any]:
    """What is handed in to be registered."""
    return {name: value for name, value in private_key.items() if name != "d"}


def read_private_key(path: str | Path) -> dict[str, Any]:
    """A private JWK or PEM file. Raises ValueError when it is not a private P-256 key."""
    text = Path(path).read_text("utf-8")
    key = ECKey.import_key(json.loads(text) if text.lstrip().startswith("{") else text)
    if not key.is_private or key.curve_name != "P-256":
        raise ValueError(f"{path} does not hold a private P-256 key")
    return {**key.as_dict(private=True), "kid": key.thumbprint()}
