"""Keys that partners sign with: P-256 for ES256, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from backend.partners.errors import KeyNotAcceptable, KeyNotProven

LONGEST_PROOF = timedelta(minutes=5)


def generate_private_jwk() -> dict[str, Any]:
    """A fresh private key, with its thumbprint as `kid`. It belongs in the partner's hands alone."""
    key = ECKey.generate_key("P-256", private=True)
    return {**key.as_dict(private=True), "kid": key.thumbprint(), "alg": "ES256", "use": "sig"}


def public_part(private_jwk: dict[str, Any]) -> dict[str, Any]:
    """What the partner hands in to be registered."""
    return {name: value for name, value in private_jwk.items() if name != "d"}


def read_public_key(text: str) -> dict[str, Any]:
    """The canonical public JWK (kty, crv, x, y, kid) from a JWK or a PEM.

    A private key is refused rather than stripped: whoever hands it over has just disclosed it.

    Raises KeyNotAcceptable.
    """
    source: str | dict[str, Any] = text
    if text.lstrip().startswith("{"):
        try:
            source = json.loads(text)
        except ValueError:
            raise KeyNotAcceptable("不是完整的 JSON") from None
        if isinstance(source, dict) and source.get("kty") != "EC":
            raise KeyNotAcceptable("不是椭圆曲线密钥")
    try:
        key = ECKey.import_key(source)
    except (JoseError, ValueError, TypeError, KeyError):
        raise KeyNotAcceptable("无法识别") from None
    if key.is_private:
        raise KeyNotAcceptable("这是私钥，私钥不应交给任何人，请重新生成一对密钥")
    if key.curve_name != "P-256":
        raise KeyNotAcceptable(f"曲线是 {key.curve_name}")
    members = key.as_dict(private=False)
    return {name: members[name] for name in ("kty", "crv", "x", "y")} | {"kid": key.thumbprint()}


def check_rotation(
    proof: str, *, present: Sequence[Mapping[str, Any]], partner_code: str, new_kid: str, now: datetime
) -> None:
    """A new key is taken from whoever holds a present one: a token alone, which may be stolen, is not enough.

    `proof` is a JWT (ES256) by one of the `present` public keys over `sub`, `new_kid` and `exp` (within
    5 minutes).

    Raises KeyNotProven.
    """
    try:
        keys = KeySet.import_key_set({"keys": [dict(key) for key in present]})
        claims = jwt.decode(proof, keys, algorithms=["ES256"]).claims
        left = datetime.fromtimestamp(claims["exp"], UTC) - now
    except (JoseError, ValueError, KeyError, TypeError, OverflowError, OSError):
        raise KeyNotProven from None
    named = claims.get("sub") == partner_code and claims.get("new_kid") == new_kid
    if not named or not timedelta(0) < left <= LONGEST_PROOF:
        raise KeyNotProven


def write_private_key(path: Path, private_jwk: dict[str, Any]) -> None:
    """A new file that nobody else on the machine can read, not even for a moment. Raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(private_jwk, file, indent=2)


def read_private_key(path: Path) -> dict[str, Any]:
    """A private JWK from a partner's own file, for signing. Raises KeyNotAcceptable."""
    try:
        members = json.loads(path.read_text("utf-8"))
        key = ECKey.import_key(members)
    except (JoseError, ValueError, TypeError, KeyError):
        raise KeyNotAcceptable("无法识别") from None
    if not key.is_private or key.curve_name != "P-256":
        raise KeyNotAcceptable("这不是 P-256 私钥")
    return {**members}


def kept_private_key(path: Path) -> dict[str, Any]:
    """The key that is in the file; a fresh one is written when there is none. For demonstrations, where we play
    the partner too."""
    if not path.exists():
        write_private_key(path, generate_private_jwk())
    return read_private_key(path)
