"""Signatures by the Standard Webhooks scheme: `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,…`.

Signed is `id.timestamp.body` with HMAC-SHA-256, so neither body, id nor moment can be exchanged on the way.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

PREFIX = "whsec_"


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers_for(signing: Sequence[str], *, event_id: str, body: str, at: datetime) -> dict[str, str]:
    """One signature for each secret: while one is being rotated, the receiver may know either."""
    seconds = str(int(at.timestamp()))
    return {
        "content-type": "application/json",
        "user-agent": "osmanthus-webhooks/1",
        "webhook-id": event_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(_signature(secret, event_id, seconds, body) for secret in signing),
    }


def _signature(secret: str, event_id: str, seconds: str, body: str) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.digest(key, f"{event_id}.{seconds}.{body}".encode(), sha256)
    return "v1," + base64.b64encode(signed).decode()
