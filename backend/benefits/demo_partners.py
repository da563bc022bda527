"""Made-up partners for a demo city, with keys of their own, so that a newcomer can play a merchant."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from backend.authorizations.clients import add_redirect_uri, approve_scope, approved_scopes_of
from backend.benefits.schemes import enrol_provider
from backend.identifiers import complete_organisation_code, complete_social_credit_code
from backend.partners.errors import PartnerNotFound
from backend.partners.keys import kept_private_key, public_part, read_public_key
from backend.partners.models import Partner, PartnerKind
from backend.partners.service import find_partner, register_partner
from backend.partners.staff import add_staff, open_store, stores_of

DEMO_REDIRECT_URI = "http://127.0.0.1:9000/callback"
_DEMO_SCOPES = ("grade:read", "report:read")

# code, name, kind, first seven places of its organisation code, schemes it offers
_PARTNERS: tuple[tuple[str, str, PartnerKind, str, tuple[str, ...]], ...] = (
    ("guicheng-library", "桂城图书馆", "merchant", "MB91001", ("reading_deposit_free",)),
    ("guihu-park", "桂湖风景区", "merchant", "MB91002", ("scenic_spots",)),
    ("guicheng-hospital", "桂城市第一医院", "merchant", "MB91003", ("treat_first_pay_later",)),
    ("guicheng-transit", "桂城公交", "merchant", "MB91004", ("transit_fare",)),
    ("guicheng-parking", "桂城停车", "merchant", "MB91005", ("parking_pay_later",)),
    ("guicheng-rental", "桂城共享租借", "merchant", "MB91006", ("rental_free_hours",)),
    ("guicheng-sports", "桂城体育中心", "merchant", "MB91007", ("fitness_coupon",)),
    ("guicheng-startup-park", "桂城创业园", "merchant", "MB91008", ("office_rent",)),
    ("guicheng-bank", "桂城银行", "institution", "MB91009", ("personal_credit_loan", "enterprise_credit_loan")),
    ("guicheng-service-hall", "桂城市政务服务中心", "department", "MB91010", ("approval_green_channel",)),
)


def provision_demo_partners(session: Session, keys_dir: Path, *, now: datetime) -> list[Partner]:
    """Register and enrol them all; again changes nothing.

    Each private key is written to `keys_dir/<code>.private.json`, readable by its owner only, and used again
    when it is already there. The schemes must have been installed before.
    """
    keys_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    partners = []
    for code, name, kind, organisation, schemes in _PARTNERS:
        try:
            partner = find_partner(session, code)
        except PartnerNotFound:
            public = public_part(kept_private_key(keys_dir / f"{code}.private.json"))
            partner = register_partner(
                session,
                code=code,
                name=name,
                kind=kind,
                public_code=_credit_code(organisation),
                public_jwk=read_public_key(json.dumps(public)),
                now=now,
            )
        for scheme_code in schemes:
            enrol_provider(session, scheme_code=scheme_code, partner=partner, now=now)
        if not stores_of(session, partner.id):
            store = open_store(session, partner, name="总店", now=now)
            add_staff(session, store, nickname="店长", role="manager", now=now)
        if partner.kind == "institution":
            _let_ask(session, partner, now)
        partners.append(partner)
    return partners


def _let_ask(session: Session, partner: Partner, now: datetime) -> None:
    """It may ask citizens for grade and report, and is answered at an address of the newcomer's own machine."""
    add_redirect_uri(session, partner, DEMO_REDIRECT_URI, now=now)
    approved = approved_scopes_of(session, partner)
    for scope in _DEMO_SCOPES:
        if scope not in approved:
            approve_scope(
                session,
                partner,
                scope=scope,
                purpose="审批您申请的信易贷",
                longest_days=180,
                approved_by="演示城市：信用办",
                frequency=(10, 30),
                now=now,
            )


def _credit_code(organisation: str) -> str:
    """A well-formed code in a region that was never assigned (990001)."""
    return complete_social_credit_code("91990001" + complete_organisation_code(organisation + "0"))
