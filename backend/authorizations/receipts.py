"""Receipts (凭证): what a citizen agreed to, as a document they can keep and hold against us.

The receipt carries a digest of its content and our signature over it. Whoever keeps one can show later that what
we say was agreed is not what was agreed: the copy in their hands is beyond our reach.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from backend.authorizations.end_reasons import end_reason_in_words
from backend.authorizations.models import Consent, ConsentEvent
from backend.authorizations.notices import DATA_NAMES
from backend.authorizations.service import events_of, get_own_consent

FORMAT = "osmanthus-consent-receipt-1"
Verdict = Literal["current", "superseded", "differs", "forged"]


def receipt_of(
    session: Session, *, subject_id: int, consent_id: UUID, issuer: str, signing_key: bytes, now: datetime
) -> dict[str, Any]:
    """The receipt as of now. Raises ConsentNotFound, also for another citizen's."""
    consent = get_own_consent(session, subject_id=subject_id, consent_id=consent_id)
    content: dict[str, Any] = {
        "format": FORMAT,
        "issuer": issuer,
        "issued_at": _moment(now),
        "consent": _artefact(consent),
        "state": consent.state,
        "events": _events(session, consent),
    }
    digest = digest_of_receipt(content)
    key = Ed25519PrivateKey.from_private_bytes(signing_key)
    return {
        **content,
        "digest": digest.hex(),
        "signature": key.sign(_signed(digest)).hex(),
        "public_key": key.public_key().public_bytes_raw().hex(),
    }


def check_receipt(session: Session, receipt: Mapping[str, Any], *, signing_key: bytes) -> Verdict:
    """Hold a receipt against what the city has today.

    forged      not as we signed it
    differs     we signed it, and what we have now says something else was agreed or happened: we are at fault
    superseded  genuine; more has happened since
    current     genuine, and nothing has happened since
    """
    content = {name: value for name, value in receipt.items() if name not in ("digest", "signature", "public_key")}
    public_key = Ed25519PrivateKey.from_private_bytes(signing_key).public_key()
    try:
        digest = digest_of_receipt(content)
        public_key.verify(bytes.fromhex(str(receipt.get("signature"))), _signed(digest))
        consent_id = UUID(content["consent"]["id"])
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return "forged"
    if digest.hex() != receipt.get("digest"):
        return "forged"
    consent = session.get(Consent, consent_id)
    if consent is None:
        return "differs"
    events = _events(session, consent)
    seen = content["events"]
    # The end of the term is part of the artefact from the moment the consent was given.
    artefact = _artefact(consent)
    if not any(event["event"] == "give" for event in seen):
        artefact["expires_at"] = content["consent"]["expires_at"]
    # Receipts of earlier versions say of an end when it came, but not why.
    told = [
        {name: event[name] for name in event.keys() & then.keys()}
        for event, then in zip(events, seen, strict=False)
    ]
    if artefact != content["consent"] or told != seen:
        return "differs"
    return "current" if len(events) == len(seen) else "superseded"


def digest_of_receipt(content: Mapping[str, Any]) -> bytes:
    """SHA-256 over the canonical JSON (RFC 8785 for the values that occur here)."""
    return sha256(json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()).digest()


def _artefact(consent: Consent) -> dict[str, Any]:
    return {
        "id": str(consent.id),
        "kind": consent.kind,
        "recipient": consent.recipient_name,
        "purpose": consent.purpose,
        "data": [DATA_NAMES.get(category, category) for category in consent.data_categories],
        "output": consent.output,
        "mode": consent.mode,
        "frequency_most": consent.frequency_most,
        "frequency_days": consent.frequency_days,
        "notice_version": consent.notice_version,
        "requested_at": _moment(consent.requested_at),
        "expires_at": _moment(consent.expires_at) if consent.expires_at else None,
        # Named only where it says something: receipts of persons stay as they were signed.
        **({"on_behalf_of": consent.on_behalf_of} if consent.on_behalf_of else {}),
    }


def _events(session: Session, consent: Consent) -> list[dict[str, str]]:
    return [_event(event) for event in events_of(session, consent.id)]


def _event(event: ConsentEvent) -> dict[str, str]:
    told = {"event": event.event, "at": _moment(event.at), "actor": event.actor}
    reason = end_reason_in_words(event)
    return told if reason is None else {**told, "reason": reason}


def _moment(at: datetime) -> str:
    return at.isoformat()


def _signed(digest: bytes) -> bytes:
    return FORMAT.encode() + digest
