"""A check that a counter without a network had to keep for a while: when the code was scanned, signed.

The proof is a JWT (ES256) by a registered key of the partner over `scanned_at` (seconds since 1970), the scheme
and the SHA-256 of the code, so that neither the moment nor the code can be exchanged on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from sqlalchemy.orm import Session

from backend.authorizations.assertions import ALGORITHM, CLOCK_SKEW
from backend.authorizations.tokens import PartnerIdentity
from backend.benefits.codes import KEPT_FOR_QUEUED_CHECKS
from backend.benefits.errors import QueuedCheckNotSigned, QueuedCheckStale
from backend.partners.service import keys_of

LONGEST_WAIT = KEPT_FOR_QUEUED_CHECKS


def sign_scan(private_jwk: Mapping[str, Any], *, code: str, scheme_code: str, scanned_at: datetime) -> str:
    """What a partner's own software does at the counter."""
    key = ECKey.import_key(dict(private_jwk))
    claims = {
        "scanned_at": int(scanned_at.timestamp()),
        "scheme": scheme_code,
        "code_sha256": _hash_of(code),
    }
    return jwt.encode({"alg": ALGORITHM, "kid": private_jwk["kid"]}, claims, key)


def moment_of_scan(
    session: Session, proof: str, *, partner: PartnerIdentity, code: str, scheme_code: str, now: datetime
) -> datetime:
    """Raises QueuedCheckNotSigned or QueuedCheckStale."""
    keys = keys_of(session, partner.partner_id)
    if not keys:
        raise QueuedCheckNotSigned
    try:
        key_set = KeySet.import_key_set({"keys": [key.public_jwk for key in keys]})
        claims = jwt.decode(proof, key_set, algorithms=[ALGORITHM]).claims
        at = datetime.fromtimestamp(claims["scanned_at"], UTC)
    except (JoseError, ValueError, KeyError, TypeError, OverflowError, OSError):
        raise QueuedCheckNotSigned from None
    same = claims.get("scheme") == scheme_code and claims.get("code_sha256") == _hash_of(code)
    if not same or at > now + CLOCK_SKEW:
        raise QueuedCheckNotSigned
    if now - at > LONGEST_WAIT:
        raise QueuedCheckStale(int(LONGEST_WAIT / timedelta(minutes=1)))
    return min(at, now)


def _hash_of(code: str) -> str:
    return sha256(code.strip().upper().encode()).hexdigest()
