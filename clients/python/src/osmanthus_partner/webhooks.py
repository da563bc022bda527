"""Receiving webhooks: is this message really from the city, and is it fresh."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any


class SignatureInvalid(Exception):
    """Do not believe the message: answer 400 and do nothing."""


@dataclass(frozen=True)
class Event:
    """`id` is the same however often the event is sent: remember it, and act once."""

    id: str
    type: str
    timestamp: str
    data: Mapping[str, Any]


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float | None = None,
    tolerance_seconds: int = 300,
) -> Event:
    """The event, if the signature is right and the message is not older (or newer) than the tolerance.

    `body` are the bytes as they came, before any parsing. Raises SignatureInvalid.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        event_id, seconds = given["webhook-id"], given["webhook-timestamp"]
        signatures = given["webhook-signature"].split()
        sent_at = int(seconds)
    except (KeyError, ValueError):
        raise SignatureInvalid("webhook headers are missing or malformed") from None
    if abs((time.time() if now is None else now) - sent_at) > tolerance_seconds:
        raise SignatureInvalid("the message is too old or from the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.digest(key, f"{event_id}.{seconds}.".encode() + body, sha256)
    expected = "v1," + base64.b64encode(signed).decode()
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in signatures):
        raise SignatureInvalid("the signature is wrong")
    content = json.loads(body)
    return Event(id=event_id, type=content["type"], timestamp=content["timestamp"], data=content["data"])
