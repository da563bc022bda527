"""Client assertions (RFC 7523): how a partner proves who it is, by a JWT signed with its own key (ES256)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHM = "ES256"
LONGEST_LIFETIME = timedelta(minutes=5)
CLOCK_SKEW = timedelta(seconds=30)


def sign_assertion(
    private_jwk: Mapping[str, Any],
    *,
    client_id: str,
    audience: str,
    now: datetime,
    lifetime: timedelta = timedelta(minutes=1),
) -> str:
    """The partner's side: a `client_assertion` for the token endpoint named by `audience`, usable once."""
    key = ECKey.import_key(dict(private_jwk))
    issued = int(now.timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": issued,
        "exp": issued + int(lifetime.total_seconds()),
        "jti": secrets.token_urlsafe(16),
    }
    return jwt.encode({"alg": ALGORITHM, "typ": "JWT", "kid": key.thumbprint()}, claims, key)
