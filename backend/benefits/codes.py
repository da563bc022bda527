"""The one-time code (凭码) on the citizen's phone: opaque, short-lived, good for one check.

It says nothing about whom it belongs to, and the store knows it only by its hash.
"""

from __future__ import annotations

import base64
import io
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import orjson
import segno
from sqlalchemy.orm import Session

from backend.benefits.entitlement import entitlements_of
from backend.benefits.errors import (
    CodeNotValid,
    EnterpriseChoiceNeeded,
    EnterpriseNotRepresented,
    TooManyCodes,
)
from backend.benefits.schemes import SchemeInForce, scheme_in_force, schemes_in_force
from backend.city_calendar import city_date
from backend.ephemeral import EphemeralStore
from backend.subjects.models import Subject
from backend.subjects.service import enterprises_represented_by

LIFETIME = timedelta(seconds=60)
KEPT_FOR_QUEUED_CHECKS = timedelta(minutes=10)
"""How much longer the store keeps a code, for a counter that scanned it in time but had no network just then."""
RENEWED_AFTER = timedelta(seconds=45)
MOST_CODES_PER_MINUTE = 12


@dataclass(frozen=True)
class PresentedCode:
    """`qr_svg` is a data URI; the phone fetches the next code at `renew_at`, before this one ends."""

    code: str
    expires_at: datetime
    renew_at: datetime
    qr_svg: str


@dataclass(frozen=True)
class CodeClaim:
    """Who showed a code: the citizen, the enterprise they act for, and the scheme they chose, if any."""

    holder_id: int
    enterprise_id: int | None
    scheme_code: str | None
    made_at: datetime


def issue_code(
    session: Session,
    store: EphemeralStore,
    *,
    holder: Subject,
    scheme_code: str | None,
    enterprise_code: str | None = None,
    store_life: str | None = None,
    now: datetime,
) -> PresentedCode:
    """A fresh code for the citizen, usable for one scheme or, without one, for any.

    For a scheme for enterprises the only enterprise the citizen represents is taken, or the named one. With
    `store_life` (the run id of a durable Redis) the code also carries what is decided now, for the swift desk.

    Raises SchemeNotFound, EnterpriseNotRepresented, EnterpriseChoiceNeeded, TooManyCodes or StoreUnavailable.
    """
    on = city_date(now)
    enterprise: Subject | None = None
    chosen = scheme_in_force(session, scheme_code, on) if scheme_code else None
    if enterprise_code is not None or (chosen and chosen.rules.audience == "enterprise"):
        enterprise = _chosen(enterprises_represented_by(session, holder.id, on), enterprise_code)
    if store.count(f"codes:{holder.id}", window_seconds=60) > MOST_CODES_PER_MINUTE:
        raise TooManyCodes(retry_after_seconds=60)
    code = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")
    content: dict[str, object] = {
        "holder": holder.id,
        "enterprise": enterprise.id if enterprise else None,
        "scheme": scheme_code,
        "made_at": now,
    }
    if store_life is not None:
        schemes = [chosen] if chosen else schemes_in_force(session, on)
        content |= _carried(session, schemes, holder=holder, enterprise=enterprise, life=store_life, now=now)
    store.put(
        key_of_code(code),
        orjson.dumps(content),
        ttl_seconds=int((LIFETIME + KEPT_FOR_QUEUED_CHECKS).total_seconds()),
    )
    return PresentedCode(code=code, expires_at=now + LIFETIME, renew_at=now + RENEWED_AFTER, qr_svg=_qr_svg(code))


def take_code(
    store: EphemeralStore, code: str, *, scheme_code: str, now: datetime, scanned_at: datetime | None = None
) -> CodeClaim:
    """Use the code up. Of many callers at once exactly one gets the claim; the others see an invalid code.

    It must have been scanned within its lifetime: now, or at `scanned_at`, which the partner has signed.

    A code made for another scheme is used up as well: a merchant cannot try several schemes on it.

    Raises CodeNotValid or StoreUnavailable.
    """
    taken = store.take(key_of_code(code))
    if taken is None:
        raise CodeNotValid
    content = orjson.loads(taken)
    claim = CodeClaim(
        holder_id=content["holder"],
        enterprise_id=content["enterprise"],
        scheme_code=content["scheme"],
        made_at=datetime.fromisoformat(content["made_at"]),
    )
    # A signed moment is in whole seconds.
    too_early = scanned_at is not None and scanned_at <= claim.made_at - timedelta(seconds=1)
    too_late = (scanned_at or now) >= claim.made_at + LIFETIME
    if too_early or too_late or claim.scheme_code not in (None, scheme_code):
        raise CodeNotValid
    return claim


def _chosen(represented: Sequence[Subject], enterprise_code: str | None) -> Subject:
    if enterprise_code is not None:
        represented = [enterprise for enterprise in represented if enterprise.public_code == enterprise_code]
    if not represented:
        raise EnterpriseNotRepresented
    if len(represented) > 1:
        raise EnterpriseChoiceNeeded
    return represented[0]


def key_of_code(code: str) -> str:
    """Where the store keeps it: by its hash alone, in whatever case it was typed."""
    return f"benefit-code:{sha256(code.strip().upper().encode()).hexdigest()}"


def _carried(
    session: Session,
    schemes: Sequence[SchemeInForce],
    *,
    holder: Subject,
    enterprise: Subject | None,
    life: str,
    now: datetime,
) -> dict[str, object]:
    """The decisions as `swift_desk.lua` reads them: scheme code → version, beneficiary, tier ("" for no)."""
    if enterprise is None and any(scheme.rules.audience == "enterprise" for scheme in schemes):
        represented = enterprises_represented_by(session, holder.id, city_date(now))
        enterprise = represented[0] if len(represented) == 1 else None
    rules = [scheme.rules for scheme in schemes]
    found = entitlements_of(session, rules, holder=holder, enterprise=enterprise, now=now)
    decided = {
        scheme.rules.code: [
            scheme.id.hex,
            str(entitlement.beneficiary.id),
            entitlement.decision.tier.code if entitlement.eligible and entitlement.decision.tier else "",
        ]
        for scheme, entitlement in zip(schemes, found, strict=True)
    }
    made_ms = int(now.timestamp() * 1000)
    return {
        "run": life,
        "day": city_date(now).isoformat(),
        "holder_id": str(holder.id),
        "made_ms": str(made_ms),
        "ends_ms": made_ms + int(LIFETIME.total_seconds() * 1000),
        "decided": decided,
    }


def _qr_svg(code: str) -> str:
    svg = io.BytesIO()
    # Letters and digits only, so the QR code is small and reads fast at a counter.
    segno.make(code, error="m", mode="alphanumeric", micro=False).save(
        svg, kind="svg", border=2, xmldecl=False, svgns=True, nl=False, scale=8
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.getvalue()).decode()
